/* SPDX-License-Identifier: Apache-2.0
 *
 * The private PostgreSQL of an app: made on first use, started when it is not running, shared by all rowhouse
 * commands of that app that run at the same time, stopped by the last of them. After a crash of rowhouse
 * the server stays and the next command takes it over.
 *
 * What lies where (S is the state directory: .rowhouse of the app, or what settings.data names):
 *   S/rowhouse.state   says that the directory is ours
 *   S/start.lock       flock: one command at a time starts or stops the server
 *   S/lease            flock, shared: held by each user of the server; who gets it alone stops the server
 *   S/server/          belongs to the user PostgreSQL runs as, mode 0700, and so does all below it
 *   S/server/data      the data directory; data.init-* is an initdb that is not done
 *   S/server/postgres.log, S/server/.s.PGSQL.<port> (the socket; in /tmp when its path would have more
 *                      than 107 bytes, or a comma)
 *
 * PostgreSQL refuses to run as root: as root the server belongs to the owner of S/server, else to user
 * postgres; where that user cannot reach the app's directory, S is /var/lib/rowhouse/<app>-<hash> instead.
 *
 * Ownership: the handle is the caller's, closed by rh_pg_server_close(); the strings it gives live as long
 * as it does. A process that exec()s another program gives its lease away: start a child instead and wait.
 */
#ifndef RH_SERVER_H
#define RH_SERVER_H

#include <stdbool.h>

#include "base/err.h"
#include "server/programs.h"

typedef struct rh_pg_server rh_pg_server;

typedef struct rh_pg_settings {
    const char *app_dir;  /* must exist */
    const char *app_name; /* for the name of the directory in /var/lib; NULL: the last part of app_dir */
    const char *data;     /* the state directory asked for; NULL or "": .rowhouse in app_dir */
    int port;             /* loopback TCP port; 0: unix socket only */
    const char *bin;      /* directory of PostgreSQL's programs; NULL or "": the newest found */
    /* A line for each step that may take long, also while the server is stopped; may be NULL. */
    void (*progress)(void *arg, const char *text);
    void *progress_arg;
} rh_pg_settings;

/* Returns when the server accepts connections. RH_E_UNAVAILABLE when it cannot be had, RH_E_CONF when the
 * settings or what is installed forbid it, RH_E_FORBIDDEN when a directory is another user's, RH_E_LOCKED
 * when another command starts or stops it for too long. Waits for minutes at most, when PostgreSQL recovers
 * after a crash. */
rh_pg_server *rh_pg_server_open(const rh_pg_settings *settings, rh_err *err);
/* Stops the server when nobody else uses it: running statements are ended, nothing committed is lost. NULL is
 * allowed. */
void rh_pg_server_close(rh_pg_server *s);

/* For libpq, of the superuser postgres over the unix socket; names no database. */
const char *rh_pg_server_conninfo(const rh_pg_server *s);
const char *rh_pg_server_socket_dir(const rh_pg_server *s);
int rh_pg_server_port(const rh_pg_server *s); /* names the socket too, so never 0 */
bool rh_pg_server_has_tcp(const rh_pg_server *s);
const char *rh_pg_server_version(const rh_pg_server *s); /* of the programs: "15.20" */
const char *rh_pg_server_data_dir(const rh_pg_server *s);
const char *rh_pg_server_state_dir(const rh_pg_server *s);
long rh_pg_server_pid(const rh_pg_server *s); /* the postmaster's */
bool rh_pg_server_was_running(const rh_pg_server *s);

#endif
