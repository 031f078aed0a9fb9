/* SPDX-License-Identifier: Apache-2.0
 *
 * PostgreSQL's programs on this machine. Searched in this order: the directory the settings name,
 * /usr/lib/postgresql/<major>/bin with the newest first, PATH.
 */
#ifndef RH_PROGRAMS_H
#define RH_PROGRAMS_H

#include "base/err.h"

#define RH_PG_OLDEST 15

typedef struct rh_pg_programs {
    const char *bin;     /* the directory, in the arena */
    const char *version; /* "15.20" */
    int major;
} rh_pg_programs;

/* The programs of a server (initdb, postgres), of version RH_PG_OLDEST or newer. want: the major version that
 * made the data directory, 0 for any. bin (NULL or "": none) wins where its version is the wanted one. */
bool rh_pg_find_programs(rh_arena *a, const char *bin, int want, rh_pg_programs *out, rh_err *err);

/* The directory that holds the program, "psql" for instance: client programs may be there without a server.
 * RH_E_NOT_FOUND, with a hint what to install. */
bool rh_pg_bindir(rh_arena *a, const char *bin, const char *program, const char **dir, rh_err *err);

#endif
