/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of an app, open: the directory and its watch, the data door's loops, the control door. `serve`
 * and `dev` are thin around it.
 */
#ifndef RH_SERVICE_H
#define RH_SERVICE_H

#include "app/app.h"

typedef struct rh_service rh_service;

/* The data door's sessions: every name is qualified, so nothing is looked up anywhere but in PostgreSQL's own
 * schema. */
#define RH_DATA_OPTIONS "-c search_path=pg_catalog,pg_temp"

/* The log as the settings want it. */
bool rh_service_log(const rh_conf *conf, rh_err *err);

rh_service *rh_service_start(rh_app *app, rh_err *err);
int rh_service_data_port(const rh_service *s);
int rh_service_control_port(const rh_service *s);
size_t rh_service_tenants(const rh_service *s);
void rh_service_stop(rh_service *s);

#endif
