/* SPDX-License-Identifier: Apache-2.0
 *
 * JWK to key: RFC 7517, RFC 7518 section 6, RFC 8037.
 */
#ifndef RH_JWK_H
#define RH_JWK_H

#include <jansson.h>

#include "auth/key.h"

/* use, key_ops and alg, where given, must allow verifying signatures; a public key that comes with its
 * private part is refused. Error: INVALID, JWT_SECRET. */
rh_key *rh_key_from_jwk(const json_t *jwk, rh_err *err);

#endif
