/* SPDX-License-Identifier: Apache-2.0 */
#include "http/key_wait.h"

struct rh_key_wait {
    rh_key_source *source;
    rh_key_watcher watcher;
    uv_async_t attempt_ended;    /* keys were fetched, or could not be */
    uv_timer_t patience;         /* runs while somebody waits */
    rh_key_waiter *first, *last; /* all wait equally long: the first one's time is up first */
    int n;
    int open_handles;
    void (*closed)(void *);
    void *closed_arg;
};

static rh_exchange *take_first(rh_key_wait *w)
{
    rh_key_waiter *first = w->first;
    w->first = first->next;
    first->next = NULL;
    if (--w->n == 0) {
        w->last = NULL;
        uv_timer_stop(&w->patience);
    }
    return first->x;
}

static void on_attempt_ended(uv_async_t *h)
{
    rh_key_wait *w = h->data;
    while (w->first)
        rh_exchange_wake(take_first(w));
}

static void on_patience(uv_timer_t *h)
{
    rh_key_wait *w = h->data;
    int64_t now = (int64_t)uv_now(h->loop);
    while (w->first && w->first->until <= now)
        rh_exchange_wake(take_first(w));
    if (w->first)
        uv_timer_start(h, on_patience, (uint64_t)(w->first->until - now), 0);
}

static void on_fetched(void *attempt_ended)
{
    uv_async_send(attempt_ended);
}

rh_key_wait *rh_key_wait_new(uv_loop_t *loop, rh_key_source *source)
{
    rh_key_wait *w = rh_xcalloc(1, sizeof *w);
    w->source = source;
    uv_async_init(loop, &w->attempt_ended, on_attempt_ended);
    uv_timer_init(loop, &w->patience);
    w->attempt_ended.data = w->patience.data = w;
    w->watcher = (rh_key_watcher){.fn = on_fetched, .arg = &w->attempt_ended};
    rh_key_source_watch(source, &w->watcher);
    return w;
}

bool rh_key_wait_hold(rh_key_wait *w, rh_key_waiter *waiter, rh_exchange *x)
{
    if (waiter->has_waited || !rh_key_source_want(w->source, RH_KEY_WAIT_MS) || w->n == RH_KEY_WAIT_MAX)
        return false;
    *waiter = (rh_key_waiter){
        .x = x, .has_waited = true, .until = (int64_t)uv_now(w->patience.loop) + RH_KEY_WAIT_MS};
    if (w->n++ == 0) {
        w->first = waiter;
        uv_timer_start(&w->patience, on_patience, RH_KEY_WAIT_MS, 0);
    } else {
        w->last->next = waiter;
    }
    w->last = waiter;
    rh_exchange_hold(x);
    return true;
}

static void on_handle_closed(uv_handle_t *h)
{
    rh_key_wait *w = h->data;
    if (--w->open_handles > 0)
        return;
    void (*closed)(void *) = w->closed;
    void *arg = w->closed_arg;
    free(w);
    closed(arg);
}

void rh_key_wait_close(rh_key_wait *w, void (*closed)(void *arg), void *arg)
{
    rh_err err;
    w->closed = closed;
    w->closed_arg = arg;
    w->open_handles = 2;
    rh_key_source_unwatch(w->source, &w->watcher);
    rh_err_set(&err, RH_E_NO_KEYS, "the server stops");
    while (w->first)
        rh_exchange_refuse(take_first(w), &err, NULL);
    uv_close((uv_handle_t *)&w->attempt_ended, on_handle_closed);
    uv_close((uv_handle_t *)&w->patience, on_handle_closed);
}
