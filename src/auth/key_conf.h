/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the settings say that the keys of tokens come from.
 */
#ifndef RH_KEY_CONF_H
#define RH_KEY_CONF_H

#include "auth/key_source.h"
#include "conf/conf.h"

/* auth.jwks_url, else auth.key_file, else the secret given. The caller's, until rh_key_source_free(). Errors:
 * CONF, JWT_SECRET, IO. */
rh_key_source *rh_key_source_of_conf(const rh_conf *conf, const char *secret, size_t len, rh_err *err);
/* The same of one text: a JWK or JWK set, such as PostgREST takes for its jwt-secret. */
rh_key_source *rh_key_source_of_text(const rh_conf *conf, const char *text, size_t len, rh_err *err);
/* The setting that names keys of somebody else's, "auth.key_file" or "auth.jwks_url"; NULL: there is none. */
const char *rh_key_conf_foreign(const rh_conf *conf);

#endif
