/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse tenant adopt`, and what tenant.c shares with it.
 */
#ifndef RH_CMD_ADOPT_H
#define RH_CMD_ADOPT_H

#include "catalog/tenant.h"
#include "cmd/cmd.h"

bool rh_cmd_tenant_adopt(rh_cmdline *line, rh_operator *o, rh_err *err);

/* --profile COLUMN=VALUE, as often as given. */
bool rh_cmd_profile(rh_cmdline *line, rh_profile *out, rh_err *err);
/* The tenant as JSON on stdout; without --json laid out for people. */
bool rh_cmd_show_tenant(rh_cmdline *line, rh_operator *o, const char *id, rh_err *err);

#endif
