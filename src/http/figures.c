/* SPDX-License-Identifier: Apache-2.0 */
#include "http/figures.h"

static void read_pool(rh_reading *to, const rh_pool_stats *s, int node, const char *pool)
{
    rh_reading_add(to, RH_FAMILY_POOL_CONNECTIONS, node, pool, s->connections);
    rh_reading_add(to, RH_FAMILY_POOL_UP, node, pool, s->alive);
    rh_reading_add(to, RH_FAMILY_POOL_IDLE, node, pool, s->idle);
    rh_reading_add(to, RH_FAMILY_POOL_RUNNING, node, pool, s->in_flight);
    rh_reading_add(to, RH_FAMILY_POOL_QUEUED, node, pool, s->queued);
    rh_reading_add(to, RH_FAMILY_POOL_JOBS, node, pool, (double)s->submitted);
    rh_reading_add(to, RH_FAMILY_POOL_PIPELINED, node, pool, (double)s->pipelined);
    rh_reading_add(to, RH_FAMILY_POOL_SHARED, node, pool, (double)s->shared);
    rh_reading_add(to, RH_FAMILY_POOL_DIALED, node, pool, (double)s->dialed);
    rh_reading_add(to, RH_FAMILY_POOL_DIAL_FAILURES, node, pool, (double)s->dial_failures);
    rh_reading_add(to, RH_FAMILY_POOL_LOST, node, pool, (double)s->lost);
    rh_reading_add(to, RH_FAMILY_POOL_RETRIED, node, pool, (double)s->retried);
    rh_reading_add(to, RH_FAMILY_POOL_CANCELS, node, pool, (double)s->cancels);
    rh_reading_add(to, RH_FAMILY_POOL_RENEWED, node, pool, (double)s->renewed);
    rh_reading_add(to, RH_FAMILY_STATEMENTS, node, pool, (double)s->statements);
    rh_reading_add(to, RH_FAMILY_PREPARED, node, pool, (double)s->prepared);
    rh_reading_add(to, RH_FAMILY_UNPREPARED, node, pool, (double)s->unprepared);
    rh_reading_add(to, RH_FAMILY_EVICTED, node, pool, (double)s->evicted);
}

static void read_node(rh_reading *to, const rh_pools_stats *s, int node)
{
    read_pool(to, &s->main, node, "main");
    read_pool(to, &s->of_homes, node, "homes");
    rh_reading_add(to, RH_FAMILY_HOMES, node, NULL, s->homes);
    rh_reading_add(to, RH_FAMILY_HOME_WAITING, node, NULL, s->waiting);
    rh_reading_add(to, RH_FAMILY_HOME_OPENED, node, NULL, (double)s->opened);
}

void rh_figures_read(rh_reading *to, const rh_routes *routes, const rh_queue *q, const rh_resolver *resolver)
{
    rh_pools_stats pools;
    rh_queue_stats queue;
    int node;
    for (int i = 0; rh_routes_stats_read(routes, i, &node, &pools); i++)
        read_node(to, &pools, node);
    rh_queue_stats_read(q, &queue);
    rh_reading_add(to, RH_FAMILY_WAITING, 0, NULL, queue.waiting);
    rh_reading_add(to, RH_FAMILY_WAITING_TENANTS, 0, NULL, queue.tenants);
    rh_reading_add(to, RH_FAMILY_RUNNING, 0, NULL, queue.running);
    rh_reading_add(to, RH_FAMILY_SLOW, 0, NULL, queue.slow);
    rh_reading_add(to, RH_FAMILY_DIRECT, 0, NULL, (double)queue.direct);
    rh_reading_add(to, RH_FAMILY_WAITED, 0, NULL, (double)queue.waited);
    rh_reading_add(to, RH_FAMILY_REFUSED, 0, NULL, (double)queue.refused);
    rh_reading_add(to, RH_FAMILY_TIMED_OUT, 0, NULL, (double)queue.timed_out);
    rh_resolver_stats tokens = rh_resolver_stats_read(resolver);
    rh_reading_add(to, RH_FAMILY_TOKEN_HITS, 0, NULL, (double)tokens.hits);
    rh_reading_add(to, RH_FAMILY_TOKEN_MISSES, 0, NULL, (double)tokens.misses);
}
