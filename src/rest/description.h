/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts that descriptions of both forms (swagger.c, openapi.c) write alike.
 */
#ifndef RH_DESCRIPTION_H
#define RH_DESCRIPTION_H

#include "base/json.h"
#include "rest/openapi.h"

/* One that is being written. */
typedef struct rh_description {
    rh_json_writer json;
    rh_arena *arena; /* cleared after each relation and function */
    const rh_relation_cache *cache;
    const rh_rest_naming *naming;
    const rh_openapi_settings *settings;
    const rh_openapi_sink *sink;
} rh_description;

/* put is called for each one that is shown. */
void rh_description_relations(rh_description *d, void (*put)(rh_description *d, const rh_relation *r));
void rh_description_functions(rh_description *d, void (*put)(rh_description *d, const rh_function *f));

/* "info"; without: the description where the schema has no comment, NULL: none. */
void rh_description_put_info(rh_description *d, const char *version, const char *without);

/* Opens the operation of a method, to be closed by the caller: tag, and the comment's first line and rest as
 * summary and description. otherwise: the summary where there is no comment, NULL: none. */
void rh_description_open_operation(rh_description *d, const char *method, const char *tag,
                                   const char *comment, const char *otherwise);

#endif
