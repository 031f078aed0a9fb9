/* SPDX-License-Identifier: Apache-2.0 */
#include "home/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cluster.h"
#include "base/step.h"
#include "sql.h"

enum { STATE_NAME, STATE_REVISION, STATE_NOTED, STATE_COLUMNS, STATE_VERSION, STATE_WORD };
enum { MERGE_STAGE, MERGE_FILL, MERGE_OFF, MERGE_DELETE, MERGE_UPDATE, MERGE_INSERT, MERGE_ON, MERGE_LOOK };

/* Both sides write and read values alike, whatever their roles are set to; names of operators are found in
 * the reference set's extensions as well. */
#define ALIKE                                                                                                \
    "SET LOCAL search_path = pg_catalog, " RH_REFERENCE_SCHEMA ", pg_temp; SET LOCAL datestyle = ISO; "      \
    "SET LOCAL intervalstyle = postgres; SET LOCAL timezone = UTC; SET LOCAL extra_float_digits = 3; "       \
    "SET LOCAL bytea_output = hex"
#define BEGIN_ORIGIN "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " ALIKE
/* One at a time works on a copy. A tenant's open transaction may hold a row that must change: it is waited
 * for, but not for ever. */
#define BEGIN_COPY                                                                                           \
    "BEGIN; " ALIKE "; LOCK TABLE rowhouse.reference_revisions IN SHARE ROW EXCLUSIVE MODE; "                \
    "SET LOCAL lock_timeout = '20s'; SET CONSTRAINTS ALL DEFERRED"

/* A copy being brought forward. */
struct bring {
    rh_db *origin, *db;
    rh_arena *a;
    rh_reference_state from, to;
    RH_VEC(int) behind;          /* rows of from.tables, in their order */
    RH_VEC(PGresult *) commands; /* of each: sql/reference/merge.sql */
    rh_reference_report *report;
    bool citus; /* where the copy is */
};

bool rh_reference_read(rh_db *db, rh_arena *a, rh_reference_state *out, rh_err *err)
{
    const char *schema = RH_REFERENCE_SCHEMA;
    int64_t version = 0;
    *out = (rh_reference_state){.tables = rh_db_query_kept(db, a, rh_sql_reference_state, 1, &schema, err)};
    if (!out->tables || PQntuples(out->tables) == 0)
        return out->tables != NULL;
    rh_parse_int(PQgetvalue(out->tables, 0, STATE_VERSION), &version);
    out->version = (int)version;
    snprintf(out->word, sizeof out->word, "%s", PQgetvalue(out->tables, 0, STATE_WORD));
    return true;
}

static bool notes(const PGresult *revisions, const char *name, const char *revision)
{
    for (int i = 0; i < PQntuples(revisions); i++)
        if (strcmp(PQgetvalue(revisions, i, 0), name) == 0)
            return *revision && strcmp(PQgetvalue(revisions, i, 1), revision) == 0;
    return false;
}

bool rh_reference_is_noted(const rh_reference_state *origin, const PGresult *revisions)
{
    for (int i = 0; i < PQntuples(origin->tables); i++)
        if (!notes(revisions, PQgetvalue(origin->tables, i, STATE_NAME),
                   PQgetvalue(origin->tables, i, STATE_NOTED)))
            return false;
    return true;
}

void rh_reference_word(const rh_reference_state *origin, char out[RH_REFERENCE_WORD_MAX])
{
    snprintf(out, RH_REFERENCE_WORD_MAX, "%s", strcmp(origin->word, "unknown") == 0 ? "" : origin->word);
}

static const char *origin_value(const struct bring *b, size_t i, int column)
{
    return PQgetvalue(b->from.tables, b->behind.items[i], column);
}

static int find_table(const rh_reference_state *s, const char *name)
{
    for (int i = 0; i < PQntuples(s->tables); i++)
        if (strcmp(PQgetvalue(s->tables, i, STATE_NAME), name) == 0)
            return i;
    return -1;
}

/* Which tables of the copy do not hold what the origin's do. */
static bool compare(struct bring *b, rh_err *err)
{
    b->behind.len = 0;
    if (PQntuples(b->from.tables) && PQntuples(b->to.tables) && b->from.version != b->to.version) {
        rh_err_set(err, RH_E_STATE, "its reference tables are at version %04d, not at %04d", b->to.version,
                   b->from.version);
        return rh_err_hint(err, "`rowhouse migrate` brings it forward.");
    }
    for (int i = 0; i < PQntuples(b->from.tables); i++) {
        const char *name = PQgetvalue(b->from.tables, i, STATE_NAME),
                   *noted = PQgetvalue(b->from.tables, i, STATE_NOTED);
        int there = find_table(&b->to, name);
        if (there < 0 || strcmp(PQgetvalue(b->to.tables, there, STATE_COLUMNS),
                                PQgetvalue(b->from.tables, i, STATE_COLUMNS)) != 0) {
            rh_err_set(err, RH_E_STATE, "its reference table %s %s", name,
                       there < 0 ? "is missing" : "has other columns than the origin's");
            return rh_err_hint(err, "Somebody changed it by hand: make it like the origin's.");
        }
        if (!*noted || strcmp(PQgetvalue(b->to.tables, there, STATE_REVISION), noted) != 0)
            RH_VEC_PUSH(b->a, &b->behind, i);
    }
    return true;
}

/* ---- rows into temporary tables ---- */

static bool start_copy(rh_db *db, const char *sql, ExecStatusType wanted, rh_err *err)
{
    PGresult *res = rh_db_run(db, sql);
    bool ok = PQresultStatus(res) == wanted || rh_db_error(err, rh_db_conn(db), res);
    PQclear(res);
    return ok;
}

/* Reads what is left of a COPY on the connection; err keeps the first failure. */
static bool end_copy(rh_db *db, bool ok, rh_err *err)
{
    PGconn *conn = rh_db_conn(db);
    char *row;
    PGresult *res;
    while (PQgetCopyData(conn, &row, 0) > 0)
        PQfreemem(row);
    for (; (res = PQgetResult(conn)); PQclear(res))
        if (ok && PQresultStatus(res) != PGRES_COMMAND_OK)
            ok = rh_db_error(err, conn, res);
    return ok;
}

/* Row by row from one connection to the other: libpq's buffers are all that is held. */
static bool pump(rh_db *from, rh_db *to, rh_err *err)
{
    PGconn *in = rh_db_conn(from), *out = rh_db_conn(to);
    char *row;
    int n;
    bool ok = true;
    while (ok && (n = PQgetCopyData(in, &row, 0)) > 0) {
        if (PQputCopyData(out, row, n) != 1)
            ok = rh_db_error(err, out, NULL);
        PQfreemem(row);
    }
    ok = end_copy(from, ok, err);
    PQputCopyEnd(out, ok ? NULL : "the origin's rows ended early");
    return end_copy(to, ok, err);
}

static bool stage(struct bring *b, size_t i, rh_err *err)
{
    const char *name = origin_value(b, i, STATE_NAME),
               *params[] = {RH_REFERENCE_SCHEMA, name, b->citus ? "true" : "false"};
    PGresult *commands = rh_db_query(b->db, b->a, rh_sql_reference_merge, 3, params, err);
    if (!commands || PQntuples(commands) == 0)
        return commands && rh_err_set(err, RH_E_STATE, "reference table %s is gone", name);
    RH_VEC_PUSH(b->a, &b->commands, commands);
    rh_str sql;
    rh_str_init_in(&sql, b->a, RH_STR_TEXT_MAX);
    rh_str_addf(&sql, "COPY (SELECT %s FROM " RH_REFERENCE_SCHEMA ".", origin_value(b, i, STATE_COLUMNS));
    rh_str_add_ident(&sql, name);
    rh_str_add(&sql, ") TO STDOUT");
    if (!rh_db_exec(b->db, PQgetvalue(commands, 0, MERGE_STAGE), err) ||
        !start_copy(b->origin, rh_str_cstr(&sql), PGRES_COPY_OUT, err))
        return false;
    if (!start_copy(b->db, PQgetvalue(commands, 0, MERGE_FILL), PGRES_COPY_IN, err)) {
        rh_err ignored;
        end_copy(b->origin, true, &ignored);
        return false;
    }
    return pump(b->origin, b->db, err) && rh_db_exec(b->db, PQgetvalue(commands, 0, MERGE_LOOK), err);
}

/* ---- the merge ---- */

/* Says which rows are held by whom, in the transaction that failed at the savepoint. */
static bool explain_holders(struct bring *b, const char *name, rh_err *err)
{
    rh_err ignored;
    rh_str said;
    const char *params[] = {RH_REFERENCE_SCHEMA, name};
    rh_str_init_in(&said, b->a, sizeof err->detail);
    PGresult *queries = rh_db_exec(b->db, "ROLLBACK TO SAVEPOINT merge", &ignored)
                            ? rh_db_query(b->db, b->a, rh_sql_reference_holders, 2, params, &ignored)
                            : NULL;
    for (int i = 0; queries && i < PQntuples(queries); i++) {
        PGresult *rows = rh_db_query(b->db, b->a, PQgetvalue(queries, i, 0), 0, NULL, &ignored);
        for (int k = 0; rows && k < PQntuples(rows); k++)
            rh_str_addf(&said, "%s%s", said.len ? "; " : "", PQgetvalue(rows, k, 0));
    }
    if (said.len)
        snprintf(err->detail, sizeof err->detail, "%s", rh_str_cstr(&said));
    err->code = RH_E_STATE;
    rh_err_context(err, "rows of reference table %s cannot leave, the home's own rows refer to them", name);
    return rh_err_hint(err, "Change the tenant's rows, or bring the reference rows back, and migrate again.");
}

static bool run_command(struct bring *b, size_t i, int command, int64_t *rows, rh_err *err)
{
    const char *sql = PQgetvalue(b->commands.items[i], 0, command), *name = origin_value(b, i, STATE_NAME);
    int64_t n = 0;
    if (!*sql)
        return true;
    PGresult *res = rh_db_run(b->db, sql); /* may be several statements */
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK || rh_db_error(err, rh_db_conn(b->db), res);
    if (ok && rows && rh_parse_int(PQcmdTuples(res), &n))
        *rows += n;
    PQclear(res);
    if (ok)
        return true;
    if (command == MERGE_DELETE && strcmp(err->sqlstate, "23503") == 0)
        return explain_holders(b, name, err);
    return rh_err_context(err, "reference table %s", name);
}

static bool merge(struct bring *b, rh_err *err)
{
    int64_t deleted = 0, updated = 0, inserted = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < b->behind.len; i++)
        ok = run_command(b, i, MERGE_OFF, NULL, err);
    ok = ok && rh_db_exec(b->db, "SAVEPOINT merge", err);
    for (size_t i = b->behind.len; ok && i-- > 0;) /* those that refer to others first */
        ok = run_command(b, i, MERGE_DELETE, &deleted, err);
    for (size_t i = 0; ok && i < b->behind.len; i++)
        ok =
            run_command(b, i, MERGE_UPDATE, &updated, err) && run_command(b, i, MERGE_INSERT, &inserted, err);
    ok = ok && rh_db_exec(b->db, "SET CONSTRAINTS ALL IMMEDIATE", err);
    for (size_t i = 0; ok && i < b->behind.len; i++)
        ok = run_command(b, i, MERGE_ON, NULL, err);
    b->report->came = updated + inserted;
    b->report->went = deleted;
    return ok;
}

/* A text array of one column of what is behind. */
static const char *array_of(struct bring *b, int column)
{
    rh_str s;
    rh_str_init_in(&s, b->a, RH_STR_TEXT_MAX);
    for (size_t i = 0; i < b->behind.len; i++) {
        rh_str_addc(&s, i ? ',' : '{');
        rh_str_addc(&s, '"');
        for (const char *p = origin_value(b, i, column); *p; p++) {
            if (*p == '"' || *p == '\\')
                rh_str_addc(&s, '\\');
            rh_str_addc(&s, *p);
        }
        rh_str_addc(&s, '"');
    }
    rh_str_addc(&s, '}');
    return rh_str_cstr(&s);
}

static bool bring_sequences(struct bring *b, rh_err *err)
{
    const char *schema = RH_REFERENCE_SCHEMA;
    PGresult *res = rh_db_query(b->origin, b->a, rh_sql_reference_sequences, 1, &schema, err);
    if (!res || PQntuples(res) == 0 || PQgetisnull(res, 0, 0))
        return res != NULL;
    const char *params[] = {schema, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1)};
    return rh_db_query(b->db, b->a, rh_sql_reference_set_sequences, 3, params, err) != NULL;
}

static bool bring_tables(struct bring *b, rh_err *err)
{
    /* again, now that nobody else can bring them */
    bool ok = rh_reference_read(b->db, b->a, &b->to, err) && compare(b, err);
    for (size_t i = 0; ok && i < b->behind.len; i++)
        ok = stage(b, i, err) || rh_err_context(err, "reference table %s", origin_value(b, i, STATE_NAME));
    b->report->tables = (int)b->behind.len;
    if (!ok || !b->behind.len)
        return ok;
    const char *params[] = {array_of(b, STATE_NAME), array_of(b, STATE_NOTED)};
    return merge(b, err) && bring_sequences(b, err) &&
           rh_db_query(b->db, b->a, rh_sql_reference_note, 2, params, err);
}

/* The copy's state; a database of an older Rowhouse lacks the place where it would note one. */
static bool read_copy(const rh_app *app, struct bring *b, rh_err *err)
{
    return rh_reference_read(b->db, b->a, &b->to, err) ||
           (strcmp(err->sqlstate, "42P01") == 0 && rh_home_prepare_database(app, b->db, err) &&
            rh_reference_read(b->db, b->a, &b->to, err));
}

static bool bring(const rh_app *app, struct bring *b, rh_err *err)
{
    rh_err ignored;
    if (!rh_reference_read(b->origin, b->a, &b->from, err) || !read_copy(app, b, err) || !compare(b, err))
        return false;
    if (!b->behind.len)
        return true;
    bool ok = rh_cluster_is_citus(b->db, &b->citus, err) && rh_db_exec(b->db, BEGIN_COPY, err) &&
              bring_tables(b, err) && rh_db_exec(b->db, "COMMIT", err);
    if (ok)
        rh_step("reference.brought");
    else
        rh_db_exec(b->db, "ROLLBACK", &ignored);
    return ok;
}

bool rh_reference_bring(const rh_app *app, rh_db *origin, rh_db *db, rh_reference_report *report, rh_err *err)
{
    rh_err ignored;
    struct bring b = {.origin = origin, .db = db, .a = rh_arena_new(), .report = report};
    *report = (rh_reference_report){0};
    bool ok = true;
    if (origin != db) {
        ok = rh_db_exec(origin, BEGIN_ORIGIN, err) && bring(app, &b, err);
        rh_db_exec(origin, "ROLLBACK", &ignored); /* it only read */
    }
    if (ok)
        rh_reference_word(&b.from, report->word);
    rh_arena_free(b.a);
    return ok;
}
