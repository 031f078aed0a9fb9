/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a server answers at all, for the pools of one loop that go there. A server that is gone refuses
 * connections, and the pools find out by themselves; one that hangs, or whose network is cut, leaves
 * everybody waiting. So whoever suspects it asks for a ping, on a helper thread:
 *
 *   ANSWERS --- a ping had no answer in its time ---> AWAY --- a ping was answered, or refused ---> ANSWERS
 *
 * While it is AWAY nobody dials, requests are refused at once, and it is pinged every second. All on the
 * loop's thread.
 */
#ifndef RH_HEALTH_H
#define RH_HEALTH_H

#include <stdbool.h>
#include <uv.h>

typedef struct rh_health rh_health;

/* Who wants to know that the server went AWAY. The caller's, between join and leave. */
typedef struct rh_health_listener {
    struct rh_health_listener *next, **link; /* health's own, and so is health */
    struct rh_health *health;
    void (*on_away)(void *arg);
    void *arg;
} rh_health_listener;

/* conninfo must outlive it; its connect_timeout is a ping's time, or 5 s. */
rh_health *rh_health_new(uv_loop_t *loop, const char *conninfo);
bool rh_health_is_away(const rh_health *h);
/* Something took too long, or failed: a ping, unless one is under way or was answered less than 2 s ago. */
void rh_health_suspect(rh_health *h);
void rh_health_join(rh_health *h, rh_health_listener *l);
void rh_health_leave(rh_health_listener *l);
/* Everybody has left. Frees it, then calls on_closed. */
void rh_health_close(rh_health *h, void (*on_closed)(void *arg), void *arg);

#endif
