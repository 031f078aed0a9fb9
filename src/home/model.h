/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model of homes must bring: one table of functions each, in shared.c, schema.c and database.c. The
 * meaning of each is home.h's. To add a model: a file with its table, a row in home.c.
 */
#ifndef RH_HOME_MODEL_H
#define RH_HOME_MODEL_H

#include "home/home.h"

typedef struct rh_home_model {
    bool own_database; /* not the shared homes' */
    const char *dump_suffix;
    bool (*exists)(const rh_app *app, const rh_home *home, rh_db *shared, bool *exists, rh_err *err);
    bool (*dump)(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                 const char *path, rh_err *err);
    bool (*make)(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err);
    bool (*drop)(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err);
} rh_home_model;

extern const rh_home_model rh_home_model_shared, rh_home_model_schema, rh_home_model_database;

/* ---- what several of them use: dump.c ---- */

/* The mark that says whose a schema or database is: its comment. */
const char *rh_home_mark(rh_arena *a, const rh_home *home);
/* pg_dump in the custom format; schema NULL: the whole database. */
bool rh_dump_program(const rh_app *app, const rh_home *home, const char *schema, const char *path,
                     rh_err *err);
/* A script for psql with the tenant's rows of each table that carries its key, tables that are referred to
 * first. */
bool rh_dump_rows(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id,
                  const char *path, rh_err *err);

#endif
