/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/standby.h"

#include <string.h>

#include "base/step.h"
#include "catalog/lock.h"
#include "catalog/node.h"
#include "catalog/reference.h"
#include "home/at_once.h"
#include "sql.h"

#define LOCK "standby homes" /* in the place of a tenant's id */

static const char *home_id(rh_arena *a, const rh_home *home)
{
    return rh_arena_printf(a, "%lld", (long long)home->id);
}

static PGresult *todo(const rh_conf *conf, rh_db *catalog, rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)conf->provision_standby),
                            rh_model_name(conf->model)};
    return rh_db_query(catalog, a, rh_sql_standby_todo, 2, params, err);
}

bool rh_standby_wanting(const rh_conf *conf, rh_db *catalog, bool *wanting, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    PGresult *res = todo(conf, catalog, a, err);
    *wanting = res && PQntuples(res) > 0;
    rh_arena_free(a);
    return res != NULL;
}

/* ---- one home ---- */

static bool note_rows(rh_operator *o, const rh_home *home, const char *word, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {home_id(a, home), word};
    bool ok = !*word || rh_db_query(o->catalog, a, rh_sql_reference_note_home, 2, params, err);
    rh_arena_free(a);
    return ok;
}

/* What is not there of it, or is behind. *db: the connection to its database, if it has one of its own. */
static bool finish_place(rh_operator *o, const rh_home *home, rh_db *shared, bool fresh, rh_db **db,
                         rh_home_versions *v, rh_err *err)
{
    rh_reference_report report;
    rh_cloner cloner = {0};
    rh_home_script script = {0};
    bool first = home->node->id == RH_FIRST_NODE;
    rh_home_at_once w = {.sets = &o->sets,
                         .tenant_id = home->tenant,
                         .origin = o->shared,
                         .cloner = first ? &o->cloner : &cloner,
                         .script = first ? &o->script : &script,
                         .keep_db = true};
    bool done = fresh && rh_home_make_at_once(o->app, home, shared, &w);
    rh_cloner_close(&cloner);
    rh_home_script_release(&script);
    if (done) {
        rh_step("standby.made");
        *db = w.db;
        *v = w.versions;
        return note_rows(o, home, w.reference_word, err);
    }
    if (!rh_home_make(o->app, home, shared, err))
        return false;
    rh_step("standby.made");
    *db = rh_home_enter(o->app, home, shared, err);
    return *db && rh_home_migrate(o->app, home, *db, &o->sets, NULL, v, err) &&
           rh_reference_bring_home(o, home, *db, &report, err);
}

/* The connection is kept for whoever is given the home. */
static void leave_place(rh_operator *o, const rh_home *home, rh_db *shared, rh_db *db, bool ok)
{
    rh_err ignored;
    if (ok && db && db != shared && o->warm &&
        rh_db_exec(db, "RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP", &ignored))
        rh_warm_put(o->warm, home->id, db);
    else if (db)
        rh_home_leave(db, shared);
}

/* fresh: nothing of it is there. */
static bool complete(rh_operator *o, rh_arena *a, rh_home *home, bool fresh, rh_err *err)
{
    rh_home_versions v = {0};
    rh_db *shared = rh_operator_shared(o, home, err), *db = NULL;
    bool ok = shared && finish_place(o, home, shared, fresh, &db, &v, err);
    leave_place(o, home, shared, db, ok);
    rh_step("standby.migrated");
    const char *params[] = {home_id(a, home), rh_arena_printf(a, "%d", v.reference),
                            rh_arena_printf(a, "%d", v.tenant)};
    ok = ok && rh_db_query(o->catalog, a, rh_sql_standby_ready, 3, params, err);
    rh_step("standby.ready");
    return ok;
}

/* Whatever was done of it already. */
static bool finish(rh_operator *o, rh_arena *a, rh_home *home, rh_err *err)
{
    return complete(o, a, home, false, err);
}

static bool make(rh_operator *o, rh_arena *a, rh_home *home, rh_err *err)
{
    rh_home on;
    if (!rh_node_choose(o, a, NULL, home->model, &on, err))
        return false;
    home->node = on.node;
    const char *params[] = {rh_model_name(home->model), o->app->conf->app_name, o->app->shared_db,
                            rh_arena_printf(a, "%d", on.node->id)};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_standby_enter, 4, params, err);
    if (!res || !rh_parse_int(PQgetvalue(res, 0, 0), &home->id))
        return false;
    home->database = PQgetvalue(res, 0, 1);
    home->schema = PQgetvalue(res, 0, 2);
    home->tenant = PQgetvalue(res, 0, 3);
    rh_step("standby.entered");
    return complete(o, a, home, true, err);
}

/* Nobody may be given it while it is between two versions. */
static bool forward(rh_operator *o, rh_arena *a, rh_home *home, rh_err *err)
{
    const char *id = home_id(a, home);
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_standby_forward, 1, &id, err);
    return res && (PQntuples(res) == 0 || finish(o, a, home, err));
}

static bool leave(rh_operator *o, rh_arena *a, rh_home *home, rh_err *err)
{
    const char *id = home_id(a, home);
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_standby_leave, 1, &id, err);
    if (!res || PQntuples(res) == 0)
        return res != NULL;
    rh_step("standby.leaving");
    rh_db *shared = rh_operator_shared(o, home, err);
    if (!shared || !rh_home_drop(o->app, home, shared, home->tenant, err))
        return false;
    rh_step("standby.dropped");
    return rh_db_query(o->catalog, a, rh_sql_standby_gone, 1, &id, err) != NULL;
}

/* ---- all of them ---- */

/* What todo.sql may ask for. To add one: a row, and its name there. */
static const struct action {
    const char *name, *done;
    bool (*run)(rh_operator *o, rh_arena *a, rh_home *home, rh_err *err);
} actions[] = {
    {"leave", "is gone", leave},
    {"finish", "stands by", finish},
    {"forward", "is brought to the newest version", forward},
    {"make", "stands by", make},
};

static const struct action *find_action(const char *name)
{
    size_t i = 0;
    while (strcmp(actions[i].name, name) != 0)
        i++;
    return &actions[i];
}

static void say(const rh_standby_work *w, rh_arena *a, const rh_home *home, const char *what,
                const char *more)
{
    if (w->tell)
        w->tell(w->arg, rh_arena_printf(
                            a, "home %lld (%s %s) %s%s", (long long)home->id, rh_model_name(home->model),
                            home->model == RH_MODEL_DATABASE ? home->database : home->schema, what, more));
}

/* False when the connection is lost; what failed otherwise is kept with the home. */
static bool act(rh_operator *o, rh_arena *a, const PGresult *res, int row, rh_standby_work *w, rh_err *err)
{
    const struct action *action = find_action(PQgetvalue(res, row, 0));
    rh_home home = {.node = PQgetisnull(res, row, 6) ? NULL : rh_node_of_row(o->app, a, res, row, 6),
                    .database = PQgetvalue(res, row, 3),
                    .schema = PQgetvalue(res, row, 4),
                    .tenant = PQgetvalue(res, row, 5)};
    rh_model_parse(PQgetvalue(res, row, 1), &home.model);
    rh_parse_int(PQgetvalue(res, row, 2), &home.id);
    if (action->run(o, a, &home, err)) {
        ++*(action->run == leave ? &w->left : &w->ready);
        say(w, a, &home, action->done, "");
        return true;
    }
    const char *params[] = {home_id(a, &home), err->message};
    w->failure = *err;
    w->failed++;
    if (home.id && !w->failures_untold)
        say(w, a, &home, "failed: ", err->message);
    return rh_db_query(o->catalog, a, rh_sql_standby_failed, 2, params, err) != NULL;
}

/* Homes are made from the app's files: only when they are those of the catalog's versions. */
static bool files_are_current(rh_operator *o, rh_arena *a, bool *current, rh_err *err)
{
    int64_t reference = 0, tenant = 0;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_standby_newest, 0, NULL, err);
    *current = res && rh_parse_int(PQgetvalue(res, 0, 0), &reference) &&
               rh_parse_int(PQgetvalue(res, 0, 1), &tenant) &&
               reference == rh_set_newest(o->sets.reference) && tenant == rh_set_newest(o->sets.tenant);
    return res != NULL;
}

static bool keep(rh_operator *o, rh_arena *a, rh_standby_work *w, rh_err *err)
{
    bool current;
    if (!files_are_current(o, a, &current, err))
        return false;
    PGresult *res = current ? todo(o->app->conf, o->catalog, a, err) : NULL;
    bool ok = res || !current;
    rh_arena *each = rh_arena_new();
    for (int i = 0; ok && res && i < PQntuples(res) && !(w->stopping && w->stopping(w->arg)); i++) {
        ok = act(o, each, res, i, w, err);
        rh_arena_clear(each);
    }
    rh_arena_free(each);
    return ok;
}

bool rh_standby_keep(rh_operator *o, rh_standby_work *w, rh_err *err)
{
    bool wanting, got = true;
    if (!rh_standby_wanting(o->app->conf, o->catalog, &wanting, err))
        return false;
    if (!wanting)
        return true;
    if (!(w->wait ? rh_tenant_lock(o->catalog, o->shared, LOCK, err)
                  : rh_tenant_try_lock(o->catalog, o->shared, LOCK, &got, err)))
        return false;
    w->locked_out = !got;
    if (!got)
        return true;
    rh_arena *a = rh_arena_new();
    bool ok = keep(o, a, w, err);
    rh_tenant_unlock(o->catalog, o->shared, LOCK);
    rh_arena_free(a);
    return ok;
}
