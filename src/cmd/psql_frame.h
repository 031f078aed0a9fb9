/* SPDX-License-Identifier: Apache-2.0
 *
 * psql for a tenant on Citus. There a session's setting does not reach the workers; what does is
 * rowhouse.enter(), for one transaction. So psql runs inside of one: scripts before and after what the user
 * asked for begin and end it, and at a terminal the first one is open and `:enter` begins the next.
 */
#ifndef RH_PSQL_FRAME_H
#define RH_PSQL_FRAME_H

#include "base/arena.h"
#include "base/err.h"

typedef struct rh_psql_frame {
    const char *enter;          /* the variable for -v */
    const char *rc;             /* a file for $PSQLRC; NULL: the user's own */
    const char *before, *after; /* files for -f, around what the user gave; NULL: none */
    bool reads_stdin;           /* a -f - stands between them */
    int fds[2];                 /* psql's: they stay open until it has been started; -1: none */
} rh_psql_frame;

/* given: the user's arguments for psql. Close it when psql runs. */
bool rh_psql_frame_open(rh_psql_frame *f, rh_arena *a, const char *const *given, size_t n, const char *tenant,
                        rh_err *err);
void rh_psql_frame_close(rh_psql_frame *f);

#endif
