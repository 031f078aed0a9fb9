/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of tokens for an adopted database. jwt-secret is what it is in PostgREST: a text, a text in base64
 * (jwt-secret-is-base64), a JWK or a JWK set; auth.key_file and auth.jwks_url may stand in its place.
 */
#ifndef RH_ADOPT_KEYS_H
#define RH_ADOPT_KEYS_H

#include "auth/key_source.h"
#include "conf/conf.h"

/* *made: where no keys are named, the secret that was made for this run (the arena's), else NULL. */
rh_key_source *rh_adopt_key_source(rh_arena *a, const rh_conf *conf, const char **made, rh_err *err);
/* A token for the role, signed with a secret. */
const char *rh_adopt_token(rh_arena *a, const char *secret, const char *role, int64_t ttl_s, rh_err *err);

#endif
