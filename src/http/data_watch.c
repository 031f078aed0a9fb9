/* SPDX-License-Identifier: Apache-2.0
 *
 * Running requests are watched: for tenants that are served no more, rows that are late, clients that leave.
 */
#include "http/data_request.h"

#include <string.h>

#define WATCH_MS 100 /* how often running requests are held against the directory */

bool rh_data_is_evicted(struct data_door *d, const struct request *r, rh_err *err)
{
    rh_directory_entry now;
    return !d->settings.adopted &&
           !rh_directory_admit(d->settings.directory, false, r->tenant.id, 0, &now, err) &&
           (err->code == RH_E_TENANT_SUSPENDED || err->code == RH_E_UNKNOWN_TENANT);
}

/* The job's result is wanted no more: this is. */
static void evict(struct request *r, const rh_err *err)
{
    rh_err *kept = RH_NEW(r->x->arena, rh_err);
    *kept = *err;
    r->evicted = kept;
    rh_queue_cancel(r->door->queue, &r->ticket);
}

/* A statement that may take long for sending its rows, and has none after the time that it may take. */
static bool is_late(struct request *r, rh_err *err)
{
    int64_t most = r->tenant.limits.of[RH_LIMIT_STATEMENT_TIMEOUT];
    if (r->state != RUNNING || r->job.statement_timeout != r->door->settings.stream_timeout || !most ||
        rh_job_runs_us(&r->job) < most * 1000)
        return false;
    rh_err_set(err, RH_E_DB, "canceling statement due to statement timeout");
    memcpy(err->sqlstate, "57014", sizeof err->sqlstate);
    return true;
}

static void on_watch(uv_timer_t *t)
{
    struct data_door *d = t->data;
    rh_err err;
    for (struct request *r = d->running; r; r = r->next)
        if (!r->evicted && (rh_data_is_evicted(d, r, &err) || is_late(r, &err)))
            evict(r, &err);
    if (!d->running)
        uv_timer_stop(t);
}

void rh_data_on_gone(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_err err;
    rh_err_set(&err, RH_E_UNAVAILABLE, "the client has left");
    if (!r->evicted && r->state != ENDED) /* else only its refusal is waited for, which then finishes it */
        evict(r, &err);
}

void rh_data_link_running(struct request *r)
{
    struct data_door *d = r->door;
    r->next = d->running;
    r->link = &d->running;
    if (r->next)
        r->next->link = &r->next;
    d->running = r;
    if (!uv_is_active((uv_handle_t *)&d->watch))
        uv_timer_start(&d->watch, on_watch, WATCH_MS, WATCH_MS);
}

void rh_data_unlink_running(struct request *r)
{
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
}
