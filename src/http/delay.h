/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals of one loop that are told after a pause. Who asks again at once when it is told to come later, on
 * many connections, would keep the loop at work with nothing but that; so it waits a little for the answer.
 *
 * All on the loop's thread. Ownership: rh_delay_new() until rh_delay_close() has called back, which frees it.
 */
#ifndef RH_DELAY_H
#define RH_DELAY_H

#include <uv.h>

#include "http/exchange.h"

#define RH_DELAY_MS 250
#define RH_DELAY_MAX 4096 /* that wait; more are told at once */

typedef struct rh_delay rh_delay;

rh_delay *rh_delay_new(uv_loop_t *loop);
/* As rh_exchange_refuse(), later. From on_head (which may return then) or after it. The exchange must not be
 * answered or finished by anybody else; its client may leave meanwhile. */
void rh_delay_refuse(rh_delay *d, rh_exchange *x, const rh_err *err);
/* Who waits is told. */
void rh_delay_close(rh_delay *d, void (*closed)(void *arg), void *arg);

#endif
