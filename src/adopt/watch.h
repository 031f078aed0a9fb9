/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps what is known of an adopted database fresh: a thread with one connection that listens on the channel
 * db-channel. Any word there (`NOTIFY pgrst, 'reload schema'` and 'reload config' are PostgREST's), and
 * rh_adopt_watch_reload(), have settings, roles and schemas read anew. What cannot be read leaves things as
 * they were. While the database is away it is dialed again.
 */
#ifndef RH_ADOPT_WATCH_H
#define RH_ADOPT_WATCH_H

#include "adopt/reader.h"

typedef struct rh_adopt_watch rh_adopt_watch;

/* conf: what the connection and the channel are taken from; it outlives the watch, and so does source.
 * adopted has its first state when this returns; with `waits` a server that cannot be reached is waited for
 * instead, and it has that later. */
rh_adopt_watch *rh_adopt_watch_start(const rh_conf *conf, const rh_adopt_source *source, rh_adopted *adopted,
                                     bool waits, rh_err *err);
/* Read everything anew, soon. From any thread. */
void rh_adopt_watch_reload(void *watch);
void rh_adopt_watch_stop(rh_adopt_watch *w); /* NULL is allowed */

#endif
