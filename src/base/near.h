/* SPDX-License-Identifier: Apache-2.0
 *
 * Near misses: which known name did a client mean? For hints of errors, never on the hot path.
 */
#ifndef RH_NEAR_H
#define RH_NEAR_H

#include <stdbool.h>

typedef struct rh_near {
    const char *wanted, *best; /* best: NULL when no candidate is near enough */
    int distance;
} rh_near;

#define RH_NEAR(name) ((rh_near){.wanted = (name)})
/* Considers one candidate. Near enough: at most a quarter of the letters differ (at least one may). */
void rh_near_try(rh_near *n, const char *candidate);

#endif
