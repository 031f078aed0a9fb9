/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalog's own views (schema public of the catalog's database, made by the app's catalog set) as the
 * control door offers them: the same dialect as the data door, for the operator. A view over rowhouse.tenants
 * makes and drops tenants: see sql/catalog/0004_views.sql. Blocking, a connection a request.
 */
#ifndef RH_CONTROL_REST_H
#define RH_CONTROL_REST_H

#include "catalog/tenant.h"
#include "rest/rest.h"

/* control is an rh_control *. Writes answer with the row unless Prefer says otherwise. A DELETE that starts
 * drops answers 202. control.migrate_path runs a migration and answers with its report. */
bool rh_control_rest(void *control, rh_arena *a, const rh_rest_request *req, rh_rest_answer *out,
                     rh_err *err);

#endif
