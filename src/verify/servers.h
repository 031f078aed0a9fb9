/* SPDX-License-Identifier: Apache-2.0
 *
 * The PostgreSQL servers that a scratch copy has something on: those of the real app's nodes, and of a Citus
 * coordinator its workers.
 */
#ifndef RH_VERIFY_SERVERS_H
#define RH_VERIFY_SERVERS_H

#include "app/app.h"

typedef struct rh_verify_node {
    const rh_node *node; /* of the real app */
    bool citus;
} rh_verify_node;

typedef struct rh_verify_nodes {
    rh_verify_node *items; /* the first node is the first */
    size_t len, cap;
} rh_verify_nodes;

/* The nodes of the app that have joined; the first alone where its catalog is not there yet. */
bool rh_verify_nodes_read(const rh_app *app, rh_arena *a, rh_verify_nodes *out, rh_err *err);

/* What `node add` wants to make it one of the scratch copy's: it holds the admin's password. */
const char *rh_verify_node_conninfo(const rh_app *app, rh_arena *a, const rh_node *node);

/* Databases, roles and mark of that name: from all servers, the first node's own last. admin: a session
 * there. */
bool rh_verify_remove_objects(const rh_app *app, rh_arena *a, const rh_verify_nodes *nodes, rh_db *admin,
                              const char *name, rh_err *err);

#endif
