/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what there is to know of an adopted database. Blocking; as the login role, which needs no rights but
 * to connect.
 */
#ifndef RH_ADOPT_READER_H
#define RH_ADOPT_READER_H

#include "adopt/adopted.h"
#include "pg/db.h"

rh_db *rh_adopt_connect(const rh_conf *conf, rh_err *err);
/* Where the settings come from: each state reads them anew, into its own arena. NULL with err filled. */
typedef struct rh_adopt_source {
    rh_conf *(*read)(rh_arena *a, void *arg, rh_err *err);
    /* A newer state than the first is there; on the watch's thread. NULL: nobody wants to know. */
    void (*shown)(const rh_adopted_state *s, void *arg);
    void *arg;
    bool first_look; /* where nobody is said to come in, the login role may, by tokens of a secret made for
                        this run */
} rh_adopt_source;

/* Neither a role for requests without a token, nor keys of tokens. */
bool rh_adopt_says_nobody(const rh_conf *conf);

/* A new state. Errors: those of the database, CONF for what the database says of itself, or a schema that is
 * not there. */
rh_adopted_state *rh_adopt_read(const rh_adopt_source *source, rh_db *db, rh_err *err);

#endif
