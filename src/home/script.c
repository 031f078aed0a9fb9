/* SPDX-License-Identifier: Apache-2.0 */
#include "home/script.h"

#include <stdlib.h>
#include <string.h>

#include "app/cluster.h"
#include "home/model.h"
#include "migrate/apply.h"
#include "migrate/script.h"
#include "sql.h"

/* What stands in the kept commands for a home's schema and tenant. The name has a blank, so that PostgreSQL
 * always writes it in quotes. */
#define ANY_SCHEMA "rowhouse any home"
#define ANY_BIGINT "4611686018427380017"
#define ANY_UUID "5ca1ab1e-0000-4000-8000-000005c21970"

static const char *any_tenant(const rh_conf *conf)
{
    return conf->id_type == RH_ID_UUID ? ANY_UUID : ANY_BIGINT;
}

/* ---- which ---- */

static void add_set(rh_str *out, const rh_migration_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        rh_str_addf(out, "%s %d %s\n", set->name, set->items[i].number, set->items[i].checksum);
}

/* Of everything that a script comes from, SHA-256. */
static const char *key_of(const rh_app *app, const rh_sets *sets, rh_arena *a, rh_err *err)
{
    rh_migration *sum = RH_NEW(a, rh_migration);
    rh_str all;
    rh_str_init_in(&all, a, RH_STR_TEXT_MAX);
    rh_str_addf(&all, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", rh_sql_fittings_commands, rh_sql_fittings_check,
                app->conf->app_tenant_key ? app->conf->app_tenant_key : "",
                app->conf->app_root ? app->conf->app_root : "", app->owner, app->server, app->operator_name,
                rh_id_type_name(app->conf));
    add_set(&all, sets->reference);
    add_set(&all, sets->tenant);
    sum->path = "the script of a home";
    return rh_set_checksum(sum, rh_str_cstr(&all), all.len, err) ? sum->checksum : NULL;
}

/* A transaction holds all of it, and what we have prepared stays. */
static bool can_be_script(const rh_sets *sets)
{
    for (size_t i = 0; i < sets->tenant->n; i++) {
        const rh_migration *m = &sets->tenant->items[i];
        if (m->no_transaction || rh_set_is_unwritten(m) || strcasestr(m->text, "deallocate") ||
            strcasestr(m->text, "discard"))
            return false;
    }
    return sets->tenant->n > 0;
}

/* ---- its text ---- */

static void add_make(rh_str *out, const rh_app *app, rh_arena *a, const rh_home *home)
{
    rh_str_add(out, "CREATE SCHEMA ");
    rh_str_add_ident(out, home->schema);
    rh_str_add(out, " AUTHORIZATION ");
    rh_str_add_ident(out, app->owner);
    rh_str_add(out, "; COMMENT ON SCHEMA ");
    rh_str_add_ident(out, home->schema);
    rh_str_add(out, " IS ");
    rh_str_add_literal(out, rh_home_mark(a, home));
    rh_str_add(out, ";\n");
}

/* The files, each with the session that the long way gives it, and their rows. */
static void add_migrations(rh_str *out, const rh_app *app, rh_arena *a, const rh_home *home,
                           const rh_migration_set *set, bool as_owner, bool lazy)
{
    const char *plain = rh_apply_plain_session(a, lazy ? "SET LOCAL synchronous_commit = off; " : "",
                                               rh_home_search_path(a, home), true);
    for (size_t i = 0; i < set->n; i++) {
        rh_str_addf(out, "%s;\n", plain);
        if (as_owner) {
            rh_str_add(out, "SET LOCAL ROLE ");
            rh_str_add_ident(out, app->owner);
            rh_str_add(out, ";\n");
        }
        rh_str_addn(out, set->items[i].text, set->items[i].len);
        rh_str_add(out, "\n;\n");
    }
    rh_str_addf(out,
                "%s;\nINSERT INTO rowhouse.applied_migrations (home, set, number, name, checksum) VALUES",
                plain);
    for (size_t i = 0; i < set->n; i++) {
        rh_str_addf(out, "%s (%lld, ", i ? "," : "", (long long)home->id);
        rh_str_add_literal(out, set->name);
        rh_str_addf(out, ", %d, ", set->items[i].number);
        rh_str_add_literal(out, set->items[i].name);
        rh_str_addf(out, ", '%s')", set->items[i].checksum);
    }
    rh_str_add(out, ";\nSET LOCAL search_path = pg_catalog;\n");
}

static bool replace_at(rh_str *out, const char **p, const char *word, void (*add)(rh_str *, const char *),
                       const char *value)
{
    if (!rh_starts_with(*p, word))
        return false;
    add(out, value);
    *p += strlen(word);
    return true;
}

/* The commands with this home's schema and tenant; what hands over is left out where the owner made all. */
static void add_fittings(rh_str *out, const rh_app *app, const rh_home *home, const rh_home_script *kept)
{
    const char *tenant = app->conf->id_type == RH_ID_UUID ? "'" ANY_UUID "'" : "'" ANY_BIGINT "'";
    for (const char *p = kept->fittings, *line = p; *p;) {
        if (p == line && kept->as_owner && rh_starts_with(p, "REASSIGN OWNED BY ")) {
            p += strcspn(p, "\n");
        } else if (*p == '\n') {
            rh_str_addc(out, *p++);
            line = p;
        } else if (!replace_at(out, &p, "\"" ANY_SCHEMA "\"", rh_str_add_ident, home->schema) &&
                   !replace_at(out, &p, tenant, rh_str_add_literal, home->tenant)) {
            rh_str_addc(out, *p++);
        }
    }
}

const char *rh_home_script_text(const rh_app *app, const rh_home *home, const rh_sets *sets,
                                const rh_home_script *s, bool lazy, rh_arena *a)
{
    rh_str text;
    rh_str_init_in(&text, a, RH_STR_TEXT_MAX);
    add_make(&text, app, a, home);
    add_migrations(&text, app, a, home, sets->tenant, s->as_owner, lazy);
    add_fittings(&text, app, home, s);
    return rh_str_cstr(&text);
}

void rh_home_script_release(rh_home_script *s)
{
    free(s->fittings);
    free(s->root_key);
    *s = (rh_home_script){0};
}

bool rh_home_script_read(const rh_app *app, rh_db *shared, const rh_sets *sets, rh_home_script *s)
{
    rh_err ignored;
    rh_arena *a = rh_arena_new();
    const char *key = key_of(app, sets, a, &ignored), *root_key = NULL;
    bool ok = key && strcmp(key, s->key) == 0;
    PGresult *res = key && !ok ? rh_db_query(shared, a, rh_sql_homes_script, 1, &key, &ignored) : NULL;
    if (res && PQntuples(res) > 0 &&
        (!app->conf->keyed || (root_key = rh_home_root_key(app, shared, a, RH_SHARED_SCHEMA, &ignored)))) {
        rh_home_script_release(s);
        *s = (rh_home_script){.fittings = rh_xstrdup(PQgetvalue(res, 0, 0)),
                              .root_key = rh_xstrdup(root_key),
                              .as_owner = *PQgetvalue(res, 0, 1) == 't'};
        memcpy(s->key, key, sizeof s->key);
        ok = true;
    }
    rh_arena_free(a);
    return ok;
}

/* ---- trying it ---- */

struct trial {
    const rh_app *app;
    rh_home home;
    rh_db *db;
    rh_home_fitted fitted;
    const char *made; /* things and rows of the long way, in a word each */
};

static const char *made(struct trial *t, rh_arena *a, rh_err *err)
{
    const char *schema = ANY_SCHEMA, *things, *rows;
    if (!rh_db_exec(t->db, "SET LOCAL search_path = pg_catalog", err) ||
        !(things = rh_db_value(t->db, a, rh_sql_homes_made, 1, &schema, err)) ||
        !(rows = rh_db_value(t->db, a, rh_sql_homes_made_rows, 1, &schema, err)) ||
        !(rows = rh_db_value(t->db, a, rows, 0, NULL, err)))
        return NULL;
    return rh_arena_printf(a, "%s %s", things, rows);
}

static bool fit(void *arg, rh_err *err)
{
    struct trial *t = arg;
    return rh_home_fit(t->app, &t->home, t->db, &t->fitted, err);
}

static bool make_long_way(struct trial *t, const rh_sets *sets, rh_arena *a, rh_err *err)
{
    rh_apply_target target = {.db = t->db,
                              .home = t->home.id,
                              .search_path = rh_home_search_path(a, &t->home),
                              .finish = fit,
                              .finish_arg = t,
                              .inside = true};
    rh_str make;
    rh_str_init_in(&make, a, RH_STR_TEXT_MAX);
    add_make(&make, t->app, a, &t->home);
    return rh_db_exec(t->db, rh_str_cstr(&make), err) && rh_apply_run(&target, sets->tenant, 0, err) &&
           (t->made = made(t, a, err)) != NULL;
}

/* The same word, and nothing left for the fittings to do. */
static bool makes_the_same(struct trial *t, const rh_sets *sets, const rh_home_script *kept, rh_arena *a,
                           rh_err *err)
{
    rh_home_fitted left = {0};
    const char *word;
    return rh_db_exec(t->db, "ROLLBACK TO SAVEPOINT rowhouse_trial", err) &&
           rh_db_exec(t->db, rh_home_script_text(t->app, &t->home, sets, kept, false, a), err) &&
           (word = made(t, a, err)) && strcmp(word, t->made) == 0 &&
           rh_home_fit(t->app, &t->home, t->db, &left, err) && left.n == 0;
}

/* What is to be kept, the arena's; fittings NULL: nothing that can be used. */
static rh_home_script try_out(const rh_app *app, const rh_node *node, rh_db *shared, const rh_sets *sets,
                              rh_arena *a)
{
    rh_err ignored;
    rh_str commands;
    rh_str_init_in(&commands, a, RH_STR_TEXT_MAX);
    struct trial t = {.app = app,
                      .home = {.id = -1,
                               .model = RH_MODEL_SCHEMA,
                               .node = node,
                               .database = app->shared_db,
                               .schema = ANY_SCHEMA,
                               .tenant = any_tenant(app->conf)},
                      .db = shared,
                      .fitted = {.commands = &commands}};
    rh_home_script kept = {.as_owner = true};
    if (rh_db_exec(shared, "BEGIN; SAVEPOINT rowhouse_trial", &ignored) &&
        make_long_way(&t, sets, a, &ignored)) {
        kept.fittings = rh_arena_strdup(a, rh_str_cstr(&commands));
        if (!makes_the_same(&t, sets, &kept, a, &ignored)) {
            kept.as_owner = false;
            if (!makes_the_same(&t, sets, &kept, a, &ignored))
                kept.fittings = NULL;
        }
    }
    rh_db_exec(shared, "ROLLBACK", &ignored);
    return kept;
}

bool rh_home_script_prepare(const rh_app *app, rh_db *shared, rh_err *err)
{
    const rh_script_var vars[] = {{"owner", app->owner}, {NULL, NULL}};
    rh_str sql;
    rh_str_init(&sql, RH_STR_TEXT_MAX);
    bool ok = rh_script_expand(&sql, rh_sql_fittings_scripts, vars, err) &&
              rh_db_exec(shared, rh_str_cstr(&sql), err);
    rh_str_release(&sql);
    return ok;
}

bool rh_home_script_keep(const rh_app *app, const rh_node *node, rh_db *shared, const rh_sets *sets,
                         rh_err *err)
{
    bool citus, ok;
    rh_arena *a = rh_arena_new();
    const char *key = key_of(app, sets, a, err), *there = NULL;
    ok = key && rh_cluster_is_citus(shared, &citus, err) &&
         (there = rh_db_value(shared, a, rh_sql_homes_script_is_kept, 1, &key, err));
    if (ok && !*there && !citus && can_be_script(sets)) {
        rh_home_script kept = try_out(app, node, shared, sets, a);
        const char *params[] = {key, kept.fittings, kept.as_owner ? "true" : "false"};
        ok = rh_db_query(shared, a, rh_sql_homes_script_keep, 3, params, err) != NULL;
    }
    rh_arena_free(a);
    return ok;
}
