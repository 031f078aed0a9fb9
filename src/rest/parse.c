/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/parse.h"

#include <string.h>

#include "base/str.h"

#define OPERATORS_EXPECTED "\"not\" or operator (eq, gt, ...)"

const rh_op_row rh_ops[RH_OP_COUNT] = {
#define X(name, text, sql, class) {text, sql, RH_OP_##class},
    RH_OPERATORS(X)
#undef X
};

/* ---- fields ---- */

static bool is_index(const char *p, size_t *n)
{
    size_t i = *p == '-';
    size_t digits = strspn(p + i, "0123456789");
    const char *after = p + i + digits;
    *n = i + digits;
    return digits && digits <= 9 &&
           (!*after || *after == ',' || *after == ')' || *after == '.' ||
            (after[0] == '-' && after[1] == '>') || (after[0] == ':' && after[1] == ':'));
}

static bool in_json_key(const char *p)
{
    return *p && !strchr("(-:.,>)", *p);
}

static const char *json_key(rh_scan *s)
{
    if (*s->p == '"')
        return rh_scan_quoted(s);
    const char *from = s->p;
    while (in_json_key(s->p) || (*s->p == '-' && s->p > from && in_json_key(s->p + 1)))
        s->p++;
    if (s->p == from) {
        rh_scan_fail(s, "any non reserved character different from: .,>()");
        return NULL;
    }
    return rh_arena_strndup(s->arena, from, (size_t)(s->p - from));
}

bool rh_parse_field(rh_scan *s, rh_field *out)
{
    RH_VEC(rh_path_step) steps = {0};
    *out = (rh_field){.column = -1};
    rh_scan_space(s);
    if (!(out->name = rh_scan_name(s)))
        return false;
    while (rh_scan_text(s, "->")) {
        rh_path_step step = {.as_text = rh_scan_char(s, '>')};
        size_t n;
        if (steps.len == RH_REST_MAX_STEPS)
            return rh_scan_fail(s, "at most 32 steps of a JSON path");
        if ((step.is_index = is_index(s->p, &n))) {
            step.key = rh_arena_strndup(s->arena, s->p, n);
            s->p += n;
        } else if (!(step.key = json_key(s))) {
            return false;
        }
        RH_VEC_PUSH(s->arena, &steps, step);
    }
    rh_scan_space(s);
    out->steps = steps.items;
    out->n_steps = (int)steps.len;
    return true;
}

/* ---- select ---- */

struct select_state {
    int items, depth;
};

static bool select_list(rh_scan *s, rh_query *out, struct select_state *st);

/* `name:` before an item, not `name::cast`. NULL when there is none; the cursor then has not moved. */
static const char *alias_of(rh_scan *s)
{
    rh_err ignored;
    rh_scan probe = *s;
    probe.err = &ignored;
    if (!strchr(s->p, ':'))
        return NULL;
    const char *name = rh_scan_name(&probe);
    if (!name || probe.p[0] != ':' || probe.p[1] == ':')
        return NULL;
    s->p = probe.p + 1;
    return name;
}

/* `!hint`, `!inner`, `!left`, at most two of them. */
static bool embed_params(rh_scan *s, rh_query *embed)
{
    for (int i = 0; i < 2 && rh_scan_char(s, '!'); i++) {
        const char *word = rh_scan_name(s);
        if (!word)
            return false;
        if (strcmp(word, "inner") == 0)
            embed->join = RH_JOIN_INNER;
        else if (strcmp(word, "left") == 0)
            embed->join = RH_JOIN_LEFT;
        else if (!embed->hint)
            embed->hint = word;
        else
            return rh_scan_fail(s, "one hint and \"inner\" or \"left\"");
    }
    return true;
}

/* The item is an embed when its name is followed by `(` or `!`; `count(` is not. */
static bool embed_item(rh_scan *s, rh_select *item, struct select_state *st, bool *is_embed)
{
    rh_err ignored;
    rh_scan probe = *s;
    probe.err = &ignored;
    const char *name = rh_scan_name(&probe);
    *is_embed = name && (*probe.p == '(' || *probe.p == '!') && strncmp(s->p, "count()", 7) != 0;
    if (!*is_embed)
        return item->kind == RH_SELECT_SPREAD ? rh_scan_fail(s, "an embedded resource after \"...\"") : true;
    if (st->depth == RH_REST_MAX_EMBED_DEPTH)
        return rh_scan_fail(s, "at most 8 levels of embedding");
    rh_query *embed = RH_NEW(s->arena, rh_query);
    embed->name = name;
    embed->alias = item->alias;
    embed->has_select = true;
    s->p = probe.p;
    if (!embed_params(s, embed))
        return false;
    if (!rh_scan_char(s, '('))
        return rh_scan_fail(s, "\"(\"");
    st->depth++;
    if (!select_list(s, embed, st))
        return false;
    st->depth--;
    if (!rh_scan_char(s, ')'))
        return rh_scan_fail(s, "\",\" or \")\"");
    if (item->kind != RH_SELECT_SPREAD)
        item->kind = RH_SELECT_EMBED;
    item->embed = embed;
    return true;
}

/* `::name`, `::name(10,2)`, `::name[]` */
static bool cast_of(rh_scan *s, const char **out)
{
    if (!rh_scan_text(s, "::"))
        return true;
    if (!(*out = rh_scan_identifier(s, "a type name")))
        return false;
    size_t n = *s->p == '(' ? strspn(s->p + 1, "0123456789,") : 0;
    n = n && s->p[n + 1] == ')' ? n + 2 : 0;
    n += strncmp(s->p + n, "[]", 2) == 0 ? 2 : 0;
    *out = rh_arena_printf(s->arena, "%s%.*s", *out, (int)n, s->p);
    s->p += n;
    return true;
}

static bool field_item(rh_scan *s, rh_select *item)
{
    static const char *const aggregates[] = {"sum", "avg", "count", "max", "min"};
    item->kind = RH_SELECT_FIELD;
    if (rh_scan_text(s, "count()")) {
        item->aggregate = "count";
        return cast_of(s, &item->aggregate_cast);
    }
    if (!rh_parse_field(s, &item->field) || !cast_of(s, &item->cast))
        return false;
    for (size_t i = 0; *s->p == '.' && i < sizeof aggregates / sizeof *aggregates; i++) {
        size_t n = strlen(aggregates[i]);
        if (strncmp(s->p + 1, aggregates[i], n) == 0 && s->p[n + 1] == '(' && s->p[n + 2] == ')') {
            s->p += n + 3;
            item->aggregate = aggregates[i];
            return cast_of(s, &item->aggregate_cast);
        }
    }
    return true;
}

static bool select_item(rh_scan *s, rh_select *item, struct select_state *st)
{
    bool is_embed;
    *item = (rh_select){.field.column = -1};
    rh_scan_space(s);
    if (rh_scan_char(s, '*')) {
        item->kind = RH_SELECT_STAR;
    } else {
        item->kind = RH_SELECT_FIELD;
        if (rh_scan_text(s, "..."))
            item->kind = RH_SELECT_SPREAD;
        else
            item->alias = alias_of(s);
        rh_scan_space(s);
        if (!embed_item(s, item, st, &is_embed) || (!is_embed && !field_item(s, item)))
            return false;
    }
    rh_scan_space(s);
    if (*s->p && *s->p != ',' && *s->p != ')')
        return rh_scan_fail(s, "\",\", \")\" or end of input");
    return true;
}

static bool select_list(rh_scan *s, rh_query *out, struct select_state *st)
{
    rh_scan_space(s);
    if (rh_scan_end(s) || *s->p == ')') /* an empty list selects nothing */
        return true;
    do {
        rh_select item;
        if (++st->items > RH_REST_MAX_SELECT)
            return rh_scan_fail(s, "at most 1000 items");
        if (!select_item(s, &item, st))
            return false;
        RH_VEC_PUSH(s->arena, &out->select, item);
    } while (rh_scan_char(s, ','));
    return true;
}

bool rh_parse_select(rh_arena *a, const char *text, rh_query *out, rh_err *err)
{
    rh_scan s = {"select parameter", text, text, a, err};
    struct select_state st = {0};
    if (!*text) /* as if it were not there */
        return true;
    out->has_select = true;
    if (!select_list(&s, out, &st))
        return false;
    return rh_scan_end(&s) || rh_scan_fail(&s, "\",\" or end of input");
}

/* ---- order ---- */

static bool order_term(rh_scan *s, rh_order *term)
{
    *term = (rh_order){0};
    if (!rh_parse_field(s, &term->field))
        return false;
    if (!term->field.n_steps && rh_scan_char(s, '(')) {
        term->relation = term->field.name;
        if (!rh_parse_field(s, &term->field))
            return false;
        if (!rh_scan_char(s, ')'))
            return rh_scan_fail(s, "\")\"");
    }
    if (rh_scan_text(s, ".desc"))
        term->descending = true;
    else
        rh_scan_text(s, ".asc");
    if (rh_scan_text(s, ".nullsfirst"))
        term->nulls = RH_NULLS_FIRST;
    else if (rh_scan_text(s, ".nullslast"))
        term->nulls = RH_NULLS_LAST;
    rh_scan_space(s);
    if (*s->p && *s->p != ',')
        return rh_scan_fail(s, "\".asc\", \".desc\", \".nullsfirst\", \".nullslast\", \",\" or end of input");
    return true;
}

bool rh_parse_order(rh_arena *a, const char *text, rh_query *out, rh_err *err)
{
    rh_scan s = {"order", text, text, a, err};
    do {
        rh_order term;
        if (out->order.len == RH_REST_MAX_ORDER)
            return rh_scan_fail(&s, "at most 64 terms");
        if (!order_term(&s, &term))
            return false;
        RH_VEC_PUSH(a, &out->order, term);
    } while (rh_scan_char(&s, ','));
    return true;
}

bool rh_parse_names(rh_arena *a, const char *what, const char *text, rh_names *out, rh_err *err)
{
    rh_scan s = {what, text, text, a, err};
    do {
        rh_scan_space(&s);
        const char *name = rh_scan_name(&s);
        if (!name)
            return false;
        if (out->len == RH_REST_MAX_SELECT)
            return rh_scan_fail(&s, "at most 1000 items");
        RH_VEC_PUSH(a, out, name);
        rh_scan_space(&s);
    } while (rh_scan_char(&s, ','));
    return rh_scan_end(&s) || rh_scan_fail(&s, "\",\" or end of input");
}

/* ---- operations ---- */

static bool is_word(rh_scan *s, rh_filter *out)
{
    static const struct {
        const char *text;
        rh_word word;
    } words[] = {{"not_null", RH_IS_NOT_NULL},
                 {"null", RH_IS_NULL},
                 {"true", RH_IS_TRUE},
                 {"false", RH_IS_FALSE},
                 {"unknown", RH_IS_UNKNOWN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].text);
        if (strncasecmp(s->p, words[i].text, n) == 0) {
            s->p += n;
            out->word = words[i].word;
            return true;
        }
    }
    return rh_scan_fail(s, "isVal: (null, not_null, true, false, unknown)");
}

void rh_parse_add_element(rh_str *array, const char *text)
{
    rh_str_add(array, array->len > 1 ? ",\"" : "\"");
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            rh_str_addc(array, '\\');
        rh_str_addc(array, *p);
    }
    rh_str_addc(array, '"');
}

/* An element or a value inside parentheses: "quoted" when a `,` or `)` follows, else the bytes up to one. */
static const char *listed_value(rh_scan *s)
{
    rh_err ignored;
    rh_scan probe = *s;
    probe.err = &ignored;
    if (*s->p == '"') {
        const char *text = rh_scan_quoted(&probe);
        if (text && (!*probe.p || *probe.p == ',' || *probe.p == ')')) {
            s->p = probe.p;
            return text;
        }
    }
    return rh_scan_until(s, ",)");
}

/* `(a,"b,c")` becomes the array literal {"a","b,c"}; `()` the empty one. */
static bool in_list(rh_scan *s, rh_filter *out)
{
    rh_str array;
    rh_scan_space(s);
    if (!rh_scan_char(s, '('))
        return rh_scan_fail(s, "\"(\"");
    rh_str_init_in(&array, s->arena, RH_STR_TEXT_MAX);
    rh_str_addc(&array, '{');
    rh_scan_space(s);
    bool empty = *s->p == ')';
    while (!empty) {
        rh_parse_add_element(&array, listed_value(s));
        if (!rh_scan_char(s, ','))
            break;
    }
    rh_str_addc(&array, '}');
    if (!rh_scan_char(s, ')'))
        return rh_scan_fail(s, "\",\" or \")\"");
    out->value = rh_str_cstr(&array);
    return true;
}

/* In and= and or= a value ends at `,` or `)`, unless it is "quoted" or an {array}. */
static const char *nested_value(rh_scan *s)
{
    if (*s->p == '{') {
        size_t n = strcspn(s->p + 1, "{}");
        if (s->p[n + 1] == '}') {
            const char *text = rh_arena_strndup(s->arena, s->p, n + 2);
            s->p += n + 2;
            return text;
        }
    }
    return listed_value(s);
}

static bool operator_row(rh_scan *s, rh_op *out)
{
    size_t n = strspn(s->p, "abcdefghijklmnopqrstuvwxyz");
    for (int i = 0; n && i < RH_OP_COUNT; i++)
        if (strncmp(rh_ops[i].name, s->p, n) == 0 && !rh_ops[i].name[n] &&
            (s->p[n] == '.' || s->p[n] == '(')) {
            s->p += n;
            *out = (rh_op)i;
            return true;
        }
    return rh_scan_fail(s, OPERATORS_EXPECTED);
}

/* What may stand in parentheses after the operator. */
static bool operator_argument(rh_scan *s, rh_filter *out)
{
    rh_op_class class = rh_ops[out->op].class;
    if (!rh_scan_char(s, '('))
        return true;
    if (class == RH_OP_QUANTIFIED || class == RH_OP_PATTERN) {
        if (rh_scan_text(s, "any"))
            out->quantifier = RH_ANY;
        else if (rh_scan_text(s, "all"))
            out->quantifier = RH_ALL;
        else
            return rh_scan_fail(s, "\"any\" or \"all\"");
    } else if (class == RH_OP_TEXT_SEARCH) {
        if (!(out->language = rh_scan_identifier(s, "a text search configuration")))
            return false;
    } else {
        s->p--;
        return rh_scan_fail(s, "delimiter (.)");
    }
    return rh_scan_char(s, ')') || rh_scan_fail(s, "\")\"");
}

static const char *stars_to_percent(rh_arena *a, const char *text)
{
    char *copy = rh_arena_strdup(a, text);
    for (char *p = copy; *p; p++)
        if (*p == '*')
            *p = '%';
    return copy;
}

static bool operation(rh_scan *s, rh_filter *out, bool nested)
{
    out->negated = rh_scan_text(s, "not.");
    if (!operator_row(s, &out->op) || !operator_argument(s, out))
        return false;
    if (!rh_scan_char(s, '.'))
        return rh_scan_fail(s, "delimiter (.)");
    switch (rh_ops[out->op].class) {
    case RH_OP_LIST:
        return in_list(s, out);
    case RH_OP_WORD:
        return is_word(s, out);
    default:
        out->value = nested ? nested_value(s) : rh_scan_until(s, "");
        if (rh_ops[out->op].class == RH_OP_PATTERN)
            out->value = stars_to_percent(s->arena, out->value);
        return true;
    }
}

bool rh_parse_operation(rh_arena *a, const char *text, rh_filter *out, rh_err *err)
{
    rh_scan s = {"filter", text, text, a, err};
    if (!operation(&s, out, false))
        return false;
    rh_scan_space(&s);
    return rh_scan_end(&s) || rh_scan_fail(&s, "end of input");
}

/* ---- logic ---- */

/* `and(`, `or(`, with or without `not.` before it. */
static bool group_start(rh_scan *s, rh_logic *out)
{
    rh_scan probe = *s;
    bool negated = rh_scan_text(&probe, "not.");
    bool all = rh_scan_text(&probe, "and");
    if (!all && !rh_scan_text(&probe, "or"))
        return false;
    rh_scan_space(&probe);
    if (*probe.p != '(')
        return false;
    s->p = probe.p;
    out->negated = negated;
    out->kind = all ? RH_LOGIC_AND : RH_LOGIC_OR;
    return true;
}

static bool logic_group(rh_scan *s, rh_logic *out, int depth, int *n_filters);

static bool logic_item(rh_scan *s, rh_logic *out, int depth, int *n_filters)
{
    rh_scan_space(s);
    if (group_start(s, out))
        return logic_group(s, out, depth + 1, n_filters);
    out->kind = RH_LOGIC_FILTER;
    if (++*n_filters > RH_REST_MAX_FILTERS)
        return rh_scan_fail(s, "at most 256 filters");
    if (!rh_parse_field(s, &out->filter.field))
        return false;
    if (!rh_scan_char(s, '.'))
        return rh_scan_fail(s, "delimiter (.)");
    return operation(s, &out->filter, true);
}

/* The cursor stands before the parenthesis. */
static bool logic_group(rh_scan *s, rh_logic *out, int depth, int *n_filters)
{
    if (depth > RH_REST_MAX_LOGIC_DEPTH)
        return rh_scan_fail(s, "at most 16 levels of and, or");
    rh_scan_space(s);
    if (!rh_scan_char(s, '('))
        return rh_scan_fail(s, "\"(\"");
    do {
        rh_logic *item = RH_NEW(s->arena, rh_logic);
        if (!logic_item(s, item, depth, n_filters))
            return false;
        RH_VEC_PUSH(s->arena, &out->items, item);
        rh_scan_space(s);
    } while (rh_scan_char(s, ','));
    return rh_scan_char(s, ')') || rh_scan_fail(s, "\",\" or \")\"");
}

bool rh_parse_logic(rh_arena *a, const char *text, rh_logic *out, int *n_filters, rh_err *err)
{
    rh_scan s = {"logic tree", text, text, a, err};
    if (!logic_group(&s, out, 1, n_filters))
        return false;
    rh_scan_space(&s);
    return rh_scan_end(&s) || rh_scan_fail(&s, "end of input");
}
