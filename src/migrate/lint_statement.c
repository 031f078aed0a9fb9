/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"

#define POLICY_PREFIX "rowhouse_" /* the names of the fitting's own policies */

static void told(rh_lint_model *m, rh_lint_rule rule, size_t at, const char *fix, const char *message)
{
    rh_lint_report_add(m, rule, rh_lint_here(m, at), fix, NULL, "%s", message);
}

/* ---- transactions ---- */

static void transaction(rh_lint_model *m, const json_t *s)
{
    static const char *const harmless[] = {"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE",
                                           "TRANS_STMT_ROLLBACK_TO"};
    const char *kind = tree_text(s, "kind");
    for (size_t i = 0; kind && i < sizeof harmless / sizeof *harmless; i++)
        if (strcmp(kind, harmless[i]) == 0)
            return;
    told(m, RH_LINT_TRANSACTION_CONTROL, 0, NULL, "the transaction is Rowhouse's: take this statement out");
}

static bool has_option(const json_t *options, const char *name)
{
    size_t i;
    json_t *o;
    json_array_foreach(options, i, o) if (tree_is(tree_node(o, "DefElem"), "defname", name)) return true;
    return false;
}

static bool is_concurrent(const json_t *s)
{
    return tree_true(s, "concurrent");
}

static bool is_vacuum(const json_t *s)
{
    return tree_true(s, "is_vacuumcmd");
}

static bool is_wide_reindex(const json_t *s)
{
    return has_option(tree_get(s, "params"), "concurrently") || !tree_get(s, "relation");
}

static bool is_whole_cluster(const json_t *s)
{
    return !tree_get(s, "relation");
}

static bool is_discard_all(const json_t *s)
{
    return tree_is(s, "target", "DISCARD_ALL");
}

static bool detaches_concurrently(const json_t *s)
{
    size_t i;
    json_t *c;
    json_array_foreach(tree_get(s, "cmds"), i, c)
    {
        const json_t *cmd = tree_node(c, "AlterTableCmd");
        if (tree_true(tree_node(tree_get(cmd, "def"), "PartitionCmd"), "concurrent"))
            return true;
    }
    return false;
}

/* What PostgreSQL refuses inside a transaction. To add one: a row; test NULL means always. */
static const struct {
    const char *kind, *words;
    bool (*test)(const json_t *s);
} alone[] = {
    {"IndexStmt", "CREATE INDEX CONCURRENTLY", is_concurrent},
    {"DropStmt", "DROP INDEX CONCURRENTLY", is_concurrent},
    {"ReindexStmt", "REINDEX CONCURRENTLY, SCHEMA, DATABASE or SYSTEM", is_wide_reindex},
    {"AlterTableStmt", "DETACH PARTITION CONCURRENTLY", detaches_concurrently},
    {"VacuumStmt", "VACUUM", is_vacuum},
    {"ClusterStmt", "CLUSTER", is_whole_cluster},
    {"DiscardStmt", "DISCARD ALL", is_discard_all},
    {"CreatedbStmt", "CREATE DATABASE", NULL},
    {"DropdbStmt", "DROP DATABASE", NULL},
    {"CreateTableSpaceStmt", "CREATE TABLESPACE", NULL},
    {"DropTableSpaceStmt", "DROP TABLESPACE", NULL},
    {"AlterSystemStmt", "ALTER SYSTEM", NULL},
    {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION", NULL},
    {"DropSubscriptionStmt", "DROP SUBSCRIPTION", NULL},
};

static void check_alone(rh_lint_model *m, const char *kind, const json_t *s)
{
    for (size_t i = 0; !m->file->no_transaction && i < sizeof alone / sizeof *alone; i++)
        if (strcmp(kind, alone[i].kind) == 0 && (!alone[i].test || alone[i].test(s)))
            rh_lint_report_add(
                m, RH_LINT_NEEDS_NO_TRANSACTION, rh_lint_here(m, 0), NULL,
                m->on_create ? NULL : "-- rowhouse: no-transaction", "%s cannot run in a transaction%s",
                alone[i].words,
                m->on_create ? ""
                             : ": give the statement a file of its own whose first line is the directive");
}

/* ---- roles, owners, policies ---- */

static void set_variable(rh_lint_model *m, const json_t *s)
{
    if (tree_is(s, "name", "role") || tree_is(s, "name", "session_authorization"))
        told(m, RH_LINT_SET_ROLE, 0, NULL,
             "a migration runs as the owner and stays so: take this statement out");
}

static void owner(rh_lint_model *m, const json_t *s)
{
    told(m, RH_LINT_OWNER, 0, NULL, "the fitting sets the owner of everything in a home: take this out");
}

static bool is_ours(const char *policy)
{
    return policy && strncmp(policy, POLICY_PREFIX, strlen(POLICY_PREFIX)) == 0;
}

static void policy(rh_lint_model *m, const json_t *s)
{
    if (is_ours(tree_text(s, "policy_name")))
        told(m, RH_LINT_RLS_OFF, 0, NULL, "policies named " POLICY_PREFIX "... are the fitting's own");
    else
        told(m, RH_LINT_OWN_POLICY, 0, NULL,
             "Rowhouse's restrictive policy stays on top of this one, which can only narrow it");
}

static void alter_table(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation");
    bool known = rh_lint_table_find(m, tree_text(range, "schemaname"), tree_text(range, "relname")) != NULL;
    size_t i;
    json_t *c;
    json_array_foreach(tree_get(s, "cmds"), i, c)
    {
        const json_t *cmd = tree_node(c, "AlterTableCmd");
        if (tree_is(cmd, "subtype", "AT_ChangeOwner"))
            owner(m, s);
        else if (!known && (tree_is(cmd, "subtype", "AT_DisableRowSecurity") ||
                            tree_is(cmd, "subtype", "AT_NoForceRowSecurity")))
            told(m, RH_LINT_RLS_OFF, tree_at(range), NULL,
                 "row security is switched off of a table that lint does not know");
    }
}

static void drop(rh_lint_model *m, const json_t *s)
{
    size_t i;
    json_t *o;
    if (!tree_is(s, "removeType", "OBJECT_POLICY"))
        return;
    json_array_foreach(tree_get(s, "objects"), i,
                       o) if (is_ours(tree_last(tree_get(tree_node(o, "List"), "items"), NULL)))
        told(m, RH_LINT_RLS_OFF, 0, NULL, "policies named " POLICY_PREFIX "... are the fitting's own");
}

/* ---- what lint cannot see into ---- */

static void do_block(rh_lint_model *m, const json_t *s)
{
    told(m, RH_LINT_NOT_CHECKED, 0, NULL, "a DO block is not looked into: what it makes is not proven");
}

static void create_schema(rh_lint_model *m, const json_t *s)
{
    if (json_array_size(tree_get(s, "schemaElts")))
        told(m, RH_LINT_OTHER_SCHEMA, 0, NULL, "a schema of its own is not protected by Rowhouse");
}

/* ---- which statement is looked at by whom ---- */

static const struct {
    const char *kind;
    void (*check)(rh_lint_model *m, const json_t *s);
} checks[] = {
    {"TransactionStmt", transaction},
    {"VariableSetStmt", set_variable},
    {"AlterOwnerStmt", owner},
    {"ReassignOwnedStmt", owner},
    {"CreatePolicyStmt", policy},
    {"AlterPolicyStmt", policy},
    {"AlterTableStmt", alter_table},
    {"DropStmt", drop},
    {"DoStmt", do_block},
    {"CreateSchemaStmt", create_schema},
};

static void check_on_create(rh_lint_model *m, const char *kind, const json_t *s)
{
    static const char *const allowed[] = {
        "InsertStmt", "UpdateStmt",      "DeleteStmt",     "SelectStmt", "MergeStmt",
        "CallStmt",   "TransactionStmt", "VariableSetStmt"}; /* the last two: see the rules above */
    bool ok = !tree_get(s, "intoClause");
    bool listed = false;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        listed = listed || strcmp(kind, allowed[i]) == 0;
    if (!ok || !listed)
        told(m, RH_LINT_ON_CREATE, 0, NULL,
             "this runs for every new tenant and may only read and write rows: put it into a migration");
}

void rh_lint_statement(rh_lint_model *m, const char *kind, const json_t *body)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(kind, checks[i].kind) == 0)
            checks[i].check(m, body);
    check_alone(m, kind, body);
    rh_lint_citus(m, kind, body);
    if (m->on_create)
        check_on_create(m, kind, body);
}
