/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's job: how it is submitted, and what comes of it.
 */
#include "http/data_request.h"

#include <string.h>

#include "base/clock.h"

#define RENDERING_SAMPLE 16
#define NO_TIMEOUT_MS                                                                                        \
    (24 * 3600 * (int64_t)1000) /* of a role whose statements may take as long as they like */

/* ---- its events ---- */

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

/* What comes is for nobody. (What is cancelled may still end well, so it counts until something was sent.) */
static bool is_void(const struct request *r)
{
    return r->failed || (r->state == STREAM && r->evicted);
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
        rh_data_send_some(r);
    else
        rh_data_fail(r, &err);
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
        rh_data_send_some(r);
    else
        rh_data_fail(r, &err);
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

static void on_hungry(rh_job *job)
{
    struct request *r = job->user;
    rh_load_request_feed(&r->load);
}

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    struct request *r = job->user;
    rh_err own;
    rh_data_unlink_running(r);
    r->done_us = rh_now_us();
    if (r->state == STREAM) {
        rh_data_finish_stream(r, r->evicted ? r->evicted : r->failed ? r->failed : err);
        return;
    }
    if (err && r->evicted && err->code != RH_E_UNKNOWN_OUTCOME)
        err = r->evicted;
    if (!err && !r->failed) {
        rh_data_answer(r, r->load.begun ? rh_load_request_affected(&r->load, affected) : affected);
        return;
    }
    own = err ? *err : *r->failed;
    if (r->rest) {
        rh_rest_scrub_error(r->rest, &own);
        if (r->load.begun && !r->evicted)
            rh_load_request_judge(&r->load, &own);
        rh_rest_discard(r->rest);
    }
    rh_data_refuse(r, &own);
}

/* ---- sending it ---- */

static rh_route route_of(const struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    return (rh_route){.node = r->tenant.node,
                      .conninfo = r->tenant.conninfo,
                      .database = r->tenant.database,
                      .citus = r->tenant.citus,
                      .place = {.schema = r->tenant.schema,
                                .root = rh_data_has_own_schema(r) ? NULL : s->root,
                                .uuid = strcmp(s->naming.id_type, "uuid") == 0,
                                .owner_does = s->to_workers && r->rest && !rh_rest_info(r->rest)->calls}};
}

void rh_data_begin_job(struct request *r)
{
    rh_job *job = &r->job;
    int relations;
    rh_relation_all(r->cache, &relations);
    job->tenant = r->tenant.id;
    bool adopted = r->door->settings.adopted != NULL;
    job->home = adopted || rh_data_has_own_schema(r) ? (uint64_t)r->tenant.home : 0;
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

bool rh_data_send_job(struct request *r, rh_err *err)
{
    r->state = RUNNING;
    r->planned_us = rh_now_us();
    rh_data_link_running(r);
    r->ticket = (rh_ticket){.tenant = r->tenant.id,
                            .concurrency = r->tenant.limits.of[RH_LIMIT_CONCURRENCY],
                            .to = route_of(r),
                            .job = &r->job};
    if (rh_queue_submit(r->door->queue, &r->ticket, err))
        return true;
    rh_data_unlink_running(r);
    return false;
}

bool rh_data_submit(struct request *r, rh_err *err)
{
    const rh_rest_plan_info *info = rh_rest_info(r->rest);
    rh_job *job = &r->job;
    rh_data_begin_job(r);
    if (info->isolation)
        job->begin = rh_adopted_begin(info->isolation);
    if (info->timeout_ms >= 0)
        job->deadline_ms = info->timeout_ms ? rh_data_door_deadline_ms(info->timeout_ms) : NO_TIMEOUT_MS;
    job->read_only = info->read_only;
    job->single_row = info->single_row;
    job->rollback = info->rollback;
    job->streams = info->streams;
    job->shares = info->plain;
    if (info->large) /* that it begins in the tenant's time is watched: data_watch.c */
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
    return rh_data_send_job(r, err);
}
