/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/fill.h"

#include <jansson.h>
#include <string.h>

#include "sql.h"
#include "verify/make_value.h"

#define ROWS 6        /* of each table, where it takes them */
#define TRIES 80      /* until a table has taken its first row */
#define TRIES_LATER 8 /* for each of the others */
#define CODE_CHECK "23514"
#define CODE_UNIQUE "23505"

struct column {
    const char *name;
    rh_maker maker;
    bool not_null, has_default, is_key;
    json_t *checks; /* names of those it is part of */
    int style;      /* the one that was taken, or is tried next */
    int foreign;    /* index of the foreign key that fills it, -1 */
    int foreign_at; /* its column there */
    bool left_out;  /* NULL or its default, since nothing else was taken */
    bool carries;   /* a canary, in the row made last */
};

struct foreign_key {
    const char *name, *schema, *table;
    RH_VEC(const char *) columns;
    PGresult *rows; /* of the tenant, to choose from */
};

struct table {
    const char *name;
    bool is_root;
    RH_VEC(struct column) columns;
    RH_VEC(struct foreign_key) foreign;
};

struct fill {
    const rh_app *app;
    rh_db *db;
    rh_arena *a;
    const char *schema, *tenant_id;
    rh_model model;
    rh_canary *canary;
    RH_VEC(struct table) tables;
};

/* ---- what the tables are ---- */

static void free_json(void *json)
{
    json_decref(json);
}

static json_t *read_list(rh_arena *a, const char *text)
{
    json_t *list = json_loads(text, 0, NULL);
    if (list)
        rh_arena_on_free(a, free_json, list);
    return list;
}

/* 0 for an empty text. */
static int small_number(const char *text)
{
    int64_t n;
    return rh_parse_int(text, &n) && n > 0 && n < INT32_MAX ? (int)n : 0;
}

static struct column read_column(struct fill *f, const PGresult *r, int i)
{
    const char *element = PQgetvalue(r, i, 7), *kind = PQgetvalue(r, i, 4);
    struct column c = {.name = PQgetvalue(r, i, 2), .foreign = -1};
    c.maker = (rh_maker){.type = *element ? element : PQgetvalue(r, i, 3),
                         .is_array = *element != 0,
                         .is_enum = *kind == 'e',
                         .is_composite = *kind == 'c',
                         .max_chars = small_number(PQgetvalue(r, i, 5)),
                         .max_digits = small_number(PQgetvalue(r, i, 6)),
                         .words = read_list(f->a, PQgetvalue(r, i, 11))};
    c.not_null = *PQgetvalue(r, i, 8) == 't';
    c.has_default = *PQgetvalue(r, i, 9) == 't';
    c.is_key = *PQgetvalue(r, i, 10) == 't';
    c.checks = read_list(f->a, PQgetvalue(r, i, 12));
    return c;
}

static struct table *find_table(struct fill *f, const char *name)
{
    for (size_t i = 0; i < f->tables.len; i++)
        if (strcmp(f->tables.items[i].name, name) == 0)
            return &f->tables.items[i];
    return NULL;
}

static const char *key_of(const struct table *t)
{
    for (size_t i = 0; t && i < t->columns.len; i++)
        if (t->columns.items[i].is_key)
            return t->columns.items[i].name;
    return NULL;
}

/* A column that several keys have is filled by the one that comes first; the tenant key by nobody. */
static void read_foreign_key(struct fill *f, const PGresult *r, int i)
{
    struct table *t = find_table(f, PQgetvalue(r, i, 0));
    const char *name = PQgetvalue(r, i, 1);
    if (!t)
        return;
    if (t->foreign.len == 0 || strcmp(t->foreign.items[t->foreign.len - 1].name, name) != 0) {
        struct foreign_key fk = {.name = name, .schema = PQgetvalue(r, i, 3), .table = PQgetvalue(r, i, 4)};
        RH_VEC_PUSH(f->a, &t->foreign, fk);
    }
    struct foreign_key *fk = &t->foreign.items[t->foreign.len - 1];
    RH_VEC_PUSH(f->a, &fk->columns, PQgetvalue(r, i, 5));
    for (size_t c = 0; c < t->columns.len; c++) {
        struct column *column = &t->columns.items[c];
        if (strcmp(column->name, PQgetvalue(r, i, 2)) == 0 && !column->is_key && column->foreign < 0) {
            column->foreign = (int)t->foreign.len - 1;
            column->foreign_at = (int)fk->columns.len - 1;
        }
    }
}

static bool read_tables(struct fill *f, bool keyed, rh_err *err)
{
    const rh_conf *conf = f->app->conf;
    const char *params[] = {f->schema, keyed ? conf->app_tenant_key : "", keyed ? conf->app_root : ""};
    PGresult *r = rh_db_query(f->db, f->a, rh_sql_verify_columns, 3, params, err);
    PGresult *keys = r ? rh_db_query(f->db, f->a, rh_sql_verify_foreign_keys, 1, params, err) : NULL;
    for (int i = 0; keys && i < PQntuples(r); i++) {
        const char *name = PQgetvalue(r, i, 0);
        if (i == 0 || strcmp(name, PQgetvalue(r, i - 1, 0)) != 0) {
            struct table t = {.name = name, .is_root = *PQgetvalue(r, i, 1) == 't'};
            RH_VEC_PUSH(f->a, &f->tables, t);
        }
        struct table *t = &f->tables.items[f->tables.len - 1];
        struct column c = read_column(f, r, i);
        RH_VEC_PUSH(f->a, &t->columns, c);
    }
    for (int i = 0; keys && i < PQntuples(keys); i++)
        read_foreign_key(f, keys, i);
    return keys != NULL;
}

/* ---- one row ---- */

/* The rows that the foreign key may point to: the tenant's, or anybody's of a reference table. */
static bool read_parents(struct fill *f, struct foreign_key *fk, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, f->a, RH_STR_TEXT_MAX);
    const char *key = strcmp(fk->schema, f->schema) == 0 ? key_of(find_table(f, fk->table)) : NULL;
    for (size_t i = 0; i < fk->columns.len; i++) {
        rh_str_add(&sql, i ? ", " : "SELECT ");
        rh_str_add_ident(&sql, fk->columns.items[i]);
        rh_str_add(&sql, "::text");
    }
    rh_str_add(&sql, " FROM ");
    rh_str_add_ident(&sql, fk->schema);
    rh_str_addc(&sql, '.');
    rh_str_add_ident(&sql, fk->table);
    if (key) {
        rh_str_add(&sql, " WHERE ");
        rh_str_add_ident(&sql, key);
        rh_str_add(&sql, "::text = $1");
    }
    rh_str_add(&sql, " ORDER BY 1 LIMIT 50");
    fk->rows = rh_db_query(f->db, f->a, rh_str_cstr(&sql), key ? 1 : 0, &f->tenant_id, err);
    return fk->rows != NULL;
}

/* NULL: the column is left to its default, or is NULL. */
static const char *column_value(struct fill *f, const struct table *t, struct column *c, int row)
{
    c->carries = false;
    if (c->is_key)
        return f->tenant_id;
    if (c->foreign >= 0) {
        const PGresult *parents = t->foreign.items[c->foreign].rows;
        int n = PQntuples(parents);
        c->carries = n > 0 && rh_maker_form(&c->maker) >= 0;
        return n ? PQgetvalue(parents, row % n, c->foreign_at) : NULL;
    }
    return c->left_out ? NULL : rh_make_value(&c->maker, f->a, f->canary, c->style, &c->carries);
}

/* NULL: it was taken. */
static PGresult *insert(struct fill *f, struct table *t, int row)
{
    rh_str names, values;
    RH_VEC(const char *) params = {0};
    rh_str_init_in(&names, f->a, RH_STR_TEXT_MAX);
    rh_str_init_in(&values, f->a, RH_STR_TEXT_MAX);
    rh_str_add(&names, "INSERT INTO ");
    rh_str_add_ident(&names, f->schema);
    rh_str_addc(&names, '.');
    rh_str_add_ident(&names, t->name);
    for (size_t i = 0; i < t->columns.len; i++) {
        struct column *c = &t->columns.items[i];
        const char *value = column_value(f, t, c, row);
        if (!value)
            continue;
        RH_VEC_PUSH(f->a, &params, value);
        rh_str_add(&names, params.len == 1 ? " (" : ", ");
        rh_str_add_ident(&names, c->name);
        rh_str_addf(&values, "%s$%zu", params.len == 1 ? "" : ", ", params.len);
    }
    if (params.len)
        rh_str_addf(&names, ") OVERRIDING SYSTEM VALUE VALUES (%s)", rh_str_cstr(&values));
    else
        rh_str_add(&names, " DEFAULT VALUES");
    PGresult *res = PQexecParams(rh_db_conn(f->db), rh_str_cstr(&names), (int)params.len, NULL, params.items,
                                 NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        return res;
    PQclear(res);
    return NULL;
}

/* ---- trying ---- */

static bool names_check(const struct column *c, const char *check)
{
    size_t i;
    json_t *name;
    json_array_foreach(c->checks, i, name) if (strcmp(json_string_value(name), check) == 0) return true;
    return false;
}

/* The next style, or none at all, or from the beginning. */
static void next_style(struct fill *f, struct column *c)
{
    bool is_canary;
    if (c->left_out) {
        c->left_out = false;
        c->style = 0;
    } else if (!rh_make_value(&c->maker, f->a, f->canary, ++c->style, &is_canary)) {
        c->left_out = !c->not_null || c->has_default;
        c->style = 0;
    }
}

/* What of the row to change, after what PostgreSQL said. The try's number turns the choice among several. */
static void learn(struct fill *f, struct table *t, const PGresult *res, int tries)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE),
               *check = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    bool is_check = state && strcmp(state, CODE_CHECK) == 0 && check;
    RH_VEC(struct column *) blamed = {0};
    if (state && strcmp(state, CODE_UNIQUE) == 0 && tries % 2 == 0)
        return; /* fresh numbers may do */
    for (size_t i = 0; i < t->columns.len; i++) {
        struct column *c = &t->columns.items[i];
        if (!c->is_key && c->foreign < 0 && (!is_check || names_check(c, check)))
            RH_VEC_PUSH(f->a, &blamed, c);
    }
    if (blamed.len)
        next_style(f, blamed.items[(size_t)tries % blamed.len]);
}

/* A column of a type that nothing is known for is left out from the beginning. */
static void begin_columns(struct fill *f, struct table *t)
{
    bool is_canary;
    for (size_t i = 0; i < t->columns.len; i++) {
        struct column *c = &t->columns.items[i];
        if (!c->is_key && c->foreign < 0 && !rh_make_value(&c->maker, f->a, f->canary, 0, &is_canary))
            c->left_out = true;
    }
}

/* Inserts a row; the reason why not, or NULL. */
static const char *try_row(struct fill *f, struct table *t, int row, int tries)
{
    const char *reason = NULL;
    for (int i = 0; i < tries; i++) {
        PGresult *res = insert(f, t, row);
        if (!res)
            return NULL;
        const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        reason = rh_arena_strdup(f->a, text ? text : PQresultErrorMessage(res));
        learn(f, t, res, i);
        PQclear(res);
        if (PQstatus(rh_db_conn(f->db)) != CONNECTION_OK)
            break;
    }
    return reason;
}

static bool points_to(const struct foreign_key *fk, const struct fill *f, const struct table *t)
{
    return strcmp(fk->schema, f->schema) == 0 && strcmp(fk->table, t->name) == 0;
}

static bool fill_table(struct fill *f, struct table *t, rh_coverage *out, rh_err *err)
{
    *out = (rh_coverage){.table = t->name, .model = f->model};
    if (t->is_root) { /* on_create.sql has made its row */
        out->rows = 1;
        out->columns = 1;
        return true;
    }
    begin_columns(f, t);
    for (int row = 0; row < ROWS && !out->reason; row++) {
        for (size_t i = 0; i < t->foreign.len; i++)
            if ((row == 0 || points_to(&t->foreign.items[i], f, t)) &&
                !read_parents(f, &t->foreign.items[i], err))
                return false;
        out->reason = try_row(f, t, row, row ? TRIES_LATER : TRIES);
        out->rows += !out->reason;
    }
    for (size_t i = 0; out->rows && i < t->columns.len; i++)
        out->columns += t->columns.items[i].carries;
    if (out->rows) /* that there could not be more of them is fine */
        out->reason = out->columns ? NULL : "none of its columns can carry a canary";
    return true;
}

static bool fill_all(struct fill *f, bool keyed, rh_coverages *out, rh_err *err)
{
    rh_coverage coverage;
    const rh_home home = {.schema = f->schema};
    const char *params[] = {f->tenant_id};
    if (!rh_db_exec(f->db, rh_arena_printf(f->a, "SET search_path = %s", rh_home_search_path(f->a, &home)),
                    err) ||
        !rh_db_query(f->db, f->a, "SELECT pg_catalog.set_config('rowhouse.tenant', $1, false)", 1, params,
                     err) ||
        !read_tables(f, keyed, err))
        return false;
    for (size_t i = 0; i < f->tables.len; i++) {
        if (!fill_table(f, &f->tables.items[i], &coverage, err))
            return rh_err_context(err, "table %s", f->tables.items[i].name);
        if (out)
            RH_VEC_PUSH(f->a, out, coverage);
    }
    return true;
}

bool rh_verify_fill(const rh_app *app, const rh_home *home, rh_db *db, rh_arena *a, const char *tenant_id,
                    rh_canary *canary, rh_coverages *out, rh_err *err)
{
    struct fill f = {.app = app,
                     .db = db,
                     .a = a,
                     .schema = home->schema,
                     .tenant_id = tenant_id,
                     .model = home->model,
                     .canary = canary};
    return fill_all(&f, app->conf->keyed, out, err);
}

static bool is_empty(rh_db *db, rh_arena *a, const char *table, bool *empty, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, 256);
    rh_str_add(&sql, "SELECT 1 FROM " RH_REFERENCE_SCHEMA ".");
    rh_str_add_ident(&sql, table);
    rh_str_add(&sql, " LIMIT 1");
    const char *found = rh_db_value(db, a, rh_str_cstr(&sql), 0, NULL, err);
    *empty = found && !*found;
    return found != NULL;
}

bool rh_verify_fill_reference(const rh_app *app, rh_db *db, rh_arena *a, rh_canary *nobody, rh_err *err)
{
    struct fill f = {.app = app, .db = db, .a = a, .schema = RH_REFERENCE_SCHEMA, .canary = nobody};
    rh_coverage ignored;
    bool empty;
    if (!rh_db_exec(db, "SET search_path = " RH_REFERENCE_SCHEMA ", pg_temp", err) ||
        !read_tables(&f, false, err))
        return false;
    for (size_t i = 0; i < f.tables.len; i++)
        if (!is_empty(db, a, f.tables.items[i].name, &empty, err) ||
            (empty && !fill_table(&f, &f.tables.items[i], &ignored, err)))
            return rh_err_context(err, "reference table %s", f.tables.items[i].name);
    return true;
}
