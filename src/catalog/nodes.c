/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/nodes.h"

#include <stdlib.h>

#include "base/clock.h"

#define GIVEN_UP_MS 30000

const rh_node *rh_node_of_row(const rh_app *app, rh_arena *a, const PGresult *res, int row, int column)
{
    int64_t id;
    if (!rh_parse_int(PQgetvalue(res, row, column), &id))
        return NULL;
    rh_node *node = RH_NEW(a, rh_node);
    *node = (rh_node){(int)id, PQgetvalue(res, row, column + 1), PQgetvalue(res, row, column + 2)};
    if (id == RH_FIRST_NODE)
        *node = app->first;
    return node;
}

struct met {
    struct met *next;
    int id;
    rh_db *shared;
    rh_err why;       /* it cannot be used ... */
    int64_t until_ms; /* ... till then */
};

struct rh_nodes {
    const rh_app *app;
    rh_db *first_shared;
    struct met *met; /* others than the first */
};

rh_nodes *rh_nodes_new(const rh_app *app, rh_db *shared)
{
    rh_nodes *nodes = rh_xcalloc(1, sizeof *nodes);
    nodes->app = app;
    nodes->first_shared = shared;
    return nodes;
}

void rh_nodes_clear(rh_nodes *nodes)
{
    while (nodes->met) {
        struct met *m = nodes->met;
        nodes->met = m->next;
        rh_db_close(m->shared);
        free(m);
    }
}

void rh_nodes_free(rh_nodes *nodes)
{
    if (nodes)
        rh_nodes_clear(nodes);
    free(nodes);
}

static struct met *meet(rh_nodes *nodes, int id)
{
    struct met *m = nodes->met;
    while (m && m->id != id)
        m = m->next;
    if (m)
        return m;
    m = rh_xcalloc(1, sizeof *m);
    m->id = id;
    m->next = nodes->met;
    return nodes->met = m;
}

void rh_nodes_give_up(rh_nodes *nodes, const rh_node *node, const rh_err *why)
{
    struct met *m = meet(nodes, node->id);
    rh_db_close(m->shared);
    m->shared = NULL;
    m->why = *why;
    m->until_ms = rh_now_ms() + GIVEN_UP_MS;
}

void rh_nodes_reset(rh_nodes *nodes, const rh_node *node)
{
    meet(nodes, node->id)->until_ms = 0;
}

bool rh_nodes_given_up(const rh_nodes *nodes, const rh_node *node)
{
    const struct met *m = nodes->met;
    while (m && m->id != node->id)
        m = m->next;
    return m && m->until_ms > rh_now_ms();
}

rh_db *rh_nodes_shared(rh_nodes *nodes, const rh_node *node, rh_err *err)
{
    if (!node) {
        rh_err_set(err, RH_E_INTERNAL, "a home without a node");
        return NULL;
    }
    if (node->id == RH_FIRST_NODE)
        return nodes->first_shared;
    struct met *m = meet(nodes, node->id);
    if (m->shared && PQstatus(rh_db_conn(m->shared)) != CONNECTION_OK) {
        rh_db_close(m->shared);
        m->shared = NULL;
    }
    if (!m->shared && m->until_ms > rh_now_ms()) {
        *err = m->why;
        return NULL;
    }
    if (!m->shared &&
        !(m->shared = rh_app_connect(nodes->app, node, RH_ROLE_OPERATOR, nodes->app->shared_db, err)))
        rh_nodes_give_up(nodes, node, err);
    return m->shared;
}
