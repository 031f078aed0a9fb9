/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/quota.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#define MAX_SEATS 64
#define CORNERS 16
#define TIDY_FROM 256 /* tenants, before those that are at rest are forgotten */

struct entry {
    struct entry *next; /* of those that are forgotten */
    char tenant[64];    /* as rh_directory_entry.id */
    int64_t taken, bodies;
    double tokens;       /* thousandths of one */
    int64_t filled_us;   /* when they were counted; 0: never */
    int64_t full_us;     /* when the bucket is full again, and says nothing any more */
    uint64_t seats_wait; /* bits */
};

struct rh_quota {
    pthread_mutex_t lock;
    rh_map entries;
    size_t tidy_at;
    rh_quota_seat *seats[MAX_SEATS];
    atomic_int n_seats; /* ever taken */
    _Atomic uint64_t about[CORNERS][MAX_SEATS];
};

struct rh_quota_seat {
    rh_quota *quota;
    int number;
    uv_async_t wake;
    void (*on_room)(void *);
    void (*left)(void *);
    void *arg, *left_arg;
};

rh_quota *rh_quota_new(void)
{
    rh_quota *q = rh_xcalloc(1, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    rh_map_init(&q->entries);
    q->tidy_at = TIDY_FROM;
    return q;
}

void rh_quota_free(rh_quota *q)
{
    rh_map_slot *slot;
    if (!q)
        return;
    for (size_t i = 0; (slot = rh_map_next(&q->entries, &i));)
        free(slot->value);
    rh_map_release(&q->entries);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- seats ---- */

static void on_wake(uv_async_t *h)
{
    rh_quota_seat *s = h->data;
    s->on_room(s->arg);
}

rh_quota_seat *rh_quota_join(rh_quota *q, uv_loop_t *loop, void (*on_room)(void *arg), void *arg)
{
    rh_quota_seat *s = rh_xcalloc(1, sizeof *s);
    *s = (rh_quota_seat){.quota = q, .on_room = on_room, .arg = arg};
    uv_async_init(loop, &s->wake, on_wake);
    s->wake.data = s;
    pthread_mutex_lock(&q->lock);
    while (s->number < MAX_SEATS - 1 && q->seats[s->number])
        s->number++;
    q->seats[s->number] = s;
    if (atomic_load(&q->n_seats) <= s->number)
        atomic_store(&q->n_seats, s->number + 1);
    pthread_mutex_unlock(&q->lock);
    return s;
}

static void on_wake_closed(uv_handle_t *h)
{
    rh_quota_seat *s = h->data;
    void (*left)(void *) = s->left;
    void *arg = s->left_arg;
    free(s);
    left(arg);
}

void rh_quota_leave(rh_quota_seat *s, void (*left)(void *arg), void *arg)
{
    s->left = left;
    s->left_arg = arg;
    pthread_mutex_lock(&s->quota->lock);
    s->quota->seats[s->number] = NULL;
    for (int i = 0; i < CORNERS; i++)
        rh_quota_tell(s, i, 0);
    pthread_mutex_unlock(&s->quota->lock);
    uv_close((uv_handle_t *)&s->wake, on_wake_closed);
}

/* ---- entries: with the lock ---- */

static void forget_those_at_rest(rh_quota *q, int64_t now_us)
{
    struct entry *gone = NULL;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&q->entries, &i));) {
        struct entry *e = slot->value;
        if (e->taken || e->bodies || e->seats_wait || e->full_us > now_us)
            continue;
        e->next = gone;
        gone = e;
    }
    while (gone) {
        struct entry *e = gone;
        gone = e->next;
        rh_map_del(&q->entries, e->tenant, strlen(e->tenant));
        free(e);
    }
    q->tidy_at = q->entries.len * 2 > TIDY_FROM ? q->entries.len * 2 : TIDY_FROM;
}

static struct entry *entry_of(rh_quota *q, const char *tenant, int64_t now_us)
{
    size_t len = strlen(tenant);
    struct entry *e = rh_map_get(&q->entries, tenant, len);
    if (e || len >= sizeof e->tenant)
        return e;
    if (q->entries.len >= q->tidy_at)
        forget_those_at_rest(q, now_us);
    e = rh_xcalloc(1, sizeof *e);
    memcpy(e->tenant, tenant, len);
    rh_map_put(&q->entries, e->tenant, len, e);
    return e;
}

/* Tokens are in thousandths, the rate in thousandths a second: one second's worth is as many as the rate. */
static bool take_token(struct entry *e, double rate, int64_t now_us, int64_t *wait_ms)
{
    double most = rate > 1000 ? rate : 1000;
    double had = e->filled_us ? e->tokens + (double)(now_us - e->filled_us) * rate / 1e6 : most;
    had = had > most ? most : had;
    bool ok = had >= 1000;
    e->tokens = ok ? had - 1000 : had;
    e->filled_us = now_us;
    e->full_us = now_us + (int64_t)((most - e->tokens) / rate * 1e6);
    *wait_ms = ok ? 0 : (int64_t)((1000 - had) / rate * 1000) + 1;
    return ok;
}

bool rh_quota_take(rh_quota *q, const char *tenant, int64_t rate, int64_t now_us, int64_t *wait_ms)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = entry_of(q, tenant, now_us);
    bool ok = !e || take_token(e, (double)rate, now_us, wait_ms);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool rh_quota_keep_body(rh_quota *q, const char *tenant, int64_t most)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = entry_of(q, tenant, rh_now_us());
    bool ok = !e || e->bodies < most;
    if (e && ok)
        e->bodies++;
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void rh_quota_drop_body(rh_quota *q, const char *tenant)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = rh_map_get(&q->entries, tenant, strlen(tenant));
    if (e)
        e->bodies--;
    pthread_mutex_unlock(&q->lock);
}

bool rh_quota_enter(rh_quota_seat *s, const char *tenant, int64_t most)
{
    rh_quota *q = s->quota;
    pthread_mutex_lock(&q->lock);
    struct entry *e = entry_of(q, tenant, rh_now_us());
    bool ok = !e || e->taken < most;
    if (e && ok)
        e->taken++;
    else if (e)
        e->seats_wait |= (uint64_t)1 << s->number;
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void rh_quota_exit(rh_quota *q, const char *tenant)
{
    pthread_mutex_lock(&q->lock);
    struct entry *e = rh_map_get(&q->entries, tenant, strlen(tenant));
    uint64_t wake = e ? e->seats_wait : 0;
    if (e) {
        e->taken -= e->taken > 0;
        e->seats_wait = 0;
    }
    for (int i = 0; i < MAX_SEATS; i++)
        if ((wake >> i & 1) && q->seats[i])
            uv_async_send(&q->seats[i]->wake);
    pthread_mutex_unlock(&q->lock);
}

/* ---- who is about ---- */

uint64_t rh_quota_who(const char *tenant)
{
    return rh_hash(tenant, strlen(tenant)) >> 1 | 1; /* neither nobody nor several */
}

int rh_quota_corner(int node)
{
    return (int)((unsigned)node % CORNERS);
}

void rh_quota_tell(rh_quota_seat *s, int corner, uint64_t who)
{
    atomic_store_explicit(&s->quota->about[corner][s->number], who, memory_order_relaxed);
}

bool rh_quota_is_alone(const rh_quota_seat *s, int corner, uint64_t who)
{
    int n = atomic_load_explicit(&s->quota->n_seats, memory_order_relaxed);
    for (int i = 0; i < n; i++) {
        uint64_t other = atomic_load_explicit(&s->quota->about[corner][i], memory_order_relaxed);
        if (other != 0 && other != who)
            return false;
    }
    return true;
}
