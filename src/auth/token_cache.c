/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_cache.h"

#include <string.h>

#include "base/arena.h"
#include "base/map.h"

/* The signature of an HS256 token, 43 characters, is as good as random and the same for no two tokens. */
#define HASHED_BYTES 43

struct entry {
    struct entry *newer, *older;
    rh_token_facts facts;
    size_t len, bytes;
    const char *token; /* stands behind the struct, and the claims behind it */
};

struct rh_token_cache {
    rh_map by_tail;
    struct entry ends; /* ends.older: the most recently used, ends.newer: the least */
    size_t max_entries, max_bytes, bytes;
};

rh_token_cache *rh_token_cache_new(size_t max_entries, size_t max_bytes)
{
    rh_token_cache *c = rh_xcalloc(1, sizeof *c);
    c->max_entries = max_entries;
    c->max_bytes = max_bytes;
    c->ends.newer = c->ends.older = &c->ends;
    rh_map_init(&c->by_tail);
    return c;
}

static const char *tail(const char *token, size_t len, size_t *n)
{
    *n = len < HASHED_BYTES ? len : HASHED_BYTES;
    return token + len - *n;
}

static void unlink_entry(struct entry *e)
{
    e->newer->older = e->older;
    e->older->newer = e->newer;
}

static void link_newest(rh_token_cache *c, struct entry *e)
{
    e->newer = &c->ends;
    e->older = c->ends.older;
    e->older->newer = e;
    c->ends.older = e;
}

static void drop(rh_token_cache *c, struct entry *e)
{
    size_t n;
    const char *key = tail(e->token, e->len, &n);
    rh_map_del(&c->by_tail, key, n);
    unlink_entry(e);
    c->bytes -= e->bytes;
    free(e);
}

void rh_token_cache_clear(rh_token_cache *c)
{
    while (c->ends.newer != &c->ends)
        drop(c, c->ends.newer);
}

void rh_token_cache_free(rh_token_cache *c)
{
    if (!c)
        return;
    rh_token_cache_clear(c);
    rh_map_release(&c->by_tail);
    free(c);
}

static struct entry *find(rh_token_cache *c, const char *token, size_t len)
{
    size_t n;
    const char *key = tail(token, len, &n);
    struct entry *e = rh_map_get(&c->by_tail, key, n);
    return e && e->len == len && memcmp(e->token, token, len) == 0 ? e : NULL;
}

const rh_token_facts *rh_token_cache_get(rh_token_cache *c, const char *token, size_t len)
{
    struct entry *e = find(c, token, len);
    if (!e)
        return NULL;
    unlink_entry(e);
    link_newest(c, e);
    return &e->facts;
}

void rh_token_cache_del(rh_token_cache *c, const char *token, size_t len)
{
    struct entry *e = find(c, token, len);
    if (e)
        drop(c, e);
}

void rh_token_cache_put(rh_token_cache *c, const char *token, size_t len, const rh_token_facts *facts)
{
    size_t n, claims_len = facts->claims ? strlen(facts->claims) + 1 : 0;
    size_t bytes = sizeof(struct entry) + len + claims_len;
    const char *key = tail(token, len, &n);
    struct entry *same_tail = rh_map_get(&c->by_tail, key, n);
    if (same_tail)
        drop(c, same_tail);
    if (bytes > c->max_bytes || c->max_entries == 0)
        return;
    while (c->by_tail.len >= c->max_entries || c->bytes + bytes > c->max_bytes)
        drop(c, c->ends.newer);
    struct entry *e = rh_xmalloc(bytes);
    e->facts = *facts;
    e->len = len;
    e->bytes = bytes;
    e->token = memcpy(e + 1, token, len);
    if (facts->claims)
        e->facts.claims = memcpy((char *)(e + 1) + len, facts->claims, claims_len);
    key = tail(e->token, len, &n);
    rh_map_put(&c->by_tail, key, n, e);
    link_newest(c, e);
    c->bytes += bytes;
}

size_t rh_token_cache_count(const rh_token_cache *c)
{
    return c->by_tail.len;
}
