/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose row it is, and where it goes: tenant ids as they stand in a file, to homes. Rows of the main place
 * (the shared homes, or the home of the only tenant asked for) are sent as they come; those of any other home
 * are spooled.
 *
 * Ownership: all of it is the arena's, the spool's parts the spool's.
 */
#ifndef RH_ROUTE_H
#define RH_ROUTE_H

#include "base/map.h"
#include "catalog/tenant.h"
#include "load/spool.h"
#include "load/table.h"

typedef struct rh_load_place {
    rh_home home;
    const char *slug;    /* of its tenant; NULL for the shared home */
    rh_spool_part *part; /* NULL: the main place */
    uint64_t *max;       /* of each column of the table, as rh_load_column.max */
    int64_t rows;
    struct rh_load_place *next; /* of those with rows, in the order of their first ones */
} rh_load_place;

typedef struct rh_route {
    rh_map tenants; /* id to struct of its own */
    rh_load_place *main;
    rh_load_place *first, **end; /* other places with rows */
    const char *only;            /* slug of the only tenant; NULL: all */
    char last[64];               /* the id looked up last, and where it led */
    rh_load_place *last_place;
} rh_route;

/* Reads the tenants: all, or the one with the id `only`. `main` is where shared rows go, and everything when
 * there is only one tenant. */
bool rh_route_open(rh_route *r, rh_operator *o, rh_arena *a, const char *only, rh_err *err);
void rh_route_close(rh_route *r);

/* Where the row with this text in its key goes; NULL with err (no place in the file in it). */
rh_load_place *rh_route_find(rh_route *r, const rh_operator *o, rh_arena *a, const rh_csv_field *key,
                             rh_err *err);
/* A row goes to another place than the main one. */
bool rh_route_spool(rh_route *r, rh_arena *a, rh_spool *spool, rh_load_place *place, int n_columns,
                    const rh_csv_record *record, rh_err *err);

#endif
