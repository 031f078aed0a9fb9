/* SPDX-License-Identifier: Apache-2.0
 *
 * What the doors have done, in Prometheus' text format (0.0.4). Each loop counts by itself, without a lock,
 * in its meter; when somebody asks, every loop adds to the sums what it has counted since it was asked last,
 * and says how its pools are.
 *
 * Series by tenant are bounded: the `tenants` that use most (time in PostgreSQL and in rendering, newer use
 * counts more) have their own, all others are summed under tenant="other". A tenant that comes among the
 * first has a series from then on; what was counted before stays with the others, so that no counter ever
 * falls.
 *
 * Threads: a meter belongs to its loop; rh_metrics_write() is called on any other thread, and blocks until
 * the loops have answered, a second at most. Ownership: one for a server, outlives its meters.
 */
#ifndef RH_METRICS_H
#define RH_METRICS_H

#include <uv.h>

#include "base/str.h"

/* How long something took. To add one: a row, and where rh_measured is filled.
 * X(enum name, name of the histogram, help) */
/* clang-format off */
#define RH_TIMES(X)                                                                                          \
    X(WHOLE, "request", "From the request line to the end of the answer.")                                   \
    X(QUEUE, "queue", "Waiting for a turn and for a connection.")                                            \
    X(POSTGRESQL, "postgresql", "In PostgreSQL, from the statement's turn on its connection to its last row.") \
    X(RENDERING, "rendering", "Making the answer from rows.")

/* Figures that a loop's parts keep themselves; summed over the loops. To add one: a row, and its rh_reading_add.
 * X(enum name, name, "gauge" or "counter", labels in words, help) */
#define RH_FAMILIES(X)                                                                                       \
    X(POOL_CONNECTIONS, "rowhouse_pool_connections", "gauge", "Connections to PostgreSQL that there are to be.") \
    X(POOL_UP, "rowhouse_pool_connections_up", "gauge", "Connections to PostgreSQL that are up.")            \
    X(POOL_IDLE, "rowhouse_pool_connections_idle", "gauge", "Connections without a job.")                    \
    X(POOL_RUNNING, "rowhouse_pool_jobs_sent", "gauge", "Jobs that were sent and have not ended.")           \
    X(POOL_QUEUED, "rowhouse_pool_jobs_queued", "gauge", "Jobs that wait for a connection, their turn having come.") \
    X(POOL_JOBS, "rowhouse_pool_jobs_total", "counter", "Jobs: one is a transaction.")                       \
    X(POOL_PIPELINED, "rowhouse_pool_jobs_pipelined_total", "counter", "Jobs sent behind another on the same connection.") \
    X(POOL_SHARED, "rowhouse_pool_jobs_shared_total", "counter", "Reads sent into the transaction of the one before.") \
    X(POOL_DIALED, "rowhouse_pool_dials_total", "counter", "Attempts to connect.")                           \
    X(POOL_DIAL_FAILURES, "rowhouse_pool_dial_failures_total", "counter", "Attempts that failed.")           \
    X(POOL_LOST, "rowhouse_pool_connections_lost_total", "counter", "Connections that were lost.")           \
    X(POOL_RETRIED, "rowhouse_pool_jobs_retried_total", "counter", "Jobs that were sent once more.")         \
    X(POOL_CANCELS, "rowhouse_pool_cancels_total", "counter", "Statements that PostgreSQL was asked to cancel.") \
    X(POOL_RENEWED, "rowhouse_pool_connections_renewed_total", "counter", "Connections replaced since their backend had grown.") \
    X(STATEMENTS, "rowhouse_statements_total", "counter", "Statements run.")                                 \
    X(PREPARED, "rowhouse_statements_prepared_total", "counter", "Of them, prepared for it on their connection: misses of the cache.") \
    X(UNPREPARED, "rowhouse_statements_unprepared_total", "counter", "Of them, run without being prepared.") \
    X(EVICTED, "rowhouse_statements_evicted_total", "counter", "Prepared statements that gave way to others.") \
    X(HOMES, "rowhouse_database_homes_connected", "gauge", "Database homes with connections.")               \
    X(HOME_WAITING, "rowhouse_database_homes_jobs_waiting", "gauge", "Jobs that wait until their home gets a connection.") \
    X(HOME_OPENED, "rowhouse_database_homes_opened_total", "counter", "Times that a home got its first connection.") \
    X(WAITING, "rowhouse_queue_requests_waiting", "gauge", "Requests that wait for their tenant's turn.")    \
    X(WAITING_TENANTS, "rowhouse_queue_tenants_waiting", "gauge", "Tenants with such requests.")             \
    X(RUNNING, "rowhouse_queue_requests_running", "gauge", "Requests whose turn has come and that have not ended.") \
    X(SLOW, "rowhouse_queue_requests_running_slow", "gauge", "Of them, not known to be short.")              \
    X(DIRECT, "rowhouse_queue_direct_total", "counter", "Requests that had their turn at once.")             \
    X(WAITED, "rowhouse_queue_waited_total", "counter", "Requests that waited for it.")                      \
    X(REFUSED, "rowhouse_queue_refused_total", "counter", "Requests refused since too many of their tenant waited.") \
    X(TIMED_OUT, "rowhouse_queue_timed_out_total", "counter", "Requests refused since they had waited too long.") \
    X(TOKEN_HITS, "rowhouse_token_cache_hits_total", "counter", "Tokens that had been verified before.")     \
    X(TOKEN_MISSES, "rowhouse_token_cache_misses_total", "counter", "Tokens that had to be verified.")
/* clang-format on */

enum rh_time {
#define X(name, text, help) RH_TIME_##name,
    RH_TIMES(X)
#undef X
        RH_N_TIMES
};
typedef enum rh_family {
#define X(name, text, type, help) RH_FAMILY_##name,
    RH_FAMILIES(X)
#undef X
        RH_N_FAMILIES
} rh_family;

typedef struct rh_metrics rh_metrics;
typedef struct rh_meter rh_meter;
typedef struct rh_reading rh_reading;

/* Whose requests they are: "data" or "control". */
extern const char rh_door_data[], rh_door_control[];

/* One request that is over. */
typedef struct rh_measured {
    const char *door;   /* one of the above */
    const char *tenant; /* id; NULL: it was never known */
    const char *model;  /* of its home; "" likewise. A constant */
    int node;           /* 0 likewise */
    unsigned status;    /* 0: the client left before there was an answer */
    const char *code;   /* of an error; NULL: none */
    int64_t us[RH_N_TIMES];
    uint64_t bytes; /* of the answer's body */
} rh_measured;

/* tenants: how many have series of their own. */
rh_metrics *rh_metrics_new(int tenants);
void rh_metrics_free(rh_metrics *m); /* NULL is allowed */

/* read is called on the loop's thread when somebody asks; NULL: there is nothing but what is counted. */
rh_meter *rh_metrics_join(rh_metrics *m, uv_loop_t *loop, void (*read)(void *arg, rh_reading *r), void *arg);
void rh_meter_count(rh_meter *m, const rh_measured *what);
/* On the loop's thread; what it has counted stays in the sums. Frees it, then calls closed. */
void rh_meter_close(rh_meter *m, void (*closed)(void *arg), void *arg);

/* Labels: the node (0: none) and the pool (NULL: none; a constant). */
void rh_reading_add(rh_reading *r, rh_family which, int node, const char *pool, double value);

/* What nodes are called. False: it is not known, and the number stands for it. */
#define RH_NODE_NAME_SIZE 64
typedef struct rh_node_namer {
    bool (*name)(void *arg, int node, char out[RH_NODE_NAME_SIZE]); /* NULL: all have numbers */
    void *arg;
} rh_node_namer;

/* All series but those that belong to the whole process (http/metrics_page.h). */
void rh_metrics_write(rh_metrics *m, const rh_node_namer *namer, rh_str *out);

/* One of the loops' figures, as they are just now. Blocks as rh_metrics_write() does. */
double rh_metrics_sum(rh_metrics *m, rh_family which);

#endif
