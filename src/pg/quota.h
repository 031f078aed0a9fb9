/* SPDX-License-Identifier: Apache-2.0
 *
 * What the loops of a server must count together for one tenant: requests a second and statements at once,
 * where it has bounds for them, and large bodies. Requests that have none of it are never looked up here.
 *
 * And who is about at all, which each loop asks for each job: words that are read without the lock.
 *
 * The rate is a token bucket: it holds one second's worth, one token at least, and fills as time goes by.
 *
 * Threads: any; each call takes a lock for a moment, but for those about who is about. Ownership: one for a
 * server, outlives its loops.
 */
#ifndef RH_QUOTA_H
#define RH_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct rh_quota rh_quota;
typedef struct rh_quota_seat rh_quota_seat; /* one loop's */

rh_quota *rh_quota_new(void);
void rh_quota_free(rh_quota *q); /* NULL is allowed; after its seats have been left */

/* on_room is called on the loop's thread when a tenant that was refused a place may have one now. */
rh_quota_seat *rh_quota_join(rh_quota *q, uv_loop_t *loop, void (*on_room)(void *arg), void *arg);
void rh_quota_leave(rh_quota_seat *s, void (*left)(void *arg), void *arg); /* frees it, then calls left */

/* One request. rate is in thousandths of a request a second. False: not now; *wait_ms until there is one. */
bool rh_quota_take(rh_quota *q, const char *tenant, int64_t rate, int64_t now_us, int64_t *wait_ms);

/* A large body of the tenant is being kept: one of `most`. False: not now. */
bool rh_quota_keep_body(rh_quota *q, const char *tenant, int64_t most);
void rh_quota_drop_body(rh_quota *q, const char *tenant);

/* One of `most` places. False: all are taken, and on_room will be called when one is free. */
bool rh_quota_enter(rh_quota_seat *s, const char *tenant, int64_t most);
void rh_quota_exit(rh_quota *q, const char *tenant);

/* Who is about: the tenants that ask something of a node, over all loops. A loop tells of its own: `who` is
 * rh_quota_who() of the only one, RH_QUOTA_SEVERAL, or 0. */
#define RH_QUOTA_SEVERAL UINT64_MAX
uint64_t rh_quota_who(const char *tenant);
int rh_quota_corner(int node); /* nodes of one corner are not told apart */
void rh_quota_tell(rh_quota_seat *s, int corner, uint64_t who);
bool rh_quota_is_alone(const rh_quota_seat *s, int corner, uint64_t who); /* nobody but that one is there */

#endif
