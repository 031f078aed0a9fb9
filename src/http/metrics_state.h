/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of rh_metrics, shared by metrics.c (counting, who is shown) and metrics_text.c (what is
 * written).
 */
#ifndef RH_METRICS_STATE_H
#define RH_METRICS_STATE_H

#include <pthread.h>

#include "base/map.h"
#include "http/metrics.h"

#define RH_METRICS_SEATS 64
#define RH_METRICS_CODES 64       /* of errors of a group: an app may raise its own */
#define RH_METRICS_TENANT_CODES 6 /* of errors of one tenant */
#define RH_METRICS_SAMPLES 512
#define RH_METRICS_STATUSES 500 /* 100 to 599; 0 counts as 499, as nginx has it */
#define RH_METRICS_OTHER "other"

/* Upper bounds in µs. */
#define RH_METRICS_BOUNDS 14
extern const int64_t rh_metrics_bounds[RH_METRICS_BOUNDS];

struct rh_histogram {
    uint64_t n[RH_METRICS_BOUNDS + 1];
    int64_t sum_us;
};

struct rh_code_count {
    char name[24];
    uint64_t n;
};

/* Requests of one door, home model and node. */
struct rh_request_group {
    const char *door, *model;
    int node;
    uint64_t statuses[RH_METRICS_STATUSES];
    struct rh_code_count codes[RH_METRICS_CODES];
    struct rh_histogram times[RH_N_TIMES];
};

struct rh_tenant_use {
    uint64_t requests, refused, bytes;
    struct rh_code_count codes[RH_METRICS_TENANT_CODES]; /* of its errors */
    int64_t us[RH_N_TIMES];
};

/* What one loop has counted, or all. */
struct rh_sums {
    struct rh_request_group *groups;
    int n_groups;
};

struct rh_sample {
    rh_family family;
    int node;
    const char *pool;
    double value;
};

struct rh_reading {
    struct rh_sample samples[RH_METRICS_SAMPLES];
    int n;
};

struct rh_meter {
    rh_metrics *owner;
    uv_async_t ask;
    struct rh_sums fresh;
    rh_map tenants;
    struct rh_tenant_use rest; /* of tenants that found no place */
    void (*read)(void *, rh_reading *);
    void *arg;
    /* with the owner's lock */
    rh_reading reading;
    bool asked;
    int seat;
    void (*closed)(void *);
    void *closed_arg;
};

/* A tenant as all loops have seen it. */
struct rh_known_tenant {
    char id[64];
    struct rh_tenant_use fresh, shown_use;
    double score;
    bool shown;
};

struct rh_metrics {
    pthread_mutex_t lock, one; /* one: who asks */
    pthread_cond_t answered;
    rh_meter *seats[RH_METRICS_SEATS];
    struct rh_sums all;
    rh_map known;
    struct rh_tenant_use others;
    int max_shown;
};

/* All series, with the lock; the loops have answered. */
void rh_metrics_put(const rh_metrics *m, const rh_node_namer *namer, rh_str *out);

#endif
