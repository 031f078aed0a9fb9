/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of the API of one version of the app: Swagger 2.0 to the letter of PostgREST's, which clients
 * and generators of types know, and OpenAPI 3.1, which says more: what is null, which columns a row needs,
 * one row by its key, errors, who may come in. Made of the relation cache alone, so all tenants of a version
 * are told the same.
 */
#ifndef RH_OPENAPI_H
#define RH_OPENAPI_H

#include "rest/facts.h"

typedef struct rh_openapi_settings {
    rh_openapi_mode mode;
    bool security;      /* Swagger's security definitions; OpenAPI 3.1 always has them */
    const char *url;    /* of the data door as clients reach it: http://host:port/path */
    const char *title;  /* where the schema has no comment */
    const char *header; /* that names the tenant and is believed; NULL: none */
} rh_openapi_settings;

/* Takes a text away while it is being written, so that it need not be in memory as a whole. */
typedef struct rh_openapi_sink {
    void (*take)(void *arg, rh_str *text); /* clears it */
    void *arg;
    size_t from; /* bytes: at about so many it is called */
} rh_openapi_sink;

/* One JSON text, of which what the sink (NULL: there is none) did not take stays in out. out has the bound;
 * overflow is the caller's to look at. version: of the app's migrations. */
void rh_openapi_swagger(const rh_relation_cache *c, const rh_rest_naming *n, const rh_openapi_settings *s,
                        const char *version, const rh_openapi_sink *sink, rh_str *out);
void rh_openapi_31(const rh_relation_cache *c, const rh_rest_naming *n, const rh_openapi_settings *s,
                   const char *version, const rh_openapi_sink *sink, rh_str *out);

#endif
