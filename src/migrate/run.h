/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse migrate`: lint, roles and databases, the catalog, the reference set, the tenant set, fittings,
 * the relation cache, reference rows for database homes, and tenants that wait for their place. One run at a
 * time per app; repeated after a crash it goes on where the homes say they are.
 */
#ifndef RH_RUN_H
#define RH_RUN_H

#include <stdio.h>

#include "app/app.h"
#include "migrate/sets.h"

typedef struct rh_migrate_options {
    void (*tell)(void *arg, const char *line); /* what is being done, one line each; may be NULL */
    void *arg;
    FILE *lint_out;       /* findings of lint go here */
    int64_t lock_wait_ms; /* how long to wait for another run */
} rh_migrate_options;

typedef struct rh_migrate_report {
    int catalog, reference, tenant; /* migrations applied */
    int fittings;                   /* commands the fittings needed */
    int catalog_version, reference_version, tenant_version;
    int homes, homes_failed;   /* of one tenant each: brought forward, and those where it failed */
    int copies, copies_failed; /* database homes: reference rows brought, and those where it failed */
    int nodes_behind, homes_behind; /* left as they are: away, or failed; and homes of one tenant on them */
    int tenants_placed, tenants_failed;
    int drops_ended, drops_failed;
    int standby_failed; /* homes that were to stand by */
} rh_migrate_report;

/* "catalog_version":1, ... without the braces. */
void rh_migrate_report_json(const rh_migrate_report *r, rh_str *out);

bool rh_migrate(rh_app *app, const rh_migrate_options *options, rh_migrate_report *report, rh_err *err);

/* `rowhouse migrate status`: every set's files, what each home has, what is pending; as JSON: an object by
 * set. Changes nothing. */
bool rh_migrate_status(rh_app *app, bool json, FILE *out, rh_err *err);

#endif
