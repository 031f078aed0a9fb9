/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "migrate/sets.h"

int rh_cmd_lint(rh_cmdline *line)
{
    rh_err err;
    rh_sets sets;
    int errors, warnings;
    const char *dir = rh_cmdline_get(line, "app");
    const rh_conf *conf = rh_conf_load(line->a, dir ? dir : ".", line->settings.items, &err);
    if (!conf || !rh_sets_load(conf, line->a, &sets, &err) ||
        !rh_sets_lint(conf, line->a, &sets, stdout, &errors, &warnings, &err))
        return rh_cmd_fail(&err);
    if (!errors && !warnings)
        printf("no findings in %zu migrations\n", sets.reference->n + sets.tenant->n);
    return errors != 0;
}
