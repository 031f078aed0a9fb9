/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "catalog/node.h"
#include "catalog/spread.h"
#include "cmd/cmd.h"
#include "cmd/operate.h"
#include "cmd/table.h"

static bool list(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    bool json = rh_cmdline_get(line, "json") != NULL;
    PGresult *res = rh_node_list(o, line->a, json, err);
    if (res && json)
        printf("%s\n", PQgetvalue(res, 0, 0));
    else if (res)
        rh_table_print(res, stdout, "", PQntuples(res));
    return res != NULL;
}

/* What became of it: all nodes as JSON, or a line for people. */
static bool tell(rh_cmdline *line, rh_operator *o, const char *what, rh_err *err)
{
    if (rh_cmdline_get(line, "json"))
        return list(line, o, err);
    fprintf(stderr, "node %s %s\n", line->args.items[1], what);
    return true;
}

static bool add(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    return rh_node_add(o, line->a, line->args.items[1], line->args.items[2], err) &&
           tell(line, o, "takes homes", err);
}

static bool drain(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    return rh_node_drain(o, line->a, line->args.items[1], true, err) &&
           tell(line, o, "takes no new homes", err);
}

static bool undrain(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    return rh_node_drain(o, line->a, line->args.items[1], false, err) && tell(line, o, "takes homes", err);
}

static bool remove_node(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    return rh_node_remove(o, line->a, line->args.items[1], err) &&
           tell(line, o, "is none any more; its server keeps what stands there", err);
}

/* Citus moves shards between the workers of a coordinator. */
static bool rebalance(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    int moved;
    const rh_node *node = rh_node_find(o, line->a, line->args.items[1], NULL, err);
    if (!node || !rh_spread_rebalance(o, node, rh_cmd_say, NULL, &moved, err))
        return false;
    if (rh_cmdline_get(line, "json"))
        printf("{\"moves\": %d}\n", moved);
    else if (moved)
        fprintf(stderr, "node %s: %d move%s, the workers are even\n", node->name, moved,
                moved == 1 ? "" : "s");
    else
        fprintf(stderr, "node %s: nothing to move\n", node->name);
    return true;
}

/* The verbs. To add one: a row, and what it takes in commands.c. */
static const struct verb {
    const char *name;
    size_t n_args; /* behind the verb */
    const char *usage;
    bool (*run)(rh_cmdline *line, rh_operator *o, rh_err *err);
} verbs[] = {
    {"add", 2, "add NAME CONNINFO", add},      {"list", 0, "list", list},
    {"drain", 1, "drain NAME", drain},         {"undrain", 1, "undrain NAME", undrain},
    {"remove", 1, "remove NAME", remove_node}, {"rebalance", 1, "rebalance NAME", rebalance},
};
#define N_VERBS (sizeof verbs / sizeof *verbs)

static const struct verb *parse_verb(const rh_cmdline *line, rh_err *err)
{
    const char *name = line->args.items[0];
    rh_str usages;
    rh_str_init_in(&usages, line->a, sizeof err->hint);
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0 && line->args.len == verbs[i].n_args + 1)
            return &verbs[i];
        rh_str_addf(&usages, "%s`%s`", i == 0 ? "" : ", ", verbs[i].usage);
    }
    rh_err_set(err, RH_E_USAGE, "node %s: not understood", name);
    rh_err_hint(err, "There are %s.", rh_str_cstr(&usages));
    return NULL;
}

int rh_cmd_node(rh_cmdline *line)
{
    rh_err err;
    const struct verb *verb = parse_verb(line, &err);
    return verb ? rh_cmd_operate(line, verb->run) : rh_cmd_fail(&err);
}
