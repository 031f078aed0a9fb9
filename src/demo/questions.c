/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "cmd/table.h"
#include "demo/demo.h"
#include "migrate/script.h"
#include "sql.h"

#define MAX_FILE ((size_t)1 << 20)
#define ROWS_SHOWN 12
#define MARK "-- "

/* One part of the file: who asks, what it is called, its SQL. */
struct question {
    const char *tenant; /* NULL: the operator */
    const char *title;
    const char *sql;
    size_t len;
    int line;
};

/* "operator: TITLE" or "tenant REF: TITLE"; false for any other comment. */
static bool read_mark(rh_arena *a, const char *text, size_t len, struct question *q)
{
    char *mark = rh_arena_strndup(a, text, len), *colon = strchr(mark, ':');
    if (!colon)
        return false;
    *colon = 0;
    q->title = colon + 1 + (colon[1] == ' ');
    if (strcmp(mark, "operator") == 0)
        return true;
    if (!rh_starts_with(mark, "tenant ") || strchr(mark + 7, ' '))
        return false;
    q->tenant = mark + 7;
    return true;
}

static bool is_transaction_control(const char *text)
{
    return strcasecmp(text, "BEGIN") == 0 || strcasecmp(text, "COMMIT") == 0;
}

static bool run_statement(rh_db *db, rh_arena *a, const char *text, FILE *out, rh_err *err)
{
    if (is_transaction_control(text))
        return true;
    PGresult *res = rh_db_query(db, a, text, 0, NULL, err);
    if (!res)
        return false;
    if (PQnfields(res) > 0)
        rh_table_print(res, out, "    ", ROWS_SHOWN);
    else
        fprintf(out, "    %s\n", PQcmdStatus(res));
    return true;
}

static bool answer(rh_operator *o, const struct question *q, FILE *out, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_script_pieces pieces = {0};
    rh_home home = o->home;
    const char *id = q->tenant ? rh_tenant_find(o, a, q->tenant, err) : NULL;
    bool found = !q->tenant || (id && rh_tenant_home(o, a, id, &home, err));
    rh_db *db = found ? rh_app_connect(o->app, home.node, q->tenant ? RH_ROLE_SERVER : RH_ROLE_OPERATOR,
                                       home.database, err)
                      : NULL;
    bool ok =
        db &&
        rh_db_exec(db, rh_arena_printf(a, "BEGIN; SET LOCAL search_path = %s", rh_home_search_path(a, &home)),
                   err) &&
        (!id || rh_home_bind(db, id, err)) && rh_script_split(a, q->sql, q->len, &pieces, err);
    fprintf(out, "\n  %s%s: %s\n", q->tenant ? "tenant " : "operator", q->tenant ? q->tenant : "", q->title);
    for (size_t i = 0; ok && i < pieces.len; i++)
        ok = run_statement(db, a, rh_arena_strndup(a, pieces.items[i].text, pieces.items[i].len), out, err) ||
             rh_err_context(err, "line %d", q->line + pieces.items[i].line - 1);
    rh_db_close(db);
    rh_arena_free(a);
    return ok;
}

bool rh_demo_questions(rh_operator *o, FILE *out, rh_err *err)
{
    const rh_conf *conf = o->app->conf;
    if (!*conf->demo_questions)
        return true;
    rh_arena *a = rh_arena_new();
    const char *path = rh_arena_printf(a, "%s/%s", conf->dir, conf->demo_questions);
    char *text = rh_file_read(a, path, MAX_FILE, NULL, err);
    bool ok = text != NULL;
    int line = 1;
    struct question q = {0};
    for (const char *p = text; ok && p && *p;) {
        const char *end = strchr(p, '\n');
        size_t len = end ? (size_t)(end - p) : strlen(p);
        struct question next = {.sql = p + len, .line = line};
        if (rh_starts_with(p, MARK) && read_mark(a, p + strlen(MARK), len - strlen(MARK), &next)) {
            if (q.sql)
                ok = answer(o, &q, out, err);
            q = next;
        }
        line++;
        p += len + (end != NULL);
        if (q.sql)
            q.len = (size_t)(p - q.sql);
    }
    if (ok && q.sql)
        ok = answer(o, &q, out, err);
    if (!ok && text)
        rh_err_context(err, "%s", conf->demo_questions);
    rh_arena_free(a);
    return ok;
}
