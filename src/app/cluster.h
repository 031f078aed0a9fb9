/* SPDX-License-Identifier: Apache-2.0
 *
 * A node that is a Citus coordinator: the database that its conninfo names has the extension and its workers.
 * What Rowhouse needs there stands on every node of the cluster: the roles, which Citus brings to the
 * workers, the app's database with the extension, and how the nodes log in on each other as the app's roles.
 * Citus is never installed from here; its packages are, by whoever runs the servers.
 */
#ifndef RH_CLUSTER_H
#define RH_CLUSTER_H

#include "app/app.h"

/* Whether the database is one of a Citus cluster: it has the extension. */
bool rh_cluster_is_citus(rh_db *db, bool *citus, rh_err *err);

/* Makes the app's shared database of the node one of its cluster: nothing to do on a plain server. It is
 * there on the node itself already. May be repeated; workers that are new are taken in. RH_E_STATE where the
 * node is a worker, or has none. */
bool rh_cluster_join(const rh_app *app, const rh_node *node, rh_err *err);

#endif
