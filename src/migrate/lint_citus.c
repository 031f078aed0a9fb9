/* SPDX-License-Identifier: Apache-2.0
 *
 * What a migration may not do where the homes stand on Citus, found before it is tried there: each was tried
 * on Citus 12.1 and 13.2. What is wrong on any PostgreSQL (keys without the tenant's) is found elsewhere.
 */
#include <jansson.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"

static void told(rh_lint_model *m, size_t at, const char *message)
{
    rh_lint_report_add(m, RH_LINT_CITUS, rh_lint_here(m, at), NULL, NULL, "%s", message);
}

/* Statements that are wrong as such. To add one: a row. */
static const struct {
    const char *kind, *message;
} statements[] = {
    {"CreatePolicyStmt",
     "on Citus every policy widens what a tenant sees, also a restrictive one: say it in a view"},
    {"AlterPolicyStmt", "on Citus every policy widens what a tenant sees: say it in a view"},
    {"CreateTrigStmt",
     "Citus has no triggers on distributed and reference tables: do it in a function, or where it is called"},
    {"AlterSeqStmt",
     "Citus does not change sequences that distributed tables use: make another and a new default"},
};

/* ---- columns ---- */

static const json_t *find_constraint(const json_t *def, const char *type)
{
    size_t i;
    json_t *c;
    json_array_foreach(tree_get(def, "constraints"), i, c)
    {
        const json_t *con = tree_node(c, "Constraint");
        if (tree_is(con, "contype", type))
            return con;
    }
    return NULL;
}

static bool is_serial(const json_t *def, const char *const *names)
{
    const char *type = tree_last(tree_get(tree_get(def, "typeName"), "names"), NULL);
    for (; type && *names; names++)
        if (strcmp(type, *names) == 0)
            return true;
    return false;
}

static bool is_from_sequence(const json_t *def)
{
    const json_t *expr = tree_get(find_constraint(def, "CONSTR_DEFAULT"), "raw_expr");
    const char *name = tree_last(tree_get(tree_node(expr, "FuncCall"), "funcname"), NULL);
    return name && strcmp(name, "nextval") == 0;
}

static void check_type(rh_lint_model *m, const json_t *def)
{
    static const char *const narrow[] = {"serial", "serial4", "smallserial", "serial2", NULL};
    if (is_serial(def, narrow))
        told(m, tree_at(def),
             "each Citus worker counts in a range of its own, too large for this type: bigserial or uuid");
}

static void check_added(rh_lint_model *m, const json_t *def)
{
    static const char *const serials[] = {"bigserial",   "serial8", "serial", "serial4",
                                          "smallserial", "serial2", NULL};
    if (is_serial(def, serials) || find_constraint(def, "CONSTR_IDENTITY") || is_from_sequence(def))
        told(m, tree_at(def),
             "Citus cannot add a column that counts: make it when the table is made, or add it plain and "
             "fill it");
    const json_t *check = find_constraint(def, "CONSTR_CHECK");
    if (check && !tree_text(check, "conname"))
        told(m, tree_at(check),
             "Citus wants a name for a CHECK that is added with its column: CONSTRAINT name CHECK (...)");
}

/* ---- foreign keys ---- */

static bool names_key(const rh_lint_model *m, const json_t *list)
{
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name)
    {
        const char *text = tree_string(name);
        if (text && strcmp(text, m->conf->app_tenant_key) == 0)
            return true;
    }
    return false;
}

static void check_foreign_key(rh_lint_model *m, const json_t *con)
{
    if (!tree_is(con, "contype", "CONSTR_FOREIGN") || !names_key(m, tree_get(con, "fk_attrs")))
        return;
    const json_t *set = tree_get(con, "fk_del_set_cols");
    bool touched = !json_array_size(set) || names_key(m, set);
    if (touched && (tree_is(con, "fk_del_action", "n") || tree_is(con, "fk_del_action", "d")))
        told(m, tree_at(con),
             "Citus has no ON DELETE SET NULL or SET DEFAULT where the tenant key is among the columns: "
             "CASCADE or NO ACTION");
    if (tree_is(con, "fk_upd_action", "c") || tree_is(con, "fk_upd_action", "n") ||
        tree_is(con, "fk_upd_action", "d"))
        told(m, tree_at(con), "Citus never changes a tenant key, so ON UPDATE acts on nothing: leave it out");
}

/* ---- statements with parts ---- */

static void create_table(rh_lint_model *m, const json_t *s)
{
    size_t i;
    json_t *e;
    json_array_foreach(tree_get(s, "tableElts"), i, e)
    {
        check_type(m, tree_node(e, "ColumnDef"));
        check_foreign_key(m, tree_node(e, "Constraint"));
    }
}

static void alter_table(rh_lint_model *m, const json_t *s)
{
    bool adds_column = false, adds_constraint = false;
    size_t i;
    json_t *c;
    json_array_foreach(tree_get(s, "cmds"), i, c)
    {
        const json_t *cmd = tree_node(c, "AlterTableCmd"), *def = tree_get(cmd, "def");
        if (tree_is(cmd, "subtype", "AT_AddColumn")) {
            adds_column = true;
            check_added(m, tree_node(def, "ColumnDef"));
        } else if (tree_is(cmd, "subtype", "AT_AddConstraint")) {
            adds_constraint = true;
            check_foreign_key(m, tree_node(def, "Constraint"));
        }
    }
    if (adds_column && adds_constraint)
        told(m, 0, "Citus adds columns and constraints in statements of their own: write two");
}

static void grant(rh_lint_model *m, const json_t *s)
{
    size_t i;
    json_t *p;
    json_array_foreach(tree_get(s, "privileges"), i,
                       p) if (json_array_size(tree_get(tree_node(p, "AccessPriv"), "cols")))
    {
        told(m, 0, "Citus has no grants on columns: grant a view");
        return;
    }
}

static void create_function(rh_lint_model *m, const json_t *s)
{
    bool sql = tree_get(s, "sql_body") != NULL;
    size_t i;
    json_t *o;
    json_array_foreach(tree_get(s, "options"), i, o)
    {
        const json_t *e = tree_node(o, "DefElem"), *arg = tree_get(e, "arg");
        if (tree_is(e, "defname", "language") && tree_string(arg) && strcmp(tree_string(arg), "sql") == 0)
            sql = true;
        if (tree_is(e, "defname", "security") && tree_true(tree_node(arg, "Boolean"), "boolval"))
            told(m, tree_at(e),
                 "on Citus a function that runs as its owner runs without row security: SECURITY INVOKER");
    }
    if (sql && json_array_size(tree_get(s, "parameters")))
        rh_lint_report_add(m, RH_LINT_CITUS_FUNCTION, rh_lint_here(m, 0), NULL, NULL,
                           "Citus plans no distributed statement in an SQL function with parameters: where "
                           "it reads or writes "
                           "tables of tenants, write it in PL/pgSQL with the tenant in a variable");
}

static const struct {
    const char *kind;
    void (*check)(rh_lint_model *m, const json_t *s);
} checks[] = {
    {"CreateStmt", create_table},
    {"AlterTableStmt", alter_table},
    {"GrantStmt", grant},
    {"CreateFunctionStmt", create_function},
};

void rh_lint_citus(rh_lint_model *m, const char *kind, const json_t *body)
{
    if (!m->conf->app_citus || m->on_create)
        return;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (strcmp(kind, statements[i].kind) == 0)
            told(m, 0, statements[i].message);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(kind, checks[i].kind) == 0)
            checks[i].check(m, body);
}
