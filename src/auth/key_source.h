/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the keys of tokens come from, over time: a set given once, or an address (JWKS URL) that is asked
 * again. What is served is always one whole, immutable set (auth/keys.h); a newer one takes its place at once
 * and has a higher generation. Loops look at the generation before each request (an atomic load) and take the
 * set when it changed. Fetching is a thread of its own, so it never blocks a loop.
 *
 * When is it fetched? At the start; max_age after the last good answer; when a token names a key that is not
 * in the set (rh_key_source_want()), but never sooner than min_interval after the last attempt, whoever asks;
 * after a failure, at min_interval and then at longer and longer intervals up to max_age.
 * An answer that is no JWK set, too large or too slow changes nothing: the last good set stays. A well-formed
 * set is the provider's word: keys that are no longer in it no longer count, also when none is left.
 *
 * Ownership: the caller's, until rh_key_source_free(), which ends the thread. All functions may be called on
 * any thread.
 */
#ifndef RH_KEY_SOURCE_H
#define RH_KEY_SOURCE_H

#include "auth/keys.h"

typedef struct rh_key_source rh_key_source;

typedef struct rh_key_source_settings {
    const char *url;                     /* copied */
    int64_t min_interval_ms, max_age_ms; /* see above */
    int64_t timeout_ms;                  /* of one attempt; 0: RH_KEY_SOURCE_TIMEOUT_MS */
} rh_key_source_settings;

#define RH_KEY_SOURCE_TIMEOUT_MS 5000

/* These keys and no others. The reference is taken. */
rh_key_source *rh_key_source_fixed(rh_jwt_keys *keys);
/* Others from now on, of a source that was made so. The reference is taken. */
void rh_key_source_replace(rh_key_source *s, rh_jwt_keys *keys);
/* Begins to fetch and returns at once. Error: IO. */
rh_key_source *rh_key_source_start(const rh_key_source_settings *settings, rh_err *err);
void rh_key_source_free(rh_key_source *s); /* within a second; NULL is allowed */

/* 0 while there is no set yet. */
uint64_t rh_key_source_generation(const rh_key_source *s);
/* The set of now, NULL when there is none yet: the caller lets it go by rh_jwt_keys_free(). *generation: its
 * own. */
rh_jwt_keys *rh_key_source_get(rh_key_source *s, uint64_t *generation);

/* A token names an unknown key: fetch as soon as may be. True when an attempt is under way, or begins within
 * soon_ms: watchers will be told of its end. */
bool rh_key_source_want(rh_key_source *s, int64_t soon_ms);

/* fn(arg) is called on the source's thread after each attempt, good or bad: it may do no more than wake
 * somebody up (uv_async_send()). After rh_key_source_unwatch() has returned it is called no more. */
typedef struct rh_key_watcher {
    void (*fn)(void *arg);
    void *arg;
    struct rh_key_watcher *next; /* the source's */
} rh_key_watcher;
void rh_key_source_watch(rh_key_source *s, rh_key_watcher *w);
void rh_key_source_unwatch(rh_key_source *s, rh_key_watcher *w);

#endif
