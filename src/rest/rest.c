/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning a request: headers, path, query string and body to statements. Each step refuses what it does not
 * understand, so that nothing of a request is silently left out.
 */
#include "rest/rest.h"

#include <string.h>

#include "rest/parse.h"
#include "rest/scan.h"
#include "rest/sql.h"
#include "rest/state.h"

static bool is_write(const rh_plan *p)
{
    return p->action != RH_DO_READ && p->action != RH_DO_CALL;
}

static bool read_headers(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    const char *texts[] = {req->prefer, req->range, req->accept, req->content_type};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && !rh_is_utf8(texts[i], strlen(texts[i])))
            return rh_err_set(err, RH_E_INVALID, "a header is not UTF-8");
    return rh_prefer_parse(req->prefer, &r->prefer, err) && rh_accept_parse(req->accept, &r->media, err);
}

/* What a known preference asks for is done or refused, never left out silently. */
static bool check_preferences(rh_rest *r, rh_err *err)
{
    rh_prefer *p = &r->prefer;
    if (p->count != RH_COUNT_NONE) /* an estimate of a shared table tells of its other tenants */
        p->count = RH_COUNT_EXACT;
    if (p->tx != RH_TX_UNSAID && !r->naming.tx_end.may_ask) {
        if (r->naming.tx_end.rollback != (p->tx == RH_TX_ROLLBACK)) {
            rh_err_set(err, RH_E_PREFER, "this door ends all transactions in the same way");
            return rh_err_hint(err, "The setting data.tx_end lets requests ask for tx=%s.",
                               p->tx == RH_TX_ROLLBACK ? "rollback" : "commit");
        }
        p->tx = RH_TX_UNSAID;
    }
    r->info.rollback = p->tx == RH_TX_UNSAID ? r->naming.tx_end.rollback : p->tx == RH_TX_ROLLBACK;
    return true;
}

/* ---- which action ---- */

static bool wrong_method(rh_rest *r, rh_err *err)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"};
    const char *name = r->method < sizeof names / sizeof *names ? names[r->method] : "of this name";
    if (r->path.rpc)
        return rh_err_set(err, RH_E_RPC_METHOD, "Cannot use the %s method on RPC", name);
    return rh_err_set(err, RH_E_METHOD, "Unsupported HTTP method: %s", name);
}

static bool choose_action(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    p->head = r->method == RH_HEAD;
    switch (r->method) {
    case RH_GET:
    case RH_HEAD:
        p->action = r->path.rpc ? RH_DO_CALL : RH_DO_READ;
        return true;
    case RH_POST:
        p->action = r->path.rpc ? RH_DO_CALL : RH_DO_INSERT;
        return !r->path.n_keys || wrong_method(r, err);
    case RH_PUT:
        p->action = RH_DO_INSERT;
        p->put = true;
        return !r->path.rpc || wrong_method(r, err);
    case RH_PATCH:
        p->action = RH_DO_UPDATE;
        return !r->path.rpc || wrong_method(r, err);
    case RH_DELETE:
        p->action = RH_DO_DELETE;
        return !r->path.rpc || wrong_method(r, err);
    default:
        return wrong_method(r, err);
    }
}

static bool not_permitted(const rh_relation *rel, rh_err *err)
{
    rh_err_set(err, RH_E_DB, "permission denied for %s %s", rel->kind == 'v' ? "view" : "table", rel->name);
    memcpy(err->sqlstate, "42501", 6);
    return false;
}

static bool check_keys(const rh_rest *r, const rh_relation *rel, rh_err *err)
{
    rh_str names;
    if (!r->path.n_keys || r->path.n_keys == rel->n_primary_key)
        return true;
    if (!rel->n_primary_key) {
        rh_err_set(err, RH_E_NO_PATH, "\"%s\" has no primary key to find a row by", rel->name);
        return rh_err_hint(err, "Filter its rows instead, as in /%s?column=eq.value.", rel->name);
    }
    rh_str_init_in(&names, r->arena, 256);
    for (int i = 0; i < rel->n_primary_key; i++) {
        rh_str_add(&names, i ? "," : "");
        rh_str_add(&names, rel->columns[rel->primary_key[i]].name);
    }
    rh_err_set(err, RH_E_PARSE, "the key of \"%s\" has %d parts, not %d", rel->name, rel->n_primary_key,
               r->path.n_keys);
    return rh_err_hint(err, "The path is /%s/%s.", rel->name, rh_str_cstr(&names));
}

static bool set_relation(rh_rest *r, const rh_relation *rel, rh_err *err)
{
    rh_plan *p = &r->plan;
    p->root.relation = rel;
    p->root.name = rel->name;
    p->root.columns = rel->columns;
    p->root.n_columns = rel->n_columns;
    if ((p->action == RH_DO_INSERT && !rel->insertable) || (p->put && !rel->updatable) ||
        (p->action == RH_DO_UPDATE && !rel->updatable) || (p->action == RH_DO_DELETE && !rel->deletable))
        return not_permitted(rel, err);
    p->keys = r->path.keys;
    p->n_keys = r->path.n_keys;
    return check_keys(r, rel, err);
}

/* ---- what the action does not take ---- */

static bool refuse(rh_err *err, const char *parameter, const char *method)
{
    rh_err_set(err, RH_E_PARSE, "\"%s\" has no meaning in this request", parameter);
    return rh_err_hint(err, "Leave it out of %s.", method);
}

static bool check_parameters(const rh_rest *r, rh_err *err)
{
    const rh_query *q = &r->url.root;
    rh_action action = r->plan.action;
    if (r->plan.put && (q->has_limit || q->has_offset))
        return rh_err_set(err, RH_E_PUT_LIMIT, "limit/offset querystring parameters are not allowed for PUT");
    if (r->url.has_on_conflict && (action != RH_DO_INSERT || r->plan.put))
        return refuse(err, "on_conflict", "a request that inserts nothing");
    if (r->url.has_columns && action != RH_DO_INSERT && action != RH_DO_UPDATE)
        return refuse(err, "columns", "a request that writes no columns");
    if (q->has_limit && (is_write(&r->plan) || r->path.n_keys))
        return refuse(err, "limit", "a write or a request for one row");
    if (q->has_offset && (is_write(&r->plan) || r->path.n_keys))
        return refuse(err, "offset", "a write or a request for one row");
    if (q->conditions.len && action == RH_DO_INSERT && !r->plan.put)
        return refuse(err, "a filter", "an insert");
    if (r->naming.filtered_writes && (action == RH_DO_UPDATE || action == RH_DO_DELETE) &&
        !q->conditions.len && !r->path.n_keys) {
        rh_err_set(err, RH_E_PARSE, "this would be done to all rows of \"%s\"", r->path.name);
        return rh_err_hint(err, "Name them, as in /%s/KEY or /%s?column=eq.value.", r->path.name,
                           r->path.name);
    }
    return true;
}

/* ---- bodies and arguments ---- */

static bool parse_body(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_payload type;
    size_t len = req->body_len;
    if (!rh_payload_type(req->content_type, &type, err))
        return false;
    const char *json = rh_payload_json(r->arena, type, req->body, &len, err);
    return json && rh_body_parse(r->arena, json, len, &r->plan.body, err);
}

static bool read_write_body(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    if (p->action != RH_DO_INSERT && p->action != RH_DO_UPDATE)
        return true;
    if (!parse_body(r, req, err))
        return false;
    if ((p->action == RH_DO_UPDATE || p->put) && p->body.count != 1)
        return rh_err_set(err, RH_E_BODY, "a %s has one JSON object, not %zu", p->put ? "put" : "patch",
                          p->body.count);
    p->missing_default = r->prefer.missing == RH_MISSING_DEFAULT && !p->put;
    return rh_body_columns(r->arena, &p->body, p->root.relation, &r->url, &r->naming,
                           p->missing_default && p->action == RH_DO_INSERT, &p->parts, err);
}

/* ---- duplicates ---- */

static bool has_column(const int *columns, int n, int column)
{
    for (int i = 0; i < n; i++)
        if (columns[i] == column)
            return true;
    return false;
}

/* What is a duplicate: by the columns of on_conflict=, or by the primary key. The tenant key is always one of
 * them, so that no other tenant's row can ever be one. */
static bool plan_conflict(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const rh_relation *rel = p->root.relation;
    p->resolution = p->put ? RH_RESOLUTION_MERGE : r->prefer.resolution;
    size_t asked = p->action != RH_DO_INSERT ? 0
                   : r->url.has_on_conflict  ? r->url.on_conflict.len
                                             : (size_t)rel->n_primary_key;
    if (!asked || p->resolution == RH_RESOLUTION_NONE) {
        p->resolution = r->prefer.resolution = RH_RESOLUTION_NONE;
        return true;
    }
    int *columns = RH_NEW_ARRAY(r->arena, int, asked + 1), n = 0;
    if (r->naming.keyed && rel->tenant_key >= 0)
        columns[n++] = rel->tenant_key;
    for (size_t i = 0; i < asked; i++) {
        const char *name = r->url.has_on_conflict ? r->url.on_conflict.items[i] : NULL;
        int column = name ? rh_relation_column(rel, name, strlen(name)) : rel->primary_key[i];
        if (column < 0)
            return rh_plan_no_column(&p->root, name, err);
        if (!has_column(columns, n, column))
            columns[n++] = column;
    }
    p->conflict = columns;
    p->n_conflict = n;
    p->count_inserted = p->resolution == RH_RESOLUTION_MERGE;
    return true;
}

static bool is_key_filter(const rh_relation *rel, const rh_logic *l, bool *seen)
{
    const rh_filter *f = &l->filter;
    if (l->kind != RH_LOGIC_FILTER || f->op != RH_OP_EQ || f->negated || f->quantifier != RH_ONE ||
        f->field.n_steps || f->embed || f->field.computed)
        return false;
    for (int i = 0; i < rel->n_primary_key; i++)
        if (rel->primary_key[i] == f->field.column && !seen[i])
            return seen[i] = true;
    return false;
}

/* A PUT names its row by all columns of the key, each once; the row's own values are held against them. */
static bool check_put(const rh_rest *r, rh_err *err)
{
    const rh_plan *p = &r->plan;
    const rh_relation *rel = p->root.relation;
    const rh_query *q = &r->url.root;
    bool seen[RH_PATH_MAX_KEYS] = {false};
    int n = rel->n_primary_key;
    bool ok = n && n <= RH_PATH_MAX_KEYS && (p->n_keys ? !q->conditions.len : q->conditions.len == (size_t)n);
    for (size_t i = 0; ok && i < q->conditions.len; i++)
        ok = is_key_filter(rel, q->conditions.items[i], seen);
    if (!ok)
        return rh_err_set(err, RH_E_PUT_FILTERS,
                          "Filters must include all and only primary key columns with 'eq' operators");
    for (int i = 0; i < n; i++)
        if (!has_column(p->parts.items[0].columns, p->parts.items[0].n, rel->primary_key[i]) &&
            !(r->naming.keyed && rel->primary_key[i] == rel->tenant_key))
            return rh_err_set(err, RH_E_PUT_KEY, "Payload values do not match URL in primary key column(s)");
    return true;
}

/* ---- calls ---- */

typedef RH_VEC(const char *) names_vec;

/* Names of the arguments; n -1 where the body is no object. What is wrong with it then is for the caller,
 * once it turns out that no function takes it whole. */
static bool arguments_of_body(rh_rest *r, const rh_rest_request *req, rh_payload type, names_vec *names,
                              int *n, rh_err *err)
{
    const char *key;
    json_t *value;
    *n = -1;
    if (type == RH_PAYLOAD_TEXT || type == RH_PAYLOAD_XML || type == RH_PAYLOAD_BYTES)
        return rh_err_set(err, RH_E_BODY, "no function takes a body of this type");
    if (!(req->body_len ? parse_body(r, req, err) : rh_body_parse(r->arena, "{}", 2, &r->plan.body, err)))
        return false;
    if (r->plan.body.is_array)
        return rh_err_set(err, RH_E_BODY, "the arguments of a function are one JSON object, not an array");
    json_object_foreach(r->plan.body.json, key, value) RH_VEC_PUSH(r->arena, names, key);
    *n = (int)names->len;
    return true;
}

/* A name may stand several times: the function must have it as a variadic one then. */
static void arguments_of_query(rh_rest *r, names_vec *names)
{
    for (size_t i = 0; i < r->url.arguments.len; i++) {
        const char *name = r->url.arguments.items[i].name;
        bool known = false;
        for (size_t j = 0; j < names->len && !known; j++)
            known = strcmp(name, names->items[j]) == 0;
        if (!known)
            RH_VEC_PUSH(r->arena, names, name);
    }
}

/* The values given to an argument: one, or of a variadic one an array of any number. */
static bool argument_value(rh_rest *r, const rh_argument *a, const char **out, rh_err *err)
{
    rh_str array;
    size_t given = 0;
    rh_str_init_in(&array, r->arena, RH_STR_TEXT_MAX);
    rh_str_addc(&array, '{');
    for (size_t j = 0; j < r->url.arguments.len; j++) {
        if (strcmp(a->name, r->url.arguments.items[j].name) != 0)
            continue;
        if (given++ && !a->variadic)
            return rh_err_set(err, RH_E_PARSE, "the parameter \"%.*s\" is given twice", RH_CLIPPED(a->name));
        *out = r->url.arguments.items[j].value;
        rh_parse_add_element(&array, *out);
    }
    rh_str_addc(&array, '}');
    if (a->variadic)
        *out = rh_str_cstr(&array);
    return true;
}

/* The values of GET's arguments, in the order in which the function takes them. */
static bool order_arguments(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const char **values = RH_NEW_ARRAY(r->arena, const char *, p->arguments.len + 1);
    for (size_t i = 0; i < p->arguments.len; i++)
        if (!argument_value(r, p->arguments.items[i], &values[i], err))
            return false;
    p->argument_values = values;
    return true;
}

/* A body that is one argument: bytes go as hexadecimal digits. */
static bool take_whole(rh_rest *r, const rh_rest_request *req, rh_payload type, rh_err *err)
{
    static const char digits[] = "0123456789abcdef";
    if (type != RH_PAYLOAD_BYTES) {
        r->plan.whole = rh_arena_strndup(r->arena, req->body, req->body_len);
        return rh_is_utf8(req->body, req->body_len) ||
               rh_err_set(err, RH_E_BODY, "the body has a NUL or bytes that are not UTF-8");
    }
    char *out = rh_arena_alloc(r->arena, req->body_len * 2 + 3), *to = out;
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < req->body_len; i++) {
        *to++ = digits[(unsigned char)req->body[i] >> 4];
        *to++ = digits[(unsigned char)req->body[i] & 15];
    }
    *to = 0;
    r->plan.whole = out;
    return true;
}

static bool find_function(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    names_vec names = {0};
    rh_payload type;
    rh_err body_err;
    int n;
    if (r->method != RH_POST) {
        arguments_of_query(r, &names);
        return rh_plan_function(p, r->path.name, names.items, (int)names.len, NULL, err) &&
               order_arguments(r, err);
    }
    if (!rh_payload_type(req->content_type, &type, err))
        return false;
    bool read = arguments_of_body(r, req, type, &names, &n, &body_err);
    if (!rh_plan_function(p, r->path.name, names.items, n, &type, err)) {
        if (!read && err->code == RH_E_NO_FUNCTION)
            *err = body_err;
        return false;
    }
    bool whole = p->arguments.len == 1 && !*p->arguments.items[0]->name;
    return !whole || take_whole(r, req, type, err);
}

static bool plan_function(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    if (!find_function(r, req, err))
        return false;
    const rh_function *f = p->function;
    p->root.name = f->name;
    p->root.columns = f->columns;
    p->root.n_columns = f->n_columns;
    if (f->returns_relation) {
        if (!rh_plan_serves(&r->naming, f->returns_relation))
            return not_permitted(f->returns_relation, err);
        return set_relation(r, f->returns_relation, err);
    }
    p->scalar = !f->n_columns;
    if (p->scalar && (p->root.query->has_select || p->root.query->order.len || p->root.query->conditions.len))
        return refuse(err, "select, order or a filter", "a call of a function that returns no columns");
    return true;
}

/* ---- how it is answered ---- */

static bool plan_window(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_window window = {0};
    rh_plan *p = &r->plan;
    if (is_write(p) || r->path.n_keys)
        return true;
    if (!rh_window_of(r->method == RH_GET ? req->range : NULL, &r->url.root, r->naming.max_rows, &window,
                      err))
        return false;
    p->has_limit = window.has_limit;
    p->limit = window.limit;
    p->offset = window.offset;
    if (p->scalar && !p->function->returns_set && (p->has_limit || p->offset)) { /* one value is one value */
        p->has_limit = false;
        p->offset = 0;
    }
    return true;
}

/* At most max_affected rows: of writes, and of functions whose rows can be counted. */
static bool plan_max_affected(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    bool applies = p->action == RH_DO_UPDATE || p->action == RH_DO_DELETE || p->action == RH_DO_CALL;
    if (!applies || r->prefer.handling != RH_HANDLING_STRICT || r->prefer.max_affected < 0)
        return true;
    if (p->action == RH_DO_CALL && !p->function->returns_set) {
        rh_err_set(
            err, RH_E_MAX_AFFECTED_CALL,
            "Function must return SETOF or TABLE when max-affected preference is used with handling=strict");
        return false;
    }
    if (p->guard == RH_GUARD_NONE && !p->head) {
        p->guard = RH_GUARD_MAX;
        p->max_affected = r->prefer.max_affected;
    }
    return true;
}

static bool plan_answer(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const rh_function *f = p->function;
    bool write = is_write(p);
    p->returning = write && r->prefer.answer == RH_RETURN_REPRESENTATION;
    bool object = r->media == RH_MEDIA_OBJECT || r->media == RH_MEDIA_STRIPPED_OBJECT;
    p->csv = r->media == RH_MEDIA_CSV;
    p->strip = r->media == RH_MEDIA_STRIPPED || r->media == RH_MEDIA_STRIPPED_OBJECT;
    r->must_be_one = object || r->path.n_keys;
    r->single = r->must_be_one || (f && !f->returns_set);
    /* a write or a volatile call that must have one row is undone by its own statement when it has not */
    if (object && !r->path.n_keys && (write || (f && !f->read_only && f->returns_set && !p->head)))
        p->guard = RH_GUARD_ONE;
    if (!plan_max_affected(r, err))
        return false;
    bool patch_of_nothing = p->action == RH_DO_UPDATE && !p->parts.items[0].n;
    p->location = p->action == RH_DO_INSERT && !p->put && p->parts.len == 1 &&
                  r->prefer.answer == RH_RETURN_HEADERS_ONLY && p->guard == RH_GUARD_NONE &&
                  p->root.relation->n_primary_key;
    if (p->returning || (!write && !p->head && !p->scalar))
        r->rows_kind = RH_ROWS_OBJECTS;
    else if (write)
        r->rows_kind = p->location                                           ? RH_ROWS_KEYS
                       : (p->guard || p->parts.len > 1) && !patch_of_nothing ? RH_ROWS_COUNT
                                                                             : RH_ROWS_NONE;
    else
        r->rows_kind = p->head ? RH_ROWS_COUNT : RH_ROWS_SCALARS;
    return true;
}

static bool write_statements(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    rh_rest_plan_info *info = &r->info;
    bool write = is_write(p), cut = p->has_limit || p->offset;
    info->read_only = !write && (!p->function || p->function->read_only || r->method != RH_POST);
    info->single_row = r->path.n_keys || (p->function && !p->function->returns_set) ||
                       r->rows_kind == RH_ROWS_COUNT || r->rows_kind == RH_ROWS_NONE;
    info->calls = p->calls || p->action == RH_DO_CALL;
    rh_plan_note_tenant(p);
    if (r->prefer.timezone)
        rh_sql_timezone(p, rh_arena_strndup(r->arena, r->prefer.timezone, r->prefer.timezone_len),
                        &info->statements[info->main++]);
    info->n_statements = info->main + 1;
    if (!rh_sql_main(p, &info->statements[info->main], err))
        return false;
    if (p->count_inserted)
        rh_sql_inserted(p, &info->statements[info->n_statements++]);
    if (write || r->prefer.count == RH_COUNT_NONE || !cut)
        return true;
    if (!info->read_only) /* counting would call it again */
        return rh_plan_not_implemented(err, "count=exact with a limit on the volatile function",
                                       p->function->name);
    return rh_sql_count(p, &info->statements[info->n_statements++], err);
}

rh_rest *rh_rest_plan(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *cache,
                      const rh_rest_naming *naming, rh_err *err)
{
    const rh_relation *rel;
    rh_rest *r = RH_NEW(a, rh_rest);
    r->arena = a;
    r->naming = *naming;
    r->method = req->method;
    r->plan.arena = a;
    r->plan.cache = cache;
    r->plan.naming = &r->naming;
    r->plan.root.query = &r->url.root;
    if (!read_headers(r, req, err) || !check_preferences(r, err) ||
        !rh_path_parse(a, req->path, &r->path, err) || !choose_action(r, err))
        return NULL;
    if (!r->path.rpc) {
        rel = rh_plan_relation(cache, &r->naming, r->path.name, err);
        if (!rel || !set_relation(r, rel, err))
            return NULL;
    }
    if (!rh_url_parse(a, req->query ? req->query : "", r->path.rpc && r->method != RH_POST, &r->url, err))
        return NULL;
    if (!check_parameters(r, err))
        return NULL;
    if (r->path.rpc ? !plan_function(r, req, err) : !read_write_body(r, req, err))
        return NULL;
    if (!plan_conflict(r, err) || !plan_window(r, req, err) || !rh_plan_tree(&r->plan, err))
        return NULL;
    if ((r->plan.put && !check_put(r, err)) || !plan_answer(r, err) || !write_statements(r, err))
        return NULL;
    rh_answer_prepare(r);
    return r;
}

const rh_rest_plan_info *rh_rest_info(const rh_rest *r)
{
    return &r->info;
}
