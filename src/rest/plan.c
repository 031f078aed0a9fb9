/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/plan.h"

#include <string.h>

#include "base/near.h"
#include "rest/url.h"
#include "rest/scan.h"

/* ---- refusals ---- */

bool rh_plan_not_implemented(rh_err *err, const char *what, const char *culprit)
{
    rh_err_set(err, RH_E_NOT_IMPLEMENTED, "Feature not implemented");
    return rh_err_detail(err, "%s: %.*s", what, RH_CLIPPED(culprit));
}

bool rh_plan_no_column(const rh_node *n, const char *column, rh_err *err)
{
    rh_near near = RH_NEAR(column);
    for (int i = 0; i < n->n_columns; i++)
        rh_near_try(&near, n->columns[i].name);
    rh_err_set(err, RH_E_DB, "column %s.%.*s does not exist", n->name, RH_CLIPPED(column));
    memcpy(err->sqlstate, "42703", 6);
    if (near.best)
        rh_err_hint(err, "Perhaps you meant to reference the column \"%s.%s\".", n->name, near.best);
    return false;
}

/* ---- relations and functions ---- */

bool rh_plan_serves(const rh_rest_naming *naming, const rh_relation *r)
{
    return r->set == RH_SET_REFERENCE || (!naming->reference_only && (!naming->keyed || r->tenant_key >= 0));
}

const rh_relation *rh_plan_relation(const rh_relation_cache *c, const rh_rest_naming *naming,
                                    const char *name, rh_err *err)
{
    int n;
    const rh_relation *found = rh_relation_find(c, name, strlen(name)), *all = rh_relation_all(c, &n);
    if (found && rh_plan_serves(naming, found))
        return found;
    rh_near near = RH_NEAR(name);
    for (int i = 0; i < n; i++)
        if (rh_plan_serves(naming, &all[i]))
            rh_near_try(&near, all[i].name);
    rh_err_set(err, RH_E_NO_TABLE, "Could not find the table '%s.%.*s' in the schema cache",
               naming->told_schema, RH_CLIPPED(name));
    if (near.best)
        rh_err_hint(err, "Perhaps you meant the table '%s.%s'", naming->told_schema, near.best);
    return NULL;
}

static bool names_argument(const char *const *arguments, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(arguments[i], name) == 0)
            return true;
    return false;
}

/* Every argument given is one of the function's, and every one of the function's is given or has a default.
 */
static bool takes(const rh_function *f, const char *const *arguments, int n)
{
    int matched = 0;
    for (int i = 0; i < f->n_arguments; i++) {
        bool given = *f->arguments[i].name && names_argument(arguments, n, f->arguments[i].name);
        if (!given && !f->arguments[i].has_default)
            return false;
        matched += given;
    }
    return matched == n;
}

static void list_names(rh_str *s, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        rh_str_add(s, i ? ", " : "");
        rh_str_add(s, names[i]);
    }
}

static bool is_named(const rh_payload *body)
{
    return !body || *body == RH_PAYLOAD_JSON || *body == RH_PAYLOAD_FORM || *body == RH_PAYLOAD_CSV;
}

/* What was looked for: parameters by name, or one without, of the body's type. */
static const char *searched(rh_plan *p, const char *const *arguments, int n, const rh_payload *body)
{
    static const char *const types[] = {
        [RH_PAYLOAD_TEXT] = "text", [RH_PAYLOAD_XML] = "xml", [RH_PAYLOAD_BYTES] = "bytea"};
    rh_str s;
    rh_str_init_in(&s, p->arena, RH_STR_TEXT_MAX);
    if (body && *body < sizeof types / sizeof *types && types[*body]) {
        rh_str_addf(&s, " with a single unnamed %s parameter", types[*body]);
        return rh_str_cstr(&s);
    }
    rh_str_add(&s, n > 1 ? " with parameters " : n ? " with parameter " : " without parameters");
    list_names(&s, arguments, n);
    rh_str_add(&s, body && *body == RH_PAYLOAD_JSON ? " or with a single unnamed json/jsonb parameter" : "");
    return rh_str_cstr(&s);
}

static const char *argument_list(rh_plan *p, const rh_function *f)
{
    rh_str list;
    rh_str_init_in(&list, p->arena, RH_STR_TEXT_MAX);
    for (int i = 0; i < f->n_arguments; i++) {
        rh_str_add(&list, i ? ", " : "");
        rh_str_add(&list, f->arguments[i].name);
    }
    return rh_str_cstr(&list);
}

static int names_shared(const rh_function *f, const char *const *arguments, int n)
{
    int shared = 0;
    for (int i = 0; i < f->n_arguments; i++) {
        if (!*f->arguments[i].name)
            return -1; /* it cannot be called by names */
        shared += names_argument(arguments, n, f->arguments[i].name);
    }
    return shared;
}

/* The overload that was meant: the only one, or the one that has most of the names. */
static const rh_function *meant(const rh_function *f, int overloads, const char *const *arguments, int n)
{
    const rh_function *best = NULL;
    int most = overloads == 1 ? -1 : 0;
    for (int i = 0; i < overloads; i++) {
        int shared = names_shared(&f[i], arguments, n);
        if (shared <= most)
            continue;
        best = &f[i];
        most = shared;
    }
    return best;
}

static bool hint_function(rh_plan *p, const char *name, const char *const *arguments, int n, rh_err *err)
{
    int all_n, overloads;
    const char *schema = p->naming->told_schema;
    const rh_function *all = rh_function_all(p->cache, &all_n);
    const rh_function *f = rh_function_find(p->cache, name, strlen(name), &overloads);
    const rh_function *best = meant(f, overloads, arguments, n);
    rh_near near = RH_NEAR(name);
    if (best)
        return rh_err_hint(err, "Perhaps you meant to call the function %s.%s(%.*s)", schema, f->name,
                           RH_CLIPPED(argument_list(p, best)));
    for (int i = 0; !f && i < all_n; i++)
        rh_near_try(&near, all[i].name);
    return near.best && rh_err_hint(err, "Perhaps you meant to call the function %s.%s", schema, near.best);
}

static bool no_function(rh_plan *p, const char *name, const char *const *arguments, int n,
                        const rh_payload *body, rh_err *err)
{
    rh_str list;
    bool named = is_named(body);
    const char *what = searched(p, arguments, n, body);
    rh_str_init_in(&list, p->arena, RH_STR_TEXT_MAX);
    rh_str_add(&list, !named ? "" : n ? "(" : " without parameters");
    list_names(&list, arguments, named ? n : 0);
    rh_str_add(&list, named && n ? ")" : "");
    rh_err_set(err, RH_E_NO_FUNCTION, "Could not find the function %s.%.*s%.*s in the schema cache",
               p->naming->told_schema, RH_CLIPPED(name), RH_CLIPPED(rh_str_cstr(&list)));
    rh_err_detail(err,
                  "Searched for the function %s.%.*s%.*s, but no matches were found in the schema cache.",
                  p->naming->told_schema, RH_CLIPPED(name), rh_clip(what, 1000), what);
    return named ? hint_function(p, name, arguments, n, err) : false;
}

/* One parameter without a name, of the type that the body has. */
static bool takes_whole(const rh_function *f, const rh_payload *body)
{
    static const struct {
        rh_payload payload;
        const char *type;
    } rows[] = {{RH_PAYLOAD_JSON, "json"},
                {RH_PAYLOAD_JSON, "jsonb"},
                {RH_PAYLOAD_TEXT, "text"},
                {RH_PAYLOAD_XML, "xml"},
                {RH_PAYLOAD_BYTES, "bytea"}};
    if (!body || f->n_arguments != 1 || *f->arguments[0].name)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].payload == *body && strcmp(rows[i].type, f->arguments[0].type.text) == 0)
            return true;
    return false;
}

static void add_signature(rh_str *s, const char *schema, const rh_function *f)
{
    rh_str_addf(s, "%s.%s(", schema, f->name);
    for (int i = 0; i < f->n_arguments; i++)
        rh_str_addf(s, "%s%s => %s", i ? ", " : "", f->arguments[i].name, f->arguments[i].type.text);
    rh_str_addc(s, ')');
}

static bool is_there(const rh_plan *p, const rh_function *f)
{
    return !p->naming->reference_only || f->set == RH_SET_REFERENCE;
}

typedef RH_VEC(const rh_function *) candidates;

/* The one that fits; of two sets the tenant's goes first. */
static bool choose(rh_plan *p, const candidates *fit, rh_err *err)
{
    rh_str list;
    int n = 0;
    rh_set set = RH_SET_REFERENCE;
    rh_str_init_in(&list, p->arena, sizeof err->message);
    for (size_t i = 0; i < fit->len; i++)
        set = fit->items[i]->set == RH_SET_TENANT ? RH_SET_TENANT : set;
    for (size_t i = 0; i < fit->len; i++) {
        if (fit->items[i]->set != set)
            continue;
        rh_str_add(&list, n++ ? ", " : "");
        add_signature(&list, p->naming->told_schema, fit->items[i]);
        p->function = fit->items[i];
    }
    if (n == 1)
        return true;
    rh_err_set(err, RH_E_AMBIGUOUS_FUNCTION, "Could not choose the best candidate function between: %s",
               rh_str_cstr(&list));
    return rh_err_hint(err, "Try renaming the parameters or the function itself in the database so function "
                            "overloading can be resolved");
}

bool rh_plan_function(rh_plan *p, const char *name, const char *const *arguments, int n,
                      const rh_payload *body, rh_err *err)
{
    int overloads;
    candidates fit = {0};
    const rh_function *f = rh_function_find(p->cache, name, strlen(name), &overloads);
    for (int i = 0; i < overloads && is_named(body) && n >= 0; i++)
        if (is_there(p, &f[i]) && takes(&f[i], arguments, n))
            RH_VEC_PUSH(p->arena, &fit, &f[i]);
    bool by_name = fit.len > 0;
    for (int i = 0; i < overloads && !by_name; i++)
        if (is_there(p, &f[i]) && takes_whole(&f[i], body))
            RH_VEC_PUSH(p->arena, &fit, &f[i]);
    if (!fit.len)
        return no_function(p, name, arguments, n < 0 ? 0 : n, body, err);
    if (!choose(p, &fit, err))
        return false;
    for (int i = 0; i < p->function->n_arguments; i++)
        if (!by_name || names_argument(arguments, n, p->function->arguments[i].name))
            RH_VEC_PUSH(p->arena, &p->arguments, &p->function->arguments[i]);
    return true;
}

/* ---- fields ---- */

static bool resolve_field(rh_plan *p, const rh_node *n, rh_field *f, rh_err *err)
{
    size_t len = strlen(f->name);
    for (int i = 0; i < n->n_columns; i++)
        if (strncmp(n->columns[i].name, f->name, len + 1) == 0) {
            f->column = i;
            return true;
        }
    if (n->relation)
        f->computed = rh_link_computed(p->cache, n->relation, f->name, false);
    p->calls = p->calls || f->computed;
    return f->computed || rh_plan_no_column(n, f->name, err);
}

rh_json_form rh_plan_form(const rh_node *n, const rh_field *f)
{
    return f->computed ? f->computed->return_form : n->columns[f->column].form;
}

const char *rh_plan_type(const rh_node *n, const rh_field *f)
{
    return f->computed ? f->computed->return_type.text : n->columns[f->column].type.text;
}

bool rh_plan_same_field(const rh_field *a, const rh_field *b)
{
    if (a->column != b->column || a->computed != b->computed || a->n_steps != b->n_steps)
        return false;
    for (int i = 0; i < a->n_steps; i++)
        if (strcmp(a->steps[i].key, b->steps[i].key) != 0 || a->steps[i].as_text != b->steps[i].as_text)
            return false;
    return true;
}

static rh_node *child_named(const rh_node *n, const char *name)
{
    for (size_t i = 0; i < n->children.len; i++) {
        const rh_query *q = n->children.items[i]->query;
        if (strcmp(q->alias ? q->alias : q->name, name) == 0)
            return n->children.items[i];
    }
    return NULL;
}

static bool has_column(const rh_node *n, const char *name)
{
    for (int i = 0; i < n->n_columns; i++)
        if (strcmp(n->columns[i].name, name) == 0)
            return true;
    return false;
}

static bool resolve_filter(rh_plan *p, const rh_node *n, rh_filter *f, rh_err *err)
{
    rh_node *child = f->field.n_steps ? NULL : child_named(n, f->field.name);
    bool of_embed = f->op == RH_OP_IS && (f->word == RH_IS_NULL || f->word == RH_IS_NOT_NULL);
    if (!child || (!of_embed && has_column(n, f->field.name)))
        return resolve_field(p, n, &f->field, err);
    f->embed = child;
    if (of_embed)
        return true;
    rh_err_set(err, RH_E_EMBED_OPERATOR, "Bad operator on the '%.*s' embedded resource",
               RH_CLIPPED(f->field.name));
    return rh_err_detail(err, "Only is null or not is null filters are allowed on embedded resources");
}

static bool resolve_logic(rh_plan *p, const rh_node *n, rh_logic *l, rh_err *err)
{
    if (l->kind == RH_LOGIC_FILTER)
        return resolve_filter(p, n, &l->filter, err);
    for (size_t i = 0; i < l->items.len; i++)
        if (!resolve_logic(p, n, l->items.items[i], err))
            return false;
    return true;
}

/* What is ordered by may be shown under another name, and where rows are grouped only what is shown is there.
 */
static bool find_spread_item(const rh_node *n, rh_order *o, bool by_field)
{
    for (size_t i = 0; o->embed->spread && i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        if (item->spread != o->embed)
            continue;
        const rh_item *from = &o->embed->items.items[item->spread_item];
        bool found = by_field ? from->field && !from->cast && !item->aggregate &&
                                    rh_plan_same_field(from->field, &o->field)
                              : !o->field.n_steps && strcmp(item->key, o->field.name) == 0;
        if (found) {
            o->spread_item = i + 1;
            return true;
        }
    }
    return false;
}

static bool resolve_order(rh_plan *p, const rh_node *n, rh_order *o, rh_err *err)
{
    if (!o->relation)
        return resolve_field(p, n, &o->field, err);
    if (!(o->embed = child_named(n, o->relation))) {
        rh_err_set(err, RH_E_EMBED_FILTER, "'%.*s' is not an embedded resource in this request",
                   RH_CLIPPED(o->relation));
        return rh_err_hint(err, "Verify that '%.*s' is included in the 'select' query parameter.",
                           RH_CLIPPED(o->relation));
    }
    if (!o->embed->to_one) {
        rh_err_set(err, RH_E_RELATED_ORDER, "A related order on '%.*s' is not possible",
                   RH_CLIPPED(o->relation));
        return rh_err_detail(err, "'%s' and '%.*s' do not form a many-to-one or one-to-one relationship",
                             n->name, RH_CLIPPED(o->relation));
    }
    if (find_spread_item(n, o, false))
        return true;
    if (!resolve_field(p, o->embed, &o->field, err))
        return false;
    find_spread_item(n, o, true);
    return true;
}

/* ---- select ---- */

/* The name of an item in the answer: its alias, else what is done to it, else the last key of its JSON path,
 * else the column. */
static const char *key_of(const rh_select *s)
{
    if (s->alias)
        return s->alias;
    if (s->aggregate)
        return s->aggregate;
    for (int i = s->field.n_steps - 1; i >= 0; i--)
        if (!s->field.steps[i].is_index)
            return s->field.steps[i].key;
    return s->field.name;
}

/* What an aggregate makes of values of a form; sums and averages of intervals are no numbers. */
static rh_json_form aggregate_form(const char *name, rh_json_form form)
{
    if (strcmp(name, "count") == 0)
        return RH_JSON_NUMBER;
    if (strcmp(name, "max") == 0 || strcmp(name, "min") == 0)
        return form;
    return form == RH_JSON_NUMBER ? RH_JSON_NUMBER : RH_JSON_VIA_SQL;
}

static bool aggregate(rh_plan *p, rh_node *n, const rh_select *s, rh_item *item, rh_err *err)
{
    if (!p->naming->aggregates) {
        rh_err_set(err, RH_E_AGGREGATES, "Use of aggregate functions is not allowed");
        rh_err_detail(err, "%s()", s->aggregate);
        return rh_err_hint(err, "The setting data.aggregates switches them on.");
    }
    n->aggregated = true;
    item->aggregate = s->aggregate;
    item->form = aggregate_form(s->aggregate, item->form);
    if (!s->aggregate_cast)
        return true;
    if (!(item->aggregate_cast = rh_cast_named(p->arena, p->cache, s->aggregate_cast, err)))
        return false;
    item->form = item->aggregate_cast->form;
    return true;
}

/* What a domain's json can be cast to; to anything else it is the value itself that is cast. */
static bool keeps_form(const rh_cast *cast)
{
    const char *type = cast->type.text;
    return !cast->array &&
           (strcmp(type, "text") == 0 || strcmp(type, "json") == 0 || strcmp(type, "jsonb") == 0);
}

/* The item's value as its domain has it shown; a path is of the value itself. */
static void show(const rh_plan *p, const rh_node *n, rh_item *item)
{
    const rh_field *f = item->field;
    if (!f || f->n_steps || item->aggregate || (item->cast && !keeps_form(item->cast)))
        return;
    const rh_app_type *t = f->computed ? rh_cast_result(f->computed) : rh_cast_domain(&n->columns[f->column]);
    const rh_type *shown = t ? (p->csv ? &t->to_text : &t->to_json) : NULL;
    if (!shown || !shown->text)
        return;
    item->shown = shown;
    if (item->cast)
        return;
    item->form = p->csv ? RH_JSON_STRING : RH_JSON_RAW;
}

/* The way rows were counted before there was count(). */
static bool is_bare_count(const rh_plan *p, const rh_node *n, const rh_select *s)
{
    return !s->aggregate && !s->cast && s->field.name && !s->field.n_steps &&
           strcmp(s->field.name, "count") == 0 && !has_column(n, "count") &&
           (!n->relation || !rh_link_computed(p->cache, n->relation, "count", false));
}

static bool add_field(rh_plan *p, rh_node *n, rh_select *s, rh_err *err)
{
    if (is_bare_count(p, n, s)) {
        s->field.name = NULL;
        s->aggregate = "count";
    }
    rh_item item = {.key = key_of(s)};
    if (s->field.name) {
        item.field = &s->field;
        if (!resolve_field(p, n, &s->field, err))
            return false;
        item.form = rh_plan_form(n, &s->field);
    }
    if (s->field.n_steps)
        item.form = s->field.steps[s->field.n_steps - 1].as_text ? RH_JSON_STRING : RH_JSON_RAW;
    if (s->cast) {
        if (!(item.cast = rh_cast_named(p->arena, p->cache, s->cast, err)))
            return false;
        item.form = item.cast->form;
    }
    if (s->aggregate && !aggregate(p, n, s, &item, err))
        return false;
    show(p, n, &item);
    n->renamed = n->renamed || (s->alias && (!s->field.name || strcmp(s->alias, s->field.name) != 0)) ||
                 s->field.n_steps;
    RH_VEC_PUSH(p->arena, &n->items, item);
    return true;
}

static void add_all_columns(rh_plan *p, rh_node *n)
{
    rh_field *fields = RH_NEW_ARRAY(p->arena, rh_field, (size_t)n->n_columns);
    for (int i = 0; i < n->n_columns; i++) {
        fields[i] = (rh_field){.name = n->columns[i].name, .column = i};
        rh_item item = {.key = n->columns[i].name, .field = &fields[i], .form = n->columns[i].form};
        show(p, n, &item);
        RH_VEC_PUSH(p->arena, &n->items, item);
    }
}

static bool resolve_node(rh_plan *p, rh_node *n, rh_err *err);

static rh_node *new_child(rh_plan *p, rh_node *n, const rh_select *s, const rh_link *link)
{
    rh_node *child = RH_NEW(p->arena, rh_node);
    child->link = *link;
    child->to_one = rh_link_is_to_one(link);
    child->relation = rh_link_target(link);
    child->name = child->relation->name;
    child->columns = child->relation->columns;
    child->n_columns = child->relation->n_columns;
    child->query = s->embed;
    child->parent = n;
    child->spread = s->kind == RH_SELECT_SPREAD;
    child->number = ++p->n_nodes;
    RH_VEC_PUSH(p->arena, &n->children, child);
    return child;
}

/* Of to-one links the values come as they are, and aggregates are the parent's; of others in arrays. */
static bool add_spread_items(rh_plan *p, rh_node *n, rh_node *child, rh_err *err)
{
    for (size_t i = 0; i < child->items.len; i++) {
        rh_item *from = &child->items.items[i];
        rh_item item = {.key = from->key, .spread = child, .spread_item = i, .form = RH_JSON_RAW};
        if (n->items.len > RH_REST_MAX_SELECT)
            return rh_plan_not_implemented(err, "more than 1000 items of", n->name);
        if (child->to_one) {
            item.form = from->form;
            item.aggregate = from->aggregate;
            item.aggregate_cast = from->aggregate_cast;
            from->aggregate = NULL;
            from->aggregate_cast = NULL;
            from->boxed = false;
        }
        RH_VEC_PUSH(p->arena, &n->items, item);
    }
    n->renamed = n->renamed || child->renamed;
    n->aggregated = n->aggregated || (child->to_one && child->aggregated);
    child->aggregated = child->aggregated && !child->to_one;
    return true;
}

static bool add_embed(rh_plan *p, rh_node *n, const rh_select *s, rh_err *err)
{
    rh_link link;
    if (!n->relation) {
        rh_err_set(err, RH_E_NO_RELATIONSHIP,
                   "Could not find a relationship between '%s' and '%.*s' in the schema cache", n->name,
                   RH_CLIPPED(s->embed->name));
        return rh_err_detail(err, "The function returns no rows of a table or view.");
    }
    if (!rh_link_find(p->arena, p->cache, p->naming, n->relation, s->embed, &link, err))
        return false;
    rh_node *child = new_child(p, n, s, &link);
    p->calls = p->calls || link.kind == RH_LINK_COMPUTED;
    if (!resolve_node(p, child, err))
        return false;
    if (child->spread)
        return add_spread_items(p, n, child, err);
    if (!child->items.len) /* an empty embed filters, and is not shown */
        return true;
    rh_item item = {.key = s->alias ? s->alias : s->embed->name, .embed = child, .form = RH_JSON_RAW};
    n->renamed = n->renamed || s->alias; /* an unaliased name is a table's, key's or column's of the cache */
    RH_VEC_PUSH(p->arena, &n->items, item);
    return true;
}

/* jsonb can be compared, json cannot. */
static bool is_json(const rh_node *n, const rh_item *item)
{
    if (item->shown)
        return item->form == RH_JSON_RAW;
    if (item->form == RH_JSON_VIA_SQL)
        return !n->parent; /* to_json() comes around it */
    if (item->form != RH_JSON_RAW)
        return false;
    return item->cast     ? strcmp(item->cast->type.text, "json") == 0
           : !item->field ? true
                          : strcmp(rh_plan_type(n, item->field), "json") == 0;
}

/* Where rows are grouped by json they are by its text. */
static void box_items(rh_node *n)
{
    for (size_t i = 0; n->aggregated && i < n->items.len; i++) {
        rh_item *item = &n->items.items[i];
        item->boxed = !item->aggregate && is_json(n, item);
        n->renamed = n->renamed || item->boxed;
    }
}

static bool resolve_select(rh_plan *p, rh_node *n, rh_err *err)
{
    if (!n->query->has_select)
        add_all_columns(p, n);
    for (size_t i = 0; i < n->query->select.len; i++) {
        rh_select *s = &n->query->select.items[i];
        switch (s->kind) {
        case RH_SELECT_STAR:
            if (n->items.len > RH_REST_MAX_SELECT)
                return rh_plan_not_implemented(err, "more than 1000 items of", n->name);
            add_all_columns(p, n);
            break;
        case RH_SELECT_FIELD:
            if (!add_field(p, n, s, err))
                return false;
            break;
        case RH_SELECT_EMBED:
        case RH_SELECT_SPREAD:
            if (!add_embed(p, n, s, err))
                return false;
            break;
        }
    }
    box_items(n);
    return true;
}

static bool resolve_node(rh_plan *p, rh_node *n, rh_err *err)
{
    if (!resolve_select(p, n, err))
        return false;
    for (size_t i = 0; i < n->query->conditions.len; i++)
        if (!resolve_logic(p, n, n->query->conditions.items[i], err))
            return false;
    for (size_t i = 0; i < n->query->order.len; i++)
        if (!resolve_order(p, n, &n->query->order.items[i], err))
            return false;
    return true;
}

bool rh_plan_tree(rh_plan *p, rh_err *err)
{
    return resolve_node(p, &p->root, err);
}

static bool needs_tenant(const rh_node *n)
{
    if (n->relation && n->relation->set == RH_SET_TENANT && n->relation->tenant_key >= 0)
        return true;
    if (n->link.kind == RH_LINK_JUNCTION && n->link.fk->from->tenant_key >= 0)
        return true;
    for (size_t i = 0; i < n->children.len; i++)
        if (needs_tenant(n->children.items[i]))
            return true;
    return false;
}

void rh_plan_note_tenant(rh_plan *p)
{
    p->tenant = p->naming->keyed && needs_tenant(&p->root);
}

/* ---- keys ---- */

bool rh_plan_is_key(const rh_relation *rel, const rh_logic *l, bool *seen)
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

bool rh_plan_finds_one(const rh_plan *p)
{
    const rh_relation *rel = p->root.relation;
    const rh_query *q = p->root.query;
    bool seen[RH_PATH_MAX_KEYS] = {false};
    int n = rel ? rel->n_primary_key : 0;
    if (!n || n > RH_PATH_MAX_KEYS || p->action != RH_DO_READ)
        return false;
    for (size_t i = 0; i < q->conditions.len; i++)
        rh_plan_is_key(rel, q->conditions.items[i], seen);
    for (int i = 0; i < n; i++)
        if (!seen[i] && !(p->naming->keyed && rel->primary_key[i] == rel->tenant_key))
            return false;
    return true;
}
