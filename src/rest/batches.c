/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/batches.h"

#include <ctype.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "load/csv.h"
#include "rest/payload.h"
#include "rest/sql_load.h"
#include "rest/state.h"

#define BATCH_ROWS 1000
#define FIRST_ROWS                                                                                           \
    2 /* that the insert is planned by: of one row alone a request may want to know the key                  \
       */
#define TEXT_OID 25
#define ARRAY_HEAD 20               /* bytes of a binary array of one dimension */
#define COUNT_AT 12                 /* where in it the number of its elements stands */
#define NULLS_AT 4                  /* and whether one of them is null */
#define VALUE_MAX ((size_t)1 << 30) /* what PostgreSQL takes as one value */

/* What becomes of the values of one column. */
struct column {
    rh_str value; /* the array */
    bool binary, absent;
};

/* What becomes of a field of a record. */
struct field {
    int column;  /* of the array above; -1: nothing */
    bool tenant; /* it must be the tenant's own id */
};

struct rh_batches {
    rh_arena *arena, *scratch;
    rh_rest_request req;
    const rh_relation_cache *cache;
    const rh_rest_naming *naming;
    rh_rest_part part;
    bool csv, ended, closed;     /* closed: the array's end was seen */
    size_t max_row, batch, want; /* batch: bytes of the body in one, about; want: bytes that should be there
                                    before it is tried */
    rh_str text;
    size_t at; /* of text: where what is not in a batch begins */
    rh_rest *plan;
    int64_t line, element; /* where that is, in the whole body */
    /* CSV */
    rh_csv *scanner;
    rh_str head, body; /* the line of names, and it with a batch behind */
    int64_t head_lines;
    struct field *fields;
    size_t n_fields;
    struct column *columns;
    int n_columns, n_before; /* parameters before those of columns */
    const char **values;
    int *lengths, *formats, n_values;
    rh_str decoded;
};

/* ---- whether ---- */

static bool is_plain_answer(const char *accept)
{
    return !accept || (!strstr(accept, "vnd.pgrst.object") && !strstr(accept, "vnd.pgrst.plan"));
}

bool rh_batches_may(const rh_rest_request *req, const rh_relation_cache *cache, const rh_rest_naming *naming)
{
    rh_prefer prefer;
    rh_payload type;
    rh_path path;
    rh_err err;
    rh_arena *a = rh_arena_new();
    const rh_relation *rel = NULL;
    bool ok = req->method == RH_POST && !naming->distributed && is_plain_answer(req->accept) &&
              rh_payload_type(req->content_type, &type, &err) &&
              (type == RH_PAYLOAD_CSV || type == RH_PAYLOAD_JSON) &&
              rh_prefer_parse(req->prefer, &prefer, &err) && prefer.answer != RH_RETURN_REPRESENTATION &&
              rh_path_parse(a, req->path, &path, &err) && !path.rpc && !path.n_keys &&
              (rel = rh_plan_relation(cache, naming, path.name, &err)) && rel->insertable;
    /* a merge looks at the row itself to see whose it is */
    ok = ok && (prefer.resolution != RH_RESOLUTION_MERGE || rel->kind == 'r');
    rh_arena_free(a);
    return ok;
}

/* ---- making and filling ---- */

static void release(void *arg)
{
    rh_batches *b = arg;
    rh_str_release(&b->text);
    rh_str_release(&b->body);
    rh_str_release(&b->decoded);
    for (int i = 0; i < b->n_columns; i++)
        rh_str_release(&b->columns[i].value);
    rh_csv_free(b->scanner);
    rh_arena_free(b->scratch);
    b->scanner = NULL;
    b->scratch = NULL;
}

void rh_batches_discard(rh_batches *b)
{
    release(b);
}

rh_batches *rh_batches_new(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *cache,
                           const rh_rest_naming *naming, size_t max_row)
{
    rh_batches *b = RH_NEW(a, rh_batches);
    rh_payload type;
    rh_err err;
    *b = (rh_batches){.arena = a,
                      .req = *req,
                      .cache = cache,
                      .naming = naming,
                      .max_row = max_row,
                      .want = max_row < RH_BATCH_BYTES ? max_row : RH_BATCH_BYTES,
                      .batch = max_row < RH_BATCH_BYTES ? max_row : RH_BATCH_BYTES,
                      .line = 1};
    b->csv = rh_payload_type(req->content_type, &type, &err) && type == RH_PAYLOAD_CSV;
    b->req.part = &b->part;
    rh_str_init(&b->text, VALUE_MAX);
    rh_str_init(&b->body, VALUE_MAX);
    rh_str_init(&b->decoded, VALUE_MAX);
    b->scanner = rh_csv_new();
    rh_arena_on_free(a, release, b);
    return b;
}

static size_t pending(const rh_batches *b)
{
    return b->text.len - b->at;
}

void rh_batches_add(rh_batches *b, const char *bytes, size_t n)
{
    if (b->at) {
        memmove(b->text.data, b->text.data + b->at, pending(b));
        b->text.len -= b->at;
        b->at = 0;
    }
    rh_str_addn(&b->text, bytes, n);
}

void rh_batches_end(rh_batches *b)
{
    b->ended = true;
}

bool rh_batches_are_full(const rh_batches *b)
{
    return b->ended || pending(b) >= b->want;
}

static bool is_blank(const char *text, size_t n)
{
    while (n && strchr(" \t\r\n", *text) && *text)
        text++, n--;
    return n == 0;
}

bool rh_batches_are_done(const rh_batches *b)
{
    return b->ended && b->plan && (b->csv ? pending(b) == 0 : b->closed && pending(b) == 0);
}

static bool too_long(const rh_batches *b, rh_err *err)
{
    rh_err_set(err, RH_E_TOO_LARGE, "a row of the request body is larger than %zu bytes", b->max_row);
    rh_batch_blame(b, b->csv ? b->line : b->element, b->csv ? b->line : b->element, err);
    return false;
}

/* Nothing whole is there: 0, after more was asked for, or -1. */
static int ask_for_more(rh_batches *b, rh_err *err)
{
    if (b->text.overflow || pending(b) > b->max_row) {
        too_long(b, err);
        return -1;
    }
    b->want = pending(b) + (pending(b) > b->batch ? pending(b) : b->batch);
    return 0;
}

/* ---- arrays of JSON ---- */

/* The next element of an array from text[*at]: *at is set behind it and the comma or bracket that ends it.
 * The comma, the bracket, or 0: it is not all there. What is no JSON is cut somewhere, for the parser to
 * find. */
static char next_element(const char *text, size_t n, size_t *at)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = *at; i < n; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else
                quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        if (depth == 0 && (c == ',' || c == ']')) {
            *at = i + 1;
            return c;
        }
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        depth = depth < 0 ? 0 : depth;
    }
    return 0;
}

/* A batch's worth of elements from what is pending: how many, *n bytes with the commas between; the last
 * comma or bracket is in *took only. */
static int64_t gather_elements(const rh_batches *b, int64_t most, size_t *n, size_t *took, bool *closes)
{
    const char *text = b->text.data + b->at;
    int64_t rows = 0;
    size_t at = 0;
    char end = ',';
    *n = *took = 0;
    while (end == ',' && rows < most && *took < b->batch && (end = next_element(text, pending(b), &at))) {
        *n = at - 1;
        *took = at;
        rows++;
    }
    *closes = end == ']';
    return rows;
}

/* The bracket that begins the array; false: it is not one, or nothing of it is there. */
static bool open_array(rh_batches *b)
{
    size_t i = 0;
    while (i < b->text.len && strchr(" \t\r\n", b->text.data[i]) && b->text.data[i])
        b->line += b->text.data[i++] == '\n';
    if (i == b->text.len || b->text.data[i] != '[')
        return false;
    b->at = i + 1;
    return true;
}

static int64_t count_lines(const char *p, size_t n)
{
    int64_t lines = 0;
    for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    return lines;
}

static bool malformed(const rh_batches *b, rh_err *err)
{
    rh_err_set(err, RH_E_BODY, "Empty or invalid json");
    return rh_err_detail(err, "line %lld", (long long)b->line);
}

/* ---- a batch as a body of its own ---- */

/* Plans b->body. */
static int plan_batch(rh_batches *b, rh_batch *out, rh_err *err)
{
    if (!b->scratch)
        b->scratch = rh_arena_new();
    rh_arena_clear(b->scratch);
    b->req.body = rh_str_cstr(&b->body);
    b->req.body_len = b->body.len;
    rh_rest *r = rh_rest_plan(b->scratch, &b->req, b->cache, b->naming, err);
    if (!r)
        return -1;
    out->statement = r->info.statements[r->info.main];
    out->counts = r->rows_kind == RH_ROWS_COUNT;
    return 1;
}

static int next_elements(rh_batches *b, rh_batch *out, rh_err *err)
{
    size_t n, took;
    bool closes;
    if (b->closed)
        return is_blank(b->text.data + b->at, pending(b)) ? (b->at = b->text.len, 0)
                                                          : (malformed(b, err), -1);
    int64_t rows = gather_elements(b, BATCH_ROWS, &n, &took, &closes);
    if (!rows && b->ended)
        return malformed(b, err), -1;
    if (!rows)
        return ask_for_more(b, err);
    const char *text = b->text.data + b->at;
    if (rows == 1 && is_blank(text, n)) /* ",]" */
        return malformed(b, err), -1;
    b->part = (rh_rest_part){.line = b->line, .element = b->element, .like = &b->plan->plan.body};
    *out = (rh_batch){.first = b->element, .last = b->element + rows - 1, .text = text, .len = n};
    rh_str_clear(&b->body);
    rh_str_addc(&b->body, '[');
    rh_str_addn(&b->body, text, n);
    rh_str_addc(&b->body, ']');
    b->line += count_lines(text, took);
    b->element += rows;
    b->at += took;
    b->closed = closes;
    b->want = b->batch;
    return plan_batch(b, out, err);
}

/* ---- CSV ---- */

static int next_record(rh_batches *b, rh_csv_record *r, rh_err *err)
{
    int got = rh_csv_next(b->scanner, b->text.data + b->at, pending(b), b->ended, r, err);
    if (got < 0) {
        err->code = RH_E_BODY;
        rh_err_detail(err, "line %lld", (long long)b->line);
    }
    if (got <= 0)
        return got;
    b->at += r->raw_len;
    b->line = rh_csv_line(b->scanner);
    return 1;
}

static void note_record(rh_batch *out, const rh_csv_record *r)
{
    out->text = out->text ? out->text : r->raw;
    out->first = out->first ? out->first : r->line;
    out->last = r->line;
    out->len += r->raw_len;
}

static int next_planned_lines(rh_batches *b, rh_batch *out, rh_err *err)
{
    rh_csv_record r;
    int got = 1;
    for (int rows = 0; rows < BATCH_ROWS && out->len < b->batch && (got = next_record(b, &r, err)) > 0;
         rows++)
        note_record(out, &r);
    if (got < 0)
        return -1;
    if (!out->len)
        return b->ended ? 0 : ask_for_more(b, err);
    b->want = b->batch;
    b->part = (rh_rest_part){.line = out->first - b->head_lines};
    rh_str_clear(&b->body);
    rh_str_addn(&b->body, b->head.data, b->head.len);
    rh_str_addn(&b->body, out->text, out->len);
    return plan_batch(b, out, err);
}

/* ---- CSV as arrays ---- */

static void add_int32(rh_str *s, int32_t n)
{
    uint32_t wire = htobe32((uint32_t)n);
    rh_str_addn(s, (const char *)&wire, sizeof wire);
}

static void begin_value(struct column *c)
{
    rh_str_clear(&c->value);
    if (!c->binary) {
        rh_str_addc(&c->value, '{');
        return;
    }
    add_int32(&c->value, 1); /* dimensions */
    add_int32(&c->value, 0);
    add_int32(&c->value, TEXT_OID);
    add_int32(&c->value, 0);
    add_int32(&c->value, 1); /* lower bound */
}

static void end_value(struct column *c, int rows)
{
    uint32_t wire = htobe32((uint32_t)rows);
    if (!c->binary)
        rh_str_addc(&c->value, '}');
    else if (!c->value.overflow)
        memcpy(c->value.data + COUNT_AT, &wire, sizeof wire);
}

static void add_null(struct column *c, bool first)
{
    if (c->binary) {
        uint32_t yes = htobe32(1);
        add_int32(&c->value, -1);
        memcpy(c->value.data + NULLS_AT, &yes, sizeof yes);
    } else {
        rh_str_add(&c->value, first ? "NULL" : ",NULL");
    }
}

/* As an element of an array literal. */
static void add_quoted(rh_str *out, const char *text, size_t n)
{
    size_t from = 0;
    rh_str_addc(out, '"');
    for (size_t i = 0; i < n; i++)
        if (text[i] == '"' || text[i] == '\\') {
            rh_str_addn(out, text + from, i - from);
            rh_str_addc(out, '\\');
            from = i;
        }
    rh_str_addn(out, text + from, n - from);
    rh_str_addc(out, '"');
}

static void add_value(struct column *c, const char *text, size_t n, bool first)
{
    if (c->binary) {
        add_int32(&c->value, (int32_t)n);
        rh_str_addn(&c->value, text, n);
        return;
    }
    if (!first)
        rh_str_addc(&c->value, ',');
    add_quoted(&c->value, text, n);
}

/* Its text, undone of doubled quotes where there are any. */
static const char *text_of(rh_batches *b, const rh_csv_field *f, size_t *n)
{
    *n = f->len;
    if (!f->quoted || !memchr(f->text, '"', f->len))
        return f->text;
    rh_str_clear(&b->decoded);
    rh_payload_add_field(&b->decoded, f);
    *n = b->decoded.len;
    return rh_str_cstr(&b->decoded);
}

static bool check_tenant(rh_batches *b, const rh_csv_field *f, rh_err *err)
{
    const rh_relation *rel = b->plan->plan.root.relation;
    size_t n;
    const char *text = text_of(b, f, &n);
    rh_str_clear(&b->decoded);
    rh_str_addn(&b->decoded, text, n);
    const char *own = memchr(text, 0, n) || rh_payload_is_null(f) ? "" : rh_str_cstr(&b->decoded);
    return rh_body_check_key(own, rel->columns[rel->tenant_key].name, b->naming, err);
}

static bool add_record(rh_batches *b, const rh_csv_record *r, bool first, rh_err *err)
{
    if (r->n != b->n_fields)
        return rh_payload_uneven(r, b->n_fields, r->line, err);
    for (size_t i = 0; i < r->n; i++) {
        const struct field *to = &b->fields[i];
        size_t n;
        if (to->tenant && !check_tenant(b, &r->fields[i], err)) {
            rh_batch_blame(b, r->line, r->line, err);
            return false;
        }
        if (to->column < 0)
            continue;
        if (rh_payload_is_null(&r->fields[i])) {
            add_null(&b->columns[to->column], first);
            continue;
        }
        const char *text = text_of(b, &r->fields[i], &n);
        add_value(&b->columns[to->column], text, n, first);
    }
    for (int i = 0; i < b->n_columns; i++)
        if (b->columns[i].absent)
            add_null(&b->columns[i], first);
    return true;
}

/* Literals end at a zero byte, which no text of PostgreSQL has anyway. */
static bool has_zero(const rh_batch *out, rh_err *err)
{
    const char *zero = memchr(out->text, 0, out->len);
    if (!zero)
        return false;
    rh_err_set(err, RH_E_BODY, "the body has a zero byte");
    rh_err_detail(err, "line %lld",
                  (long long)out->first + count_lines(out->text, (size_t)(zero - out->text)));
    return true;
}

static int next_arrays(rh_batches *b, rh_batch *out, rh_err *err)
{
    rh_csv_record r;
    int got = 1, rows = 0;
    for (int i = 0; i < b->n_columns; i++)
        begin_value(&b->columns[i]);
    while (rows < BATCH_ROWS && out->len < b->batch && (got = next_record(b, &r, err)) > 0) {
        if (!add_record(b, &r, !rows, err))
            return -1;
        note_record(out, &r);
        rows++;
    }
    if (got < 0 || (rows && has_zero(out, err)))
        return -1;
    if (!rows)
        return b->ended ? 0 : ask_for_more(b, err);
    b->want = b->batch;
    for (int i = 0; i < b->n_columns; i++) {
        end_value(&b->columns[i], rows);
        if (b->columns[i].value.overflow)
            return too_long(b, err), -1;
        b->values[b->n_before + i] = b->columns[i].value.data;
        b->lengths[b->n_before + i] = (int)b->columns[i].value.len;
    }
    const rh_rest_statement *s = &b->plan->info.statements[b->plan->info.main];
    out->statement = (rh_rest_statement){s->text, s->text_len, b->n_values, b->values};
    out->lengths = b->lengths;
    out->formats = b->formats;
    return 1;
}

int rh_batches_next(rh_batches *b, rh_batch *out, rh_err *err)
{
    *out = (rh_batch){0};
    if (!rh_batches_are_full(b))
        return 0;
    if (!b->csv)
        return next_elements(b, out, err);
    return b->plan->plan.arrays ? next_arrays(b, out, err) : next_planned_lines(b, out, err);
}

/* ---- the beginning ---- */

/* Where the fields of a record go, by the names of the first. */
static void map_fields(rh_batches *b, const rh_csv_record *names)
{
    const rh_plan *p = &b->plan->plan;
    const rh_relation *rel = p->root.relation;
    const rh_body_part *part = &p->parts.items[0];
    bool keyed = b->naming->keyed && rel->tenant_key >= 0;
    b->n_fields = names->n;
    b->fields = RH_NEW_ARRAY(b->arena, struct field, names->n + 1);
    for (size_t i = 0; i < names->n; i++) {
        rh_str_clear(&b->decoded);
        rh_payload_add_field(&b->decoded, &names->fields[i]);
        int column = rh_relation_column(rel, rh_str_cstr(&b->decoded), b->decoded.len);
        b->fields[i] = (struct field){-1, keyed && column == rel->tenant_key};
        for (int k = 0; column >= 0 && k < part->n; k++)
            if (part->columns[k] == column) {
                b->fields[i].column = k;
                b->columns[k].absent = false;
            }
    }
}

static void prepare_arrays(rh_batches *b)
{
    const rh_plan *p = &b->plan->plan;
    const rh_body_part *part = &p->parts.items[0];
    const rh_rest_statement *s = &b->plan->info.statements[b->plan->info.main];
    b->n_columns = part->n;
    b->n_values = s->n;
    b->n_before = s->n - part->n;
    b->columns = RH_NEW_ARRAY(b->arena, struct column, (size_t)part->n);
    b->values = RH_NEW_ARRAY(b->arena, const char *, (size_t)s->n);
    b->lengths = RH_NEW_ARRAY(b->arena, int, (size_t)s->n);
    b->formats = RH_NEW_ARRAY(b->arena, int, (size_t)s->n);
    for (int i = 0; i < b->n_before; i++) {
        b->values[i] = s->values[i];
        b->lengths[i] = (int)strlen(s->values[i]);
    }
    for (int i = 0; i < part->n; i++) {
        const rh_column *c = &p->root.columns[part->columns[i]];
        b->columns[i] = (struct column){.binary = rh_load_form_of(c) != RH_LOAD_LITERAL, .absent = true};
        rh_str_init(&b->columns[i].value, VALUE_MAX);
        b->formats[b->n_before + i] = b->columns[i].binary;
    }
}

/* The head and the first rows of CSV; *n bytes. RH_BATCHES_BEGUN: they are there. */
static rh_batches_begun first_lines(rh_batches *b, size_t *n, rh_err *err)
{
    rh_csv *scanner = rh_csv_new();
    rh_csv_record r;
    int got = 1, rows = 0;
    *n = 0;
    while (rows <= FIRST_ROWS &&
           (got = rh_csv_next(scanner, b->text.data + *n, b->text.len - *n, b->ended, &r, err)) > 0) {
        *n += r.raw_len;
        rows++;
    }
    rh_csv_free(scanner);
    if (got < 0)
        err->code = RH_E_BODY;
    return got < 0 ? RH_BATCHES_WRONG : rows > FIRST_ROWS ? RH_BATCHES_BEGUN : RH_BATCHES_MORE;
}

static rh_batches_begun first_elements(rh_batches *b, size_t *n)
{
    size_t took;
    bool closes;
    if (!open_array(b))
        return b->text.len && !is_blank(b->text.data, b->text.len) ? RH_BATCHES_NOT : RH_BATCHES_MORE;
    int64_t rows = gather_elements(b, FIRST_ROWS, n, &took, &closes);
    return rows == FIRST_ROWS ? RH_BATCHES_BEGUN : RH_BATCHES_MORE;
}

/* The plan by the first n bytes. */
static bool plan_first(rh_batches *b, size_t n, rh_err *err)
{
    b->part = (rh_rest_part){.line = b->line, .arrays = b->csv};
    char *text = rh_arena_alloc(b->arena, n + 3);
    size_t bracket = !b->csv;
    text[0] = '[';
    memcpy(text + bracket, b->text.data + b->at, n);
    memcpy(text + bracket + n, "]", 2);
    b->req.body_len = n + 2 * bracket;
    text[b->req.body_len] = 0;
    b->req.body = text;
    b->plan = rh_rest_plan(b->arena, &b->req, b->cache, b->naming, err);
    return b->plan != NULL;
}

/* The line of names is taken. */
static bool take_head(rh_batches *b, rh_err *err)
{
    rh_csv_record names;
    if (next_record(b, &names, err) <= 0)
        return false;
    rh_str_init_in(&b->head, b->arena, VALUE_MAX);
    rh_str_addn(&b->head, names.raw, names.raw_len);
    b->head_lines = b->line - 1;
    if (b->plan->plan.arrays) {
        prepare_arrays(b);
        map_fields(b, &names);
    }
    return true;
}

rh_batches_begun rh_batches_begin(rh_batches *b, rh_rest **out, rh_err *err)
{
    size_t n = 0;
    b->at = 0;
    b->line = 1;
    rh_batches_begun first = b->csv ? first_lines(b, &n, err) : first_elements(b, &n);
    if (first == RH_BATCHES_MORE)
        b->at = 0;
    if (first != RH_BATCHES_BEGUN)
        return first;
    if (!plan_first(b, n, err))
        return RH_BATCHES_WRONG;
    rh_rest *r = b->plan;
    if (r->plan.returning || r->plan.guard != RH_GUARD_NONE || r->plan.explain.on ||
        (r->rows_kind != RH_ROWS_NONE && r->rows_kind != RH_ROWS_COUNT))
        return RH_BATCHES_NOT;
    r->rows_kind = RH_ROWS_NONE; /* the caller counts */
    if (b->csv && !take_head(b, err))
        return RH_BATCHES_WRONG;
    *out = r;
    return RH_BATCHES_BEGUN;
}

/* ---- messages ---- */

void rh_batch_blame(const rh_batches *b, int64_t first, int64_t last, rh_err *err)
{
    char old[sizeof err->detail];
    const char *what = b->csv ? first == last ? "line" : "lines" : first == last ? "element" : "elements";
    if (err->json_detail)
        return;
    snprintf(old, sizeof old, "%s", err->detail);
    size_t n = strlen(old);
    const char *between = !n ? "" : old[n - 1] == '.' ? " " : ". ";
    if (first == last)
        rh_err_detail(err, "%s%sIn %s %lld of the body.", old, between, what, (long long)first);
    else
        rh_err_detail(err, "%s%sIn %s %lld to %lld of the body.", old, between, what, (long long)first,
                      (long long)last);
}
