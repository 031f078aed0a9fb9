/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/spread.h"

#include <string.h>
#include <unistd.h>

#include "app/cluster.h"
#include "sql.h"

#define LOOK_US 500000

/* The admin in the app's database of a Citus coordinator. */
static rh_db *open_coordinator(rh_operator *o, const rh_node *node, rh_err *err)
{
    bool citus;
    rh_db *db = rh_app_connect(o->app, node, RH_ROLE_ADMIN, o->app->shared_db, err);
    if (!db || !rh_cluster_is_citus(db, &citus, err))
        goto fail;
    if (citus)
        return db;
    rh_err_set(err, RH_E_STATE, "node %s is a plain PostgreSQL server, which has no shards", node->name);
    rh_err_hint(err, "Shards are Citus': docs/citus.md.");
fail:
    rh_db_close(db);
    return NULL;
}

/* ---- rebalance ---- */

/* The job's number, "" when there is nothing to move; one that runs already is joined. */
static const char *start(rh_db *db, rh_arena *a, rh_err *err)
{
    const char *job = rh_db_value(db, a, rh_sql_citus_rebalance_start, 0, NULL, err);
    if (job || !strstr(err->message, "already"))
        return job;
    return rh_db_value(db, a, "SELECT job_id FROM pg_catalog.citus_rebalance_status()", 0, NULL, err);
}

static bool report_failure(const PGresult *status, rh_err *err)
{
    rh_err_set(err, RH_E_STATE, "Citus gave up the rebalance: %s", PQgetvalue(status, 0, 0));
    if (*PQgetvalue(status, 0, 3))
        rh_err_detail(err, "%s", PQgetvalue(status, 0, 3));
    return rh_err_hint(err, "What was moved stays where it is now. Mend it and run the command again.");
}

bool rh_spread_rebalance(rh_operator *o, const rh_node *node, void (*tell)(void *arg, const char *line),
                         void *arg, int *moved, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_db *db = open_coordinator(o, node, err);
    const char *job = db ? start(db, a, err) : NULL;
    bool ok = job != NULL, ended = ok && !*job;
    *moved = 0;
    while (ok && !ended) {
        int64_t done = 0;
        PGresult *status = rh_db_query(db, a, rh_sql_citus_rebalance_status, 1, &job, err);
        ok = status && PQntuples(status) > 0;
        if (!ok)
            break;
        const char *state = PQgetvalue(status, 0, 0);
        rh_parse_int(PQgetvalue(status, 0, 1), &done);
        if (done > *moved && tell)
            tell(arg, rh_arena_printf(a, "%lld of %s moves done", (long long)done, PQgetvalue(status, 0, 2)));
        *moved = (int)done;
        ended = strcmp(state, "finished") == 0;
        if (strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0)
            ok = report_failure(status, err);
        else if (!ended)
            usleep(LOOK_US);
    }
    rh_db_close(db);
    rh_arena_free(a);
    return ok;
}

/* ---- isolate ---- */

static bool check_home(const rh_home *home, const char *id, rh_err *err)
{
    if (!home->id)
        return rh_err_set(err, RH_E_STATE, "tenant %s has no home yet", id);
    if (home->model == RH_MODEL_SHARED)
        return true;
    rh_err_set(err, RH_E_STATE, "tenant %s has a home of its own", id);
    return rh_err_hint(err, "A schema home stands on one worker, and nobody else in it.");
}

bool rh_spread_isolate(rh_operator *o, rh_arena *a, const char *id, const char **worker, rh_err *err)
{
    rh_home home;
    bool uuid = o->app->conf->id_type == RH_ID_UUID;
    if (!rh_tenant_home(o, a, id, &home, err) || !check_home(&home, id, err))
        return false;
    rh_db *db = open_coordinator(o, home.node, err);
    rh_str root;
    rh_str_init_in(&root, a, RH_STR_TEXT_MAX);
    rh_str_add_ident(&root, home.schema);
    rh_str_addc(&root, '.');
    rh_str_add_ident(&root, o->app->conf->app_root);
    const char *params[] = {rh_str_cstr(&root), id};
    bool ok = db && (rh_db_query(db, a, uuid ? rh_sql_citus_isolate_uuid : rh_sql_citus_isolate_bigint, 2,
                                 params, err) ||
                     strstr(err->message, "already been isolated"));
    PGresult *at = ok ? rh_db_query(db, a, uuid ? rh_sql_citus_owner_of_uuid : rh_sql_citus_owner_of_bigint,
                                    2, params, err)
                      : NULL;
    ok = at && PQntuples(at) > 0;
    if (ok)
        *worker = rh_arena_printf(a, "%s:%s", PQgetvalue(at, 0, 0), PQgetvalue(at, 0, 1));
    rh_db_close(db);
    return ok;
}
