/* SPDX-License-Identifier: Apache-2.0
 *
 * The place: which directories the private server of an app uses and whose they are. The drawing is in
 * server/server.h. All strings are the arena's.
 */
#ifndef RH_PLACE_H
#define RH_PLACE_H

#include "server/account.h"
#include "server/server.h"

typedef struct rh_place {
    rh_account account; /* whom `server` and all below it belong to */
    const char *state, *server, *data, *log_file;
    const char *sockets; /* `server`, or a directory in /tmp where libpq could not take the path */
} rh_place;

/* Chooses the directories, makes those that are missing (not the data directory) and checks their owners. */
bool rh_place_open(rh_arena *a, const rh_pg_settings *settings, rh_place *out, rh_err *err);

/* The state directory alone, for an app on a server of its own: made, marked as ours, closed to others.
 * named: the user named it, so one that is not empty and not ours is refused. */
bool rh_place_make_state(rh_arena *a, const char *dir, bool named, rh_err *err);

/* Makes the directory of the sockets, where it is one in /tmp, and refuses one that others could have made.
 */
bool rh_place_make_sockets(const rh_place *place, rh_err *err);

#endif
