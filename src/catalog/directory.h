/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory: the server's copy of the catalog in memory. Who is there, in which state, where. One writer
 * (catalog/watch.h), many readers on other threads; a lookup copies the few fields a request needs.
 */
#ifndef RH_DIRECTORY_H
#define RH_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "catalog/limits.h"
#include "rest/relation.h"

typedef struct rh_directory rh_directory;

/* States of a tenant: architecture.md. To add one: here, in sql/catalog and in catalog/state.c's table of
 * arrows. */
/* clang-format off */
#define RH_TENANT_STATES(X)                                                                                  \
    X(PENDING, "pending")                                                                                    \
    X(PROVISIONING, "provisioning")                                                                          \
    X(ACTIVE, "active")                                                                                      \
    X(SUSPENDED, "suspended")                                                                                \
    X(MOVING, "moving")                                                                                      \
    X(DROPPING, "dropping")                                                                                  \
    X(FAILED, "failed")
/* clang-format on */
typedef enum rh_tenant_state {
#define X(name, text) RH_TENANT_##name,
    RH_TENANT_STATES(X)
#undef X
} rh_tenant_state;
const char *rh_tenant_state_name(rh_tenant_state s);
bool rh_tenant_state_parse(const char *text, rh_tenant_state *out);

typedef struct rh_directory_entry {
    char id[64]; /* canonical text */
    char slug[64];
    rh_tenant_state state;
    int64_t home;
    int32_t reference_version, tenant_version; /* of its home: which relation cache to use */
    int32_t node;                              /* 1: the first */
    /* where its tables are; live as long as the directory. conninfo: of the node, "" for the first */
    const char *conninfo, *database, *schema;
    bool citus;       /* the node is a Citus coordinator */
    rh_limits limits; /* its own: RH_LIMIT_DEFAULT where it has none */
} rh_directory_entry;

rh_directory *rh_directory_new(void);
void rh_directory_free(rh_directory *d);

/* ---- readers, any thread ---- */
bool rh_directory_by_id(rh_directory *d, const char *id, rh_directory_entry *out);
bool rh_directory_by_slug(rh_directory *d, const char *slug, rh_directory_entry *out);
/* The relation cache of the versions; NULL when it is not known. Stays valid until the directory ends, also
 * when another one for the same versions was added later. */
const rh_relation_cache *rh_directory_cache(rh_directory *d, int32_t reference_version,
                                            int32_t tenant_version);
/* How many there are, and their bytes. */
void rh_directory_caches_measure(rh_directory *d, size_t *n, size_t *bytes);
/* False: the node's name is not known. */
bool rh_directory_node_name(rh_directory *d, int32_t node, char *out, size_t size);
/* Milliseconds since the catalog last answered; INT64_MAX before the first time. */
int64_t rh_directory_age_ms(rh_directory *d);
/* Finds the tenant and refuses what may not be served. Errors: CATALOG_STALE when the catalog has been away
 * for longer than stale_ms (0: never), or has never answered and the tenant is not there; UNKNOWN_TENANT,
 * which a tenant that is being dropped is too; TENANT_SUSPENDED; TENANT_NOT_READY in every other state than
 * active. */
bool rh_directory_admit(rh_directory *d, bool by_slug, const char *ref, int64_t stale_ms,
                        rh_directory_entry *out, rh_err *err);

/* ---- the writer ---- */
/* A slug that another tenant has here goes over to this one; the other has none until it is put again. */
void rh_directory_put(rh_directory *d, const rh_directory_entry *e);
void rh_directory_remove(rh_directory *d, const char *id);
/* Replaces everything at once after a reconnect: begin, put each, end (which drops what was not put). Readers
 * see the old content until end and the new one after it, never a mixture; put and remove in between go to
 * the new one. A second begin starts over. */
void rh_directory_refill_begin(rh_directory *d);
void rh_directory_refill_end(rh_directory *d);
void rh_directory_add_cache(rh_directory *d, int32_t reference_version, int32_t tenant_version,
                            rh_relation_cache *c /* taken */);
void rh_directory_name_node(rh_directory *d, int32_t node, const char *name);
void rh_directory_touch(rh_directory *d); /* the catalog answered just now */
size_t rh_directory_count(rh_directory *d);

#endif
