/* SPDX-License-Identifier: Apache-2.0 */
#include "load/table.h"

#include <stdlib.h>
#include <string.h>

#include "sql.h"

static const char *array_of(rh_arena *a, const char *first, const char *second)
{
    rh_str s;
    rh_str_init_in(&s, a, RH_STR_TEXT_MAX);
    rh_str_addc(&s, '{');
    rh_str_add_ident(&s, first);
    if (second) {
        rh_str_addc(&s, ',');
        rh_str_add_ident(&s, second);
    }
    rh_str_addc(&s, '}');
    return rh_str_cstr(&s);
}

bool rh_load_table_read(rh_load_table *t, rh_arena *a, const rh_conf *conf, rh_db *db, const char *schema,
                        const char *other, const char *name, rh_err *err)
{
    const char *params[] = {array_of(a, schema, other), name, conf->app_tenant_key, conf->app_root};
    PGresult *res = rh_db_query(db, a, rh_sql_load_columns, 4, params, err);
    if (!res)
        return false;
    if (PQntuples(res) == 0) {
        rh_err_set(err, RH_E_NOT_FOUND, "there is no table %s", name);
        return rh_err_hint(err, "`rowhouse psql -- -c '\\dt'` lists the tables.");
    }
    *t = (rh_load_table){.db = db, .schema = PQgetvalue(res, 0, 0), .name = name};
    t->columns = RH_NEW_ARRAY(a, rh_load_column, (size_t)PQntuples(res));
    for (int i = 0; i < PQntuples(res) && strcmp(PQgetvalue(res, i, 0), t->schema) == 0; i++)
        t->columns[t->n++] = (rh_load_column){.name = PQgetvalue(res, i, 1),
                                              .is_key = *PQgetvalue(res, i, 2) == 't',
                                              .sequence = PQgetvalue(res, i, 3)};
    return true;
}

rh_load_column *rh_load_table_find(const rh_load_table *t, const char *name, size_t len)
{
    for (int i = 0; i < t->n; i++)
        if (strlen(t->columns[i].name) == len && memcmp(t->columns[i].name, name, len) == 0)
            return &t->columns[i];
    return NULL;
}

bool rh_load_table_start(const rh_load_table *t, rh_arena *a, rh_load_column *const *order, size_t n_order,
                         bool header, rh_err *err)
{
    PGconn *conn = rh_db_conn(t->db);
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "COPY ");
    rh_str_add_ident(&sql, t->schema);
    rh_str_addc(&sql, '.');
    rh_str_add_ident(&sql, t->name);
    for (size_t i = 0; i < n_order; i++) {
        rh_str_add(&sql, i ? ", " : " (");
        rh_str_add_ident(&sql, order[i]->name);
    }
    rh_str_addf(&sql, ") FROM STDIN (FORMAT csv, HEADER %s)", header ? "true" : "false");
    PGresult *res = PQexec(conn, rh_str_cstr(&sql));
    bool ok = PQresultStatus(res) == PGRES_COPY_IN || rh_db_error(err, conn, res);
    PQclear(res);
    return ok;
}

/* PostgreSQL says "COPY ads, line 7, column name: ..." in the context. */
static int64_t read_line(const PGresult *res, rh_err *err)
{
    const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT),
               *line = context ? strstr(context, ", line ") : NULL,
               *rest = line ? strchr(line + 7, ',') : NULL;
    if (rest && !*err->detail)
        rh_err_detail(err, "%.*s", (int)strcspn(rest + 2, "\n"), rest + 2);
    err->code = RH_E_INVALID;
    return line ? strtoll(line + 7, NULL, 10) : 0;
}

bool rh_load_table_end(const rh_load_table *t, bool good, int64_t *line, rh_err *err)
{
    PGconn *conn = rh_db_conn(t->db);
    bool ok = good;
    *line = 0;
    PQputCopyEnd(conn, good ? NULL : "the file was refused");
    for (PGresult *res; (res = PQgetResult(conn)); PQclear(res)) {
        if (PQresultStatus(res) == PGRES_COMMAND_OK || !ok)
            continue;
        ok = rh_db_error(err, conn, res);
        if (err->code == RH_E_DB)
            *line = read_line(res, err);
    }
    return ok;
}

bool rh_load_table_advance(const rh_load_table *t, rh_arena *a, rh_err *err)
{
    for (int i = 0; i < t->n; i++) {
        if (!t->columns[i].max || !*t->columns[i].sequence)
            continue;
        const char *params[] = {t->columns[i].sequence,
                                rh_arena_printf(a, "%llu", (unsigned long long)t->columns[i].max)};
        if (!rh_db_query(t->db, a, rh_sql_load_advance_sequence, 2, params, err))
            return false;
    }
    return true;
}
