/* SPDX-License-Identifier: Apache-2.0
 *
 * A relation cache as JSON, for operators who want to see what a server knows of a schema.
 */
#ifndef RH_RELATION_JSON_H
#define RH_RELATION_JSON_H

#include "base/json.h"
#include "rest/relation.h"

/* An object with relations, foreign keys and functions, as the member key of what is being written. */
void rh_relation_cache_put(const rh_relation_cache *c, rh_json_writer *j, const char *key);

#endif
