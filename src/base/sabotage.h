/* SPDX-License-Identifier: Apache-2.0
 *
 * Walls that a test takes down, to see that `rowhouse verify` finds what comes through. Only
 * build/tests/rowhouse-sabotaged is compiled with RH_SABOTAGE; everywhere else a wall that could be
 * taken down is no more than the constant false. To add one: rh_sabotaged("<wall>") where it stands, the
 * file in tests/meson.build, a case in tests/e2e/verify.test.js.
 */
#ifndef RH_SABOTAGE_H
#define RH_SABOTAGE_H

#include <stdbool.h>

#ifdef RH_SABOTAGE
#include <stdlib.h>
#include <string.h>

static inline bool rh_sabotaged(const char *wall)
{
    const char *down = getenv("RH_SABOTAGE");
    return down && strcmp(down, wall) == 0;
}
#else
#define rh_sabotaged(wall) false
#endif

#endif
