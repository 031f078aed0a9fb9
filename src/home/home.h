/* SPDX-License-Identifier: Apache-2.0
 *
 * A home: where one tenant's tables are. Three models behind one interface; nothing above it knows which:
 *
 *   shared    rows in the tables of schema public of the app's database; many tenants
 *   schema    a schema h_<number> (or as asked) of the same database
 *   database  a database <app>_h_<number> (or as asked), schema public
 *
 * All of it is blocking and done as the operator; databases are made and dropped by the admin. Every function
 * may be repeated after an interruption. `shared` is the operator's connection to the app's database on the
 * home's node: rh_operator_shared().
 */
#ifndef RH_HOME_H
#define RH_HOME_H

#include "app/app.h"
#include "migrate/sets.h"

typedef struct rh_home {
    int64_t id; /* its number in the catalog; 0 for templates */
    rh_model model;
    const rh_node *node;
    const char *database, *schema;
    const char *tenant; /* its only tenant's id; NULL: shared, or a template */
} rh_home;

#define RH_SHARED_SCHEMA "public"
#define RH_REFERENCE_SCHEMA "reference"
#define RH_TEMPLATE_SCHEMA "rowhouse_template"
#define RH_ADOPTED_SCHEMA "adopted" /* what an adopted database had that the app does not know */

/* A tenant's values for tenant/on_create.sql: id, slug, name and the profile columns of the catalog. */
typedef struct rh_profile {
    const char *const *names;
    const char *const *values; /* NULL is SQL NULL */
    size_t n;
} rh_profile;

typedef struct rh_home_versions {
    int reference, tenant;
} rh_home_versions;

/* ---- what differs by model ---- */

/* Makes the empty place: nothing, a schema, a database (cloned from the template where that is there). */
bool rh_home_make(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err);
/* The operator's connection to the home's database: `shared` itself, or a new one. End it with
 * rh_home_leave(). */
rh_db *rh_home_enter(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err);
void rh_home_leave(rh_db *db, rh_db *shared);
/* Takes the tenant's tables or rows away for good; a home that is gone already is fine. */
bool rh_home_drop(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err);
/* Whether it stands there and is this home's: what only has its name is somebody's. A shared home always is.
 */
bool rh_home_exists(const rh_app *app, const rh_home *home, rh_db *shared, bool *exists, rh_err *err);
/* Writes what is the tenant's into a file that PostgreSQL's own tools read: psql where the suffix is ".sql",
 * pg_restore where it is ".dump". Complete and synced, or not there. */
bool rh_home_dump(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                  const char *path, rh_err *err);
const char *rh_home_dump_suffix(const rh_home *home);

/* JSON object by tenant: the share of each in the bytes of a shared home's tables, by the bytes of its rows.
 * Reads every row. */
const char *rh_home_shares(const rh_app *app, const rh_home *home, rh_db *shared, rh_arena *a, rh_err *err);

/* ---- the same for all ---- */

/* `public, reference, pg_temp`, as SQL text. */
const char *rh_home_search_path(rh_arena *a, const rh_home *home);

/* Brings the home to the newest versions of the sets: each in one transaction, with the fittings. The
 * reference set too where the home has a database of its own. *applied counts migrations (may be NULL). */
bool rh_home_migrate(const rh_app *app, const rh_home *home, rh_db *db, const rh_sets *sets, int *applied,
                     rh_home_versions *versions, rh_err *err);

/* Brings the reference tables of the app's database on a node to the newest version. */
bool rh_home_migrate_reference(const rh_app *app, rh_db *shared, const rh_sets *sets, int *version,
                               rh_err *err);
/* Whether the home, and the reference tables beside it, are at the newest versions. */
bool rh_home_is_newest(const rh_home *home, rh_db *db, const rh_sets *sets, bool *newest, rh_err *err);

/* Lets a tenant in: runs tenant/on_create.sql, in one transaction, unless the tenant's root row stands there
 * already (a repeated or adopted creation). */
bool rh_home_admit(const rh_app *app, const rh_home *home, rh_db *db, const char *tenant_id,
                   const rh_profile *profile, rh_err *err);

/* As rh_home_admit() into a home where no tenant has ever been, in one round trip. Goes on with the caller's
 * transaction where one is open, and commits it; after a failure the caller rolls back. root_key:
 * rh_home_root_key(); not read in an app without a tenant key. lazy: rh_db_set_lazy() for what
 * it begins. Not on Citus. */
bool rh_home_admit_new(const rh_app *app, const rh_home *home, rh_db *db, const char *root_key,
                       const char *tenant_id, const rh_profile *profile, bool lazy, rh_err *err);
/* The column that is the primary key of the app's root table, as it stands in `schema`. */
const char *rh_home_root_key(const rh_app *app, rh_db *db, rh_arena *a, const char *schema, rh_err *err);

/* Makes the home right: owner, forced row security and policies, key defaults, invoker views, pinned
 * search_path, grants. Idempotent; runs in the caller's transaction when there is one. *out (may be NULL) is
 * added to. */
typedef struct rh_home_fitted {
    int n;            /* commands: what had to be done */
    rh_str *commands; /* their texts, each with ";\n"; NULL: not asked for */
} rh_home_fitted;
bool rh_home_fit(const rh_app *app, const rh_home *home, rh_db *db, rh_home_fitted *out, rh_err *err);

/* What must stand in a database before any set is migrated in it: applied_migrations, tenant_id(), and
 * what notes changes of reference tables. */
bool rh_home_prepare_database(const rh_app *app, rh_db *db, rh_err *err);

/* Binds a tenant to the open transaction, on Citus to its part on every worker as well. */
bool rh_home_bind(rh_db *db, const char *tenant_id, rh_err *err);

/* The relation cache of the home as JSON text. */
const char *rh_home_introspect(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err);

/* Ends the sessions that are the tenant's: psql bound to it, and all of the server role in a database of its
 * own, where it gets no new ones. */
bool rh_home_end_sessions(const rh_app *app, const rh_home *home, const char *tenant_id, rh_err *err);
/* The application_name of a psql that is bound to the tenant. */
const char *rh_home_session_name(rh_arena *a, const char *tenant_id);
/* The startup options of a psql in the home: its search_path, and bound to the tenant (NULL: to nobody). */
const char *rh_home_session_options(rh_arena *a, const rh_home *home, const char *tenant_id);

const char *rh_id_type_name(const rh_conf *conf); /* "bigint" or "uuid" */

#endif
