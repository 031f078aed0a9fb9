/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in a token's payload a claim stands: a plain name (`tenant`, `https://x.example/school`), or a path
 * that begins with $ and has steps `.name` and `["any name"]` (single quotes too; no escapes within):
 * `$.app.tenant`,
 * `$["https://x.example/school"].id`. A plain name is one name, whatever characters it has. At most
 * RH_CLAIM_STEPS steps and 255 bytes. Whether a path is well-formed: rh_jwt_claim_path_ok() in jwt.h.
 */
#ifndef RH_CLAIM_H
#define RH_CLAIM_H

#include <jansson.h>
#include <stdbool.h>

#define RH_CLAIM_STEPS 8

/* *value: what stands there (the payload's), NULL when nothing does. False when the path is malformed or
 * leads through something that is not an object. */
bool rh_claim_find(const json_t *payload, const char *path, json_t **value);
/* Puts the value there, with the objects that lead to it. The reference to value is taken, even on failure.
 */
bool rh_claim_put(json_t *payload, const char *path, json_t *value);

#endif
