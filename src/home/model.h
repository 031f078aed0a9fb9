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
    bool (*make)(const rh_app *app, const rh_home *home, rh_db *shared, rh_err *err);
    bool (*drop)(const rh_app *app, const rh_home *home, rh_db *shared, const char *tenant_id, rh_err *err);
    bool (*size)(const rh_app *app, const rh_home *home, rh_db *shared, int64_t *bytes, rh_err *err);
} rh_home_model;

extern const rh_home_model rh_home_model_shared, rh_home_model_schema, rh_home_model_database;

#endif
