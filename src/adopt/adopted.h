/* SPDX-License-Identifier: Apache-2.0
 *
 * A database that is served as it is ([adopt] in the conf), as the server knows it: its settings with what
 * the database itself says over them, the relation cache of each exposed schema, the settings of its roles.
 * Nothing is ever written there. What is known is one immutable state; a newer one takes its place at once,
 * and each request keeps the one that it began with.
 *
 * Ownership: rh_adopted is the caller's and outlives all who use it. A state lives until the last one lets it
 * go.
 */
#ifndef RH_ADOPTED_H
#define RH_ADOPTED_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "conf/conf.h"
#include "rest/relation.h"

typedef struct rh_adopted rh_adopted;

typedef struct rh_adopted_schema {
    const char *name;
    const char *path; /* search_path of its requests */
    rh_relation_cache *cache;
} rh_adopted_schema;

typedef struct rh_adopted_role {
    const char *name;
    const char *begin;  /* the command that says its isolation level; NULL: the database's */
    int64_t timeout_ms; /* of its statements, 0: none; -1: the server's */
    RH_VEC(rh_conf_pair) settings;
} rh_adopted_role;

/* What a role may do with a schema, for descriptions: made when it is first asked for. */
typedef struct rh_adopted_view {
    const rh_adopted_schema *schema;
    char *role;
    rh_relation_cache *cache;
} rh_adopted_view;

#define RH_ADOPTED_VIEWS 64

typedef struct rh_adopted_state {
    rh_arena *arena;
    const rh_conf *conf;  /* the state's own */
    const char *login;    /* the role that logs in */
    const char *database; /* what it is called, for people */
    rh_adopted_schema *schemas;
    size_t n_schemas;
    const char *schema_list;    /* of their names, for messages */
    const char *const *hoisted; /* settings of functions that hold for the whole transaction */
    size_t n_hoisted;
    bool no_keys;            /* nothing says how tokens are signed */
    rh_map limits;           /* tenant to rh_limits: those that have some (adopt/tenant_limits.h) */
    rh_map roles;            /* name to rh_adopted_role: those that have settings */
    const char *pre_request; /* statement that calls it; NULL: there is none */
    atomic_int users;
    pthread_mutex_t lock; /* of the views */
    rh_adopted_view views[RH_ADOPTED_VIEWS];
    size_t n_views;
} rh_adopted_state;

rh_adopted *rh_adopted_new(void);
void rh_adopted_free(rh_adopted *a); /* NULL is allowed */
/* A state of its own, used by its maker. */
rh_adopted_state *rh_adopted_state_new(void);
/* From now on this is what is known; the maker's use goes over to it. */
void rh_adopted_show(rh_adopted *a, rh_adopted_state *s);
bool rh_adopted_is_known(rh_adopted *a);
/* The state of now; NULL before the first. To be let go by rh_adopted_leave(), on any thread. */
const rh_adopted_state *rh_adopted_use(rh_adopted *a);
void rh_adopted_leave(const rh_adopted_state *s); /* NULL is allowed */

/* The command that gives a transaction an isolation level; NULL where that is the usual one. */
const char *rh_adopted_begin(const char *isolation);
/* The view of a role, NULL when it is not known. The state's. */
const rh_relation_cache *rh_adopted_view_of(const rh_adopted_state *s, const rh_adopted_schema *schema,
                                            const char *role);
/* Keeps one; the cache is taken. False: there are too many, and the cache stays the caller's. */
bool rh_adopted_keep_view(const rh_adopted_state *s, const rh_adopted_schema *schema, const char *role,
                          rh_relation_cache *cache);

#endif
