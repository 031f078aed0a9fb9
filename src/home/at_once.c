/* SPDX-License-Identifier: Apache-2.0 */
#include "home/at_once.h"

#include <string.h>

#include "app/install.h"
#include "home/model.h"
#include "migrate/script.h"
#include "sql.h"

/* ---- a schema ---- */

static bool bring_rows(const rh_app *app, rh_db *db, rh_home_at_once *w, rh_err *err)
{
    rh_reference_report report;
    if (!rh_reference_bring(app, w->origin, db, &report, err))
        return false;
    memcpy(w->reference_word, report.word, sizeof w->reference_word);
    return true;
}

static bool make_schema(const rh_app *app, const rh_home *home, rh_db *shared, rh_home_at_once *w,
                        rh_arena *a, rh_err *err)
{
    rh_str all;
    if (!rh_home_script_read(app, shared, w->sets, w->script) || !bring_rows(app, shared, w, err))
        return false;
    rh_str_init_in(&all, a, 2 * RH_STR_TEXT_MAX);
    rh_str_add(&all, "BEGIN; SELECT pg_advisory_xact_lock(hashtext('rowhouse tenant'), hashtext(");
    rh_str_add_literal(&all, w->tenant_id);
    rh_str_add(&all, "));\n");
    rh_str_add(&all, rh_home_script_text(app, home, w->sets, w->script, w->lazy, a));
    return rh_db_exec(shared, rh_str_cstr(&all), err) &&
           (w->profile ? rh_home_admit_new(app, home, shared, w->script->root_key, w->tenant_id, w->profile,
                                           w->lazy, err)
                       : rh_db_exec(shared, "COMMIT", err));
}

/* ---- a database ---- */

/* What is asked of the other databases while this one is being made. */
struct meanwhile {
    const rh_app *app;
    rh_db *shared, *origin;
    rh_arena *a;
    bool ok;
    const char *root_key;
    rh_reference_state rows;
};

static void ask_meanwhile(void *arg)
{
    struct meanwhile *m = arg;
    rh_err ignored;
    m->ok = (!m->app->conf->keyed ||
             (m->root_key = rh_home_root_key(m->app, m->shared, m->a, RH_SHARED_SCHEMA, &ignored))) &&
            rh_reference_read(m->origin, m->a, &m->rows, &ignored);
}

static bool may_clone(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err)
{
    const char *params[] = {home->database, app->template_db, app->owner};
    PGresult *res = rh_db_query_kept(shared, a, rh_sql_homes_may_clone, 3, params, err);
    return res && *PQgetvalue(res, 0, 0) == 't';
}

static bool same_files(const PGresult *res, int *row, const rh_migration_set *set)
{
    for (size_t i = 0; i < set->n; i++, ++*row) {
        int64_t number;
        if (*row >= PQntuples(res) || strcmp(PQgetvalue(res, *row, 0), set->name) != 0 ||
            !rh_parse_int(PQgetvalue(res, *row, 1), &number) || number != set->items[i].number ||
            strcmp(PQgetvalue(res, *row, 2), set->items[i].checksum) != 0)
            return false;
    }
    return true;
}

/* The template was at the newest versions. */
static bool is_newest(const PGresult *res, const rh_sets *sets)
{
    int row = 0;
    return same_files(res, &row, sets->reference) && same_files(res, &row, sets->tenant) &&
           row == PQntuples(res);
}

/* Makes the clone the tenant's, in a transaction that stays open. *current: it has the origin's reference
 * rows. */
static bool claim(const rh_app *app, const rh_home *home, rh_db *db, const rh_home_at_once *w,
                  const rh_reference_state *rows, rh_arena *a, bool *current, rh_err *err)
{
    enum { OWNED = 2, CLAIMED, ROWS = 5, CALLS };
    const char *id = rh_arena_printf(a, "%lld", (long long)home->id);
    const rh_script_var vars[] = {
        {"id_type", rh_id_type_name(app->conf)}, {"tenant", w->tenant_id}, {NULL, NULL}};
    PGresult *res[CALLS];
    int failed;
    rh_str own;
    rh_str_init_in(&own, a, RH_STR_TEXT_MAX);
    if (!rh_script_expand(&own, rh_sql_fittings_home_tenant, vars, err))
        return false;
    const rh_db_call calls[CALLS] = {
        {"BEGIN", 0, NULL},
        {w->lazy ? "SET LOCAL synchronous_commit = off" : "SELECT", 0, NULL},
        [OWNED] = {"SELECT to_regprocedure('rowhouse.home_tenant()') IS NOT NULL", 0, NULL},
        [CLAIMED] = {rh_sql_homes_claim, 1, &id},
        {rh_str_cstr(&own), 0, NULL},
        [ROWS] = {"SELECT name, revision FROM rowhouse.reference_revisions", 0, NULL},
    };
    if (!rh_db_query_all(db, a, calls, CALLS, res, &failed, err))
        return false;
    *current = rh_reference_is_noted(rows, res[ROWS]);
    return *PQgetvalue(res[OWNED], 0, 0) == 't' && is_newest(res[CLAIMED], w->sets);
}

static bool move_in(const rh_app *app, const rh_home *home, rh_db *db, const struct meanwhile *m,
                    rh_home_at_once *w, rh_arena *a, rh_err *err)
{
    bool current;
    if (!claim(app, home, db, w, &m->rows, a, &current, err))
        return false;
    if (current)
        rh_reference_word(&m->rows, w->reference_word);
    else if (!rh_db_exec(db, "COMMIT", err) || !bring_rows(app, db, w, err))
        return false;
    if (w->profile)
        return rh_home_admit_new(app, home, db, m->root_key, w->tenant_id, w->profile, w->lazy, err);
    return !current || rh_db_exec(db, "COMMIT", err);
}

static bool make_database(const rh_app *app, const rh_home *home, rh_db *shared, rh_home_at_once *w,
                          rh_arena *a, rh_err *err)
{
    struct meanwhile m = {.app = app, .shared = shared, .origin = w->origin, .a = a};
    if (!may_clone(app, home, shared, a, err) ||
        !rh_cloner_clone(app, home->node, w->cloner, home->database, rh_home_mark(a, home), w->lazy,
                         ask_meanwhile, &m, err))
        return false;
    rh_db *db = rh_app_connect(app, home->node, RH_ROLE_OPERATOR, home->database, err);
    bool ok = rh_cloner_finish(w->cloner, err) && db && m.ok && move_in(app, home, db, &m, w, a, err);
    if (ok && w->keep_db)
        w->db = db;
    else
        rh_db_close(db);
    return ok;
}

bool rh_home_make_at_once(const rh_app *app, const rh_home *home, rh_db *shared, rh_home_at_once *w)
{
    rh_err err, ignored;
    rh_arena *a = rh_arena_new();
    w->versions = (rh_home_versions){rh_set_newest(w->sets->reference), rh_set_newest(w->sets->tenant)};
    *w->reference_word = 0;
    w->db = NULL;
    bool ok = home->model == RH_MODEL_SCHEMA     ? make_schema(app, home, shared, w, a, &err)
              : home->model == RH_MODEL_DATABASE ? make_database(app, home, shared, w, a, &err)
                                                 : false;
    if (PQtransactionStatus(rh_db_conn(shared)) != PQTRANS_IDLE)
        rh_db_exec(shared, "ROLLBACK", &ignored);
    rh_arena_free(a);
    return ok;
}
