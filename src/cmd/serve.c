/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/service.h"

/* The app's conf names a database to be served as it is. What else is wrong with it is for who opens the app.
 */
static bool is_adopted(rh_cmdline *line)
{
    rh_err err;
    const char *dir = rh_cmdline_get(line, "app");
    const rh_conf *conf = rh_conf_load(line->a, dir ? dir : ".", line->settings.items, &err);
    return conf && conf->adopted;
}

int rh_cmd_serve(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    const char *source = rh_cmdline_get(line, "adopt");
    if (source || is_adopted(line))
        return rh_cmd_serve_adopted(line, source);
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    rh_service *s = rh_service_start(&app, &err);
    if (s) {
        rh_log(RH_LOG_INFO, "data door on %s:%d, control door on %s:%d, %zu tenants", app.conf->data_listen,
               rh_service_data_port(s), app.conf->control_listen, rh_service_control_port(s),
               rh_service_tenants(s));
        rh_interrupt_wait();
        rh_log(RH_LOG_INFO, "stopping");
        rh_service_stop(s);
    }
    rh_cmdline_close(&app);
    return s ? 0 : rh_cmd_fail(&err);
}
