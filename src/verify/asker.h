/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files that make a request share: the asker, who is inside verify/ask.h only; the words of a
 * request; its kinds; who says it.
 *
 * Ownership: a request is made of the arena of its rh_asker_next() call; what the asker points to is the
 * world's.
 */
#ifndef RH_VERIFY_ASKER_H
#define RH_VERIFY_ASKER_H

#include "catalog/token.h"
#include "verify/ask.h"

#define RH_ASK_TTL_S 3600 /* of a token that is made for one request */

struct rh_asker {
    rh_world *w;
    rh_dice *dice;
    const rh_conf *conf;
    rh_resolve_rules rules;
    rh_jwt_keys *keys, *wrong_keys;
    RH_VEC(const rh_relation *) relations;
    const rh_foreign_key *foreign;
    const rh_function *functions;
    int n_foreign, n_functions;
    rh_arena *a; /* of the request that is being made */
    rh_ask *ask;
    rh_verify_tenant *me, *other;
    rh_str path, plain, headers;
    bool has_query;
};

/* ---- words (ask_words.c); percent-encoded in the path, plain in the text that is told ---- */

void rh_ask_begin(rh_asker *k, const char *kind, const char *method);
void rh_ask_segment(rh_asker *k, const char *text);
void rh_ask_query(rh_asker *k, const char *name, const char *value);
void rh_ask_header(rh_asker *k, const char *name, const char *value);
/* A header that tells what is asked; tokens are not told. */
void rh_ask_told_header(rh_asker *k, const char *name, const char *value);

/* ---- kinds (ask_kinds.c): what is asked, by chance ---- */

void rh_ask_read(rh_asker *k);
void rh_ask_by_key(rh_asker *k);
void rh_ask_insert(rh_asker *k);
void rh_ask_change(rh_asker *k);
void rh_ask_delete(rh_asker *k);
void rh_ask_function(rh_asker *k);
void rh_ask_broken(rh_asker *k);

/* ---- who asks (ask_as.c) ---- */

void rh_ask_bear(rh_asker *k, const char *token);
/* As `me`, by a token or the trusted header. */
void rh_ask_identify(rh_asker *k);
/* As somebody who must be shown nothing; `me` is whom it pretends to be. */
void rh_ask_as_nobody(rh_asker *k);
/* Headers that claim the other tenant where none is believed. */
void rh_ask_forge(rh_asker *k);

#endif
