/* SPDX-License-Identifier: Apache-2.0
 *
 * Links between relations: what `target!hint(...)`, written inside an origin, means. After PostgREST's rules
 * (Plan.hs, findRel): a target is a table, a view, the name of a foreign key or its one column; a hint is one
 * of these or the junction of a many-to-many link. The tenant key, part of every key, is looked through.
 */
#ifndef RH_LINK_H
#define RH_LINK_H

#include "rest/query.h"
#include "rest/rest.h"

typedef enum rh_link_kind {
    RH_LINK_NONE,
    RH_LINK_FORWARD,  /* the parent has the foreign key */
    RH_LINK_REVERSE,  /* the child has it */
    RH_LINK_JUNCTION, /* a third relation has one to each; its primary key has the columns of both */
    RH_LINK_COMPUTED  /* a function of the parent's row gives the child's rows */
} rh_link_kind;

typedef struct rh_link {
    rh_link_kind kind;
    const rh_foreign_key *fk;    /* of JUNCTION: to the parent */
    const rh_foreign_key *far;   /* of JUNCTION: to the child */
    const rh_function *function; /* of COMPUTED */
} rh_link;

const rh_relation *rh_link_target(const rh_link *l);
bool rh_link_is_to_one(const rh_link *l);

/* The one link that the embed means inside the relation. RH_E_NO_RELATIONSHIP, RH_E_AMBIGUOUS; their texts
 * name what is served only. */
bool rh_link_find(rh_arena *a, const rh_relation_cache *c, const rh_rest_naming *naming,
                  const rh_relation *origin, const rh_query *embed, rh_link *out, rh_err *err);
/* The function of the name that takes a row of the relation and nothing else; NULL when there is none.
 * of_relations: one that returns rows of a relation, else one that returns a value. */
const rh_function *rh_link_computed(const rh_relation_cache *c, const rh_relation *rel, const char *name,
                                    bool of_relations);

#endif
