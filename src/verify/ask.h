/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests by chance for the data door, made of what the relation cache says and the tenants' rows hold:
 * reads, embeds, writes, calls, reaching for rows of others, malformed ones; and requests of those who may
 * not come in at all. Also what is tried at the control door.
 */
#ifndef RH_VERIFY_ASK_H
#define RH_VERIFY_ASK_H

#include "verify/world.h"

typedef struct rh_ask {
    const char *door, *kind;
    int own; /* index of the tenant; RH_NOBODY: nothing may be shown */
    const char *method, *path;
    const char *headers; /* whole lines, without Host */
    const char *host;    /* NULL: the door's */
    const char *body;    /* NULL: none */
    const char *text;    /* the request in plain, for the report and for what may come back */
    bool writes;
    bool abort; /* the client goes away in the middle */
} rh_ask;

typedef struct rh_asker rh_asker;

rh_asker *rh_asker_new(rh_world *w, rh_err *err);
void rh_asker_free(rh_asker *k);
/* The next request, in the arena. */
void rh_asker_next(rh_asker *k, rh_arena *a, rh_ask *out);
/* The i-th request at the control door without the operator's token; false when there are no more. */
bool rh_asker_control(rh_asker *k, rh_arena *a, int i, rh_ask *out);

#endif
