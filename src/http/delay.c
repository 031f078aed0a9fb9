/* SPDX-License-Identifier: Apache-2.0 */
#include "http/delay.h"

#include <stdlib.h>

struct waiter { /* in its exchange's arena */
    struct waiter *next;
    rh_exchange *x;
    rh_err err;
    int64_t until; /* uv_now() */
};

struct rh_delay {
    uv_timer_t timer;
    struct waiter *first, *last; /* all wait equally long */
    int n;
    void (*closed)(void *);
    void *closed_arg;
};

static void tell_first(rh_delay *d)
{
    struct waiter *w = d->first;
    d->first = w->next;
    d->n--;
    if (w->x->own.gone)
        rh_exchange_finish(w->x, false);
    else
        rh_exchange_refuse(w->x, &w->err, NULL);
}

static void on_timer(uv_timer_t *t)
{
    rh_delay *d = t->data;
    int64_t now = (int64_t)uv_now(t->loop);
    while (d->first && d->first->until <= now)
        tell_first(d);
    if (d->first)
        uv_timer_start(t, on_timer, (uint64_t)(d->first->until - now), 0);
}

rh_delay *rh_delay_new(uv_loop_t *loop)
{
    rh_delay *d = rh_xcalloc(1, sizeof *d);
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    return d;
}

void rh_delay_refuse(rh_delay *d, rh_exchange *x, const rh_err *err)
{
    if (d->n >= RH_DELAY_MAX) {
        rh_exchange_refuse(x, err, NULL);
        return;
    }
    struct waiter *w = RH_NEW(x->arena, struct waiter);
    *w = (struct waiter){.x = x, .err = *err, .until = (int64_t)uv_now(d->timer.loop) + RH_DELAY_MS};
    if (x->own.state == RH_EXCHANGE_LINE)
        rh_exchange_hold(x);
    if (d->first)
        d->last->next = w;
    else
        d->first = w;
    d->last = w;
    if (d->n++ == 0)
        uv_timer_start(&d->timer, on_timer, RH_DELAY_MS, 0);
}

static void on_timer_closed(uv_handle_t *h)
{
    rh_delay *d = h->data;
    void (*closed)(void *) = d->closed;
    void *arg = d->closed_arg;
    free(d);
    closed(arg);
}

void rh_delay_close(rh_delay *d, void (*closed)(void *arg), void *arg)
{
    d->closed = closed;
    d->closed_arg = arg;
    while (d->first)
        tell_first(d);
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}
