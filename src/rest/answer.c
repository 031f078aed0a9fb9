/* SPDX-License-Identifier: Apache-2.0
 *
 * From rows to the answer. Status and Content-Range follow PostgREST 16's Response.hs as documented under
 * "Pagination and count" and "Tables and views".
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "rest/head.h"

#define MAX_LOCATION 4096 /* bytes; a header has its bounds */

static void release_body(void *body)
{
    rh_str_release(body);
}

/* The first line of CSV. */
static void add_names(rh_rest *r)
{
    const rh_node *root = &r->plan.root;
    if (r->rows_kind == RH_ROWS_SCALARS)
        rh_str_add(&r->body, "pgrst_scalar");
    for (size_t i = 0; r->rows_kind == RH_ROWS_OBJECTS && i < root->items.len; i++) {
        if (i)
            rh_str_addc(&r->body, ',');
        rh_render_csv_value(&r->body, root->items.items[i].key, strlen(root->items.items[i].key));
    }
    rh_str_addc(&r->body, '\n');
}

void rh_answer_prepare(rh_rest *r)
{
    const rh_node *root = &r->plan.root;
    rh_str lead;
    rh_str_init(&r->body, r->naming.max_response);
    rh_arena_on_free(r->arena, release_body, &r->body);
    r->total = -1;
    if (r->plan.csv && (r->rows_kind == RH_ROWS_OBJECTS || r->rows_kind == RH_ROWS_SCALARS))
        add_names(r);
    if (r->rows_kind != RH_ROWS_OBJECTS)
        return;
    r->n_columns = (int)root->items.len;
    r->columns = RH_NEW_ARRAY(r->arena, rh_render_column, root->items.len);
    rh_str_init_in(&lead, r->arena, RH_STR_TEXT_MAX);
    for (int i = 0; i < r->n_columns; i++) {
        size_t from = lead.len;
        rh_str_addc(&lead, i ? ',' : '{');
        rh_json_add_string(&lead, root->items.items[i].key, strlen(root->items.items[i].key));
        rh_str_addc(&lead, ':');
        r->columns[i] = (rh_render_column){NULL, lead.len - from, root->items.items[i].form};
    }
    const char *at = rh_str_cstr(&lead); /* only now: the text has moved as it grew */
    for (int i = 0; i < r->n_columns; i++) {
        r->columns[i].lead = at;
        at += r->columns[i].lead_len;
    }
}

/* ---- rows ---- */

static void add_row(rh_rest *r, const PGresult *res, int row)
{
    if (r->plan.csv) {
        r->rows++;
        rh_render_csv_row(&r->body, res, row, r->rows_kind == RH_ROWS_OBJECTS ? r->n_columns : 1);
        return;
    }
    if (r->rows++ && (r->single || r->must_be_one)) /* more than one is counted, not rendered */
        return;
    if (!r->single)
        rh_str_addc(&r->body, r->rows == 1 ? '[' : ',');
    if (r->rows_kind == RH_ROWS_OBJECTS)
        rh_render_row(&r->body, res, row, r->columns, r->n_columns, r->plan.strip);
    else if (PQgetisnull(res, row, 0))
        rh_str_add(&r->body, "null");
    else
        rh_render_value(&r->body, PQgetvalue(res, row, 0), (size_t)PQgetlength(res, row, 0),
                        r->plan.value_form);
}

/* A body of the app's own; null is an empty one. */
static void add_raw(rh_rest *r, const PGresult *res, int row, int column)
{
    size_t n = (size_t)PQgetlength(res, row, column);
    const char *text = PQgetvalue(res, row, column);
    if (r->format.bytes && r->rows_kind != RH_ROWS_LINES)
        rh_render_bytes(&r->body, text, n);
    else
        rh_str_addn(&r->body, text, n);
}

/* `/ads?id=eq.5`, where exactly one row was inserted. */
static void note_keys(rh_rest *r, const PGresult *res, int row)
{
    const rh_relation *rel = r->plan.root.relation;
    rh_str url;
    if (r->rows++) {
        r->location = NULL;
        return;
    }
    rh_str_init_in(&url, r->arena, RH_STR_TEXT_MAX);
    rh_str_addc(&url, '/');
    rh_url_encode(&url, rel->name);
    for (int i = 0; i < rel->n_primary_key; i++) {
        rh_str_addc(&url, i ? '&' : '?');
        rh_url_encode(&url, rel->columns[rel->primary_key[i]].name);
        rh_str_add(&url, PQgetisnull(res, row, i) ? "=is.null" : "=eq.");
        rh_url_encode(&url, PQgetvalue(res, row, i));
    }
    if (!url.overflow && url.len < MAX_LOCATION)
        r->location = rh_str_cstr(&url);
}

static int64_t number_of(const PGresult *res)
{
    int64_t n;
    return PQntuples(res) == 1 && PQnfields(res) == 1 && rh_parse_int(PQgetvalue(res, 0, 0), &n) ? n : 0;
}

static bool too_large(const rh_rest *r, rh_err *err)
{
    rh_err_set(err, RH_E_TOO_LARGE, "the answer is larger than %zu bytes", r->naming.max_response);
    return rh_err_hint(err, "Ask for fewer rows with limit, or fewer columns with select.");
}

bool rh_rest_line(rh_rest *r, const char *line, size_t n, rh_err *err)
{
    r->rows++;
    rh_str_addn(&r->body, line, n);
    return !r->body.overflow || too_large(r, err);
}

/* The rows that a plan's first node expects. */
static int64_t planned_rows(const PGresult *res)
{
    json_t *plan = json_loadb(PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0), 0, NULL);
    const json_t *node = json_object_get(json_array_get(plan, 0), "Plan");
    int64_t n = (int64_t)json_number_value(json_object_get(node, "Plan Rows"));
    json_decref(plan);
    return n;
}

/* Behind the count, where there is one. */
static void take_estimate(rh_rest *r, const PGresult *res)
{
    int64_t planned = planned_rows(res);
    bool counted_all = r->prefer.count == RH_COUNT_ESTIMATED && r->total <= rh_estimate_from(r);
    if (!counted_all && planned > r->total)
        r->total = planned;
    if (r->estimate == r->info.main)
        r->rows = r->total;
}

bool rh_rest_rows(rh_rest *r, int statement, const PGresult *res, rh_err *err)
{
    int n = PQntuples(res);
    if (statement == r->estimate) {
        if (n)
            take_estimate(r, res);
        return true;
    }
    if (statement != r->info.main) {
        if (n && statement == r->responding)
            rh_head_take(r, res);
        else if (n && statement == r->count)
            r->total = number_of(res);
        else if (n && statement > r->info.main)
            r->inserted = number_of(res);
        return true;
    }
    for (int i = 0; i < n; i++) {
        switch (r->rows_kind) {
        case RH_ROWS_NONE:
            break;
        case RH_ROWS_COUNT:
            r->rows = number_of(res);
            break;
        case RH_ROWS_KEYS:
            note_keys(r, res, i);
            break;
        case RH_ROWS_BODY:
            if (!rh_parse_int(PQgetvalue(res, i, 0), &r->rows))
                r->rows = 0;
            add_raw(r, res, i, 1);
            break;
        case RH_ROWS_VALUE:
            r->rows++;
            add_raw(r, res, i, 0);
            break;
        case RH_ROWS_LINES:
            rh_str_add(&r->body, r->rows++ ? "\n" : "");
            add_raw(r, res, i, 0);
            break;
        case RH_ROWS_SCALARS:
        case RH_ROWS_OBJECTS:
            add_row(r, res, i);
            break;
        }
        if (r->body.overflow)
            return too_large(r, err);
    }
    return true;
}

/* ---- the answer ---- */

static void add_header(rh_rest_answer *out, const char *name, const char *value)
{
    out->headers[out->n_headers++] = (rh_rest_header){name, value};
}

/* `0-24/573`, `0-24` + `/` + `*`, `*` + `/` + `*` */
static const char *content_range(rh_rest *r, int64_t from, int64_t to, int64_t total)
{
    rh_str s;
    rh_str_init_in(&s, r->arena, 64);
    if (from <= to && total != 0) {
        rh_str_addu(&s, (uint64_t)from);
        rh_str_addc(&s, '-');
        rh_str_addu(&s, (uint64_t)to);
    } else {
        rh_str_addc(&s, '*');
    }
    rh_str_addc(&s, '/');
    if (total < 0)
        rh_str_addc(&s, '*');
    else
        rh_str_addu(&s, (uint64_t)total);
    return rh_str_cstr(&s);
}

/* What answers without a body of their own are about, and what they depend on: also on who asks, so that no
 * cache gives one tenant's answer to another. */
static void add_context(rh_rest *r, rh_rest_answer *out)
{
    if (r->plan.action == RH_DO_READ && !r->plan.explain.on && strlen(r->query) <= MAX_LOCATION / 3) {
        const char *query = *r->query ? rh_url_canonical(r->arena, r->query) : "";
        add_header(out, "Content-Location",
                   rh_arena_printf(r->arena, "%s%s%s", r->raw_path, *query ? "?" : "", query));
    }
    if (r->naming.vary)
        add_header(out, "Vary", r->naming.vary);
    if (r->url.warning)
        add_header(out, "Warning", r->url.warning);
}

static bool not_one_row(rh_rest *r, rh_err *err)
{
    if (r->path.n_keys) {
        rh_err_set(err, RH_E_NOT_FOUND, "no row of \"%s\" has this key", r->plan.root.name);
        return rh_err_detail(err, "The result contains %lld rows", (long long)r->rows);
    }
    rh_err_set(err, RH_E_SINGULAR, "Cannot coerce the result to a single JSON object");
    return rh_err_detail(err, "The result contains %lld rows", (long long)r->rows);
}

static void put_body(rh_rest *r, rh_rest_answer *out)
{
    bool json = !r->plan.csv && (r->rows_kind == RH_ROWS_OBJECTS || r->rows_kind == RH_ROWS_SCALARS);
    if (json && !r->rows)
        rh_str_add(&r->body, r->single ? "null" : "[]");
    else if (json && !r->single)
        rh_str_addc(&r->body, ']');
    add_header(out, "Content-Type", r->format.content_type);
    out->body = rh_str_take(&r->body, &out->body_len);
}

static bool finish_read(rh_rest *r, rh_rest_answer *out, rh_err *err)
{
    int64_t offset = r->plan.offset;
    if (r->prefer.count != RH_COUNT_NONE && !r->plan.has_limit && !offset) /* it may have grown since */
        r->total = r->rows;
    else if (r->estimate >= 0 && r->rows && r->total < offset + r->rows) /* these are there */
        r->total = offset + r->rows;
    if (r->total >= 0 && offset > r->total) {
        r->raised = RH_NEW_ARRAY(r->arena, rh_rest_header, 1);
        r->raised[r->n_raised++] = (rh_rest_header){"Content-Range", content_range(r, 1, 0, r->total)};
        rh_err_set(err, RH_E_RANGE, "Requested range not satisfiable");
        return rh_err_detail(err, "An offset of %lld was requested, but there are only %lld rows.",
                             (long long)offset, (long long)r->total);
    }
    out->status = r->total >= 0 && r->rows < r->total ? 206 : 200;
    add_header(out, "Content-Range", content_range(r, offset, offset + r->rows - 1, r->total));
    if (r->plan.function && r->plan.function->returns_void)
        out->status = 204;
    else if (r->plan.head)
        add_header(out, "Content-Type", r->format.content_type);
    else
        put_body(r, out);
    return true;
}

static void finish_write(rh_rest *r, rh_rest_answer *out)
{
    const rh_plan *p = &r->plan;
    int64_t total = r->prefer.count != RH_COUNT_NONE ? r->rows : -1;
    bool nothing_new = p->count_inserted && r->inserted <= 0;
    if (p->action == RH_DO_INSERT && !(p->put && !p->returning))
        out->status = nothing_new ? 200 : 201;
    else
        out->status = p->returning ? 200 : 204;
    if (r->location)
        add_header(out, "Location", r->location);
    if (!p->put)
        add_header(out, "Content-Range",
                   r->plan.action == RH_DO_UPDATE ? content_range(r, 0, r->rows - 1, total)
                                                  : content_range(r, 1, 0, total));
    if (r->plan.returning)
        put_body(r, out);
}

static rh_prefer_of kind_of(const rh_plan *p)
{
    static const rh_prefer_of kinds[] = {
        [RH_DO_READ] = RH_PREFER_READ,     [RH_DO_CALL] = RH_PREFER_CALL,
        [RH_DO_INSERT] = RH_PREFER_INSERT, [RH_DO_UPDATE] = RH_PREFER_UPDATE,
        [RH_DO_DELETE] = RH_PREFER_DELETE,
    };
    return p->put ? RH_PREFER_PUT : kinds[p->action];
}

static void add_applied(rh_rest *r, rh_rest_answer *out)
{
    rh_str applied;
    rh_str_init_in(&applied, r->arena, 256);
    rh_prefer_applied(&r->prefer, kind_of(&r->plan), &applied);
    if (applied.len)
        add_header(out, "Preference-Applied", rh_str_cstr(&applied));
}

/* How many rows there will be follows from the total; without it nobody knows, and there is no Content-Range.
 */
void rh_rest_begin(rh_rest *r, rh_rest_answer *out)
{
    const rh_plan *p = &r->plan;
    *out = (rh_rest_answer){.status = 200};
    r->begun = true;
    if (r->total >= 0) {
        int64_t rows = r->total > p->offset ? r->total - p->offset : 0;
        if (p->has_limit && p->limit < rows)
            rows = p->limit;
        out->status = rows < r->total ? 206 : 200;
        add_header(out, "Content-Range", content_range(r, p->offset, p->offset + rows - 1, r->total));
    }
    add_header(out, "Content-Type", r->format.content_type);
    add_context(r, out);
    add_applied(r, out);
}

size_t rh_rest_pending(const rh_rest *r)
{
    return r->body.len;
}

char *rh_rest_take(rh_rest *r, size_t *len)
{
    return rh_str_take(&r->body, len);
}

bool rh_rest_finish(rh_rest *r, const char *affected, rh_rest_answer *out, rh_err *err)
{
    bool write = rh_writes(&r->plan);
    *out = (rh_rest_answer){0};
    if (r->begun) {
        put_body(r, out);
        return true;
    }
    if (r->rows_kind == RH_ROWS_LINES) {
        out->status = 200;
        put_body(r, out);
        return true;
    }
    if (r->rows_kind == RH_ROWS_NONE && (!affected || !rh_parse_int(affected, &r->rows)))
        r->rows = 0;
    if (r->plan.put && r->rows != 1)
        return rh_err_set(err, RH_E_PUT_KEY, "Payload values do not match URL in primary key column(s)");
    if (r->must_be_one && r->rows != 1)
        return not_one_row(r, err);
    if (write)
        finish_write(r, out);
    else if (!finish_read(r, out, err))
        return false;
    add_context(r, out);
    add_applied(r, out);
    if (rh_head_set(r, out, err))
        return true;
    free(out->body);
    out->body = NULL;
    return false;
}

void rh_rest_discard(rh_rest *r)
{
    if (r)
        rh_str_release(&r->body);
}
