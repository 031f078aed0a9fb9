/* SPDX-License-Identifier: Apache-2.0
 *
 *              budget has room                      somebody waits, its turn is over
 *   (none) ----------------------> OPEN ----------------------------------------------> LEAVING
 *     |                            ^  | idle, and another is wanted, or for idle_ms         |
 *     | budget is spent            |  +----------------> (none)                             | idle
 *     v        its turn has come   |                                                        v
 *   WAITING -----------------------+         (none), or WAITING when jobs came meanwhile <--+
 *
 * OPEN and LEAVING have a pool; jobs stand with a home while it is WAITING or LEAVING, and then it is in the
 * line. Connections count until their pool has closed, so a home whose turn has come is opened when another's
 * closing has ended.
 */
#include "pg/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#define PER_DATABASE 2     /* connections of one home at most */
#define FORGET_US 5000000  /* a home that cannot be reached */
#define SPARED_US 1000000  /* idle for less, it does not give way to another's second connection */
#define TURN_US 50000      /* what a home gets while others wait */
#define WAIT_MS 5000       /* for a connection */
#define MAX_WAITING 1024   /* jobs */
#define TICK_WAITING_MS 10 /* while somebody waits */
#define TICK_MS 500

enum home_state { WAITING, OPEN, LEAVING };

struct home {
    rh_pools *owner;
    enum home_state state;
    char *database;
    rh_pool *pool; /* NULL: WAITING */
    int connections;
    bool wants_more;            /* connections */
    int64_t opened_us, used_us; /* used: when last asked for */
    rh_job *first, *last;       /* which wait; own.deadline_ms says until when */
    bool in_line;
    struct home *next; /* in line */
};

struct rh_pools {
    uv_loop_t *loop;
    rh_pool_settings settings; /* of a home */
    const char *main_database;
    rh_pool *main;
    rh_map homes;     /* database -> struct home */
    int budget, used; /* connections, those of closing pools included */
    int going;        /* of them, how many are about to be free: closing and LEAVING */
    struct home *line, **line_end;
    int n_line, n_waiting;
    uint64_t opened;
    rh_pool_stats past; /* counters of pools that were closed */
    uv_timer_t tick, later;
    int closing; /* pools and timers whose closing has not ended */
    bool ended;
    void (*on_closed)(void *);
    void *arg;
};

/* ---- the line ---- */

static void join_line(rh_pools *p, struct home *h)
{
    if (h->in_line)
        return;
    h->in_line = true;
    h->next = NULL;
    *p->line_end = h;
    p->line_end = &h->next;
    p->n_line++;
}

static void leave_line(rh_pools *p, struct home *h)
{
    if (!h->in_line)
        return;
    struct home **at = &p->line;
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    if (p->line_end == &h->next)
        p->line_end = at;
    h->in_line = false;
    p->n_line--;
}

static void add_waiting(rh_pools *p, struct home *h, rh_job *job)
{
    job->own.next = NULL;
    job->own.deadline_ms = rh_now_ms() + WAIT_MS;
    *(h->last ? &h->last->own.next : &h->first) = job;
    h->last = job;
    p->n_waiting++;
    join_line(p, h);
}

static rh_job *take_waiting(rh_pools *p, struct home *h)
{
    rh_job *job = h->first;
    h->first = job->own.next;
    if (!h->first)
        h->last = NULL;
    job->own.next = NULL;
    p->n_waiting--;
    return job;
}

/* ---- homes and their pools ---- */

static void forget(rh_pools *p, struct home *h)
{
    leave_line(p, h);
    rh_map_del(&p->homes, h->database, strlen(h->database));
    free(h->database);
    free(h);
}

static void free_when_done(rh_pools *p)
{
    if (!p->ended || p->closing)
        return;
    void (*on_closed)(void *) = p->on_closed;
    void *arg = p->arg;
    rh_map_release(&p->homes);
    free(p);
    on_closed(arg);
}

static void serve_line(rh_pools *p);

struct shut {
    rh_pools *pools;
    int connections;
};

static void on_pool_closed(void *arg)
{
    struct shut *s = arg;
    rh_pools *p = s->pools;
    p->used -= s->connections;
    p->going -= s->connections;
    p->closing--;
    free(s);
    if (!p->ended)
        serve_line(p);
    free_when_done(p);
}

static void remember(rh_pools *p, const rh_pool *pool)
{
    rh_pool_stats stats;
    rh_pool_stats_read(pool, &stats);
#define X(name) stats.name = 0;
    RH_POOL_NOW(X)
#undef X
    rh_pool_stats_add(&p->past, &stats);
}

/* Ends its pool; jobs that wait for the home keep it in line. */
static void close_pool(rh_pools *p, struct home *h)
{
    struct shut *s = rh_xcalloc(1, sizeof *s);
    *s = (struct shut){p, h->connections};
    if (h->state != LEAVING)
        p->going += h->connections;
    p->closing++;
    remember(p, h->pool);
    rh_pool_close(h->pool, on_pool_closed, s);
    h->pool = NULL;
    h->connections = 0;
    h->wants_more = false;
    h->state = WAITING;
    if (!h->first)
        forget(p, h);
}

static void on_idle(rh_pool *pool, void *arg);

static void open_pool(rh_pools *p, struct home *h)
{
    rh_pool_settings settings = p->settings;
    settings.database = h->database;
    settings.connections = 1;
    settings.on_idle = on_idle;
    settings.on_idle_arg = h;
    h->pool = rh_pool_new(p->loop, &settings);
    h->state = OPEN;
    h->connections = 1;
    h->opened_us = h->used_us = rh_now_us();
    p->used++;
    p->opened++;
}

/* One that is OPEN, by time: the one that nobody needs just now and that was asked for longest ago (of those
 * with two connections, while there are any: they come back with one, and each home has its own), or else the
 * one that has been open longest. NULL when there is none from before that time. */
static struct home *find_oldest(const rh_pools *p, bool idle, int64_t before_us)
{
    struct home *oldest = NULL;
    int64_t oldest_us = before_us;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i));) {
        struct home *h = slot->value;
        int64_t since = idle ? h->used_us : h->opened_us;
        int more = oldest && idle ? h->connections - oldest->connections : 0;
        if (h->state != OPEN || since > before_us || more < 0 || (more == 0 && since > oldest_us) ||
            (idle && !rh_pool_is_idle(h->pool)))
            continue;
        oldest = h;
        oldest_us = since;
    }
    return oldest;
}

/* Sees to it that as many connections become free as homes stand in line. */
static void make_room(rh_pools *p)
{
    int64_t now = rh_now_us();
    struct home *h;
    while (p->n_line > p->budget - p->used + p->going) {
        if ((h = find_oldest(p, true, now))) {
            close_pool(p, h);
        } else if ((h = find_oldest(p, false, now - TURN_US))) {
            h->state = LEAVING;
            p->going += h->connections;
        } else {
            return;
        }
    }
}

/* ---- serving ---- */

static void hand_over(rh_pools *p, struct home *h)
{
    rh_err err;
    while (h->first) {
        rh_job *job = take_waiting(p, h);
        if (!rh_pool_submit(h->pool, job, &err))
            job->on_done(job, "", &err);
    }
}

static void stay(rh_pools *p, struct home *h)
{
    h->state = OPEN;
    p->going -= h->connections;
}

static void grow(rh_pools *p, struct home *h)
{
    h->wants_more = false;
    h->connections++;
    p->used++;
    rh_pool_grow(h->pool);
}

/* The first in line get what is free; then those that want a second connection. Never from inside a submit.
 */
static void serve_line(rh_pools *p)
{
    rh_map_slot *slot;
    while (p->line && (p->line->pool || p->used < p->budget)) {
        struct home *h = p->line;
        leave_line(p, h);
        if (h->state == LEAVING)
            stay(p, h);
        else
            open_pool(p, h);
        hand_over(p, h);
    }
    for (size_t i = 0; p->used < p->budget && (slot = rh_map_next(&p->homes, &i));) {
        struct home *h = slot->value;
        if (h->wants_more && h->state == OPEN)
            grow(p, h);
    }
    make_room(p);
}

static void on_idle(rh_pool *pool, void *arg)
{
    struct home *h = arg;
    rh_pools *p = h->owner;
    (void)pool;
    if (h->state == LEAVING && p->n_line)
        close_pool(p, h);
    else if (h->state == LEAVING)
        stay(p, h);
    else if (p->n_line)
        make_room(p);
}

/* A job has to wait although the home's connections are up: one more, where there is room or a home that is
 * idle. */
static void ask_for_more(rh_pools *p, struct home *h)
{
    rh_pool_stats stats;
    if (h->connections >= PER_DATABASE || h->wants_more || p->n_line)
        return;
    rh_pool_stats_read(h->pool, &stats);
    if (!stats.queued || stats.alive < stats.connections)
        return;
    if (p->used < p->budget) {
        grow(p, h);
        return;
    }
    struct home *other = find_oldest(p, true, rh_now_us() - SPARED_US);
    h->wants_more = other != NULL;
    if (other)
        close_pool(p, other);
}

/* ---- time ---- */

static void refuse(rh_pools *p, rh_job *job)
{
    rh_err err;
    if (p->ended) {
        rh_err_set(&err, RH_E_UNAVAILABLE, "the server is stopping");
    } else if (job->own.cancelled) {
        rh_pool_cancelled(&err);
    } else {
        rh_err_set(&err, RH_E_OVERLOADED, "all connections to database homes are busy");
        rh_err_hint(&err, "Try again in a moment; data.home_connections says how many there are.");
    }
    job->on_done(job, "", &err);
}

/* Jobs of the home that were cancelled, or have waited for too long, end. */
static void end_waiting(rh_pools *p, struct home *h, int64_t now_ms)
{
    rh_job *keep = NULL, **keep_end = &keep, *last = NULL, *ends = NULL, **ends_end = &ends;
    while (h->first) {
        rh_job *job = take_waiting(p, h);
        if (job->own.cancelled || job->own.deadline_ms <= now_ms) {
            *ends_end = job;
            ends_end = &job->own.next;
        } else {
            *keep_end = last = job;
            keep_end = &job->own.next;
            p->n_waiting++;
        }
    }
    h->first = keep;
    h->last = last;
    if (!h->first) {
        leave_line(p, h);
        if (!h->pool)
            forget(p, h);
    }
    for (rh_job *job = ends, *next; job; job = next) {
        next = job->own.next;
        refuse(p, job);
    }
}

static void end_all_waiting(rh_pools *p, int64_t now_ms)
{
    struct home *next;
    for (struct home *h = p->line; h; h = next) {
        next = h->next;
        end_waiting(p, h, now_ms);
    }
}

/* Homes that nobody asked for, and those that cannot be reached. */
static void close_unused(rh_pools *p)
{
    rh_map_slot *slot;
    int64_t now = rh_now_us();
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i));) {
        struct home *h = slot->value;
        if (h->state != OPEN || h->used_us > now - FORGET_US)
            continue;
        bool unused =
            p->settings.idle_ms && rh_pool_is_idle(h->pool) && h->used_us <= now - p->settings.idle_ms * 1000;
        if (!unused && rh_pool_alive(h->pool))
            continue;
        close_pool(p, h);
        i = 0; /* the map has changed */
    }
}

static void on_tick(uv_timer_t *t)
{
    rh_pools *p = t->data;
    if (p->n_line) {
        end_all_waiting(p, rh_now_ms());
        serve_line(p);
    }
    close_unused(p);
    if (!p->n_line && !p->homes.len)
        uv_timer_stop(t);
    else
        uv_timer_set_repeat(t, p->n_line ? TICK_WAITING_MS : TICK_MS);
}

static void keep_time(rh_pools *p)
{
    uint64_t ms = p->n_line ? TICK_WAITING_MS : TICK_MS;
    if (!uv_is_active((uv_handle_t *)&p->tick) || uv_timer_get_repeat(&p->tick) > ms)
        uv_timer_start(&p->tick, on_tick, ms, ms);
}

/* ---- the callers' side ---- */

rh_pools *rh_pools_new(uv_loop_t *loop, const rh_pool_settings *settings, int home_connections)
{
    rh_pools *p = rh_xcalloc(1, sizeof *p);
    p->loop = loop;
    p->settings = *settings;
    p->main_database = settings->database;
    p->budget = home_connections;
    p->line_end = &p->line;
    rh_map_init(&p->homes);
    uv_timer_init(loop, &p->tick);
    uv_timer_init(loop, &p->later);
    p->tick.data = p->later.data = p;
    p->main = rh_pool_new(loop, settings);
    return p;
}

static struct home *meet(rh_pools *p, const char *database)
{
    struct home *h = rh_map_get(&p->homes, database, strlen(database));
    if (h)
        return h;
    h = rh_xcalloc(1, sizeof *h);
    h->owner = p;
    h->database = rh_xstrdup(database);
    rh_map_put(&p->homes, h->database, strlen(h->database), h);
    return h;
}

static bool submit_to_home(rh_pools *p, struct home *h, rh_job *job, rh_err *err)
{
    if (h->state == LEAVING && !p->n_line)
        stay(p, h);
    if (h->state == WAITING && !p->n_line && p->used < p->budget)
        open_pool(p, h);
    h->used_us = rh_now_us();
    if (h->state == OPEN) {
        bool ok = rh_pool_submit(h->pool, job, err);
        if (ok)
            ask_for_more(p, h);
        return ok;
    }
    if (p->n_waiting >= MAX_WAITING) {
        if (!h->pool && !h->first)
            forget(p, h);
        rh_err_set(err, RH_E_OVERLOADED, "too many requests are waiting for connections to database homes");
        return rh_err_hint(err, "Try again in a moment; data.home_connections says how many there are.");
    }
    add_waiting(p, h, job);
    make_room(p);
    return true;
}

bool rh_pools_submit(rh_pools *p, const char *database, rh_job *job, rh_err *err)
{
    if (strcmp(database, p->main_database) == 0)
        return rh_pool_submit(p->main, job, err);
    if (p->ended) {
        rh_err_set(err, RH_E_UNAVAILABLE, "the server is stopping");
        return false;
    }
    bool ok = submit_to_home(p, meet(p, database), job, err);
    keep_time(p);
    return ok;
}

static void on_later(uv_timer_t *t)
{
    rh_pools *p = t->data;
    end_all_waiting(p, 0);
}

void rh_pools_cancel(rh_pools *p, const char *database, rh_job *job)
{
    struct home *h = rh_map_get(&p->homes, database, strlen(database));
    if (strcmp(database, p->main_database) == 0) {
        rh_pool_cancel(p->main, job);
        return;
    }
    for (rh_job *other = h ? h->first : NULL; other; other = other->own.next)
        if (other == job) {
            job->own.cancelled = true;
            uv_timer_start(&p->later, on_later, 0, 0);
            return;
        }
    if (h && h->pool)
        rh_pool_cancel(h->pool, job);
}

bool rh_pools_is_main(const rh_pools *p, const char *database)
{
    return strcmp(database, p->main_database) == 0;
}

/* Homes in line know best whose turn it is, but more of them than half the connections are not needed there
 * to keep those at work. */
bool rh_pools_have_room(const rh_pools *p, const char *database)
{
    if (rh_pools_is_main(p, database))
        return rh_pool_has_room(p->main);
    const struct home *h = rh_map_get(&p->homes, database, strlen(database));
    if (h && h->pool && h->state == OPEN)
        return rh_pool_has_room(h->pool);
    return (!h || !h->first) && p->n_line <= p->budget / 2;
}

int rh_pools_budget(const rh_pools *p)
{
    return p->budget;
}

bool rh_pools_alive(const rh_pools *p)
{
    return rh_pool_alive(p->main);
}

bool rh_pools_is_idle(const rh_pools *p)
{
    rh_map_slot *slot;
    bool idle = p->n_waiting == 0 && rh_pool_is_idle(p->main);
    for (size_t i = 0; idle && (slot = rh_map_next(&p->homes, &i));) {
        const struct home *h = slot->value;
        idle = !h->pool || rh_pool_is_idle(h->pool);
    }
    return idle;
}

void rh_pools_stats_read(const rh_pools *p, rh_pools_stats *out)
{
    rh_map_slot *slot;
    rh_pool_stats stats;
    *out = (rh_pools_stats){
        .connections = p->used, .waiting = p->n_waiting, .opened = p->opened, .of_homes = p->past};
    rh_pool_stats_read(p->main, &out->main);
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i));) {
        const struct home *h = slot->value;
        if (!h->pool)
            continue;
        out->homes++;
        rh_pool_stats_read(h->pool, &stats);
        rh_pool_stats_add(&out->of_homes, &stats);
    }
}

/* ---- closing ---- */

static void on_main_closed(void *arg)
{
    rh_pools *p = arg;
    p->closing--;
    free_when_done(p);
}

static void on_timer_closed(uv_handle_t *t)
{
    on_main_closed(t->data);
}

static void on_end(uv_timer_t *t)
{
    rh_pools *p = t->data;
    rh_map_slot *slot;
    end_all_waiting(p, INT64_MAX);
    for (size_t i = 0; (slot = rh_map_next(&p->homes, &i)); i = 0)
        close_pool(p, slot->value);
    rh_pool_close(p->main, on_main_closed, p);
    uv_close((uv_handle_t *)&p->tick, on_timer_closed);
    uv_close((uv_handle_t *)&p->later, on_timer_closed);
}

void rh_pools_close(rh_pools *p, void (*on_closed)(void *arg), void *arg)
{
    p->on_closed = on_closed;
    p->arg = arg;
    p->ended = true;
    p->closing += 3; /* the main pool and two timers */
    uv_timer_start(&p->later, on_end, 0, 0);
}
