/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/provision.h"

#include <string.h>

#include "app/cluster.h"
#include "base/step.h"
#include "catalog/lock.h"
#include "catalog/node.h"
#include "catalog/reference.h"
#include "catalog/state.h"
#include "home/at_once.h"
#include "home/script.h"
#include "sql.h"

bool rh_tenant_home(rh_operator *o, rh_arena *a, const char *id, rh_home *out, rh_err *err)
{
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_homes_of_tenant, 1, &id, err);
    if (!res)
        return false;
    *out = (rh_home){.model = o->app->conf->model, .tenant = id};
    if (PQntuples(res) == 0)
        return rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant %s", id);
    rh_model_parse(PQgetvalue(res, 0, 1), &out->model);
    rh_parse_int(PQgetvalue(res, 0, 0), &out->id);
    out->node = rh_node_of_row(o->app, a, res, 0, 4);
    out->database = PQgetvalue(res, 0, 2);
    out->schema = PQgetvalue(res, 0, 3);
    if (out->model == RH_MODEL_SHARED)
        out->tenant = NULL;
    return true;
}

/* A tenant without a home gets one in the catalog: the shared one, or one of its own. */
static bool assign_home(rh_operator *o, rh_arena *a, const char *id, rh_home *home, rh_err *err)
{
    if (home->id)
        return true;
    rh_home on;
    /* another server must have nothing of which this one may forget */
    if (!rh_node_choose(o, a, id, home->model, &on, err) ||
        !rh_db_set_lazy(o->catalog, on.node->id == RH_FIRST_NODE, err))
        return false;
    if (home->model == RH_MODEL_SHARED) {
        const char *params[] = {id, rh_arena_printf(a, "%lld", (long long)on.id)};
        *home = on;
        return rh_db_query(o->catalog, a, rh_sql_homes_join_shared, 2, params, err) != NULL;
    }
    const char *params[] = {id, rh_model_name(home->model), o->app->conf->app_name, o->app->shared_db,
                            rh_arena_printf(a, "%d", on.node->id)};
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_homes_assign, 5, params, err);
    if (!res && strcmp(err->sqlstate, "23505") == 0) {
        rh_err_set(err, RH_E_EXISTS, "another home has the name that the tenant asked for");
        rh_err_hint(err, "Change home_name of the tenant, or leave it empty.");
    }
    return res && rh_tenant_home(o, a, id, home, err);
}

/* word: of its copies of reference rows, "" when it has none or it is not known. */
static rh_db_call note_call(rh_arena *a, const rh_home *home, const rh_home_versions *v, const char *word)
{
    const char **values = RH_NEW_ARRAY(a, const char *, 4);
    values[0] = rh_arena_printf(a, "%lld", (long long)home->id);
    values[1] = rh_arena_printf(a, "%d", v->reference);
    values[2] = rh_arena_printf(a, "%d", v->tenant);
    values[3] = word;
    return (rh_db_call){rh_sql_homes_settled, 4, values};
}

static bool note_home(rh_operator *o, rh_arena *a, const rh_home *home, const rh_home_versions *v,
                      const char *word, rh_err *err)
{
    rh_db_call call = note_call(a, home, v, word);
    return home->model == RH_MODEL_SHARED ||
           rh_db_query(o->catalog, a, call.sql, call.n, call.values, err) != NULL;
}

/* ---- at once ---- */

/* The operator's cloner and script are of the first node. */
static bool make_at_once(rh_operator *o, const char *id, const rh_home *home, rh_db *shared,
                         const rh_profile *profile, rh_home_at_once *w)
{
    rh_cloner cloner = {0};
    rh_home_script script = {0};
    bool first = home->node->id == RH_FIRST_NODE;
    *w = (rh_home_at_once){.sets = &o->sets,
                           .tenant_id = id,
                           .profile = profile,
                           .origin = o->shared,
                           .cloner = first ? &o->cloner : &cloner,
                           .script = first ? &o->script : &script,
                           .lazy = first};
    bool done = rh_home_make_at_once(o->app, home, shared, w);
    rh_cloner_close(&cloner);
    rh_home_script_release(&script);
    if (!done)
        return false;
    rh_step("create.made");
    rh_step("create.settled");
    return true;
}

/* Whether a database that stood by has to be brought the reference rows that came since. */
static bool is_behind(rh_operator *o, rh_arena *a, const rh_entered *e, bool *behind, rh_err *err)
{
    rh_reference_state rows;
    *behind = false;
    if (!e->given || !o->sets.reference->n || e->home.model != RH_MODEL_DATABASE)
        return true;
    if (!rh_reference_read(o->shared, a, &rows, err))
        return false;
    *behind = strcmp(rows.word, e->reference_rows) != 0;
    return true;
}

static rh_db *enter_home(rh_operator *o, const rh_entered *e, rh_db *shared, rh_err *err)
{
    rh_db *db = e->given && o->warm ? rh_warm_take(o->warm, e->home.id) : NULL;
    return db ? db : rh_home_enter(o->app, &e->home, shared, err);
}

/* Another server must have nothing of which the catalog's may forget: a commit that is on disk brings all
 * that came before it there. */
static bool flush(rh_operator *o, const rh_home *home, rh_err *err)
{
    return home->node->id == RH_FIRST_NODE || rh_db_exec(o->catalog, "SELECT pg_current_xact_id()", err);
}

/* Into a home that is there. One that lacks nothing is not entered. */
static bool move_in(rh_operator *o, rh_arena *a, const rh_entered *e, rh_err *err)
{
    rh_err ignored;
    const char *root_key = NULL;
    rh_reference_report report;
    bool behind, citus;
    rh_db *shared = flush(o, &e->home, err) ? rh_operator_shared(o, &e->home, err) : NULL;
    if (!e->given)
        rh_step("create.made");
    if (!shared || !rh_cluster_is_citus(shared, &citus, err) || citus ||
        (o->app->conf->keyed && !(root_key = rh_home_root_key(o->app, shared, a, RH_SHARED_SCHEMA, err))) ||
        !is_behind(o, a, e, &behind, err))
        return false;
    if (!behind && e->given && !o->sets.on_create)
        return true;
    rh_db *db = enter_home(o, e, shared, err);
    bool ok = db && (!behind || rh_reference_bring_home(o, &e->home, db, &report, err)) &&
              rh_home_admit_new(o->app, &e->home, db, root_key, e->id, &e->profile,
                                e->home.node->id == RH_FIRST_NODE, err);
    if (db && PQtransactionStatus(rh_db_conn(db)) != PQTRANS_IDLE)
        rh_db_exec(db, "ROLLBACK", &ignored);
    rh_home_leave(db, shared);
    if (ok)
        rh_step("create.settled");
    return ok;
}

/* Whether all went well. Nothing is told where not: the long way finds out why. */
static bool settle_at_once(rh_operator *o, rh_arena *a, const rh_entered *e, rh_home_at_once *w)
{
    rh_err ignored;
    return !o->app->first_is_citus && (e->given || e->home.model == RH_MODEL_SHARED
                                           ? move_in(o, a, e, &ignored)
                                           : make_at_once(o, e->id, &e->home, o->shared, &e->profile, w));
}

/* The tenant is active, with what its home has; then nobody finds it locked any more. */
static bool activate(rh_operator *o, rh_arena *a, const rh_entered *e, const rh_home_at_once *w, rh_err *err)
{
    rh_db_call calls[] = {note_call(a, &e->home, &w->versions, w->reference_word),
                          rh_tenant_state_call(a, e->id, RH_TENANT_ACTIVE, NULL),
                          RH_DB_APART,
                          {rh_sql_tenants_unlock, 1, &e->id}};
    PGresult *results[4];
    int failed, skip = w->versions.tenant == 0; /* it was there before */
    if (!rh_db_query_all(o->catalog, a, calls + skip, 4 - skip, results, &failed, err))
        return false;
    return PQntuples(results[1 - skip]) == 1 ||
           rh_err_set(err, RH_E_STATE, "tenant %s was taken away while it was made", e->id);
}

/* ---- step by step ---- */

/* given: the home stood by and lacks nothing but the tenant's own rows. */
static bool settle(rh_operator *o, rh_arena *a, const rh_home *home, const char *id,
                   const rh_profile *profile, bool given, rh_err *err)
{
    rh_home_versions versions = {0};
    rh_reference_report report;
    rh_db *shared = rh_operator_shared(o, home, err),
          *db = shared ? rh_home_enter(o->app, home, shared, err) : NULL;
    bool made = given || home->model == RH_MODEL_SHARED;
    bool ok = db && rh_db_set_lazy(db, home->node->id == RH_FIRST_NODE, err) &&
              (made || rh_home_migrate(o->app, home, db, &o->sets, NULL, &versions, err)) &&
              rh_reference_bring_home(o, home, db, &report, err) &&
              rh_home_admit(o->app, home, db, id, profile, err) &&
              (made || note_home(o, a, home, &versions, "", err));
    rh_home_leave(db, shared);
    rh_step("create.settled");
    return ok;
}

/* The place itself: an empty one, or the database that is adopted. */
static bool make_home(rh_operator *o, rh_arena *a, const char *id, const rh_home *home, rh_err *err)
{
    int64_t version;
    const char *adopted = rh_db_value(o->catalog, a, rh_sql_adopt_begun, 1, &id, err);
    rh_db *shared = adopted ? rh_operator_shared(o, home, err) : NULL;
    if (!shared || !*adopted)
        return shared && rh_home_make(o->app, home, shared, err);
    return rh_parse_int(adopted, &version) && rh_adopt(o->app, &o->sets, home, (int)version, id, shared, err);
}

/* Homes of which nothing is there yet, by what the catalog says of them. */
static bool can_be_at_once(rh_operator *o, rh_arena *a, const char *id, const rh_home *home)
{
    rh_err ignored;
    const char *adopted = rh_db_value(o->catalog, a, rh_sql_adopt_begun, 1, &id, &ignored);
    return home->model != RH_MODEL_SHARED && adopted && !*adopted;
}

/* The next one is made at once. This one is whole without. */
static void keep_script(rh_operator *o, const rh_home *home, rh_db *shared)
{
    rh_err ignored;
    if (home->model == RH_MODEL_SCHEMA && rh_home_script_prepare(o->app, shared, &ignored))
        rh_home_script_keep(o->app, home->node, shared, &o->sets, &ignored);
}

static bool make_and_settle(rh_operator *o, rh_arena *a, const char *id, const rh_home *home,
                            const rh_profile *profile, rh_err *err)
{
    rh_db *shared = rh_operator_shared(o, home, err);
    if (!shared || !rh_tenant_lock_node(shared, home->node, id, err))
        return false;
    rh_home_at_once w;
    bool ok = can_be_at_once(o, a, id, home) && make_at_once(o, id, home, shared, profile, &w) &&
              note_home(o, a, home, &w.versions, w.reference_word, err);
    if (!ok) {
        ok = make_home(o, a, id, home, err);
        rh_step("create.made");
        ok = ok && settle(o, a, home, id, profile, false, err);
        if (ok)
            keep_script(o, home, shared);
    }
    rh_tenant_unlock_node(shared, home->node, id);
    return ok;
}

static bool place(rh_operator *o, rh_arena *a, const char *id, bool given, rh_err *err)
{
    rh_home home;
    PGresult *row = rh_db_query(o->catalog, a, rh_sql_tenants_find, 1, &id, err);
    if (!row)
        return false;
    size_t n = (size_t)PQnfields(row);
    const char **names = RH_NEW_ARRAY(a, const char *, n), **values = RH_NEW_ARRAY(a, const char *, n);
    for (size_t i = 0; i < n; i++) {
        names[i] = PQfname(row, (int)i);
        values[i] = PQgetisnull(row, 0, (int)i) ? NULL : PQgetvalue(row, 0, (int)i);
    }
    rh_profile profile = {names, values, n};
    if (!rh_tenant_home(o, a, id, &home, err))
        return false;
    if (given)
        return settle(o, a, &home, id, &profile, true, err);
    if (!assign_home(o, a, id, &home, err))
        return false;
    rh_step("create.assigned");
    return make_and_settle(o, a, id, &home, &profile, err);
}

/* Under the tenant's lock. */
static bool provision(rh_operator *o, rh_arena *a, const char *id, bool given, rh_err *err)
{
    rh_err ignored;
    const char *state = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
    if (!state)
        return false;
    if (strcmp(state, rh_tenant_state_name(RH_TENANT_ACTIVE)) == 0)
        return true; /* somebody else was faster */
    if (strcmp(state, rh_tenant_state_name(RH_TENANT_PROVISIONING)) != 0 &&
        !rh_tenant_change_state(o->catalog, id, RH_TENANT_PROVISIONING, NULL, err))
        return false;
    bool ok = place(o, a, id, given, err) && rh_db_set_lazy(o->catalog, false, err);
    if (ok)
        return rh_tenant_change_state(o->catalog, id, RH_TENANT_ACTIVE, NULL, err);
    rh_db_set_lazy(o->catalog, false, &ignored);
    rh_tenant_change_state(o->catalog, id, RH_TENANT_FAILED, err->message, &ignored);
    return false;
}

/* Until the last commit says that the tenant is active, nothing was promised: what a crash of the machine
 * takes away of it is its end, as if we had been killed earlier, since one server's commits reach the disk in
 * their order. */
static bool set_lazy(rh_operator *o, bool lazy, rh_err *err)
{
    return rh_db_set_lazy(o->catalog, lazy, err) && rh_db_set_lazy(o->shared, lazy, err);
}

static bool provision_locked(rh_operator *o, const char *id, bool given, rh_err *err)
{
    if (!rh_tenant_lock(o->catalog, o->shared, id, err))
        return false;
    rh_arena *a = rh_arena_new();
    rh_err ignored;
    bool ok = set_lazy(o, true, err) && provision(o, a, id, given, err);
    set_lazy(o, false, &ignored);
    rh_tenant_unlock(o->catalog, o->shared, id);
    rh_arena_free(a);
    return ok;
}

bool rh_tenant_settle(rh_operator *o, rh_arena *a, const rh_entered *e, rh_err *err)
{
    if (e->active)
        return true;
    if (e->home.id && !e->given)
        rh_step("create.assigned");
    rh_home_at_once w = {0};
    if (e->locked && settle_at_once(o, a, e, &w))
        return activate(o, a, e, &w, err);
    bool ok = provision_locked(o, e->id, e->given, err);
    if (e->locked)
        rh_tenant_unlock_catalog(o->catalog, e->id);
    return ok;
}

bool rh_tenant_provision(rh_operator *o, const char *id, rh_err *err)
{
    return provision_locked(o, id, false, err);
}

bool rh_tenant_provision_waiting(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg,
                                 int *done, int *failed, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    *done = *failed = 0;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_waiting, 0, NULL, err);
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        bool placed = rh_tenant_provision(o, PQgetvalue(res, i, 0), err);
        if (!placed && PQstatus(rh_db_conn(o->catalog)) != CONNECTION_OK)
            ok = false;
        ++*(placed ? done : failed);
        if (tell)
            tell(arg, rh_arena_printf(a, "tenant %s: %s%s%s%s", PQgetvalue(res, i, 1),
                                      placed ? "has its place" : "failed: ", placed ? "" : err->message,
                                      !placed && *err->hint ? ". " : "", placed ? "" : err->hint));
    }
    rh_arena_free(a);
    return ok;
}
