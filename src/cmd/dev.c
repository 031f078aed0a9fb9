/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shell.h"
#include "catalog/token.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/service.h"
#include "demo/demo.h"
#include "migrate/run.h"

#define LOCK_WAIT_MS 60000

static bool migrate(rh_app *app, rh_err *err)
{
    rh_migrate_report report;
    rh_migrate_options options = {.tell = rh_cmd_say, .lint_out = stderr, .lock_wait_ms = LOCK_WAIT_MS};
    int64_t since = rh_now_ms();
    if (!rh_migrate(app, &options, &report, err))
        return false;
    fprintf(stderr, "migrated: catalog %04d, reference %04d, tenant %04d (%.1f s)\n", report.catalog_version,
            report.reference_version, report.tenant_version, (double)(rh_now_ms() - since) / 1000);
    return true;
}

static void print_summary(const rh_app *app, const rh_service *s)
{
    rh_arena *a = app->arena;
    const rh_conf *conf = app->conf;
    const char *token = rh_arena_printf(a, "%s/control_token", app->state_dir);
    bool tls = *conf->data_tls_cert != 0;
    printf("\n%s is running with %zu tenants\n\n", conf->app_name, rh_service_tenants(s));
    if (app->private_server)
        printf("  PostgreSQL    private, version %s, data in %s\n", rh_pg_server_version(app->private_server),
               rh_pg_server_data_dir(app->private_server));
    else
        printf("  PostgreSQL    the server of server.conninfo\n");
    printf("  databases     %s (shared homes), %s (catalog)\n", app->shared_db, app->catalog_db);
    printf("  data door     http%s://%s:%d\n", tls ? "s" : "", conf->data_listen, rh_service_data_port(s));
    printf("  control door  http://%s:%d, token in %s\n", conf->control_listen, rh_service_control_port(s),
           token);
    const char *self = rh_shell_word(a, program_invocation_name);
    const char *where = rh_arena_printf(a, "--app %s", rh_shell_word(a, conf->dir));
    if (*conf->server_data)
        where = rh_arena_printf(a, "%s --data %s", where, rh_shell_word(a, conf->server_data));
    printf("\n  psql as the operator    %s psql %s\n", self, where);
    printf("  psql as one tenant      %s psql TENANT %s\n", self, where);
    if (rh_token_foreign(conf))
        printf("  a token for a tenant    from the identity provider whose keys %s names\n",
               rh_token_foreign(conf));
    else
        printf("  a token for a tenant    %s tenant token TENANT %s\n", self, where);
    printf("  all tenants             %s tenant list %s\n", self, where);
    printf("  the same over HTTP      curl -H \"Authorization: Bearer $(cat %s)\" "
           "http://127.0.0.1:%d/tenants\n",
           rh_shell_word(a, token), rh_service_control_port(s));
    printf("  the API, to read        http://127.0.0.1:%d/docs\n", rh_service_control_port(s));
}

static bool run(rh_cmdline *line, rh_app *app, rh_err *err)
{
    rh_operator o;
    bool demo = !rh_cmdline_get(line, "no-demo"), tls = *app->conf->data_tls_cert != 0;
    bool once = !rh_cmdline_get(line, "stay") && (rh_cmdline_get(line, "once") || !isatty(STDIN_FILENO));
    if (!migrate(app, err) || !rh_operator_open(&o, app, err))
        return false;
    rh_service *s = NULL;
    bool ok = !demo || (rh_demo_load(&o, rh_cmd_say, NULL, err) &&
                        (printf("\nThe questions, in SQL\n"), rh_demo_questions(&o, stdout, err)));
    ok = ok && (s = rh_service_start(app, err));
    if (ok) {
        print_summary(app, s);
        if (demo && *app->conf->demo_requests && !rh_token_foreign(app->conf)) {
            printf("\nThe questions, over HTTP (set the variables, paste a line)\n");
            ok = rh_demo_requests(&o, rh_service_data_port(s), tls, once, stdout, err);
        }
        fflush(stdout);
    }
    rh_operator_close(&o);
    if (ok && !once) {
        printf("\nCtrl-C ends everything.\n");
        fflush(stdout);
        rh_interrupt_wait();
    }
    if (s)
        rh_service_stop(s);
    return ok;
}

int rh_cmd_dev(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    const char *dir = line->args.len ? line->args.items[0] : rh_cmdline_get(line, "app");
    if (!rh_cmdline_open_dir(line, dir ? dir : ".", &app, &err))
        return rh_cmd_fail(&err);
    bool ok = run(line, &app, &err);
    rh_cmdline_close(&app);
    return ok ? 0 : rh_cmd_fail(&err);
}
