/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo of an app: made-up tenants and data, questions answered in SQL, requests answered over HTTP. What
 * there is to make, ask and request stands in files of the app ([demo] in rowhouse.conf); nothing here knows
 * an app.
 */
#ifndef RH_DEMO_H
#define RH_DEMO_H

#include <stdio.h>

#include "catalog/tenant.h"

typedef void (*rh_say)(void *arg, const char *line);

/* Generates the CSV files below the state directory, creates the tenants, loads the tables, gathers
 * statistics. Does nothing when the app has tenants already or has no demo. Interrupted, it begins where it
 * stopped: a table that holds rows is not loaded again. */
bool rh_demo_load(rh_operator *o, rh_say say, void *arg, rh_err *err);

/* Answers the questions file on `out`: each part begins with `-- operator: TITLE` or `-- tenant REF: TITLE`.
 * Every part is rolled back, so that the demo can be repeated; its own BEGIN and COMMIT are left out. */
bool rh_demo_questions(rh_operator *o, FILE *out, rh_err *err);

/* The requests file: `# title`, then `TENANT METHOD PATH [BODY]`. Prints a curl line for each with the
 * tenant's token in a shell variable; with `run` also what the data door answers. */
bool rh_demo_requests(rh_operator *o, int port, bool tls, bool run, FILE *out, rh_err *err);

#endif
