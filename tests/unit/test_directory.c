/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog/directory.h"

static rh_directory *dir;
static rh_directory_entry found;
static rh_err err;

static int set_up(void **state)
{
    (void)state;
    dir = rh_directory_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rh_directory_free(dir);
    return 0;
}

static void put(const char *id, const char *slug, rh_tenant_state tenant_state, int64_t home)
{
    rh_directory_entry e = {.state = tenant_state, .home = home, .reference_version = 2, .tenant_version = 3};
    snprintf(e.id, sizeof e.id, "%s", id);
    snprintf(e.slug, sizeof e.slug, "%s", slug);
    rh_directory_put(dir, &e);
}

static void assert_slug_is_of(const char *slug, const char *id)
{
    assert_true(rh_directory_by_slug(dir, slug, &found));
    assert_string_equal(found.id, id);
}

static void a_tenant_is_found_by_id_and_by_slug(void **state)
{
    (void)state;
    assert_false(rh_directory_by_id(dir, "7", &found));
    put("7", "acme", RH_TENANT_ACTIVE, 12);
    put("6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "a23456789012345678901234567890123456789012345678901234567890123", RH_TENANT_PENDING, 13);
    assert_true(rh_directory_by_slug(dir, "acme", &found));
    assert_string_equal(found.id, "7");
    assert_int_equal(found.state, RH_TENANT_ACTIVE);
    assert_int_equal(found.home, 12);
    assert_int_equal(found.reference_version, 2);
    assert_int_equal(found.tenant_version, 3);
    assert_true(rh_directory_by_id(dir, "6f9619ff-8b86-d011-b42d-00c04fc964ff", &found));
    assert_int_equal(strlen(found.slug), 63);
    assert_false(rh_directory_by_id(dir, "acme", &found));
    assert_false(rh_directory_by_slug(dir, "7", &found));
    assert_false(rh_directory_by_id(dir, "", &found));
    assert_int_equal(rh_directory_count(dir), 2);
}

static void a_changed_tenant_replaces_the_old(void **state)
{
    (void)state;
    put("7", "acme", RH_TENANT_PENDING, 0);
    put("7", "acme", RH_TENANT_ACTIVE, 12);
    assert_int_equal(rh_directory_count(dir), 1);
    assert_slug_is_of("acme", "7");
    assert_int_equal(found.state, RH_TENANT_ACTIVE);
    put("7", "renamed", RH_TENANT_ACTIVE, 12);
    assert_false(rh_directory_by_slug(dir, "acme", &found));
    assert_slug_is_of("renamed", "7");
    rh_directory_remove(dir, "7");
    rh_directory_remove(dir, "7");
    assert_false(rh_directory_by_slug(dir, "renamed", &found));
    assert_false(rh_directory_by_id(dir, "7", &found));
    assert_int_equal(rh_directory_count(dir), 0);
}

static void a_slug_that_moves_is_its_new_owners(void **state)
{
    (void)state;
    put("1", "acme", RH_TENANT_ACTIVE, 1);
    put("2", "acme", RH_TENANT_ACTIVE, 2);
    assert_slug_is_of("acme", "2");
    assert_true(rh_directory_by_id(dir, "1", &found));
    assert_string_equal(found.slug, "");
    put("1", "old-acme", RH_TENANT_ACTIVE, 1); /* must not take acme out of the map */
    assert_slug_is_of("acme", "2");
    assert_slug_is_of("old-acme", "1");
    rh_directory_remove(dir, "1");
    assert_slug_is_of("acme", "2");
    put("3", "acme", RH_TENANT_ACTIVE, 3);
    rh_directory_remove(dir, "2"); /* nor must one that has lost it */
    assert_slug_is_of("acme", "3");
}

static void two_tenants_can_swap_their_slugs(void **state)
{
    (void)state;
    put("1", "a", RH_TENANT_ACTIVE, 1);
    put("2", "b", RH_TENANT_ACTIVE, 2);
    put("1", "b", RH_TENANT_ACTIVE, 1);
    assert_false(rh_directory_by_slug(dir, "a", &found));
    put("2", "a", RH_TENANT_ACTIVE, 2);
    assert_slug_is_of("a", "2");
    assert_slug_is_of("b", "1");
}

static void a_refill_replaces_everything_at_its_end(void **state)
{
    (void)state;
    put("1", "one", RH_TENANT_ACTIVE, 1);
    put("2", "two", RH_TENANT_ACTIVE, 2);
    rh_directory_refill_begin(dir);
    put("2", "zwei", RH_TENANT_ACTIVE, 22);
    put("3", "three", RH_TENANT_ACTIVE, 3);
    put("4", "four", RH_TENANT_ACTIVE, 4);
    rh_directory_remove(dir, "4");
    assert_slug_is_of("one", "1");
    assert_slug_is_of("two", "2");
    assert_false(rh_directory_by_id(dir, "3", &found));
    assert_int_equal(rh_directory_count(dir), 2);
    rh_directory_refill_end(dir);
    assert_false(rh_directory_by_id(dir, "1", &found));
    assert_false(rh_directory_by_slug(dir, "two", &found));
    assert_slug_is_of("zwei", "2");
    assert_slug_is_of("three", "3");
    assert_false(rh_directory_by_id(dir, "4", &found));
    assert_int_equal(rh_directory_count(dir), 2);
    put("5", "five", RH_TENANT_ACTIVE, 5);
    assert_slug_is_of("five", "5");
}

static void a_refill_that_breaks_off_leaves_nothing(void **state)
{
    (void)state;
    put("1", "one", RH_TENANT_ACTIVE, 1);
    rh_directory_refill_begin(dir);
    put("2", "two", RH_TENANT_ACTIVE, 2);
    rh_directory_refill_begin(dir);
    put("3", "three", RH_TENANT_ACTIVE, 3);
    rh_directory_refill_end(dir);
    assert_int_equal(rh_directory_count(dir), 1);
    assert_slug_is_of("three", "3");
}

static void every_state_has_a_name_and_only_active_is_admitted(void **state)
{
    (void)state;
    static const rh_code wanted[] = {
        [RH_TENANT_PENDING] = RH_E_TENANT_NOT_READY,
        [RH_TENANT_PROVISIONING] = RH_E_TENANT_NOT_READY,
        [RH_TENANT_ACTIVE] = RH_E_OK,
        [RH_TENANT_SUSPENDED] = RH_E_TENANT_SUSPENDED,
        [RH_TENANT_MOVING] = RH_E_TENANT_NOT_READY,
        [RH_TENANT_DROPPING] = RH_E_UNKNOWN_TENANT,
        [RH_TENANT_FAILED] = RH_E_TENANT_NOT_READY,
    };
    for (size_t s = 0; s < sizeof wanted / sizeof *wanted; s++) {
        rh_tenant_state parsed;
        assert_true(rh_tenant_state_parse(rh_tenant_state_name((rh_tenant_state)s), &parsed));
        assert_int_equal(parsed, s);
        put("7", "acme", (rh_tenant_state)s, 12);
        bool ok = rh_directory_admit(dir, true, "acme", 0, &found, &err);
        assert_true(ok == (wanted[s] == RH_E_OK));
        if (!ok)
            assert_int_equal(err.code, wanted[s]);
    }
    rh_tenant_state ignored;
    assert_false(rh_tenant_state_parse("asleep", &ignored));
    rh_directory_touch(dir);
    assert_false(rh_directory_admit(dir, false, "8", 0, &found, &err));
    assert_int_equal(err.code, RH_E_UNKNOWN_TENANT);
    assert_string_equal(err.message, "tenant \"8\" does not exist");
}

static void a_catalog_that_is_away_too_long_stops_service(void **state)
{
    (void)state;
    assert_true(rh_directory_age_ms(dir) == INT64_MAX);
    assert_false(rh_directory_admit(dir, false, "7", 0, &found, &err)); /* nobody is known yet */
    assert_int_equal(err.code, RH_E_CATALOG_STALE);
    put("7", "acme", RH_TENANT_ACTIVE, 12);
    assert_false(rh_directory_admit(dir, false, "7", 30000, &found, &err));
    assert_int_equal(err.code, RH_E_CATALOG_STALE);
    assert_int_equal(rh_err_http(&err), 503);
    rh_directory_touch(dir);
    assert_in_range(rh_directory_age_ms(dir), 0, 29999);
    assert_true(rh_directory_admit(dir, false, "7", 30000, &found, &err));
    usleep(5000);
    assert_false(rh_directory_admit(dir, false, "7", 1, &found, &err));
    assert_int_equal(err.code, RH_E_CATALOG_STALE);
    assert_true(rh_directory_admit(dir, false, "7", 0, &found, &err));
}

static rh_relation_cache *relation_cache(void)
{
    static const char empty[] = "{\"relations\":[],\"foreign_keys\":[],\"functions\":[]}";
    rh_relation_cache *c = rh_relation_cache_parse(empty, sizeof empty - 1, &err);
    if (!c)
        fail_msg("%s", err.message);
    return c;
}

static void relation_caches_are_kept_by_both_versions(void **state)
{
    (void)state;
    rh_relation_cache *a = relation_cache(), *b = relation_cache(), *c = relation_cache();
    assert_null(rh_directory_cache(dir, 1, 2));
    rh_directory_add_cache(dir, 1, 2, a);
    rh_directory_add_cache(dir, 2, 1, b);
    assert_ptr_equal(rh_directory_cache(dir, 1, 2), a);
    assert_ptr_equal(rh_directory_cache(dir, 2, 1), b);
    assert_null(rh_directory_cache(dir, 2, 2));
    rh_directory_add_cache(dir, 1, 2, c);
    assert_ptr_equal(rh_directory_cache(dir, 1, 2), c);
    assert_null(rh_relation_find(a, "x", 1)); /* the old one is still readable */
}

static void ten_thousand_tenants_cost_little(void **state)
{
    (void)state;
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 10000; i++) {
        char id[40], slug[64];
        snprintf(id, sizeof id, "%08x-8b86-d011-b42d-00c04fc964ff", i);
        snprintf(slug, sizeof slug, "company-with-a-name-%d", i);
        put(id, slug, RH_TENANT_ACTIVE, i);
    }
    struct mallinfo2 after = mallinfo2();
    size_t bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    print_message("10,000 tenants: %zu KiB\n", bytes / 1024); /* 0 where a sanitizer has taken malloc */
    assert_in_range(bytes, 0, 3 << 20);
    assert_int_equal(rh_directory_count(dir), 10000);
    assert_slug_is_of("company-with-a-name-9999", "0000270f-8b86-d011-b42d-00c04fc964ff");
}

/* ---- many threads ---- */

enum { TENANTS = 50, GENERATIONS = 300, READERS = 3 };

/* In generation g every tenant's home is g, and slug g-i is that of tenant i: a reader that saw two
 * generations mixed, or half a tenant, would notice. */
struct reading {
    atomic_bool stop;
    atomic_int lookups, failures;
};

static void *read_all_the_time(void *arg)
{
    struct reading *r = arg;
    int64_t newest = 0;
    while (!atomic_load(&r->stop)) {
        for (int i = 0; i < TENANTS; i++) {
            rh_directory_entry e;
            char id[40], slug[64];
            snprintf(id, sizeof id, "%d", i);
            bool ok = rh_directory_by_id(dir, id, &e);
            snprintf(slug, sizeof slug, "s%lld-%d", ok ? (long long)e.home : -1, i);
            if (!ok || strcmp(e.id, id) != 0 || strcmp(e.slug, slug) != 0 || e.home < newest)
                atomic_fetch_add(&r->failures, 1);
            newest = e.home;
            if (rh_directory_by_slug(dir, slug, &e) && (strcmp(e.id, id) != 0 || e.home < newest))
                atomic_fetch_add(&r->failures, 1);
            rh_directory_age_ms(dir);
            rh_directory_cache(dir, 1, 1);
            atomic_fetch_add(&r->lookups, 1);
        }
        if (rh_directory_count(dir) != TENANTS)
            atomic_fetch_add(&r->failures, 1);
    }
    return NULL;
}

static void put_generation(int64_t g)
{
    for (int i = 0; i < TENANTS; i++) {
        char id[40], slug[64];
        snprintf(id, sizeof id, "%d", i);
        snprintf(slug, sizeof slug, "s%lld-%d", (long long)g, i);
        put(id, slug, RH_TENANT_ACTIVE, g);
    }
}

static void readers_never_see_half_a_refill(void **state)
{
    (void)state;
    struct reading r = {0};
    pthread_t readers[READERS];
    put_generation(0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &r), 0);
    for (int64_t g = 1; g <= GENERATIONS; g++) {
        rh_directory_refill_begin(dir);
        put_generation(g);
        rh_directory_refill_end(dir);
        rh_directory_touch(dir);
        if (g % 100 == 0)
            rh_directory_add_cache(dir, 1, 1, relation_cache());
        usleep(200);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&r.failures), 0);
    assert_true(atomic_load(&r.lookups) > TENANTS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_tenant_is_found_by_id_and_by_slug),
        TEST(a_changed_tenant_replaces_the_old),
        TEST(a_slug_that_moves_is_its_new_owners),
        TEST(two_tenants_can_swap_their_slugs),
        TEST(a_refill_replaces_everything_at_its_end),
        TEST(a_refill_that_breaks_off_leaves_nothing),
        TEST(every_state_has_a_name_and_only_active_is_admitted),
        TEST(a_catalog_that_is_away_too_long_stops_service),
        TEST(relation_caches_are_kept_by_both_versions),
        TEST(ten_thousand_tenants_cost_little),
        TEST(readers_never_see_half_a_refill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
