/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_write.h"

#include "rest/sql.h"
#include "rest/sql_load.h"
#include "rest/sql_read.h"
#include "rest/sql_rows.h"
#include "rest/sql_where.h"

#define ORDINALITY "__ordinality"

/* The row's own value is the one in the URL. */
static void put_put_key(rh_writer *w, int column, const char *value, bool *begun)
{
    const rh_column *c = &w->plan->root.columns[column];
    rh_put(w, *begun ? " AND " : "");
    *begun = true;
    rh_put_given(w, c);
    rh_put(w, " = ");
    rh_put_operand(w, c, value);
}

static void put_record(rh_writer *w, const rh_body_part *part, const char *around)
{
    const rh_plan *p = w->plan;
    rh_put(w, around);
    rh_put(w, "pg_catalog.json_to_recordset(");
    rh_put_param(w, p->body.array);
    rh_put(w, part->rows ? "::json) AS (" : "::json) AS x (");
    for (int i = 0; i < part->n; i++) {
        const rh_column *c = &p->root.columns[part->columns[i]];
        rh_put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, c->name);
        rh_str_addc(&w->text, ' ');
        rh_put_given_type(w, c);
    }
    rh_str_addc(&w->text, ')');
}

/* The objects of a part: all of the body, or those that stand at its positions. */
static void put_record_source(rh_writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    if (p->arrays) {
        rh_put_load(w, part);
    } else if (part->n && !part->rows) {
        put_record(w, part, " FROM ");
    } else if (part->n) {
        put_record(w, part, " FROM ROWS FROM (");
        rh_put(w, ") WITH ORDINALITY AS x (");
        for (int i = 0; i < part->n; i++) {
            rh_str_add_ident(&w->text, p->root.columns[part->columns[i]].name);
            rh_put(w, ", ");
        }
        rh_put(w, ORDINALITY ")");
    } else if (p->body.is_array) { /* as many rows of defaults as there are empty objects */
        rh_put(w, " FROM pg_catalog.json_array_elements(");
        rh_put_param(w, p->body.array);
        rh_put(w, part->rows ? "::json) WITH ORDINALITY AS x (e, " ORDINALITY ")" : "::json)");
    }
}

/* PostgreSQL does not say which rows of a merge were new: it counts up before and down where one was there.
 */
static void put_counted(rh_writer *w, bool up)
{
    rh_put(w, "pg_catalog.set_config('rowhouse.inserted', (coalesce(nullif(pg_catalog.current_setting("
              "'rowhouse.inserted', true), ''), '0')::bigint ");
    rh_put(w, up ? "+ 1)::text, true) IS NOT NULL" : "- 1)::text, true) IS NOT NULL");
}

/* Which of the objects are taken; only those are counted. */
static void put_record_conditions(rh_writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    const rh_query *q = p->root.query;
    bool chosen = part->rows || p->put, begun = false;
    if (!chosen && !p->count_inserted)
        return;
    rh_put(w, chosen && p->count_inserted ? " WHERE CASE WHEN " : " WHERE ");
    if (part->rows) {
        rh_put(w, "x." ORDINALITY " = ANY (");
        rh_put_param(w, part->rows);
        rh_put(w, "::bigint[])");
        begun = true;
    }
    for (size_t i = 0; p->put && i < q->conditions.len; i++)
        put_put_key(w, q->conditions.items[i]->filter.field.column, q->conditions.items[i]->filter.value,
                    &begun);
    for (int i = 0; p->put && i < p->n_keys; i++)
        put_put_key(w, p->root.relation->primary_key[i], p->keys[i], &begun);
    rh_put(w, chosen && p->count_inserted ? " THEN " : "");
    if (p->count_inserted)
        put_counted(w, true);
    rh_put(w, chosen && p->count_inserted ? " END" : "");
}

/* Of a body in parts, each statement sees the rows of those before it as being there already; as one
 * statement they would be an error. */
static void put_first_time(rh_writer *w)
{
    if (!w->plan->part)
        return;
    rh_put(w, "CASE WHEN ");
    rh_put_alias(w, 't', &w->plan->root);
    rh_put(w,
           ".xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid THEN CAST('" RH_SQL_GUARD_TWICE
           "' || pg_catalog.txid_current() AS boolean) ELSE "); /* a constant would fail when it is planned */
}

static void put_conflict(rh_writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    if (p->resolution == RH_RESOLUTION_NONE)
        return;
    rh_put(w, " ON CONFLICT (");
    for (int i = 0; i < p->n_conflict; i++) {
        rh_put(w, i ? ", " : "");
        rh_str_add_ident(&w->text, p->root.columns[p->conflict[i]].name);
    }
    if (p->resolution == RH_RESOLUTION_IGNORE || !part->n_merged) {
        rh_put(w, ") DO NOTHING");
        return;
    }
    rh_put(w, ") DO UPDATE");
    for (int i = 0; i < part->n_merged; i++) {
        const char *name = p->root.columns[part->merged[i]].name;
        rh_put(w, i ? ", " : " SET ");
        rh_str_add_ident(&w->text, name);
        rh_put(w, " = excluded.");
        rh_str_add_ident(&w->text, name);
    }
    rh_put(w, " WHERE ");
    put_first_time(w);
    put_counted(w, false);
    rh_put(w, p->part ? " END" : "");
}

static void put_insert(rh_writer *w, const rh_body_part *part)
{
    const rh_plan *p = w->plan;
    const rh_relation *r = p->root.relation;
    bool keyed = p->naming->keyed && r->tenant_key >= 0;
    rh_put(w, "INSERT INTO ");
    rh_put_relation(w, r);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', &p->root);
    if (!keyed && !part->n && !p->body.is_array) {
        rh_put(w, " DEFAULT VALUES");
        return;
    }
    rh_put(w, keyed || part->n ? " (" : "");
    if (keyed)
        rh_str_add_ident(&w->text, r->columns[r->tenant_key].name);
    for (int i = 0; i < part->n; i++) {
        rh_put(w, keyed || i ? ", " : "");
        rh_str_add_ident(&w->text, r->columns[part->columns[i]].name);
    }
    rh_put(w, keyed || part->n ? ") SELECT " : " SELECT");
    if (keyed)
        rh_put_tenant(w);
    for (int i = 0; i < part->n; i++) {
        rh_put(w, keyed || i ? ", " : "");
        rh_put_given(w, &r->columns[part->columns[i]]);
    }
    put_record_source(w, part);
    put_record_conditions(w, part);
    put_conflict(w, part);
}

static void put_update(rh_writer *w)
{
    const rh_plan *p = w->plan;
    const rh_body_part *part = &p->parts.items[0];
    bool begun = false;
    rh_put(w, "UPDATE ");
    rh_put_relation(w, p->root.relation);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', &p->root);
    for (int i = 0; i < part->n; i++) {
        const char *name = p->root.columns[part->columns[i]].name;
        rh_put(w, i ? ", " : " SET ");
        rh_str_add_ident(&w->text, name);
        if (p->missing_default && !rh_body_has(&p->body, name)) {
            rh_put(w, " = DEFAULT");
            continue;
        }
        rh_put(w, " = ");
        rh_put_given(w, &p->root.columns[part->columns[i]]);
    }
    put_record_source(w, part);
    rh_put_own_conditions(w, &p->root, &begun);
}

static void put_delete(rh_writer *w)
{
    const rh_plan *p = w->plan;
    bool begun = false;
    rh_put(w, "DELETE FROM ");
    rh_put_relation(w, p->root.relation);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', &p->root);
    rh_put_own_conditions(w, &p->root, &begun);
}

void rh_put_nothing(rh_writer *w)
{
    bool begun = false;
    rh_put(w, "SELECT ");
    if (w->plan->returning)
        rh_put_top_items(w, &w->plan->root);
    else
        rh_put(w, "1");
    rh_put_source(w);
    rh_put_own_conditions(w, &w->plan->root, &begun);
    if (!w->plan->n_keys) {
        rh_put_and(w, &begun);
        rh_put(w, "false");
    }
}

/* As a filter on it would be written. */
static void put_key(rh_writer *w, int column)
{
    const rh_app_type *t = rh_cast_domain(&w->plan->root.columns[column]);
    const rh_type *f = t && t->to_text.text && t->from_text.text ? &t->to_text : NULL;
    if (f) {
        rh_put_type(w, f);
        rh_str_addc(&w->text, '(');
    }
    rh_put_column(w, &w->plan->root, column);
    rh_put(w, f ? ")" : "");
}

static void put_primary_key(rh_writer *w)
{
    const rh_relation *r = w->plan->root.relation;
    rh_put(w, " RETURNING ");
    for (int i = 0; i < r->n_primary_key; i++) {
        rh_put(w, i ? ", " : "");
        put_key(w, r->primary_key[i]);
    }
}

static void put_guard(rh_writer *w, bool *begun)
{
    const rh_plan *p = w->plan;
    if (p->guard == RH_GUARD_NONE)
        return;
    rh_put_and(w, begun);
    rh_put(w, "CASE WHEN (SELECT pg_catalog.count(*) FROM w) ");
    if (p->guard == RH_GUARD_ONE) {
        rh_put(w, "= 1");
    } else {
        rh_put(w, "<= ");
        rh_put_number(w, p->max_affected);
    }
    rh_put(w, " THEN true ELSE CAST('");
    rh_put(w, p->guard == RH_GUARD_ONE ? RH_SQL_GUARD_ONE : RH_SQL_GUARD_MAX);
    rh_put(w, "' || (SELECT pg_catalog.count(*) FROM w) AS boolean) END");
}

void rh_put_from_with(rh_writer *w)
{
    const rh_plan *p = w->plan;
    bool begun = false;
    bool body = p->maker && (p->returning || p->action == RH_DO_CALL);
    rh_put(w, ") ");
    if (body)
        rh_put_body_begin(w);
    rh_put(w, "SELECT ");
    w->from_with = true;
    if (p->scalar) {
        rh_put(w, "v FROM w");
    } else if (p->returning || p->action == RH_DO_CALL) {
        if (body)
            rh_put_body_rows(w, &p->root);
        else
            rh_put_top_items(w, &p->root);
        rh_put(w, " FROM w AS ");
        rh_put_alias(w, 't', &p->root);
        rh_put_spreads(w, &p->root);
        rh_put_inner_embeds(w, &p->root, &begun);
    } else {
        rh_put(w, "n FROM (SELECT pg_catalog.count(*) AS n FROM w) AS c");
    }
    put_guard(w, &begun);
    if (p->returning || p->action == RH_DO_CALL) {
        rh_put_group(w, &p->root);
        rh_put_order(w, &p->root);
    }
    if (body)
        rh_put_body_end(w);
}

/* Parts of one body: `WITH w0 AS (INSERT ..), w1 AS (INSERT ..), w AS (SELECT * FROM w0 UNION ALL ..` */
static void put_inserts(rh_writer *w)
{
    const rh_plan *p = w->plan;
    for (size_t i = 0; i < p->parts.len; i++) {
        rh_put(w, i ? ", w" : "WITH w");
        rh_str_addu(&w->text, i);
        rh_put(w, " AS (");
        put_insert(w, &p->parts.items[i]);
        rh_put(w, " RETURNING ");
        rh_put_whole_row(w, &p->root);
        rh_str_addc(&w->text, ')');
    }
    for (size_t i = 0; i < p->parts.len; i++) {
        rh_put(w, i ? " UNION ALL SELECT * FROM w" : ", w AS (SELECT * FROM w");
        rh_str_addu(&w->text, i);
    }
}

void rh_put_write(rh_writer *w)
{
    const rh_plan *p = w->plan;
    bool with = p->guard != RH_GUARD_NONE ||
                (p->returning && (p->root.children.len || p->root.query->order.len || p->root.aggregated ||
                                  p->naming->distributed || p->maker));
    with = with || p->parts.len > 1;
    if (p->parts.len > 1) {
        put_inserts(w);
        rh_put_from_with(w);
        return;
    }
    rh_put(w, with ? "WITH w AS (" : "");
    if (p->action == RH_DO_INSERT)
        put_insert(w, &p->parts.items[0]);
    else if (p->action == RH_DO_UPDATE)
        put_update(w);
    else
        put_delete(w);
    if (with) {
        rh_put(w, " RETURNING ");
        rh_put_whole_row(w, &p->root);
        rh_put_from_with(w);
    } else if (p->returning) {
        rh_put(w, " RETURNING ");
        rh_put_top_items(w, &p->root);
    } else if (p->location) {
        put_primary_key(w);
    } else if (p->action == RH_DO_INSERT && p->naming->distributed) {
        rh_put(w, " RETURNING 1");
    }
}
