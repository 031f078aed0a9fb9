/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests about the API instead of its rows, which need no database: `/` (Swagger 2.0, as PostgREST has it),
 * `/openapi.json` (OpenAPI 3.1), and OPTIONS of anything, whose Allow says what may be done.
 */
#ifndef RH_DESCRIBE_H
#define RH_DESCRIBE_H

#include "rest/openapi.h"

#define RH_OPENAPI_PATH "/openapi.json"

/* Texts that were made and are asked for again: writing one costs as much as many reads. For callers whose
 * caches live as long as this does, with one naming and one version each. Zeroed at first, one thread's. */
#define RH_DESCRIBED_TEXTS 4
typedef struct rh_described {
    struct {
        const rh_relation_cache *cache;
        bool swagger;
        char *text;
        size_t len;
    } texts[RH_DESCRIBED_TEXTS];
    unsigned next; /* to be given up for another */
} rh_described;
void rh_described_release(rh_described *d);

/* A relation called openapi.json goes before the description of that path. */
bool rh_describe_asked(const rh_rest_request *req, const rh_relation_cache *c);

/* Answers what rh_describe_asked() says is so. described may be NULL. Errors are for the client: 404 for what
 * is not there or with descriptions disabled, 405, 406, 413. */
bool rh_describe(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *c,
                 const rh_rest_naming *naming, const rh_openapi_settings *settings, const char *version,
                 rh_described *described, rh_rest_answer *out, rh_err *err);

#endif
