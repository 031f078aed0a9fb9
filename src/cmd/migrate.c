/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "migrate/run.h"

static int new_file(rh_cmdline *line)
{
    rh_err err;
    const char *dir = rh_cmdline_get(line, "app"), *path;
    if (line->args.len != 3) {
        rh_err_set(&err, RH_E_USAGE, "migrate new takes a set and a name");
        rh_err_hint(&err, "For example: `rowhouse migrate new tenant add_colour`.");
        return rh_cmd_fail(&err);
    }
    const rh_conf *conf = rh_conf_load(line->a, dir ? dir : ".", line->settings.items, &err);
    if (!conf || !rh_set_new_file(line->a, conf->dir, line->args.items[1], line->args.items[2], &path, &err))
        return rh_cmd_fail(&err);
    printf(rh_cmdline_get(line, "json") ? "{\"file\":\"%s\"}\n" : "%s\n", path); /* [a-z0-9_/.]+ */
    return 0;
}

static void print_report(const rh_migrate_report *r)
{
    fprintf(stderr, "catalog %04d (%d new), reference %04d (%d new), tenant %04d (%d new), %d fitting%s\n",
            r->catalog_version, r->catalog, r->reference_version, r->reference, r->tenant_version, r->tenant,
            r->fittings, r->fittings == 1 ? "" : "s");
    if (r->homes || r->homes_failed)
        fprintf(stderr, "homes of one tenant: %d brought forward, %d failed\n", r->homes, r->homes_failed);
    if (r->copies || r->copies_failed)
        fprintf(stderr, "reference rows: %d home%s brought forward, %d failed\n", r->copies,
                r->copies == 1 ? "" : "s", r->copies_failed);
    if (r->nodes_behind)
        fprintf(stderr,
                "nodes left behind: %d, with %d homes of one tenant that are not at the newest version\n",
                r->nodes_behind, r->homes_behind);
    if (r->tenants_placed || r->tenants_failed)
        fprintf(stderr, "tenants given their place: %d, failed: %d\n", r->tenants_placed, r->tenants_failed);
    if (r->drops_ended || r->drops_failed)
        fprintf(stderr, "tenants dropped: %d, failed: %d\n", r->drops_ended, r->drops_failed);
}

static void print_json(const rh_migrate_report *r)
{
    rh_str text;
    rh_str_init(&text, RH_STR_TEXT_MAX);
    rh_migrate_report_json(r, &text);
    printf("{%s}\n", rh_str_cstr(&text));
    rh_str_release(&text);
}

int rh_cmd_migrate(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    int64_t wait_s = 60;
    const char *verb = line->args.len ? line->args.items[0] : "", *wait = rh_cmdline_get(line, "wait");
    if (strcmp(verb, "new") == 0)
        return new_file(line);
    if ((*verb && strcmp(verb, "status") != 0) || line->args.len > 1 ||
        (wait && (!rh_parse_int(wait, &wait_s) || wait_s < 0))) {
        rh_err_set(&err, RH_E_USAGE, "migrate: not understood");
        rh_err_hint(&err,
                    "`rowhouse migrate`, `rowhouse migrate status` or `rowhouse migrate new SET NAME`.");
        return rh_cmd_fail(&err);
    }
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    bool ok;
    rh_migrate_report report = {0};
    if (*verb) {
        ok = rh_migrate_status(&app, rh_cmdline_get(line, "json") != NULL, stdout, &err);
    } else {
        rh_migrate_options options = {.tell = rh_cmd_say, .lint_out = stderr, .lock_wait_ms = wait_s * 1000};
        ok = rh_migrate(&app, &options, &report, &err);
        if (ok && rh_cmdline_get(line, "json"))
            print_json(&report);
        else if (ok)
            print_report(&report);
    }
    rh_cmdline_close(&app);
    return ok ? report.tenants_failed != 0 || report.homes_failed != 0 || report.copies_failed != 0 ||
                    report.drops_failed != 0 || report.standby_failed != 0 || report.nodes_behind != 0
              : rh_cmd_fail(&err);
}
