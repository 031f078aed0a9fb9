/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/step.h"
#include "load/homes.h"
#include "load/lines.h"
#include "load/route.h"
#include "sql.h"

#define BUFFER ((size_t)1 << 20)
#define MAX_RECORD ((size_t)64 << 20)
#define PROGRESS_MS 200
#define MAX_ID ((uint64_t)INT64_MAX / 2) /* a sequence that is moved past it would soon be used up */

struct load {
    rh_operator *o;
    const rh_load_options *options;
    rh_arena *a;
    rh_db *db, *shared;  /* of the main place */
    rh_load_table table; /* as the main place has it */
    bool reference;
    rh_load_column **order; /* of the file */
    size_t n_order;
    int key; /* index in order, -1 when the file does not say whose rows they are */
    rh_route route;
    rh_spool *spool;
    rh_csv *csv;
    rh_lines *lines;
    bool begun;
    int64_t rows;
};

/* ---- what there is ---- */

/* Where the table is looked up: in an app without a tenant key, and without a tenant, in the template. */
static bool open_main(struct load *l, rh_err *err)
{
    const rh_home *home = &l->route.main->home;
    bool nobody = !l->options->tenant && !l->o->app->conf->keyed;
    if (!(l->shared = rh_operator_shared(l->o, home, err)) ||
        !(l->db = rh_home_enter(l->o->app, home, l->shared, err)) ||
        !rh_load_table_read(&l->table, l->a, l->o->app->conf, l->db,
                            nobody ? RH_TEMPLATE_SCHEMA : home->schema, RH_REFERENCE_SCHEMA,
                            l->options->table, err))
        return false;
    l->reference = strcmp(l->table.schema, RH_REFERENCE_SCHEMA) == 0;
    if (l->reference && l->options->tenant) {
        rh_err_set(err, RH_E_INVALID, "%s is a reference table, which is everybody's", l->options->table);
        return rh_err_hint(err, "Load it without --tenant.");
    }
    if (!l->reference && nobody) {
        rh_err_set(err, RH_E_INVALID, "nothing says whose rows of %s these are: the app has no tenant key",
                   l->options->table);
        return rh_err_hint(err, "Load the file of one tenant with --tenant.");
    }
    return true;
}

/* ---- the order of the file's columns ---- */

static bool use_table_order(struct load *l)
{
    l->n_order = (size_t)l->table.n;
    l->order = RH_NEW_ARRAY(l->a, rh_load_column *, l->n_order);
    for (int i = 0; i < l->table.n; i++)
        l->order[i] = &l->table.columns[i];
    return true;
}

static bool use_header(struct load *l, const rh_csv_record *header, rh_err *err)
{
    l->n_order = header->n;
    l->order = RH_NEW_ARRAY(l->a, rh_load_column *, l->n_order);
    for (size_t f = 0; f < header->n; f++) {
        int length = (int)(header->fields[f].len < 100 ? header->fields[f].len : 100);
        l->order[f] = rh_load_table_find(&l->table, header->fields[f].text, header->fields[f].len);
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

/* Without its column the key is filled by its default, which only the root's lacks. */
static bool find_key(struct load *l, rh_err *err)
{
    const rh_conf *conf = l->o->app->conf;
    l->key = -1;
    for (size_t i = 0; i < l->n_order; i++)
        if (l->order[i]->is_key)
            l->key = (int)i;
    if (l->reference)
        l->key = -1; /* whatever its columns are called */
    if (l->key >= 0 || l->reference || !conf->keyed ||
        (l->options->tenant && strcmp(l->options->table, conf->app_root) != 0))
        return true;
    rh_err_set(err, RH_E_INVALID, "the file has no column for the tenant key of %s", l->options->table);
    return rh_err_hint(err, "Add the column that says whose each row is%s.",
                       l->options->tenant ? "" : ", or load the file of one tenant with --tenant");
}

/* ---- one record ---- */

/* PostgreSQL before 18 ends the data at such a line and forgets the rest. */
static bool is_end_mark(const rh_csv_record *r)
{
    return r->n == 1 && !r->fields[0].quoted && r->fields[0].len == 2 &&
           memcmp(r->fields[0].text, "\\.", 2) == 0;
}

/* The greatest value of each column with a sequence, by home: each has sequences of its own. */
static bool note_ids(struct load *l, const rh_csv_record *r, rh_load_place *place, rh_err *err)
{
    for (size_t i = 0; i < l->n_order; i++) {
        rh_load_column *c = l->order[i];
        uint64_t value, *max = place->max ? &place->max[c - l->table.columns] : &c->max;
        if (!*c->sequence || !rh_parse_uint(r->fields[i].text, r->fields[i].len, &value) || value <= *max)
            continue;
        if (value > MAX_ID) {
            rh_err_set(err, RH_E_INVALID, "%s:%lld: %s %llu leaves its sequence no room", l->options->name,
                       (long long)r->line, c->name, (unsigned long long)value);
            return rh_err_hint(err, "Nothing was loaded. All tenants get their ids from that sequence.");
        }
        *max = value;
    }
    place->rows++;
    l->rows++;
    return true;
}

/* A record that may be loaded; *place is where. One that is not the main place's is spooled. */
static bool check_record(struct load *l, const rh_csv_record *r, rh_load_place **place, rh_err *err)
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
    rh_load_place *to = l->route.main;
    if (l->key >= 0 && !(to = rh_route_find(&l->route, l->o, l->a, &r->fields[l->key], err)))
        return rh_err_context(err, "%s:%lld", l->options->name, (long long)r->line);
    *place = to;
    return (to == l->route.main || rh_route_spool(&l->route, l->a, l->spool, to, l->table.n, r, err)) &&
           note_ids(l, r, to, err);
}

/* ---- COPY ---- */

static bool end_copy(struct load *l, bool good, rh_err *err)
{
    int64_t line;
    if (rh_load_table_end(&l->table, good, &line, err))
        return true;
    if (good && err->code == RH_E_INVALID)
        rh_load_explain(l->options->name, line ? rh_lines_find(l->lines, line) : 0, err);
    return false;
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

static bool start(struct load *l, const rh_csv_record *first, rh_err *err)
{
    return (l->options->header ? use_header(l, first, err) : use_table_order(l)) && find_key(l, err) &&
           rh_load_table_start(&l->table, l->a, l->order, l->n_order, l->options->header, err);
}

static bool send_bytes(struct load *l, const char *from, const char *to, rh_err *err)
{
    PGconn *conn = rh_db_conn(l->db);
    return from == to || PQputCopyData(conn, from, (int)(to - from)) == 1 || rh_db_error(err, conn, NULL);
}

/* Checks the whole records in the buffer and sends those that are the main place's; *used is how many bytes
 * they all are. */
static bool scan(struct load *l, struct buffer *b, size_t *used, rh_err *err)
{
    rh_csv_record r;
    int got;
    *used = 0;
    skip_mark(l, b);
    const char *unsent = b->bytes;
    while ((got = rh_csv_next(l->csv, b->bytes + *used, b->len - *used, b->ended, &r, err)) > 0) {
        rh_load_place *place = l->route.main;
        bool is_header = l->options->header && !l->order;
        if ((!l->order && !start(l, &r, err)) || (!is_header && !check_record(l, &r, &place, err)))
            return false;
        *used += r.raw_len;
        if (place == l->route.main) {
            rh_lines_note(l->lines, &r);
            continue;
        }
        if (!send_bytes(l, unsent, r.raw, err))
            return false;
        unsent = r.raw + r.raw_len;
    }
    if (got < 0)
        return rh_err_context(err, "%s:%lld", l->options->name, (long long)rh_csv_line(l->csv));
    return send_bytes(l, unsent, b->bytes + *used, err);
}

static bool stream(struct load *l, rh_err *err)
{
    struct buffer b = {.bytes = rh_xmalloc(BUFFER), .cap = BUFFER};
    int64_t sent = 0, next_progress = rh_now_ms() + PROGRESS_MS;
    bool ok = true;
    size_t used;
    while (ok && !(b.ended && b.len == 0)) {
        ok = fill(l, &b, err) && scan(l, &b, &used, err);
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

/* ---- the whole of it ---- */

/* In one transaction of the main place, with the key bound for its default. */
static bool load_all(struct load *l, rh_err *err)
{
    rh_err ignored;
    const char *tenant = l->options->tenant;
    rh_load_homes homes = {
        .o = l->o, .a = l->a, .main = &l->table, .order = l->order, .file = l->options->name};
    if (!rh_db_exec(l->db, "BEGIN", err))
        return false;
    bool ok = (!tenant || rh_db_query(l->db, l->a, rh_sql_homes_bind, 1, &tenant, err)) && stream(l, err) &&
              rh_load_table_advance(&l->table, l->a, err);
    homes.order = l->order;
    homes.n_order = l->n_order;
    ok = ok && rh_load_homes_fill(&homes, l->route.first, err) &&
         rh_db_exec(l->db, "SET CONSTRAINTS ALL IMMEDIATE", err) && rh_db_exec(l->db, "COMMIT", err);
    if (!ok)
        rh_db_exec(l->db, "ROLLBACK", &ignored);
    else
        rh_step("load.committed");
    return rh_load_homes_end(&homes, ok, err);
}

static bool bring_copies(struct load *l, rh_load_report *report, rh_err *err)
{
    if (!l->reference ||
        rh_reference_bring_homes(l->o, l->options->tell, l->options->arg, &report->copies, err))
        return true;
    rh_err_context(err, "the rows are loaded, but not in every database home");
    return rh_err_hint(err, "`rowhouse migrate` brings them there.");
}

bool rh_load(rh_operator *o, const rh_load_options *options, rh_load_report *report, rh_err *err)
{
    struct load l = {.o = o,
                     .options = options,
                     .a = rh_arena_new(),
                     .csv = rh_csv_new(),
                     .lines = rh_lines_new(),
                     .spool = rh_spool_new(o->app->state_dir)};
    *report = (rh_load_report){0};
    bool ok =
        rh_route_open(&l.route, o, l.a, options->tenant, err) && open_main(&l, err) && load_all(&l, err);
    if (ok) {
        report->rows = l.rows;
        for (rh_load_place *p = l.route.first; p; p = p->next)
            report->homes++;
        ok = bring_copies(&l, report, err);
    }
    rh_home_leave(l.db, l.shared);
    rh_route_close(&l.route);
    rh_spool_free(l.spool);
    rh_csv_free(l.csv);
    rh_lines_free(l.lines);
    rh_arena_free(l.a);
    return ok;
}
