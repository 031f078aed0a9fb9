/* SPDX-License-Identifier: Apache-2.0
 *
 * What the operator's commands share: the app and the operator are opened, the verb runs, both are closed.
 */
#ifndef RH_CMD_OPERATE_H
#define RH_CMD_OPERATE_H

#include "catalog/tenant.h"
#include "cmd/cmd.h"

/* Gives the command's exit status; a failure has been told. */
int rh_cmd_operate(rh_cmdline *line, bool (*verb)(rh_cmdline *line, rh_operator *o, rh_err *err));

#endif
