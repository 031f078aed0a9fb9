/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/reference.h"

#include <string.h>

#include "sql.h"

/* Of sql/reference/behind.sql. */
enum {
    BEHIND_ID,
    BEHIND_MODEL,
    BEHIND_DATABASE,
    BEHIND_SCHEMA,
    BEHIND_TENANT,
    BEHIND_NODE,
    BEHIND_SAME_VERSION = BEHIND_NODE + 3
};

static PGresult *find_behind(rh_db *catalog, const rh_reference_state *origin, rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%d", origin->version), origin->word};
    return rh_db_query(catalog, a, rh_sql_reference_behind, 2, params, err);
}

bool rh_reference_behind(rh_db *catalog, rh_db *origin, int *n, rh_err *err)
{
    rh_reference_state state;
    rh_arena *a = rh_arena_new();
    PGresult *res = rh_reference_read(origin, a, &state, err) ? find_behind(catalog, &state, a, err) : NULL;
    *n = res ? PQntuples(res) : 0;
    rh_arena_free(a);
    return res != NULL;
}

bool rh_reference_bring_home(rh_operator *o, const rh_home *home, rh_db *db, rh_reference_report *report,
                             rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = rh_reference_bring(o->app, o->shared, db, report, err);
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), report->word};
    if (ok && home->id && db != o->shared)
        ok = rh_db_query(o->catalog, a, rh_sql_reference_note_home, 2, params, err) != NULL;
    rh_arena_free(a);
    return ok;
}

/* A line about what was done; nothing where nothing was. */
static void tell_of(rh_arena *a, const char *what, const rh_reference_report *r, const rh_err *failure,
                    void (*tell)(void *, const char *), void *arg)
{
    if (!tell || (!failure && !r->tables))
        return;
    if (!failure)
        tell(arg,
             rh_arena_printf(a, "%s: %d reference table%s brought, %lld rows came, %lld went", what,
                             r->tables, r->tables == 1 ? "" : "s", (long long)r->came, (long long)r->went));
    else
        tell(arg,
             rh_arena_printf(a, "%s: reference rows not brought: %s%s%s%s", what, failure->message,
                             *failure->detail ? " (" : "", failure->detail, *failure->detail ? ")" : ""));
}

/* One node's, where it has one. */
static bool bring_template(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err)
{
    rh_reference_report report;
    rh_home home = {.model = RH_MODEL_DATABASE,
                    .node = node,
                    .database = o->app->template_db,
                    .schema = RH_SHARED_SCHEMA};
    rh_db *shared = rh_operator_shared(o, &home, err);
    PGresult *res =
        shared ? rh_db_query(shared, a, rh_sql_install_database_state, 1, &home.database, err) : NULL;
    if (!res || PQntuples(res) == 0 || strcmp(PQgetvalue(res, 0, 0), o->app->owner) != 0)
        return res != NULL;
    rh_db *db = rh_home_enter(o->app, &home, shared, err);
    bool ok = db && rh_reference_bring(o->app, o->shared, db, &report, err);
    rh_home_leave(db, shared);
    return ok;
}

static bool bring_templates(rh_operator *o, rh_arena *a, rh_reference_fleet *out,
                            void (*tell)(void *, const char *), void *arg, rh_err *err)
{
    PGresult *nodes = rh_db_query(o->catalog, a, rh_sql_reference_nodes, 0, NULL, err);
    for (int i = 0; nodes && i < PQntuples(nodes); i++) {
        rh_err failure;
        const rh_node *node = rh_node_of_row(o->app, a, nodes, i, 0);
        if (bring_template(o, a, node, &failure))
            continue;
        out->failed++;
        tell_of(a, rh_arena_printf(a, "template %s of node %s", o->app->template_db, node->name), NULL,
                &failure, tell, arg);
    }
    return nodes != NULL;
}

static bool bring_one(rh_operator *o, const rh_home *home, rh_reference_report *report, rh_err *err)
{
    rh_db *shared = rh_operator_shared(o, home, err),
          *db = shared ? rh_home_enter(o->app, home, shared, err) : NULL;
    bool ok = db && rh_reference_bring_home(o, home, db, report, err);
    rh_home_leave(db, shared);
    return ok;
}

bool rh_reference_bring_homes(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg,
                              rh_reference_fleet *out, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    *out = (rh_reference_fleet){0};
    rh_reference_state origin;
    bool ok = rh_reference_read(o->shared, a, &origin, err);
    if (!ok || !*origin.word) { /* no reference tables: nobody is asked */
        rh_arena_free(a);
        return ok;
    }
    ok = bring_templates(o, a, out, tell, arg, err);
    PGresult *homes = ok ? find_behind(o->catalog, &origin, a, err) : NULL;
    ok = homes != NULL;
    for (int i = 0; ok && i < PQntuples(homes); i++) {
        rh_err failure;
        rh_reference_report report;
        rh_home home = {.node = rh_node_of_row(o->app, a, homes, i, BEHIND_NODE),
                        .database = PQgetvalue(homes, i, BEHIND_DATABASE),
                        .schema = PQgetvalue(homes, i, BEHIND_SCHEMA),
                        .tenant = PQgetvalue(homes, i, BEHIND_TENANT)};
        rh_parse_int(PQgetvalue(homes, i, BEHIND_ID), &home.id);
        rh_model_parse(PQgetvalue(homes, i, BEHIND_MODEL), &home.model);
        if (*PQgetvalue(homes, i, BEHIND_SAME_VERSION) != 't') {
            out->later++;
            continue;
        }
        bool brought = bring_one(o, &home, &report, &failure);
        ++*(brought ? &out->brought : &out->failed);
        tell_of(a, rh_arena_printf(a, "home %lld (%s)", (long long)home.id, home.database), &report,
                brought ? NULL : &failure, tell, arg);
        if (!brought && (PQstatus(rh_db_conn(o->shared)) != CONNECTION_OK ||
                         PQstatus(rh_db_conn(o->catalog)) != CONNECTION_OK)) {
            *err = failure;
            ok = false;
        }
    }
    rh_arena_free(a);
    return ok;
}
