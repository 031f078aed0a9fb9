/* SPDX-License-Identifier: Apache-2.0
 *
 * A meter counts what is new; merge() brings that into the sums, on the meter's thread with the sums' lock. A
 * tenant's new figures stay apart until all loops have merged: then it is decided who is shown, and they go
 * to its own series or to the others'.
 */
#include "http/metrics_state.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#define ANSWER_MS 1000
#define MAX_GROUPS 64    /* of door, model and node */
#define MAX_TENANTS 1024 /* of one meter, between two questions */
#define KNOWN_TENANTS 4096
#define CLIENT_LEFT 499

const int64_t rh_metrics_bounds[RH_METRICS_BOUNDS] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
const char rh_door_data[] = "data", rh_door_control[] = "control";

/* What a meter has counted of one since it was asked last. */
struct tenant {
    char id[64];
    struct rh_tenant_use use;
};

/* ---- counting ---- */

static void observe(struct rh_histogram *h, int64_t us)
{
    size_t i = 0;
    while (i < RH_METRICS_BOUNDS && us > rh_metrics_bounds[i])
        i++;
    h->n[i]++;
    h->sum_us += us > 0 ? us : 0;
}

static struct rh_request_group *group_of(struct rh_sums *s, const char *door, const char *model, int node)
{
    for (int i = 0; i < s->n_groups; i++)
        if (s->groups[i].door == door && s->groups[i].node == node && strcmp(s->groups[i].model, model) == 0)
            return &s->groups[i];
    if (s->n_groups == MAX_GROUPS)
        return &s->groups[MAX_GROUPS - 1];
    s->groups = rh_xrealloc(s->groups, (size_t)(s->n_groups + 1) * sizeof *s->groups);
    struct rh_request_group *g = &s->groups[s->n_groups++];
    memset(g, 0, sizeof *g);
    g->door = door;
    g->model = model;
    g->node = node;
    return g;
}

/* The last of max places is everybody's who finds none. */
static void count_code(struct rh_code_count *codes, int max, const char *name, uint64_t n)
{
    char plain[sizeof codes->name];
    int i = 0;
    snprintf(plain, sizeof plain, "%s", name);
    for (char *p = plain; *p; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    while (i < max - 1 && codes[i].n && strcmp(codes[i].name, plain) != 0)
        i++;
    if (!codes[i].n || i == max - 1)
        snprintf(codes[i].name, sizeof codes[i].name, "%s", i == max - 1 ? RH_METRICS_OTHER : plain);
    codes[i].n += n;
}

static void add_codes(struct rh_code_count *to, int max, const struct rh_code_count *from)
{
    for (int i = 0; i < max; i++)
        if (from[i].n)
            count_code(to, max, from[i].name, from[i].n);
}

static void use_add(struct rh_tenant_use *to, const struct rh_tenant_use *more)
{
    to->requests += more->requests;
    to->refused += more->refused;
    to->bytes += more->bytes;
    add_codes(to->codes, RH_METRICS_TENANT_CODES, more->codes);
    for (int i = 0; i < RH_N_TIMES; i++)
        to->us[i] += more->us[i];
}

static struct rh_tenant_use *use_of(rh_meter *m, const char *id)
{
    size_t len = strlen(id);
    struct tenant *t = rh_map_get(&m->tenants, id, len);
    if (t)
        return &t->use;
    if (m->tenants.len >= MAX_TENANTS || len >= sizeof t->id)
        return &m->rest;
    t = rh_xcalloc(1, sizeof *t);
    memcpy(t->id, id, len);
    rh_map_put(&m->tenants, t->id, len, t);
    return &t->use;
}

void rh_meter_count(rh_meter *m, const rh_measured *what)
{
    unsigned status = what->status < 100 || what->status > 599 ? CLIENT_LEFT : what->status;
    char number[16];
    const char *code = what->code;
    struct rh_request_group *g = group_of(&m->fresh, what->door, what->model, what->node);
    snprintf(number, sizeof number, "%u", status);
    if (!code && status >= 400) /* the app's own answer, or nobody's */
        code = number;
    g->statuses[status - 100]++;
    for (int i = 0; i < RH_N_TIMES; i++)
        observe(&g->times[i], what->us[i]);
    if (code)
        count_code(g->codes, RH_METRICS_CODES, code, 1);
    if (!what->tenant)
        return;
    struct rh_tenant_use one = {.requests = 1, .refused = status == 429, .bytes = what->bytes};
    if (code)
        count_code(one.codes, RH_METRICS_TENANT_CODES, code, 1);
    memcpy(one.us, what->us, sizeof one.us);
    use_add(use_of(m, what->tenant), &one);
}

/* ---- merging: on the meter's thread, with the lock ---- */

static void merge_sums(struct rh_sums *to, struct rh_sums *from)
{
    for (int i = 0; i < from->n_groups; i++) {
        const struct rh_request_group *f = &from->groups[i];
        struct rh_request_group *t = group_of(to, f->door, f->model, f->node);
        for (int k = 0; k < RH_METRICS_STATUSES; k++)
            t->statuses[k] += f->statuses[k];
        add_codes(t->codes, RH_METRICS_CODES, f->codes);
        for (int k = 0; k < RH_N_TIMES; k++) {
            t->times[k].sum_us += f->times[k].sum_us;
            for (size_t b = 0; b <= RH_METRICS_BOUNDS; b++)
                t->times[k].n[b] += f->times[k].n[b];
        }
    }
    free(from->groups);
    *from = (struct rh_sums){0};
}

static struct rh_tenant_use *fresh_of(rh_metrics *m, const char *id)
{
    struct rh_known_tenant *k = rh_map_get(&m->known, id, strlen(id));
    if (k)
        return &k->fresh;
    if (m->known.len >= KNOWN_TENANTS)
        return &m->others;
    k = rh_xcalloc(1, sizeof *k);
    memcpy(k->id, id, strlen(id));
    rh_map_put(&m->known, k->id, strlen(k->id), k);
    return &k->fresh;
}

static void free_tenants(rh_map *map)
{
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(map, &i));)
        free(slot->value);
    rh_map_release(map);
    rh_map_init(map);
}

static void merge(rh_meter *m)
{
    rh_map_slot *slot;
    merge_sums(&m->owner->all, &m->fresh);
    for (size_t i = 0; (slot = rh_map_next(&m->tenants, &i));) {
        const struct tenant *t = slot->value;
        use_add(fresh_of(m->owner, t->id), &t->use);
    }
    free_tenants(&m->tenants);
    use_add(&m->owner->others, &m->rest);
    m->rest = (struct rh_tenant_use){0};
}

void rh_reading_add(rh_reading *r, rh_family which, int node, const char *pool, double value)
{
    if (r->n == RH_METRICS_SAMPLES)
        return;
    r->samples[r->n++] = (struct rh_sample){which, node, pool, value};
}

static void on_asked(uv_async_t *h)
{
    rh_meter *m = h->data;
    rh_metrics *all = m->owner;
    pthread_mutex_lock(&all->lock);
    if (m->asked) {
        m->reading.n = 0;
        if (m->read)
            m->read(m->arg, &m->reading);
        merge(m);
        m->asked = false;
        pthread_cond_signal(&all->answered);
    }
    pthread_mutex_unlock(&all->lock);
}

/* ---- meters ---- */

rh_meter *rh_metrics_join(rh_metrics *all, uv_loop_t *loop, void (*read)(void *arg, rh_reading *r), void *arg)
{
    rh_meter *m = rh_xcalloc(1, sizeof *m);
    m->owner = all;
    m->read = read;
    m->arg = arg;
    rh_map_init(&m->tenants);
    uv_async_init(loop, &m->ask, on_asked);
    m->ask.data = m;
    pthread_mutex_lock(&all->lock);
    while (m->seat < RH_METRICS_SEATS - 1 && all->seats[m->seat])
        m->seat++;
    all->seats[m->seat] = m;
    pthread_mutex_unlock(&all->lock);
    return m;
}

static void on_ask_closed(uv_handle_t *h)
{
    rh_meter *m = h->data;
    void (*closed)(void *) = m->closed;
    void *arg = m->closed_arg;
    free(m);
    closed(arg);
}

void rh_meter_close(rh_meter *m, void (*closed)(void *arg), void *arg)
{
    rh_metrics *all = m->owner;
    m->closed = closed;
    m->closed_arg = arg;
    pthread_mutex_lock(&all->lock);
    merge(m);
    all->seats[m->seat] = NULL;
    pthread_cond_signal(&all->answered);
    pthread_mutex_unlock(&all->lock);
    rh_map_release(&m->tenants);
    uv_close((uv_handle_t *)&m->ask, on_ask_closed);
}

/* ---- who is shown ---- */

/* µs that count for a place among the first; a request counts a little in any case. */
static double weight_of(const struct rh_tenant_use *u)
{
    return (double)(u->us[RH_TIME_POSTGRESQL] + u->us[RH_TIME_RENDERING]) + 10.0 * (double)u->requests;
}

static void rate(rh_metrics *m)
{
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct rh_known_tenant *k = slot->value;
        k->score = k->score / 2 + weight_of(&k->fresh);
    }
}

static void look(rh_metrics *m, struct rh_known_tenant **best_hidden, struct rh_known_tenant **worst_shown,
                 int *n_shown)
{
    rh_map_slot *slot;
    *best_hidden = *worst_shown = NULL;
    *n_shown = 0;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct rh_known_tenant *k = slot->value;
        *n_shown += k->shown;
        if (k->shown && (!*worst_shown || k->score < (*worst_shown)->score))
            *worst_shown = k;
        if (!k->shown && (!*best_hidden || k->score > (*best_hidden)->score))
            *best_hidden = k;
    }
}

/* One that has its series keeps it until another uses twice as much: series that come and go say little. */
static void choose_shown(rh_metrics *m)
{
    struct rh_known_tenant *hidden, *shown;
    int n;
    for (;;) {
        look(m, &hidden, &shown, &n);
        if (!hidden || hidden->score <= 0 || m->max_shown == 0)
            return;
        if (n >= m->max_shown) {
            if (hidden->score <= 2 * shown->score)
                return;
            shown->shown = false;
            shown->shown_use = (struct rh_tenant_use){0};
        }
        hidden->shown = true;
    }
}

static void settle(rh_metrics *m)
{
    struct rh_known_tenant *gone[64];
    int n_gone = 0;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct rh_known_tenant *k = slot->value;
        use_add(k->shown ? &k->shown_use : &m->others, &k->fresh);
        k->fresh = (struct rh_tenant_use){0};
        if (!k->shown && k->score < 1 && n_gone < 64)
            gone[n_gone++] = k;
    }
    while (n_gone > 0) {
        struct rh_known_tenant *k = gone[--n_gone];
        rh_map_del(&m->known, k->id, strlen(k->id));
        free(k);
    }
}

/* ---- asking the loops ---- */

static bool all_have_answered(const rh_metrics *m)
{
    for (int i = 0; i < RH_METRICS_SEATS; i++)
        if (m->seats[i] && m->seats[i]->asked)
            return false;
    return true;
}

/* With the lock. A loop that does not answer in time is told of as it was. */
static void ask_all(rh_metrics *m)
{
    int64_t until = rh_now_us() + ANSWER_MS * 1000;
    struct timespec t = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    for (int i = 0; i < RH_METRICS_SEATS; i++)
        if (m->seats[i]) {
            m->seats[i]->asked = true;
            uv_async_send(&m->seats[i]->ask);
        }
    while (!all_have_answered(m) && pthread_cond_timedwait(&m->answered, &m->lock, &t) == 0)
        ;
}

void rh_metrics_write(rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    pthread_mutex_lock(&m->one);
    pthread_mutex_lock(&m->lock);
    ask_all(m);
    rate(m);
    choose_shown(m);
    settle(m);
    rh_metrics_put(m, namer, out);
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_unlock(&m->one);
}

double rh_metrics_sum(rh_metrics *m, rh_family which)
{
    double sum = 0;
    pthread_mutex_lock(&m->one);
    pthread_mutex_lock(&m->lock);
    ask_all(m);
    for (int s = 0; s < RH_METRICS_SEATS; s++)
        for (int i = 0; m->seats[s] && i < m->seats[s]->reading.n; i++)
            if (m->seats[s]->reading.samples[i].family == which)
                sum += m->seats[s]->reading.samples[i].value;
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_unlock(&m->one);
    return sum;
}

/* ---- life ---- */

rh_metrics *rh_metrics_new(int tenants)
{
    rh_metrics *m = rh_xcalloc(1, sizeof *m);
    pthread_condattr_t attr;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->one, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->answered, &attr);
    pthread_condattr_destroy(&attr);
    rh_map_init(&m->known);
    m->max_shown = tenants;
    return m;
}

void rh_metrics_free(rh_metrics *m)
{
    if (!m)
        return;
    free_tenants(&m->known);
    free(m->all.groups);
    pthread_cond_destroy(&m->answered);
    pthread_mutex_destroy(&m->one);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
