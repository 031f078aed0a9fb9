/* SPDX-License-Identifier: Apache-2.0
 *
 * auth/key_source.c and auth/fetch.c against a provider of keys that answers as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "auth/fetch.h"
#include "auth/key_source.h"
#include "base/clock.h"
#include "base/log.h"
#include "make_key.h"

#define FLOOR_MS 150
#define MAX_AGE_MS 60000
#define PATIENCE_MS 10000

/* ---- the provider ---- */

static struct {
    pthread_mutex_t lock;
    struct MHD_Daemon *daemon;
    int port, status, delay_ms;
    bool sends_length;
    const char *body, *location;
    int requests;
    int64_t last_at, least_gap;
} provider = {.lock = PTHREAD_MUTEX_INITIALIZER, .status = 200, .sends_length = true, .body = ""};

static ssize_t stream(void *cls, uint64_t at, char *buf, size_t max)
{
    const char *body = cls;
    size_t n = strlen(body);
    if (at >= n)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t part = n - (size_t)at < max ? n - (size_t)at : max;
    memcpy(buf, body + at, part);
    return (ssize_t)part;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context)
{
    pthread_mutex_lock(&provider.lock);
    int64_t now = rh_now_ms();
    if (provider.requests++ && now - provider.last_at < provider.least_gap)
        provider.least_gap = now - provider.last_at;
    provider.last_at = now;
    int delay = provider.delay_ms, status = provider.status;
    struct MHD_Response *r =
        provider.sends_length
            ? MHD_create_response_from_buffer(strlen(provider.body), (void *)provider.body,
                                              MHD_RESPMEM_MUST_COPY)
            : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, stream, (void *)provider.body, NULL);
    if (provider.location)
        MHD_add_response_header(r, "Location", provider.location);
    pthread_mutex_unlock(&provider.lock);
    poll(NULL, 0, delay);
    enum MHD_Result ok = MHD_queue_response(connection, (unsigned)status, r);
    MHD_destroy_response(r);
    return ok;
}

static void provider_start(int port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    provider.daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0,
                                       NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &at,
                                       MHD_OPTION_LISTENING_ADDRESS_REUSE, 1, MHD_OPTION_END);
    assert_non_null(provider.daemon);
    provider.port = MHD_get_daemon_info(provider.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void provider_stop(void)
{
    MHD_stop_daemon(provider.daemon);
    provider.daemon = NULL;
}

static void provider_says(int status, const char *body, int delay_ms)
{
    pthread_mutex_lock(&provider.lock);
    provider.status = status;
    provider.body = body;
    provider.delay_ms = delay_ms;
    provider.sends_length = true;
    provider.location = NULL;
    pthread_mutex_unlock(&provider.lock);
}

static int provider_requests(void)
{
    pthread_mutex_lock(&provider.lock);
    int n = provider.requests;
    pthread_mutex_unlock(&provider.lock);
    return n;
}

/* ---- short words ---- */

static rh_arena *arena;
static rh_err err;
static const char *one, *two; /* sets of one key each, kid "one" and "two" */
static char *url;

static int set_up(void **state)
{
    (void)state;
    arena = rh_arena_new();
    EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256");
    one = rh_arena_printf(arena, "{\"keys\":[%s]}", make_jwk(arena, a, ",\"kid\":\"one\""));
    two = rh_arena_printf(arena, "{\"keys\":[%s,%s]}", make_jwk(arena, a, ",\"kid\":\"one\""),
                          make_jwk(arena, b, ",\"kid\":\"two\""));
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    rh_log_init(RH_LOG_ERROR, false);
    provider_start(0);
    url = rh_arena_printf(arena, "http://127.0.0.1:%d/jwks.json", provider.port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (provider.daemon)
        provider_stop();
    rh_arena_free(arena);
    return 0;
}

static int before_each(void **state)
{
    (void)state;
    provider_says(200, one, 0);
    pthread_mutex_lock(&provider.lock);
    provider.requests = 0;
    provider.least_gap = INT64_MAX;
    pthread_mutex_unlock(&provider.lock);
    return 0;
}

static rh_key_source *start(int64_t max_age_ms, int64_t timeout_ms)
{
    rh_key_source_settings settings = {
        .url = url, .min_interval_ms = FLOOR_MS, .max_age_ms = max_age_ms, .timeout_ms = timeout_ms};
    rh_key_source *s = rh_key_source_start(&settings, &err);
    assert_non_null(s);
    return s;
}

static void await_generation(rh_key_source *s, uint64_t wanted)
{
    int64_t end = rh_now_ms() + PATIENCE_MS;
    while (rh_key_source_generation(s) < wanted && rh_now_ms() < end)
        poll(NULL, 0, 5);
    assert_true(rh_key_source_generation(s) == wanted);
}

static void await_requests(int wanted)
{
    int64_t end = rh_now_ms() + PATIENCE_MS;
    while (provider_requests() < wanted && rh_now_ms() < end)
        poll(NULL, 0, 5);
    assert_true(provider_requests() >= wanted);
}

/* One that was asked for while the last answer was still being read belongs to that one: asked again. */
static void await_fetch(rh_key_source *s, int wanted)
{
    int64_t end = rh_now_ms() + PATIENCE_MS;
    while (provider_requests() < wanted && rh_now_ms() < end) {
        assert_true(rh_key_source_want(s, FLOOR_MS));
        poll(NULL, 0, 5);
    }
    assert_true(provider_requests() >= wanted);
}

static size_t count(rh_key_source *s)
{
    uint64_t generation;
    rh_jwt_keys *k = rh_key_source_get(s, &generation);
    size_t n = k ? rh_jwt_keys_count(k) : 0;
    assert_true((k != NULL) == (generation > 0));
    rh_jwt_keys_free(k);
    return n;
}

/* ---- the tests ---- */

static void a_fixed_set_never_changes(void **state)
{
    (void)state;
    uint64_t generation;
    rh_key_source *s = rh_key_source_fixed(rh_jwt_keys_from_secret(TEST_SECRET, 32, &err));
    assert_true(rh_key_source_generation(s) == 1);
    assert_false(rh_key_source_want(s, PATIENCE_MS));
    rh_jwt_keys *k = rh_key_source_get(s, &generation);
    rh_key_source_free(s);
    assert_int_equal(rh_jwt_keys_count(k), 1); /* a reference outlives the source */
    rh_jwt_keys_free(k);
}

static void an_unknown_key_is_looked_for_but_not_too_often(void **state)
{
    (void)state;
    rh_key_source *s = start(MAX_AGE_MS, 0);
    await_generation(s, 1);
    assert_int_equal(count(s), 1);
    provider_says(200, two, 0);
    assert_true(rh_key_source_want(s, FLOOR_MS)); /* soon: when the floor has passed */
    await_generation(s, 2);
    assert_int_equal(count(s), 2);
    for (int64_t until = rh_now_ms() + 6 * FLOOR_MS; rh_now_ms() < until; poll(NULL, 0, 1))
        rh_key_source_want(s, 0); /* a flood of tokens with made-up kids */
    assert_true(provider_requests() > 2);
    assert_in_range(provider.least_gap, FLOOR_MS - 20, INT64_MAX);
    assert_true(rh_key_source_generation(s) == 2); /* the same answer is no new set */
    rh_key_source_free(s);
}

static void a_set_is_asked_for_again_when_it_is_old(void **state)
{
    (void)state;
    rh_key_source *s = start(2 * FLOOR_MS, 0);
    await_generation(s, 1);
    provider_says(200, two, 0);
    await_generation(s, 2);
    assert_in_range(provider.least_gap, 2 * FLOOR_MS - 20, INT64_MAX);
    rh_key_source_free(s);
}

static void bad_answers_leave_the_last_good_set(void **state)
{
    (void)state;
    char *huge = rh_arena_zalloc(arena, RH_KEYS_TEXT_MAX + 100);
    memset(huge, ' ', RH_KEYS_TEXT_MAX + 99);
    memcpy(huge, two, strlen(two));
    static const struct {
        int status;
        const char *body;
    } garbage[] = {{500, NULL},
                   {404, NULL},
                   {204, ""},
                   {301, NULL},
                   {200, ""},
                   {200, "<html>"},
                   {200, "{\"keys\":"},
                   {200, "{\"keys\":7}"},
                   {200, "{\"error\":\"down\"}"},
                   {200, "[]"}};
    rh_key_source *s = start(MAX_AGE_MS, 0);
    await_generation(s, 1);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int before = provider_requests();
        provider_says(garbage[i].status, garbage[i].body ? garbage[i].body : two, 0);
        provider.location = garbage[i].status == 301 ? url : NULL;
        await_fetch(s, before + 1);
    }
    for (int chunked = 0; chunked < 2; chunked++) {
        int before = provider_requests();
        provider_says(200, huge, 0);
        provider.sends_length = !chunked;
        await_fetch(s, before + 1);
        poll(NULL, 0, FLOOR_MS / 2);
    }
    assert_true(rh_key_source_generation(s) == 1);
    assert_int_equal(count(s), 1);
    provider_says(200, "{\"keys\":[]}", 0); /* a well-formed answer counts, also this one */
    rh_key_source_want(s, 0);
    await_generation(s, 2);
    assert_int_equal(count(s), 0);
    rh_key_source_free(s);
}

static void slow_answers_are_given_up(void **state)
{
    (void)state;
    rh_key_source *s = start(MAX_AGE_MS, 200);
    await_generation(s, 1);
    provider_says(200, two, 1000);
    assert_true(rh_key_source_want(s, FLOOR_MS));
    await_requests(2);
    int64_t begin = rh_now_ms();
    count(s); /* and meanwhile nobody waits for it */
    assert_in_range(rh_now_ms() - begin, 0, 100);
    poll(NULL, 0, 1200);
    assert_true(rh_key_source_generation(s) == 1);
    provider_says(200, two, 0);
    await_generation(s, 2); /* a failure is tried again by itself */
    rh_key_source_free(s);
}

static void the_end_does_not_wait_for_a_slow_answer(void **state)
{
    (void)state;
    provider_says(200, one, 3000);
    rh_key_source *s = start(MAX_AGE_MS, 20000);
    await_requests(1);
    int64_t begin = rh_now_ms();
    rh_key_source_free(s);
    assert_in_range(rh_now_ms() - begin, 0, 1900);
}

static void a_provider_that_is_down_at_first_is_waited_for(void **state)
{
    (void)state;
    int port = provider.port;
    provider_stop();
    rh_key_source *s = start(2 * FLOOR_MS, 0);
    poll(NULL, 0, 2 * FLOOR_MS);
    assert_int_equal(count(s), 0);
    assert_true(rh_key_source_generation(s) == 0);
    provider_start(port);
    await_generation(s, 1);
    provider_stop();
    poll(NULL, 0, 4 * FLOOR_MS); /* down again: the set stays */
    assert_int_equal(count(s), 1);
    provider_says(200, two, 0);
    provider_start(port);
    await_generation(s, 2);
    rh_key_source_free(s);
}

static atomic_int ends;

static void on_end(void *arg)
{
    atomic_fetch_add(&ends, 1);
}

static void watchers_hear_of_every_end(void **state)
{
    (void)state;
    rh_key_watcher first = {.fn = on_end}, second = {.fn = on_end};
    atomic_store(&ends, 0);
    rh_key_source *s = start(MAX_AGE_MS, 0);
    await_generation(s, 1);
    rh_key_source_watch(s, &first);
    rh_key_source_watch(s, &second);
    provider_says(500, "", 0); /* of bad ones too */
    rh_key_source_want(s, 0);
    for (int64_t end = rh_now_ms() + PATIENCE_MS; atomic_load(&ends) < 2 && rh_now_ms() < end;)
        poll(NULL, 0, 5);
    rh_key_source_unwatch(s, &first);
    rh_key_source_unwatch(s, &second);
    int heard = atomic_load(&ends);
    assert_true(heard >= 2 && heard % 2 == 0);
    provider_says(200, two, 0);
    await_generation(s, 2);
    assert_int_equal(atomic_load(&ends), heard);
    rh_key_source_free(s);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"https://login.example.com/.well-known/jwks.json",
                                       "http://127.0.0.1:8080/k", "https://[::1]:8443/",
                                       "https://example.com/keys?client=7"};
    static const char *const bad[] = {"",
                                      "login.example.com/jwks",
                                      "file:///etc/passwd",
                                      "ftp://example.com/k",
                                      "https://",
                                      "https://user:secret@example.com/k",
                                      "https://exa mple.com/",
                                      "gopher://127.0.0.1/"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(rh_fetch_url_ok(good[i], &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rh_fetch_url_ok(bad[i], &err))
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fixed_set_never_changes, before_each),
        cmocka_unit_test_setup(an_unknown_key_is_looked_for_but_not_too_often, before_each),
        cmocka_unit_test_setup(a_set_is_asked_for_again_when_it_is_old, before_each),
        cmocka_unit_test_setup(bad_answers_leave_the_last_good_set, before_each),
        cmocka_unit_test_setup(slow_answers_are_given_up, before_each),
        cmocka_unit_test_setup(the_end_does_not_wait_for_a_slow_answer, before_each),
        cmocka_unit_test_setup(a_provider_that_is_down_at_first_is_waited_for, before_each),
        cmocka_unit_test_setup(watchers_hear_of_every_end, before_each),
        cmocka_unit_test_setup(addresses_are_checked, before_each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
