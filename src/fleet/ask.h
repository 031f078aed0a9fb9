/* SPDX-License-Identifier: Apache-2.0
 *
 * One statement asked of several homes of one database, on one connection in pipeline mode: each home in an
 * implicit transaction of its own, with its search_path and its tenant bound, so that a failure stays its
 * own.
 */
#ifndef RH_ASK_H
#define RH_ASK_H

#include "fleet/gather.h"
#include "home/home.h"

typedef struct rh_fleet_home {
    rh_home home;
    const char *label;  /* the tenant's slug, or what a shared home is called */
    const char *tenant; /* bound; NULL: a shared home as a whole */
    int64_t tenants;    /* how many live in it */
    bool apart;         /* one tenant of a shared home: asked under row security */
} rh_fleet_home;

typedef struct rh_ask {
    const char *sql;
    bool write;
    const char *owner; /* the role that row security binds */
} rh_ask;

/* Rows and failures go to the task. False: nobody takes rows any more. */
bool rh_ask_homes(PGconn *conn, const rh_ask *ask, const rh_fleet_home *homes, size_t n, rh_gather *to,
                  size_t task);

#endif
