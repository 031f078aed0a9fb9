/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/control_rest.h"

#include <string.h>

#include "base/json.h"
#include "catalog/control.h"
#include "migrate/run.h"
#include "sql.h"

#define CATALOG_SCHEMA "public"
#define MAX_ANSWER ((size_t)16 << 20)
#define LOCK_WAIT_MS 30000

static void release_cache(void *cache)
{
    rh_relation_cache_free(cache);
}

/* Read anew for each request: the catalog's views are few, and seldom asked. */
static const rh_relation_cache *read_cache(const rh_app *app, rh_db *db, rh_arena *a, rh_err *err)
{
    const char *params[] = {CATALOG_SCHEMA, "", "", "", app->operator_name};
    const char *json = rh_db_exec(db, "SET search_path = pg_catalog; SET jit = off", err)
                           ? rh_db_value(db, a, rh_sql_rest_introspect, 5, params, err)
                           : NULL;
    rh_relation_cache *cache = json ? rh_relation_cache_parse(json, strlen(json), err) : NULL;
    if (cache)
        rh_arena_on_free(a, release_cache, cache);
    return cache;
}

static bool run_statements(rh_rest *r, rh_db *db, rh_arena *a, const char **affected, rh_err *err)
{
    const rh_rest_plan_info *info = rh_rest_info(r);
    *affected = "";
    for (int i = 0; i < info->n_statements; i++) {
        const rh_rest_statement *s = &info->statements[i];
        PGresult *res = rh_db_query(db, a, s->text, s->n, s->values, err);
        if (!res || !rh_rest_rows(r, i, res, err))
            return false;
        if (i == info->main)
            *affected = PQcmdTuples(res);
    }
    return true;
}

/* How many tenants a DELETE has sent on their way: the catalog's trigger keeps the rows until the drop is
 * done. */
static bool count_drops(rh_db *db, rh_arena *a, int64_t *n, rh_err *err)
{
    const char *text = rh_db_value(
        db, a, "SELECT coalesce(nullif(current_setting('rowhouse.drops', true), ''), '0')", 0, NULL, err);
    return text && rh_parse_int(text, n);
}

static bool answer_accepted(rh_rest *r, rh_rest_answer *out)
{
    static const char body[] = "{\"state\":\"dropping\"}";
    rh_rest_discard(r);
    *out = (rh_rest_answer){
        .status = 202, .n_headers = 1, .body = rh_xstrdup(body), .body_len = sizeof body - 1};
    out->headers[0] = (rh_rest_header){"Content-Type", "application/json; charset=utf-8"};
    return true;
}

static bool run(const rh_app *app, rh_db *db, rh_arena *a, const rh_rest_request *req, rh_rest_answer *out,
                rh_err *err)
{
    rh_err ignored;
    int64_t drops = 0;
    const char *affected;
    rh_rest_naming naming = {.schema = CATALOG_SCHEMA,
                             .reference_schema = "",
                             .told_schema = CATALOG_SCHEMA,
                             .id_type = rh_id_type_name(app->conf),
                             .filtered_writes = true,
                             .max_response = MAX_ANSWER};
    rh_rest_request with_rows = *req;
    if (!with_rows.prefer && req->method != RH_GET && req->method != RH_HEAD)
        with_rows.prefer = "return=representation";
    const rh_relation_cache *cache = read_cache(app, db, a, err);
    rh_rest *r = cache ? rh_rest_plan(a, &with_rows, cache, &naming, err) : NULL;
    if (!r)
        return false;
    bool ok = rh_db_exec(db, rh_rest_info(r)->read_only ? "BEGIN READ ONLY" : "BEGIN", err) &&
              run_statements(r, db, a, &affected, err) && count_drops(db, a, &drops, err) &&
              rh_db_exec(db, "COMMIT", err);
    if (!ok) {
        rh_rest_scrub_error(r, err);
        rh_rest_discard(r);
        rh_db_exec(db, "ROLLBACK", &ignored);
        return false;
    }
    return drops ? answer_accepted(r, out) : rh_rest_finish(r, affected, out, err);
}

/* A line of the run, as a member of a JSON array. */
static void add_line(void *arg, const char *line)
{
    rh_str *lines = arg;
    if (lines->len)
        rh_str_addc(lines, ',');
    rh_json_add_string(lines, line, strlen(line));
}

static bool migrate(rh_app *app, const rh_rest_request *req, rh_rest_answer *out, rh_err *err)
{
    rh_str body, lines;
    rh_migrate_report report;
    rh_migrate_options options = {.tell = add_line, .arg = &lines, .lock_wait_ms = LOCK_WAIT_MS};
    rh_str_init_in(&lines, app->arena, MAX_ANSWER / 2);
    if (req->method != RH_GET && req->method != RH_POST) {
        rh_err_set(err, RH_E_METHOD, "GET or POST runs the migration");
        return false;
    }
    if (!rh_migrate(app, &options, &report, err))
        return false;
    rh_str_init(&body, MAX_ANSWER);
    rh_str_addc(&body, '{');
    rh_migrate_report_json(&report, &body);
    rh_str_addf(&body, ",\"done\":[%s]}", lines.overflow ? "" : rh_str_cstr(&lines));
    *out = (rh_rest_answer){.status = 200, .n_headers = 1};
    out->headers[0] = (rh_rest_header){"Content-Type", "application/json; charset=utf-8"};
    out->body = rh_str_take(&body, &out->body_len);
    return true;
}

bool rh_control_rest(void *ctx, rh_arena *a, const rh_rest_request *req, rh_rest_answer *out, rh_err *err)
{
    rh_app *app = ((rh_control *)ctx)->app;
    if (*app->conf->control_migrate_path && strcmp(req->path, app->conf->control_migrate_path) == 0) {
        rh_app own = *app; /* a run has its own memory: several may be asked for at once */
        own.arena = a;
        return migrate(&own, req, out, err);
    }
    rh_db *db = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->catalog_db, err);
    bool ok = db && run(app, db, a, req, out, err);
    rh_db_close(db);
    return ok;
}
