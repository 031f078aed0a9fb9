/* SPDX-License-Identifier: Apache-2.0 */
#include "home/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "app/install.h"
#include "base/step.h"
#include "home/model.h"
#include "migrate/apply.h"
#include "sql.h"

#define REFERENCE_PATH RH_REFERENCE_SCHEMA ", pg_temp"
#define TENANT_PATH RH_SHARED_SCHEMA ", " REFERENCE_PATH

bool rh_adopt_cut(const rh_migration_set *set, int version, rh_migration_set *out, rh_err *err)
{
    *out = *set;
    for (size_t i = 0; i < set->n; i++)
        if (set->items[i].number == version) {
            out->n = i + 1;
            return true;
        }
    rh_err_set(err, RH_E_INVALID, "no migration of the tenant set has the number %d", version);
    return rh_err_hint(err, "The newest is %d; the database's tables must be as one of them leaves them.",
                       rh_set_newest(set));
}

static const char *command(rh_arena *a, const char *before, const char *name, const char *after,
                           const char *role)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, before);
    rh_str_add_ident(&sql, name);
    rh_str_add(&sql, after);
    if (role)
        rh_str_add_ident(&sql, role);
    return rh_str_cstr(&sql);
}

/* ---- the shape it should have: of a database made by the migrations, and dropped again ---- */

static bool apply_all(rh_db *db, const char *path, const rh_migration_set *set, rh_err *err)
{
    const rh_apply_target t = {.db = db, .search_path = path};
    int version;
    size_t from;
    return rh_apply_state(&t, set, &version, &from, err) && rh_apply_run(&t, set, from, err);
}

static PGresult *read_fresh(const rh_app *app, const rh_node *node, const rh_sets *sets,
                            const rh_migration_set *tenant, const char *name, rh_arena *a, rh_err *err)
{
    PGresult *shape = NULL;
    rh_db *db = rh_install_database(app, node, name, NULL, err)
                    ? rh_app_connect(app, node, RH_ROLE_OPERATOR, name, err)
                    : NULL;
    if (db && rh_home_prepare_database(app, db, err) && apply_all(db, REFERENCE_PATH, sets->reference, err) &&
        apply_all(db, TENANT_PATH, tenant, err) &&
        rh_db_exec(db, "RESET ALL; SET search_path = pg_catalog", err))
        shape = rh_shape_read(db, a, err);
    rh_db_close(db);
    return shape;
}

/* No home can have the name (catalog/0004_views.sql), so one that is there is what a killed command left. */
static PGresult *read_wanted(const rh_app *app, const rh_sets *sets, const rh_adopt_what *what, rh_arena *a,
                             rh_err *err)
{
    rh_migration_set tenant;
    rh_err ignored;
    PGresult *shape = NULL;
    const char *name = rh_arena_printf(a, "rowhouse_check_%s", app->conf->app_name);
    const char *drop = command(a, "DROP DATABASE IF EXISTS ", name, " WITH (FORCE)", NULL);
    if (!rh_adopt_cut(sets->tenant, what->version, &tenant, err))
        return NULL;
    /* one at a time; the lock of the database's own name is rh_install_database()'s */
    rh_db *admin = rh_install_admin(app, what->node, rh_arena_printf(a, "%s in use", name), err);
    const char *owner = admin ? rh_db_value(admin, a, rh_sql_install_database_state, 1, &name, err) : NULL;
    if (owner && *owner && strcmp(owner, app->owner) != 0) {
        rh_err_set(err, RH_E_EXISTS, "database %s exists and belongs to %s", name, owner);
        rh_err_hint(err, "Rowhouse compares with a database of this name: rename that one.");
    } else if (owner && rh_db_exec(admin, drop, err)) {
        shape = read_fresh(app, what->node, sets, &tenant, name, a, err);
        rh_step("adopt.compared");
        rh_db_exec(admin, drop, &ignored);
    }
    rh_db_close(admin);
    return shape;
}

/* ---- the database from outside ---- */

enum outside {
    OWNER,
    OWNER_IS,
    COMMENT,
    IS_TEMPLATE,
    CONNECTS,
    ENCODING,
    SESSIONS,
    WHO,
    PREPARED,
    SLOTS,
    SUBSCRIPTIONS,
    SETTINGS
};

static bool refuse(rh_err *err, const char *database, const char *why, const char *hint)
{
    rh_err_set(err, RH_E_STATE, "database %s %s", database, why);
    return rh_err_hint(err, "%s", hint);
}

static bool is_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return (*name == '_' || (*name >= 'a' && *name <= 'z')) && n <= 63 && !name[n];
}

static bool is_reserved(const rh_app *app, const char *name)
{
    const char *const taken[] = {app->catalog_db, app->shared_db, app->template_db,
                                 "postgres",      "template0",    "template1"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(taken[i], name) == 0)
            return true;
    return rh_starts_with(name, "pg_") || rh_starts_with(name, "rowhouse");
}

/* One that the app's owner has already and that bears no mark may be a home at its making. */
static bool check_owner(const rh_app *app, const char *database, const PGresult *res, rh_err *err)
{
    if (rh_starts_with(PQgetvalue(res, 0, COMMENT), "rowhouse "))
        return refuse(err, database, "is a home already",
                      "Its comment says whose; `rowhouse tenant list` shows the tenants.");
    if (strcmp(PQgetvalue(res, 0, OWNER), app->owner) == 0)
        return refuse(err, database, "belongs to the app already",
                      "Give it to another role first, if it is no home: ALTER DATABASE ... OWNER TO.");
    if (rh_starts_with(PQgetvalue(res, 0, OWNER_IS), "rowhouse app "))
        return refuse(err, database, "belongs to another app of Rowhouse", "A database has one app.");
    return true;
}

static bool check_use(rh_arena *a, const char *database, const PGresult *res, rh_err *err)
{
    const char *n = PQgetvalue(res, 0, SESSIONS);
    if (strcmp(n, "0") != 0)
        return refuse(err, database,
                      rh_arena_printf(a, "is in use by %s session%s: %.200s", n,
                                      strcmp(n, "1") == 0 ? "" : "s", PQgetvalue(res, 0, WHO)),
                      "Stop the programs that use it; from now on the tenant comes in by the doors.");
    if (strcmp(PQgetvalue(res, 0, PREPARED), "0") != 0)
        return refuse(err, database, "has prepared transactions",
                      "COMMIT PREPARED or ROLLBACK PREPARED: see pg_prepared_xacts.");
    if (strcmp(PQgetvalue(res, 0, SLOTS), "0") != 0 || strcmp(PQgetvalue(res, 0, SUBSCRIPTIONS), "0") != 0)
        return refuse(err, database, "is replicated", "Drop its subscriptions and replication slots first.");
    return true;
}

static PGresult *read_outside(rh_db *admin, rh_arena *a, const char *database, rh_err *err)
{
    PGresult *res = rh_db_query(admin, a, rh_sql_adopt_database, 1, &database, err);
    if (res && PQntuples(res) == 0) {
        rh_err_set(err, RH_E_NOT_FOUND, "there is no database %s on the app's server", database);
        rh_err_hint(err, "A dump of it can be restored there with PostgreSQL's own tools.");
        return NULL;
    }
    return res;
}

static bool check_outside(const rh_app *app, rh_arena *a, const char *database, const PGresult *res,
                          rh_err *err)
{
    if (*PQgetvalue(res, 0, IS_TEMPLATE) == 't' || *PQgetvalue(res, 0, CONNECTS) != 't')
        return refuse(err, database, "is a template, or takes no connections",
                      "ALTER DATABASE ... IS_TEMPLATE false ALLOW_CONNECTIONS true.");
    if (strcmp(PQgetvalue(res, 0, ENCODING), "UTF8") != 0)
        return refuse(err, database, rh_arena_printf(a, "is encoded in %s", PQgetvalue(res, 0, ENCODING)),
                      "Homes are UTF8: dump it, and restore it into a new database.");
    return check_owner(app, database, res, err) && check_use(a, database, res, err);
}

/* ---- the database from inside ---- */

static bool add_surroundings(rh_db *db, rh_arena *a, const char *ours, rh_shape_findings *found, rh_err *err)
{
    PGresult *res = rh_db_query(db, a, rh_sql_adopt_surroundings, 1, &ours, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_shape_finding f = {.kind = PQgetvalue(res, i, 0),
                              .name = PQgetvalue(res, i, 1),
                              .is = "cannot stay",
                              .advice = PQgetvalue(res, i, 2)};
        RH_VEC_PUSH(a, &found->differences, f);
    }
    return res != NULL;
}

static bool is_unknown(const rh_shape_findings *found, const char *table)
{
    for (size_t i = 0; i < found->unknown.len; i++)
        if (strcmp(found->unknown.items[i].name, table) == 0)
            return true;
    return false;
}

/* The rows of an app with a tenant key must all be this tenant's: its tables are as they should be by now, so
 * the comparison is of the types that the app says. */
static bool add_foreign_rows(const rh_app *app, rh_db *db, rh_arena *a, const char *tenant_id,
                             rh_shape_findings *found, rh_err *err)
{
    const char *params[] = {app->conf->app_tenant_key, app->conf->app_root, rh_id_type_name(app->conf)};
    PGresult *res = rh_db_query(db, a, rh_sql_adopt_keys, 3, params, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_shape_finding f = {.kind = "rows of", .name = PQgetvalue(res, i, 0), .advice = ""};
        if (is_unknown(found, f.name))
            continue;
        const char *n = rh_db_value(db, a, PQgetvalue(res, i, 1), 1, &tenant_id, err);
        if (!n)
            return rh_err_context(err, "table %s", f.name);
        if (strcmp(n, "0") == 0)
            continue;
        f.is = rh_arena_printf(a, "%s of them of another tenant", n);
        f.should = rh_arena_printf(a, "all of tenant %s", tenant_id);
        RH_VEC_PUSH(a, &found->differences, f);
    }
    return res != NULL;
}

/* As the admin, who reads everything; nothing of the database's own code runs in it. */
static bool look_inside(const rh_app *app, const rh_adopt_what *what, const PGresult *wanted, bool taken,
                        rh_arena *a, rh_shape_findings *found, rh_err *err)
{
    rh_db *db = rh_app_connect(app, what->node, RH_ROLE_ADMIN, what->database, err);
    PGresult *shape =
        db && rh_db_exec(
                  db,
                  "SET search_path = pg_catalog; SET row_security = off; SET statement_timeout = 0; BEGIN "
                  "TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                  err)
            ? rh_shape_read(db, a, err)
            : NULL;
    bool ok = shape != NULL;
    if (ok)
        rh_shape_compare(a, shape, wanted, found);
    ok = ok && add_surroundings(db, a, taken ? app->owner : "", found, err) &&
         (found->differences.len || !what->tenant_id ||
          add_foreign_rows(app, db, a, what->tenant_id, found, err));
    rh_db_close(db);
    return ok;
}

bool rh_adopt_check(const rh_app *app, const rh_sets *sets, const rh_adopt_what *what, rh_arena *a,
                    rh_adopt_was *was, rh_shape_findings *found, rh_err *err)
{
    *found = (rh_shape_findings){0};
    if (is_reserved(app, what->database))
        return refuse(err, what->database, "has a name that no home can have",
                      "Adopt a database of another name, or rename it: ALTER DATABASE ... RENAME TO.");
    if (!is_name_ok(what->database))
        return refuse(err, what->database, "has a name with more than lower-case letters, digits, _ and -",
                      "ALTER DATABASE ... RENAME TO.");
    rh_db *admin = rh_app_connect(app, what->node, RH_ROLE_ADMIN, NULL, err);
    PGresult *outside = admin ? read_outside(admin, a, what->database, err) : NULL;
    bool ok = outside && check_outside(app, a, what->database, outside, err);
    if (ok && strcmp(PQdb(rh_db_conn(admin)), what->database) == 0)
        ok = refuse(err, what->database, "is the one through which the app reaches its server",
                    "Name another in server.conninfo (DATABASE_URL, PGDATABASE), such as postgres.");
    rh_db_close(admin);
    if (!ok)
        return false;
    *was = (rh_adopt_was){PQgetvalue(outside, 0, OWNER), PQgetvalue(outside, 0, COMMENT),
                          PQgetvalue(outside, 0, SETTINGS)};
    PGresult *wanted = read_wanted(app, sets, what, a, err);
    return wanted && look_inside(app, what, wanted, false, a, found, err);
}

/* ---- taking it ---- */

/* In one transaction; at its end nobody else may be there. */
static bool change_hands(const rh_app *app, const rh_home *home, rh_db *admin, rh_arena *a, rh_err *err)
{
    PGresult *others = rh_db_query(admin, a, rh_sql_adopt_grants, 1, &home->database, err);
    bool ok =
        others &&
        rh_db_exec(admin, command(a, "REVOKE ALL ON DATABASE ", home->database, " FROM PUBLIC CASCADE", NULL),
                   err);
    for (int i = 0; ok && i < PQntuples(others); i++)
        ok = rh_db_exec(admin,
                        rh_arena_printf(a, "%s CASCADE",
                                        command(a, "REVOKE ALL ON DATABASE ", home->database, " FROM ",
                                                PQgetvalue(others, i, 0))),
                        err);
    rh_str mark;
    rh_str_init_in(&mark, a, RH_STR_TEXT_MAX);
    rh_str_add_literal(&mark, rh_home_mark(a, home));
    ok = ok &&
         rh_db_exec(admin,
                    rh_arena_printf(a, "%s%s",
                                    command(a, "COMMENT ON DATABASE ", home->database, " IS ", NULL),
                                    rh_str_cstr(&mark)),
                    err) &&
         rh_db_exec(admin, command(a, "ALTER DATABASE ", home->database, " RESET ALL", NULL), err) &&
         rh_db_exec(admin, command(a, "ALTER DATABASE ", home->database, " OWNER TO ", app->owner), err);
    PGresult *outside = ok ? read_outside(admin, a, home->database, err) : NULL;
    return outside && check_use(a, home->database, outside, err);
}

/* Who came in while it changed hands had no right to it any more. */
#define END_OTHERS                                                                                           \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND usesysid IS NOT "  \
    "NULL AND "                                                                                              \
    "pid <> pg_backend_pid()"

static bool take(const rh_app *app, const rh_home *home, rh_arena *a, rh_err *err)
{
    rh_err ignored;
    rh_db *admin = rh_install_admin(app, home->node, home->database, err);
    PGresult *outside = admin ? read_outside(admin, a, home->database, err) : NULL;
    bool ok = outside != NULL;
    if (ok && strcmp(PQgetvalue(outside, 0, COMMENT), rh_home_mark(a, home)) != 0) {
        ok = check_outside(app, a, home->database, outside, err) && rh_db_exec(admin, "BEGIN", err) &&
             change_hands(app, home, admin, a, err) && rh_db_exec(admin, "COMMIT", err) &&
             rh_db_query(admin, a, END_OTHERS, 1, &home->database, err);
        if (!ok)
            rh_db_exec(admin, "ROLLBACK", &ignored);
    }
    rh_db_close(admin);
    return ok;
}

/* ---- moving in ---- */

static bool note(rh_db *db, rh_arena *a, const rh_home *home, const char *set, int number, const char *name,
                 const char *checksum, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), set,
                            rh_arena_printf(a, "%d", number), name, checksum};
    return rh_db_query(db, a, rh_sql_homes_note_applied, 5, params, err) != NULL;
}

/* The tenant's world is there already, so what on_create.sql would put into it is not wanted: noted as done.
 * In an app with a tenant key the root row says the same. */
static bool note_all(const rh_app *app, const rh_migration_set *set, const rh_home *home, rh_db *db,
                     rh_arena *a, rh_err *err)
{
    bool ok = app->conf->keyed || note(db, a, home, "admitted", 1, "on_create", "", err);
    for (size_t i = 0; ok && i < set->n; i++)
        ok = note(db, a, home, set->name, set->items[i].number, set->items[i].name, set->items[i].checksum,
                  err);
    return ok;
}

static bool set_aside(const rh_app *app, rh_db *db, rh_arena *a, const rh_shape_findings *found, rh_err *err)
{
    if (found->unknown.len &&
        !rh_db_exec(db,
                    command(a, "CREATE SCHEMA IF NOT EXISTS " RH_ADOPTED_SCHEMA " AUTHORIZATION ", app->owner,
                            "", NULL),
                    err))
        return false;
    for (size_t i = 0; i < found->unknown.len; i++)
        if (!rh_db_exec(db, found->unknown.items[i].advice, err))
            return rh_err_context(err, "%s", found->unknown.items[i].advice);
    return true;
}

static bool move_in(const rh_app *app, const rh_sets *sets, const rh_home *home, const rh_adopt_what *what,
                    rh_db *db, rh_arena *a, rh_err *err)
{
    rh_err ignored;
    rh_shape_findings found;
    rh_migration_set set;
    PGresult *wanted = read_wanted(app, sets, what, a, err);
    if (!wanted || !rh_adopt_cut(sets->tenant, what->version, &set, err) ||
        !look_inside(app, what, wanted, true, a, &found, err))
        return false;
    if (found.differences.len) {
        const rh_shape_finding *f = &found.differences.items[0];
        rh_err_set(err, RH_E_STATE, "database %s does not fit version %d of the app: %s %s", home->database,
                   what->version, f->kind, f->name);
        return rh_err_hint(err, "It was changed since it was checked: make it right as the admin, then "
                                "`rowhouse migrate` goes on.");
    }
    bool ok = rh_db_exec(db, "BEGIN; SET LOCAL search_path = " RH_SHARED_SCHEMA ", pg_temp", err) &&
              set_aside(app, db, a, &found, err) && note_all(app, &set, home, db, a, err) &&
              rh_db_exec(db, "COMMIT", err);
    if (!ok)
        rh_db_exec(db, "ROLLBACK", &ignored);
    return ok;
}

/* What the home says itself: moved in when any migration counts as applied. */
static bool settle(const rh_app *app, const rh_sets *sets, const rh_home *home, const rh_adopt_what *what,
                   rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)home->id), sets->tenant->name};
    rh_db *db = rh_app_connect(app, home->node, RH_ROLE_OPERATOR, home->database, err);
    PGresult *res = db && rh_home_prepare_database(app, db, err)
                        ? rh_db_query(db, a, rh_sql_homes_applied, 2, params, err)
                        : NULL;
    bool ok = res && (PQntuples(res) > 0 || move_in(app, sets, home, what, db, a, err));
    rh_db_close(db);
    return ok;
}

bool rh_adopt(const rh_app *app, const rh_sets *sets, const rh_home *home, int version, const char *tenant_id,
              rh_db *shared, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const rh_adopt_what what = {home->node, home->database, version, app->conf->keyed ? tenant_id : NULL};
    bool ok = take(app, home, a, err);
    rh_step("adopt.taken");
    ok = ok && rh_home_make(app, home, shared, err);
    rh_step("adopt.prepared");
    ok = ok && settle(app, sets, home, &what, a, err);
    rh_step("adopt.moved_in");
    rh_arena_free(a);
    return ok;
}
