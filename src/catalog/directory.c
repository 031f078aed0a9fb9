/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/directory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

/* One tenant, packed: a server holds all of them. Never changed once readers can see it, save for slug_len.
 */
struct tenant {
    int64_t home;
    const char *conninfo, *database, *schema; /* the directory's names */
    rh_limits *limits;                        /* NULL: it has none of its own */
    int32_t reference_version, tenant_version, node;
    bool citus;
    uint8_t state, id_len, slug_len; /* slug_len 0: another tenant has the slug now */
    char text[];                     /* id, NUL, slug, NUL */
};

struct tenants {
    rh_map by_id, by_slug; /* the same tenants; keys stand in their text */
};

struct cache {
    struct cache *next; /* newest first, so that the newest of the same versions is found */
    int32_t reference_version, tenant_version;
    rh_relation_cache *content;
};

struct node {
    int32_t number;
    const char *name; /* one of the directory's names */
};

struct rh_directory {
    pthread_rwlock_t lock; /* guards shown, what is in it, and caches */
    struct tenants shown;
    struct tenants refill; /* the writer's alone */
    bool refilling;        /* the writer's alone */
    struct cache *caches;
    RH_VEC(struct node) nodes; /* guarded too */
    rh_arena *arena;           /* of that list; the writer's alone */
    rh_map names; /* of conninfos, databases and schemas, each once; the writer's alone; freed at the end */
    _Atomic int64_t answered_ms; /* -1: never */
};

/* ---- states ---- */

static const char *const state_names[] = {
#define X(name, text) [RH_TENANT_##name] = text,
    RH_TENANT_STATES(X)
#undef X
};
static const size_t n_states = sizeof state_names / sizeof *state_names;

/* Why a tenant in this state is not served. To add a state: a row. */
static const struct {
    rh_code code;
    const char *message, *hint;
} refusals[] = {
    [RH_TENANT_PENDING] = {RH_E_TENANT_NOT_READY, "has no home yet", "`rowhouse migrate` gives it one."},
    [RH_TENANT_PROVISIONING] = {RH_E_TENANT_NOT_READY, "is being set up", "Try again in a moment."},
    [RH_TENANT_ACTIVE] = {RH_E_OK, NULL, NULL},
    [RH_TENANT_SUSPENDED] = {RH_E_TENANT_SUSPENDED, "is suspended", "Ask the operator."},
    [RH_TENANT_MOVING] = {RH_E_TENANT_NOT_READY, "is being moved", "Try again in a moment."},
    [RH_TENANT_DROPPING] = {RH_E_UNKNOWN_TENANT, "does not exist", ""},
    [RH_TENANT_FAILED] = {RH_E_TENANT_NOT_READY, "could not be set up", "Ask the operator."},
};
_Static_assert(sizeof refusals / sizeof *refusals == sizeof state_names / sizeof *state_names,
               "a row for each state");

const char *rh_tenant_state_name(rh_tenant_state s)
{
    return state_names[s];
}

bool rh_tenant_state_parse(const char *text, rh_tenant_state *out)
{
    for (size_t i = 0; i < n_states; i++)
        if (strcmp(state_names[i], text) == 0) {
            *out = (rh_tenant_state)i;
            return true;
        }
    return false;
}

/* ---- the maps: no locking here ---- */

static const char *slug_of(const struct tenant *t)
{
    return t->text + t->id_len + 1;
}

static rh_limits *own_limits(const rh_limits *given)
{
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (given->of[i] != RH_LIMIT_DEFAULT)
            return memcpy(rh_xmalloc(sizeof *given), given, sizeof *given);
    return NULL;
}

static void tenant_free(struct tenant *t)
{
    if (t)
        free(t->limits);
    free(t);
}

/* The directory's own copy of a name: many tenants share one. */
static const char *name_of(rh_directory *d, const char *name)
{
    size_t len = name ? strlen(name) : 0;
    char *own = rh_map_get(&d->names, name ? name : "", len);
    if (!own) {
        own = rh_xstrdup(name ? name : "");
        rh_map_put(&d->names, own, len, own);
    }
    return own;
}

static struct tenant *tenant_new(rh_directory *d, const rh_directory_entry *e)
{
    size_t id_len = strnlen(e->id, sizeof e->id - 1), slug_len = strnlen(e->slug, sizeof e->slug - 1);
    struct tenant *t = rh_xcalloc(1, sizeof *t + id_len + 1 + slug_len + 1);
    t->home = e->home;
    t->node = e->node;
    t->citus = e->citus;
    t->limits = own_limits(&e->limits);
    t->conninfo = name_of(d, e->conninfo);
    t->database = name_of(d, e->database);
    t->schema = name_of(d, e->schema);
    t->reference_version = e->reference_version;
    t->tenant_version = e->tenant_version;
    t->state = (uint8_t)e->state;
    t->id_len = (uint8_t)id_len;
    t->slug_len = (uint8_t)slug_len;
    memcpy(t->text, e->id, id_len);
    memcpy(t->text + id_len + 1, e->slug, slug_len);
    return t;
}

static void tenant_copy(const struct tenant *t, rh_directory_entry *out)
{
    *out = (rh_directory_entry){
        .state = (rh_tenant_state)t->state,
        .home = t->home,
        .reference_version = t->reference_version,
        .tenant_version = t->tenant_version,
        .node = t->node,
        .citus = t->citus,
        .conninfo = t->conninfo,
        .database = t->database,
        .schema = t->schema,
    };
    for (int i = 0; i < RH_N_LIMITS; i++)
        out->limits.of[i] = t->limits ? t->limits->of[i] : RH_LIMIT_DEFAULT;
    memcpy(out->id, t->text, t->id_len);
    memcpy(out->slug, slug_of(t), t->slug_len);
}

/* Takes the tenant out of both maps; the memory is the caller's to free. */
static struct tenant *take_out(struct tenants *ts, const char *id)
{
    struct tenant *t = rh_map_del(&ts->by_id, id, strlen(id));
    if (t && t->slug_len)
        rh_map_del(&ts->by_slug, slug_of(t), t->slug_len);
    return t;
}

/* Puts the tenant in; returns the one of the same id that it replaces, the caller's to free, or NULL. */
static struct tenant *put_in(struct tenants *ts, struct tenant *t)
{
    struct tenant *old = take_out(ts, t->text);
    rh_map_put(&ts->by_id, t->text, t->id_len, t);
    if (t->slug_len) {
        struct tenant *robbed = rh_map_put(&ts->by_slug, slug_of(t), t->slug_len, t);
        if (robbed)
            robbed->slug_len = 0;
    }
    return old;
}

static void tenants_release(struct tenants *ts)
{
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&ts->by_id, &i));)
        tenant_free(slot->value);
    rh_map_release(&ts->by_id);
    rh_map_release(&ts->by_slug);
}

/* ---- life ---- */

rh_directory *rh_directory_new(void)
{
    rh_directory *d = rh_xcalloc(1, sizeof *d);
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    /* a suspension must not wait until requests happen to pause */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&d->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    atomic_init(&d->answered_ms, -1);
    d->arena = rh_arena_new();
    return d;
}

void rh_directory_free(rh_directory *d)
{
    if (!d)
        return;
    tenants_release(&d->shown);
    tenants_release(&d->refill);
    while (d->caches) {
        struct cache *c = d->caches;
        d->caches = c->next;
        rh_relation_cache_free(c->content);
        free(c);
    }
    rh_arena_free(d->arena);
    rh_map_slot *slot;
    for (size_t i = 0; (slot = rh_map_next(&d->names, &i));)
        free(slot->value);
    rh_map_release(&d->names);
    pthread_rwlock_destroy(&d->lock);
    free(d);
}

/* ---- readers ---- */

static bool look_up(rh_directory *d, const rh_map *map, const char *key, rh_directory_entry *out)
{
    pthread_rwlock_rdlock(&d->lock);
    const struct tenant *t = rh_map_get(map, key, strlen(key));
    if (t)
        tenant_copy(t, out);
    pthread_rwlock_unlock(&d->lock);
    return t != NULL;
}

bool rh_directory_by_id(rh_directory *d, const char *id, rh_directory_entry *out)
{
    return look_up(d, &d->shown.by_id, id, out);
}

bool rh_directory_by_slug(rh_directory *d, const char *slug, rh_directory_entry *out)
{
    return look_up(d, &d->shown.by_slug, slug, out);
}

const rh_relation_cache *rh_directory_cache(rh_directory *d, int32_t reference_version,
                                            int32_t tenant_version)
{
    const rh_relation_cache *found = NULL;
    pthread_rwlock_rdlock(&d->lock);
    for (const struct cache *c = d->caches; c && !found; c = c->next)
        if (c->reference_version == reference_version && c->tenant_version == tenant_version)
            found = c->content;
    pthread_rwlock_unlock(&d->lock);
    return found;
}

int64_t rh_directory_age_ms(rh_directory *d)
{
    int64_t then = atomic_load(&d->answered_ms), now = rh_now_ms();
    return then < 0 ? INT64_MAX : now > then ? now - then : 0;
}

bool rh_directory_admit(rh_directory *d, bool by_slug, const char *ref, int64_t stale_ms,
                        rh_directory_entry *out, rh_err *err)
{
    bool found = by_slug ? rh_directory_by_slug(d, ref, out) : rh_directory_by_id(d, ref, out);
    int64_t age = rh_directory_age_ms(d);
    if ((stale_ms > 0 && age > stale_ms) || (!found && age == INT64_MAX)) {
        rh_err_set(err, RH_E_CATALOG_STALE, "the catalog cannot be reached");
        return rh_err_hint(err, "Try again in a moment.");
    }
    if (!found)
        return rh_err_set(err, RH_E_UNKNOWN_TENANT, "tenant \"%s\" does not exist", ref);
    if (out->state == RH_TENANT_ACTIVE)
        return true;
    rh_err_set(err, refusals[out->state].code, "tenant \"%s\" %s", ref, refusals[out->state].message);
    return rh_err_hint(err, "%s", refusals[out->state].hint);
}

size_t rh_directory_count(rh_directory *d)
{
    pthread_rwlock_rdlock(&d->lock);
    size_t n = d->shown.by_id.len;
    pthread_rwlock_unlock(&d->lock);
    return n;
}

/* ---- the writer ---- */

void rh_directory_put(rh_directory *d, const rh_directory_entry *e)
{
    struct tenant *t = tenant_new(d, e), *old;
    if (d->refilling) {
        old = put_in(&d->refill, t);
    } else {
        pthread_rwlock_wrlock(&d->lock);
        old = put_in(&d->shown, t);
        pthread_rwlock_unlock(&d->lock);
    }
    tenant_free(old);
}

void rh_directory_remove(rh_directory *d, const char *id)
{
    struct tenant *old;
    if (d->refilling) {
        old = take_out(&d->refill, id);
    } else {
        pthread_rwlock_wrlock(&d->lock);
        old = take_out(&d->shown, id);
        pthread_rwlock_unlock(&d->lock);
    }
    tenant_free(old);
}

void rh_directory_refill_begin(rh_directory *d)
{
    tenants_release(&d->refill);
    d->refilling = true;
}

void rh_directory_refill_end(rh_directory *d)
{
    pthread_rwlock_wrlock(&d->lock);
    struct tenants old = d->shown;
    d->shown = d->refill;
    pthread_rwlock_unlock(&d->lock);
    d->refill = (struct tenants){0};
    d->refilling = false;
    tenants_release(&old);
}

void rh_directory_add_cache(rh_directory *d, int32_t reference_version, int32_t tenant_version,
                            rh_relation_cache *content)
{
    struct cache *c = rh_xcalloc(1, sizeof *c);
    *c = (struct cache){
        .reference_version = reference_version, .tenant_version = tenant_version, .content = content};
    pthread_rwlock_wrlock(&d->lock);
    c->next = d->caches;
    d->caches = c;
    pthread_rwlock_unlock(&d->lock);
}

void rh_directory_caches_measure(rh_directory *d, size_t *n, size_t *bytes)
{
    *n = *bytes = 0;
    pthread_rwlock_rdlock(&d->lock);
    for (const struct cache *c = d->caches; c; c = c->next) {
        *n += 1;
        *bytes += rh_relation_cache_size(c->content);
    }
    pthread_rwlock_unlock(&d->lock);
}

static struct node *find_node(rh_directory *d, int32_t number)
{
    for (size_t i = 0; i < d->nodes.len; i++)
        if (d->nodes.items[i].number == number)
            return &d->nodes.items[i];
    return NULL;
}

void rh_directory_name_node(rh_directory *d, int32_t number, const char *name)
{
    struct node n = {number, name_of(d, name)};
    pthread_rwlock_wrlock(&d->lock);
    struct node *known = find_node(d, number);
    if (known)
        *known = n;
    else
        RH_VEC_PUSH(d->arena, &d->nodes, n);
    pthread_rwlock_unlock(&d->lock);
}

bool rh_directory_node_name(rh_directory *d, int32_t number, char *out, size_t size)
{
    pthread_rwlock_rdlock(&d->lock);
    const struct node *n = find_node(d, number);
    if (n)
        snprintf(out, size, "%s", n->name);
    pthread_rwlock_unlock(&d->lock);
    return n != NULL;
}

void rh_directory_touch(rh_directory *d)
{
    atomic_store(&d->answered_ms, rh_now_ms());
}
