/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the data door (http/data_door.h): what its files share. None but http/data_*.c include this.
 *
 *   data_door      its beginning and end, its figures
 *   data_probe     what is answered without a tenant
 *   data_admit     a request's head: who asks, and whether it may
 *   data_request   what is asked: names, plan, bodies
 *   data_describe  descriptions, which go another way than plans
 *   data_job       the job: how it is submitted, its events
 *   data_answer    the answer: refused, whole or streamed
 *   data_watch     running requests that have to end early
 *
 * Ownership: the door owns what struct data_door points to, but not what its settings name (data_door.h) nor
 * the running requests. A request is of its exchange's arena, and so is what it makes; it borrows its
 * tenant's texts and cache, which the directory or the adopted database keeps, and the body, which is the
 * exchange's. All runs on the loop's thread but data_describe's read_seen(), and the request waits for that.
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
 * Its job's statements may take stream_timeout; that the first rows come within statement_timeout is watched.
 * What goes wrong from then on cuts the connection off.
 *
 * A POST whose body grows past stream_from may become a LOAD (http/load_request.h): planned by its first
 * rows, its job runs while the rest comes in.
 *
 * ADMITTED: the tenant and its relation cache are known. PLANNED: the statements are written. RUNNING: the
 * job is the pool's, the exchange sleeps. ENDED: the exchange is answered; nothing may touch the request any
 * more.
 */
#ifndef RH_DATA_REQUEST_H
#define RH_DATA_REQUEST_H

#include "http/account.h"
#include "http/adopted_request.h"
#include "http/data_door.h"
#include "http/delay.h"
#include "http/describer.h"
#include "http/key_wait.h"
#include "http/load_request.h"
#include "http/request_settings.h"

#define RH_DATA_ALLOW_RELATION "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE"

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
    const char *seen;                       /* by look(), of data_describe.c */
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

/* ---- data_probe.c ---- */

/* True when the request asks for no tenant's data; it is answered then. */
bool rh_data_answer_without_tenant(struct data_door *d, rh_exchange *x);

/* ---- data_admit.c ---- */

/* (none) to ADMITTED, held or refused. All on_... here are the exchange's events: ctx is the door. */
void rh_data_on_head(void *ctx, rh_exchange *x);

/* ---- data_request.c ---- */

/* A schema of its own: what a backend learns of it serves nobody else. */
bool rh_data_has_own_schema(const struct request *r);
/* False: the request names a schema that no app has. */
bool rh_data_check_profile(const rh_exchange *x, rh_err *err);
/* What rest/ is told of an admitted one. */
void rh_data_fill_request(struct request *r);
/* The body is in. */
void rh_data_on_request(void *ctx, rh_exchange *x);
/* A large body comes in: its first bytes, then pieces, then its end; returns as rh_door has it. */
bool rh_data_on_large(void *ctx, rh_exchange *x, const char *bytes, size_t n);
bool rh_data_on_piece(void *ctx, rh_exchange *x, const char *bytes, size_t n);
void rh_data_on_last(void *ctx, rh_exchange *x);

/* ---- data_describe.c ---- */

/* Of an adopted database each role has a description of its own, and the function that runs first in each
 * transaction may refuse it. False: with err, to be refused. */
bool rh_data_describe_or_look(struct request *r, rh_err *err);

/* ---- data_job.c ---- */

/* PLANNED to RUNNING. False: with err, to be refused. */
bool rh_data_submit(struct request *r, rh_err *err);
/* In two steps, for a job that is no plan's: what all jobs of a request have in common; then, when its
 * statements and events are set, the sending. */
void rh_data_begin_job(struct request *r);
bool rh_data_send_job(struct request *r, rh_err *err);

/* ---- data_answer.c ---- */

/* ENDED, by an error; err is changed. Not of a STREAM. */
void rh_data_refuse(struct request *r, rh_err *err);
/* ENDED, with what was rendered. affected: the main statement's count, as rh_rest_finish() has it. */
void rh_data_answer(struct request *r, const char *affected);
/* What has been rendered makes a STREAM of a RUNNING one, or goes out on it, when it is enough. */
void rh_data_send_some(struct request *r);
/* STREAM to ENDED: an answer that has begun can only be ended or, with err, broken off. */
void rh_data_finish_stream(struct request *r, const rh_err *err);
/* err is copied; what comes from now on is for nobody. */
void rh_data_fail(struct request *r, const rh_err *err);
/* Says which schema it was: where the request named one, or where there are several that differ. */
void rh_data_add_profile(const struct request *r, rh_rest_answer *out);
void rh_data_on_drained(void *ctx, rh_exchange *x);

/* ---- data_watch.c ---- */

/* Whether it has become wrong to serve this one; a catalog that is away, or a tenant on its way to another
 * home, does not make it so. */
bool rh_data_is_evicted(struct data_door *d, const struct request *r, rh_err *err);
/* Before it is submitted: its end may come at any time after that. */
void rh_data_link_running(struct request *r);
void rh_data_unlink_running(struct request *r);
void rh_data_on_gone(void *ctx, rh_exchange *x);

#endif
