/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/world.h"

#include <openssl/evp.h>
#include <string.h>

#include "catalog/life.h"
#include "catalog/node.h"
#include "catalog/token.h"
#include "migrate/run.h"
#include "migrate/script.h"
#include "sql.h"

#define LOCK_WAIT_MS 60000
#define TOKEN_TTL_S 86400
#define KNOWN_ROWS 8

bool rh_world_go_on(const rh_world *w, rh_err *err)
{
    return !w->stopped() || rh_err_set(err, RH_E_STATE, "interrupted");
}

/* The operator's connection to the tenant's home; close it. */
static rh_db *enter(const rh_world *w, const rh_verify_tenant *t, rh_err *err)
{
    return rh_app_connect(w->app, t->home.node, RH_ROLE_OPERATOR, t->home.database, err);
}

/* ---- the tenants ---- */

/* Columns that the catalog set added get canaries of the type text; what refuses them stays empty. */
static bool make_profile(rh_world *w, rh_canary *c, rh_profile *out, rh_err *err)
{
    PGresult *r = rh_db_query(w->op.catalog, w->a, rh_sql_tenants_profile_columns, 0, NULL, err);
    if (!r)
        return false;
    size_t n = (size_t)PQntuples(r);
    const char **names = RH_NEW_ARRAY(w->a, const char *, n + 1),
               **values = RH_NEW_ARRAY(w->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        names[i] = PQgetvalue(r, (int)i, 0);
        values[i] = rh_canary_fresh(c, w->a, RH_CANARY_TEXT);
    }
    *out = (rh_profile){names, values, n};
    return true;
}

static bool make_tenant(rh_world *w, int at, rh_model model, const rh_verify_node *on, rh_err *err)
{
    rh_verify_tenant *t = &w->tenants[at];
    rh_canary *c = t->canary = &w->canaries[at];
    rh_canary_draw(c, &w->dice, w->canaries, (size_t)at);
    bool uuid = w->app->conf->id_type == RH_ID_UUID;
    rh_tenant_spec spec = {.id = rh_canary_value(c, w->a, uuid ? RH_CANARY_UUID : RH_CANARY_BIG, 0),
                           .slug = c->mark[RH_CANARY_TEXT],
                           .name = rh_canary_fresh(c, w->a, RH_CANARY_TEXT),
                           .model = rh_model_name(model),
                           .node = on->node->name};
    rh_profile none = {0};
    t->slug = w->slugs[at] = spec.slug;
    t->citus = on->citus;
    if (!make_profile(w, c, &spec.profile, err))
        return false;
    bool ok = rh_tenant_create(&w->op, w->a, &spec, &t->id, err);
    if (!ok && spec.profile.n && err->code == RH_E_DB) { /* not every type takes a word */
        spec.profile = none;
        ok = rh_tenant_create(&w->op, w->a, &spec, &t->id, err);
    }
    return ok && rh_tenant_home(&w->op, w->a, t->id, &t->home, err) &&
           (t->token = rh_tenant_token(&w->op, w->a, t->id, TOKEN_TTL_S, err));
}

static bool fill_tenant(rh_world *w, rh_verify_tenant *t, rh_canary *nobody, rh_err *err)
{
    rh_db *db = enter(w, t, err);
    bool ok = db && rh_verify_fill_reference(w->app, db, w->a, nobody, err) &&
              rh_verify_fill(w->app, &t->home, db, w->a, t->id, t->canary, &w->report->coverage, err) &&
              rh_db_exec(db, "ANALYZE", err);
    rh_db_close(db);
    return ok;
}

/* The nodes that take homes of the model: no database stands on a coordinator. */
static size_t nodes_for(const rh_world *w, rh_model model, const rh_verify_node *out[])
{
    size_t n = 0;
    for (size_t i = 0; i < w->nodes->len; i++)
        if (model != RH_MODEL_DATABASE || !w->nodes->items[i].citus)
            out[n++] = &w->nodes->items[i];
    return n;
}

static bool make_model(rh_world *w, rh_model model, int n_least, rh_canary *nobody, bool *suspended,
                       rh_err *err)
{
    const rh_verify_node **on = RH_NEW_ARRAY(w->a, const rh_verify_node *, w->nodes->len);
    size_t n_on = nodes_for(w, model, on);
    int n = n_least > 2 * (int)n_on ? n_least : 2 * (int)n_on;
    if (n_on == 0)
        return rh_err_set(err, RH_E_STATE, "no node takes database homes: Citus does not") ||
               rh_err_hint(err, "Name the other models with --models, or add a plain node.");
    for (int i = 0; i < n; i++) {
        rh_verify_tenant *t = &w->tenants[w->n];
        if (!rh_world_go_on(w, err) || !make_tenant(w, w->n++, model, on[(size_t)i % n_on], err) ||
            !fill_tenant(w, t, nobody, err))
            return false;
        t->still = i == n - 1;
        t->suspended = t->still && !*suspended;
        *suspended = *suspended || t->suspended;
        if (t->suspended && !rh_tenant_suspend(&w->op, t->id, "verify", err))
            return false;
    }
    return true;
}

static bool make_tenants(rh_world *w, unsigned models, int n_each, rh_err *err)
{
    rh_canary nobody;
    bool suspended = false;
    rh_canary_draw(&nobody, &w->dice, NULL, 0);
    for (int model = RH_MODEL_SHARED; model <= RH_MODEL_DATABASE; model++)
        if ((models >> model & 1) && !make_model(w, (rh_model)model, n_each, &nobody, &suspended, err))
            return rh_err_context(err, "a tenant in a %s home", rh_model_name((rh_model)model));
    return true;
}

/* The scratch copy gets the nodes that the real app has. */
static bool add_nodes(rh_world *w, const rh_app *real, rh_err *err)
{
    rh_str names;
    rh_str_init_in(&names, w->a, RH_STR_TEXT_MAX);
    for (size_t i = 0; i < w->nodes->len; i++) {
        const rh_node *node = w->nodes->items[i].node;
        rh_str_addf(&names, "%s%s", i ? ", " : "", node->name);
        if (i && (!rh_world_go_on(w, err) ||
                  !rh_node_add(&w->op, w->a, node->name, rh_verify_node_conninfo(real, w->a, node), err)))
            return false;
    }
    w->report->nodes = rh_str_cstr(&names);
    return true;
}

static bool read_cache(rh_world *w, rh_err *err)
{
    const char *text = rh_db_value(w->op.catalog, w->a, rh_sql_verify_relation_cache, 0, NULL, err);
    return text && (w->cache = rh_relation_cache_parse(text, strlen(text), err));
}

bool rh_world_make(rh_world *w, const rh_scratch *scratch, unsigned models, int n_tenants,
                   rh_verify_report *report, bool (*stopped)(void), rh_err *err)
{
    rh_migrate_report migrated;
    rh_migrate_options options = {.lint_out = stderr, .lock_wait_ms = LOCK_WAIT_MS};
    size_t n = 3 * ((size_t)n_tenants + 2 * scratch->nodes.len);
    *w = (rh_world){
        .a = report->a, .app = &scratch->app, .nodes = &scratch->nodes, .report = report, .stopped = stopped};
    w->dice.state = report->seed;
    w->tenants = RH_NEW_ARRAY(w->a, rh_verify_tenant, n);
    w->canaries = RH_NEW_ARRAY(w->a, rh_canary, n);
    w->slugs = RH_NEW_ARRAY(w->a, const char *, n);
    rh_app *app = (rh_app *)w->app; /* migrate notes that its passwords are known now */
    if (!rh_migrate(app, &options, &migrated, err) || !rh_world_go_on(w, err) ||
        !rh_operator_open(&w->op, app, err) || !add_nodes(w, scratch->real, err) ||
        !make_tenants(w, models, n_tenants, err) || !read_cache(w, err))
        return false;
    rh_judge_init(&w->judge, w->a, report, w->canaries, w->slugs, (size_t)w->n);
    return true;
}

void rh_world_release(rh_world *w)
{
    if (w->judge.scratch)
        rh_judge_release(&w->judge);
    if (w->cache)
        rh_relation_cache_free(w->cache);
    if (w->op.arena)
        rh_operator_close(&w->op);
}

/* ---- what the user runs before ---- */

static bool run_in(rh_world *w, const rh_verify_tenant *t, const char *sql, rh_err *err)
{
    const rh_script_var vars[] = {{"schema", t->home.schema},
                                  {"owner", w->app->owner},
                                  {"server", w->app->server},
                                  {"operator", w->app->operator_name},
                                  {NULL, NULL}};
    rh_str text;
    rh_str_init_in(&text, w->a, RH_STR_TEXT_MAX);
    rh_str_addf(&text, "SET search_path = %s;", rh_home_search_path(w->a, &t->home));
    if (!rh_script_expand(&text, sql, vars, err)) {
        err->code = RH_E_INVALID;
        return false;
    }
    rh_db *db = enter(w, t, err);
    bool ok = db && rh_db_exec(db, rh_str_cstr(&text), err);
    rh_db_close(db);
    return ok;
}

static bool is_first_of_home(const rh_world *w, int at)
{
    for (int i = 0; i < at; i++)
        if (w->tenants[i].home.id == w->tenants[at].home.id)
            return false;
    return true;
}

bool rh_world_run(rh_world *w, const char *sql, rh_err *err)
{
    for (int i = 0; i < w->n; i++)
        if (is_first_of_home(w, i) && !run_in(w, &w->tenants[i], sql, err))
            return rh_err_context(err, "in the %s home", rh_model_name(w->tenants[i].home.model));
    return true;
}

/* ---- what the homes hold ---- */

/* Calls each(arg, tenant, table, its rows) for each table of the tenant's home. */
static bool each_table(rh_world *w, rh_verify_tenant *t,
                       bool (*each)(rh_world *, rh_verify_tenant *, size_t, const char *, const PGresult *,
                                    rh_err *),
                       rh_err *err)
{
    const rh_conf *conf = w->app->conf;
    bool keyed = conf->keyed;
    const char *params[] = {t->home.schema, keyed ? conf->app_tenant_key : "", keyed ? conf->app_root : "",
                            t->id, t->home.model == RH_MODEL_SHARED ? "" : "all"};
    rh_arena *a = rh_arena_new();
    rh_db *db = enter(w, t, err);
    PGresult *tables = db ? rh_db_query(db, a, rh_sql_verify_fingerprint, 5, params, err) : NULL;
    bool ok = tables != NULL;
    for (int i = 0; ok && i < PQntuples(tables); i++) {
        PGresult *rows = rh_db_query(db, a, PQgetvalue(tables, i, 1), 0, NULL, err);
        ok = rows && each(w, t, (size_t)i, PQgetvalue(tables, i, 0), rows, err);
    }
    rh_db_close(db);
    rh_arena_free(a);
    return ok;
}

static const char *hash_rows(rh_world *w, const PGresult *rows)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    rh_str text;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    for (int i = 0; i < PQntuples(rows); i++)
        EVP_DigestUpdate(ctx, PQgetvalue(rows, i, 0), (size_t)PQgetlength(rows, i, 0) + 1);
    EVP_DigestFinal_ex(ctx, sum, &n);
    EVP_MD_CTX_free(ctx);
    rh_str_init_in(&text, w->a, 256);
    for (unsigned i = 0; i < n; i++)
        rh_str_addf(&text, "%02x", sum[i]);
    return rh_str_cstr(&text);
}

static void free_json(void *json)
{
    json_decref(json);
}

static bool note_table(rh_world *w, rh_verify_tenant *t, size_t at, const char *table, const PGresult *rows,
                       rh_err *err)
{
    (void)at, (void)err;
    rh_verify_rows known = {rh_arena_strdup(w->a, table), json_array()};
    rh_arena_on_free(w->a, free_json, known.rows);
    for (int i = 0; i < PQntuples(rows) && i < KNOWN_ROWS; i++)
        json_array_append_new(known.rows, json_loads(PQgetvalue(rows, i, 0), 0, NULL));
    RH_VEC_PUSH(w->a, &t->known, known);
    if (t->still)
        RH_VEC_PUSH(w->a, &t->prints, hash_rows(w, rows));
    return true;
}

bool rh_world_note(rh_world *w, rh_err *err)
{
    for (int i = 0; i < w->n; i++)
        if (!each_table(w, &w->tenants[i], note_table, err))
            return false;
    return true;
}

static void report_change(rh_world *w, const rh_verify_tenant *t, const char *table)
{
    rh_verify_leak leak = {.door = "homes",
                           .kind = "rows",
                           .asked_as = "somebody else",
                           .asked = "everything that was tried",
                           .owner = t->slug,
                           .canary = rh_arena_strdup(w->a, table),
                           .where = "table",
                           .excerpt =
                               "rows of a tenant that never asked for anything are not what they were"};
    rh_verify_report_leak(w->report, &leak);
}

static bool check_table(rh_world *w, rh_verify_tenant *t, size_t at, const char *table, const PGresult *rows,
                        rh_err *err)
{
    rh_verify_tried *line = rh_verify_report_line(w->report, "homes", "rows");
    rh_answer_to to = {.door = "homes",
                       .kind = "rows",
                       .own = (int)(t - w->tenants),
                       .asked = rh_arena_printf(w->a, "a row of table %s", table),
                       .where = "row"};
    (void)err;
    for (int i = 0; i < PQntuples(rows); i++) {
        size_t len = (size_t)PQgetlength(rows, i, 0);
        line->requests++;
        line->good++;
        line->rows++;
        line->bytes += (int64_t)len;
        rh_judge_answer(&w->judge, &to, PQgetvalue(rows, i, 0), len);
    }
    if (t->still && (at >= t->prints.len || strcmp(t->prints.items[at], hash_rows(w, rows)) != 0))
        report_change(w, t, table);
    return true;
}

bool rh_world_check(rh_world *w, rh_err *err)
{
    for (int i = 0; i < w->n; i++)
        if (!each_table(w, &w->tenants[i], check_table, err))
            return false;
    return true;
}

const json_t *rh_verify_known(const rh_verify_tenant *t, const char *table)
{
    for (size_t i = 0; i < t->known.len; i++)
        if (strcmp(t->known.items[i].table, table) == 0)
            return t->known.items[i].rows;
    return NULL;
}
