/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes (k is the tenant key, p0.. are the client's filters):
 *   read    SELECT items FROM rel AS t0 WHERE t0.k = $1 AND p0 ORDER BY .. LIMIT $3 OFFSET $4
 *   embed   an item: (SELECT row_to_json(r1) FROM (SELECT items FROM rel AS t1 WHERE t1.k = $1 AND link) AS
 * r1) insert  INSERT INTO rel AS t0 (k, a) SELECT $1, x.a FROM json_to_recordset($2) AS x (a type) RETURNING
 * items write   UPDATE / DELETE likewise; with embeds, an order or a guard WITH w AS (write) SELECT items
 * FROM w AS t0 Embeds are scalar sub-selects and not lateral joins, since PostgreSQL then makes them for the
 * rows of the page only, after ORDER BY and LIMIT.
 */
#include "rest/sql.h"

#include <string.h>

typedef struct writer {
    rh_str text;
    const rh_plan *plan;
    rh_arena *arena;
    RH_VEC(const char *) values;
    bool overflow;
    bool from_with; /* the root's rows are read from w, as records */
} writer;

/* ---- words ---- */

static void put(writer *w, const char *text)
{
    rh_str_add(&w->text, text);
}

static void put_param(writer *w, const char *value)
{
    if (w->values.len == 65535) { /* the protocol's bound */
        w->overflow = true;
        return;
    }
    RH_VEC_PUSH(w->arena, &w->values, value);
    rh_str_addc(&w->text, '$');
    rh_str_addu(&w->text, w->values.len);
}

static void put_number(writer *w, int64_t n)
{
    rh_str text;
    rh_str_init_in(&text, w->arena, 24);
    rh_str_addu(&text, (uint64_t)n); /* never negative */
    put_param(w, rh_str_cstr(&text));
    put(w, "::bigint");
}

static void put_tenant(writer *w)
{
    put(w, "$1::");
    put(w, w->plan->naming->id_type);
}

static void put_schema(writer *w, rh_set set)
{
    const rh_rest_naming *n = w->plan->naming;
    rh_str_add_ident(&w->text, set == RH_SET_TENANT ? n->schema : n->reference_schema);
    rh_str_addc(&w->text, '.');
}

static void put_relation(writer *w, const rh_relation *r)
{
    put_schema(w, r->set);
    rh_str_add_ident(&w->text, r->name);
}

static void put_type(writer *w, const rh_type *t)
{
    if (t->home)
        put_schema(w, RH_SET_TENANT);
    put(w, t->text);
}

static void put_alias(writer *w, char kind, const rh_node *n)
{
    rh_str_addc(&w->text, kind);
    rh_str_addu(&w->text, (uint64_t)n->number);
}

static void put_column(writer *w, const rh_node *n, int column)
{
    put_alias(w, 't', n);
    rh_str_addc(&w->text, '.');
    rh_str_add_ident(&w->text, n->columns[column].name);
}

static void put_junction_column(writer *w, const rh_node *n, int column)
{
    put_alias(w, 'j', n);
    rh_str_addc(&w->text, '.');
    rh_str_add_ident(&w->text, n->link.fk->from->columns[column].name);
}

/* f(row of n) */
static void put_function_of_row(writer *w, const rh_function *f, const rh_node *n)
{
    bool record = w->from_with && !n->parent;
    put_schema(w, f->set);
    rh_str_add_ident(&w->text, f->name);
    put(w, record ? "(ROW(" : "(");
    put_alias(w, 't', n);
    if (record) {
        put(w, ".*)::");
        put_relation(w, n->relation);
    }
    rh_str_addc(&w->text, ')');
}

/* ---- fields and conditions ---- */

static void put_value(writer *w, const rh_node *n, const rh_field *f)
{
    if (f->computed)
        put_function_of_row(w, f->computed, n);
    else
        put_column(w, n, f->column);
}

static void put_field(writer *w, const rh_node *n, const rh_field *f)
{
    if (!f->n_steps) {
        put_value(w, n, f);
        return;
    }
    bool convert = rh_plan_form(n, f) != RH_JSON_RAW;
    put(w, convert ? "(pg_catalog.to_jsonb(" : "(");
    put_value(w, n, f);
    put(w, convert ? ")" : "");
    for (int i = 0; i < f->n_steps; i++) {
        put(w, f->steps[i].as_text ? "->>" : "->");
        put_param(w, f->steps[i].key);
        put(w, f->steps[i].is_index ? "::int" : "::text");
    }
    rh_str_addc(&w->text, ')');
}

static void put_language(writer *w, const rh_filter *f)
{
    if (!f->language)
        return;
    put_param(w, f->language);
    put(w, "::regconfig, ");
}

static void put_text_search(writer *w, const rh_node *n, const rh_filter *f)
{
    const char *type = rh_plan_type(n, &f->field);
    const rh_path_step *last = f->field.n_steps ? &f->field.steps[f->field.n_steps - 1] : NULL;
    bool text = last ? last->as_text : strcmp(type, "text") == 0;
    bool json = last ? !last->as_text : rh_plan_form(n, &f->field) == RH_JSON_RAW;
    if (!last && strcmp(type, "tsvector") == 0) {
        put_field(w, n, &f->field);
    } else {
        put(w, "pg_catalog.to_tsvector(");
        put_language(w, f);
        put_field(w, n, &f->field);
        put(w, text || json ? ")" : "::text)");
    }
    put(w, " @@ pg_catalog.");
    put(w, rh_ops[f->op].sql);
    rh_str_addc(&w->text, '(');
    put_language(w, f);
    put_param(w, f->value);
    put(w, "::text)");
}

static void put_exists(writer *w, const rh_node *child);

static void put_filter(writer *w, const rh_node *n, const rh_filter *f)
{
    static const char *const words[] = {"NULL", "NOT NULL", "TRUE", "FALSE", "UNKNOWN"};
    static const char *const quantifiers[] = {"", " ANY", " ALL"};
    const rh_op_row *op = &rh_ops[f->op];
    if (f->embed) { /* the embed is null where nothing exists */
        put(w, (f->word == RH_IS_NULL) != f->negated ? "NOT " : "");
        put_exists(w, f->embed);
        return;
    }
    put(w, f->negated ? "NOT (" : "");
    if (op->class == RH_OP_TEXT_SEARCH) {
        put_text_search(w, n, f);
    } else {
        put_field(w, n, &f->field);
        rh_str_addc(&w->text, ' ');
        put(w, op->sql);
        put(w, quantifiers[f->quantifier]);
        put(w, op->class == RH_OP_LIST || f->quantifier ? " (" : " ");
        if (op->class == RH_OP_WORD)
            put(w, words[f->word]);
        else
            put_param(w, f->value);
        put(w, op->class == RH_OP_LIST || f->quantifier ? ")" : "");
    }
    put(w, f->negated ? ")" : "");
}

static void put_logic(writer *w, const rh_node *n, const rh_logic *l)
{
    if (l->kind == RH_LOGIC_FILTER) {
        put_filter(w, n, &l->filter);
        return;
    }
    put(w, l->negated ? "NOT (" : "(");
    for (size_t i = 0; i < l->items.len; i++) {
        if (i)
            put(w, l->kind == RH_LOGIC_AND ? " AND " : " OR ");
        put_logic(w, n, l->items.items[i]);
    }
    rh_str_addc(&w->text, ')');
}

/* The word before the next condition: " WHERE " once, then " AND ". */
static void put_and(writer *w, bool *begun)
{
    put(w, *begun ? " AND " : " WHERE ");
    *begun = true;
}

static bool has_key(const writer *w, const rh_relation *r)
{
    return w->plan->naming->keyed && r && r->set == RH_SET_TENANT && r->tenant_key >= 0;
}

/* THE rule of shared homes: this reference shows rows of the tenant only; so does its junction. */
static void put_tenant_condition(writer *w, const rh_node *n, bool *begun)
{
    if (has_key(w, n->relation)) {
        put_and(w, begun);
        put_column(w, n, n->relation->tenant_key);
        put(w, " = ");
        put_tenant(w);
    }
    if (n->link.kind == RH_LINK_JUNCTION && has_key(w, n->link.fk->from)) {
        put_and(w, begun);
        put_junction_column(w, n, n->link.fk->from->tenant_key);
        put(w, " = ");
        put_tenant(w);
    }
}

static void put_key_link(writer *w, const rh_node *n, bool *begun)
{
    const rh_foreign_key *fk = n->link.fk;
    bool forward = n->link.kind == RH_LINK_FORWARD;
    for (int i = 0; i < fk->n; i++) {
        put_and(w, begun);
        put_column(w, n, forward ? fk->to_columns[i] : fk->from_columns[i]);
        put(w, " = ");
        put_column(w, n->parent, forward ? fk->from_columns[i] : fk->to_columns[i]);
    }
}

static void put_junction_link(writer *w, const rh_node *n, bool *begun)
{
    const rh_foreign_key *near = n->link.fk, *far = n->link.far;
    for (int i = 0; i < near->n; i++) {
        put_and(w, begun);
        put_junction_column(w, n, near->from_columns[i]);
        put(w, " = ");
        put_column(w, n->parent, near->to_columns[i]);
    }
    for (int i = 0; i < far->n; i++) {
        put_and(w, begun);
        put_column(w, n, far->to_columns[i]);
        put(w, " = ");
        put_junction_column(w, n, far->from_columns[i]);
    }
}

static void put_link(writer *w, const rh_node *n, bool *begun)
{
    switch (n->link.kind) {
    case RH_LINK_FORWARD:
    case RH_LINK_REVERSE:
        put_key_link(w, n, begun);
        break;
    case RH_LINK_JUNCTION:
        put_junction_link(w, n, begun);
        break;
    case RH_LINK_COMPUTED:
        if (!n->link.function->returns_set) { /* null is no row, but one of nulls */
            put_and(w, begun);
            put(w, "NOT (");
            put_alias(w, 't', n);
            put(w, " IS NULL)");
        }
        break;
    case RH_LINK_NONE:
        break;
    }
}

static void put_keys(writer *w, const rh_node *n, bool *begun)
{
    for (int i = 0; !n->parent && i < w->plan->n_keys; i++) {
        put_and(w, begun);
        put_column(w, n, n->relation->primary_key[i]);
        put(w, " = ");
        put_param(w, w->plan->keys[i]);
    }
}

static void put_inner_embeds(writer *w, const rh_node *n, bool *begun)
{
    for (size_t i = 0; i < n->children.len; i++)
        if (n->children.items[i]->query->join == RH_JOIN_INNER) {
            put_and(w, begun);
            put_exists(w, n->children.items[i]);
        }
}

static void put_own_conditions(writer *w, const rh_node *n, bool *begun)
{
    put_tenant_condition(w, n, begun);
    put_link(w, n, begun);
    put_keys(w, n, begun);
    for (size_t i = 0; i < n->query->conditions.len; i++) {
        put_and(w, begun);
        put_logic(w, n, n->query->conditions.items[i]);
    }
}

static void put_where(writer *w, const rh_node *n)
{
    bool begun = false;
    put_own_conditions(w, n, &begun);
    put_inner_embeds(w, n, &begun);
}

/* What stands behind FROM for an embed: `rel AS t1`, with its junction, or a function of the parent's row. */
static void put_reference(writer *w, const rh_node *n)
{
    if (n->link.kind == RH_LINK_COMPUTED)
        put_function_of_row(w, n->link.function, n->parent);
    else
        put_relation(w, n->relation);
    put(w, " AS ");
    put_alias(w, 't', n);
    if (n->link.kind != RH_LINK_JUNCTION)
        return;
    put(w, ", ");
    put_relation(w, n->link.fk->from);
    put(w, " AS ");
    put_alias(w, 'j', n);
}

static void put_exists(writer *w, const rh_node *child)
{
    put(w, "EXISTS (SELECT FROM ");
    put_reference(w, child);
    put_where(w, child);
    rh_str_addc(&w->text, ')');
}

/* ---- order, limit ---- */

/* Nothing but its maker's word says that a view or a function has one row for a key. */
static bool is_of_view(const rh_node *n)
{
    return n->relation->kind == 'v' || n->link.kind == RH_LINK_COMPUTED;
}

static bool same_field(const rh_field *a, const rh_field *b)
{
    if (a->column != b->column || a->computed != b->computed || a->n_steps != b->n_steps)
        return false;
    for (int i = 0; i < a->n_steps; i++)
        if (strcmp(a->steps[i].key, b->steps[i].key) != 0 || a->steps[i].as_text != b->steps[i].as_text)
            return false;
    return true;
}

/* The number of the item that rows are grouped by and ordered by; 0 when it is none. */
static size_t grouped_item(const rh_node *n, const rh_order *o)
{
    for (size_t i = 0; n->aggregated && !o->embed && i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        if (item->field && !item->aggregate && !item->cast && !item->boxed &&
            same_field(item->field, &o->field))
            return i + 1;
    }
    return 0;
}

static void put_order_term(writer *w, const rh_node *n, const rh_order *o)
{
    static const char *const nulls[] = {"", " NULLS FIRST", " NULLS LAST"};
    size_t item = grouped_item(n, o);
    if (o->embed) {
        put(w, "(SELECT ");
        put_field(w, o->embed, &o->field);
        put(w, " FROM ");
        put_reference(w, o->embed);
        put_where(w, o->embed);
        put(w, is_of_view(o->embed) ? " LIMIT 1)" : ")");
    } else if (item) {
        rh_str_addu(&w->text, item);
    } else {
        put_field(w, n, &o->field);
    }
    put(w, o->descending ? " DESC" : "");
    put(w, nulls[o->nulls]);
}

static void put_order(writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->query->order.len; i++) {
        put(w, i ? ", " : " ORDER BY ");
        put_order_term(w, n, &n->query->order.items[i]);
    }
}

static void put_window(writer *w, bool has_limit, int64_t limit, int64_t offset)
{
    if (has_limit) {
        put(w, " LIMIT ");
        put_number(w, limit);
    }
    if (offset) {
        put(w, " OFFSET ");
        put_number(w, offset);
    }
}

/* ---- items ---- */

static void put_embed(writer *w, const rh_node *child);

static void put_numbered(writer *w, char kind, const rh_node *n, size_t item)
{
    put_alias(w, kind, n);
    put(w, ".c");
    rh_str_addu(&w->text, item);
}

static void put_bare_item(writer *w, const rh_node *n, const rh_item *item)
{
    put(w, item->cast ? "CAST(" : "");
    if (item->spread)
        put_numbered(w, 's', item->spread, item->spread_item);
    else if (item->embed)
        put_embed(w, item->embed);
    else if (item->field)
        put_field(w, n, item->field);
    else /* what count() counts */
        put(w, item->aggregate ? "*" : "1");
    if (item->cast) {
        put(w, " AS ");
        put(w, item->cast->sql);
        rh_str_addc(&w->text, ')');
    }
}

static void put_item(writer *w, const rh_node *n, const rh_item *item)
{
    if (!item->aggregate) {
        put_bare_item(w, n, item);
        return;
    }
    put(w, item->aggregate_cast ? "CAST(pg_catalog." : "pg_catalog.");
    put(w, item->aggregate);
    rh_str_addc(&w->text, '(');
    put_bare_item(w, n, item);
    rh_str_addc(&w->text, ')');
    if (item->aggregate_cast) {
        put(w, " AS ");
        put(w, item->aggregate_cast->sql);
        rh_str_addc(&w->text, ')');
    }
}

/* Items as text columns of the answer, which render.c makes JSON of. */
static void put_top_items(writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        bool via_sql = item->form == RH_JSON_VIA_SQL && !w->plan->csv;
        bool strip = w->plan->strip && (via_sql || item->form == RH_JSON_RAW);
        put(w, i ? ", " : "");
        put(w, item->boxed ? "CAST(" : "");
        put(w, strip ? "pg_catalog.json_strip_nulls(CAST(" : "");
        put(w, via_sql ? "pg_catalog.to_json(" : "");
        put_item(w, n, item);
        put(w, via_sql ? ")" : "");
        put(w, strip ? " AS json))" : "");
        put(w, item->boxed ? " AS text)" : "");
    }
    if (!n->items.len)
        put(w, "NULL");
}

static void put_numbered_json(writer *w, const rh_node *n, size_t item)
{
    put_numbered(w, 'r', n, item);
    put(w, n->items.items[item].boxed ? "::json" : "");
}

/* One row of an embed as json: keys that are no names of the cache are parameters. */
static void put_row_json(writer *w, const rh_node *n)
{
    if (!n->renamed) {
        put(w, n->to_one ? "pg_catalog.row_to_json(" : "");
        put_alias(w, 'r', n);
        put(w, n->to_one ? ")" : "");
        return;
    }
    put(w, "pg_catalog.json_build_object(");
    for (size_t i = 0; i < n->items.len; i++) {
        put(w, i ? ", " : "");
        put_param(w, n->items.items[i].key);
        put(w, "::text, ");
        put_numbered_json(w, n, i);
    }
    rh_str_addc(&w->text, ')');
}

static void put_group(writer *w, const rh_node *n)
{
    bool begun = false;
    for (size_t i = 0; n->aggregated && i < n->items.len; i++) {
        if (n->items.items[i].aggregate)
            continue;
        put(w, begun ? ", " : " GROUP BY ");
        rh_str_addu(&w->text, i + 1);
        begun = true;
    }
}

static void put_spreads(writer *w, const rh_node *n);

/* SELECT items FROM reference ..., the rows of an embed or spread. */
static void put_rows(writer *w, const rh_node *n)
{
    bool numbered = n->renamed || n->spread;
    put(w, "SELECT ");
    for (size_t i = 0; i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        put(w, i ? ", " : "");
        put(w, item->boxed ? "CAST(" : "");
        put_item(w, n, item);
        put(w, item->boxed ? " AS text)" : "");
        put(w, numbered ? " AS c" : " AS ");
        if (numbered)
            rh_str_addu(&w->text, i);
        else
            rh_str_add_ident(&w->text, item->key);
    }
    put(w, " FROM ");
    put_reference(w, n);
    put_spreads(w, n);
    put_where(w, n);
    put_group(w, n);
    put_order(w, n);
    put_window(w, n->query->has_limit, n->query->limit, n->query->has_offset ? n->query->offset : 0);
    if (n->to_one && !n->query->has_limit && is_of_view(n))
        put(w, " LIMIT 1");
}

static void put_row_source(writer *w, const rh_node *n)
{
    put(w, " FROM (");
    put_rows(w, n);
    put(w, ") AS ");
    put_alias(w, 'r', n);
}

static void put_embed(writer *w, const rh_node *n)
{
    put(w, n->to_one ? "(SELECT " : "(SELECT coalesce(pg_catalog.json_agg(");
    put_row_json(w, n);
    put(w, n->to_one ? "" : "), '[]')");
    put_row_source(w, n);
    rh_str_addc(&w->text, ')');
}

/* A column an item: the values of a to-one link, arrays of values of the others. */
static void put_spread(writer *w, const rh_node *n)
{
    put(w, " LEFT JOIN LATERAL (");
    if (n->to_one) {
        put_rows(w, n);
    } else {
        put(w, "SELECT ");
        for (size_t i = 0; i < n->items.len; i++) {
            put(w, i ? ", coalesce(pg_catalog.json_agg(" : "coalesce(pg_catalog.json_agg(");
            put_numbered_json(w, n, i);
            put(w, "), '[]') AS c");
            rh_str_addu(&w->text, i);
        }
        put_row_source(w, n);
    }
    put(w, ") AS ");
    put_alias(w, 's', n);
    put(w, " ON true");
}

static void put_spreads(writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->children.len; i++)
        if (n->children.items[i]->spread && n->children.items[i]->items.len)
            put_spread(w, n->children.items[i]);
}

/* ---- calls ---- */

static void put_call(writer *w)
{
    const rh_plan *p = w->plan;
    put_schema(w, p->function->set);
    rh_str_add_ident(&w->text, p->function->name);
    rh_str_addc(&w->text, '(');
    for (size_t i = 0; i < p->arguments.len; i++) {
        const rh_argument *a = p->arguments.items[i];
        put(w, i ? ", " : "");
        if (p->whole) {
            put_param(w, p->whole);
            put(w, "::");
            put_type(w, &a->type);
            continue;
        }
        put(w, a->variadic ? "VARIADIC " : "");
        rh_str_add_ident(&w->text, a->name);
        put(w, " => ");
        if (p->argument_values) {
            put_param(w, p->argument_values[i]);
            put(w, "::");
            put_type(w, &a->type);
        } else {
            put(w, "a.");
            rh_str_add_ident(&w->text, a->name);
        }
    }
    rh_str_addc(&w->text, ')');
}

/* `json_to_record($2::json) AS a ("x" type)`: the arguments that stand in the body. */
static bool put_argument_source(writer *w)
{
    const rh_plan *p = w->plan;
    if (p->argument_values || p->whole || !p->arguments.len)
        return false;
    put(w, "pg_catalog.json_to_record(");
    put_param(w, p->body.object);
    put(w, "::json) AS a (");
    for (size_t i = 0; i < p->arguments.len; i++) {
        put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, p->arguments.items[i]->name);
        rh_str_addc(&w->text, ' ');
        put_type(w, &p->arguments.items[i]->type);
    }
    rh_str_addc(&w->text, ')');
    return true;
}

static void put_call_source(writer *w)
{
    put(w, " FROM ");
    if (put_argument_source(w))
        put(w, ", LATERAL ");
    put_call(w);
    put(w, " AS ");
    put_alias(w, 't', &w->plan->root);
}

static void put_scalar_call(writer *w)
{
    const rh_plan *p = w->plan;
    bool via_sql = p->function->return_form == RH_JSON_VIA_SQL && !p->function->returns_void && !p->csv;
    put(w, via_sql ? "SELECT pg_catalog.to_json(" : "SELECT ");
    put_call(w);
    put(w, via_sql ? ") AS v" : " AS v");
    if (!p->argument_values && !p->whole && p->arguments.len) {
        put(w, " FROM ");
        put_argument_source(w);
    }
}

/* ---- whole statements ---- */

static void put_source(writer *w)
{
    if (w->plan->action == RH_DO_CALL) {
        put_call_source(w);
        return;
    }
    put(w, " FROM ");
    put_relation(w, w->plan->root.relation);
    put(w, " AS ");
    put_alias(w, 't', &w->plan->root);
}

static void put_select(writer *w, void (*items)(writer *, const rh_node *))
{
    const rh_node *root = &w->plan->root;
    put(w, "SELECT ");
    items(w, root);
    put_source(w);
    put_spreads(w, root);
    put_where(w, root);
    put_group(w, root);
}

static void put_read(writer *w, void (*items)(writer *, const rh_node *))
{
    const rh_plan *p = w->plan;
    if (p->scalar) {
        put_scalar_call(w);
    } else {
        put_select(w, items);
        put_order(w, &p->root);
    }
    put_window(w, p->has_limit, p->limit, p->offset);
}

static void put_one(writer *w, const rh_node *n)
{
    put(w, "1");
}

static void put_whole_row(writer *w, const rh_node *n)
{
    put_alias(w, 't', n);
    put(w, ".*");
}

#define ORDINALITY "__ordinality"

/* The row's own value is the one in the URL. */
static void put_put_key(writer *w, int column, const char *value, bool *begun)
{
    put(w, *begun ? " AND x." : "x.");
    *begun = true;
    rh_str_add_ident(&w->text, w->plan->root.columns[column].name);
    put(w, " = ");
    put_param(w, value);
}

static void put_record(writer *w, const rh_body_part *part, const char *around)
{
    const rh_plan *p = w->plan;
    put(w, around);
    put(w, "pg_catalog.json_to_recordset(");
    put_param(w, p->body.array);
    put(w, part->rows ? "::json) AS (" : "::json) AS x (");
    for (int i = 0; i < part->n; i++) {
        const rh_column *c = &p->root.columns[part->columns[i]];
        put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, c->name);
        rh_str_addc(&w->text, ' ');
        put_type(w, &c->type);
    }
    rh_str_addc(&w->text, ')');
}

/* The objects of a part: all of the body, or those that stand at its positions. */
static void put_record_source(writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    if (part->n && !part->rows) {
        put_record(w, part, " FROM ");
    } else if (part->n) {
        put_record(w, part, " FROM ROWS FROM (");
        put(w, ") WITH ORDINALITY AS x (");
        for (int i = 0; i < part->n; i++) {
            rh_str_add_ident(&w->text, p->root.columns[part->columns[i]].name);
            put(w, ", ");
        }
        put(w, ORDINALITY ")");
    } else if (p->body.is_array) { /* as many rows of defaults as there are empty objects */
        put(w, " FROM pg_catalog.json_array_elements(");
        put_param(w, p->body.array);
        put(w, part->rows ? "::json) WITH ORDINALITY AS x (e, " ORDINALITY ")" : "::json)");
    }
}

/* PostgreSQL does not say which rows of a merge were new: it counts up before and down where one was there.
 */
static void put_counted(writer *w, bool up)
{
    put(w, "pg_catalog.set_config('rowhouse.inserted', (coalesce(nullif(pg_catalog.current_setting("
           "'rowhouse.inserted', true), ''), '0')::bigint ");
    put(w, up ? "+ 1)::text, true) IS NOT NULL" : "- 1)::text, true) IS NOT NULL");
}

/* Which of the objects are taken; only those are counted. */
static void put_record_conditions(writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    const rh_query *q = p->root.query;
    bool chosen = part->rows || p->put, begun = false;
    if (!chosen && !p->count_inserted)
        return;
    put(w, chosen && p->count_inserted ? " WHERE CASE WHEN " : " WHERE ");
    if (part->rows) {
        put(w, "x." ORDINALITY " = ANY (");
        put_param(w, part->rows);
        put(w, "::bigint[])");
        begun = true;
    }
    for (size_t i = 0; p->put && i < q->conditions.len; i++)
        put_put_key(w, q->conditions.items[i]->filter.field.column, q->conditions.items[i]->filter.value,
                    &begun);
    for (int i = 0; p->put && i < p->n_keys; i++)
        put_put_key(w, p->root.relation->primary_key[i], p->keys[i], &begun);
    put(w, chosen && p->count_inserted ? " THEN " : "");
    if (p->count_inserted)
        put_counted(w, true);
    put(w, chosen && p->count_inserted ? " END" : "");
}

static void put_conflict(writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    if (p->resolution == RH_RESOLUTION_NONE)
        return;
    put(w, " ON CONFLICT (");
    for (int i = 0; i < p->n_conflict; i++) {
        put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, p->root.columns[p->conflict[i]].name);
    }
    if (p->resolution == RH_RESOLUTION_IGNORE || !part->n) {
        put(w, ") DO NOTHING");
        return;
    }
    put(w, ") DO UPDATE");
    for (int i = 0; i < part->n; i++) {
        const char *name = p->root.columns[part->columns[i]].name;
        put(w, i ? ", " : " SET ");
        rh_str_add_ident(&w->text, name);
        put(w, " = excluded.");
        rh_str_add_ident(&w->text, name);
    }
    put(w, " WHERE ");
    put_counted(w, false);
}

static void put_insert(writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    const rh_relation *r = p->root.relation;
    bool keyed = p->naming->keyed && r->tenant_key >= 0;
    put(w, "INSERT INTO ");
    put_relation(w, r);
    put(w, " AS ");
    put_alias(w, 't', &p->root);
    if (!keyed && !part->n && !p->body.is_array) {
        put(w, " DEFAULT VALUES");
        return;
    }
    put(w, keyed || part->n ? " (" : "");
    if (keyed)
        rh_str_add_ident(&w->text, r->columns[r->tenant_key].name);
    for (int i = 0; i < part->n; i++) {
        put(w, keyed || i ? ", " : "");
        rh_str_add_ident(&w->text, r->columns[part->columns[i]].name);
    }
    put(w, keyed || part->n ? ") SELECT " : " SELECT");
    if (keyed)
        put_tenant(w);
    for (int i = 0; i < part->n; i++) {
        put(w, keyed || i ? ", x." : "x.");
        rh_str_add_ident(&w->text, r->columns[part->columns[i]].name);
    }
    put_record_source(w, part);
    put_record_conditions(w, part);
    put_conflict(w, part);
}

static void put_update(writer *w)
{
    const rh_plan *p = w->plan;
    const rh_body_part *part = &p->parts.items[0];
    bool begun = false;
    put(w, "UPDATE ");
    put_relation(w, p->root.relation);
    put(w, " AS ");
    put_alias(w, 't', &p->root);
    for (int i = 0; i < part->n; i++) {
        const char *name = p->root.columns[part->columns[i]].name;
        put(w, i ? ", " : " SET ");
        rh_str_add_ident(&w->text, name);
        if (p->missing_default && !rh_body_has(&p->body, name)) {
            put(w, " = DEFAULT");
            continue;
        }
        put(w, " = x.");
        rh_str_add_ident(&w->text, name);
    }
    put_record_source(w, part);
    put_own_conditions(w, &p->root, &begun);
}

static void put_delete(writer *w)
{
    const rh_plan *p = w->plan;
    bool begun = false;
    put(w, "DELETE FROM ");
    put_relation(w, p->root.relation);
    put(w, " AS ");
    put_alias(w, 't', &p->root);
    put_own_conditions(w, &p->root, &begun);
}

/* A patch of nothing: no row is touched, but of /relation/key the row is the answer. */
static void put_nothing(writer *w)
{
    bool begun = false;
    put(w, "SELECT ");
    if (w->plan->returning)
        put_top_items(w, &w->plan->root);
    else
        put(w, "1");
    put_source(w);
    put_own_conditions(w, &w->plan->root, &begun);
    if (!w->plan->n_keys) {
        put_and(w, &begun);
        put(w, "false");
    }
}

static void put_primary_key(writer *w)
{
    const rh_relation *r = w->plan->root.relation;
    put(w, " RETURNING ");
    for (int i = 0; i < r->n_primary_key; i++) {
        put(w, i ? ", " : "");
        put_column(w, &w->plan->root, r->primary_key[i]);
    }
}

static void put_guard(writer *w, bool *begun)
{
    const rh_plan *p = w->plan;
    if (p->guard == RH_GUARD_NONE)
        return;
    put_and(w, begun);
    put(w, "CASE WHEN (SELECT pg_catalog.count(*) FROM w) ");
    if (p->guard == RH_GUARD_ONE) {
        put(w, "= 1");
    } else {
        put(w, "<= ");
        put_number(w, p->max_affected);
    }
    put(w, " THEN true ELSE CAST('");
    put(w, p->guard == RH_GUARD_ONE ? RH_SQL_GUARD_ONE : RH_SQL_GUARD_MAX);
    put(w, "' || (SELECT pg_catalog.count(*) FROM w) AS boolean) END");
}

/* The rows of a write or call, in w, become the answer. */
static void put_from_with(writer *w)
{
    const rh_plan *p = w->plan;
    bool begun = false;
    put(w, ") SELECT ");
    w->from_with = true;
    if (p->scalar) {
        put(w, "v FROM w");
    } else if (p->returning || p->action == RH_DO_CALL) {
        put_top_items(w, &p->root);
        put(w, " FROM w AS ");
        put_alias(w, 't', &p->root);
        put_spreads(w, &p->root);
        put_inner_embeds(w, &p->root, &begun);
    } else {
        put(w, "n FROM (SELECT pg_catalog.count(*) AS n FROM w) AS c");
    }
    put_guard(w, &begun);
    if (p->returning || p->action == RH_DO_CALL) {
        put_group(w, &p->root);
        put_order(w, &p->root);
    }
}

/* Parts of one body: `WITH w0 AS (INSERT ..), w1 AS (INSERT ..), w AS (SELECT * FROM w0 UNION ALL ..` */
static void put_inserts(writer *w)
{
    const rh_plan *p = w->plan;
    for (size_t i = 0; i < p->parts.len; i++) {
        put(w, i ? ", w" : "WITH w");
        rh_str_addu(&w->text, i);
        put(w, " AS (");
        put_insert(w, &p->parts.items[i]);
        put(w, " RETURNING ");
        put_whole_row(w, &p->root);
        rh_str_addc(&w->text, ')');
    }
    for (size_t i = 0; i < p->parts.len; i++) {
        put(w, i ? " UNION ALL SELECT * FROM w" : ", w AS (SELECT * FROM w");
        rh_str_addu(&w->text, i);
    }
}

static void put_write(writer *w)
{
    const rh_plan *p = w->plan;
    bool with =
        p->guard != RH_GUARD_NONE || (p->returning && (p->root.children.len || p->root.query->order.len ||
                                                       p->root.aggregated || p->naming->distributed));
    with = with || p->parts.len > 1;
    if (p->parts.len > 1) {
        put_inserts(w);
        put_from_with(w);
        return;
    }
    put(w, with ? "WITH w AS (" : "");
    if (p->action == RH_DO_INSERT)
        put_insert(w, &p->parts.items[0]);
    else if (p->action == RH_DO_UPDATE)
        put_update(w);
    else
        put_delete(w);
    if (with) {
        put(w, " RETURNING ");
        put_whole_row(w, &p->root);
        put_from_with(w);
    } else if (p->returning) {
        put(w, " RETURNING ");
        put_top_items(w, &p->root);
    } else if (p->location) {
        put_primary_key(w);
    } else if (p->action == RH_DO_INSERT && p->naming->distributed) {
        put(w, " RETURNING 1");
    }
}

static void begin(writer *w, const rh_plan *p)
{
    *w = (writer){.plan = p, .arena = p->arena};
    rh_str_init_in(&w->text, p->arena, RH_STR_TEXT_MAX);
    if (p->tenant)
        RH_VEC_PUSH(p->arena, &w->values, p->naming->tenant_id);
}

static bool end(writer *w, rh_rest_statement *out, rh_err *err)
{
    if (w->text.overflow || w->overflow)
        return rh_err_set(err, RH_E_TOO_LARGE, "the request makes too long a statement");
    *out = (rh_rest_statement){rh_str_cstr(&w->text), w->text.len, (int)w->values.len, w->values.items};
    return true;
}

bool rh_sql_main(const rh_plan *p, rh_rest_statement *out, rh_err *err)
{
    writer w;
    begin(&w, p);
    if (p->action == RH_DO_UPDATE && !p->parts.items[0].n) {
        put_nothing(&w);
    } else if (p->action == RH_DO_CALL && p->guard != RH_GUARD_NONE) {
        put(&w, "WITH w AS (");
        put_read(&w, put_whole_row);
        put_from_with(&w);
    } else if (p->action != RH_DO_READ && p->action != RH_DO_CALL) {
        put_write(&w);
    } else if (p->head) {
        put(&w, "SELECT pg_catalog.count(*) FROM (");
        put_read(&w, p->root.aggregated ? put_top_items : put_one);
        put(&w, ") AS h");
    } else {
        put_read(&w, put_top_items);
    }
    return end(&w, out, err);
}

bool rh_sql_count(const rh_plan *p, rh_rest_statement *out, rh_err *err)
{
    writer w;
    begin(&w, p);
    put(&w, "SELECT pg_catalog.count(*)");
    if (p->scalar || p->root.aggregated) {
        put(&w, " FROM (");
        if (p->scalar)
            put_scalar_call(&w);
        else
            put_select(&w, put_top_items);
        put(&w, ") AS h");
    } else {
        put_source(&w);
        put_where(&w, &p->root);
    }
    return end(&w, out, err);
}

void rh_sql_inserted(const rh_plan *p, rh_rest_statement *out)
{
    static const char text[] =
        "SELECT coalesce(nullif(pg_catalog.current_setting('rowhouse.inserted', true), ''), '0')";
    *out = (rh_rest_statement){text, sizeof text - 1, 0, NULL};
}

void rh_sql_timezone(const rh_plan *p, const char *timezone, rh_rest_statement *out)
{
    static const char text[] = "SELECT pg_catalog.set_config('TimeZone', $1, true)";
    const char **values = RH_NEW_ARRAY(p->arena, const char *, 1);
    values[0] = timezone;
    *out = (rh_rest_statement){text, sizeof text - 1, 1, values};
}
