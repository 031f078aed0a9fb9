/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/resolve.h"
#include "base/clock.h"
#include "base/map.h"
#include "load/csv.h"
#include "load/lines.h"
#include "sql.h"

#define BUFFER ((size_t)1 << 20)
#define MAX_RECORD ((size_t)64 << 20)
#define PROGRESS_MS 200
#define MAX_ID ((uint64_t)INT64_MAX / 2) /* a sequence that is moved past it would soon be used up */

struct column {
    const char *name, *sequence; /* sequence "" : none of its own */
    bool is_key;
    uint64_t max; /* of the values that went by, for its sequence */
};

struct load {
    rh_operator *o;
    const rh_load_options *options;
    rh_arena *a;
    const char *schema;
    struct column *columns; /* of the table */
    int n_columns;
    struct column **order; /* of the file */
    size_t n_order;
    int key; /* index in order, -1 for a reference table */
    rh_map tenants;
    char last_tenant[64];
    rh_csv *csv;
    rh_lines *lines;
    bool begun;
    int64_t rows;
};

/* ---- what there is ---- */

static bool read_columns(struct load *l, rh_err *err)
{
    const rh_conf *conf = l->o->app->conf;
    const char *params[] = {rh_arena_printf(l->a, "{%s,%s}", l->o->home.schema, RH_REFERENCE_SCHEMA),
                            l->options->table, conf->app_tenant_key, conf->app_root};
    PGresult *res = rh_db_query(l->o->shared, l->a, rh_sql_load_columns, 4, params, err);
    if (!res)
        return false;
    if (PQntuples(res) == 0) {
        rh_err_set(err, RH_E_NOT_FOUND, "there is no table %s", l->options->table);
        return rh_err_hint(err, "`rowhouse psql -- -c '\\dt'` lists the tables.");
    }
    l->schema = PQgetvalue(res, 0, 0);
    l->columns = RH_NEW_ARRAY(l->a, struct column, (size_t)PQntuples(res));
    for (int i = 0; i < PQntuples(res) && strcmp(PQgetvalue(res, i, 0), l->schema) == 0; i++)
        l->columns[l->n_columns++] = (struct column){.name = PQgetvalue(res, i, 1),
                                                     .is_key = *PQgetvalue(res, i, 2) == 't',
                                                     .sequence = PQgetvalue(res, i, 3)};
    return true;
}

static bool read_tenants(struct load *l, rh_err *err)
{
    const char *home = rh_arena_printf(l->a, "%lld", (long long)l->o->home.id);
    PGresult *res = rh_db_query(l->o->catalog, l->a, rh_sql_load_tenants, 1, &home, err);
    for (int i = 0; res && i < PQntuples(res); i++)
        rh_map_put(&l->tenants, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0), PQgetvalue(res, i, 0));
    return res != NULL;
}

/* ---- the order of the file's columns ---- */

static bool use_table_order(struct load *l)
{
    l->n_order = (size_t)l->n_columns;
    l->order = RH_NEW_ARRAY(l->a, struct column *, l->n_order);
    for (int i = 0; i < l->n_columns; i++)
        l->order[i] = &l->columns[i];
    return true;
}

static bool use_header(struct load *l, const rh_csv_record *header, rh_err *err)
{
    l->n_order = header->n;
    l->order = RH_NEW_ARRAY(l->a, struct column *, l->n_order);
    for (size_t f = 0; f < header->n; f++) {
        int length = (int)(header->fields[f].len < 100 ? header->fields[f].len : 100);
        for (int i = 0; i < l->n_columns; i++)
            if (strlen(l->columns[i].name) == header->fields[f].len &&
                memcmp(l->columns[i].name, header->fields[f].text, header->fields[f].len) == 0)
                l->order[f] = &l->columns[i];
        if (!l->order[f]) {
            rh_err_set(err, RH_E_INVALID, "%s:1: table %s has no column \"%.*s\"", l->options->name,
                       l->options->table, length, header->fields[f].text);
            return rh_err_hint(err, "The first line names the file's columns; without --header they are all "
                                    "of the table's, in its order.");
        }
        for (size_t g = 0; g < f; g++)
            if (l->order[g] == l->order[f]) {
                rh_err_set(err, RH_E_INVALID, "%s:1: column \"%.*s\" is there twice", l->options->name,
                           length, header->fields[f].text);
                return rh_err_hint(err, "Nothing was loaded.");
            }
    }
    return true;
}

static bool find_key(struct load *l, rh_err *err)
{
    bool of_tenant = strcmp(l->schema, l->o->home.schema) == 0;
    l->key = -1;
    for (size_t i = 0; i < l->n_order; i++)
        if (l->order[i]->is_key)
            l->key = (int)i;
    if (l->key < 0 && of_tenant) {
        rh_err_set(err, RH_E_INVALID, "the file has no column for the tenant key of %s", l->options->table);
        return rh_err_hint(err, "Rows of shared homes say whose they are: add the column %s.",
                           l->o->app->conf->app_tenant_key);
    }
    return true;
}

/* ---- one record ---- */

static bool check_tenant(struct load *l, const rh_csv_record *r, rh_err *err)
{
    const rh_csv_field *f = &r->fields[l->key];
    char text[64], canonical[64];
    size_t last = strlen(l->last_tenant);
    if (last && f->len == last && memcmp(f->text, l->last_tenant, last) == 0)
        return true; /* files are mostly sorted by tenant */
    int shown = (int)(f->len < sizeof text ? f->len : sizeof text - 1);
    snprintf(text, sizeof text, "%.*s", shown, f->text);
    bool known = f->len < sizeof text &&
                 (rh_map_get(&l->tenants, text, f->len) ||
                  (rh_tenant_id_canonical(text, l->o->app->conf->id_type == RH_ID_UUID, canonical) &&
                   rh_map_get(&l->tenants, canonical, strlen(canonical))));
    if (!known) {
        rh_err_set(err, RH_E_INVALID, "%s:%lld: there is no tenant \"%s\" in shared homes", l->options->name,
                   (long long)r->line, text);
        return rh_err_hint(err,
                           "Make it first with `rowhouse tenant create`, or take over rows of %s with "
                           "`rowhouse tenant adopt --from %s`.",
                           l->o->app->conf->app_root, l->o->app->conf->app_root);
    }
    memcpy(l->last_tenant, text, f->len + 1);
    return true;
}

/* PostgreSQL before 18 ends the data at such a line and forgets the rest. */
static bool is_end_mark(const rh_csv_record *r)
{
    return r->n == 1 && !r->fields[0].quoted && r->fields[0].len == 2 &&
           memcmp(r->fields[0].text, "\\.", 2) == 0;
}

static bool check_record(struct load *l, const rh_csv_record *r, rh_err *err)
{
    if (r->n == 1 && r->fields[0].len == 0 && !r->fields[0].quoted && l->n_order > 1) {
        rh_err_set(err, RH_E_INVALID, "%s:%lld: the line is empty", l->options->name, (long long)r->line);
        return rh_err_hint(err, "Nothing was loaded.");
    }
    if (is_end_mark(r)) {
        rh_err_set(err, RH_E_INVALID, "%s:%lld: \\. ends no CSV file", l->options->name, (long long)r->line);
        return rh_err_hint(err, "Nothing was loaded. Take the line out, or quote it when it is a value.");
    }
    if (r->n != l->n_order) {
        rh_err_set(err, RH_E_INVALID, "%s:%lld: %zu columns, but %s has %zu", l->options->name,
                   (long long)r->line, r->n, l->options->header ? "the first line" : l->options->table,
                   l->n_order);
        return rh_err_hint(err, "Nothing was loaded. A text with commas stands in double quotes.");
    }
    if (l->key >= 0 && !check_tenant(l, r, err))
        return false;
    for (size_t i = 0; i < l->n_order; i++) {
        struct column *c = l->order[i];
        uint64_t value;
        if (!*c->sequence || !rh_parse_uint(r->fields[i].text, r->fields[i].len, &value) || value <= c->max)
            continue;
        if (value > MAX_ID) {
            rh_err_set(err, RH_E_INVALID, "%s:%lld: %s %llu leaves its sequence no room", l->options->name,
                       (long long)r->line, c->name, (unsigned long long)value);
            return rh_err_hint(err, "Nothing was loaded. All tenants get their ids from that sequence.");
        }
        c->max = value;
    }
    l->rows++;
    return true;
}

/* ---- COPY ---- */

static void copy_command(const struct load *l, rh_str *sql)
{
    rh_str_add(sql, "COPY ");
    rh_str_add_ident(sql, l->schema);
    rh_str_addc(sql, '.');
    rh_str_add_ident(sql, l->options->table);
    for (size_t i = 0; i < l->n_order; i++) {
        rh_str_add(sql, i ? ", " : " (");
        rh_str_add_ident(sql, l->order[i]->name);
    }
    rh_str_addf(sql, ") FROM STDIN (FORMAT csv, HEADER %s)", l->options->header ? "true" : "false");
}

static bool start_copy(struct load *l, rh_err *err)
{
    PGconn *conn = rh_db_conn(l->o->shared);
    rh_str sql;
    rh_str_init_in(&sql, l->a, RH_STR_TEXT_MAX);
    copy_command(l, &sql);
    PGresult *res = PQexec(conn, rh_str_cstr(&sql));
    bool ok = PQresultStatus(res) == PGRES_COPY_IN;
    if (!ok)
        rh_db_error(err, conn, res);
    PQclear(res);
    return ok;
}

/* PostgreSQL says "COPY ads, line 7, column name: ..." in the context: brings the line to the front. */
static void add_line(struct load *l, const PGresult *res, rh_err *err)
{
    const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT),
               *line = context ? strstr(context, ", line ") : NULL;
    if (line) {
        const char *rest = strchr(line + 7, ',');
        if (rest && !*err->detail)
            rh_err_detail(err, "%.*s", (int)strcspn(rest + 2, "\n"), rest + 2);
        rh_err_context(err, "%s:%lld", l->options->name,
                       (long long)rh_lines_find(l->lines, strtoll(line + 7, NULL, 10)));
    } else {
        rh_err_context(err, "%s", l->options->name);
    }
    err->code = RH_E_INVALID;
    if (!*err->hint)
        rh_err_hint(err, "Nothing was loaded.");
}

static bool end_copy(struct load *l, bool good, rh_err *err)
{
    PGconn *conn = rh_db_conn(l->o->shared);
    bool ok = good;
    PQputCopyEnd(conn, good ? NULL : "the file was refused");
    for (PGresult *res; (res = PQgetResult(conn)); PQclear(res)) {
        if (PQresultStatus(res) == PGRES_COMMAND_OK || !ok)
            continue;
        ok = rh_db_error(err, conn, res);
        if (err->code == RH_E_DB)
            add_line(l, res, err);
    }
    return ok;
}

struct buffer {
    char *bytes;
    size_t len, cap;
    bool ended;
};

static bool fill(struct load *l, struct buffer *b, rh_err *err)
{
    if (b->len == b->cap) { /* one record does not fit */
        if (b->cap >= MAX_RECORD)
            return rh_err_set(err, RH_E_TOO_LARGE,
                              "%s: a record is larger than %zu MB; is a quote left open?", l->options->name,
                              MAX_RECORD >> 20);
        b->bytes = rh_xrealloc(b->bytes, b->cap *= 2);
    }
    ssize_t n;
    do
        n = read(l->options->fd, b->bytes + b->len, b->cap - b->len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return rh_err_set(err, RH_E_IO, "cannot read %s: %s", l->options->name, strerror(errno));
    b->ended = n == 0;
    b->len += (size_t)n;
    return true;
}

/* A byte order mark is no part of the first record, and COPY must not see it. */
static void skip_mark(struct load *l, struct buffer *b)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t n = sizeof mark - 1;
    if (l->begun || (b->len < n && !b->ended))
        return;
    l->begun = true;
    if (b->len >= n && memcmp(b->bytes, mark, n) == 0)
        memmove(b->bytes, b->bytes + n, b->len -= n);
}

/* Checks the whole records in the buffer; *used is how many bytes they are. */
static bool scan(struct load *l, struct buffer *b, size_t *used, rh_err *err)
{
    rh_csv_record r;
    int got;
    *used = 0;
    skip_mark(l, b);
    while ((got = rh_csv_next(l->csv, b->bytes + *used, b->len - *used, b->ended, &r, err)) > 0) {
        bool is_header = l->options->header && !l->order;
        if (!l->order && !((is_header ? use_header(l, &r, err) : use_table_order(l)) && find_key(l, err) &&
                           start_copy(l, err)))
            return false;
        if (!is_header && !check_record(l, &r, err))
            return false;
        rh_lines_note(l->lines, &r);
        *used += r.raw_len;
    }
    return got == 0 || rh_err_context(err, "%s:%lld", l->options->name, (long long)rh_csv_line(l->csv));
}

static bool stream(struct load *l, rh_err *err)
{
    PGconn *conn = rh_db_conn(l->o->shared);
    struct buffer b = {.bytes = rh_xmalloc(BUFFER), .cap = BUFFER};
    int64_t sent = 0, next_progress = rh_now_ms() + PROGRESS_MS;
    bool ok = true;
    size_t used;
    while (ok && !(b.ended && b.len == 0)) {
        ok = fill(l, &b, err) && scan(l, &b, &used, err);
        if (ok && used && PQputCopyData(conn, b.bytes, (int)used) != 1)
            ok = rh_db_error(err, conn, NULL);
        if (!ok)
            break;
        memmove(b.bytes, b.bytes + used, b.len -= used);
        sent += (int64_t)used;
        if (l->options->progress && (b.ended || rh_now_ms() >= next_progress)) {
            l->options->progress(l->options->arg, sent, l->rows);
            next_progress = rh_now_ms() + PROGRESS_MS;
        }
        if (b.ended)
            break;
    }
    free(b.bytes);
    return l->order ? end_copy(l, ok, err) && ok : ok; /* an empty file started no COPY */
}

/* Ids that came with the file must not come again from the column's sequence. */
static bool advance_sequences(struct load *l, rh_err *err)
{
    for (int i = 0; i < l->n_columns; i++) {
        if (!l->columns[i].max)
            continue;
        const char *params[] = {l->columns[i].sequence,
                                rh_arena_printf(l->a, "%llu", (unsigned long long)l->columns[i].max)};
        if (!rh_db_query(l->o->shared, l->a, rh_sql_load_advance_sequence, 2, params, err))
            return false;
    }
    return true;
}

bool rh_load(rh_operator *o, const rh_load_options *options, int64_t *rows, rh_err *err)
{
    struct load l = {
        .o = o, .options = options, .a = rh_arena_new(), .csv = rh_csv_new(), .lines = rh_lines_new()};
    rh_err ignored;
    rh_map_init(&l.tenants);
    bool ok = read_columns(&l, err) && read_tenants(&l, err) && rh_db_exec(o->shared, "BEGIN", err);
    if (ok) {
        ok = stream(&l, err) && advance_sequences(&l, err);
        ok = rh_db_exec(o->shared, ok ? "COMMIT" : "ROLLBACK", ok ? err : &ignored) && ok;
    }
    *rows = ok ? l.rows : 0;
    rh_map_release(&l.tenants);
    rh_csv_free(l.csv);
    rh_lines_free(l.lines);
    rh_arena_free(l.a);
    return ok;
}
