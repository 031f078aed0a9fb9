/* SPDX-License-Identifier: Apache-2.0
 *
 * A home: where one tenant's tables are. Model shared only in this version: all its tenants are rows in the
 * tables of one database and schema.
 */
#ifndef RH_HOME_H
#define RH_HOME_H

#include "app/app.h"

typedef struct rh_home {
    int64_t id; /* its number in the catalog */
    rh_model model;
    const char *database, *schema;
} rh_home;

#define RH_SHARED_SCHEMA "public"
#define RH_REFERENCE_SCHEMA "reference"

/* A tenant's values for tenant/on_create.sql: id, slug, name and the profile columns of the catalog. */
typedef struct rh_profile {
    const char *const *names;
    const char *const *values; /* NULL is SQL NULL */
    size_t n;
} rh_profile;

/* Gives a tenant its place in the home: runs tenant/on_create.sql, in one transaction, unless the tenant's
 * root row stands there already (a repeated or adopted creation). db: the operator's connection to the home's
 * database. */
bool rh_home_provision(const rh_app *app, const rh_home *home, rh_db *db, const char *tenant_id,
                       const rh_profile *profile, rh_err *err);

/* Makes the home right: owner, forced row security and policies, key defaults, invoker views, pinned
 * search_path, grants. Idempotent; runs in the caller's transaction when there is one. *n_commands counts
 * what had to be done. */
bool rh_home_fit(const rh_app *app, const rh_home *home, rh_db *db, int *n_commands, rh_err *err);

/* What must stand in a database before any set is migrated in it: applied_migrations and tenant_id(). */
bool rh_home_prepare_database(const rh_app *app, rh_db *db, rh_err *err);

/* The relation cache of the home as JSON text. */
const char *rh_home_introspect(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, rh_err *err);

const char *rh_id_type_name(const rh_conf *conf); /* "bigint" or "uuid" */

#endif
