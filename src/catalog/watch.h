/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch: one thread that keeps a directory fresh. It reads the whole catalog, listens for NOTIFY, reads
 * again what changed, and asks for a sign of life every few seconds. While the catalog is away the directory
 * keeps what it knew and its age grows; after a reconnect everything is read again.
 */
#ifndef RH_WATCH_H
#define RH_WATCH_H

#include "app/app.h"
#include "catalog/directory.h"

typedef struct rh_watch rh_watch;

/* Fills the directory once before it returns, so that a server can begin to serve; then starts the thread.
 * The connection is the server role's. CONF when the
 * node allows fewer connections than a server may take (app/budget.h). app and directory must outlive the
 * watch. */
rh_watch *rh_watch_start(const rh_app *app, rh_directory *directory, rh_err *err);
void rh_watch_stop(rh_watch *w);

#endif
