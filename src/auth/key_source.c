/* SPDX-License-Identifier: Apache-2.0
 *
 * The fetching thread sleeps until `due` or until somebody moves `due` forward. Everything but the generation
 * is under the lock; the fetch itself runs without it.
 */
#include "auth/key_source.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "auth/fetch.h"
#include "base/clock.h"
#include "base/log.h"

struct rh_key_source {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rh_jwt_keys *keys; /* NULL: none yet */
    atomic_uint_fast64_t generation;
    rh_key_watcher *watchers;
    /* of a fetching one */
    rh_key_source_settings settings;
    char *url;
    pthread_t thread;
    bool fetches, fetching;
    atomic_bool stop;
    int64_t begun, due;  /* monotonic ms: the last attempt, the next one */
    int64_t retry_after; /* of the next failure; doubles */
    bool failing;        /* the last attempt failed */
    rh_str last;         /* the text of `keys` */
};

static rh_key_source *new_source(void)
{
    rh_key_source *s = rh_xcalloc(1, sizeof *s);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

rh_key_source *rh_key_source_fixed(rh_jwt_keys *keys)
{
    rh_key_source *s = new_source();
    s->keys = keys;
    atomic_store(&s->generation, 1);
    return s;
}

void rh_key_source_replace(rh_key_source *s, rh_jwt_keys *keys)
{
    pthread_mutex_lock(&s->lock);
    rh_jwt_keys_free(s->keys);
    s->keys = keys;
    atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
    pthread_mutex_unlock(&s->lock);
}

uint64_t rh_key_source_generation(const rh_key_source *s)
{
    return atomic_load_explicit(&s->generation, memory_order_acquire);
}

rh_jwt_keys *rh_key_source_get(rh_key_source *s, uint64_t *generation)
{
    pthread_mutex_lock(&s->lock);
    rh_jwt_keys *keys = s->keys ? rh_jwt_keys_retain(s->keys) : NULL;
    *generation = rh_key_source_generation(s);
    pthread_mutex_unlock(&s->lock);
    return keys;
}

bool rh_key_source_want(rh_key_source *s, int64_t soon_ms)
{
    if (!s->fetches)
        return false;
    pthread_mutex_lock(&s->lock);
    int64_t now = rh_now_ms(), earliest = s->begun + s->settings.min_interval_ms;
    if (!s->fetching && s->due > earliest) {
        s->due = earliest > now ? earliest : now;
        pthread_cond_signal(&s->changed);
    }
    bool soon = s->fetching || s->due <= now + soon_ms;
    pthread_mutex_unlock(&s->lock);
    return soon;
}

void rh_key_source_watch(rh_key_source *s, rh_key_watcher *w)
{
    pthread_mutex_lock(&s->lock);
    w->next = s->watchers;
    s->watchers = w;
    pthread_mutex_unlock(&s->lock);
}

void rh_key_source_unwatch(rh_key_source *s, rh_key_watcher *w)
{
    pthread_mutex_lock(&s->lock);
    for (rh_key_watcher **at = &s->watchers; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void tell(const rh_key_source *s, const rh_jwt_keys *keys)
{
    rh_err why;
    size_t left_out = rh_jwt_keys_left_out(keys, &why);
    rh_log(rh_jwt_keys_count(keys) ? RH_LOG_INFO : RH_LOG_WARN, "%s: %zu keys for tokens", s->url,
           rh_jwt_keys_count(keys));
    if (left_out) {
        rh_err_context(&why, "%zu left out", left_out);
        rh_log_err(RH_LOG_WARN, s->url, &why);
    }
}

/* A new set from the text, unless it is the one we have. */
static bool read_answer(rh_key_source *s, const rh_str *text, rh_jwt_keys **keys, rh_err *err)
{
    if (s->keys && text->len == s->last.len && memcmp(rh_str_cstr(text), s->last.data, text->len) == 0)
        return true;
    *keys = rh_jwt_keys_read(rh_str_cstr(text), text->len, RH_KEYS_FROM_URL, err);
    if (*keys)
        tell(s, *keys);
    return *keys != NULL;
}

/* With the lock. keys: NULL when nothing is new. */
static void end_attempt(rh_key_source *s, bool ok, rh_jwt_keys *keys)
{
    const rh_key_source_settings *set = &s->settings;
    s->fetching = false;
    s->failing = !ok;
    if (keys) {
        rh_jwt_keys_free(s->keys);
        s->keys = keys;
        atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
    }
    if (ok) {
        s->retry_after = set->min_interval_ms;
        s->due = s->begun + set->max_age_ms;
    } else {
        s->due = s->begun + s->retry_after;
        s->retry_after = s->retry_after < set->max_age_ms / 2 ? s->retry_after * 2 : set->max_age_ms;
    }
    for (rh_key_watcher *w = s->watchers; w; w = w->next)
        w->fn(w->arg);
}

/* Called and returns with the lock, without it in between. */
static void attempt(rh_key_source *s)
{
    rh_jwt_keys *keys = NULL;
    rh_str text;
    rh_err err;
    s->begun = rh_now_ms();
    s->fetching = true;
    pthread_mutex_unlock(&s->lock);
    rh_str_init(&text, RH_KEYS_TEXT_MAX);
    bool ok =
        rh_fetch(s->url, s->settings.timeout_ms, &s->stop, &text, &err) && read_answer(s, &text, &keys, &err);
    if (!ok && !atomic_load(&s->stop)) {
        rh_err_hint(&err, s->keys ? "The keys fetched before stay in use."
                                  : "Tokens are refused until it answers.");
        rh_log_err(s->failing ? RH_LOG_DEBUG : RH_LOG_WARN, s->url, &err);
    }
    pthread_mutex_lock(&s->lock);
    if (keys) {
        rh_str_release(&s->last);
        s->last = text;
    } else {
        rh_str_release(&text);
    }
    end_attempt(s, ok, keys);
}

static void *thread_main(void *arg)
{
    rh_key_source *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!atomic_load(&s->stop)) {
        if (rh_now_ms() >= s->due) {
            attempt(s);
            continue;
        }
        struct timespec until = {.tv_sec = s->due / 1000, .tv_nsec = s->due % 1000 * 1000000};
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are for others to handle. */
static int start_thread(rh_key_source *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&s->thread, NULL, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

rh_key_source *rh_key_source_start(const rh_key_source_settings *settings, rh_err *err)
{
    rh_key_source *s = new_source();
    s->settings = *settings;
    if (!s->settings.timeout_ms)
        s->settings.timeout_ms = RH_KEY_SOURCE_TIMEOUT_MS;
    s->url = rh_xstrdup(settings->url);
    s->settings.url = s->url;
    s->due = s->begun = rh_now_ms();
    s->retry_after = settings->min_interval_ms;
    s->fetches = true;
    int rc = start_thread(s);
    if (rc == 0)
        return s;
    s->fetches = false;
    rh_key_source_free(s);
    rh_err_set(err, RH_E_IO, "no thread could be started: %s", strerror(rc));
    return NULL;
}

void rh_key_source_free(rh_key_source *s)
{
    if (!s)
        return;
    if (s->fetches) {
        pthread_mutex_lock(&s->lock);
        atomic_store(&s->stop, true);
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    rh_jwt_keys_free(s->keys);
    rh_str_release(&s->last);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->url);
    free(s);
}
