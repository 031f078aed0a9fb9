/* SPDX-License-Identifier: Apache-2.0
 *
 * The control door: the operator's HTTP interface, on loopback. Every request but /live needs the operator's
 * token, a Host that is this machine's own name for itself (against DNS rebinding) and, where a browser sends
 * one, an Origin or Sec-Fetch-Site that is the door itself (against CSRF). What it does is done by
 * rh_control_ops, on helper threads, and may block.
 *
 * The admin door of an adopted database, which has no operator, is the same with other routes: PostgREST's.
 */
#ifndef RH_CONTROL_DOOR_H
#define RH_CONTROL_DOOR_H

#include <jansson.h>
#include <uv.h>

#include "auth/key_source.h"
#include "http/exchange.h"
#include "http/metrics_page.h"
#include "rest/openapi.h"

#define RH_CONTROL_MAX_BODY ((size_t)64 << 10)

typedef bool rh_control_verb(void *ctx, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                             rh_err *err);

/* What the operator may do. Every function may block, is called on any thread, several at once, and puts a
 * JSON text into *out (initialised by the caller). False: err says why. */
typedef struct rh_control_ops {
    void *ctx;
    bool (*nodes)(void *ctx, rh_arena *a, rh_str *out, rh_err *err);
    bool (*describe)(void *ctx, rh_arena *a, const rh_openapi_settings *settings, rh_str *out, rh_err *err);
    bool (*list)(void *ctx, rh_arena *a, int64_t limit,
                 const char *after /* slug or id; NULL: from the first */, rh_str *out, rh_err *err);
    bool (*create)(void *ctx, rh_arena *a, const json_t *body /* an object */, rh_str *out, rh_err *err);
    bool (*show)(void *ctx, rh_arena *a, const char *ref, rh_str *out, rh_err *err);
    bool (*token)(void *ctx, rh_arena *a, const char *ref, int64_t ttl_s, rh_str *out, rh_err *err);
    /* The admin door's alone; config is no JSON. */
    bool (*config)(void *ctx, rh_arena *a, rh_str *out, rh_err *err);
    bool (*schema_cache)(void *ctx, rh_arena *a, rh_str *out, rh_err *err);
    /* A tenant's life; body is an object, or NULL when there was none. */
    rh_control_verb *suspend, *resume, *rename, *drop, *limits, *set_limits, *forget_limits;
    /* Any path that is no route: a request of the dialect on the catalog's own views. NULL: there are none.
     */
    bool (*rest)(void *ctx, rh_arena *a, const rh_rest_request *req, rh_rest_answer *out, rh_err *err);
} rh_control_ops;

typedef struct rh_control_door_settings {
    const char *operator_token; /* never empty; outlives the door */
    bool open;                  /* no token is asked for: loopback, and only where the conf says so */
    int port;                   /* that clients name in Host */
    rh_openapi_settings openapi;
    rh_metrics_page metrics; /* for GET /metrics */
    bool open_metrics;       /* it asks for no token */
    rh_key_source *keys;     /* for GET /ready of the admin door */
    bool admin;              /* it is that one: open, but for probes, figures and settings only */
    bool any_host;           /* clients may call it whatever they like: it does not listen on loopback */
    bool log_requests;
    rh_control_ops ops; /* copied */
} rh_control_door_settings;

/* *door gets what the loop needs; freed by its close. */
void rh_control_door_new(uv_loop_t *loop, const rh_control_door_settings *settings, rh_door *door);

#endif
