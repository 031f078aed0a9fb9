/* SPDX-License-Identifier: Apache-2.0
 *
 * The client connections of one loop and their deadlines, which the HTTP library does not have: a whole head,
 * a whole body, an idle connection. A client past its deadline is cut off by shutdown(2); the library then
 * closes it.
 *
 * All on the loop's thread; times are uv_now() milliseconds. Ownership: a client is the list's, from
 * rh_clients_add() to rh_clients_remove().
 */
#ifndef RH_CLIENT_H
#define RH_CLIENT_H

#include <stdint.h>

typedef enum rh_client_phase {
    RH_CLIENT_IDLE, /* nothing of a next request was seen */
    RH_CLIENT_HEAD, /* the request line is in */
    RH_CLIENT_BODY,
    RH_CLIENT_LOADING, /* likewise, of one that is used while it comes: its next part */
    RH_CLIENT_BUSY,    /* ours: no deadline here */
    RH_CLIENT_SENDING, /* a streamed answer has bytes for it */
} rh_client_phase;

typedef struct rh_client {
    int fd;
    rh_client_phase phase;
    int64_t deadline, idle_since;
    struct rh_exchange *exchange; /* the request under way, or NULL */
    struct rh_client *prev, *next;
} rh_client;

typedef struct rh_clients {
    rh_client *first;
    int64_t head_timeout, body_timeout, idle_timeout, stall_timeout;
} rh_clients;

/* A new connection: its first head is due within head_timeout. */
rh_client *rh_clients_add(rh_clients *list, int fd, int64_t now);
void rh_clients_remove(rh_clients *list, rh_client *c);
/* IDLE again gives idle_timeout + head_timeout; HEAD never lengthens what is left. */
void rh_client_enter(const rh_clients *list, rh_client *c, rh_client_phase phase, int64_t now);
/* Cuts off who is late. */
void rh_clients_sweep(rh_clients *list, int64_t now);
/* Places are short: cuts off those that have been IDLE longest, for a second at least. */
void rh_clients_cut_idlest(rh_clients *list, int64_t now);
/* Cuts off all that are IDLE: the server stops. */
void rh_clients_cut_idle(rh_clients *list);

#endif
