/* SPDX-License-Identifier: Apache-2.0
 *
 * A client for many requests at once on few kept-alive sockets, several deep: as a proxy in front of the
 * doors would send them, tenants mixed. Every byte that comes is kept. libcurl, which the program uses
 * elsewhere, pipelines no more; of HTTP only what separates one answer from the next is understood here.
 */
#ifndef RH_VERIFY_WIRE_H
#define RH_VERIFY_WIRE_H

#include "verify/ask.h"

typedef struct rh_wire rh_wire;

typedef struct rh_wire_answer {
    const char *head, *body; /* the arena's; head is NULL where none came, body never */
    size_t head_len, body_len;
    int status;
} rh_wire_answer;

/* sockets: how many at most. */
rh_wire *rh_wire_new(int port, int sockets);
void rh_wire_free(rh_wire *w);

/* Sends the n requests, spread over the sockets, and waits for all answers (the arena's). A request whose
 * socket the server closes before its answer is sent again on another one. Errors: UNAVAILABLE,
 * TIMEOUT. */
bool rh_wire_ask(rh_wire *w, rh_arena *a, const rh_ask *asks, size_t n, rh_wire_answer *answers, rh_err *err);

#endif
