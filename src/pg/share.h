/* SPDX-License-Identifier: Apache-2.0
 *
 * How many jobs one tenant may have under way at once on one loop and lane (pg/queue.h): by how long its jobs
 * take, by the connections that there are, and by whether it leaves processors to others.
 *
 * Alone, a tenant may have what its connections can take, but for slow jobs half of them. Beside others it
 * has half for short jobs and a quarter for slow ones, for as long as it comes in bursts. Who goes on
 * (rh_share_floods()) gets processors instead of connections: for a processor that is always busy is what
 * others wait for, longer than their own jobs take. Slow jobs then have half of the processors, so that one
 * in two is left; short ones, which come back to the loop between two of them, as many as there are
 * processors.
 *
 * The burst is a leaky bucket (Turner, 1986) of time in PostgreSQL: an eighth of the processors leaks out.
 */
#ifndef RH_SHARE_H
#define RH_SHARE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum rh_kind {
    RH_KIND_SHORT, /* known to be */
    RH_KIND_NEW,   /* never seen; counted as slow, with a place more where slow ones have one only */
    RH_KIND_SLOW,
    RH_N_KINDS
} rh_kind;

/* What the node's processors come to for each loop. */
typedef struct rh_share {
    int processors, loops; /* 0: one */
} rh_share;

typedef struct rh_burst {
    int64_t us, since_us;
} rh_burst;

typedef enum rh_company {
    RH_ALONE,
    RH_BESIDE_OTHERS,
    RH_FLOODING, /* and that */
} rh_company;

/* width: connections of the lane. For RH_KIND_SHORT of the short ones under way, else of all the others. */
int rh_share_places(const rh_share *s, rh_kind kind, int width, rh_company company);
/* Time in PostgreSQL is added, or taken back where it was less than thought. What was: there is a most that
 * is remembered. */
int64_t rh_share_add(const rh_share *s, rh_burst *b, int64_t us, int64_t now_us);
bool rh_share_floods(const rh_share *s, rh_burst *b, int64_t now_us);

#endif
