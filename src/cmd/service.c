/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "catalog/control.h"
#include "catalog/control_describe.h"
#include "catalog/control_rest.h"
#include "catalog/token.h"
#include "catalog/upkeep.h"
#include "catalog/watch.h"
#include "home/home.h"
#include "http/server.h"

struct rh_service {
    rh_app *app;
    rh_control control;
    rh_warm *warm;
    rh_directory *directory;
    rh_watch *watch;
    rh_upkeep *upkeep;
    rh_key_source *keys;
    rh_server *server;
    const char *control_token, *doors_file;
};

bool rh_service_log(const rh_conf *conf, rh_err *err)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(conf->log_level, names[i]) == 0) {
            rh_log_init((rh_log_level)i, conf->log_json);
            return true;
        }
    return rh_err_set(err, RH_E_CONF, "log.level \"%s\" is none of debug, info, warn, error",
                      conf->log_level);
}

static bool start_server(rh_service *s, rh_err *err)
{
    rh_app *app = s->app;
    rh_server_settings settings = {
        .conf = app->conf,
        .directory = s->directory,
        .keys = s->keys,
        .conninfo = app->first.conninfo,
        .database = app->shared_db,
        .user = rh_app_user(app, RH_ROLE_SERVER),
        .password = rh_app_password(app, RH_ROLE_SERVER),
        .options = RH_DATA_OPTIONS,
        .schema = RH_SHARED_SCHEMA,
        .reference_schema = RH_REFERENCE_SCHEMA,
        .keyed = app->conf->keyed,
        .citus = app->first_is_citus,
        .operator_token = s->control_token,
        .control = {.ctx = &s->control,
                    .list = rh_control_list,
                    .nodes = rh_control_nodes,
                    .describe = rh_control_describe,
                    .create = rh_control_create,
                    .show = rh_control_show,
                    .token = rh_control_token,
                    .suspend = rh_control_suspend,
                    .resume = rh_control_resume,
                    .rename = rh_control_rename,
                    .drop = rh_control_drop,
                    .limits = rh_control_limits,
                    .set_limits = rh_control_set_limits,
                    .forget_limits = rh_control_forget_limits,
                    .rest = rh_control_rest},
    };
    rh_token_rules(app->conf, &settings.rules);
    s->server = rh_server_start(&settings, err);
    return s->server != NULL;
}

/* Where the doors are, for scripts and tests: doors.json in the state directory while they are open. */
static bool write_doors(rh_service *s, rh_err *err)
{
    rh_str text;
    s->doors_file = rh_arena_printf(s->app->arena, "%s/doors.json", s->app->state_dir);
    rh_str_init_in(&text, s->app->arena, 1024);
    rh_str_addf(&text,
                "{\"pid\":%ld,\"data\":\"http%s://127.0.0.1:%d\",\"control\":\"http://127.0.0.1:%d\"}\n",
                (long)getpid(), rh_server_has_tls(s->server) ? "s" : "", rh_server_data_port(s->server),
                rh_server_control_port(s->server));
    return rh_file_write(s->doors_file, rh_str_cstr(&text), text.len, 0644, err);
}

rh_service *rh_service_start(rh_app *app, rh_err *err)
{
    rh_service *s = rh_xcalloc(1, sizeof *s);
    s->app = app;
    s->warm = rh_warm_new();
    s->control = (rh_control){app, rh_operators_new(app, s->warm)};
    if (!rh_service_log(app->conf, err) ||
        !(s->control_token = rh_app_secret(app, app->arena, "control_token", NULL, err)) ||
        !(s->keys = rh_token_key_source(app, err)) ||
        !rh_jwt_claim_path_ok(app->conf->auth_tenant_claim, err))
        goto fail;
    s->directory = rh_directory_new();
    if (!(s->watch = rh_watch_start(app, s->directory, err)) || !start_server(s, err) ||
        !(s->upkeep = rh_upkeep_start(app, s->warm, err)) || !write_doors(s, err))
        goto fail;
    return s;
fail:
    rh_service_stop(s);
    return NULL;
}

int rh_service_data_port(const rh_service *s)
{
    return rh_server_data_port(s->server);
}

int rh_service_control_port(const rh_service *s)
{
    return rh_server_control_port(s->server);
}

size_t rh_service_tenants(const rh_service *s)
{
    return rh_directory_count(s->directory);
}

void rh_service_stop(rh_service *s)
{
    if (s->doors_file)
        unlink(s->doors_file);
    if (s->server)
        rh_server_stop(s->server);
    rh_upkeep_stop(s->upkeep);
    rh_operators_free(s->control.operators);
    rh_warm_free(s->warm);
    rh_watch_stop(s->watch);
    if (s->directory)
        rh_directory_free(s->directory);
    rh_key_source_free(s->keys);
    free(s);
}
