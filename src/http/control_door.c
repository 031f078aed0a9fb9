/* SPDX-License-Identifier: Apache-2.0 */
#include "http/control_door.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/account.h"
#include "http/docs.h"
#include "rest/url.h"

#define MAX_ANSWER ((size_t)64 << 20) /* a description of 5,000 tables has 48 */
#define LIST_LIMIT 100
#define LIST_LIMIT_MAX 10000
#define TOKEN_TTL_S 3600
#define TEXT_TYPE "text/plain; charset=utf-8"
#define TOKEN_TTL_MAX_S (366 * 86400)

struct control_door {
    rh_control_door_settings settings;
    uv_loop_t *loop;
    rh_account account;
    int n_calls; /* on helper threads */
    void (*closed)(void *);
    void *closed_arg;
};

struct call;

enum { CONTROL = 1, ADMIN = 2 }; /* whose routes */

struct route {
    int doors;
    rh_method method;
    const char *method_name, *pattern;
    int status;
    bool (*run)(struct call *c);
    size_t verb; /* where run_verb finds it in rh_control_ops */
};

/* One call of a handler, made on the loop's thread, run on a helper thread. */
struct call {
    uv_work_t work;
    struct control_door *door;
    rh_exchange *x;
    const struct route *route; /* NULL: the request is rest's */
    rh_rest_request rest;
    rh_rest_answer answer;
    const char *ref; /* what stands for :ref in the path, decoded; NULL without */
    json_t *body;    /* NULL when there is none */
    bool ok;
    rh_str out;
    const char *type; /* of out; NULL: JSON */
    rh_err err;
};

/* ---- what handlers read ---- */

/* The value of a query argument, decoded; NULL when absent. */
static bool query_value(struct call *c, const char *name, const char **out)
{
    size_t len = strlen(name);
    *out = NULL;
    for (const char *p = c->x->query; *p;) {
        size_t n = strcspn(p, "&");
        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=') {
            *out = rh_url_decode(c->x->arena, p + len + 1, n - len - 1, true, &c->err);
            if (!*out)
                return false;
        }
        p += n + (p[n] == '&');
    }
    return true;
}

static bool in_range(struct call *c, const char *name, int64_t value, int64_t max)
{
    if (value >= 1 && value <= max)
        return true;
    return rh_err_set(&c->err, RH_E_INVALID, "%s must be a number from 1 to %lld", name, (long long)max);
}

/* ---- handlers: on a helper thread ---- */

static bool run_list(struct call *c)
{
    const char *limit, *after;
    int64_t n = LIST_LIMIT;
    if (!query_value(c, "limit", &limit) || !query_value(c, "after", &after))
        return false;
    if (limit && !rh_parse_int(limit, &n))
        n = 0;
    const rh_control_ops *ops = &c->door->settings.ops;
    return in_range(c, "limit", n, LIST_LIMIT_MAX) &&
           ops->list(ops->ctx, c->x->arena, n, after, &c->out, &c->err);
}

static bool run_nodes(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    return ops->nodes(ops->ctx, c->x->arena, &c->out, &c->err);
}

static bool run_describe(struct call *c)
{
    const rh_control_door_settings *s = &c->door->settings;
    return s->ops.describe(s->ops.ctx, c->x->arena, &s->openapi, &c->out, &c->err);
}

static bool run_metrics(struct call *c)
{
    rh_metrics_page_write(&c->door->settings.metrics, &c->out);
    c->type = RH_METRICS_TYPE;
    return true;
}

static bool run_ready(struct call *c)
{
    const rh_control_door_settings *s = &c->door->settings;
    if (rh_key_source_generation(s->keys) == 0)
        return rh_err_set(&c->err, RH_E_UNAVAILABLE, "there are no keys for tokens yet");
    if (rh_metrics_sum(s->metrics.metrics, RH_FAMILY_POOL_UP) == 0)
        return rh_err_set(&c->err, RH_E_UNAVAILABLE, "there is no connection to the database");
    rh_str_add(&c->out, "ok\n");
    c->type = TEXT_TYPE;
    return true;
}

static bool run_config(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    c->type = TEXT_TYPE;
    return ops->config(ops->ctx, c->x->arena, &c->out, &c->err);
}

static bool run_schema_cache(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    return ops->schema_cache(ops->ctx, c->x->arena, &c->out, &c->err);
}

static bool run_create(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    if (!json_is_object(c->body))
        return rh_err_set(&c->err, RH_E_BODY, "a JSON object is expected");
    return ops->create(ops->ctx, c->x->arena, c->body, &c->out, &c->err);
}

static bool run_show(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    return ops->show(ops->ctx, c->x->arena, c->ref, &c->out, &c->err);
}

static bool run_token(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    const json_t *ttl = json_object_get(c->body, "ttl");
    int64_t seconds = ttl ? json_integer_value(ttl) : TOKEN_TTL_S;
    return in_range(c, "ttl", seconds, TOKEN_TTL_MAX_S) &&
           ops->token(ops->ctx, c->x->arena, c->ref, seconds, &c->out, &c->err);
}

static bool run_verb(struct call *c)
{
    const rh_control_ops *ops = &c->door->settings.ops;
    rh_control_verb *const *verb = (const void *)((const char *)ops + c->route->verb);
    if (c->body && !json_is_object(c->body))
        return rh_err_set(&c->err, RH_E_BODY, "a JSON object is expected");
    return (*verb)(ops->ctx, c->x->arena, c->ref, c->body, &c->out, &c->err);
}

#define VERB(name) run_verb, offsetof(rh_control_ops, name)

/* The routes. To add one: a row; `:ref` stands for one segment of the path. */
static const struct route routes[] = {
    {CONTROL, RH_GET, "GET", "/tenants", 200, run_list, 0},
    {CONTROL | ADMIN, RH_GET, "GET", "/metrics", 200, run_metrics, 0},
    {CONTROL, RH_GET, "GET", "/nodes", 200, run_nodes, 0},
    {CONTROL, RH_GET, "GET", RH_DOCS_PATH "/openapi.json", 200, run_describe, 0},
    {CONTROL, RH_POST, "POST", "/tenants", 201, run_create, 0},
    {CONTROL, RH_GET, "GET", "/tenants/:ref", 200, run_show, 0},
    {CONTROL, RH_POST, "POST", "/tenants/:ref/token", 201, run_token, 0},
    {CONTROL, RH_POST, "POST", "/tenants/:ref/suspend", 200, VERB(suspend)},
    {CONTROL, RH_POST, "POST", "/tenants/:ref/resume", 200, VERB(resume)},
    {CONTROL, RH_POST, "POST", "/tenants/:ref/rename", 200, VERB(rename)},
    {CONTROL, RH_GET, "GET", "/tenants/:ref/limits", 200, VERB(limits)},
    {CONTROL, RH_PATCH, "PATCH", "/tenants/:ref/limits", 200, VERB(set_limits)},
    {CONTROL, RH_DELETE, "DELETE", "/tenants/:ref/limits", 200, VERB(forget_limits)},
    {CONTROL, RH_DELETE, "DELETE", "/tenants/:ref", 200, VERB(drop)},
    {ADMIN, RH_GET, "GET", "/ready", 200, run_ready, 0},
    {ADMIN, RH_GET, "GET", "/config", 200, run_config, 0},
    {ADMIN, RH_GET, "GET", "/schema_cache", 200, run_schema_cache, 0},
};
#define N_ROUTES (sizeof routes / sizeof *routes)

/* ---- who may come in ---- */

static bool check_host(const struct control_door *d, const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    char expected[32];
    if (d->settings.any_host)
        return true;
    for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
        snprintf(expected, sizeof expected, "%s:%d", names[i], d->settings.port);
        if (strcasecmp(host, expected) == 0 || (d->settings.port == 80 && strcasecmp(host, names[i]) == 0))
            return true;
    }
    return false;
}

static bool check_origin(const char *origin, const char *host)
{
    return !origin || (strncasecmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0);
}

/* A GET that acts (control.migrate_path) comes from a page's <img> without an Origin, but with this. */
static bool check_site(const char *site)
{
    return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static bool check_token(const struct control_door *d, const char *authorization)
{
    const char *expected = d->settings.operator_token;
    size_t len = strlen(expected);
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    authorization += 7;
    return len > 0 && strlen(authorization) == len && CRYPTO_memcmp(authorization, expected, len) == 0;
}

/* What tells nothing of the app or its tenants. */
static bool is_public(const struct control_door *d, const rh_exchange *x)
{
    return strcmp(x->path, "/live") == 0 || (!d->settings.admin && strcmp(x->path, RH_DOCS_PATH) == 0 &&
                                             (x->method == RH_GET || x->method == RH_HEAD));
}

static bool is_open(const struct control_door *d, const rh_exchange *x)
{
    return is_public(d, x) || d->settings.admin || d->settings.open ||
           (d->settings.open_metrics && strcmp(x->path, "/metrics") == 0);
}

static bool check_visitor(const struct control_door *d, const rh_exchange *x, rh_err *err)
{
    if (!check_host(d, x->headers.host)) {
        rh_err_set(err, RH_E_FORBIDDEN, "the Host header does not name this door");
        return rh_err_hint(err, "Use localhost or 127.0.0.1 with port %d.", d->settings.port);
    }
    if (!check_origin(x->headers.origin, x->headers.host) || !check_site(x->headers.sec_fetch_site))
        return rh_err_set(err, RH_E_FORBIDDEN, "requests from another origin are refused");
    if (is_open(d, x) || check_token(d, x->headers.authorization))
        return true;
    rh_err_set(err, RH_E_UNAUTHORIZED, "the operator's token is missing or wrong");
    return rh_err_hint(err, "Send it as Authorization: Bearer TOKEN.");
}

/* ---- finding the route ---- */

/* The path matches; *ref is where :ref stands in it (n bytes). */
static bool match(const char *pattern, const char *path, const char **ref, size_t *n)
{
    while (*pattern) {
        if (strncmp(pattern, ":ref", 4) == 0) {
            *ref = path;
            *n = strcspn(path, "/");
            if (*n == 0)
                return false;
            pattern += 4;
            path += *n;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == 0;
}

static const struct route *find_route(const struct control_door *d, rh_exchange *x, const char **ref,
                                      const char **allow, rh_err *err)
{
    rh_str methods;
    rh_str_init_in(&methods, x->arena, 64);
    for (size_t i = 0; i < N_ROUTES; i++) {
        const char *segment = NULL;
        size_t n = 0;
        if (!(routes[i].doors & (d->settings.admin ? ADMIN : CONTROL)) ||
            !match(routes[i].pattern, x->path, &segment, &n))
            continue;
        rh_str_addf(&methods, "%s%s", methods.len ? ", " : "", routes[i].method_name);
        if (routes[i].method != x->method && !(x->method == RH_HEAD && routes[i].method == RH_GET))
            continue;
        *ref = segment ? rh_url_decode(x->arena, segment, n, false, err) : NULL;
        return !segment || *ref ? &routes[i] : NULL;
    }
    *allow = rh_str_cstr(&methods);
    if (methods.len)
        rh_err_set(err, RH_E_METHOD, "the method is not allowed here");
    else
        rh_err_set(err, RH_E_NO_PATH, "there is nothing at this path");
    return NULL;
}

/* ---- running ---- */

static void work(uv_work_t *req)
{
    struct call *c = req->data;
    const rh_control_ops *ops = &c->door->settings.ops;
    c->ok = c->route ? c->route->run(c) : ops->rest(ops->ctx, c->x->arena, &c->rest, &c->answer, &c->err);
}

static void on_meter_closed(void *arg)
{
    struct control_door *d = arg;
    void (*closed)(void *) = d->closed;
    void *closed_arg = d->closed_arg;
    free(d);
    closed(closed_arg);
}

static void maybe_closed(struct control_door *d)
{
    rh_meter *meter = d->account.meter;
    if (!d->closed || d->n_calls > 0 || !meter)
        return;
    d->account.meter = NULL;
    rh_meter_close(meter, on_meter_closed, d);
}

static void answer_text(rh_exchange *x, int status, const char *type, rh_str *json)
{
    const rh_rest_header header = {"Content-Type", type ? type : "application/json; charset=utf-8"};
    size_t len;
    char *body = rh_str_take(json, &len);
    rh_exchange_answer(x, status, &header, 1, body, len);
}

static void on_worked(uv_work_t *req, int status)
{
    struct call *c = req->data;
    struct control_door *d = c->door;
    json_decref(c->body);
    if (c->ok && c->out.overflow)
        c->ok = rh_err_set(&c->err, RH_E_TOO_LARGE, "the answer is too large");
    if (c->ok && !c->route)
        rh_exchange_answer(c->x, c->answer.status, c->answer.headers, c->answer.n_headers, c->answer.body,
                           c->answer.body_len);
    else if (c->ok)
        answer_text(c->x, c->route->status, c->type, &c->out);
    else
        rh_exchange_refuse(c->x, &c->err, NULL);
    rh_str_release(&c->out);
    free(c);
    d->n_calls--;
    maybe_closed(d);
}

static bool is_json(const char *type)
{
    size_t n = strlen("application/json");
    return type && strncasecmp(type, "application/json", n) == 0 &&
           (type[n] == 0 || type[n] == ';' || type[n] == ' ');
}

/* 0, or the status to refuse with. */
static int read_body(const rh_exchange *x, json_t **out, rh_err *err)
{
    json_error_t why;
    *out = NULL;
    if ((x->method != RH_POST && x->method != RH_PATCH && x->method != RH_DELETE) || x->body_len == 0)
        return 0;
    if (!is_json(x->headers.content_type)) {
        rh_err_set(err, RH_E_BODY, "the body must be application/json");
        return 415;
    }
    *out = json_loadb(x->body, x->body_len, JSON_REJECT_DUPLICATES, &why);
    if (*out)
        return 0;
    rh_err_set(err, RH_E_BODY, "the body is not JSON: %s (line %d, column %d)", why.text, why.line,
               why.column);
    return 400;
}

static void on_head(void *ctx, rh_exchange *x)
{
    rh_err err;
    if (!check_visitor(ctx, x, &err)) {
        rh_exchange_refuse(x, &err, NULL);
    } else if (strcmp(x->path, "/live") == 0) {
        static const rh_rest_header header = {"Content-Type", TEXT_TYPE};
        rh_exchange_answer(x, 200, &header, 1, rh_xstrdup("ok\n"), 3);
    } else if (is_public(ctx, x)) {
        rh_docs_answer(x);
    }
}

static struct call *call_new(struct control_door *d, rh_exchange *x)
{
    struct call *c = rh_xcalloc(1, sizeof *c);
    c->work.data = c;
    c->door = d;
    c->x = x;
    rh_str_init(&c->out, MAX_ANSWER);
    return c;
}

static void call_start(struct call *c)
{
    c->door->n_calls++;
    uv_queue_work(c->door->loop, &c->work, work, on_worked);
}

static void start_rest(struct control_door *d, rh_exchange *x)
{
    struct call *c = call_new(d, x);
    c->rest = (rh_rest_request){.method = x->method,
                                .path = x->path,
                                .query = x->query,
                                .prefer = x->headers.prefer,
                                .range = x->headers.range,
                                .range_unit = x->headers.range_unit,
                                .accept = x->headers.accept,
                                .content_type = x->headers.content_type,
                                .body = x->body,
                                .body_len = x->body_len};
    call_start(c);
}

static void on_request(void *ctx, rh_exchange *x)
{
    struct control_door *d = ctx;
    rh_err err;
    const char *ref = NULL, *allow = NULL;
    json_t *body = NULL;
    const struct route *route = find_route(d, x, &ref, &allow, &err);
    if (!route && err.code == RH_E_NO_PATH && d->settings.ops.rest) {
        start_rest(d, x);
        return;
    }
    int status = route ? read_body(x, &body, &err) : rh_err_http(&err);
    if (status) {
        rh_exchange_refuse_as(x, status, &err, allow);
        return;
    }
    struct call *c = call_new(d, x);
    c->route = route;
    c->ref = ref;
    c->body = body;
    call_start(c);
}

static void on_end(void *ctx, rh_exchange *x)
{
    struct control_door *d = ctx;
    rh_measured m = {.door = rh_door_control, .model = ""};
    rh_account_end(&d->account, x, &m);
}

static void close_door(void *ctx, void (*closed)(void *arg), void *arg)
{
    struct control_door *d = ctx;
    d->closed = closed;
    d->closed_arg = arg;
    maybe_closed(d);
}

void rh_control_door_new(uv_loop_t *loop, const rh_control_door_settings *settings, rh_door *door)
{
    struct control_door *d = rh_xcalloc(1, sizeof *d);
    d->settings = *settings;
    d->loop = loop;
    d->account =
        (rh_account){rh_metrics_join(settings->metrics.metrics, loop, NULL, NULL), settings->log_requests};
    *door = (rh_door){.ctx = d,
                      .max_body = RH_CONTROL_MAX_BODY,
                      .on_head = on_head,
                      .on_request = on_request,
                      .on_end = on_end,
                      .close = close_door};
}
