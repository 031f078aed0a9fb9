/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens for tenants, signed with the app's own HS256 secret: for development and for the operator's scripts.
 * In production an identity provider signs them.
 */
#ifndef RH_TOKEN_H
#define RH_TOKEN_H

#include "auth/resolve.h"
#include "catalog/tenant.h"

/* What the data door checks tokens by, from the settings. */
void rh_token_rules(const rh_conf *conf, rh_resolve_rules *out);

/* A token for the tenant that `ref` (id or slug) names, in the arena. */
const char *rh_tenant_token(rh_operator *o, rh_arena *a, const char *ref, int64_t ttl_s, rh_err *err);

#endif
