/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a running server: the data door on as many loops as there are cores, the control door on one
 * of its own. Threads are started inside; signals are the caller's.
 *
 * Ownership: rh_server_start() to rh_server_stop(). Everything the settings point to outlives the server.
 */
#ifndef RH_HTTP_SERVER_H
#define RH_HTTP_SERVER_H

#include "adopt/adopted.h"
#include "auth/key_source.h"
#include "auth/resolve.h"
#include "catalog/directory.h"
#include "conf/conf.h"
#include "http/control_door.h"

typedef struct rh_server rh_server;

typedef struct rh_server_settings {
    const rh_conf *conf; /* [data], [control], [auth] trusted_header, [catalog] stale_after, [app] id_type */
    /* who may come in */
    rh_directory *directory;
    rh_adopted
        *adopted; /* instead of the directory; the pools begin their jobs anew then. NULL: there is none */
    rh_key_source *keys; /* stays the caller's, outlives the server */
    rh_resolve_rules rules;
    /* where the data is: the pool's connections, as the server role */
    const char *conninfo, *database, *user, *password;
    const char
        *options; /* startup options such as "-c search_path="; statement_timeout is added. NULL: none */
    const char *schema, *reference_schema; /* NULL: "public", "reference" */
    bool keyed;                            /* shared homes */
    bool citus;                            /* the first node is a Citus coordinator */
    /* the control door; without a token there is none. Of an adopted database the admin door, where the conf
     * has a port for it */
    const char *operator_token;
    rh_control_ops control;
} rh_server_settings;

/* Listens and serves; the database need not be there yet (503 until then). */
rh_server *rh_server_start(const rh_server_settings *settings, rh_err *err);
int rh_server_data_port(const rh_server *s);
int rh_server_control_port(const rh_server *s); /* 0: no control door */
bool rh_server_has_tls(const rh_server *s);
/* Accepts no more, lets requests under way end (data.stop_timeout at most), ends all threads, frees the
 * server. */
void rh_server_stop(rh_server *s);

#endif
