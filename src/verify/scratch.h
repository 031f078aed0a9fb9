/* SPDX-License-Identifier: Apache-2.0
 *
 * A scratch copy of an app: the same migrations and settings under another name, with databases, roles,
 * secrets and tenants of its own, on the same PostgreSQL servers. It is the tests' playground: whatever
 * happens in it, no real home is touched.
 *
 * A role `<name>_scratch` marks it from the first moment to the last, and an advisory lock says that somebody
 * works with it; so what a killed run has left is known, and the next run removes it. Its state directory is
 * verify/<name> below the app's.
 */
#ifndef RH_SCRATCH_H
#define RH_SCRATCH_H

#include "verify/servers.h"

typedef struct rh_scratch {
    rh_app app; /* open; not migrated yet */
    const rh_app *real;
    rh_verify_nodes nodes; /* of the real app */
    const char *name, *dir;
    rh_db *admin; /* holds the lock */
} rh_scratch;

/* flags: the settings of the command line (NULL-terminated, may be NULL); the scratch copy takes them over,
 * and over them what makes it a copy and its doors narrow: one loop with one connection. */
bool rh_scratch_make(rh_scratch *s, rh_arena *a, const rh_app *real, const char *const *flags, rh_err *err);
/* Removes databases, roles and files, from all nodes. May be called after a rh_scratch_make() that failed. */
bool rh_scratch_remove(rh_scratch *s, rh_err *err);

/* Removes what killed runs have left; *n counts copies. */
bool rh_scratch_sweep(const rh_app *real, rh_arena *a, int *n, rh_err *err);

#endif
