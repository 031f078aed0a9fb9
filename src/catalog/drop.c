/* SPDX-License-Identifier: Apache-2.0
 *
 * A drop, step by step. Each step leaves in the catalog, or in the home itself, what says that it is done, so
 * that the whole may begin again at any point:
 *
 *   begin     state dropping, a row in rowhouse.drops      -> doors refuse the tenant
 *   quiet     servers that watch have had their second     -> no statement of a door begins any more
 *   sessions  the tenant's own are ended
 *   dump      written, synced, renamed; noted in rowhouse.drops; under the same name when it begins again
 *   home      gone, where it is ours: what only has its name is left alone
 *   end       out of the catalog, in one statement
 */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/step.h"
#include "catalog/life.h"
#include "catalog/lock.h"
#include "catalog/state.h"
#include "sql.h"

#define QUIET_US 1000000 /* in which every server that reaches the catalog has heard of it */

/* Rows of the app's own catalog tables may hold the tenant: that is found out before anything is lost. */
static bool check_references(rh_operator *o, rh_arena *a, const char *id, rh_err *err)
{
    rh_err ignored;
    bool ok = rh_db_exec(o->catalog, "SAVEPOINT try", err) &&
              rh_db_query(o->catalog, a, rh_sql_tenants_drop_end, 1, &id, err);
    if (!ok && strncmp(err->sqlstate, "23", 2) == 0) {
        err->code = RH_E_STATE;
        rh_err_hint(err, "Tables of the catalog set refer to the tenant: delete what they hold of it first.");
    }
    return rh_db_exec(o->catalog, "ROLLBACK TO try", ok ? err : &ignored) && ok;
}

static bool note_begin(rh_operator *o, rh_arena *a, const char *id, const char *keep_dump, rh_err *err)
{
    const char *params[] = {id, keep_dump},
               *state = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
    if (!state)
        return false;
    bool begun = strcmp(state, rh_tenant_state_name(RH_TENANT_DROPPING)) == 0;
    return (begun || rh_tenant_change_state(o->catalog, id, RH_TENANT_DROPPING, NULL, err)) &&
           rh_db_query(o->catalog, a, rh_sql_tenants_drop_begin, 2, params, err) &&
           check_references(o, a, id, err);
}

/* keep_dump: "t", "f", or NULL for as it was said before. */
static bool begin(rh_operator *o, rh_arena *a, const char *id, const char *keep_dump, rh_err *err)
{
    rh_err ignored;
    bool ok = rh_db_exec(o->catalog, "BEGIN", err) && note_begin(o, a, id, keep_dump, err) &&
              rh_db_exec(o->catalog, "COMMIT", err);
    if (!ok)
        rh_db_exec(o->catalog, "ROLLBACK", &ignored);
    rh_step("drop.begun");
    return ok;
}

bool rh_tenant_drop_quiet(rh_operator *o, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *n = rh_db_value(o->catalog, a, rh_sql_tenants_watchers, 1, &o->app->server, err);
    bool ok = n != NULL;
    if (ok && strcmp(n, "0") != 0)
        usleep(QUIET_US);
    rh_arena_free(a);
    return ok;
}

static bool dump(rh_operator *o, rh_arena *a, const rh_home *home, rh_db *shared, const char *id, rh_err *err)
{
    PGresult *plan = rh_db_query(o->catalog, a, rh_sql_tenants_drop_plan, 1, &id, err);
    if (!plan || *PQgetvalue(plan, 0, 1) != 't')
        return plan != NULL;
    const char *dir = rh_arena_printf(a, "%s/dumps", o->app->state_dir);
    const char *params[] = {id, rh_arena_printf(a, "%s/%s-%s-%s%s", dir, PQgetvalue(plan, 0, 0), id,
                                                PQgetvalue(plan, 0, 2), rh_home_dump_suffix(home))};
    if (!rh_mkdirs(dir, 0700, err) || !rh_home_dump(o->app, home, shared, id, params[1], err))
        return rh_err_context(err, "dump of tenant %s", id);
    rh_step("drop.dumped");
    bool ok = rh_db_query(o->catalog, a, rh_sql_tenants_drop_dumped, 2, params, err) != NULL;
    rh_step("drop.noted");
    return ok;
}

static bool clear_home(rh_operator *o, rh_arena *a, const rh_home *home, rh_db *shared, const char *id,
                       rh_err *err)
{
    bool there = false;
    if (!rh_home_exists(o->app, home, shared, &there, err))
        return false;
    if (there && !rh_home_end_sessions(o->app, home, id, err))
        return false;
    rh_step("drop.sessions");
    if (there && !dump(o, a, home, shared, id, err))
        return false;
    bool ok = rh_home_drop(o->app, home, shared, id, err);
    rh_step("drop.home");
    return ok;
}

/* Everything that is the tenant's outside the catalog. */
static bool empty(rh_operator *o, rh_arena *a, const char *id, rh_err *err)
{
    rh_home home;
    if (!rh_tenant_home(o, a, id, &home, err))
        return false;
    if (!home.id)
        return true;
    rh_db *shared = rh_operator_shared(o, &home, err);
    if (!shared || !rh_tenant_lock_node(shared, home.node, id, err))
        return false;
    bool ok = clear_home(o, a, &home, shared, id, err);
    rh_tenant_unlock_node(shared, home.node, id);
    return ok;
}

static bool run_steps(rh_operator *o, rh_arena *a, const char *id, const char *keep_dump, bool quiet,
                      rh_err *err)
{
    const char *state = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
    if (!state || !*state || (quiet && strcmp(state, "dropping") != 0))
        return state != NULL; /* somebody else was faster: it is gone, or there again by an adoption */
    if (!begin(o, a, id, keep_dump, err) || (!quiet && !rh_tenant_drop_quiet(o, err)) ||
        !empty(o, a, id, err))
        return false;
    bool ok = rh_db_query(o->catalog, a, rh_sql_tenants_drop_end, 1, &id, err) != NULL;
    rh_step("drop.ended");
    return ok;
}

/* Under the tenant's lock. quiet: it has been dropping for the second that servers need. */
static bool drop(rh_operator *o, rh_arena *a, const char *id, const char *keep_dump, bool quiet, rh_err *err)
{
    rh_err ignored;
    bool ok = run_steps(o, a, id, keep_dump, quiet, err);
    const char *params[] = {id, err->message};
    if (!ok)
        rh_db_query(o->catalog, a, rh_sql_tenants_drop_failed, 2, params, &ignored);
    return ok;
}

/* What rowhouse.drops says of a tenant that is gone. False with err untouched: nothing. */
static bool find_dropped(rh_operator *o, rh_arena *a, const char *ref, rh_drop *out)
{
    rh_err ignored;
    PGresult *res = rh_is_utf8(ref, strlen(ref))
                        ? rh_db_query(o->catalog, a, rh_sql_tenants_dropped, 1, &ref, &ignored)
                        : NULL;
    if (!res || PQntuples(res) == 0)
        return false;
    *out = (rh_drop){PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2),
                     PQgetvalue(res, 0, 3), true};
    return true;
}

bool rh_tenant_drop(rh_operator *o, rh_arena *a, const char *ref, bool keep_dump, rh_drop *out, rh_err *err)
{
    const char *id = rh_tenant_find(o, a, ref, err);
    if (!id)
        return err->code == RH_E_NOT_FOUND && find_dropped(o, a, ref, out);
    if (!rh_tenant_lock(o->catalog, o->shared, id, err))
        return false;
    bool ok = drop(o, a, id, keep_dump ? "t" : "f", false, err);
    rh_tenant_unlock(o->catalog, o->shared, id);
    if (ok && !find_dropped(o, a, id, out))
        ok = rh_err_set(err, RH_E_INTERNAL, "tenant %s is gone without a trace", id);
    out->earlier = false;
    return ok;
}

bool rh_tenant_drop_go_on(rh_operator *o, const char *id, bool *locked_out, rh_err *err)
{
    bool got;
    if (!rh_tenant_try_lock(o->catalog, o->shared, id, &got, err))
        return false;
    *locked_out = !got;
    if (!got)
        return true;
    rh_arena *a = rh_arena_new();
    bool ok = drop(o, a, id, NULL, true, err);
    rh_tenant_unlock(o->catalog, o->shared, id);
    rh_arena_free(a);
    return ok;
}

bool rh_tenant_drop_waiting(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg, int *done,
                            int *failed, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    *done = *failed = 0;
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_dropping, 0, NULL, err);
    bool ok = res && (PQntuples(res) == 0 || rh_tenant_drop_quiet(o, err));
    for (int i = 0; ok && i < PQntuples(res); i++) {
        const char *id = PQgetvalue(res, i, 0);
        bool locked = rh_tenant_lock(o->catalog, o->shared, id, err),
             dropped = locked && drop(o, a, id, NULL, true, err);
        if (locked)
            rh_tenant_unlock(o->catalog, o->shared, id);
        *(dropped ? done : failed) += 1;
        ok = dropped || PQstatus(rh_db_conn(o->catalog)) == CONNECTION_OK;
        if (tell)
            tell(arg, rh_arena_printf(
                          a, "tenant %s %s%s", PQgetvalue(res, i, 1),
                          dropped ? "is dropped" : "could not be dropped: ", dropped ? "" : err->message));
    }
    rh_arena_free(a);
    return ok;
}
