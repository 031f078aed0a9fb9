/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes as the catalog has them, and an operator's connections to them.
 */
#ifndef RH_NODES_H
#define RH_NODES_H

#include "app/app.h"

/* The node that three columns of a row name: number, name, conninfo. The arena's. NULL where they are NULL.
 */
const rh_node *rh_node_of_row(const rh_app *app, rh_arena *a, const PGresult *res, int row, int column);

/* One connection of the operator to the app's database on each node that it meets at work. */
typedef struct rh_nodes rh_nodes;

/* shared is the connection on the first node; it stays the caller's. app and it must outlive the list. */
rh_nodes *rh_nodes_new(const rh_app *app, rh_db *shared);
void rh_nodes_free(rh_nodes *nodes); /* NULL is allowed */
/* Closes what was opened, and gives nobody up any longer. */
void rh_nodes_clear(rh_nodes *nodes);
/* Opened when it is asked for first; the list's. NODE_AWAY; a node that could not be reached is not tried
 * again for half a minute. */
rh_db *rh_nodes_shared(rh_nodes *nodes, const rh_node *node, rh_err *err);
/* Says that the node is of no use now, and why: rh_nodes_shared() fails with it. */
void rh_nodes_give_up(rh_nodes *nodes, const rh_node *node, const rh_err *why);
/* It may be tried again at once. */
void rh_nodes_reset(rh_nodes *nodes, const rh_node *node);
bool rh_nodes_given_up(const rh_nodes *nodes, const rh_node *node);

#endif
