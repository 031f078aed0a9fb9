/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/sql_read.h"

#include "rest/sql_call.h"
#include "rest/sql_rows.h"
#include "rest/sql_where.h"

void rh_put_source(rh_writer *w)
{
    if (w->plan->action == RH_DO_CALL) {
        rh_put_call_source(w);
        return;
    }
    rh_put(w, " FROM ");
    rh_put_relation(w, w->plan->root.relation);
    rh_put(w, " AS ");
    rh_put_alias(w, 't', &w->plan->root);
}

void rh_put_select(rh_writer *w, void (*items)(rh_writer *, const rh_node *))
{
    const rh_node *root = &w->plan->root;
    rh_put(w, "SELECT ");
    items(w, root);
    rh_put_source(w);
    rh_put_spreads(w, root);
    rh_put_where(w, root);
    rh_put_group(w, root);
}

void rh_put_read(rh_writer *w, void (*items)(rh_writer *, const rh_node *))
{
    const rh_plan *p = w->plan;
    if (p->scalar) {
        rh_put_scalar_call(w);
    } else {
        rh_put_select(w, items);
        rh_put_order(w, &p->root);
    }
    rh_put_window(w, p->has_limit, p->limit, p->offset);
}

void rh_put_one(rh_writer *w, const rh_node *n)
{
    rh_put(w, "1");
}

void rh_put_whole_row(rh_writer *w, const rh_node *n)
{
    rh_put_alias(w, 't', n);
    rh_put(w, ".*");
}

void rh_put_body_rows(rh_writer *w, const rh_node *n)
{
    if (!w->plan->maker_of_rows) {
        rh_put_named_items(w, n);
        return;
    }
    rh_put(w, w->from_with ? "ROW(" : "");
    rh_put_alias(w, 't', n);
    if (w->from_with) {
        rh_put(w, ".*)::");
        rh_put_relation(w, n->relation);
    }
    rh_put(w, " AS r");
}

void rh_put_body_begin(rh_writer *w)
{
    const rh_plan *p = w->plan;
    const char *row = p->maker_of_rows ? "s.r" : p->scalar ? "s.v" : "s";
    rh_put(w, "SELECT pg_catalog.count(*), ");
    rh_put(w, p->geo ? "pg_catalog.json_build_object('type', 'FeatureCollection', 'features', "
                       "coalesce(pg_catalog.json_agg("
                     : "");
    rh_put_type(w, p->maker);
    rh_str_addc(&w->text, '(');
    rh_put(w, row);
    rh_put(w, p->geo ? ")::json), '[]')) FROM (" : ") FROM (");
}

void rh_put_body_end(rh_writer *w)
{
    rh_put(w, ") AS s");
}
