/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes (k is the tenant key, p0.. are the client's filters):
 *   read    SELECT items FROM rel AS t0 WHERE t0.k = $1 AND p0 ORDER BY .. LIMIT $3 OFFSET $4
 *   embed   an item: (SELECT row_to_json(r1) FROM (SELECT items FROM rel AS t1
 *           WHERE t1.k = $1 AND link) AS r1)
 *   insert  INSERT INTO rel AS t0 (k, a) SELECT $1, x.a FROM json_to_recordset($2) AS x (a type)
 *           RETURNING items
 *   write   UPDATE / DELETE likewise; with embeds, an order or a guard
 *           WITH w AS (write) SELECT items FROM w AS t0
 */
#include "rest/sql.h"

#include "rest/sql_call.h"
#include "rest/sql_read.h"
#include "rest/sql_rows.h"
#include "rest/sql_where.h"
#include "rest/sql_write.h"

static void begin(rh_writer *w, const rh_plan *p)
{
    *w = (rh_writer){.plan = p, .arena = p->arena};
    rh_str_init_in(&w->text, p->arena, RH_STR_TEXT_MAX);
    if (p->tenant)
        RH_VEC_PUSH(p->arena, &w->values, p->naming->tenant_id);
}

static bool end(rh_writer *w, rh_rest_statement *out, rh_err *err)
{
    if (w->text.overflow || w->overflow)
        return rh_err_set(err, RH_E_TOO_LARGE, "the request makes too long a statement");
    *out = (rh_rest_statement){rh_str_cstr(&w->text), w->text.len, (int)w->values.len, w->values.items};
    return true;
}

/* Costs, rows and what was read are shown where nobody else's rows are in the tables. */
static void put_explain(rh_writer *w)
{
    const rh_explain *e = &w->plan->explain;
    bool whole = w->plan->naming->plans == RH_PLANS_WHOLE;
    rh_put(w, e->json ? "EXPLAIN (FORMAT JSON" : "EXPLAIN (FORMAT TEXT");
    rh_put(w, whole ? "" : ", COSTS OFF");
    rh_put(w, whole && e->analyze ? ", ANALYZE" : "");
    rh_put(w, e->verbose ? ", VERBOSE" : "");
    rh_put(w, e->settings ? ", SETTINGS" : "");
    rh_put(w, whole && e->buffers ? ", BUFFERS" : "");
    rh_put(w, whole && e->wal ? ", WAL" : "");
    rh_put(w, ") ");
}

bool rh_sql_main(const rh_plan *p, rh_rest_statement *out, rh_err *err)
{
    rh_writer w;
    begin(&w, p);
    if (p->explain.on)
        put_explain(&w);
    if (p->action == RH_DO_UPDATE && !p->parts.items[0].n) {
        rh_put_nothing(&w);
    } else if (p->action == RH_DO_CALL && p->guard != RH_GUARD_NONE) {
        rh_put(&w, "WITH w AS (");
        rh_put_read(&w, rh_put_whole_row);
        rh_put_from_with(&w);
    } else if (p->action != RH_DO_READ && p->action != RH_DO_CALL) {
        rh_put_write(&w);
    } else if (p->head) {
        rh_put(&w, "SELECT pg_catalog.count(*) FROM (");
        rh_put_read(&w, p->root.aggregated ? rh_put_top_items : rh_put_one);
        rh_put(&w, ") AS h");
    } else if (p->maker) {
        rh_put_body_begin(&w);
        rh_put_read(&w, rh_put_body_rows);
        rh_put_body_end(&w);
    } else {
        rh_put_read(&w, rh_put_top_items);
    }
    return end(&w, out, err);
}

/* The rows of a relation, nothing of them. */
static void put_counted(rh_writer *w)
{
    rh_put_source(w);
    rh_put_where(w, &w->plan->root);
}

bool rh_sql_estimate(const rh_plan *p, rh_rest_statement *out, rh_err *err)
{
    rh_writer w;
    begin(&w, p);
    rh_put(&w, "EXPLAIN (FORMAT JSON) SELECT 1");
    put_counted(&w);
    return end(&w, out, err);
}

bool rh_sql_count(const rh_plan *p, int64_t up_to, rh_rest_statement *out, rh_err *err)
{
    rh_writer w;
    begin(&w, p);
    rh_put(&w, "SELECT pg_catalog.count(*)");
    if (up_to) {
        rh_put(&w, " FROM (SELECT 1");
        put_counted(&w);
        rh_put(&w, " LIMIT ");
        rh_put_param(&w, rh_arena_printf(p->arena, "%lld", (long long)up_to));
        rh_put(&w, "::bigint) AS h");
    } else if (p->scalar || p->root.aggregated) {
        rh_put(&w, " FROM (");
        if (p->scalar)
            rh_put_scalar_call(&w);
        else
            rh_put_select(&w, rh_put_top_items);
        rh_put(&w, ") AS h");
    } else {
        put_counted(&w);
    }
    return end(&w, out, err);
}

void rh_sql_inserted(const rh_plan *p, rh_rest_statement *out)
{
    static const char text[] =
        "SELECT coalesce(nullif(pg_catalog.current_setting('rowhouse.inserted', true), ''), '0')";
    *out = (rh_rest_statement){text, sizeof text - 1, 0, NULL};
}

void rh_sql_response(const rh_plan *p, rh_rest_statement *out)
{
    static const char text[] = "SELECT pg_catalog.current_setting('response.headers', true), "
                               "pg_catalog.current_setting('response.status', true)";
    *out = (rh_rest_statement){text, sizeof text - 1, 0, NULL};
}
