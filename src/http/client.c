/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"

#define AT_LEAST_MS 1000 /* idle, before it gives way */
#define SPAN_MS 1000     /* who became idle in the same second gives way, too */

rh_client *rh_clients_add(rh_clients *list, int fd, int64_t now)
{
    rh_client *c = rh_xcalloc(1, sizeof *c);
    c->fd = fd;
    c->deadline = now + list->head_timeout;
    c->idle_since = now;
    c->next = list->first;
    if (c->next)
        c->next->prev = c;
    list->first = c;
    return c;
}

void rh_clients_remove(rh_clients *list, rh_client *c)
{
    *(c->prev ? &c->prev->next : &list->first) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

void rh_client_enter(const rh_clients *list, rh_client *c, rh_client_phase phase, int64_t now)
{
    c->phase = phase;
    switch (phase) {
    case RH_CLIENT_IDLE:
        c->idle_since = now;
        c->deadline = now + list->idle_timeout + list->head_timeout;
        break;
    case RH_CLIENT_HEAD:
        if (c->deadline > now + list->head_timeout)
            c->deadline = now + list->head_timeout;
        break;
    case RH_CLIENT_BODY:
        c->deadline = now + list->body_timeout;
        break;
    case RH_CLIENT_BUSY:
        c->deadline = INT64_MAX;
        break;
    case RH_CLIENT_LOADING:
    case RH_CLIENT_SENDING:
        c->deadline = now + list->stall_timeout;
        break;
    }
}

void rh_clients_sweep(rh_clients *list, int64_t now)
{
    for (rh_client *c = list->first; c; c = c->next)
        if (c->deadline <= now) {
            shutdown(c->fd, SHUT_RDWR);
            c->deadline = INT64_MAX;
        }
}

void rh_clients_cut_idlest(rh_clients *list, int64_t now)
{
    int64_t oldest = now - AT_LEAST_MS;
    for (const rh_client *c = list->first; c; c = c->next)
        if (c->phase == RH_CLIENT_IDLE && c->idle_since < oldest)
            oldest = c->idle_since;
    int64_t until = oldest + SPAN_MS < now - AT_LEAST_MS ? oldest + SPAN_MS : now - AT_LEAST_MS;
    for (rh_client *c = list->first; c; c = c->next)
        if (c->phase == RH_CLIENT_IDLE && c->idle_since <= until)
            shutdown(c->fd, SHUT_RDWR);
}

void rh_clients_cut_idle(rh_clients *list)
{
    for (rh_client *c = list->first; c; c = c->next)
        if (c->phase == RH_CLIENT_IDLE)
            shutdown(c->fd, SHUT_RDWR);
}
