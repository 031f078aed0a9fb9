/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread that serves HTTP: a libuv loop with libmicrohttpd's daemon on it (external epoll mode), and a
 * door behind it. Several loops share one listening socket (http/acceptor.h).
 *
 *   RUNNING --rh_loop_stop()--> DRAINING --no request left, or stop_timeout--> CLOSING --door closed--> ENDED
 *
 * RUNNING: accepts and serves. DRAINING: accepts no more, idle clients are cut off, requests under way go on.
 * CLOSING: the door answers what is left and lets go of the uv loop. ENDED: the thread is about to return.
 *
 * Ownership: rh_loop_new() to rh_loop_join(). The door's ctx stays the caller's.
 */
#ifndef RH_LOOP_H
#define RH_LOOP_H

#include <uv.h>

#include "http/acceptor.h"
#include "http/exchange.h"

typedef struct rh_loop rh_loop;

typedef struct rh_loop_settings {
    rh_acceptor *acceptor; /* stays the caller's, outlives the loop */
    size_t max_head;       /* request line and headers */
    int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms, stop_timeout_ms;
    int64_t stall_timeout_ms;       /* how long a streamed answer may wait for its reader */
    const char *tls_cert, *tls_key; /* PEM text that outlives the loop; NULL: plain HTTP */
} rh_loop_settings;

rh_loop *rh_loop_new(const rh_loop_settings *settings, rh_err *err);
uv_loop_t *
rh_loop_uv(rh_loop *l); /* for what the door needs; before rh_loop_start() or on the loop's thread */
/* Starts the thread; all loops of one acceptor are made before the first one starts. The door is copied. */
bool rh_loop_start(rh_loop *l, const rh_door *door, rh_err *err);
void rh_loop_stop(rh_loop *l); /* any thread; returns at once */
/* Waits for the thread's end and frees all. Also for a loop that was never started: door then is closed, too.
 */
void rh_loop_join(rh_loop *l);

/* ---- for http/exchange.c ---- */
bool rh_loop_is_stopping(const rh_loop *l);
const rh_door *rh_loop_door(const rh_loop *l);
void rh_loop_enter(rh_loop *l, rh_exchange *x, rh_client_phase phase);
void rh_loop_release(rh_loop *l, rh_exchange *x); /* gone, and finished */
void rh_loop_wake(rh_loop *l); /* the HTTP library has something to do in this turn of the loop */

#endif
