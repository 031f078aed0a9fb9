/* SPDX-License-Identifier: Apache-2.0 */
#include "http/data_door.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "http/data_request.h"
#include "http/figures.h"

#define SLOW_STATEMENTS 3 /* of a job: what comes first, the rows, their count */
#define DEADLINE_MARGIN_MS 2000

int64_t rh_data_door_deadline_ms(int64_t statement_timeout_ms)
{
    return statement_timeout_ms * SLOW_STATEMENTS + DEADLINE_MARGIN_MS;
}

/* ---- figures ---- */

static const char *model_of(const struct request *r)
{
    const rh_data_door_settings *s = &r->door->settings;
    if (s->adopted)
        return "adopted";
    if (!*r->tenant.id || !r->tenant.home)
        return "";
    if (rh_data_has_own_schema(r))
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
                      .on_head = rh_data_on_head,
                      .on_request = rh_data_on_request,
                      .on_large = rh_data_on_large,
                      .on_piece = rh_data_on_piece,
                      .on_last = rh_data_on_last,
                      .load_from = settings->stream_from,
                      .on_drained = rh_data_on_drained,
                      .on_gone = rh_data_on_gone,
                      .on_end = on_end,
                      .stream_buffer = settings->stream_buffer,
                      .encodes = true,
                      .close = close_door};
}
