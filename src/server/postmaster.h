/* SPDX-License-Identifier: Apache-2.0
 *
 * The postmaster: PostgreSQL's first process. Finding the one of a data directory, starting, stopping.
 * Called under the start lock (server/server.h).
 */
#ifndef RH_POSTMASTER_H
#define RH_POSTMASTER_H

#include "server/place.h"

#define RH_PG_SOCKET_PORT 5432 /* in the socket's name when there is no TCP port */

/* What postmaster.pid says. */
typedef struct rh_postmaster {
    pid_t pid;
    int port;
    bool tcp;
    char socket_dir[128]; /* "" until the server has made its socket */
} rh_postmaster;

/* True when a live postmaster runs on the data directory. A pid that now is another process' does not count.
 */
bool rh_postmaster_find(const char *data, rh_postmaster *out);

/* Starts one and waits until it accepts connections. */
bool rh_postmaster_start(const rh_place *place, const rh_pg_programs *programs, int port,
                         const rh_pg_settings *settings, rh_postmaster *out, rh_err *err);

typedef enum rh_wait { RH_WAIT_READY, RH_WAIT_GONE, RH_WAIT_TIMEOUT } rh_wait;
/* Waits until the one found accepts connections, or ends; longer while it says that it is recovering. */
rh_wait rh_postmaster_wait(const char *data, const rh_pg_settings *settings, rh_postmaster *pm);

/* Fast shutdown, and an immediate one when that takes longer than a minute. False when it runs on. */
bool rh_postmaster_stop(const char *data, const rh_postmaster *pm);

/* conninfo of the superuser, in the arena. */
const char *rh_postmaster_conninfo(rh_arena *a, const rh_postmaster *pm);

/* The last lines of a program's output as err's detail, and a hint where they tell a cause we know. */
void rh_postmaster_explain(const char *output, rh_err *err);

#endif
