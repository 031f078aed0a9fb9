/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/plan.h"

#include <string.h>

#include "rest/near.h"
#include "rest/scan.h"

/* Types that select may cast to. To add one: a row. Statement texts hold names of this table only. */
static const rh_cast casts[] = {
    {"text", "text", RH_JSON_STRING},
    {"int", "integer", RH_JSON_NUMBER},
    {"int2", "smallint", RH_JSON_NUMBER},
    {"int4", "integer", RH_JSON_NUMBER},
    {"int8", "bigint", RH_JSON_NUMBER},
    {"smallint", "smallint", RH_JSON_NUMBER},
    {"integer", "integer", RH_JSON_NUMBER},
    {"bigint", "bigint", RH_JSON_NUMBER},
    {"numeric", "numeric", RH_JSON_NUMBER},
    {"decimal", "numeric", RH_JSON_NUMBER},
    {"real", "real", RH_JSON_NUMBER},
    {"float", "double precision", RH_JSON_NUMBER},
    {"float4", "real", RH_JSON_NUMBER},
    {"float8", "double precision", RH_JSON_NUMBER},
    {"double precision", "double precision", RH_JSON_NUMBER},
    {"bool", "boolean", RH_JSON_BOOL},
    {"boolean", "boolean", RH_JSON_BOOL},
    {"json", "json", RH_JSON_RAW},
    {"jsonb", "jsonb", RH_JSON_RAW},
    {"date", "date", RH_JSON_STRING},
    {"time", "time", RH_JSON_STRING},
    {"timetz", "timetz", RH_JSON_STRING},
    {"timestamp", "timestamp", RH_JSON_TIMESTAMP},
    {"timestamp without time zone", "timestamp", RH_JSON_TIMESTAMP},
    {"timestamptz", "timestamptz", RH_JSON_TIMESTAMPTZ},
    {"timestamp with time zone", "timestamptz", RH_JSON_TIMESTAMPTZ},
    {"interval", "interval", RH_JSON_STRING},
    {"uuid", "uuid", RH_JSON_STRING},
    {"inet", "inet", RH_JSON_STRING},
    {"cidr", "cidr", RH_JSON_STRING},
    {"macaddr", "macaddr", RH_JSON_STRING},
    {"char", "char", RH_JSON_STRING},
    {"varchar", "varchar", RH_JSON_STRING},
    {"character varying", "varchar", RH_JSON_STRING},
    {"bytea", "bytea", RH_JSON_STRING},
    {"money", "money", RH_JSON_STRING},
    {"xml", "xml", RH_JSON_STRING},
    {"point", "point", RH_JSON_STRING},
};

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
    return r->set == RH_SET_REFERENCE || !naming->keyed || r->tenant_key >= 0;
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
    rh_err_set(err, RH_E_NO_TABLE, "Could not find the table '%.*s' in the schema cache", RH_CLIPPED(name));
    if (near.best)
        rh_err_hint(err, "Perhaps you meant the table '%s'", near.best);
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

static bool no_function(rh_plan *p, const char *name, const char *const *arguments, int n, int same_name,
                        rh_err *err)
{
    int all_n;
    rh_str list;
    const rh_function *all = rh_function_all(p->cache, &all_n);
    rh_near near = RH_NEAR(name);
    rh_str_init_in(&list, p->arena, RH_STR_TEXT_MAX);
    rh_str_add(&list, n ? "(" : " without parameters");
    list_names(&list, arguments, n);
    rh_str_add(&list, n ? ")" : "");
    rh_err_set(err, RH_E_NO_FUNCTION, "Could not find the function %.*s%.*s in the schema cache",
               RH_CLIPPED(name), RH_CLIPPED(rh_str_cstr(&list)));
    rh_err_detail(err, "Searched for the function %.*s%s%.*s, but no matches were found in the schema cache.",
                  RH_CLIPPED(name), n ? " with parameters " : "", RH_CLIPPED(rh_str_cstr(&list)));
    if (same_name) {
        const rh_function *f = rh_function_find(p->cache, name, strlen(name), &same_name);
        rh_str_clear(&list);
        for (int i = 0; i < f->n_arguments; i++) {
            rh_str_add(&list, i ? ", " : "");
            rh_str_add(&list, f->arguments[i].name);
        }
        return rh_err_hint(err, "Perhaps you meant to call the function %s(%.*s)", f->name,
                           RH_CLIPPED(rh_str_cstr(&list)));
    }
    for (int i = 0; i < all_n; i++)
        rh_near_try(&near, all[i].name);
    if (near.best)
        rh_err_hint(err, "Perhaps you meant to call the function %s", near.best);
    return false;
}

bool rh_plan_function(rh_plan *p, const char *name, const char *const *arguments, int n, rh_err *err)
{
    int overloads;
    const rh_function *f = rh_function_find(p->cache, name, strlen(name), &overloads);
    for (int i = 0; i < overloads; i++) {
        if (!takes(&f[i], arguments, n))
            continue;
        if (p->function && p->function->set == f[i].set) {
            rh_err_set(err, RH_E_AMBIGUOUS_FUNCTION,
                       "Could not choose the best candidate function between overloads of %s",
                       p->function->name);
            return rh_err_hint(
                err, "Try renaming the parameters or the function itself in the database so function "
                     "overloading can be resolved");
        }
        if (!p->function || f[i].set == RH_SET_TENANT)
            p->function = &f[i];
    }
    if (!p->function)
        return no_function(p, name, arguments, n, overloads, err);
    for (int i = 0; i < p->function->n_arguments; i++)
        if (names_argument(arguments, n, p->function->arguments[i].name))
            RH_VEC_PUSH(p->arena, &p->arguments, &p->function->arguments[i]);
    return true;
}

/* ---- links between relations ---- */

struct link {
    const rh_foreign_key *fk;
    bool forward;
};
typedef RH_VEC(struct link) links;

/* The name of the one column that a key has besides the tenant key; NULL when there are several. */
static const char *single_column(const rh_relation *r, const int *columns, int n)
{
    const char *name = NULL;
    for (int i = 0; i < n; i++) {
        if (n > 1 && columns[i] == r->tenant_key)
            continue;
        if (name)
            return NULL;
        name = r->columns[columns[i]].name;
    }
    return name;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Does `target!hint`, written inside the origin, mean this key in this direction? After PostgREST's rules. */
static bool link_matches(const rh_foreign_key *fk, bool forward, const rh_query *embed)
{
    const rh_relation *other = forward ? fk->to : fk->from;
    const char *from = single_column(fk->from, fk->from_columns, fk->n);
    const char *to = single_column(fk->to, fk->to_columns, fk->n);
    bool named = same(embed->name, other->name);
    if (fk->from == fk->to) {
        if (embed->hint)
            return named && !forward && same(embed->hint, from);
        return forward ? same(embed->name, from) : named;
    }
    if (embed->hint)
        return named && (same(embed->hint, fk->name) || same(embed->hint, from) || same(embed->hint, to));
    return named || same(embed->name, fk->name) || (forward && same(embed->name, from));
}

static void find_links(const rh_plan *p, const rh_node *parent, const rh_query *embed, links *out)
{
    int n;
    const rh_foreign_key *fk = rh_relation_foreign_keys(p->cache, &n);
    for (int i = 0; i < n; i++)
        for (int forward = 1; forward >= 0; forward--) {
            const rh_relation *here = forward ? fk[i].from : fk[i].to,
                              *there = forward ? fk[i].to : fk[i].from;
            if (here == parent->relation && rh_plan_serves(p->naming, there) &&
                link_matches(&fk[i], forward, embed)) {
                struct link l = {&fk[i], forward};
                RH_VEC_PUSH(p->arena, out, l);
            }
        }
}

static bool no_relationship(const rh_plan *p, const rh_node *parent, const rh_query *embed, rh_err *err)
{
    int n;
    const rh_foreign_key *fk = rh_relation_foreign_keys(p->cache, &n);
    rh_near near = RH_NEAR(embed->name);
    rh_err_set(err, RH_E_NO_RELATIONSHIP,
               "Could not find a relationship between '%s' and '%.*s' in the schema cache", parent->name,
               RH_CLIPPED(embed->name));
    rh_err_detail(
        err,
        "Searched for a foreign key relationship between '%s' and '%.*s'%s%.*s%s, but no matches were found.",
        parent->name, RH_CLIPPED(embed->name), embed->hint ? " using the hint '" : "",
        RH_CLIPPED(embed->hint ? embed->hint : ""), embed->hint ? "'" : "");
    for (int i = 0; i < n; i++) {
        if (fk[i].from == parent->relation && rh_plan_serves(p->naming, fk[i].to))
            rh_near_try(&near, fk[i].to->name);
        if (fk[i].to == parent->relation && rh_plan_serves(p->naming, fk[i].from))
            rh_near_try(&near, fk[i].from->name);
    }
    if (near.best && strcmp(near.best, embed->name) != 0)
        rh_err_hint(err, "Perhaps you meant '%s' instead of '%.*s'.", near.best, RH_CLIPPED(embed->name));
    return false;
}

static void list_columns(rh_str *s, const rh_relation *r, const int *columns, int n)
{
    rh_str_add(s, r->name);
    rh_str_addc(s, '(');
    for (int i = 0; i < n; i++) {
        rh_str_add(s, i ? ", " : "");
        rh_str_add(s, r->columns[columns[i]].name);
    }
    rh_str_addc(s, ')');
}

static bool ambiguous(const rh_plan *p, const rh_node *parent, const rh_query *embed, const links *found,
                      rh_err *err)
{
    rh_str detail, hint;
    rh_str_init_in(&detail, p->arena, sizeof err->detail - 1);
    rh_str_init_in(&hint, p->arena, sizeof err->hint / 2);
    for (size_t i = 0; i < found->len; i++) {
        const rh_foreign_key *fk = found->items[i].fk;
        const rh_relation *other = found->items[i].forward ? fk->to : fk->from;
        rh_str_addf(&detail, "%s%s with %s: %s using ", i ? "; " : "", parent->name, other->name, fk->name);
        list_columns(&detail, fk->from, fk->from_columns, fk->n);
        rh_str_add(&detail, " and ");
        list_columns(&detail, fk->to, fk->to_columns, fk->n);
        rh_str_addf(&hint, "%s'%s!%s'", i ? ", " : "", other->name, fk->name);
    }
    rh_err_set(err, RH_E_AMBIGUOUS,
               "Could not embed because more than one relationship was found for '%s' and '%.*s'",
               parent->name, RH_CLIPPED(embed->name));
    rh_err_detail(err, "%s", rh_str_cstr(&detail));
    return rh_err_hint(err,
                       "Try changing '%.*s' to one of the following: %s. Find the desired relationship in "
                       "the 'details' key.",
                       rh_clip(embed->name, 63), embed->name, rh_str_cstr(&hint));
}

/* ---- fields ---- */

static bool resolve_field(const rh_node *n, rh_field *f, rh_err *err)
{
    size_t len = strlen(f->name);
    for (int i = 0; i < n->n_columns; i++)
        if (strncmp(n->columns[i].name, f->name, len + 1) == 0) {
            f->column = i;
            return true;
        }
    return rh_plan_no_column(n, f->name, err);
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

static bool resolve_filter(const rh_node *n, rh_filter *f, rh_err *err)
{
    rh_node *child = f->field.n_steps ? NULL : child_named(n, f->field.name);
    if (!child)
        return resolve_field(n, &f->field, err);
    f->embed = child;
    if (f->op == RH_OP_IS && (f->word == RH_IS_NULL || f->word == RH_IS_NOT_NULL))
        return true;
    rh_err_set(err, RH_E_EMBED_OPERATOR, "Bad operator on the '%.*s' embedded resource",
               RH_CLIPPED(f->field.name));
    return rh_err_detail(err, "Only is null or not is null filters are allowed on embedded resources");
}

static bool resolve_logic(const rh_node *n, rh_logic *l, rh_err *err)
{
    if (l->kind == RH_LOGIC_FILTER)
        return resolve_filter(n, &l->filter, err);
    for (size_t i = 0; i < l->items.len; i++)
        if (!resolve_logic(n, l->items.items[i], err))
            return false;
    return true;
}

static bool resolve_order(const rh_node *n, rh_order *o, rh_err *err)
{
    if (!o->relation)
        return resolve_field(n, &o->field, err);
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
    return resolve_field(o->embed, &o->field, err);
}

/* ---- select ---- */

/* The name of an item in the answer: its alias, else the last key of its JSON path, else the column. */
static const char *key_of(const rh_select *s)
{
    if (s->alias)
        return s->alias;
    for (int i = s->field.n_steps - 1; i >= 0; i--)
        if (!s->field.steps[i].is_index)
            return s->field.steps[i].key;
    return s->field.name;
}

static const rh_cast *cast_named(const char *name, rh_err *err)
{
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++)
        if (strcasecmp(casts[i].name, name) == 0)
            return &casts[i];
    rh_err_set(err, RH_E_DB, "type \"%.*s\" does not exist", RH_CLIPPED(name));
    memcpy(err->sqlstate, "42704", 6);
    return NULL;
}

static bool add_field(rh_plan *p, rh_node *n, rh_select *s, rh_err *err)
{
    rh_item item = {.field = &s->field};
    if (s->aggregate) {
        rh_err_set(err, RH_E_AGGREGATES, "Use of aggregate functions is not allowed");
        return rh_err_detail(err, "%s()", s->aggregate);
    }
    if (!resolve_field(n, &s->field, err))
        return false;
    item.key = key_of(s);
    item.form = n->columns[s->field.column].form;
    if (s->field.n_steps)
        item.form = s->field.steps[s->field.n_steps - 1].as_text ? RH_JSON_STRING : RH_JSON_RAW;
    if (s->cast) {
        if (!(item.cast = cast_named(s->cast, err)))
            return false;
        item.form = item.cast->form;
    }
    n->renamed = n->renamed || strcmp(item.key, s->field.name) != 0;
    RH_VEC_PUSH(p->arena, &n->items, item);
    return true;
}

static void add_all_columns(rh_plan *p, rh_node *n)
{
    rh_field *fields = RH_NEW_ARRAY(p->arena, rh_field, (size_t)n->n_columns);
    for (int i = 0; i < n->n_columns; i++) {
        fields[i] = (rh_field){.name = n->columns[i].name, .column = i};
        rh_item item = {.key = n->columns[i].name, .field = &fields[i], .form = n->columns[i].form};
        RH_VEC_PUSH(p->arena, &n->items, item);
    }
}

static bool resolve_node(rh_plan *p, rh_node *n, rh_err *err);

static bool add_embed(rh_plan *p, rh_node *n, const rh_select *s, rh_err *err)
{
    links found = {0};
    if (s->kind == RH_SELECT_SPREAD)
        return rh_plan_not_implemented(err, "spread", s->embed->name);
    if (n->relation)
        find_links(p, n, s->embed, &found);
    if (!found.len)
        return no_relationship(p, n, s->embed, err);
    if (found.len > 1)
        return ambiguous(p, n, s->embed, &found, err);
    rh_node *child = RH_NEW(p->arena, rh_node);
    child->link = found.items[0].fk;
    child->forward = found.items[0].forward;
    child->to_one = child->forward || child->link->unique;
    child->relation = child->forward ? child->link->to : child->link->from;
    child->name = child->relation->name;
    child->columns = child->relation->columns;
    child->n_columns = child->relation->n_columns;
    child->query = s->embed;
    child->parent = n;
    child->number = ++p->n_nodes;
    RH_VEC_PUSH(p->arena, &n->children, child);
    if (!resolve_node(p, child, err))
        return false;
    if (!child->items.len) /* an empty embed filters, and is not shown */
        return true;
    rh_item item = {.key = s->alias ? s->alias : s->embed->name, .embed = child, .form = RH_JSON_RAW};
    n->renamed = n->renamed || s->alias; /* an unaliased name is a table's, key's or column's of the cache */
    RH_VEC_PUSH(p->arena, &n->items, item);
    return true;
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
    if (n->parent && n->renamed && n->items.len > 50) /* json_build_object takes 100 arguments */
        return rh_plan_not_implemented(err, "more than 50 items with a rename in one embed", n->name);
    return true;
}

static bool resolve_node(rh_plan *p, rh_node *n, rh_err *err)
{
    if (!resolve_select(p, n, err))
        return false;
    for (size_t i = 0; i < n->query->conditions.len; i++)
        if (!resolve_logic(n, n->query->conditions.items[i], err))
            return false;
    for (size_t i = 0; i < n->query->order.len; i++)
        if (!resolve_order(n, &n->query->order.items[i], err))
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
    for (size_t i = 0; i < n->children.len; i++)
        if (needs_tenant(n->children.items[i]))
            return true;
    return false;
}

void rh_plan_note_tenant(rh_plan *p)
{
    p->tenant = p->naming->keyed && needs_tenant(&p->root);
}
