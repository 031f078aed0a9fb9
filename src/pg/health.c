/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/health.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#define TRUSTED_MS 2000  /* after an answer */
#define AGAIN_MS 1000    /* while it is away */
#define NO_ANSWER_MS 900 /* a ping that failed sooner was refused */

struct rh_health {
    const char *conninfo;
    uv_loop_t *loop;
    uv_timer_t again;
    uv_work_t work;
    bool pinging, away, closing, heard; /* heard: the last ping; written by the helper thread */
    int64_t answered_ms;
    rh_health_listener *listeners, *cursor; /* cursor: who is told next */
    void (*on_closed)(void *);
    void *closed_arg;
};

/* On a helper thread. */
static void ping(uv_work_t *work)
{
    rh_health *h = work->data;
    const char *keys[] = {"connect_timeout", "dbname", NULL}, *values[] = {"5", h->conninfo, NULL};
    int64_t began = rh_now_ms();
    h->heard = PQpingParams(keys, values, 1) != PQPING_NO_RESPONSE || rh_now_ms() - began < NO_ANSWER_MS;
}

static void free_closed(uv_handle_t *t)
{
    rh_health *h = t->data;
    void (*then)(void *) = h->on_closed;
    void *arg = h->closed_arg;
    free(h);
    then(arg);
}

static void tell(rh_health *h)
{
    for (rh_health_listener *l = h->listeners; l; l = h->cursor) {
        h->cursor = l->next;
        l->on_away(l->arg);
    }
    h->cursor = NULL;
}

static void start(rh_health *h);

static void on_again(uv_timer_t *t)
{
    start(t->data);
}

static void on_pinged(uv_work_t *work, int status)
{
    rh_health *h = work->data;
    bool was_away = h->away;
    h->pinging = false;
    if (h->closing) {
        uv_close((uv_handle_t *)&h->again, free_closed);
        return;
    }
    h->away = status == 0 && !h->heard;
    if (!h->away)
        h->answered_ms = rh_now_ms();
    else
        uv_timer_start(&h->again, on_again, AGAIN_MS, 0);
    if (h->away != was_away)
        rh_log(h->away ? RH_LOG_WARN : RH_LOG_INFO, "a PostgreSQL server %s",
               h->away ? "does not answer: its tenants are refused" : "answers again");
    if (h->away && !was_away)
        tell(h);
}

static void start(rh_health *h)
{
    h->pinging = uv_queue_work(h->loop, &h->work, ping, on_pinged) == 0;
}

rh_health *rh_health_new(uv_loop_t *loop, const char *conninfo)
{
    rh_health *h = rh_xcalloc(1, sizeof *h);
    h->loop = loop;
    h->conninfo = conninfo;
    h->answered_ms = INT64_MIN / 2;
    h->work.data = h->again.data = h;
    uv_timer_init(loop, &h->again);
    return h;
}

bool rh_health_is_away(const rh_health *h)
{
    return h->away;
}

void rh_health_suspect(rh_health *h)
{
    if (!h->pinging && !h->away && !h->closing && rh_now_ms() - h->answered_ms > TRUSTED_MS)
        start(h);
}

void rh_health_join(rh_health *h, rh_health_listener *l)
{
    l->health = h;
    l->next = h->listeners;
    l->link = &h->listeners;
    if (l->next)
        l->next->link = &l->next;
    h->listeners = l;
}

void rh_health_leave(rh_health_listener *l)
{
    if (!l->link)
        return;
    if (l->health->cursor == l)
        l->health->cursor = l->next;
    *l->link = l->next;
    if (l->next)
        l->next->link = l->link;
    l->link = NULL;
}

void rh_health_close(rh_health *h, void (*on_closed)(void *arg), void *arg)
{
    h->closing = true;
    h->on_closed = on_closed;
    h->closed_arg = arg;
    if (!h->pinging) /* else when that is back */
        uv_close((uv_handle_t *)&h->again, free_closed);
}
