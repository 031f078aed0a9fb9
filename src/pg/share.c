/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/share.h"

#include <limits.h>

#define SHORT_LEAST 2         /* short jobs under way in any case: one is on its way while one runs */
#define BURST_US 100000       /* what may come at once */
#define BURST_MOST_US 1000000 /* no more is remembered */
#define LEAKS 8               /* this part of the processors */

static int at_least(int least, int n)
{
    return n > least ? n : least;
}

static int processors_of(const rh_share *s, int part)
{
    return s->processors / at_least(1, s->loops) / part;
}

int rh_share_places(const rh_share *s, rh_kind kind, int width, rh_company company)
{
    bool slow = kind != RH_KIND_SHORT;
    switch (company) {
    case RH_ALONE:
        return slow ? at_least(1, width / 2) : INT_MAX;
    case RH_BESIDE_OTHERS:
        return slow ? at_least(1, width / 4) : at_least(SHORT_LEAST, width / 2);
    case RH_FLOODING:
        break;
    }
    int of_connections = rh_share_places(s, kind, width, RH_BESIDE_OTHERS);
    int n = slow ? at_least(1, processors_of(s, 2)) + (kind == RH_KIND_NEW)
                 : at_least(SHORT_LEAST, processors_of(s, 1));
    return n < of_connections ? n : of_connections;
}

static void leak(const rh_share *s, rh_burst *b, int64_t now_us)
{
    b->us -= (now_us - b->since_us) * at_least(1, s->processors) / (at_least(1, s->loops) * LEAKS);
    b->us = b->us > 0 ? b->us : 0;
    b->since_us = now_us;
}

int64_t rh_share_add(const rh_share *s, rh_burst *b, int64_t us, int64_t now_us)
{
    leak(s, b, now_us);
    if (us > BURST_MOST_US - b->us)
        us = BURST_MOST_US - b->us;
    b->us += us;
    return us;
}

bool rh_share_floods(const rh_share *s, rh_burst *b, int64_t now_us)
{
    leak(s, b, now_us);
    return b->us > BURST_US;
}
