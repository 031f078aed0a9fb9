/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/statement.h"

#include <ctype.h>
#include <pg_query.h>
#include <string.h>
#include <strings.h>

#include "migrate/lint_tree.h"

/* Kinds of statements by libpg_query's names. To allow one more: a row. */
static const struct kind {
    const char *name, *verb;
    bool writes;
} kinds[] = {
    {"SelectStmt", "SELECT", false},     {"ExplainStmt", "EXPLAIN", false},
    {"VariableShowStmt", "SHOW", false}, {"InsertStmt", "INSERT", true},
    {"UpdateStmt", "UPDATE", true},      {"DeleteStmt", "DELETE", true},
    {"MergeStmt", "MERGE", true},        {"TruncateStmt", "TRUNCATE", true},
    {"CallStmt", "CALL", true},          {"DoStmt", "DO", true},
    {"VacuumStmt", "ANALYZE", true},     {"RefreshMatViewStmt", "REFRESH", true},
};

static bool refuse_kind(rh_err *err)
{
    rh_err_set(err, RH_E_INVALID, "that is no statement to ask of a fleet");
    return rh_err_hint(err,
                       "SELECT, and with --write INSERT, UPDATE, DELETE, MERGE, TRUNCATE, CALL, DO, ANALYZE, "
                       "REFRESH. What changes tables is a migration: `rowhouse migrate new tenant NAME`.");
}

static bool check_kind(const json_t *stmt, bool write, rh_err *err)
{
    const char *name = tree_kind(stmt);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *k = &kinds[i];
        if (strcmp(k->name, name) != 0)
            continue;
        if (tree_get(tree_node(stmt, name), "intoClause"))
            return refuse_kind(err);
        if (!k->writes || write)
            return true;
        rh_err_set(err, RH_E_FORBIDDEN, "%s writes, and a fleet query only reads", k->verb);
        return rh_err_hint(err, "With --write it says what it will do where, and asks.");
    }
    return refuse_kind(err);
}

static bool check_tree(const json_t *tree, bool write, rh_err *err)
{
    const json_t *stmts = tree_get(tree, "stmts");
    if (json_array_size(stmts) != 1)
        return rh_err_set(err, RH_E_INVALID, "one statement is asked of all homes, not %s",
                          json_array_size(stmts) ? "several" : "none");
    return check_kind(tree_get(json_array_get(stmts, 0), "stmt"), write, err);
}

/* Syntax that only a newer PostgreSQL knows: let it say so. Names cannot be right outside of a home. */
static bool ask_postgres(rh_db *db, const char *sql, rh_err *err)
{
    while (isspace((unsigned char)*sql))
        sql++;
    if (strncasecmp(sql, "copy", 4) == 0)
        return refuse_kind(err);
    PGresult *res = PQprepare(rh_db_conn(db), "", sql, 0, NULL);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK || (state && strcmp(state, "42601") != 0) ||
              rh_db_error(err, rh_db_conn(db), res);
    PQclear(res);
    return ok;
}

bool rh_fleet_statement_check(rh_db *db, const char *sql, bool write, rh_err *err)
{
    PgQueryParseResult parsed = pg_query_parse(sql);
    json_t *tree = parsed.error ? NULL : json_loads(parsed.parse_tree, 0, NULL);
    bool ok = tree ? check_tree(tree, write, err) : ask_postgres(db, sql, err);
    json_decref(tree);
    pg_query_free_parse_result(parsed);
    return ok;
}
