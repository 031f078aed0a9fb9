/* SPDX-License-Identifier: Apache-2.0
 *
 * A meter counts what is new; merge() brings that into the sums, on the meter's thread with the sums' lock. A
 * tenant's new figures stay apart until all loops have merged: then it is decided who is shown, and they go
 * to its own series or to the others'.
 */
#include "http/metrics.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"

#define ANSWER_MS 1000
#define MAX_SEATS 64
#define MAX_GROUPS 64    /* of door, model and node */
#define MAX_CODES 64     /* of errors of a group: an app may raise its own */
#define TENANT_CODES 6   /* of errors of one tenant */
#define MAX_TENANTS 1024 /* of one meter, between two questions */
#define KNOWN_TENANTS 4096
#define MAX_SAMPLES 512
#define STATUSES 500 /* 100 to 599; 0 counts as 499, as nginx has it */
#define CLIENT_LEFT 499
#define OTHER "other"

/* Upper bounds in µs. */
static const int64_t bounds[] = {250,   500,    1000,   2500,   5000,    10000,   25000,
                                 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
#define N_BOUNDS (sizeof bounds / sizeof *bounds)

struct histogram {
    uint64_t n[N_BOUNDS + 1];
    int64_t sum_us;
};

struct code {
    char name[24];
    uint64_t n;
};

struct group {
    const char *door, *model;
    int node;
    uint64_t statuses[STATUSES];
    struct code codes[MAX_CODES];
    struct histogram times[RH_N_TIMES];
};

struct use {
    uint64_t requests, refused, bytes;
    struct code codes[TENANT_CODES]; /* of its errors */
    int64_t us[RH_N_TIMES];
};

/* What one loop has counted, or all. */
struct sums {
    struct group *groups;
    int n_groups;
};

struct tenant {
    char id[64];
    struct use use;
};

struct sample {
    rh_family family;
    int node;
    const char *pool;
    double value;
};

struct rh_reading {
    struct sample samples[MAX_SAMPLES];
    int n;
};

struct rh_meter {
    rh_metrics *owner;
    uv_async_t ask;
    struct sums fresh;
    rh_map tenants;
    struct use rest; /* of tenants that found no place */
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
struct known {
    char id[64];
    struct use fresh, shown_use;
    double score;
    bool shown;
};

const char rh_door_data[] = "data", rh_door_control[] = "control";

struct rh_metrics {
    pthread_mutex_t lock, one; /* one: who asks */
    pthread_cond_t answered;
    rh_meter *seats[MAX_SEATS];
    struct sums all;
    rh_map known;
    struct use others;
    int max_shown;
};

/* ---- counting ---- */

static void observe(struct histogram *h, int64_t us)
{
    size_t i = 0;
    while (i < N_BOUNDS && us > bounds[i])
        i++;
    h->n[i]++;
    h->sum_us += us > 0 ? us : 0;
}

static struct group *group_of(struct sums *s, const char *door, const char *model, int node)
{
    for (int i = 0; i < s->n_groups; i++)
        if (s->groups[i].door == door && s->groups[i].node == node && strcmp(s->groups[i].model, model) == 0)
            return &s->groups[i];
    if (s->n_groups == MAX_GROUPS)
        return &s->groups[MAX_GROUPS - 1];
    s->groups = rh_xrealloc(s->groups, (size_t)(s->n_groups + 1) * sizeof *s->groups);
    struct group *g = &s->groups[s->n_groups++];
    memset(g, 0, sizeof *g);
    g->door = door;
    g->model = model;
    g->node = node;
    return g;
}

/* The last of max places is everybody's who finds none. */
static void count_code(struct code *codes, int max, const char *name, uint64_t n)
{
    char plain[sizeof codes->name];
    int i = 0;
    snprintf(plain, sizeof plain, "%s", name);
    for (char *p = plain; *p; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    while (i < max - 1 && codes[i].n && strcmp(codes[i].name, plain) != 0)
        i++;
    if (!codes[i].n || i == max - 1)
        snprintf(codes[i].name, sizeof codes[i].name, "%s", i == max - 1 ? OTHER : plain);
    codes[i].n += n;
}

static void add_codes(struct code *to, int max, const struct code *from)
{
    for (int i = 0; i < max; i++)
        if (from[i].n)
            count_code(to, max, from[i].name, from[i].n);
}

static void use_add(struct use *to, const struct use *more)
{
    to->requests += more->requests;
    to->refused += more->refused;
    to->bytes += more->bytes;
    add_codes(to->codes, TENANT_CODES, more->codes);
    for (int i = 0; i < RH_N_TIMES; i++)
        to->us[i] += more->us[i];
}

static struct use *use_of(rh_meter *m, const char *id)
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
    struct group *g = group_of(&m->fresh, what->door, what->model, what->node);
    snprintf(number, sizeof number, "%u", status);
    if (!code && status >= 400) /* the app's own answer, or nobody's */
        code = number;
    g->statuses[status - 100]++;
    for (int i = 0; i < RH_N_TIMES; i++)
        observe(&g->times[i], what->us[i]);
    if (code)
        count_code(g->codes, MAX_CODES, code, 1);
    if (!what->tenant)
        return;
    struct use one = {.requests = 1, .refused = status == 429, .bytes = what->bytes};
    if (code)
        count_code(one.codes, TENANT_CODES, code, 1);
    memcpy(one.us, what->us, sizeof one.us);
    use_add(use_of(m, what->tenant), &one);
}

/* ---- merging: on the meter's thread, with the lock ---- */

static void merge_sums(struct sums *to, struct sums *from)
{
    for (int i = 0; i < from->n_groups; i++) {
        const struct group *f = &from->groups[i];
        struct group *t = group_of(to, f->door, f->model, f->node);
        for (int k = 0; k < STATUSES; k++)
            t->statuses[k] += f->statuses[k];
        add_codes(t->codes, MAX_CODES, f->codes);
        for (int k = 0; k < RH_N_TIMES; k++) {
            t->times[k].sum_us += f->times[k].sum_us;
            for (size_t b = 0; b <= N_BOUNDS; b++)
                t->times[k].n[b] += f->times[k].n[b];
        }
    }
    free(from->groups);
    *from = (struct sums){0};
}

static struct use *fresh_of(rh_metrics *m, const char *id)
{
    struct known *k = rh_map_get(&m->known, id, strlen(id));
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
    m->rest = (struct use){0};
}

void rh_reading_add(rh_reading *r, rh_family which, int node, const char *pool, double value)
{
    if (r->n == MAX_SAMPLES)
        return;
    r->samples[r->n++] = (struct sample){which, node, pool, value};
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
    while (m->seat < MAX_SEATS - 1 && all->seats[m->seat])
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
static double weight_of(const struct use *u)
{
    return (double)(u->us[RH_TIME_POSTGRESQL] + u->us[RH_TIME_RENDERING]) + 10.0 * (double)u->requests;
}

static void rate(rh_metrics *m)
{
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct known *k = slot->value;
        k->score = k->score / 2 + weight_of(&k->fresh);
    }
}

static void look(rh_metrics *m, struct known **best_hidden, struct known **worst_shown, int *n_shown)
{
    rh_map_slot *slot;
    *best_hidden = *worst_shown = NULL;
    *n_shown = 0;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct known *k = slot->value;
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
    struct known *hidden, *shown;
    int n;
    for (;;) {
        look(m, &hidden, &shown, &n);
        if (!hidden || hidden->score <= 0 || m->max_shown == 0)
            return;
        if (n >= m->max_shown) {
            if (hidden->score <= 2 * shown->score)
                return;
            shown->shown = false;
            shown->shown_use = (struct use){0};
        }
        hidden->shown = true;
    }
}

static void settle(rh_metrics *m)
{
    struct known *gone[64];
    int n_gone = 0;
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        struct known *k = slot->value;
        use_add(k->shown ? &k->shown_use : &m->others, &k->fresh);
        k->fresh = (struct use){0};
        if (!k->shown && k->score < 1 && n_gone < 64)
            gone[n_gone++] = k;
    }
    while (n_gone > 0) {
        struct known *k = gone[--n_gone];
        rh_map_del(&m->known, k->id, strlen(k->id));
        free(k);
    }
}

/* ---- the page ---- */

static void head(rh_str *out, const char *name, const char *type, const char *help)
{
    rh_str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* What a label says may be anything. */
static void add_label(rh_str *out, const char *name, const char *value)
{
    rh_str_addf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            rh_str_addc(out, '\\');
        rh_str_addc(out, (unsigned char)*value < ' ' ? ' ' : *value);
    }
    rh_str_addc(out, '"');
}

static void add_node(rh_str *out, const rh_node_namer *namer, int node)
{
    char name[RH_NODE_NAME_SIZE] = "";
    if (node && !(namer->name && namer->name(namer->arg, node, name)))
        snprintf(name, sizeof name, "%d", node);
    add_label(out, "node", name);
}

/* The labels of a group, as a text to be put before each value. */
static void add_group(rh_str *out, const rh_node_namer *namer, const struct group *g, bool with_door)
{
    if (with_door) {
        add_label(out, "door", g->door);
        rh_str_addc(out, ',');
    }
    add_label(out, "model", g->model);
    rh_str_addc(out, ',');
    add_node(out, namer, g->node);
}

static void write_requests(const rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    head(out, "rowhouse_requests_total", "counter", "Requests by the status that they were answered with.");
    for (int i = 0; i < m->all.n_groups; i++) {
        const struct group *g = &m->all.groups[i];
        for (int k = 0; k < STATUSES; k++)
            if (g->statuses[k]) {
                rh_str_add(out, "rowhouse_requests_total{");
                add_group(out, namer, g, true);
                rh_str_addf(out, ",status=\"%d\"} %llu\n", k + 100, (unsigned long long)g->statuses[k]);
            }
    }
    head(out, "rowhouse_errors_total", "counter", "Errors by their code.");
    for (int i = 0; i < m->all.n_groups; i++) {
        const struct group *g = &m->all.groups[i];
        for (int k = 0; k < MAX_CODES; k++)
            if (g->codes[k].n) {
                rh_str_add(out, "rowhouse_errors_total{");
                add_group(out, namer, g, true);
                rh_str_addf(out, ",code=\"%s\"} %llu\n", g->codes[k].name, (unsigned long long)g->codes[k].n);
            }
    }
}

static void write_histogram(const char *labels, const char *name, const struct histogram *h, rh_str *out)
{
    unsigned long long n = 0;
    for (size_t b = 0; b <= N_BOUNDS; b++) {
        n += h->n[b];
        rh_str_addf(out, "rowhouse_%s_seconds_bucket{%s,le=\"", name, labels);
        if (b < N_BOUNDS)
            rh_str_addf(out, "%g\"} %llu\n", (double)bounds[b] / 1e6, n);
        else
            rh_str_addf(out, "+Inf\"} %llu\n", n);
    }
    rh_str_addf(out, "rowhouse_%s_seconds_sum{%s} %.6f\n", name, labels, (double)h->sum_us / 1e6);
    rh_str_addf(out, "rowhouse_%s_seconds_count{%s} %llu\n", name, labels, n);
}

static const struct {
    const char *name, *help;
} times[] = {
#define X(name, text, help) {text, help},
    RH_TIMES(X)
#undef X
};

/* What the control door does has no parts. */
static void write_times(const rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    char name[64];
    rh_str labels;
    rh_str_init(&labels, RH_STR_TEXT_MAX);
    for (int t = 0; t < RH_N_TIMES; t++) {
        snprintf(name, sizeof name, "rowhouse_%s_seconds", times[t].name);
        head(out, name, "histogram", times[t].help);
        for (int i = 0; i < m->all.n_groups; i++) {
            const struct group *g = &m->all.groups[i];
            if (t != RH_TIME_WHOLE && g->door != rh_door_data)
                continue;
            rh_str_clear(&labels);
            add_group(&labels, namer, g, t == RH_TIME_WHOLE);
            write_histogram(rh_str_cstr(&labels), times[t].name, &g->times[t], out);
        }
    }
    rh_str_release(&labels);
}

/* What is told of each tenant. To add one: a row. */
static const struct {
    const char *name, *help;
    size_t offset;
    bool is_time;
} uses[] = {
    {"requests_total", "Requests of the tenant.", offsetof(struct use, requests), false},
    {"refused_total", "Of them, answered 429.", offsetof(struct use, refused), false},
    {"answer_bytes_total", "Bytes of answers' bodies.", offsetof(struct use, bytes), false},
    {"queue_seconds_total", "Waiting for a turn and for a connection.",
     offsetof(struct use, us) + RH_TIME_QUEUE * sizeof(int64_t), true},
    {"postgresql_seconds_total", "In PostgreSQL.",
     offsetof(struct use, us) + RH_TIME_POSTGRESQL * sizeof(int64_t), true},
    {"rendering_seconds_total", "Making answers.",
     offsetof(struct use, us) + RH_TIME_RENDERING * sizeof(int64_t), true},
};

static void write_use(const char *id, const struct use *u, size_t i, rh_str *out)
{
    const void *at = (const char *)u + uses[i].offset;
    rh_str_addf(out, "rowhouse_tenant_%s{", uses[i].name);
    add_label(out, "tenant", id);
    rh_str_add(out, "} ");
    if (uses[i].is_time)
        rh_str_addf(out, "%.6f\n", (double)*(const int64_t *)at / 1e6);
    else
        rh_str_addf(out, "%llu\n", (unsigned long long)*(const uint64_t *)at);
}

static void write_tenant_errors(const char *id, const struct use *u, rh_str *out)
{
    for (int i = 0; i < TENANT_CODES; i++)
        if (u->codes[i].n) {
            rh_str_add(out, "rowhouse_tenant_errors_total{");
            add_label(out, "tenant", id);
            rh_str_addf(out, ",code=\"%s\"} %llu\n", u->codes[i].name, (unsigned long long)u->codes[i].n);
        }
}

static void write_tenants(const rh_metrics *m, rh_str *out)
{
    char name[64];
    rh_map_slot *slot;
    for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
        snprintf(name, sizeof name, "rowhouse_tenant_%s", uses[u].name);
        head(out, name, "counter", uses[u].help);
        for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
            const struct known *k = slot->value;
            if (k->shown)
                write_use(k->id, &k->shown_use, u, out);
        }
        write_use(OTHER, &m->others, u, out);
    }
    head(out, "rowhouse_tenant_errors_total", "counter",
         "Of them, answered with a status of 400 or more, by code.");
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        const struct known *k = slot->value;
        if (k->shown)
            write_tenant_errors(k->id, &k->shown_use, out);
    }
    write_tenant_errors(OTHER, &m->others, out);
}

static const struct {
    const char *name, *type, *help;
} families[] = {
#define X(name, text, type, help) {text, type, help},
    RH_FAMILIES(X)
#undef X
};

/* The loops' samples of one family, those with the same labels summed. */
static int collect(const rh_metrics *m, rh_family family, struct sample *out)
{
    int n = 0;
    for (int s = 0; s < MAX_SEATS; s++)
        for (int i = 0; m->seats[s] && i < m->seats[s]->reading.n; i++) {
            const struct sample *from = &m->seats[s]->reading.samples[i];
            int k = 0;
            if (from->family != family)
                continue;
            while (k < n && (out[k].node != from->node || out[k].pool != from->pool))
                k++;
            if (k == n && n < MAX_SAMPLES)
                out[n++] = *from;
            else if (k < n)
                out[k].value += from->value;
        }
    return n;
}

static void write_families(const rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    struct sample *samples = rh_xcalloc(MAX_SAMPLES, sizeof *samples);
    for (int f = 0; f < RH_N_FAMILIES; f++) {
        int n = collect(m, (rh_family)f, samples);
        head(out, families[f].name, families[f].type, families[f].help);
        for (int i = 0; i < n; i++) {
            const struct sample *s = &samples[i];
            rh_str_add(out, families[f].name);
            if (s->node) {
                rh_str_addc(out, '{');
                add_node(out, namer, s->node);
                if (s->pool)
                    rh_str_addf(out, ",pool=\"%s\"", s->pool);
                rh_str_addc(out, '}');
            }
            rh_str_addf(out, " %.0f\n", s->value);
        }
    }
    free(samples);
}

static bool all_have_answered(const rh_metrics *m)
{
    for (int i = 0; i < MAX_SEATS; i++)
        if (m->seats[i] && m->seats[i]->asked)
            return false;
    return true;
}

/* With the lock. A loop that does not answer in time is told of as it was. */
static void ask_all(rh_metrics *m)
{
    int64_t until = rh_now_us() + ANSWER_MS * 1000;
    struct timespec t = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    for (int i = 0; i < MAX_SEATS; i++)
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
    write_requests(m, namer, out);
    write_times(m, namer, out);
    write_tenants(m, out);
    write_families(m, namer, out);
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_unlock(&m->one);
}

double rh_metrics_sum(rh_metrics *m, rh_family which)
{
    double sum = 0;
    pthread_mutex_lock(&m->one);
    pthread_mutex_lock(&m->lock);
    ask_all(m);
    for (int s = 0; s < MAX_SEATS; s++)
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
