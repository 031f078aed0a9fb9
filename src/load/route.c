/* SPDX-License-Identifier: Apache-2.0 */
#include "load/route.h"

#include <stdio.h>
#include <string.h>

#include "auth/resolve.h"
#include "catalog/directory.h"
#include "sql.h"

/* A tenant as the catalog has it. */
struct entry {
    const char *slug, *state;
    rh_load_place *place; /* NULL: it has no home to load into now */
};

enum { ROW_ID, ROW_SLUG, ROW_STATE, ROW_HOME, ROW_MODEL, ROW_DATABASE, ROW_SCHEMA, ROW_NODE };

static bool takes_rows(const char *state)
{
    return strcmp(state, rh_tenant_state_name(RH_TENANT_ACTIVE)) == 0 ||
           strcmp(state, rh_tenant_state_name(RH_TENANT_SUSPENDED)) == 0;
}

static rh_load_place *place_of(rh_route *r, const rh_app *app, rh_arena *a, PGresult *res, int i)
{
    rh_home home = {.database = PQgetvalue(res, i, ROW_DATABASE), .schema = PQgetvalue(res, i, ROW_SCHEMA)};
    if (PQgetisnull(res, i, ROW_HOME) || !takes_rows(PQgetvalue(res, i, ROW_STATE)) ||
        !rh_parse_int(PQgetvalue(res, i, ROW_HOME), &home.id) ||
        !rh_model_parse(PQgetvalue(res, i, ROW_MODEL), &home.model))
        return NULL;
    if (home.id == r->main->home.id)
        return r->main;
    home.node = rh_node_of_row(app, a, res, i, ROW_NODE);
    home.tenant = home.model == RH_MODEL_SHARED ? NULL : PQgetvalue(res, i, ROW_ID);
    rh_load_place *place = r->only ? r->main : RH_NEW(a, rh_load_place);
    place->home = home;
    place->slug = PQgetvalue(res, i, ROW_SLUG);
    return place;
}

bool rh_route_open(rh_route *r, rh_operator *o, rh_arena *a, const char *only, rh_err *err)
{
    const char *param = only ? only : "";
    *r = (rh_route){.main = RH_NEW(a, rh_load_place)};
    rh_map_init(&r->tenants);
    r->end = &r->first;
    r->main->home = o->home;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_load_tenants, 1, &param, err);
    if (!res)
        return false;
    if (only && PQntuples(res) > 0)
        r->only = PQgetvalue(res, 0, ROW_SLUG);
    struct entry *entries = RH_NEW_ARRAY(a, struct entry, (size_t)PQntuples(res) + 1);
    for (int i = 0; i < PQntuples(res); i++) {
        entries[i] = (struct entry){PQgetvalue(res, i, ROW_SLUG), PQgetvalue(res, i, ROW_STATE),
                                    place_of(r, o->app, a, res, i)};
        rh_map_put(&r->tenants, PQgetvalue(res, i, ROW_ID), (size_t)PQgetlength(res, i, ROW_ID), &entries[i]);
    }
    if (!only || (r->only && entries[0].place))
        return true;
    rh_err_set(err, RH_E_STATE, "tenant %s is %s and takes no rows now", r->only ? r->only : only,
               r->only ? entries[0].state : "dropping");
    return rh_err_hint(err,
                       "`rowhouse tenant show` says what it waits for; `rowhouse migrate` goes on with it.");
}

void rh_route_close(rh_route *r)
{
    rh_map_release(&r->tenants);
}

static bool unknown(const rh_route *r, const rh_operator *o, const char *text, rh_err *err)
{
    const char *root = o->app->conf->app_root;
    if (r->only) {
        rh_err_set(err, RH_E_INVALID, "\"%s\" is not the id of %s", text, r->only);
        return rh_err_hint(err, "Nothing was loaded. Without --tenant the rows of all tenants are taken.");
    }
    rh_err_set(err, RH_E_INVALID, "there is no tenant \"%s\"", text);
    return rh_err_hint(err,
                       "Make it first with `rowhouse tenant create`, or take over rows of %s with "
                       "`rowhouse tenant adopt --from %s`.",
                       root, root);
}

rh_load_place *rh_route_find(rh_route *r, const rh_operator *o, rh_arena *a, const rh_csv_field *key,
                             rh_err *err)
{
    char text[64], canonical[64];
    size_t last = strlen(r->last);
    if (last && key->len == last && memcmp(key->text, r->last, last) == 0)
        return r->last_place; /* files are mostly sorted by tenant */
    snprintf(text, sizeof text, "%.*s", (int)(key->len < sizeof text ? key->len : sizeof text - 1),
             key->text);
    struct entry *e = key->len < sizeof text ? rh_map_get(&r->tenants, text, key->len) : NULL;
    if (!e && key->len < sizeof text &&
        rh_tenant_id_canonical(text, o->app->conf->id_type == RH_ID_UUID, canonical))
        e = rh_map_get(&r->tenants, canonical, strlen(canonical));
    if (!e) {
        unknown(r, o, text, err);
        return NULL;
    }
    if (!e->place) {
        rh_err_set(err, RH_E_INVALID, "tenant %s is %s and takes no rows now", e->slug, e->state);
        rh_err_hint(err, "Nothing was loaded. `rowhouse migrate` gives waiting tenants their place.");
        return NULL;
    }
    memcpy(r->last, text, key->len + 1);
    return r->last_place = e->place;
}

bool rh_route_spool(rh_route *r, rh_arena *a, rh_spool *spool, rh_load_place *place, int n_columns,
                    const rh_csv_record *record, rh_err *err)
{
    if (!place->part) {
        place->part = rh_spool_part_new(spool);
        place->max = RH_NEW_ARRAY(a, uint64_t, (size_t)n_columns);
        *r->end = place;
        r->end = &place->next;
    }
    return rh_spool_add(place->part, record, err);
}
