/* SPDX-License-Identifier: Apache-2.0
 *
 * How an app's tokens are checked, and tokens for tenants, signed with the app's own secret: for development
 * and for the operator's scripts. In production an identity provider signs them.
 */
#ifndef RH_TOKEN_H
#define RH_TOKEN_H

#include "auth/key_source.h"
#include "auth/resolve.h"
#include "catalog/tenant.h"

/* What the data door checks tokens by, from the settings. */
void rh_token_rules(const rh_conf *conf, rh_resolve_rules *out);

/* The keys that the settings name: a secret (made in development), a file, or an address. The caller's, until
 * rh_key_source_free(). Errors: CONF, JWT_SECRET, IO. */
rh_key_source *rh_token_key_source(const rh_app *app, rh_err *err);

/* The setting that names keys of somebody else's, "auth.key_file" or "auth.jwks_url"; NULL: the app has a
 * secret of its own and signs tokens with it. */
const char *rh_token_foreign(const rh_conf *conf);

/* A token for the tenant that `ref` (id or slug) names, in the arena. STATE where the app's tokens are signed
 * elsewhere. */
const char *rh_tenant_token(rh_operator *o, rh_arena *a, const char *ref, int64_t ttl_s, rh_err *err);

#endif
