/* SPDX-License-Identifier: Apache-2.0
 *
 *              owner known            done, or failed for good
 *   submitted ------------> WORKER --------------------------> the caller's on_done
 *       |                     | not done, and another way there
 *       | owner not known     v
 *       +----------------> COORDINATOR -----------------------> the caller's on_done
 *
 * What of a job on its way to a worker is its caller's is kept in its trip; ours stands in its place:
 * on_done, and for a tenant of the shared homes the statements with its id written out (pg/literal.h). Such
 * texts are that tenant's alone, so the job goes to the pool as one of a home of its own.
 */
#include "pg/citus.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "pg/conninfo.h"
#include "pg/literal.h"
#include "sql.h"

#define FRESH_US ((int64_t)30 * 1000000)

struct worker {
    struct worker *next;
    char *host, *port;
    rh_pool *pool;
};

/* Where one tenant's rows are, as far as is known. */
struct owner {
    rh_citus *cluster;
    struct worker *at;  /* NULL: not known */
    uint64_t as_of;     /* the cluster's generation when it was asked for */
    bool asking, known; /* known: answered, even by no worker */
};

/* The question for it, while it is under way. */
struct question {
    rh_job job;
    rh_citus *cluster;
    struct owner *owner;  /* NULL: the placements are looked at */
    char *tenant, *about; /* table or schema */
    const char *values[2];
    struct worker *found;
};

/* A job on its way to a worker. */
struct trip {
    struct owner *owner;
    rh_job callers; /* as it came */
    char *literal, *texts[RH_JOB_MAX_STATEMENTS];
    int n_texts;
};

struct rh_citus {
    uv_loop_t *loop;
    rh_arena *arena;           /* of the settings' texts and the owners */
    rh_pool_settings settings; /* plain binding: the workers' */
    rh_pool *coordinator;
    struct worker *workers; /* few: a list */
    rh_map owners;          /* "schema\ntenant" -> struct owner */
    uint64_t generation;    /* of the placements */
    char placements[40];    /* as they were last; "": never looked at */
    int64_t looked_us;
    bool looking;
    int open; /* pools that are not closed */
    bool closing;
    void (*on_closed)(void *);
    void *arg;
};

rh_citus *rh_citus_new(uv_loop_t *loop, const rh_pool_settings *settings)
{
    rh_citus *c = rh_xcalloc(1, sizeof *c);
    c->loop = loop;
    c->arena = rh_arena_new();
    c->settings = *settings;
    c->settings.conninfo = rh_arena_strdup(c->arena, settings->conninfo);
    c->settings.database = rh_arena_strdup(c->arena, settings->database);
    c->settings.user = rh_arena_strdup(c->arena, settings->user);
    c->settings.password = rh_arena_strdup(c->arena, settings->password);
    c->settings.options = rh_arena_strdup(c->arena, settings->options);
    rh_map_init(&c->owners);
    rh_pool_settings coordinator = c->settings;
    coordinator.enter = true;
    c->settings.health = NULL; /* the coordinator's: workers are other servers */
    c->coordinator = rh_pool_new(loop, &coordinator);
    c->open = 1;
    return c;
}

/* ---- workers ---- */

static struct worker *find_worker(rh_citus *c, const char *host, const char *port)
{
    struct worker *w = c->workers;
    while (w && (strcmp(w->host, host) != 0 || strcmp(w->port, port) != 0))
        w = w->next;
    if (w)
        return w;
    rh_pool_settings settings = c->settings;
    settings.conninfo = rh_conninfo_at(c->arena, c->settings.conninfo, host, port);
    if (!settings.conninfo)
        return NULL;
    w = rh_xcalloc(1, sizeof *w);
    w->host = rh_arena_strdup(c->arena, host);
    w->port = rh_arena_strdup(c->arena, port);
    w->pool = rh_pool_new(c->loop, &settings);
    w->next = c->workers;
    c->open++;
    return c->workers = w;
}

/* ---- asking for an owner ---- */

static void on_answer(rh_job *job, int statement, const PGresult *res)
{
    struct question *q = job->user;
    (void)statement;
    if (PQntuples(res) > 0)
        q->found = find_worker(q->cluster, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
}

static void on_asked_again(rh_job *job)
{
    (void)job;
}

static void on_asked(rh_job *job, const char *affected, const rh_err *err)
{
    struct question *q = job->user;
    (void)affected;
    if (err)
        rh_log_err(RH_LOG_DEBUG, "where a tenant is on Citus", err);
    else
        q->owner->at = q->found;
    q->owner->known = !err;
    q->owner->asking = false;
    free(q->tenant);
    free(q->about);
    free(q);
}

static char *qualified(const char *schema, const char *root)
{
    rh_str name;
    rh_str_init(&name, RH_STR_TEXT_MAX);
    rh_str_add_ident(&name, schema);
    rh_str_addc(&name, '.');
    rh_str_add_ident(&name, root);
    return rh_str_take(&name, NULL);
}

static void ask(struct owner *o, const rh_citus_place *place, const char *tenant)
{
    rh_err err;
    struct question *q = rh_xcalloc(1, sizeof *q);
    const char *text = !place->root  ? rh_sql_citus_owner_of_schema
                       : place->uuid ? rh_sql_citus_owner_of_uuid
                                     : rh_sql_citus_owner_of_bigint;
    q->cluster = o->cluster;
    q->owner = o;
    q->tenant = rh_xstrdup(tenant);
    q->about = place->root ? qualified(place->schema, place->root) : rh_xstrdup(place->schema);
    q->values[0] = q->about;
    q->values[1] = q->tenant;
    q->job = (rh_job){.tenant = q->tenant,
                      .read_only = true,
                      .single_row = true,
                      .n_statements = 1,
                      .statements = {{text, strlen(text), place->root ? 2 : 1, q->values}},
                      .on_rows = on_answer,
                      .on_restart = on_asked_again,
                      .on_done = on_asked,
                      .user = q};
    o->as_of = o->cluster->generation;
    o->asking = true;
    if (!rh_pool_submit(o->cluster->coordinator, &q->job, &err))
        on_asked(&q->job, "", &err);
}

/* ---- looking at the placements ---- */

static void on_placements(rh_job *job, int statement, const PGresult *res)
{
    struct question *q = job->user;
    rh_citus *c = q->cluster;
    (void)statement;
    if (PQntuples(res) == 0 || strcmp(c->placements, PQgetvalue(res, 0, 0)) == 0)
        return;
    if (*c->placements)
        c->generation++;
    snprintf(c->placements, sizeof c->placements, "%s", PQgetvalue(res, 0, 0));
}

static void on_looked(rh_job *job, const char *affected, const rh_err *err)
{
    struct question *q = job->user;
    (void)affected;
    if (err)
        rh_log_err(RH_LOG_DEBUG, "looking at Citus' placements", err);
    q->cluster->looking = false;
    free(q->tenant);
    free(q);
}

static void look(rh_citus *c, const char *tenant)
{
    rh_err err;
    struct question *q = rh_xcalloc(1, sizeof *q);
    q->cluster = c;
    q->tenant = rh_xstrdup(tenant);
    q->job = (rh_job){.tenant = q->tenant,
                      .read_only = true,
                      .single_row = true,
                      .n_statements = 1,
                      .statements = {{rh_sql_citus_placements, strlen(rh_sql_citus_placements), 0, NULL}},
                      .on_rows = on_placements,
                      .on_restart = on_asked_again,
                      .on_done = on_looked,
                      .user = q};
    c->looked_us = rh_now_us();
    c->looking = true;
    if (!rh_pool_submit(c->coordinator, &q->job, &err))
        on_looked(&q->job, "", &err);
}

static struct owner *owner_of(rh_citus *c, const rh_citus_place *place, const char *tenant)
{
    char key[256]; /* names have 63 bytes at most, ids 36 */
    int len = snprintf(key, sizeof key, "%s\n%s", place->schema, tenant);
    struct owner *o = rh_map_get(&c->owners, key, (size_t)len);
    if (o)
        return o;
    o = RH_NEW(c->arena, struct owner);
    o->cluster = c;
    rh_map_put(&c->owners, rh_arena_strdup(c->arena, key), (size_t)len, o);
    return o;
}

/* ---- jobs ---- */

/* The worker has done nothing of the job, and the coordinator may. 08 is a worker that could not reach
 * another: what it had begun there may have ended well, so it counts for reads only. */
static bool is_worth_another_way(const rh_job *job, const rh_err *err)
{
    static const char *const states[] = {"RH001", "42P01", "42883", "42501", "42704", "3F000", "0A000"};
    if (job->own.cancelled || job->own.expired || job->own.kept)
        return false;
    if (err->code == RH_E_UNAVAILABLE || (job->read_only && rh_starts_with(err->sqlstate, "08")))
        return true;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(err->sqlstate, states[i]) == 0)
            return true;
    return false;
}

static void on_worker_done(rh_job *job, const char *affected, const rh_err *err);

/* Writes the tenant's id out in a statement of the trip; as it was where that cannot be. */
static void write_out(struct trip *t, rh_pool_statement *s, const char *tenant)
{
    rh_str text;
    if (s->n < 1 || strcmp(s->values[0], tenant) != 0)
        return;
    rh_str_init(&text, RH_STR_TEXT_MAX);
    if (!rh_literal_first(&text, s->text, s->text_len, t->literal) || text.overflow) {
        rh_str_release(&text);
        return;
    }
    *s = (rh_pool_statement){.text_len = text.len, .n = s->n - 1, .values = s->values + 1};
    s->text = t->texts[t->n_texts++] = rh_str_take(&text, NULL);
}

static void set_out(rh_job *job, struct owner *o, bool shared)
{
    struct trip *t = rh_xcalloc(1, sizeof *t);
    rh_str literal;
    t->owner = o;
    t->callers = *job;
    job->own.trip = t;
    job->on_done = on_worker_done;
    if (!shared)
        return;
    rh_str_init(&literal, RH_STR_TEXT_MAX);
    rh_str_add_literal(&literal, job->tenant);
    t->literal = rh_str_take(&literal, NULL);
    for (int i = 0; i < job->n_statements; i++)
        write_out(t, &job->statements[i], job->tenant);
    job->home = rh_hash(job->tenant, strlen(job->tenant)) | 1;
    job->schema = t->literal;
    job->relations = 0; /* the tables are everybody's */
}

/* The job is as it was when it came; what the pool left in it stays. */
static struct owner *come_back(rh_job *job)
{
    struct trip *t = job->own.trip;
    struct owner *o = t->owner;
    memcpy(job->statements, t->callers.statements, sizeof job->statements);
    job->home = t->callers.home;
    job->schema = t->callers.schema;
    job->relations = t->callers.relations;
    job->on_done = t->callers.on_done;
    job->own.trip = NULL;
    for (int i = 0; i < t->n_texts; i++)
        free(t->texts[i]);
    free(t->literal);
    free(t);
    return o;
}

static void on_worker_done(rh_job *job, const char *affected, const rh_err *err)
{
    struct owner *o = come_back(job);
    rh_err refused;
    if (!err || o->cluster->closing || !is_worth_another_way(job, err)) {
        job->on_done(job, affected, err);
        return;
    }
    rh_log_err(RH_LOG_DEBUG, "a worker could not serve: again through the coordinator", err);
    o->at = NULL;
    o->known = false;
    if (job->on_restart)
        job->on_restart(job);
    job->own.restarted = false;
    if (!rh_pool_submit(o->cluster->coordinator, job, &refused))
        job->on_done(job, "", &refused);
}

bool rh_citus_submit(rh_citus *c, const rh_citus_place *place, rh_job *job, rh_err *err)
{
    rh_err ignored;
    struct owner *o = place->owner_does ? owner_of(c, place, job->tenant) : NULL;
    if (o && !c->looking && rh_now_us() - c->looked_us > FRESH_US)
        look(c, job->tenant);
    if (o && !o->asking && (!o->known || o->as_of != c->generation))
        ask(o, place, job->tenant);
    if (o && o->at) {
        set_out(job, o, place->root != NULL);
        if (rh_pool_submit(o->at->pool, job, &ignored))
            return true;
        come_back(job);
    }
    return rh_pool_submit(c->coordinator, job, err);
}

int rh_citus_width(const rh_citus *c)
{
    int pools = 1;
    for (const struct worker *w = c->workers; w; w = w->next)
        pools++;
    return pools * (c->settings.connections > 0 ? c->settings.connections : 1);
}

void rh_citus_stats_read(const rh_citus *c, rh_pool_stats *out)
{
    rh_pool_stats stats;
    rh_pool_stats_read(c->coordinator, out);
    for (const struct worker *w = c->workers; w; w = w->next) {
        rh_pool_stats_read(w->pool, &stats);
        rh_pool_stats_add(out, &stats);
    }
}

bool rh_citus_alive(const rh_citus *c)
{
    return rh_pool_alive(c->coordinator);
}

bool rh_citus_is_idle(const rh_citus *c)
{
    bool idle = rh_pool_is_idle(c->coordinator);
    for (const struct worker *w = c->workers; w && idle; w = w->next)
        idle = rh_pool_is_idle(w->pool);
    return idle;
}

/* ---- the end ---- */

static void on_pool_closed(void *arg)
{
    rh_citus *c = arg;
    void (*on_closed)(void *) = c->on_closed;
    void *closed_arg = c->arg;
    if (--c->open > 0)
        return;
    while (c->workers) {
        struct worker *w = c->workers;
        c->workers = w->next;
        free(w);
    }
    rh_map_release(&c->owners);
    rh_arena_free(c->arena);
    free(c);
    on_closed(closed_arg);
}

void rh_citus_close(rh_citus *c, void (*on_closed)(void *arg), void *arg)
{
    c->closing = true;
    c->on_closed = on_closed;
    c->arg = arg;
    for (struct worker *w = c->workers; w; w = w->next)
        rh_pool_close(w->pool, on_pool_closed, c);
    rh_pool_close(c->coordinator, on_pool_closed, c);
}
