/* SPDX-License-Identifier: Apache-2.0
 *
 * One listening socket for several loops. Whichever loop wakes up first accepts, and hands the connection to
 * the loop with the fewest clients: left to the kernel, one loop of two got six connections of seven.
 *
 * All seats join before the first loop runs. Threads: a seat belongs to one loop and is used on its thread;
 * hand-over is by a locked inbox and uv_async_send(). Ownership: the acceptor outlives its seats' loops.
 */
#ifndef RH_ACCEPTOR_H
#define RH_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

typedef struct rh_acceptor rh_acceptor;
typedef struct rh_seat rh_seat; /* one loop's place at the socket */

/* listen_fd is taken, and closed by rh_acceptor_free(). max_clients: of all loops together; more wait in the
 * backlog. */
rh_acceptor *rh_acceptor_new(int listen_fd, int max_clients);
void rh_acceptor_free(rh_acceptor *a); /* NULL is allowed; after all its loops have ended */

/* take gets every connection meant for this loop, on its thread, and owns the descriptor. Before the loop
 * runs. */
rh_seat *rh_acceptor_join(rh_acceptor *a, uv_loop_t *loop,
                          void (*take)(void *ctx, int fd, const struct sockaddr *address, socklen_t len),
                          void *ctx);
bool rh_seat_is_short(const rh_seat *s); /* who comes has to wait for a place */
void rh_seat_left(rh_seat *s);           /* one of this loop's clients is gone */
void rh_seat_retry(rh_seat *s); /* now and then: accepts again after a shortage of descriptors or places */
void rh_seat_stop(rh_seat *s);  /* accepts and takes no more */
void rh_seat_close(
    rh_seat *s); /* after rh_seat_stop(): closes its libuv handles; its memory is the acceptor's */

#endif
