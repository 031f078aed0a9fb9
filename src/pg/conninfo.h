/* SPDX-License-Identifier: Apache-2.0
 *
 * Connection strings taken apart and put together again.
 */
#ifndef RH_CONNINFO_H
#define RH_CONNINFO_H

#include "base/arena.h"

/* As conninfo says, at another host and port: how a worker of a Citus cluster is reached. Holds the password
 * that conninfo has. The arena's; NULL when conninfo is not understood. */
const char *rh_conninfo_at(rh_arena *a, const char *conninfo, const char *host, const char *port);

#endif
