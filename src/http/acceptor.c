/* SPDX-License-Identifier: Apache-2.0 */
#include "http/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

#define MAX_SEATS 64
#define BATCH 64 /* connections accepted in one turn of a loop */

struct arrival {
    int fd;
    socklen_t len;
    struct sockaddr_storage address;
    struct arrival *next;
};

struct rh_seat {
    rh_acceptor *acceptor;
    uv_poll_t poll;
    uv_async_t inbox_ready;
    int listen_fd; /* a duplicate: libuv wants one for each loop's epoll */
    bool watching;
    atomic_int clients; /* assigned, the inbox included */
    atomic_bool open;
    pthread_mutex_t lock; /* guards the inbox */
    struct arrival *inbox;
    void (*take)(void *ctx, int fd, const struct sockaddr *address, socklen_t len);
    void *ctx;
};

struct rh_acceptor {
    int listen_fd, max_clients, n_seats;
    rh_seat *seats[MAX_SEATS];
};

rh_acceptor *rh_acceptor_new(int listen_fd, int max_clients)
{
    rh_acceptor *a = rh_xcalloc(1, sizeof *a);
    a->listen_fd = listen_fd;
    a->max_clients = max_clients;
    return a;
}

void rh_acceptor_free(rh_acceptor *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->n_seats; i++) {
        pthread_mutex_destroy(&a->seats[i]->lock);
        free(a->seats[i]);
    }
    close(a->listen_fd);
    free(a);
}

/* The open seat with the fewest clients; NULL when all places are taken. */
static rh_seat *choose(const rh_acceptor *a)
{
    rh_seat *best = NULL;
    int total = 0, fewest = INT_MAX;
    for (int i = 0; i < a->n_seats; i++) {
        rh_seat *s = a->seats[i];
        int n = atomic_load_explicit(&s->clients, memory_order_relaxed);
        total += n;
        if (n < fewest && atomic_load(&s->open)) {
            best = s;
            fewest = n;
        }
    }
    return total < a->max_clients ? best : NULL;
}

static void hand_over(rh_seat *to, const struct arrival *arrival)
{
    struct arrival *copy = rh_xmalloc(sizeof *copy);
    *copy = *arrival;
    pthread_mutex_lock(&to->lock);
    bool open = atomic_load(&to->open);
    if (open) {
        copy->next = to->inbox;
        to->inbox = copy;
        uv_async_send(&to->inbox_ready); /* under the lock: the handle is not closed while the seat is open */
    }
    pthread_mutex_unlock(&to->lock);
    if (!open) {
        close(copy->fd);
        free(copy);
    }
}

static struct arrival *empty_inbox(rh_seat *s, bool last)
{
    pthread_mutex_lock(&s->lock);
    struct arrival *list = s->inbox;
    s->inbox = NULL;
    if (last)
        atomic_store(&s->open, false);
    pthread_mutex_unlock(&s->lock);
    return list;
}

static void on_inbox(uv_async_t *h)
{
    rh_seat *s = h->data;
    for (struct arrival *a = empty_inbox(s, false), *next; a; a = next) {
        next = a->next;
        s->take(s->ctx, a->fd, (struct sockaddr *)&a->address, a->len);
        free(a);
    }
}

static void pause_watching(rh_seat *s)
{
    uv_poll_stop(&s->poll);
    s->watching = false;
}

static void on_arrival(uv_poll_t *h, int status, int events)
{
    rh_seat *s = h->data;
    for (int i = 0; i < BATCH; i++) {
        struct arrival a = {.len = sizeof a.address};
        rh_seat *to = choose(s->acceptor);
        if (!to) {
            pause_watching(s);
            return;
        }
        a.fd = accept4(s->listen_fd, (struct sockaddr *)&a.address, &a.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (a.fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                pause_watching(s);
            return;
        }
        atomic_fetch_add(&to->clients, 1);
        if (to == s)
            s->take(s->ctx, a.fd, (struct sockaddr *)&a.address, a.len);
        else
            hand_over(to, &a);
    }
}

bool rh_seat_is_short(const rh_seat *s)
{
    return !s->watching && atomic_load(&s->open);
}

void rh_seat_retry(rh_seat *s)
{
    if (!s->watching && atomic_load(&s->open)) {
        uv_poll_start(&s->poll, UV_READABLE, on_arrival);
        s->watching = true;
    }
}

void rh_seat_left(rh_seat *s)
{
    atomic_fetch_sub(&s->clients, 1);
    rh_seat_retry(s);
}

rh_seat *rh_acceptor_join(rh_acceptor *a, uv_loop_t *loop,
                          void (*take)(void *ctx, int fd, const struct sockaddr *address, socklen_t len),
                          void *ctx)
{
    int fd = a->n_seats < MAX_SEATS ? fcntl(a->listen_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return NULL;
    rh_seat *s = rh_xcalloc(1, sizeof *s);
    s->acceptor = a;
    s->listen_fd = fd;
    s->take = take;
    s->ctx = ctx;
    pthread_mutex_init(&s->lock, NULL);
    uv_poll_init(loop, &s->poll, fd);
    uv_async_init(loop, &s->inbox_ready, on_inbox);
    s->poll.data = s->inbox_ready.data = s;
    atomic_store(&s->open, true);
    a->seats[a->n_seats++] = s;
    rh_seat_retry(s);
    return s;
}

void rh_seat_stop(rh_seat *s)
{
    pause_watching(s);
    shutdown(s->listen_fd,
             SHUT_RDWR); /* of all seats: whoever comes now is refused, and does not wait for our end */
    for (struct arrival *a = empty_inbox(s, true), *next; a; a = next) {
        next = a->next;
        close(a->fd);
        free(a);
    }
}

static void on_poll_closed(uv_handle_t *h)
{
    rh_seat *s = h->data;
    close(s->listen_fd);
}

void rh_seat_close(rh_seat *s)
{
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    uv_close((uv_handle_t *)&s->inbox_ready, NULL);
}
