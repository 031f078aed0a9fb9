/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/sets.h"

#include "base/file.h"
#include "migrate/lint.h"

#define MAX_ON_CREATE ((size_t)1 << 20)

bool rh_sets_load(const rh_conf *conf, rh_arena *a, rh_sets *out, rh_err *err)
{
    const char *path = rh_arena_printf(a, "%s/tenant/on_create.sql", conf->dir);
    *out = (rh_sets){0};
    if (!(out->catalog = rh_set_load(a, conf->dir, "catalog", err)) ||
        !(out->reference = rh_set_load(a, conf->dir, "reference", err)) ||
        !(out->tenant = rh_set_load(a, conf->dir, "tenant", err)))
        return false;
    out->on_create = rh_file_read(a, path, MAX_ON_CREATE, NULL, err);
    return out->on_create || err->code == RH_E_NOT_FOUND;
}

bool rh_sets_lint(const rh_conf *conf, rh_arena *a, const rh_sets *sets, FILE *out, int *errors,
                  int *warnings, rh_err *err)
{
    rh_lint_report report;
    if (!rh_lint(a, conf, sets->reference, sets->tenant, sets->on_create, &report, err))
        return false;
    if (out && (report.errors || report.warnings))
        rh_lint_print(&report, out, false);
    *errors = (int)report.errors;
    *warnings = (int)report.warnings;
    return true;
}

int rh_set_newest(const rh_migration_set *set)
{
    return set->n ? set->items[set->n - 1].number : 0;
}
