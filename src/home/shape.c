/* SPDX-License-Identifier: Apache-2.0 */
#include "home/shape.h"

#include <string.h>

#include "base/map.h"
#include "sql.h"

enum column { KIND, NAME, PARENT, DEFINITION, SHOWN, MAKE, CHANGE, AWAY };

/* What becomes of an object that only the database has. Kinds that are not here differ. To add one: a row. */
static const struct {
    const char *kind;
    enum { SET_ASIDE, MAY_STAY } how;
} leniency[] = {
    {"table", SET_ASIDE},    {"view", SET_ASIDE},      {"materialized view", SET_ASIDE},
    {"function", SET_ASIDE}, {"procedure", SET_ASIDE}, {"aggregate", SET_ASIDE},
    {"type", SET_ASIDE},     {"sequence", SET_ASIDE},  {"index", MAY_STAY},
};
#define N_LENIENCY (sizeof leniency / sizeof *leniency)

PGresult *rh_shape_read(rh_db *db, rh_arena *a, rh_err *err)
{
    return rh_db_query(db, a, rh_sql_adopt_shape, 0, NULL, err);
}

static const char *cell(const PGresult *res, int row, enum column c)
{
    return PQgetisnull(res, row, c) ? NULL : PQgetvalue(res, row, c);
}

/* Rows by "kind name", and under their bare names those that have parts. Values are row numbers from 1. */
static rh_map index_rows(rh_arena *a, const PGresult *res)
{
    rh_map m;
    rh_map_init(&m);
    for (int i = 0; i < PQntuples(res); i++) {
        const char *key = rh_arena_printf(a, "%s %s", cell(res, i, KIND), cell(res, i, NAME));
        rh_map_put(&m, key, strlen(key), (void *)(intptr_t)(i + 1));
        if (!*cell(res, i, PARENT) || strcmp(cell(res, i, KIND), "column") == 0)
            rh_map_put(&m, cell(res, i, NAME), strlen(cell(res, i, NAME)), (void *)(intptr_t)(i + 1));
    }
    return m;
}

static int find_row(rh_arena *a, const rh_map *m, const char *kind, const char *name)
{
    const char *key = rh_arena_printf(a, "%s %s", kind, name);
    return (int)(intptr_t)rh_map_get(m, key, strlen(key)) - 1;
}

static bool has_parent(const rh_map *m, const PGresult *res, int row)
{
    const char *parent = cell(res, row, PARENT);
    return !*parent || rh_map_get(m, parent, strlen(parent));
}

/* The same constraint or index under another name: it is renamed, and neither missing nor unknown. */
static int find_namesake(const PGresult *in, const rh_map *known, rh_arena *a, const PGresult *of, int row)
{
    static const char *const named[] = {
        "primary key", "unique constraint", "foreign key", "check", "unique index", "index", NULL};
    const char *kind = cell(of, row, KIND);
    for (int k = 0; named[k]; k++)
        for (int i = 0; strcmp(named[k], kind) == 0 && i < PQntuples(in); i++)
            if (strcmp(cell(in, i, KIND), kind) == 0 &&
                strcmp(cell(in, i, PARENT), cell(of, row, PARENT)) == 0 &&
                strcmp(cell(in, i, DEFINITION), cell(of, row, DEFINITION)) == 0 &&
                find_row(a, known, kind, cell(in, i, NAME)) < 0)
                return i;
    return -1;
}

/* "x of t": x. */
static const char *bare_name(rh_arena *a, const char *name, const char *parent)
{
    return rh_arena_strndup(a, name, strlen(name) - strlen(" of ") - strlen(parent));
}

static const char *rename_command(rh_arena *a, const PGresult *is, int from, const PGresult *should, int to)
{
    const char *parent = cell(should, to, PARENT), *old = bare_name(a, cell(is, from, NAME), parent),
               *name = bare_name(a, cell(should, to, NAME), parent);
    return strstr(cell(should, to, KIND), "index")
               ? rh_arena_printf(a, "ALTER INDEX %s RENAME TO %s", old, name)
               : rh_arena_printf(a, "ALTER TABLE %s RENAME CONSTRAINT %s TO %s", parent, old, name);
}

struct sides {
    rh_arena *a;
    const PGresult *is, *should;
    rh_map there, wanted;
    rh_shape_findings *out;
};

/* References and child tables of what should be there are told by the other table already. */
static void compare_wanted(struct sides *s, int row)
{
    const char *kind = cell(s->should, row, KIND);
    rh_shape_finding f = {
        .kind = kind, .name = cell(s->should, row, NAME), .should = cell(s->should, row, SHOWN)};
    int at = find_row(s->a, &s->there, kind, f.name);
    if (!has_parent(&s->there, s->should, row) || strcmp(kind, "reference") == 0)
        return;
    if (at >= 0) {
        if (strcmp(cell(s->is, at, DEFINITION), cell(s->should, row, DEFINITION)) == 0)
            return;
        f.is = cell(s->is, at, SHOWN);
        if (strcmp(f.is, f.should) == 0) {
            f.is = cell(s->is, at, DEFINITION);
            f.should = cell(s->should, row, DEFINITION);
        }
        f.advice = cell(s->should, row, CHANGE);
    } else if ((at = find_namesake(s->is, &s->wanted, s->a, s->should, row)) >= 0) {
        f.is = rh_arena_printf(s->a, "named %s",
                               bare_name(s->a, cell(s->is, at, NAME), cell(s->is, at, PARENT)));
        f.should = rh_arena_printf(s->a, "named %s", bare_name(s->a, f.name, cell(s->should, row, PARENT)));
        f.advice = rename_command(s->a, s->is, at, s->should, row);
    } else {
        f.advice = cell(s->should, row, MAKE);
    }
    f.advice = f.advice ? f.advice : "";
    RH_VEC_PUSH(s->a, &s->out->differences, f);
}

static void judge_unwanted(struct sides *s, int row)
{
    const char *kind = cell(s->is, row, KIND), *away = cell(s->is, row, AWAY);
    rh_shape_finding f = {.kind = kind,
                          .name = cell(s->is, row, NAME),
                          .is = cell(s->is, row, SHOWN),
                          .advice = away ? away : ""};
    if (find_row(s->a, &s->wanted, kind, f.name) >= 0 || !has_parent(&s->wanted, s->is, row) ||
        find_namesake(s->should, &s->there, s->a, s->is, row) >= 0)
        return;
    if (strcmp(kind, "reference") == 0 && rh_map_get(&s->wanted, f.is, strlen(f.is)))
        return; /* a foreign key of a table that is known: told as such */
    for (size_t i = 0; i < N_LENIENCY; i++)
        if (strcmp(leniency[i].kind, kind) == 0) {
            if (leniency[i].how == SET_ASIDE)
                RH_VEC_PUSH(s->a, &s->out->unknown, f);
            else
                RH_VEC_PUSH(s->a, &s->out->more, f);
            return;
        }
    RH_VEC_PUSH(s->a, &s->out->differences, f);
}

void rh_shape_compare(rh_arena *a, const PGresult *is, const PGresult *should, rh_shape_findings *out)
{
    struct sides s = {a, is, should, index_rows(a, is), index_rows(a, should), out};
    *out = (rh_shape_findings){0};
    for (int i = 0; i < PQntuples(should); i++)
        compare_wanted(&s, i);
    for (int i = 0; i < PQntuples(is); i++)
        judge_unwanted(&s, i);
    rh_map_release(&s.there);
    rh_map_release(&s.wanted);
}
