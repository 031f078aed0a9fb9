/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's answer: refused, whole or streamed.
 */
#include "http/data_request.h"

#include "base/clock.h"
#include "base/log.h"

#define STREAM_PIECE ((size_t)32 << 10) /* sent at a time */

/* ---- headers ---- */

void rh_data_add_profile(const struct request *r, rh_rest_answer *out)
{
    const char *profile = rh_exchange_profile(r->x);
    if (r->door->settings.adopted)
        rh_adopted_request_head(&r->adopted, out);
    else if (profile && out->n_headers < RH_REST_MAX_HEADERS)
        out->headers[out->n_headers++] = (rh_rest_header){"Content-Profile", profile};
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

/* ---- refusing ---- */

_Static_assert(sizeof RH_REST_USED_GUARD == sizeof RH_POOL_USED, "the same word");

void rh_data_refuse(struct request *r, rh_err *err)
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
        rh_exchange_refuse_with(r->x, err, RH_DATA_ALLOW_RELATION, headers, n);
}

void rh_data_fail(struct request *r, const rh_err *err)
{
    r->failed = RH_NEW(r->x->arena, rh_err);
    *r->failed = *err;
    rh_rest_discard(r->rest);
}

/* ---- whole ---- */

void rh_data_answer(struct request *r, const char *affected)
{
    rh_rest_answer out = {0};
    rh_err err;
    int64_t since = rh_now_us();
    bool ok = rh_rest_finish(r->rest, affected, &out, &err);
    r->rendering_us += rh_now_us() - since;
    if (!ok) {
        rh_rest_scrub_error(r->rest, &err);
        rh_data_refuse(r, &err);
        return;
    }
    if (r->described)
        rh_describe_name(&out);
    rh_data_add_profile(r, &out);
    add_timing(r, &out);
    r->state = ENDED;
    rh_exchange_answer(r->x, out.status, out.headers, out.n_headers, out.body, out.body_len);
}

/* ---- streamed ---- */

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
    rh_data_fail(r, &err);
    rh_queue_cancel(r->door->queue, &r->ticket);
}

static void begin_stream(struct request *r)
{
    rh_rest_answer head;
    rh_rest_begin(r->rest, &head);
    rh_data_add_profile(r, &head);
    add_timing(r, &head);
    rh_job_keep(&r->job);
    r->state = STREAM;
    rh_exchange_stream(r->x, head.status, head.headers, head.n_headers);
}

void rh_data_send_some(struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    size_t n = r->job.streams ? rh_rest_pending(r->rest) : 0;
    if (r->state == RUNNING && n > s->stream_from)
        begin_stream(r);
    if (r->state == STREAM && n > STREAM_PIECE)
        pass_on(r);
}

void rh_data_on_drained(void *ctx, rh_exchange *x)
{
    struct request *r = x->user;
    if (!r->paused)
        return;
    r->paused = false;
    rh_job_resume(&r->job);
}

void rh_data_finish_stream(struct request *r, const rh_err *err)
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
