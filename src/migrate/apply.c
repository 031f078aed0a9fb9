/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "migrate/script.h"
#include "sql.h"

#define STATEMENT_SHOWN 400 /* bytes of a failed statement that an error quotes */

bool rh_apply_state(const rh_apply_target *t, const rh_migration_set *set, int *version,
                    size_t *first_pending, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = false;
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)t->home), set->name};
    PGresult *res = rh_db_query(t->db, a, rh_sql_homes_applied, 2, params, err);
    if (!res)
        goto out;
    size_t i = 0;
    *version = 0;
    for (int row = 0; row < PQntuples(res); row++, i++) {
        int64_t number = 0;
        rh_parse_int(PQgetvalue(res, row, 0), &number);
        if (i < set->n && set->items[i].number < number) {
            rh_err_set(err, RH_E_CHECKSUM, "%s is older than migration %04d, which is applied already",
                       set->items[i].path, (int)number);
            rh_err_hint(err, "Give it a number above %s: migrations run in the order of their numbers.",
                        PQgetvalue(res, PQntuples(res) - 1, 0));
            goto out;
        }
        if (i >= set->n || set->items[i].number != number) {
            rh_err_set(err, RH_E_CHECKSUM, "migration %s/%04d_%s is applied but its file is gone", set->name,
                       (int)number, PQgetvalue(res, row, 2));
            rh_err_hint(err, "Bring the file back; to undo what it did, write a new migration.");
            goto out;
        }
        if (strcmp(set->items[i].checksum, PQgetvalue(res, row, 1)) != 0) {
            rh_err_set(err, RH_E_CHECKSUM, "%s has changed since it was applied", set->items[i].path);
            rh_err_hint(err,
                        "Restore it as it was, and put the change into a new migration: `rowhouse migrate "
                        "new %s NAME`.",
                        set->name);
            goto out;
        }
        *version = (int)number;
    }
    *first_pending = i;
    ok = true;
out:
    rh_arena_free(a);
    return ok;
}

/* Says where in the file it happened, and what was being done. */
static bool explain(rh_err *err, const rh_migration *m, const rh_script_piece *piece, const PGresult *res)
{
    const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
    int line = piece->line, length = (int)(piece->len < STATEMENT_SHOWN ? piece->len : STATEMENT_SHOWN);
    int64_t at;
    char said[1024];
    rh_db_error(err, NULL, res);
    if (position && rh_parse_int(position, &at) && at > 0)
        line += rh_script_line_of(piece->text, rh_script_offset_of(piece->text, piece->len, (size_t)at)) - 1;
    snprintf(said, sizeof said, "%s", err->detail);
    rh_err_detail(err, "%s%s%s%s%.*s%s", said, *said ? "\n  " : "", context ? context : "",
                  context ? "\n  " : "", length, piece->text, piece->len > STATEMENT_SHOWN ? " ..." : "");
    return rh_err_context(err, "%s:%d", m->path, line);
}

/* DEALLOCATE or DISCARD: what we have prepared goes first, so that we know of it. */
static bool forgets_statements(const rh_script_piece *piece)
{
    return (piece->len > 7 && strncasecmp(piece->text, "discard", 7) == 0) ||
           (piece->len > 10 && strncasecmp(piece->text, "deallocate", 10) == 0);
}

static bool run_file(const rh_apply_target *t, const rh_migration *m, rh_arena *a, rh_err *err)
{
    rh_script_pieces pieces = {0};
    if (!rh_script_split(a, m->text, m->len, &pieces, err))
        return rh_err_context(err, "%s", m->path);
    for (size_t i = 0; i < pieces.len; i++) {
        const rh_script_piece *piece = &pieces.items[i];
        if (forgets_statements(piece))
            rh_db_forget_kept(t->db);
        PGresult *res = rh_db_run(t->db, rh_arena_strndup(a, piece->text, piece->len));
        ExecStatusType status = PQresultStatus(res);
        bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
            rh_err_set(err, RH_E_INVALID, "%s:%d: COPY from or to the client cannot stand in a migration",
                       m->path, piece->line);
        else if (!ok && PQstatus(rh_db_conn(t->db)) == CONNECTION_BAD &&
                 !PQresultErrorField(res, PG_DIAG_SQLSTATE))
            rh_db_error(err, rh_db_conn(t->db), res);
        else if (!ok)
            explain(err, m, piece, res);
        PQclear(res);
        if (!ok)
            return false;
    }
    return true;
}

static bool note_applied(const rh_apply_target *t, const rh_migration_set *set, const rh_migration *m,
                         rh_arena *a, rh_err *err)
{
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)t->home), set->name,
                            rh_arena_printf(a, "%d", m->number), m->name, m->checksum};
    return rh_db_query(t->db, a, rh_sql_homes_note_applied, 5, params, err) != NULL;
}

const char *rh_apply_plain_session(rh_arena *a, const char *also, const char *search_path,
                                   bool in_transaction)
{
    return rh_arena_printf(a, "RESET SESSION AUTHORIZATION; RESET ALL; %sSET %ssearch_path = %s", also,
                           in_transaction ? "LOCAL " : "", search_path);
}

static bool plain_session(const rh_apply_target *t, rh_arena *a, bool in_transaction, rh_err *err)
{
    const char *also = rh_db_is_lazy(t->db) ? "SET synchronous_commit = off; " : "";
    return rh_db_exec(t->db, rh_apply_plain_session(a, also, t->search_path, in_transaction), err);
}

/* A file that must run outside a transaction: its row follows in one of its own. */
static bool run_alone(const rh_apply_target *t, const rh_migration_set *set, const rh_migration *m,
                      rh_arena *a, rh_err *err)
{
    if (!plain_session(t, a, false, err))
        return false;
    if (!run_file(t, m, a, err)) {
        if (!err->hint[0])
            rh_err_hint(
                err,
                "The file runs outside a transaction: what stands before the failed statement is done. "
                "An index left invalid by CREATE INDEX CONCURRENTLY must be dropped before the next try.");
        return false;
    }
    return plain_session(t, a, false, err) && note_applied(t, set, m, a, err);
}

/* The files from `from` on that share a transaction, with their rows and the finishing touch. The index after
 * them. */
static size_t run_together(const rh_apply_target *t, const rh_migration_set *set, size_t from, rh_arena *a,
                           bool *ok, rh_err *err)
{
    rh_err ignored;
    size_t i = from;
    *ok = (t->inside || rh_db_exec(t->db, "BEGIN", err)) && plain_session(t, a, true, err);
    for (; *ok && i < set->n && !set->items[i].no_transaction; i++)
        *ok = run_file(t, &set->items[i], a, err) && plain_session(t, a, true, err) &&
              note_applied(t, set, &set->items[i], a, err);
    *ok = *ok && (!t->finish || t->finish(t->finish_arg, err)) &&
          (t->inside || rh_db_exec(t->db, "COMMIT", err));
    if (!*ok && !t->inside)
        rh_db_exec(t->db, "ROLLBACK", &ignored);
    return i;
}

bool rh_apply_run(const rh_apply_target *t, const rh_migration_set *set, size_t from, rh_err *err)
{
    bool ok = true;
    rh_arena *a = rh_arena_new();
    do { /* finish runs before each commit and after the last file: no home is left without its fittings */
        for (; ok && from < set->n && set->items[from].no_transaction; from++)
            ok = run_alone(t, set, &set->items[from], a, err);
        if (ok)
            from = run_together(t, set, from, a, &ok, err);
        rh_arena_clear(a);
    } while (ok && from < set->n);
    rh_arena_free(a);
    return ok;
}
