/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_rows.h"

#include <string.h>

#include "rest/sql_where.h"

/* ---- order, limit ---- */

/* Nothing but its maker's word says that a view or a function has one row for a key. */
static bool is_of_view(const rh_node *n)
{
    return n->relation->kind == 'v' || n->link.kind == RH_LINK_COMPUTED;
}

/* The number of the item that rows are grouped by and ordered by; 0 when it is none. */
static size_t grouped_item(const rh_node *n, const rh_order *o)
{
    for (size_t i = 0; n->aggregated && !o->embed && i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        if (item->field && !item->aggregate && !item->cast && !item->boxed && !item->shown &&
            rh_plan_same_field(item->field, &o->field))
            return i + 1;
    }
    return 0;
}

static void put_item(rh_writer *w, const rh_node *n, const rh_item *item);

static void put_order_term(rh_writer *w, const rh_node *n, const rh_order *o)
{
    static const char *const nulls[] = {"", " NULLS FIRST", " NULLS LAST"};
    size_t item = grouped_item(n, o);
    if (o->spread_item) {
        put_item(w, n, &n->items.items[o->spread_item - 1]);
    } else if (o->embed) {
        rh_put(w, "(SELECT ");
        rh_put_field(w, o->embed, &o->field);
        rh_put(w, " FROM ");
        rh_put_reference(w, o->embed);
        rh_put_where(w, o->embed);
        rh_put(w, is_of_view(o->embed) ? " LIMIT 1)" : ")");
    } else if (item) {
        rh_str_addu(&w->text, item);
    } else {
        rh_put_field(w, n, &o->field);
    }
    rh_put(w, o->descending ? " DESC" : "");
    rh_put(w, nulls[o->nulls]);
}

void rh_put_order(rh_writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->query->order.len; i++) {
        rh_put(w, i ? ", " : " ORDER BY ");
        put_order_term(w, n, &n->query->order.items[i]);
    }
}

void rh_put_window(rh_writer *w, bool has_limit, int64_t limit, int64_t offset)
{
    if (has_limit) {
        rh_put(w, " LIMIT ");
        rh_put_number(w, limit);
    }
    if (offset) {
        rh_put(w, " OFFSET ");
        rh_put_number(w, offset);
    }
}

/* ---- items ---- */

static void put_embed(rh_writer *w, const rh_node *child);

static void put_numbered(rh_writer *w, char kind, const rh_node *n, size_t item)
{
    rh_put_alias(w, kind, n);
    rh_put(w, ".c");
    rh_str_addu(&w->text, item);
}

static void put_cast(rh_writer *w, const rh_cast *cast)
{
    rh_put_type(w, &cast->type);
    rh_put(w, cast->modifier);
    rh_put(w, cast->array ? "[]" : "");
}

static void put_shown(rh_writer *w, const rh_node *n, const rh_item *item)
{
    if (item->shown) {
        rh_put_type(w, item->shown);
        rh_str_addc(&w->text, '(');
    }
    rh_put_field(w, n, item->field);
    rh_put(w, item->shown ? ")" : "");
}

static void put_bare_item(rh_writer *w, const rh_node *n, const rh_item *item)
{
    rh_put(w, item->cast ? "CAST(" : "");
    if (item->spread)
        put_numbered(w, 's', item->spread, item->spread_item);
    else if (item->embed)
        put_embed(w, item->embed);
    else if (item->field)
        put_shown(w, n, item);
    else /* what count() counts */
        rh_put(w, item->aggregate ? "*" : "1");
    if (item->cast) {
        rh_put(w, " AS ");
        put_cast(w, item->cast);
        rh_str_addc(&w->text, ')');
    }
}

static void put_item(rh_writer *w, const rh_node *n, const rh_item *item)
{
    if (!item->aggregate) {
        put_bare_item(w, n, item);
        return;
    }
    rh_put(w, item->aggregate_cast ? "CAST(pg_catalog." : "pg_catalog.");
    rh_put(w, item->aggregate);
    rh_str_addc(&w->text, '(');
    put_bare_item(w, n, item);
    rh_str_addc(&w->text, ')');
    if (item->aggregate_cast) {
        rh_put(w, " AS ");
        put_cast(w, item->aggregate_cast);
        rh_str_addc(&w->text, ')');
    }
}

void rh_put_top_items(rh_writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        bool via_sql = item->form == RH_JSON_VIA_SQL && !w->plan->csv;
        bool strip = w->plan->strip && (via_sql || item->form == RH_JSON_RAW);
        rh_put(w, i ? ", " : "");
        rh_put(w, item->boxed ? "CAST(" : "");
        rh_put(w, strip ? "pg_catalog.json_strip_nulls(CAST(" : "");
        rh_put(w, via_sql ? "pg_catalog.to_json(" : "");
        put_item(w, n, item);
        rh_put(w, via_sql ? ")" : "");
        rh_put(w, strip ? " AS json))" : "");
        rh_put(w, item->boxed ? " AS text)" : "");
    }
    if (!n->items.len)
        rh_put(w, "NULL");
}

void rh_put_named_items(rh_writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->items.len; i++) {
        rh_put(w, i ? ", " : "");
        put_item(w, n, &n->items.items[i]);
        rh_put(w, " AS ");
        rh_str_add_ident(&w->text, n->items.items[i].key);
    }
}

static void put_numbered_json(rh_writer *w, const rh_node *n, size_t item)
{
    put_numbered(w, 'r', n, item);
    rh_put(w, n->items.items[item].boxed ? "::json" : "");
}

#define MAX_BUILT 50 /* json_build_object() takes 100 arguments */

/* The same of more items than one call takes. */
static void put_long_row_json(rh_writer *w, const rh_node *n)
{
    rh_put(w, "(SELECT pg_catalog.json_object_agg(o.k, o.v) FROM (VALUES ");
    for (size_t i = 0; i < n->items.len; i++) {
        rh_put(w, i ? ", (" : "(");
        rh_put_param(w, n->items.items[i].key);
        rh_put(w, "::text, pg_catalog.to_json(");
        put_numbered_json(w, n, i);
        rh_put(w, "))");
    }
    rh_put(w, ") AS o (k, v))");
}

/* One row of an embed as json: keys that are no names of the cache are parameters. */
static void put_row_json(rh_writer *w, const rh_node *n)
{
    if (!n->renamed) {
        rh_put(w, n->to_one ? "pg_catalog.row_to_json(" : "");
        rh_put_alias(w, 'r', n);
        rh_put(w, n->to_one ? ")" : "");
        return;
    }
    if (n->items.len > MAX_BUILT) {
        put_long_row_json(w, n);
        return;
    }
    rh_put(w, "pg_catalog.json_build_object(");
    for (size_t i = 0; i < n->items.len; i++) {
        rh_put(w, i ? ", " : "");
        rh_put_param(w, n->items.items[i].key);
        rh_put(w, "::text, ");
        put_numbered_json(w, n, i);
    }
    rh_str_addc(&w->text, ')');
}

void rh_put_group(rh_writer *w, const rh_node *n)
{
    bool begun = false;
    for (size_t i = 0; n->aggregated && i < n->items.len; i++) {
        if (n->items.items[i].aggregate)
            continue;
        rh_put(w, begun ? ", " : " GROUP BY ");
        rh_str_addu(&w->text, i + 1);
        begun = true;
    }
}

/* SELECT items FROM reference ..., the rows of an embed or spread. */
static void put_rows(rh_writer *w, const rh_node *n)
{
    bool numbered = n->renamed || n->spread;
    rh_put(w, "SELECT ");
    for (size_t i = 0; i < n->items.len; i++) {
        const rh_item *item = &n->items.items[i];
        rh_put(w, i ? ", " : "");
        rh_put(w, item->boxed ? "CAST(" : "");
        put_item(w, n, item);
        rh_put(w, item->boxed ? " AS text)" : "");
        rh_put(w, numbered ? " AS c" : " AS ");
        if (numbered)
            rh_str_addu(&w->text, i);
        else
            rh_str_add_ident(&w->text, item->key);
    }
    rh_put(w, " FROM ");
    rh_put_reference(w, n);
    rh_put_spreads(w, n);
    rh_put_where(w, n);
    rh_put_group(w, n);
    rh_put_order(w, n);
    int64_t most = n->to_one ? 0 : w->plan->naming->max_rows;
    bool few = n->query->has_limit && (!most || n->query->limit <= most);
    rh_put_window(w, few || most, few ? n->query->limit : most, n->query->has_offset ? n->query->offset : 0);
    if (n->to_one && !n->query->has_limit && is_of_view(n))
        rh_put(w, " LIMIT 1");
}

static void put_row_source(rh_writer *w, const rh_node *n)
{
    rh_put(w, " FROM (");
    put_rows(w, n);
    rh_put(w, ") AS ");
    rh_put_alias(w, 'r', n);
}

static void put_embed(rh_writer *w, const rh_node *n)
{
    rh_put(w, n->to_one ? "(SELECT " : "(SELECT coalesce(pg_catalog.json_agg(");
    put_row_json(w, n);
    rh_put(w, n->to_one ? "" : "), '[]')");
    put_row_source(w, n);
    rh_str_addc(&w->text, ')');
}

/* A column an item: the values of a to-one link, arrays of values of the others. */
static void put_spread(rh_writer *w, const rh_node *n)
{
    rh_put(w, " LEFT JOIN LATERAL (");
    if (n->to_one) {
        put_rows(w, n);
    } else {
        rh_put(w, "SELECT ");
        for (size_t i = 0; i < n->items.len; i++) {
            rh_put(w, i ? ", coalesce(pg_catalog.json_agg(" : "coalesce(pg_catalog.json_agg(");
            put_numbered_json(w, n, i);
            rh_put(w, "), '[]') AS c");
            rh_str_addu(&w->text, i);
        }
        put_row_source(w, n);
    }
    rh_put(w, ") AS ");
    rh_put_alias(w, 's', n);
    rh_put(w, " ON true");
}

void rh_put_spreads(rh_writer *w, const rh_node *n)
{
    for (size_t i = 0; i < n->children.len; i++)
        if (n->children.items[i]->spread && n->children.items[i]->items.len)
            put_spread(w, n->children.items[i]);
}
