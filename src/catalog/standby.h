/* SPDX-License-Identifier: Apache-2.0
 *
 * Standby homes: as many of each model in use as `[provision] standby` says are made before their tenants
 * come, so that a creation gives one away instead of making it. Shared homes need none.
 *
 * A home is prepared for one tenant: its policies hold that tenant's id. So the id is drawn first, as the
 * catalog would give it, and whoever gets the home gets the id. A tenant that comes with an id of its own, or
 * wants its home to have a name, has a home made for it.
 *
 *   enter -> making -> ready -> (given away: the row is gone, the home is the tenant's)
 *              ^          |
 *              +----------+--- migrated when versions are newer
 *   any -> leaving -> (gone)  fewer are wished for, or somebody came with the id
 *
 * Each is on the node that a new home would have come to when it was made; those on a node that is being
 * drained leave. No tenant points to a home that stands by, so no door leads there.
 */
#ifndef RH_STANDBY_H
#define RH_STANDBY_H

#include "catalog/tenant.h"

typedef struct rh_standby_work {
    void (*tell)(void *arg, const char *line); /* may be NULL */
    void *arg;
    bool (*stopping)(void *arg); /* asked before each home; may be NULL */
    bool wait;                   /* for another command at it; else it is left to that one */
    bool failures_untold;        /* the caller tells w->failure */

    /* what became of it */
    int ready, left, failed;
    bool locked_out;
    rh_err failure; /* the last one, kept with its home too */
} rh_standby_work;

/* Makes, migrates and drops until there are as many as wished for, one after another. False only when a
 * connection is lost. Nothing is done while the app's files are newer than the catalog's versions: `rowhouse
 * migrate` comes first. */
bool rh_standby_keep(rh_operator *o, rh_standby_work *w, rh_err *err);

/* Whether rh_standby_keep() would find anything to do: one query. */
bool rh_standby_wanting(const rh_conf *conf, rh_db *catalog, bool *wanting, rh_err *err);

#endif
