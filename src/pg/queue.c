/* SPDX-License-Identifier: Apache-2.0
 *
 *   submit -> LINE of its tenant -> backend -> on_done
 *      |          (waits)             ^
 *      +------------------------------+ nobody waits and there is room
 *
 * Each tenant of a lane has a line for each kind of jobs. Lines with jobs stand in one of the lane's heaps,
 * the tenant with the smallest tag first. The tag is the tenant's virtual time: it grows by what its jobs
 * take, guessed when they go and put right when they end; the lane's own time is the tag of who went last,
 * and nobody begins behind it.
 *
 * Room appears with events of the pools' sockets, so while anybody waits turns are given after each round of
 * the loop's events; and in a moment after what other events have changed.
 */
#include "pg/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "pg/pace.h"

#define PACES 8192       /* usual times of statements, and of statements by tenant */
#define GUESS_US 1000    /* what is never seen costs so much until it has ended */
#define TIDY_MS 1000     /* tenants at rest are forgotten */
#define SWEEP_MS 100     /* who has waited too long is found */
#define MAX_SET_ASIDE 64 /* lines that may not go, before a round ends */
#define RETRY_MAX_S 60
#define REST_MS 1

struct line {
    struct asker *asker;
    rh_ticket *first, *last;
    int at; /* in the heap; -1: in none */
};

/* A tenant with something to do, or that had lately. */
struct asker {
    char tenant[64]; /* as rh_directory_entry.id */
    struct lane *lane;
    struct line lines[RH_N_KINDS];
    int waiting, running, slow; /* slow: of those running, the ones that are not known to be short */
    int64_t tag, mean_us, rest_since_us;
    uint64_t who; /* to the other loops */
    rh_burst burst;
    struct asker *next; /* of those that are forgotten */
};

struct heap {
    struct line **items;
    int n, cap;
};

struct lane {
    struct lane *next;
    rh_queue *queue;
    int64_t number;
    rh_map askers;
    struct heap heaps[RH_N_KINDS];
    int64_t now; /* virtual */
    int waiting, running, slow, loads;
};

struct rh_queue {
    rh_queue_settings settings;
    struct lane *lanes; /* few */
    rh_pace *pace;
    rh_quota_seat *seat;
    uv_check_t check;
    uv_timer_t soon, sweep, tidy, later;
    rh_ticket *ended; /* cancelled while they waited: a list by own.next */
    int waiting;
    rh_queue_stats stats;
    bool closing;
    int handles;
    void (*on_closed)(void *);
    void *arg;
};

/* ---- the heap ---- */

static void place(struct heap *h, int at, struct line *l)
{
    h->items[at] = l;
    l->at = at;
}

static bool before(const struct line *a, const struct line *b)
{
    return a->asker->tag < b->asker->tag;
}

static void settle(struct heap *h, int at)
{
    struct line *l = h->items[at];
    for (int up; at > 0 && before(l, h->items[up = (at - 1) / 2]); at = up)
        place(h, at, h->items[up]);
    for (int down; (down = 2 * at + 1) < h->n; at = down) {
        if (down + 1 < h->n && before(h->items[down + 1], h->items[down]))
            down++;
        if (!before(h->items[down], l))
            break;
        place(h, at, h->items[down]);
    }
    place(h, at, l);
}

static void heap_add(struct heap *h, struct line *l)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->items = rh_xrealloc(h->items, (size_t)h->cap * sizeof *h->items);
    }
    place(h, h->n++, l);
    settle(h, l->at);
}

static void heap_remove(struct heap *h, struct line *l)
{
    int at = l->at;
    l->at = -1;
    if (at == --h->n)
        return;
    place(h, at, h->items[h->n]);
    settle(h, at);
}

/* ---- lanes and tenants ---- */

static struct lane *lane_of(rh_queue *q, const rh_route *to)
{
    int64_t number = q->settings.backend.lane(q->settings.backend.ctx, to);
    struct lane *l = q->lanes;
    while (l && l->number != number)
        l = l->next;
    if (l)
        return l;
    l = rh_xcalloc(1, sizeof *l);
    *l = (struct lane){.next = q->lanes, .queue = q, .number = number};
    rh_map_init(&l->askers);
    return q->lanes = l;
}

static void on_tidy(uv_timer_t *t);

static int corner_of(const struct lane *l)
{
    return rh_quota_corner((int)(l->number / 2));
}

/* The other loops hear who is about on this one. */
static void tell(rh_queue *q, int corner)
{
    uint64_t who = 0;
    for (const struct lane *l = q->lanes; l; l = l->next)
        if (corner_of(l) == corner && l->askers.len > 0) {
            size_t first = 0;
            const struct asker *a = rh_map_next(&l->askers, &first)->value;
            who = who || l->askers.len > 1 ? RH_QUOTA_SEVERAL : a->who;
        }
    rh_quota_tell(q->seat, corner, who);
}

static struct asker *asker_of(struct lane *l, const char *tenant)
{
    size_t len = strlen(tenant);
    struct asker *a = rh_map_get(&l->askers, tenant, len);
    if (a)
        return a;
    a = rh_xcalloc(1, sizeof *a);
    snprintf(a->tenant, sizeof a->tenant, "%s", tenant);
    a->lane = l;
    a->tag = l->now;
    a->mean_us = GUESS_US;
    a->rest_since_us = a->burst.since_us = rh_now_us();
    a->who = rh_quota_who(tenant);
    for (int i = 0; i < RH_N_KINDS; i++)
        a->lines[i] = (struct line){.asker = a, .at = -1};
    rh_map_put(&l->askers, a->tenant, strlen(a->tenant), a);
    tell(l->queue, corner_of(l));
    if (!uv_is_active((uv_handle_t *)&l->queue->tidy))
        uv_timer_start(&l->queue->tidy, on_tidy, TIDY_MS, TIDY_MS);
    return a;
}

static bool is_at_rest(const struct asker *a)
{
    return a->waiting == 0 && a->running == 0;
}

/* At rest, and what it has had counts no more: the lane's time has passed it, or nobody has asked for long.
 */
static struct asker *take_out_rested(struct lane *l, int64_t now_us, bool all)
{
    struct asker *gone = NULL;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&l->askers, &i));) {
        struct asker *a = slot->value;
        int64_t rested_us = now_us - a->rest_since_us;
        if (!all && (!is_at_rest(a) || rested_us < TIDY_MS * 1000 ||
                     (a->tag > l->now && rested_us < a->tag - l->now)))
            continue;
        a->next = gone;
        gone = a;
    }
    return gone;
}

static void forget_rested(struct lane *l, int64_t now_us, bool all)
{
    struct asker *gone = take_out_rested(l, now_us, all);
    while (gone) {
        struct asker *a = gone;
        gone = a->next;
        rh_map_del(&l->askers, a->tenant, strlen(a->tenant));
        free(a);
        if (!gone && !all)
            tell(l->queue, corner_of(l));
    }
}

static void on_tidy(uv_timer_t *t)
{
    rh_queue *q = t->data;
    bool any = false;
    for (struct lane *l = q->lanes; l; l = l->next) {
        forget_rested(l, rh_now_us(), false);
        any |= l->askers.len > 0;
    }
    if (!any)
        uv_timer_stop(t);
}

/* Its tag has changed. */
static void move(struct asker *a, int64_t tag)
{
    a->tag = tag;
    for (int i = 0; i < RH_N_KINDS; i++)
        if (a->lines[i].at >= 0)
            settle(&a->lane->heaps[i], a->lines[i].at);
}

/* ---- lines ---- */

static void stand(rh_queue *q, rh_ticket *t)
{
    struct asker *a = t->own.asker;
    struct line *l = &a->lines[t->own.kind];
    if (a->waiting == 0 && a->tag < a->lane->now)
        move(a, a->lane->now);
    t->own.next = NULL;
    t->own.prev = l->last;
    *(l->last ? &l->last->own.next : &l->first) = t;
    l->last = t;
    t->own.waits = true;
    a->waiting++;
    a->lane->waiting++;
    q->waiting++;
    if (l->at < 0)
        heap_add(&a->lane->heaps[t->own.kind], l);
}

static void leave(rh_queue *q, rh_ticket *t)
{
    struct asker *a = t->own.asker;
    struct line *l = &a->lines[t->own.kind];
    *(t->own.prev ? &t->own.prev->own.next : &l->first) = t->own.next;
    *(t->own.next ? &t->own.next->own.prev : &l->last) = t->own.prev;
    t->own.waits = false;
    a->waiting--;
    a->lane->waiting--;
    q->waiting--;
    if (!l->first && l->at >= 0)
        heap_remove(&a->lane->heaps[t->own.kind], l);
    a->rest_since_us = rh_now_us();
}

/* ---- what a job will take ---- */

static uint64_t of_tenant(uint64_t shape, const char *tenant)
{
    return (shape ^ rh_hash(tenant, strlen(tenant))) | 1;
}

/* As far as is known by now: what waited may have become known by others of its shape. */
static void guess(rh_queue *q, rh_ticket *t)
{
    int64_t us = rh_pace_usual(q->pace, of_tenant(t->own.shape, t->tenant));
    if (us == INT64_MAX)
        us = rh_pace_usual(q->pace, t->own.shape);
    t->own.kind = us == INT64_MAX ? RH_KIND_NEW : us > RH_QUEUE_SHORT_US ? RH_KIND_SLOW : RH_KIND_SHORT;
    if (t->job->on_hungry)
        t->own.kind = RH_KIND_SLOW;
    t->own.guess_us = us == INT64_MAX ? GUESS_US : us;
}

static void note(rh_queue *q, const rh_ticket *t, bool failed)
{
    if (failed && t->took_us <= RH_QUEUE_SHORT_US)
        return; /* nothing was run, perhaps */
    rh_pace_note(q->pace, of_tenant(t->own.shape, t->tenant), t->took_us);
    rh_pace_note(q->pace, t->own.shape, t->took_us);
}

/* ---- who may go ---- */

static bool is_slow(const rh_ticket *t)
{
    return t->own.kind != RH_KIND_SHORT;
}

static int at_least_one(int n)
{
    return n > 1 ? n : 1;
}

/* Connections that slow jobs may hold in all: they leave a quarter. */
static int slow_places(int width)
{
    return width > 1 ? width - at_least_one(width / 4) : 1;
}

static bool lane_takes_slow(const struct lane *l, int width)
{
    return l->slow < slow_places(width);
}

static rh_company company_of(rh_queue *q, struct asker *a)
{
    if (rh_quota_is_alone(q->seat, corner_of(a->lane), a->who))
        return RH_ALONE;
    return rh_share_floods(&q->settings.share, &a->burst, rh_now_us()) ? RH_FLOODING : RH_BESIDE_OTHERS;
}

/* With a bound of its own it takes one of its places, too. */
static bool may_go(rh_queue *q, rh_ticket *t)
{
    struct asker *a = t->own.asker;
    const rh_queue_backend *b = &q->settings.backend;
    bool slow = is_slow(t);
    int width = b->width(b->ctx, &t->to), has = slow ? a->slow : a->running - a->slow;
    if (has >= rh_share_places(&q->settings.share, t->own.kind, width, company_of(q, a)) ||
        (slow && !lane_takes_slow(a->lane, width)) ||
        (t->job->on_hungry && a->lane->loads >= at_least_one(width / 2)) || !b->has_room(b->ctx, &t->to))
        return false;
    if (t->concurrency > 0)
        return t->own.has_place = rh_quota_enter(q->seat, t->tenant, t->concurrency);
    return true;
}

static void give_back(rh_queue *q, rh_ticket *t)
{
    if (t->own.has_place)
        rh_quota_exit(q->settings.quota, t->tenant);
    t->own.has_place = false;
}

static void count_running(rh_ticket *t, int n)
{
    struct asker *a = t->own.asker;
    a->running += n;
    a->lane->running += n;
    a->lane->loads += t->job->on_hungry ? n : 0;
    if (is_slow(t)) {
        a->slow += n;
        a->lane->slow += n;
    }
}

/* ---- going, and the end ---- */

static void give_turns_soon(rh_queue *q);

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    rh_ticket *t = job->own.ticket;
    rh_queue *q = t->own.queue;
    struct asker *a = t->own.asker;
    int64_t now = rh_now_us();
    t->took_us = job->own.took_us;
    if (!job->on_hungry) /* its caller may have been waited for */
        t->waited_us = now - t->own.since_us - t->took_us;
    note(q, t, err != NULL);
    count_running(t, -1);
    give_back(q, t);
    a->mean_us += (t->took_us - a->mean_us) / 8;
    a->rest_since_us = now;
    rh_share_add(&q->settings.share, &a->burst, t->took_us - t->own.charged_us, now);
    move(a, a->tag + t->took_us - t->own.guess_us);
    give_turns_soon(q);
    job->on_done = t->own.then;
    job->on_done(job, affected, err);
}

/* Large answers of who floods beside others leave pauses to the loop, a backend and a processor. */
static int rest_ms(rh_job *job)
{
    const rh_ticket *t = job->own.ticket;
    return company_of(t->own.queue, t->own.asker) == RH_FLOODING ? REST_MS : 0;
}

/* False: the backend refused it, and nothing was done. */
static bool go(rh_queue *q, rh_ticket *t, rh_err *err)
{
    struct asker *a = t->own.asker;
    rh_job *job = t->job;
    int64_t start = a->tag > a->lane->now ? a->tag : a->lane->now;
    t->own.then = job->on_done;
    job->on_done = on_done;
    job->rest_ms = rest_ms;
    job->own.ticket = t;
    t->waited_us = rh_now_us() - t->own.since_us;
    count_running(t, 1);
    if (q->settings.backend.submit(q->settings.backend.ctx, &t->to, job, err)) {
        a->lane->now = start;
        move(a, start + t->own.guess_us);
        t->own.charged_us = rh_share_add(&q->settings.share, &a->burst, t->own.guess_us, rh_now_us());
        return true;
    }
    count_running(t, -1);
    give_back(q, t);
    job->on_done = t->own.then;
    return false;
}

/* One that waited ends without having gone anywhere. */
static void end(rh_ticket *t, const rh_err *err)
{
    t->waited_us = rh_now_us() - t->own.since_us;
    t->took_us = 0;
    t->job->on_done(t->job, "", err);
}

/* True: it stands in another line now. */
static bool has_become_known(rh_queue *q, rh_ticket *t)
{
    rh_ticket now = *t;
    if (t->own.kind != RH_KIND_NEW)
        return false;
    guess(q, &now);
    if (now.own.kind == RH_KIND_NEW)
        return false;
    leave(q, t);
    guess(q, t);
    stand(q, t);
    return true;
}

/* The line whose turn it is; NULL when no more may go from this lane for now. */
static struct line *choose(struct lane *l)
{
    struct line *next = NULL;
    const rh_queue_backend *b = &l->queue->settings.backend;
    for (int kind = 0; kind < RH_N_KINDS; kind++) {
        struct line *first = l->heaps[kind].n ? l->heaps[kind].items[0] : NULL;
        if (!first || (next && !before(first, next)) ||
            (is_slow(first->first) && !lane_takes_slow(l, b->width(b->ctx, &first->first->to))))
            continue;
        next = first;
    }
    return next;
}

static void give_turns_in(rh_queue *q, struct lane *l)
{
    const rh_queue_backend *b = &q->settings.backend;
    struct line *aside[MAX_SET_ASIDE], *next;
    int n_aside = 0;
    rh_err err;
    while (n_aside < MAX_SET_ASIDE && (next = choose(l))) {
        rh_ticket *t = next->first;
        if (has_become_known(q, t))
            continue;
        if (!may_go(q, t)) {
            if (l->number % 2 == 0 && !b->has_room(b->ctx, &t->to))
                break;
            heap_remove(&l->heaps[t->own.kind], next);
            aside[n_aside++] = next;
            continue;
        }
        leave(q, t);
        q->stats.waited++;
        if (!go(q, t, &err))
            end(t, &err);
    }
    while (n_aside > 0) {
        next = aside[--n_aside];
        if (next->at < 0) /* else one that has become known has brought it back */
            heap_add(&l->heaps[next - next->asker->lines], next);
    }
}

static void rest(rh_queue *q)
{
    if (q->waiting > 0)
        return;
    uv_check_stop(&q->check);
    uv_timer_stop(&q->soon);
    uv_timer_stop(&q->sweep);
}

static void give_turns(rh_queue *q)
{
    uv_timer_stop(&q->soon);
    for (struct lane *l = q->lanes; l && !q->closing; l = l->next)
        if (l->waiting > 0)
            give_turns_in(q, l);
    rest(q);
}

static void on_check(uv_check_t *h)
{
    give_turns(h->data);
}

static void on_soon(uv_timer_t *t)
{
    give_turns(t->data);
}

static void give_turns_soon(rh_queue *q)
{
    if (q->waiting > 0 && !uv_is_active((uv_handle_t *)&q->soon))
        uv_timer_start(&q->soon, on_soon, 0, 0);
}

/* Another loop's job of a tenant has ended. */
static void on_room(void *arg)
{
    give_turns_soon(arg);
}

/* ---- those that wait for too long, and those that are wanted no more ---- */

/* Seconds until its line has been served, about. */
static int retry_after(const struct asker *a)
{
    int64_t us = (int64_t)(a->waiting + 1) * a->mean_us / at_least_one(a->running);
    return us > (int64_t)RETRY_MAX_S * 1000000 ? RETRY_MAX_S : at_least_one((int)((us + 999999) / 1000000));
}

static void refuse(rh_err *err, const struct asker *a, const char *why)
{
    rh_err_set(err, RH_E_TOO_MANY, "%s", why);
    err->retry_after = retry_after(a);
    rh_err_hint(err, "Send fewer at a time, and try again after the seconds that Retry-After names.");
}

static void end_late(rh_queue *q, struct line *l, int64_t before_us)
{
    rh_ticket *t;
    rh_err err;
    while ((t = l->first) && t->own.since_us <= before_us) {
        leave(q, t);
        q->stats.timed_out++;
        if (l->asker->running > 0) { /* its own jobs are in its way */
            refuse(&err, l->asker, "the request has waited too long for others of the same tenant");
        } else {
            rh_err_set(&err, RH_E_OVERLOADED, "the request has waited too long for the database");
            rh_err_hint(&err, "Try again in a moment.");
        }
        end(t, &err);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    rh_queue *q = timer->data;
    int64_t before_us = rh_now_us() - q->settings.max_wait_ms * 1000;
    for (struct lane *l = q->lanes; l; l = l->next)
        for (int i = 0; i < RH_N_KINDS; i++)
            for (int at = l->heaps[i].n - 1; at >= 0; at--)
                if (at < l->heaps[i].n)
                    end_late(q, l->heaps[i].items[at], before_us);
    rest(q);
}

static void on_later(uv_timer_t *timer)
{
    rh_queue *q = timer->data;
    rh_err err;
    while (q->ended) {
        rh_ticket *t = q->ended;
        q->ended = t->own.next;
        rh_pool_cancelled(&err);
        end(t, &err);
    }
    rest(q);
}

void rh_queue_cancel(rh_queue *q, rh_ticket *t)
{
    if (t->own.cancelled)
        return;
    t->own.cancelled = true;
    if (!t->own.waits) {
        q->settings.backend.cancel(q->settings.backend.ctx, &t->to, t->job);
        return;
    }
    leave(q, t);
    t->own.next = q->ended;
    q->ended = t;
    uv_timer_start(&q->later, on_later, 0, 0);
}

/* ---- the callers' side ---- */

static void keep_awake(rh_queue *q)
{
    give_turns_soon(q);
    if (uv_is_active((uv_handle_t *)&q->check))
        return;
    uv_check_start(&q->check, on_check);
    uv_timer_start(&q->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

bool rh_queue_submit(rh_queue *q, rh_ticket *t, rh_err *err)
{
    if (q->closing) /* its seat may be gone */
        return rh_err_set(err, RH_E_UNAVAILABLE, "the server is stopping");
    struct lane *l = lane_of(q, &t->to);
    struct asker *a = asker_of(l, t->tenant);
    t->own.queue = q;
    t->own.asker = a;
    t->own.since_us = rh_now_us();
    const rh_pool_statement *main = &t->job->statements[t->job->main];
    t->own.shape = t->job->own.shapes[t->job->main] =
        rh_pace_shape(main->text, main->text_len, t->job->schema);
    guess(q, t);
    if (l->waiting == 0 && may_go(q, t)) {
        q->stats.direct++;
        return go(q, t, err);
    }
    if (a->waiting >= q->settings.max_waiting) {
        q->stats.refused++;
        refuse(err, a, "too many requests of the tenant are waiting");
        return false;
    }
    stand(q, t);
    keep_awake(q);
    return true;
}

rh_queue *rh_queue_new(uv_loop_t *loop, const rh_queue_settings *settings)
{
    rh_queue *q = rh_xcalloc(1, sizeof *q);
    q->settings = *settings;
    q->pace = rh_pace_new(PACES);
    q->seat = rh_quota_join(settings->quota, loop, on_room, q);
    uv_check_init(loop, &q->check);
    uv_timer_init(loop, &q->soon);
    uv_timer_init(loop, &q->sweep);
    uv_timer_init(loop, &q->tidy);
    uv_timer_init(loop, &q->later);
    q->check.data = q->soon.data = q->sweep.data = q->tidy.data = q->later.data = q;
    q->handles = 6; /* these and the seat */
    return q;
}

void rh_queue_stats_read(const rh_queue *q, rh_queue_stats *out)
{
    *out = q->stats;
    out->waiting = q->waiting;
    for (const struct lane *l = q->lanes; l; l = l->next) {
        rh_map_slot *slot;
        out->running += l->running;
        out->slow += l->slow;
        for (size_t i = 0; (slot = rh_map_next(&l->askers, &i));)
            out->tenants += ((struct asker *)slot->value)->waiting > 0;
    }
}

/* ---- the end ---- */

static void handle_closed(rh_queue *q)
{
    if (--q->handles == 0)
        q->on_closed(q->arg);
}

static void on_handle_closed(uv_handle_t *h)
{
    handle_closed(h->data);
}

static void on_seat_left(void *arg)
{
    handle_closed(arg);
}

static void on_end(uv_timer_t *timer)
{
    rh_queue *q = timer->data;
    rh_err err;
    rh_ticket *t;
    on_later(timer);
    for (struct lane *l = q->lanes; l; l = l->next)
        for (int i = 0; i < RH_N_KINDS; i++)
            while (l->heaps[i].n > 0) {
                leave(q, t = l->heaps[i].items[0]->first);
                rh_err_set(&err, RH_E_UNAVAILABLE, "the server is stopping");
                end(t, &err);
            }
    uv_handle_t *handles[] = {(uv_handle_t *)&q->check, (uv_handle_t *)&q->soon, (uv_handle_t *)&q->sweep,
                              (uv_handle_t *)&q->tidy, (uv_handle_t *)&q->later};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        uv_close(handles[i], on_handle_closed);
    rh_quota_leave(q->seat, on_seat_left, q);
}

void rh_queue_close(rh_queue *q, void (*on_closed)(void *arg), void *arg)
{
    q->closing = true;
    q->on_closed = on_closed;
    q->arg = arg;
    uv_timer_start(&q->later, on_end, 0, 0);
}

void rh_queue_free(rh_queue *q)
{
    while (q->lanes) {
        struct lane *l = q->lanes;
        q->lanes = l->next;
        forget_rested(l, 0, true);
        rh_map_release(&l->askers);
        for (int i = 0; i < RH_N_KINDS; i++)
            free(l->heaps[i].items);
        free(l);
    }
    rh_pace_free(q->pace);
    free(q);
}

/* ---- routes as what is behind it ---- */

static bool submit_to_routes(void *ctx, const rh_route *to, rh_job *job, rh_err *err)
{
    return rh_routes_submit(ctx, to, job, err);
}

static void cancel_in_routes(void *ctx, const rh_route *to, rh_job *job)
{
    rh_routes_cancel(ctx, to, job);
}

static bool routes_have_room(void *ctx, const rh_route *to)
{
    return rh_routes_have_room(ctx, to);
}

static int width_of_routes(void *ctx, const rh_route *to)
{
    return rh_routes_width(ctx, to);
}

static int64_t lane_of_routes(void *ctx, const rh_route *to)
{
    return (int64_t)to->node * 2 + rh_routes_is_of_home(ctx, to);
}

rh_queue_backend rh_queue_of_routes(rh_routes *r)
{
    return (rh_queue_backend){
        r, submit_to_routes, cancel_in_routes, routes_have_room, width_of_routes, lane_of_routes};
}
