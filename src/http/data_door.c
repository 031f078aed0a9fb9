/* SPDX-License-Identifier: Apache-2.0
 *
 *            head in                 body in                  pool took it             last row
 *  (none) ----------> ADMITTED ----------------> PLANNED -----------------> RUNNING ------------> ENDED
 *     | ^        \________________________\______________________\____________________________^ refused
 *     v |
 *    HELD, once, while the key that the token names is looked for (http/key_wait.h)
 *
 * While RUNNING, a tenant that is suspended or dropped loses its requests: the job is cancelled, and what it
 * was refused for is the answer, unless it was done before.
 *
 * While RUNNING, a read whose answer has grown past stream_from becomes a STREAM: what has come is sent, what
 * comes is sent as it comes, and while more than stream_buffer waits for the client, rows wait in PostgreSQL.
 * Its job's statements may take stream_timeout; that the first rows come within statement_timeout is watched
 * here. What goes wrong from then on cuts the connection off.
 *
 * A POST whose body grows past stream_from may become a LOAD (http/load_request.h): planned by its first
 * rows, its job runs while the rest comes in.
 *
 * ADMITTED: the tenant and its relation cache are known. PLANNED: the statements are written. RUNNING: the
 * job is the pool's, the exchange sleeps. ENDED: the exchange is answered; nothing may touch the request any
 * more.
 */
#include "http/data_door.h"

#include <stdlib.h>
#include <string.h>

#include "adopt/tenant_limits.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/account.h"
#include "http/adopted_request.h"
#include "http/delay.h"
#include "http/figures.h"
#include "http/describer.h"
#include "http/key_wait.h"
#include "http/load_request.h"
#include "http/request_settings.h"
#include "rest/scan.h"

#define ALLOW_RELATION "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE"
#define SLOW_STATEMENTS 3 /* of a job: what comes first, the rows, their count */
#define DEADLINE_MARGIN_MS 2000
#define RENDERING_SAMPLE 16
#define LARGE_BODY ((uint64_t)64 << 10)
#define ALLOW_PROBE "GET, HEAD"
#define NO_TIMEOUT_MS                                                                                        \
    (24 * 3600 * (int64_t)1000)         /* of a role whose statements may take as long as they like */
#define WATCH_MS 100                    /* how often running requests are held against the directory */
#define STREAM_PIECE ((size_t)32 << 10) /* sent at a time */

struct data_door {
    rh_data_door_settings settings;
    rh_resolver *resolver;
    const rh_jwt_keys *keys; /* the resolver's; NULL: none yet */
    uint64_t generation;     /* of keys */
    rh_key_wait *key_wait;
    rh_delay *delay;
    rh_describer *describer;
    rh_account account;
    rh_routes *routes;
    rh_queue *queue;         /* before the routes */
    char vary[256];          /* what all answers depend on */
    struct request *running; /* newest first */
    uv_timer_t watch;        /* active while one runs */
    void (*closed)(void *);
    void *closed_arg;
};

enum request_state { NEW, ADMITTED, PLANNED, RUNNING, STREAM, ENDED };

struct request {
    enum request_state state;
    struct request *next, **link; /* in door->running: link points to what points here */
    const rh_err *evicted;        /* why its tenant is served no more */
    struct data_door *door;
    rh_exchange *x;
    rh_key_waiter waiter;
    rh_directory_entry tenant;
    rh_adopted_request adopted; /* where door->settings.adopted is */
    const rh_relation_cache *cache;
    rh_rest_request rest_request;
    rh_rest_naming naming;
    rh_request_settings settings;
    rh_rest *rest;
    rh_load_request load;
    const char *seen;                       /* of look() */
    const rh_relation_cache *known;         /* it need not look */
    bool described;                         /* the answer is to be called a description */
    rh_err *failed;                         /* a bound was passed while rows came in */
    int64_t judged_us, planned_us, done_us; /* when these parts had ended; 0: not yet */
    bool paused, keeps_body;
    uint64_t n_rendered; /* rows or lines */
    int64_t rendering_us;
    rh_job job;
    rh_ticket ticket;
};

/* ---- probes ---- */

static void answer_probe(rh_exchange *x, bool ok)
{
    static const rh_rest_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                             {"Retry-After", "1"}};
    char *body = rh_xstrdup(ok ? "ok\n" : "not ready\n");
    rh_exchange_answer(x, ok ? 200 : 503, headers, ok ? 1 : 2, body, strlen(body));
}

static bool answer_live(const struct data_door *d)
{
    return true;
}

static bool answer_ready(const struct data_door *d)
{
    return (d->settings.adopted ? rh_adopted_is_known(d->settings.adopted)
                                : rh_directory_age_ms(d->settings.directory) < INT64_MAX) &&
           rh_routes_alive(d->routes) && rh_key_source_generation(d->settings.keys) > 0;
}

/* Paths that are the server's own. To add one: a row. */
static const struct probe {
    const char *path;
    bool (*ok)(const struct data_door *d);
} probes[] = {{"/live", answer_live}, {"/ready", answer_ready}};

static const struct probe *find_probe(const char *path)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (strcmp(probes[i].path, path) == 0)
            return &probes[i];
    return NULL;
}

/* What a browser asks before it sends a page's request, which is when it tells the token. */
static void answer_preflight(struct data_door *d, rh_exchange *x)
{
    rh_rest_header headers[RH_CORS_MAX_HEADERS + 1] = {{"Allow", ALLOW_RELATION}};
    int n = rh_cors_preflight(&d->settings.cors, x->arena, &x->headers, headers + 1);
    rh_exchange_answer(x, 200, headers, n + 1, NULL, 0);
}

/* True when the request asks for no tenant's data; it is answered then. */
static bool answer_without_tenant(struct data_door *d, rh_exchange *x)
{
    const struct probe *probe = find_probe(x->path);
    const char *allow = probe ? ALLOW_PROBE : ALLOW_RELATION;
    rh_err err;
    if (rh_cors_is_preflight(x->method, &x->headers)) {
        answer_preflight(d, x);
    } else if (x->method == RH_OPTIONS && (probe || *x->path != '/')) {
        rh_rest_header header = {"Allow", allow};
        rh_exchange_answer(x, 200, &header, 1, NULL, 0);
    } else if (x->method == RH_METHOD_OTHER || (probe && x->method != RH_GET && x->method != RH_HEAD)) {
        rh_err_set(&err, RH_E_METHOD, "the method is not allowed here");
        rh_exchange_refuse(x, &err, allow);
    } else if (probe) {
        answer_probe(x, probe->ok(d));
    } else {
        return false;
    }
    return true;
}

/* ---- refusing ---- */

_Static_assert(sizeof RH_REST_USED_GUARD == sizeof RH_POOL_USED, "the same word");

static void refuse(struct request *r, rh_err *err)
{
    if (r->door->settings.adopted)
        rh_gate_judge_error(&r->adopted.pass, err);
    int n;
    const rh_rest_header *headers = rh_rest_error_headers(r->rest, &n);
    r->state = ENDED;
    if (r->x->own.gone) {
        rh_exchange_finish(r->x, false);
        return;
    }
    if (err->code == RH_E_TOO_MANY && !r->load.x) /* who sends a large body has spent its time on that */
        rh_delay_refuse(r->door->delay, r->x, err);
    else
        rh_exchange_refuse_with(r->x, err, ALLOW_RELATION, headers, n);
}

/* ---- profiles ---- */

/* The schemas that every app has, whatever its tenants' are called: the tenant set, where names of the
 * reference set are known too, and the latter alone. */
static const char *const profiles[] = {"public", "reference"};

static bool check_profile(const rh_exchange *x, rh_err *err)
{
    const char *profile = rh_exchange_profile(x);
    for (size_t i = 0; profile && i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i], profile) == 0)
            return true;
    if (!profile)
        return true;
    rh_err_set(err, RH_E_SCHEMA, "Invalid schema: %.*s", RH_CLIPPED(profile));
    return rh_err_hint(err, "Only the following schemas are exposed: %s, %s", profiles[0], profiles[1]);
}

/* Says which schema it was: where the request named one, or where there are several that differ. */
static void add_profile(const struct request *r, rh_rest_answer *out)
{
    const char *profile = rh_exchange_profile(r->x);
    if (r->door->settings.adopted)
        rh_adopted_request_head(&r->adopted, out);
    else if (profile && out->n_headers < RH_REST_MAX_HEADERS)
        out->headers[out->n_headers++] = (rh_rest_header){"Content-Profile", profile};
}

/* ---- the job's events ---- */

static void fail(struct request *r, const rh_err *err)
{
    r->failed = RH_NEW(r->x->arena, rh_err);
    *r->failed = *err;
    rh_rest_discard(r->rest);
}

/* What has been rendered goes out; when the client does not keep up, rows wait. When too many wait so
 * already, they wait here, until they are as many as a whole answer may be. */
static void pass_on(struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    rh_err err;
    size_t n;
    char *bytes = rh_rest_take(r->rest, &n);
    if (rh_exchange_send(r->x, bytes, n))
        return;
    bool held = r->paused; /* what comes then was on its way, and is little */
    r->paused = held || rh_job_pause(&r->job);
    if ((r->paused && !held) || rh_exchange_unsent(r->x) <= s->naming.max_response)
        return;
    rh_err_set(&err, RH_E_OVERLOADED, "too many clients are slow to read large answers");
    fail(r, &err);
    rh_queue_cancel(r->door->queue, &r->ticket);
}

/* Server-Timing, as PostgREST names its parts; parsing is part of the plan's. */
static void add_timing(struct request *r, rh_rest_answer *out)
{
    static const char *const names[] = {"jwt", "plan", "transaction", "response"};
    int64_t now = rh_now_us();
    const int64_t ends[] = {r->judged_us, r->planned_us, r->done_us, r->done_us ? now : 0};
    int64_t since = r->x->since_us;
    rh_str s;
    if (!r->door->settings.server_timing || out->n_headers == RH_REST_MAX_HEADERS)
        return;
    rh_str_init_in(&s, r->x->arena, 256);
    for (int i = 0; i < 4 && ends[i]; i++) {
        rh_str_addf(&s, "%s%s;dur=%.3f", i ? ", " : "", names[i], (double)(ends[i] - since) / 1000);
        since = ends[i];
    }
    out->headers[out->n_headers++] = (rh_rest_header){"Server-Timing", rh_str_cstr(&s)};
}

static void begin_stream(struct request *r)
{
    rh_rest_answer head;
    rh_rest_begin(r->rest, &head);
    add_profile(r, &head);
    add_timing(r, &head);
    rh_job_keep(&r->job);
    r->state = STREAM;
    rh_exchange_stream(r->x, head.status, head.headers, head.n_headers);
}

static void send_some(struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    size_t n = r->job.streams ? rh_rest_pending(r->rest) : 0;
    if (r->state == RUNNING && n > s->stream_from)
        begin_stream(r);
    if (r->state == STREAM && n > STREAM_PIECE)
        pass_on(r);
}

/* What comes is for nobody. (What is cancelled may still end well, so it counts until something was sent.) */
static bool is_void(const struct request *r)
{
    return r->failed || (r->state == STREAM && r->evicted);
}

/* Of many rows one in RENDERING_SAMPLE is timed: the clock would cost more than a short one. */
static int64_t begin_rendering(struct request *r)
{
    r->n_rendered++;
    return r->n_rendered <= RENDERING_SAMPLE || r->n_rendered % RENDERING_SAMPLE == 0 ? rh_now_us() : 0;
}

static void end_rendering(struct request *r, int64_t since)
{
    if (since)
        r->rendering_us += (rh_now_us() - since) * (r->n_rendered <= RENDERING_SAMPLE ? 1 : RENDERING_SAMPLE);
}

static void on_rows(rh_job *job, int statement, const PGresult *res)
{
    struct request *r = job->user;
    rh_err err;
    if (is_void(r))
        return;
    if (r->load.begun && statement == job->main) {
        rh_load_request_rows(&r->load, res);
        return;
    }
    int64_t since = begin_rendering(r);
    if (rh_rest_rows(r->rest, statement, res, &err))
        send_some(r);
    else
        fail(r, &err);
    end_rendering(r, since);
}

static void on_copy(rh_job *job, const char *line, size_t n)
{
    struct request *r = job->user;
    rh_err err;
    if (is_void(r))
        return;
    int64_t since = begin_rendering(r);
    if (rh_rest_line(r->rest, line, n, &err))
        send_some(r);
    else
        fail(r, &err);
    end_rendering(r, since);
}

/* The rows so far are void: the same plan again, with nothing rendered. Its statements are the ones being
 * sent again. */
static void on_restart(rh_job *job)
{
    struct request *r = job->user;
    rh_err err;
    rh_rest_discard(r->rest);
    r->failed = NULL;
    r->rest = rh_rest_plan(r->x->arena, &r->rest_request, r->cache, &r->naming, &err);
    if (!r->rest) {
        r->failed = RH_NEW(r->x->arena, rh_err);
        *r->failed = err;
    }
}

static void answer(struct request *r, const char *affected)
{
    rh_rest_answer out = {0};
    rh_err err;
    int64_t since = rh_now_us();
    bool ok = rh_rest_finish(r->rest, affected, &out, &err);
    r->rendering_us += rh_now_us() - since;
    if (!ok) {
        rh_rest_scrub_error(r->rest, &err);
        refuse(r, &err);
        return;
    }
    if (r->described)
        rh_describe_name(&out);
    add_profile(r, &out);
    add_timing(r, &out);
    r->state = ENDED;
    rh_exchange_answer(r->x, out.status, out.headers, out.n_headers, out.body, out.body_len);
}

static void unlink_running(struct request *r)
{
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
}

/* An answer that has begun can only be ended or broken off. */
static void finish_stream(struct request *r, const rh_err *err)
{
    rh_rest_answer rest;
    rh_err none;
    r->state = ENDED;
    if (err) {
        if (!r->x->own.gone)
            rh_exchange_note(r->x, err);
        rh_log(RH_LOG_INFO, "tenant %s: an answer was broken off", r->tenant.id);
    } else {
        rh_rest_finish(r->rest, NULL, &rest, &none);
        rh_exchange_send(r->x, rest.body, rest.body_len);
    }
    rh_rest_discard(r->rest);
    rh_exchange_finish(r->x, !err);
}

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    struct request *r = job->user;
    rh_err own;
    unlink_running(r);
    r->done_us = rh_now_us();
    if (r->state == STREAM) {
        finish_stream(r, r->evicted ? r->evicted : r->failed ? r->failed : err);
        return;
    }
    if (err && r->evicted && err->code != RH_E_UNKNOWN_OUTCOME)
        err = r->evicted;
    if (!err && !r->failed) {
        answer(r, r->load.begun ? rh_load_request_affected(&r->load, affected) : affected);
        return;
    }
    own = err ? *err : *r->failed;
    if (r->rest) {
        rh_rest_scrub_error(r->rest, &own);
        if (r->load.begun && !r->evicted)
            rh_load_request_judge(&r->load, &own);
        rh_rest_discard(r->rest);
    }
    refuse(r, &own);
}

/* A schema of its own: what a backend learns of it serves nobody else. */
static bool has_own_schema(const struct request *r)
{
    return strcmp(r->tenant.schema, r->door->settings.naming.schema) != 0;
}

/* Nobody else's rows are in its tables. */
static bool has_own_tables(const struct request *r)
{
    return has_own_schema(r) || strcmp(r->tenant.database, r->door->settings.pool.database) != 0;
}

static rh_route route_of(const struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    return (rh_route){.node = r->tenant.node,
                      .conninfo = r->tenant.conninfo,
                      .database = r->tenant.database,
                      .citus = r->tenant.citus,
                      .place = {.schema = r->tenant.schema,
                                .root = has_own_schema(r) ? NULL : s->root,
                                .uuid = strcmp(s->naming.id_type, "uuid") == 0,
                                .owner_does = s->to_workers && r->rest && !rh_rest_info(r->rest)->calls}};
}

/* ---- tenants that are served no more ---- */

/* Whether it has become wrong to serve this one; a catalog that is away, or a tenant on its way to another
 * home, does not make it so. */
static bool is_evicted(struct data_door *d, const struct request *r, rh_err *err)
{
    rh_directory_entry now;
    return !d->settings.adopted &&
           !rh_directory_admit(d->settings.directory, false, r->tenant.id, 0, &now, err) &&
           (err->code == RH_E_TENANT_SUSPENDED || err->code == RH_E_UNKNOWN_TENANT);
}

/* The job's result is wanted no more: this is. */
static void evict(struct request *r, const rh_err *err)
{
    rh_err *kept = RH_NEW(r->x->arena, rh_err);
    *kept = *err;
    r->evicted = kept;
    rh_queue_cancel(r->door->queue, &r->ticket);
}

/* A statement that may take long for sending its rows, and has none after the time that it may take. */
static bool is_late(struct request *r, rh_err *err)
{
    int64_t most = r->tenant.limits.of[RH_LIMIT_STATEMENT_TIMEOUT];
    if (r->state != RUNNING || r->job.statement_timeout != r->door->settings.stream_timeout || !most ||
        rh_job_runs_us(&r->job) < most * 1000)
        return false;
    rh_err_set(err, RH_E_DB, "canceling statement due to statement timeout");
    memcpy(err->sqlstate, "57014", sizeof err->sqlstate);
    return true;
}

static void on_watch(uv_timer_t *t)
{
    struct data_door *d = t->data;
    rh_err err;
    for (struct request *r = d->running; r; r = r->next)
        if (!r->evicted && (is_evicted(d, r, &err) || is_late(r, &err)))
            evict(r, &err);
    if (!d->running)
        uv_timer_stop(t);
}

static void on_drained(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    if (!r->paused)
        return;
    r->paused = false;
    rh_job_resume(&r->job);
}

static void on_gone(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_err err;
    rh_err_set(&err, RH_E_UNAVAILABLE, "the client has left");
    if (!r->evicted && r->state != ENDED) /* else only its refusal is waited for, which then finishes it */
        evict(r, &err);
}

/* Before it is submitted: its end may come at any time after that. */
static void link_running(struct request *r)
{
    struct data_door *d = r->door;
    r->next = d->running;
    r->link = &d->running;
    if (r->next)
        r->next->link = &r->next;
    d->running = r;
    if (!uv_is_active((uv_handle_t *)&d->watch))
        uv_timer_start(&d->watch, on_watch, WATCH_MS, WATCH_MS);
}

/* ---- the exchange's events ---- */

/* One second's worth may come at once. */
static bool check_rate(struct data_door *d, const struct request *r, rh_err *err)
{
    int64_t rate = r->tenant.limits.of[RH_LIMIT_RATE], wait_ms;
    if (rate == 0 || rh_quota_take(d->settings.quota, r->tenant.id, rate, rh_now_us(), &wait_ms))
        return true;
    rh_err_set(err, RH_E_TOO_MANY, "more than %.10g requests a second", (double)rate / 1000);
    err->retry_after = (int)((wait_ms + 999) / 1000);
    return rh_err_hint(err, "Try again after the seconds that Retry-After names.");
}

static bool has_large_body(const rh_exchange *x)
{
    uint64_t n;
    const char *length = x->headers.content_length;
    return x->headers.transfer_encoding ||
           (length && rh_parse_uint(length, strlen(length), &n) && n >= LARGE_BODY);
}

/* Uploads take memory for as long as they like to last. */
static bool check_bodies(struct data_door *d, struct request *r, rh_err *err)
{
    if (!has_large_body(r->x))
        return true;
    r->keeps_body = rh_quota_keep_body(d->settings.quota, r->tenant.id, d->settings.max_bodies);
    if (r->keeps_body)
        return true;
    rh_err_set(err, RH_E_TOO_MANY, "more than %lld large bodies at once", (long long)d->settings.max_bodies);
    return rh_err_hint(err, "Send fewer at a time.");
}

static bool admit_tenant(struct data_door *d, const rh_identity *who, struct request *r, rh_err *err)
{
    const rh_data_door_settings *s = &d->settings;
    if (!rh_directory_admit(s->directory, who->is_slug, who->ref, s->stale_after_ms, &r->tenant, err))
        return false;
    rh_limits_apply(&r->tenant.limits, &s->limits);
    r->x->max_body = (size_t)r->tenant.limits.of[RH_LIMIT_BODY];
    r->cache = rh_directory_cache(s->directory, r->tenant.reference_version, r->tenant.tenant_version);
    if (r->cache)
        return check_rate(d, r, err) && check_bodies(d, r, err);
    rh_err_set(err, RH_E_TENANT_NOT_READY, "the tenant's version is not known to this server yet");
    return rh_err_hint(err, "Try again in a moment.");
}

/* *again: newer keys may know the token. */
static bool admit(struct data_door *d, struct request *r, bool *again, rh_err *err)
{
    rh_exchange *x = r->x;
    rh_identity who;
    if (!d->settings.adopted) {
        bool known =
            rh_resolve(d->resolver, x->headers.authorization, x->headers.named, rh_wall_s(), &who, err);
        *again = who.retry_after_fetch;
        return known && admit_tenant(d, &who, r, err) && check_profile(x, err);
    }
    if (!rh_adopted_request_admit(d->settings.adopted, d->resolver, x, &r->adopted, &r->tenant, again, err))
        return false;
    const rh_gate_pass *pass = &r->adopted.pass;
    r->tenant.limits = rh_tenant_limits_of(pass->state, pass->tenant, pass->timeout_ms, &d->settings.limits);
    x->max_body = (size_t)r->tenant.limits.of[RH_LIMIT_BODY];
    r->cache = r->adopted.pass.schema->cache;
    return check_rate(d, r, err) && check_bodies(d, r, err);
}

/* The request of an exchange that was held is there already. */
static struct request *request_of(struct data_door *d, rh_exchange *x)
{
    if (x->user)
        return x->user;
    struct request *r = RH_NEW(x->arena, struct request);
    r->door = d;
    r->x = x;
    return x->user = r;
}

static void pick_up_keys(struct data_door *d)
{
    const rh_jwt_keys *old = d->keys;
    if (rh_key_source_generation(d->settings.keys) == d->generation)
        return;
    d->keys = rh_key_source_get(d->settings.keys, &d->generation);
    rh_resolver_set_keys(d->resolver, d->keys);
    rh_jwt_keys_free(old);
}

static void allow_load(struct request *r);

static void on_head(void *ctx, rh_exchange *x)
{
    struct data_door *d = ctx;
    rh_err err;
    bool again;
    if (answer_without_tenant(d, x))
        return;
    struct request *r = request_of(d, x);
    pick_up_keys(d);
    if (admit(d, r, &again, &err)) {
        r->state = ADMITTED;
        r->judged_us = rh_now_us();
        if (x->method == RH_POST && has_large_body(x))
            allow_load(r);
        return;
    }
    if (again && rh_key_wait_hold(d->key_wait, &r->waiter, x))
        return;
    refuse(r, &err);
}

static void fill_request(struct request *r)
{
    rh_exchange *x = r->x;
    r->settings.len = 0; /* of a request that may have a large body it is done twice */
    r->naming = r->door->settings.naming;
    r->naming.vary = *r->door->vary ? r->door->vary : NULL;
    r->naming.tenant_id = r->tenant.id;
    r->naming.schema = r->tenant.schema;
    r->naming.max_rows = r->tenant.limits.of[RH_LIMIT_ROWS];
    r->naming.distributed = r->tenant.citus;
    const char *profile = rh_exchange_profile(x);
    r->naming.reference_only = profile && strcmp(profile, profiles[1]) == 0;
    if (r->naming.reference_only)
        r->naming.told_schema = r->naming.reference_schema;
    if (has_own_tables(r) && r->naming.plans != RH_PLANS_NONE)
        r->naming.plans = RH_PLANS_WHOLE;
    r->naming.estimates = has_own_tables(r) && !r->tenant.citus;
    r->naming.reads = (rh_relation_cache_reads(r->cache) | r->naming.reads) & r->door->settings.reads;
    if (r->door->settings.adopted)
        rh_adopted_request_name(&r->adopted, x, &r->naming, &r->settings);
    else
        rh_request_settings_add(x, r->naming.reads, NULL, &r->settings);
    r->rest_request =
        (rh_rest_request){.method = x->method,
                          .path = x->path,
                          .query = x->query,
                          .prefer = x->headers.prefer ? x->headers.prefer : r->door->settings.prefer,
                          .range = x->headers.range,
                          .range_unit = x->headers.range_unit,
                          .accept = x->headers.accept,
                          .content_type = x->headers.content_type,
                          .body = x->body,
                          .body_len = x->body_len,
                          .settings = r->settings.items,
                          .n_settings = (int)r->settings.len};
}

/* From the head: a longer body than others may be. */
static void allow_load(struct request *r)
{
    rh_exchange *x = r->x;
    fill_request(r);
    if (r->door->settings.max_load && has_large_body(x) &&
        rh_batches_may(&r->rest_request, r->cache, &r->naming))
        x->max_load = (uint64_t)r->tenant.limits.of[RH_LIMIT_LOAD];
}

static bool plan(struct request *r, rh_err *err)
{
    r->rest = rh_rest_plan(r->x->arena, &r->rest_request, r->cache, &r->naming, err);
    r->state = PLANNED;
    return r->rest != NULL;
}

/* An answer with a description, while that is made. */
struct description {
    rh_description_order order;
    struct request *r;
    rh_rest_answer head;
};

static void answer_description(struct description *d, rh_kept *text)
{
    d->r->state = ENDED;
    rh_exchange_answer_kept(d->r->x, d->head.headers, d->head.n_headers, text);
}

static void on_described(rh_description_order *order, rh_kept *text, const rh_err *err)
{
    struct description *d = (struct description *)order;
    rh_err own;
    if (text) {
        answer_description(d, text);
        return;
    }
    own = *err;
    refuse(d->r, &own);
}

/* What the role of an adopted database was seen to have; on a helper thread. */
static const rh_relation_cache *read_seen(rh_description_order *order, rh_err *err)
{
    const struct request *r = ((struct description *)order)->r;
    return rh_adopted_request_seen(&r->adopted, r->x->arena, r->seen, strlen(r->seen), err);
}

/* cache NULL: it is to be read of what was seen. */
static void describe(struct request *r, const rh_relation_cache *cache)
{
    rh_err err;
    const rh_data_door_settings *s = &r->door->settings;
    struct description *d = RH_NEW(r->x->arena, struct description);
    rh_description_order *o = &d->order;
    d->r = r;
    if (!rh_describe(r->x->arena, &r->rest_request, cache, &r->naming, &s->openapi, &d->head, &o->form,
                     &err)) {
        refuse(r, &err);
        return;
    }
    o->cache = cache;
    o->read = read_seen;
    o->naming = &r->naming;
    o->settings = &s->openapi;
    o->content_type = d->head.headers[0].value;
    o->version = rh_arena_printf(r->x->arena, "%d", (int)r->tenant.tenant_version);
    o->on_made = on_described;
    add_profile(r, &d->head);
    rh_kept *text =
        o->form == RH_DESCRIPTION_NONE || !cache ? NULL : rh_describer_find(r->door->describer, o);
    if (o->form == RH_DESCRIPTION_NONE) {
        r->state = ENDED;
        rh_exchange_answer(r->x, d->head.status, d->head.headers, d->head.n_headers, NULL, 0);
    } else if (text) {
        answer_description(d, text);
    } else {
        rh_describer_make(r->door->describer, o);
    }
}

int64_t rh_data_door_deadline_ms(int64_t statement_timeout_ms)
{
    return statement_timeout_ms * SLOW_STATEMENTS + DEADLINE_MARGIN_MS;
}

/* What is the same of every job of a request. */
static void begin_job(struct request *r)
{
    rh_job *job = &r->job;
    int relations;
    rh_relation_all(r->cache, &relations);
    job->tenant = r->tenant.id;
    bool adopted = r->door->settings.adopted != NULL;
    job->home = adopted || has_own_schema(r) ? (uint64_t)r->tenant.home : 0;
    job->schema = job->home && !adopted ? r->tenant.schema : NULL;
    job->begin = r->adopted.pass.begin;
    if (adopted && r->adopted.pass.timeout_ms >= 0)
        job->deadline_ms =
            r->adopted.pass.timeout_ms ? rh_data_door_deadline_ms(r->adopted.pass.timeout_ms) : NO_TIMEOUT_MS;
    job->relations = (size_t)relations;
    int64_t timeout = r->tenant.limits.of[RH_LIMIT_STATEMENT_TIMEOUT];
    if (timeout != r->door->settings.limits.of[RH_LIMIT_STATEMENT_TIMEOUT]) {
        job->statement_timeout = rh_arena_printf(r->x->arena, "%lld", (long long)timeout);
        job->deadline_ms = rh_data_door_deadline_ms(timeout);
    }
    job->on_done = on_done;
    job->user = r;
}

static bool send_job(struct request *r, rh_err *err)
{
    r->state = RUNNING;
    r->planned_us = rh_now_us();
    link_running(r);
    r->ticket = (rh_ticket){.tenant = r->tenant.id,
                            .concurrency = r->tenant.limits.of[RH_LIMIT_CONCURRENCY],
                            .to = route_of(r),
                            .job = &r->job};
    if (rh_queue_submit(r->door->queue, &r->ticket, err))
        return true;
    unlink_running(r);
    return false;
}

static void on_hungry(rh_job *job)
{
    struct request *r = job->user;
    rh_load_request_feed(&r->load);
}

static bool submit(struct request *r, rh_err *err)
{
    const rh_rest_plan_info *info = rh_rest_info(r->rest);
    rh_job *job = &r->job;
    begin_job(r);
    if (info->isolation)
        job->begin = rh_adopted_begin(info->isolation);
    if (info->timeout_ms >= 0)
        job->deadline_ms = info->timeout_ms ? rh_data_door_deadline_ms(info->timeout_ms) : NO_TIMEOUT_MS;
    job->read_only = info->read_only;
    job->single_row = info->single_row;
    job->rollback = info->rollback;
    job->streams = info->streams;
    job->shares = info->plain;
    if (info->large) /* that it begins in the tenant's time is watched here: is_late() */
        job->statement_timeout = r->door->settings.stream_timeout;
    job->n_statements = info->n_statements;
    job->main = info->main;
    for (int i = 0; i < info->n_statements; i++) {
        const rh_rest_statement *s = &info->statements[i];
        job->statements[i] = (rh_pool_statement){s->text, s->text_len, s->n, s->values};
    }
    job->on_rows = on_rows;
    job->on_copy = info->copies ? on_copy : NULL;
    if (r->load.begun) {
        job->on_hungry = on_hungry;
        job->single_row = true;
        job->deadline_ms = r->door->settings.load_timeout_ms;
    }
    job->on_restart = on_restart;
    return send_job(r, err);
}

/* ---- what the role of an adopted database may do, before it is described ---- */

static void on_look_rows(rh_job *job, int statement, const PGresult *res)
{
    struct request *r = job->user;
    if (!r->known && statement == job->main && PQntuples(res) == 1)
        r->seen = rh_arena_strndup(r->x->arena, PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0));
}

static void on_look_restart(rh_job *job)
{
    struct request *r = job->user;
    r->seen = NULL;
}

static void on_look_done(rh_job *job, const char *affected, const rh_err *err)
{
    struct request *r = job->user;
    rh_err own;
    unlink_running(r);
    if (!err && (r->known || r->seen)) {
        describe(r, r->known);
        return;
    }
    if (err)
        own = *err;
    else
        rh_err_set(&own, RH_E_INTERNAL, "the description is empty");
    refuse(r, &own);
}

static bool look(struct request *r, rh_err *err)
{
    rh_job *job = &r->job;
    rh_rest_statement statements[RH_ADOPTED_LOOK_STATEMENTS];
    begin_job(r);
    job->n_statements =
        rh_adopted_request_look(&r->adopted, r->x->arena, &r->settings, statements) - (r->known != NULL);
    job->read_only = job->single_row = true;
    job->main = job->n_statements - 1;
    for (int i = 0; i < job->n_statements; i++) {
        const rh_rest_statement *s = &statements[i];
        job->statements[i] = (rh_pool_statement){s->text, s->text_len, s->n, s->values};
    }
    job->on_rows = on_look_rows;
    job->on_restart = on_look_restart;
    job->on_done = on_look_done;
    return send_job(r, err);
}

/* Of an adopted database each role has a description of its own, and the function that runs first in each
 * transaction may refuse it. False: with err, to be refused. */
static bool describe_or_look(struct request *r, rh_err *err)
{
    const rh_data_door_settings *s = &r->door->settings;
    const rh_relation_cache *cache = r->cache;
    bool by_role = s->adopted && s->openapi.mode == RH_OPENAPI_FOLLOW && r->rest_request.method != RH_OPTIONS;
    if (by_role)
        cache = rh_adopted_view_of(r->adopted.pass.state, r->adopted.pass.schema, r->adopted.pass.role);
    r->known = cache;
    if (!cache || (s->adopted && r->adopted.role.pre_request && r->rest_request.method != RH_OPTIONS))
        return look(r, err);
    describe(r, cache);
    return true;
}

/* ---- bodies that are loaded while they come in ---- */

static bool on_large(void *ctx, rh_exchange *x, const char *bytes, size_t n)
{
    struct request *r = x->user;
    rh_err err;
    r->load = (rh_load_request){.x = x, .job = &r->job};
    rh_batches_begun begun =
        rh_load_request_begin(&r->load, &r->rest_request, r->cache, &r->naming, bytes, n, &r->rest, &err);
    if (begun == RH_BATCHES_NOT || begun == RH_BATCHES_MORE)
        return false;
    if (begun == RH_BATCHES_WRONG || is_evicted(ctx, r, &err) || !submit(r, &err))
        refuse(r, &err);
    return true;
}

static bool on_piece(void *ctx, rh_exchange *x, const char *bytes, size_t n)
{
    struct request *r = x->user;
    return rh_load_request_add(&r->load, bytes, n);
}

static void on_last(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_load_request_end(&r->load);
}

static void on_request(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    rh_err err;
    fill_request(r);
    if (r->door->settings.adopted)
        r->described = rh_adopted_request_root(&r->adopted, x->arena, &r->rest_request);
    if (rh_describe_asked(&r->rest_request, r->cache)) {
        if (!describe_or_look(r, &err))
            refuse(r, &err);
        return;
    }
    /* a body may have taken its time */
    if (!(x->body_len && is_evicted(ctx, r, &err)) && plan(r, &err) && submit(r, &err))
        return;
    if (r->rest)
        rh_rest_discard(r->rest);
    refuse(r, &err);
}

/* ---- figures ---- */

static const char *model_of(const struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    if (s->adopted)
        return "adopted";
    if (!*r->tenant.id || !r->tenant.home)
        return "";
    if (has_own_schema(r))
        return rh_model_name(RH_MODEL_SCHEMA);
    return rh_model_name(!r->tenant.citus && strcmp(r->tenant.database, s->pool.database) != 0
                             ? RH_MODEL_DATABASE
                             : RH_MODEL_SHARED);
}

static void on_end(void *ctx, rh_exchange *x)
{
    struct data_door *d = ctx;
    const struct request *r = x->user;
    rh_measured m = {.door = rh_door_data, .model = ""};
    if (r && *r->tenant.id) {
        int64_t in_postgresql = r->ticket.took_us - r->rendering_us;
        m.tenant = r->tenant.id;
        m.model = model_of(r);
        m.node = r->tenant.node;
        m.us[RH_TIME_QUEUE] = r->ticket.waited_us;
        m.us[RH_TIME_POSTGRESQL] = in_postgresql > 0 ? in_postgresql : 0;
        m.us[RH_TIME_RENDERING] = r->rendering_us;
    }
    rh_account_end(&d->account, x, &m);
    if (r && r->keeps_body)
        rh_quota_drop_body(d->settings.quota, r->tenant.id);
}

static void read_figures(void *arg, rh_reading *to)
{
    const struct data_door *d = arg;
    rh_figures_read(to, d->routes, d->queue, d->resolver);
}

/* ---- beginning and end ---- */

static void on_watch_closed(uv_handle_t *h)
{
    struct data_door *d = h->data;
    void (*closed)(void *) = d->closed;
    void *closed_arg = d->closed_arg;
    rh_queue_free(d->queue);
    rh_resolver_free(d->resolver);
    rh_jwt_keys_free(d->keys);
    free(d);
    closed(closed_arg);
}

static void on_meter_closed(void *arg)
{
    struct data_door *d = arg;
    uv_close((uv_handle_t *)&d->watch, on_watch_closed);
}

static void on_delay_closed(void *arg)
{
    struct data_door *d = arg;
    rh_meter *meter = d->account.meter;
    d->account.meter = NULL;
    rh_meter_close(meter, on_meter_closed, d);
}

static void on_describer_closed(void *arg)
{
    struct data_door *d = arg;
    rh_delay_close(d->delay, on_delay_closed, d);
}

/* All jobs have ended, some with a refusal. */
static void on_routes_closed(void *arg)
{
    struct data_door *d = arg;
    rh_describer_close(d->describer, on_describer_closed, d);
}

static void on_queue_closed(void *arg)
{
    struct data_door *d = arg;
    rh_routes_close(d->routes, on_routes_closed, d);
}

static void on_key_wait_closed(void *arg)
{
    struct data_door *d = arg;
    rh_queue_close(d->queue, on_queue_closed, d);
}

static void close_door(void *ctx, void (*closed)(void *arg), void *arg)
{
    struct data_door *d = ctx;
    d->closed = closed;
    d->closed_arg = arg;
    rh_key_wait_close(d->key_wait, on_key_wait_closed, d);
}

void rh_data_door_new(uv_loop_t *loop, const rh_data_door_settings *settings, rh_door *door)
{
    struct data_door *d = rh_xcalloc(1, sizeof *d);
    d->settings = *settings;
    const char *header = settings->rules.trusted_header;
    snprintf(d->vary, sizeof d->vary, "Accept, Authorization, Prefer, Range%s%s",
             header && *header ? ", " : "", header ? header : "");
    d->resolver = rh_resolver_new(&settings->rules, NULL);
    d->key_wait = rh_key_wait_new(loop, settings->keys);
    d->delay = rh_delay_new(loop);
    d->describer = rh_describer_new(loop, settings->descriptions);
    d->routes = rh_routes_new(loop, &settings->pool, settings->home_connections);
    rh_queue_settings queue = {.backend = rh_queue_of_routes(d->routes),
                               .quota = settings->quota,
                               .share = settings->share,
                               .max_waiting = settings->max_waiting,
                               .max_wait_ms = settings->max_wait_ms};
    d->queue = rh_queue_new(loop, &queue);
    d->account =
        (rh_account){rh_metrics_join(settings->metrics, loop, read_figures, d), settings->log_requests};
    uv_timer_init(loop, &d->watch);
    d->watch.data = d;
    *door = (rh_door){.ctx = d,
                      .named_header = settings->rules.trusted_header,
                      .max_body = settings->max_body,
                      .cors = settings->cors,
                      .on_head = on_head,
                      .on_request = on_request,
                      .on_large = on_large,
                      .on_piece = on_piece,
                      .on_last = on_last,
                      .load_from = settings->stream_from,
                      .on_drained = on_drained,
                      .on_gone = on_gone,
                      .on_end = on_end,
                      .stream_buffer = settings->stream_buffer,
                      .encodes = true,
                      .close = close_door};
}
