/* SPDX-License-Identifier: Apache-2.0
 *
 * The data door: one loop's side of it. A request is resolved to one tenant on its head alone (401 and 403
 * come before the body is read), admitted by the directory, planned by rest/, run by the pool, answered.
 * /live says that the process runs, /ready that requests can be served; both need no tenant.
 *
 * Ownership: rh_data_door_new() until the door's close (rh_door) has called back, which frees it.
 */
#ifndef RH_DATA_DOOR_H
#define RH_DATA_DOOR_H

#include "adopt/adopted.h"
#include "auth/key_source.h"
#include "auth/resolve.h"
#include "catalog/directory.h"
#include "http/describer.h"
#include "http/exchange.h"
#include "http/metrics.h"
#include "pg/queue.h"
#include "rest/openapi.h"

typedef struct rh_data_door_settings {
    rh_directory *directory; /* shared by all loops */
    rh_adopted *adopted; /* likewise; instead of the directory: a database that is served as it is. Or NULL */
    rh_key_source *keys; /* likewise */
    rh_resolve_rules rules;
    int64_t stale_after_ms;
    rh_rest_naming naming;         /* all but the tenant's id */
    rh_limits limits;              /* of tenants that have none of their own */
    rh_quota *quota;               /* shared by all loops */
    rh_metrics *metrics;           /* likewise */
    rh_descriptions *descriptions; /* likewise */
    bool log_requests;
    int64_t max_bodies; /* large ones of one tenant, on all loops */
    int max_waiting;    /* requests of one tenant, on this loop */
    int64_t max_wait_ms;
    rh_share share; /* of a node's processors */
    unsigned reads; /* rh_reads that the app is told of, at most; those in naming it is told of always */
    size_t max_body;
    rh_cors cors;
    rh_openapi_settings openapi;
    bool server_timing;      /* answers say how long their parts took */
    size_t stream_from;      /* answers are sent as they come once they have so many bytes */
    bool max_load;           /* bodies may be loaded while they come in, up to the tenant's limit */
    int64_t load_timeout_ms; /* the whole of that */
    size_t stream_buffer;    /* of a streamed answer may wait to be sent before its rows wait in PostgreSQL */
    const char *stream_timeout; /* instead, once it is being sent; milliseconds as text */
    const char *prefer;         /* the Prefer header of requests that have none; NULL: none */
    rh_pool_settings pool;      /* of this loop */
    int home_connections;       /* to database homes, in all */
    bool to_workers;            /* of Citus, where they can do what is asked */
    const char *root;           /* the root table of shared homes; NULL: there are none */
} rh_data_door_settings;

/* For a whole job, by how long one statement of it may take: PostgreSQL's own timeout comes first. */
int64_t rh_data_door_deadline_ms(int64_t statement_timeout_ms);
/* All strings and objects in settings outlive the door. *door gets what the loop needs. */
void rh_data_door_new(uv_loop_t *loop, const rh_data_door_settings *settings, rh_door *door);

#endif
