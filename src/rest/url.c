/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/url.h"

#include <string.h>

#include "base/str.h"
#include "rest/parse.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *rh_url_decode(rh_arena *a, const char *text, size_t n, bool plus, rh_err *err)
{
    char *out = rh_arena_alloc(a, n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < n ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < n ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                rh_err_set(err, RH_E_PARSE, "malformed percent-encoding in the URL");
                rh_err_detail(err, "byte %zu: after a percent sign stand two hexadecimal digits", i + 1);
                return NULL;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[len++] = c;
    }
    out[len] = 0;
    if (!rh_is_utf8(out, len)) {
        rh_err_set(err, RH_E_PARSE, "the URL has a NUL or bytes that are not UTF-8");
        return NULL;
    }
    return out;
}

/* ---- the query string ---- */

enum parameter_kind { FILTER, ORDER, LIMIT, OFFSET, LOGIC, SELECT, COLUMNS, ON_CONFLICT };

struct parameter {
    const char *key, *value;
    enum parameter_kind kind;
};

typedef RH_VEC(struct parameter) parameters;

struct url_state {
    rh_arena *arena;
    rh_url *out;
    rh_err *err;
    bool rpc_read, exact_names;
    int n_filters;
};

/* Parameters that are no filters. `embeddable` ones may have the path of an embed before them. */
static const struct {
    const char *name;
    enum parameter_kind kind;
    bool embeddable;
} reserved[] = {
    {"order", ORDER, true},      {"limit", LIMIT, true},
    {"offset", OFFSET, true},    {"and", LOGIC, true},
    {"or", LOGIC, true},         {"select", SELECT, false},
    {"columns", COLUMNS, false}, {"on_conflict", ON_CONFLICT, false},
};

static enum parameter_kind kind_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    const char *last = dot ? dot + 1 : key;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i].embeddable ? last : key, reserved[i].name) == 0)
            return reserved[i].kind;
    return FILTER;
}

#define MAX_PARAMETERS 10000 /* of a form, where each is held against each argument */

static bool split(struct url_state *st, const char *query, parameters *list)
{
    while (*query) {
        size_t n = strcspn(query, "&");
        const char *equals = memchr(query, '=', n);
        size_t key_len = equals ? (size_t)(equals - query) : n;
        struct parameter p = {.value = ""};
        if (n) {
            if (!(p.key = rh_url_decode(st->arena, query, key_len, true, st->err)))
                return false;
            if (equals && !(p.value = rh_url_decode(st->arena, equals + 1, n - key_len - 1, true, st->err)))
                return false;
            if (list->len == MAX_PARAMETERS)
                return rh_err_set(st->err, RH_E_PARSE, "more than %d parameters", MAX_PARAMETERS);
            p.kind = kind_of(p.key);
            RH_VEC_PUSH(st->arena, list, p);
        }
        query += n + (query[n] == '&');
    }
    return true;
}

static bool given_twice(struct url_state *st, const char *key)
{
    return rh_err_set(st->err, RH_E_PARSE, "the parameter \"%.*s\" is given twice", RH_CLIPPED(key));
}

static rh_query *embed_named(const rh_query *q, const char *name, rh_query **misnamed)
{
    for (size_t i = 0; i < q->select.len; i++) {
        rh_query *embed = q->select.items[i].embed;
        if (!embed)
            continue;
        if (strcmp(embed->alias ? embed->alias : embed->name, name) == 0)
            return embed;
        if (strcmp(embed->name, name) == 0)
            *misnamed = embed;
    }
    return NULL;
}

static bool not_embedded(struct url_state *st, const char *name, const rh_query *misnamed)
{
    rh_err_set(st->err, RH_E_EMBED_FILTER, "'%.*s' is not an embedded resource in this request",
               RH_CLIPPED(name));
    if (misnamed) {
        rh_err_detail(st->err, "Target names are not allowed in filters if they have an alias");
        rh_err_hint(st->err, "Change '%.*s' to '%.*s' in filters, orders or limits.", rh_clip(name, 100),
                    name, rh_clip(misnamed->alias, 100), misnamed->alias);
    } else {
        rh_err_hint(st->err, "Verify that '%.*s' is included in the 'select' query parameter.",
                    RH_CLIPPED(name));
    }
    return false;
}

/* As a value of the header Warning. */
static void warn_of_name(struct url_state *st, const rh_query *misnamed)
{
    rh_str s;
    rh_str_init_in(&s, st->arena, RH_STR_TEXT_MAX);
    rh_str_add(&s, "299 rowhouse \"the embed ");
    rh_url_encode(&s, misnamed->name);
    rh_str_add(&s, " is called ");
    rh_url_encode(&s, misnamed->alias);
    rh_str_add(&s, " here: filters, orders and limits should name it so\"");
    st->out->warning = rh_str_cstr(&s);
}

/* Walks `rel.sub.` at the cursor down the embeds; what follows the last dot stays for the caller. */
static rh_query *embed_at(struct url_state *st, rh_scan *s)
{
    rh_query *q = &st->out->root;
    for (;;) {
        rh_scan probe = *s;
        rh_err ignored;
        rh_query *misnamed = NULL;
        probe.err = &ignored;
        const char *name = rh_scan_name(&probe);
        if (!name || *probe.p != '.')
            return q;
        if (strcmp(name, "not") == 0 && (strcmp(probe.p, ".and") == 0 || strcmp(probe.p, ".or") == 0))
            return q;
        rh_query *embed = embed_named(q, name, &misnamed);
        if (!embed && misnamed && !st->exact_names)
            warn_of_name(st, embed = misnamed);
        if (!embed) {
            not_embedded(st, name, misnamed);
            return NULL;
        }
        q = embed;
        s->p = probe.p + 1;
    }
}

static bool add_filter(struct url_state *st, rh_query *q, rh_scan *s, const struct parameter *p)
{
    rh_logic *l = RH_NEW(st->arena, rh_logic);
    l->kind = RH_LOGIC_FILTER;
    if (++st->n_filters > RH_REST_MAX_FILTERS)
        return rh_scan_fail(s, "at most 256 filters");
    if (!rh_parse_field(s, &l->filter.field))
        return false;
    if (!rh_scan_end(s))
        return rh_scan_fail(s, "\"->\", \"->>\", delimiter (.) or end of input");
    if (!rh_parse_operation(st->arena, p->value, &l->filter, st->err))
        return false;
    RH_VEC_PUSH(st->arena, &q->conditions, l);
    return true;
}

static bool add_logic(struct url_state *st, rh_query *q, const char *last, const struct parameter *p)
{
    rh_logic *l = RH_NEW(st->arena, rh_logic);
    l->negated = rh_starts_with(last, "not.");
    l->kind = strcmp(last + (l->negated ? 4 : 0), "and") == 0 ? RH_LOGIC_AND : RH_LOGIC_OR;
    if (!rh_parse_logic(st->arena, p->value, l, &st->n_filters, st->err))
        return false;
    RH_VEC_PUSH(st->arena, &q->conditions, l);
    return true;
}

/* limit and offset: a decimal integer. Before the first row is the first row. */
static bool add_number(struct url_state *st, const struct parameter *p, bool *has, int64_t *out)
{
    if (*has)
        return given_twice(st, p->key);
    *has = true;
    if (!rh_parse_int(p->value, out)) {
        rh_err_set(st->err, RH_E_PARSE, "\"failed to parse %s (%.*s)\" (line 1, column 1)",
                   p->kind == LIMIT ? "limit" : "offset", RH_CLIPPED(p->value));
        return rh_err_detail(st->err, "expecting an integer");
    }
    if (p->kind == OFFSET && *out < 0)
        *out = 0;
    if (*out >= 0)
        return true;
    rh_err_set(st->err, RH_E_RANGE, "Requested range not satisfiable");
    return rh_err_detail(st->err, "Limit should be greater than or equal to zero.");
}

static bool add_names(struct url_state *st, const struct parameter *p, const char *what, bool *has,
                      rh_names *out)
{
    if (*has)
        return given_twice(st, p->key);
    *has = true;
    return rh_parse_names(st->arena, what, p->value, out, st->err);
}

static bool add_argument(struct url_state *st, const struct parameter *p)
{
    rh_scan s = {"argument name", p->key, p->key, st->arena, st->err};
    rh_parameter argument = {rh_scan_name(&s), p->value};
    if (!argument.name)
        return false;
    if (!rh_scan_end(&s))
        return rh_scan_fail(&s, "end of input");
    RH_VEC_PUSH(st->arena, &st->out->arguments, argument);
    return true;
}

static bool has_operator(struct url_state *st, const struct parameter *p)
{
    rh_filter ignored = {0};
    rh_err no_error;
    return rh_parse_operation(st->arena, p->value, &ignored, &no_error);
}

static bool add_parameter(struct url_state *st, const struct parameter *p)
{
    rh_scan s = {"tree path", p->key, p->key, st->arena, st->err};
    if (p->kind == FILTER && st->rpc_read && !has_operator(st, p))
        return add_argument(st, p);
    rh_query *q = embed_at(st, &s);
    if (!q)
        return false;
    switch (p->kind) {
    case FILTER:
        return add_filter(st, q, &s, p);
    case LOGIC:
        return add_logic(st, q, s.p, p);
    case ORDER:
        return q->order.len ? given_twice(st, p->key) : rh_parse_order(st->arena, p->value, q, st->err);
    case LIMIT:
        return add_number(st, p, &q->has_limit, &q->limit);
    case OFFSET:
        return add_number(st, p, &q->has_offset, &q->offset);
    case COLUMNS:
        return add_names(st, p, "columns parameter", &st->out->has_columns, &st->out->columns);
    case ON_CONFLICT:
        return add_names(st, p, "on_conflict parameter", &st->out->has_on_conflict, &st->out->on_conflict);
    case SELECT: /* done before the others, which need the embeds */
        return true;
    }
    return true;
}

bool rh_url_parse(rh_arena *a, const char *query, bool rpc_read, bool exact_names, rh_url *out, rh_err *err)
{
    struct url_state st = {a, out, err, rpc_read, exact_names, 0};
    parameters list = {0};
    *out = (rh_url){0};
    if (!*query)
        return true;
    if (!split(&st, query, &list))
        return false;
    for (size_t i = 0; i < list.len; i++)
        if (list.items[i].kind == SELECT) {
            if (out->root.has_select)
                return given_twice(&st, "select");
            if (!rh_parse_select(a, list.items[i].value, &out->root, err))
                return false;
        }
    for (size_t i = 0; i < list.len; i++)
        if (!add_parameter(&st, &list.items[i]))
            return false;
    return true;
}

bool rh_url_form(rh_arena *a, const char *text, size_t len, rh_url *out, rh_err *err)
{
    parameters list = {0};
    struct url_state st = {.arena = a, .out = out, .err = err};
    bool ok = !len || !memchr(text, 0, len) ||
              rh_err_set(err, RH_E_BODY, "the body has a NUL or bytes that are not UTF-8");
    if (!ok || !split(&st, rh_arena_strndup(a, len ? text : "", len), &list)) {
        err->code = RH_E_BODY;
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        rh_parameter one = {list.items[i].key, list.items[i].value};
        RH_VEC_PUSH(a, &out->arguments, one);
    }
    return true;
}

void rh_url_encode(rh_str *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c)) {
            rh_str_addc(out, *p);
        } else {
            rh_str_addc(out, '%');
            rh_str_addc(out, hex[c >> 4]);
            rh_str_addc(out, hex[c & 15]);
        }
    }
}

const char *rh_url_canonical(rh_arena *a, const char *query)
{
    rh_err ignored;
    rh_str text;
    parameters list = {0};
    struct url_state st = {.arena = a, .err = &ignored};
    rh_str_init_in(&text, a, RH_STR_TEXT_MAX);
    if (!split(&st, query, &list))
        return "";
    for (size_t i = 1; i < list.len; i++) /* few: and those of one name keep their order */
        for (size_t j = i; j && strcmp(list.items[j - 1].key, list.items[j].key) > 0; j--) {
            struct parameter later = list.items[j];
            list.items[j] = list.items[j - 1];
            list.items[j - 1] = later;
        }
    for (size_t i = 0; i < list.len; i++) {
        rh_str_add(&text, i ? "&" : "");
        rh_url_encode(&text, list.items[i].key);
        rh_str_addc(&text, '=');
        rh_url_encode(&text, list.items[i].value);
    }
    return rh_str_cstr(&text);
}

/* ---- the path ---- */

static bool no_path(rh_err *err)
{
    rh_err_set(err, RH_E_NO_PATH, "Invalid path specified in request URL");
    return rh_err_hint(err, "A path is /relation, /relation/key or /rpc/function.");
}

static bool key_parts(rh_arena *a, const char *text, rh_path *out, rh_err *err)
{
    for (;;) {
        size_t n = strcspn(text, ",");
        if (out->n_keys == RH_PATH_MAX_KEYS)
            return no_path(err);
        if (!(out->keys[out->n_keys++] = rh_url_decode(a, text, n, false, err)))
            return false;
        if (!text[n])
            return true;
        text += n + 1;
    }
}

bool rh_path_parse(rh_arena *a, const char *path, rh_path *out, rh_err *err)
{
    out->rpc = false;
    out->n_keys = 0;
    if (*path != '/')
        return no_path(err);
    if (rh_starts_with(path, "/rpc/")) {
        out->rpc = true;
        path += 4;
    }
    size_t n = strcspn(path + 1, "/");
    const char *rest = path + 1 + n;
    if (!n || (*rest && (out->rpc || !rest[1] || strchr(rest + 1, '/'))))
        return no_path(err);
    if (!(out->name = rh_url_decode(a, path + 1, n, false, err)))
        return false;
    return *rest ? key_parts(a, rest + 1, out, err) : true;
}
