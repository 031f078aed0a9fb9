/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's verbs on nodes, and where new homes go. Blocking; each verb may be repeated after an
 * interruption and ends well.
 *
 *   (none) -> joining -> active <-> draining -> (gone)
 */
#ifndef RH_CATALOG_NODE_H
#define RH_CATALOG_NODE_H

#include "catalog/tenant.h"

/* A PostgreSQL server becomes a node: checked, roles and the app's database made, brought to the newest
 * version. For a node that is there already, of the same server: how it is reached is changed, and its roles'
 * passwords are renewed. */
bool rh_node_add(rh_operator *o, rh_arena *a, const char *name, const char *conninfo, rh_err *err);

/* No new homes any more, or again. */
bool rh_node_drain(rh_operator *o, rh_arena *a, const char *name, bool draining, rh_err *err);

/* Out of the catalog. STATE while a tenant is on it or is to be. What stands on the server is left there. */
bool rh_node_remove(rh_operator *o, rh_arena *a, const char *name, rh_err *err);

/* Every node, with what each says just now: rows as list.sql has them, or as_json one array. */
PGresult *rh_node_list(rh_operator *o, rh_arena *a, bool as_json, rh_err *err);

/* The node of that name, and its state (may be NULL). NOT_FOUND. */
const rh_node *rh_node_find(rh_operator *o, rh_arena *a, const char *name, const char **state, rh_err *err);

/* Where a tenant's new home is to be: out->node, and for the shared model the whole of it. The node that the
 * tenant asks for, or of those that can be reached and are at the newest version the one with the least on
 * it. */
bool rh_node_choose(rh_operator *o, rh_arena *a, const char *tenant_id, rh_model model, rh_home *out,
                    rh_err *err);

/* ---- for migrate ---- */

/* The shared home of a node other than the first, entered into the catalog; id 0 in an app without a tenant
 * key. */
bool rh_node_shared_home(rh_operator *o, rh_arena *a, const rh_node *node, rh_home *out, rh_err *err);
/* Brings the node itself to the newest version: reference tables, shared home, template database where the
 * app has database homes. */
bool rh_node_migrate(rh_operator *o, rh_arena *a, const rh_home *shared_home, rh_home_versions *versions,
                     rh_err *err);
/* The database that new ones are cloned from on that node, kept newest in apps that have database homes. */
bool rh_node_migrate_template(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err);
/* The script that makes new schema homes on that node, in apps that have such homes: home/script.h. */
bool rh_node_keep_script(rh_operator *o, rh_arena *a, const rh_node *node, rh_err *err);

#endif
