/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/resolve.h"
#include "auth/token_cache.h"
#include "base/clock.h"
#include "make_token.h"

#define NOW TEST_NOW
#define LEEWAY 30
#define HEADER "X-Client"

static rh_arena *arena;
static rh_jwt_keys *keys, *other_keys;
static rh_err err;
static rh_identity who;

static const rh_resolve_rules by_id = {
    .jwt = {.tenant_claim = "tenant", .audience = "", .issuer = "", .leeway_s = LEEWAY},
    .trusted_header = ""};

/* A cached hit must not allocate: every allocation of this program is counted, unless a sanitizer has taken
 * malloc. */
static size_t allocations;
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#if defined(__GLIBC__) && !defined(SANITIZED)
#define COUNTS_ALLOCATIONS 1
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
#else
#define COUNTS_ALLOCATIONS 0
#endif

static int set_up(void **state)
{
    (void)state;
    arena = rh_arena_new();
    keys = rh_jwt_keys_from_secret(TEST_SECRET, 32, &err);
    other_keys = rh_jwt_keys_from_secret("another secret of thirty-two bytes!", 35, &err);
    return keys && other_keys ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    rh_jwt_keys_free(keys);
    rh_jwt_keys_free(other_keys);
    rh_arena_free(arena);
    return 0;
}

static char *bearer(const char *payload)
{
    return rh_arena_printf(arena, "Bearer %s",
                           make_token(arena, EVP_sha256(), TEST_SECRET, TEST_HEADER, payload));
}

/* One request to a fresh resolver. */
static bool ask(const rh_resolve_rules *rules, const char *authorization, const char *header)
{
    rh_resolver *r = rh_resolver_new(rules, keys);
    memset(&err, 0, sizeof err);
    memset(&who, 'x', sizeof who);
    bool ok = rh_resolve(r, authorization, header, NOW, &who, &err);
    rh_resolver_free(r);
    return ok;
}

static void assert_refused(bool ok, rh_code code, int http)
{
    assert_false(ok);
    assert_string_equal(rh_code_name(err.code), rh_code_name(code));
    assert_int_equal(rh_err_http(&err), http);
}

/* claim x header x trusted: the whole matrix. OK is a tenant, any other code an error. */
static void claim_and_header_agree_or_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {NULL, "{}", "{\"tenant\":5}", "{\"tenant\":\"5\"}",
                                         "{\"tenant\":\"x\"}"};
    static const char *const headers[] = {NULL, "", "5", "6", "05", "x"};
    static const rh_code trusted[5][6] = {
        /*              absent       empty                  agrees     differs                not canonical no
           id */
        [0] = {RH_E_NO_TENANT, RH_E_NO_TENANT, RH_E_OK, RH_E_OK, RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT},
        [1] = {RH_E_NO_TENANT, RH_E_NO_TENANT, RH_E_OK, RH_E_OK, RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT},
        [2] = {RH_E_OK, RH_E_TENANT_MISMATCH, RH_E_OK, RH_E_TENANT_MISMATCH, RH_E_TENANT_MISMATCH,
               RH_E_TENANT_MISMATCH},
        [3] = {RH_E_OK, RH_E_TENANT_MISMATCH, RH_E_OK, RH_E_TENANT_MISMATCH, RH_E_TENANT_MISMATCH,
               RH_E_TENANT_MISMATCH},
        [4] = {RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT,
               RH_E_UNKNOWN_TENANT, RH_E_UNKNOWN_TENANT},
    };
    for (int trust = 0; trust < 2; trust++)
        for (size_t c = 0; c < 5; c++)
            for (size_t h = 0; h < 6; h++) {
                rh_resolve_rules rules = by_id;
                rules.trusted_header = trust ? HEADER : "";
                rh_code wanted = trusted[c][trust ? h : 0]; /* not trusted: as if it were absent */
                bool ok = ask(&rules, claims[c] ? bearer(claims[c]) : NULL, headers[h]);
                if (wanted != RH_E_OK) {
                    assert_refused(ok, wanted, wanted == RH_E_NO_TENANT ? 401 : 403);
                    continue;
                }
                assert_true(ok);
                assert_false(who.is_slug);
                assert_string_equal(who.ref, c >= 2 ? "5" : headers[h]);
                assert_true(who.expires == INT64_MAX);
            }
}

static void a_broken_authorization_never_falls_back_to_the_header(void **state)
{
    (void)state;
    rh_resolve_rules rules = by_id;
    rules.trusted_header = HEADER;
    char *good = bearer("{\"tenant\":5}"), *token = good + strlen("Bearer ");
    const char *broken[] = {
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer garbage",
        "Bearer a.b.c",
        token,
        rh_arena_printf(arena, "Bearer  %s", token),
        rh_arena_printf(arena, "Bearer\t%s", token),
        rh_arena_printf(arena, " Bearer %s", token),
        rh_arena_printf(arena, "Bearer %s ", token),
        rh_arena_printf(arena, "Bearer %s, Bearer %s", token, token),
        rh_arena_printf(arena, "Bearer:%s", token),
        rh_arena_printf(arena, "BearerX %s", token),
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_refused(ask(&rules, broken[i], "5"), RH_E_JWT, 401);
    assert_refused(ask(&rules, bearer("{\"exp\":1}"), "5"), RH_E_JWT_CLAIMS, 401);
    assert_refused(ask(&rules, bearer("{\"tenant\":5.5}"), "5"), RH_E_JWT_CLAIMS, 401);
    assert_true(ask(&rules, rh_arena_printf(arena, "bEARER %s", token), NULL));
}

static void ids_and_slugs_are_not_mixed_up(void **state)
{
    (void)state;
    rh_resolve_rules by_slug = by_id, by_uuid = by_id;
    by_slug.claim_is_slug = true;
    by_uuid.id_is_uuid = true;
    assert_true(ask(&by_slug, bearer("{\"tenant\":\"acme\",\"exp\":1700000100}"), NULL));
    assert_true(who.is_slug);
    assert_string_equal(who.ref, "acme");
    assert_true(who.expires == 1700000100);
    assert_refused(ask(&by_slug, bearer("{\"tenant\":\"Acme\"}"), NULL), RH_E_UNKNOWN_TENANT, 403);
    assert_refused(ask(&by_slug, bearer("{\"tenant\":5}"), NULL), RH_E_UNKNOWN_TENANT, 403);
    assert_refused(ask(&by_slug, bearer("{\"tenant\":\"5\"}"), NULL), RH_E_UNKNOWN_TENANT, 403);
    assert_refused(ask(&by_id, bearer("{\"tenant\":\"acme\"}"), NULL), RH_E_UNKNOWN_TENANT, 403);
    assert_true(ask(&by_uuid, bearer("{\"tenant\":\"6F9619FF-8B86-D011-B42D-00C04FC964FF\"}"), NULL));
    assert_string_equal(who.ref, "6f9619ff-8b86-d011-b42d-00c04fc964ff");
    assert_refused(ask(&by_uuid, bearer("{\"tenant\":5}"), NULL), RH_E_UNKNOWN_TENANT, 403);
    by_uuid.trusted_header = HEADER;
    assert_true(ask(&by_uuid, bearer("{\"tenant\":\"6F9619FF-8B86-D011-B42D-00C04FC964FF\"}"),
                    "6f9619ff-8B86-d011-b42d-00c04fc964ff"));
}

static void ids_have_one_spelling(void **state)
{
    (void)state;
    char out[64];
    static const char *const good[] = {"0", "1", "42", "-1", "9223372036854775807", "-9223372036854775808"};
    static const char *const bad[] = {"",        "007", "+7",  "-0",  " 7",    "7 ", "0x7",
                                      "7.0",     "1e3", "--1", "7\n", "seven", "-",  "9223372036854775808",
                                      "\xd9\xa7"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(rh_tenant_id_canonical(good[i], false, out));
        assert_string_equal(out, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rh_tenant_id_canonical(bad[i], false, out));
    assert_false(rh_tenant_id_canonical("6f9619ff8b86d011b42d00c04fc964ff", true, out));
    assert_false(rh_tenant_id_canonical("{6f9619ff-8b86-d011-b42d-00c04fc964ff}", true, out));
    assert_false(rh_tenant_id_canonical("6f9619ff-8b86-d011-b42d-00c04fc964fg", true, out));
    assert_false(rh_tenant_id_canonical("7", true, out));
}

static void slugs_follow_the_rule(void **state)
{
    (void)state;
    char longest[65] = "";
    static const char *const good[] = {"a", "acme", "a-b_c9", "x--"};
    static const char *const bad[] = {"",    "9a",  "-a",   "_a",       "Acme",      "a b",
                                      "a.b", "a\"", "a;--", "\xc3\xa9", "a\xc3\xa9", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(rh_slug_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rh_slug_ok(bad[i]));
    memset(longest, 'a', 63);
    assert_true(rh_slug_ok(longest));
    longest[63] = 'a';
    assert_false(rh_slug_ok(longest));
}

/* ---- the cache ---- */

static void a_known_token_is_still_held_to_its_times(void **state)
{
    (void)state;
    rh_resolver *r = rh_resolver_new(&by_id, keys);
    char *token = bearer("{\"tenant\":5,\"nbf\":1700000000,\"iat\":1700000000,\"exp\":1700000060}");
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    assert_true(rh_resolve(r, token, NULL, NOW + 60 + LEEWAY, &who, &err));
    assert_string_equal(who.ref, "5");
    assert_false(rh_resolve(r, token, NULL, NOW + 60 + LEEWAY + 1, &who, &err));
    assert_string_equal(err.message, "JWT expired");
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err)); /* the clock was set back */
    assert_false(rh_resolve(r, token, NULL, NOW - LEEWAY - 1, &who, &err));
    assert_string_equal(err.message, "JWT not yet valid");
    rh_resolver_free(r);
}

static void a_known_token_is_still_compared_with_the_header(void **state)
{
    (void)state;
    rh_resolve_rules rules = by_id;
    rules.trusted_header = HEADER;
    rh_resolver *r = rh_resolver_new(&rules, keys);
    char *token = bearer("{\"tenant\":5}"), *nobody = bearer("{}");
    assert_true(rh_resolve(r, token, "5", NOW, &who, &err));
    assert_refused(rh_resolve(r, token, "6", NOW, &who, &err), RH_E_TENANT_MISMATCH, 403);
    assert_true(rh_resolve(r, nobody, "6", NOW, &who, &err));
    assert_true(rh_resolve(r, nobody, "7", NOW, &who, &err));
    assert_string_equal(who.ref, "7");
    assert_refused(rh_resolve(r, nobody, NULL, NOW, &who, &err), RH_E_NO_TENANT, 401);
    rh_resolver_free(r);
}

static void other_keys_make_it_forget(void **state)
{
    (void)state;
    rh_resolver *r = rh_resolver_new(&by_id, keys);
    char *token = bearer("{\"tenant\":5}");
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    rh_resolver_set_keys(r, other_keys);
    assert_refused(rh_resolve(r, token, NULL, NOW, &who, &err), RH_E_JWT, 401);
    rh_resolver_set_keys(r, keys);
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    rh_resolver_free(r);
}

/* A token that was changed in any one byte is not taken for the one that is known. */
static void a_token_like_a_known_one_is_not_it(void **state)
{
    (void)state;
    rh_resolver *r = rh_resolver_new(&by_id, keys);
    char *token = bearer("{\"tenant\":5}");
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    for (size_t i = strlen("Bearer "); token[i]; i++) {
        char saved = token[i];
        token[i] = saved == 'A' ? 'B' : 'A';
        assert_refused(rh_resolve(r, token, NULL, NOW, &who, &err), RH_E_JWT, 401);
        token[i] = saved;
        assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    }
    rh_resolver_free(r);
}

static void tenants_do_not_mix_in_the_cache(void **state)
{
    (void)state;
    enum { TENANTS = 300, ROUNDS = 20000 };
    rh_resolver *r = rh_resolver_new(&by_id, keys);
    char **tokens = RH_NEW_ARRAY(arena, char *, TENANTS);
    for (int i = 0; i < TENANTS; i++)
        tokens[i] = bearer(rh_arena_printf(arena, "{\"tenant\":%d}", i));
    for (unsigned round = 0, x = 1; round < ROUNDS; round++) {
        char wanted[16];
        x = x * 1664525u + 1013904223u;
        snprintf(wanted, sizeof wanted, "%u", (x >> 8) % TENANTS);
        assert_true(rh_resolve(r, tokens[(x >> 8) % TENANTS], NULL, NOW, &who, &err));
        assert_string_equal(who.ref, wanted);
    }
    rh_resolver_free(r);
}

static void the_cache_is_bounded_and_keeps_what_was_used_last(void **state)
{
    (void)state;
    rh_token_cache *c = rh_token_cache_new(4, 1 << 20);
    rh_token_facts facts = {.names_tenant = true};
    char token[200];
    for (int i = 0; i < 100; i++) {
        snprintf(token, sizeof token, "token-%d", i);
        snprintf(facts.ref, sizeof facts.ref, "%d", i);
        rh_token_cache_put(c, token, strlen(token), &facts);
        assert_string_equal(rh_token_cache_get(c, "token-0", 7)->ref, "0");
        assert_in_range(rh_token_cache_count(c), 1, 4);
    }
    assert_non_null(rh_token_cache_get(c, "token-97", 8));
    assert_null(rh_token_cache_get(c, "token-96", 8));
    assert_null(rh_token_cache_get(c, "token-9", 7));
    rh_token_cache_del(c, "token-97", 8);
    assert_null(rh_token_cache_get(c, "token-97", 8));
    rh_token_cache_clear(c);
    assert_int_equal(rh_token_cache_count(c), 0);
    rh_token_cache_put(c, "", 0, &facts);
    assert_non_null(rh_token_cache_get(c, "", 0));
    rh_token_cache_free(c);
}

static void the_cache_is_bounded_in_bytes(void **state)
{
    (void)state;
    rh_token_cache *c = rh_token_cache_new(1000, 4000);
    rh_token_facts facts = {0};
    char token[5000];
    for (int i = 0; i < 100; i++) {
        memset(token, 'a' + i % 26, sizeof token);
        rh_token_cache_put(c, token, 1000, &facts);
        assert_non_null(rh_token_cache_get(c, token, 1000));
        assert_in_range(rh_token_cache_count(c), 1, 3);
    }
    rh_token_cache_put(c, token, 5000, &facts);
    assert_null(rh_token_cache_get(c, token, 5000));
    rh_token_cache_free(c);
}

/* Two tokens that end alike: the second takes the place, neither is taken for the other. */
static void the_same_tail_is_not_the_same_token(void **state)
{
    (void)state;
    rh_token_cache *c = rh_token_cache_new(10, 1 << 20);
    rh_token_facts facts = {.ref = "first"};
    char one[61] = "", two[61] = "";
    memset(one, 'x', 60);
    memset(two, 'x', 60);
    two[0] = 'y';
    rh_token_cache_put(c, one, 60, &facts);
    assert_null(rh_token_cache_get(c, two, 60));
    assert_null(rh_token_cache_get(c, one + 1, 59));
    memcpy(facts.ref, "second", 7);
    rh_token_cache_put(c, two, 60, &facts);
    assert_null(rh_token_cache_get(c, one, 60));
    assert_string_equal(rh_token_cache_get(c, two, 60)->ref, "second");
    assert_int_equal(rh_token_cache_count(c), 1);
    rh_token_cache_free(c);
}

static void a_known_token_costs_little(void **state)
{
    (void)state;
    rh_resolver *r = rh_resolver_new(&by_id, keys);
    char *token = bearer(
        "{\"tenant\":5,\"exp\":1700000060,\"iat\":1700000000,\"name\":\"Somebody of a usual length\"}");
    assert_true(rh_resolve(r, token, NULL, NOW, &who, &err));
    size_t before = allocations;
    int64_t best = INT64_MAX; /* of several rounds: the machine has others to serve */
    for (int round = 0; round < 20; round++) {
        bool ok = true;
        int64_t start = rh_now_us();
        for (int i = 0; i < 1000; i++)
            ok &= rh_resolve(r, token, NULL, NOW, &who, &err);
        int64_t took = rh_now_us() - start;
        best = took < best ? took : best;
        assert_true(ok);
    }
    if (COUNTS_ALLOCATIONS)
        assert_int_equal(allocations - before, 0);
    print_message("hit: %.3f us\n", (double)best / 1000);
    if (COUNTS_ALLOCATIONS)
        assert_true(best < 1000 * 2); /* verifying again would take more, also on a busy machine */
    rh_resolver_free(r);
}

/* Of the first time and of the cache; no header stands in for a token. */
static void a_role_comes_from_a_token_only(void **state)
{
    (void)state;
    rh_resolve_rules rules = by_id;
    rh_role_identity me;
    rules.jwt.role_path = ".role";
    rules.trusted_header = HEADER;
    rh_resolver *r = rh_resolver_new(&rules, keys);
    const char *ann = bearer("{\"role\":\"ann\",\"tenant\":\"A schema\"}"), *none = bearer("{\"sub\":1}");
    for (int i = 0; i < 3; i++) {
        assert_true(rh_resolve_role(r, ann, NOW, &me, &err));
        assert_true(me.has_token);
        assert_string_equal(me.role, "ann");
        assert_string_equal(me.tenant, "A schema");
        assert_string_equal(me.claims, "{\"role\":\"ann\",\"tenant\":\"A schema\"}");
        assert_true(rh_resolve_role(r, none, NOW, &me, &err));
        assert_string_equal(me.role, "");
        assert_string_equal(me.tenant, "");
        assert_string_equal(me.claims, "{\"sub\":1}");
        assert_true(rh_resolve_role(r, NULL, NOW, &me, &err));
        assert_false(me.has_token);
        assert_null(me.claims);
        assert_refused(rh_resolve_role(r, "Bearer x.y.z", NOW, &me, &err), RH_E_JWT, 401);
    }
    rh_resolver_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim_and_header_agree_or_are_refused),
        cmocka_unit_test(a_broken_authorization_never_falls_back_to_the_header),
        cmocka_unit_test(ids_and_slugs_are_not_mixed_up),
        cmocka_unit_test(ids_have_one_spelling),
        cmocka_unit_test(slugs_follow_the_rule),
        cmocka_unit_test(a_known_token_is_still_held_to_its_times),
        cmocka_unit_test(a_known_token_is_still_compared_with_the_header),
        cmocka_unit_test(other_keys_make_it_forget),
        cmocka_unit_test(a_token_like_a_known_one_is_not_it),
        cmocka_unit_test(tenants_do_not_mix_in_the_cache),
        cmocka_unit_test(the_cache_is_bounded_and_keeps_what_was_used_last),
        cmocka_unit_test(the_cache_is_bounded_in_bytes),
        cmocka_unit_test(the_same_tail_is_not_the_same_token),
        cmocka_unit_test(a_role_comes_from_a_token_only),
        cmocka_unit_test(a_known_token_costs_little),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
