/* SPDX-License-Identifier: Apache-2.0 */
#include "http/metrics_state.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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
static void add_group(rh_str *out, const rh_node_namer *namer, const struct rh_request_group *g,
                      bool with_door)
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
        const struct rh_request_group *g = &m->all.groups[i];
        for (int k = 0; k < RH_METRICS_STATUSES; k++)
            if (g->statuses[k]) {
                rh_str_add(out, "rowhouse_requests_total{");
                add_group(out, namer, g, true);
                rh_str_addf(out, ",status=\"%d\"} %llu\n", k + 100, (unsigned long long)g->statuses[k]);
            }
    }
    head(out, "rowhouse_errors_total", "counter", "Errors by their code.");
    for (int i = 0; i < m->all.n_groups; i++) {
        const struct rh_request_group *g = &m->all.groups[i];
        for (int k = 0; k < RH_METRICS_CODES; k++)
            if (g->codes[k].n) {
                rh_str_add(out, "rowhouse_errors_total{");
                add_group(out, namer, g, true);
                rh_str_addf(out, ",code=\"%s\"} %llu\n", g->codes[k].name, (unsigned long long)g->codes[k].n);
            }
    }
}

static void write_histogram(const char *labels, const char *name, const struct rh_histogram *h, rh_str *out)
{
    unsigned long long n = 0;
    for (size_t b = 0; b <= RH_METRICS_BOUNDS; b++) {
        n += h->n[b];
        rh_str_addf(out, "rowhouse_%s_seconds_bucket{%s,le=\"", name, labels);
        if (b < RH_METRICS_BOUNDS)
            rh_str_addf(out, "%g\"} %llu\n", (double)rh_metrics_bounds[b] / 1e6, n);
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
            const struct rh_request_group *g = &m->all.groups[i];
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
    {"requests_total", "Requests of the tenant.", offsetof(struct rh_tenant_use, requests), false},
    {"refused_total", "Of them, answered 429.", offsetof(struct rh_tenant_use, refused), false},
    {"answer_bytes_total", "Bytes of answers' bodies.", offsetof(struct rh_tenant_use, bytes), false},
    {"queue_seconds_total", "Waiting for a turn and for a connection.",
     offsetof(struct rh_tenant_use, us) + RH_TIME_QUEUE * sizeof(int64_t), true},
    {"postgresql_seconds_total", "In PostgreSQL.",
     offsetof(struct rh_tenant_use, us) + RH_TIME_POSTGRESQL * sizeof(int64_t), true},
    {"rendering_seconds_total", "Making answers.",
     offsetof(struct rh_tenant_use, us) + RH_TIME_RENDERING * sizeof(int64_t), true},
};

static void write_use(const char *id, const struct rh_tenant_use *u, size_t i, rh_str *out)
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

static void write_tenant_errors(const char *id, const struct rh_tenant_use *u, rh_str *out)
{
    for (int i = 0; i < RH_METRICS_TENANT_CODES; i++)
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
            const struct rh_known_tenant *k = slot->value;
            if (k->shown)
                write_use(k->id, &k->shown_use, u, out);
        }
        write_use(RH_METRICS_OTHER, &m->others, u, out);
    }
    head(out, "rowhouse_tenant_errors_total", "counter",
         "Of them, answered with a status of 400 or more, by code.");
    for (size_t i = 0; (slot = rh_map_next(&m->known, &i));) {
        const struct rh_known_tenant *k = slot->value;
        if (k->shown)
            write_tenant_errors(k->id, &k->shown_use, out);
    }
    write_tenant_errors(RH_METRICS_OTHER, &m->others, out);
}

static const struct {
    const char *name, *type, *help;
} families[] = {
#define X(name, text, type, help) {text, type, help},
    RH_FAMILIES(X)
#undef X
};

/* The loops' samples of one family, those with the same labels summed. */
static int collect(const rh_metrics *m, rh_family family, struct rh_sample *out)
{
    int n = 0;
    for (int s = 0; s < RH_METRICS_SEATS; s++)
        for (int i = 0; m->seats[s] && i < m->seats[s]->reading.n; i++) {
            const struct rh_sample *from = &m->seats[s]->reading.samples[i];
            int k = 0;
            if (from->family != family)
                continue;
            while (k < n && (out[k].node != from->node || out[k].pool != from->pool))
                k++;
            if (k == n && n < RH_METRICS_SAMPLES)
                out[n++] = *from;
            else if (k < n)
                out[k].value += from->value;
        }
    return n;
}

static void write_families(const rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    struct rh_sample *samples = rh_xcalloc(RH_METRICS_SAMPLES, sizeof *samples);
    for (int f = 0; f < RH_N_FAMILIES; f++) {
        int n = collect(m, (rh_family)f, samples);
        head(out, families[f].name, families[f].type, families[f].help);
        for (int i = 0; i < n; i++) {
            const struct rh_sample *s = &samples[i];
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

void rh_metrics_put(const rh_metrics *m, const rh_node_namer *namer, rh_str *out)
{
    write_requests(m, namer, out);
    write_times(m, namer, out);
    write_tenants(m, out);
    write_families(m, namer, out);
}
