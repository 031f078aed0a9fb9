/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/operate.h"

int rh_cmd_operate(rh_cmdline *line, bool (*verb)(rh_cmdline *line, rh_operator *o, rh_err *err))
{
    rh_app app;
    rh_err err;
    rh_operator o;
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    bool ok = rh_operator_open(&o, &app, &err);
    if (ok) {
        ok = verb(line, &o, &err);
        rh_operator_close(&o);
    }
    rh_cmdline_close(&app);
    return ok ? 0 : rh_cmd_fail(&err);
}
