/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests about the API instead of its rows, which need no database: `/` (Swagger 2.0, as PostgREST has it),
 * `/openapi.json` (OpenAPI 3.1), and OPTIONS of anything, whose Allow says what may be done.
 */
#ifndef RH_DESCRIBE_H
#define RH_DESCRIBE_H

#include "rest/openapi.h"

#define RH_OPENAPI_PATH "/openapi.json"

typedef enum rh_description_form {
    RH_DESCRIPTION_NONE, /* OPTIONS has none */
    RH_DESCRIPTION_SWAGGER,
    RH_DESCRIPTION_OPENAPI
} rh_description_form;

/* A relation called openapi.json goes before the description of that path. */
bool rh_describe_asked(const rh_rest_request *req, const rh_relation_cache *c);

/* Status and headers of the answer to what rh_describe_asked() says is so, and which text belongs to it.
 * Errors are for the client: 404 for what is not there or with descriptions disabled, 405, 406. */
bool rh_describe(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *c,
                 const rh_rest_naming *naming, const rh_openapi_settings *settings, rh_rest_answer *out,
                 rh_description_form *form, rh_err *err);
/* Gives an answer the Swagger description's type: its body is one that the app has made. */
void rh_describe_name(rh_rest_answer *out);
/* The text of a form, as in rest/openapi.h. Any thread. */
void rh_describe_write(rh_description_form form, const rh_relation_cache *c, const rh_rest_naming *naming,
                       const rh_openapi_settings *settings, const char *version, const rh_openapi_sink *sink,
                       rh_str *out);

#endif
