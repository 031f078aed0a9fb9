/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of one loop whose tokens name keys that the server does not know, while an answer of who publishes
 * the keys is near. Each waits once, for the end of the next attempt to fetch them, RH_KEY_WAIT_MS at most;
 * its head is then judged again. All on the loop's thread.
 *
 * Ownership: rh_key_wait_new() until rh_key_wait_close() has called back, which frees it. A waiter is the
 * caller's, zeroed, and lives as long as its exchange.
 */
#ifndef RH_KEY_WAIT_H
#define RH_KEY_WAIT_H

#include <uv.h>

#include "auth/key_source.h"
#include "http/exchange.h"

#define RH_KEY_WAIT_MS 2000
#define RH_KEY_WAIT_MAX 1024 /* anybody can make up a token that names an unknown key */

typedef struct rh_key_wait rh_key_wait;

typedef struct rh_key_waiter {
    rh_exchange *x;
    bool has_waited;
    int64_t until; /* uv_now() */
    struct rh_key_waiter *next;
} rh_key_waiter;

/* The source outlives it. */
rh_key_wait *rh_key_wait_new(uv_loop_t *loop, rh_key_source *source);
/* From on_head: has the keys fetched and holds the exchange, until on_head is called again. False when there
 * is nothing to wait for, or it has waited: the answer is to be given now. */
bool rh_key_wait_hold(rh_key_wait *w, rh_key_waiter *waiter, rh_exchange *x);
/* Who waits is answered. */
void rh_key_wait_close(rh_key_wait *w, void (*closed)(void *arg), void *arg);

#endif
