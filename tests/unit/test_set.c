/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "migrate/set.h"

/* A directory of an app, gone after each test. */
typedef struct app {
    rh_arena *a;
    char dir[64];
} app;

static int make_app(void **state)
{
    app *t = rh_xcalloc(1, sizeof *t);
    t->a = rh_arena_new();
    snprintf(t->dir, sizeof t->dir, "/tmp/rh_set_XXXXXX");
    *state = t;
    return mkdtemp(t->dir) ? 0 : -1;
}

static void remove_all(rh_arena *a, const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_all(a, rh_arena_printf(a, "%s/%s", path, e->d_name));
    if (dir)
        closedir(dir);
    remove(path);
}

static int remove_app(void **state)
{
    app *t = *state;
    remove_all(t->a, t->dir);
    rh_arena_free(t->a);
    free(t);
    return 0;
}

static void put_bytes(const app *t, const char *file, const char *bytes, size_t n)
{
    rh_err err;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", t->dir, file);
    *strrchr(path, '/') = 0;
    assert_true(rh_mkdirs(path, 0777, &err));
    snprintf(path, sizeof path, "%s/%s", t->dir, file);
    if (!rh_file_write(path, bytes, n, 0666, &err))
        fail_msg("%s", err.message);
}

static void put(const app *t, const char *file, const char *text)
{
    put_bytes(t, file, text, strlen(text));
}

static rh_migration_set *load(const app *t, const char *set)
{
    rh_err err;
    rh_migration_set *s = rh_set_load(t->a, t->dir, set, &err);
    if (!s)
        fail_msg("%s", err.message);
    return s;
}

static rh_err refused(const app *t, const char *set)
{
    rh_err err = {0};
    assert_null(rh_set_load(t->a, t->dir, set, &err));
    return err;
}

static void a_missing_directory_is_an_empty_set(void **state)
{
    app *t = *state;
    rh_migration_set *s = load(t, "tenant");
    assert_int_equal(s->n, 0);
    assert_string_equal(s->name, "tenant");
}

static void files_come_in_the_order_of_their_numbers(void **state)
{
    app *t = *state;
    put(t, "tenant/0010_more-Ads.sql", "SELECT 10;");
    put(t, "tenant/0002_ads.sql", "abc");
    put(t, "tenant/on_create.sql", "SELECT :id");
    put(t, "tenant/.0001_hidden.sql", "");
    put(t, "tenant/README.md", "");
    put(t, "tenant/0003_ads.sql~", "");
    rh_migration_set *s = load(t, "tenant");
    assert_int_equal(s->n, 2);
    assert_int_equal(s->items[0].number, 2);
    assert_string_equal(s->items[0].name, "ads");
    assert_string_equal(s->items[0].path, "tenant/0002_ads.sql");
    assert_string_equal(s->items[0].text, "abc");
    assert_int_equal(s->items[0].len, 3);
    assert_string_equal(s->items[0].checksum,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_false(s->items[0].no_transaction);
    assert_string_equal(s->items[1].name, "more-Ads");
}

static void names_that_are_no_migration_are_errors(void **state)
{
    static const char *const wrong[] = {"1_ads.sql",    "ads.sql",      "00001_ads.sql",     "0001ads.sql",
                                        "0001_.sql",    "0001_a b.sql", "0001_\xc3\xa9.sql", "0000_ads.sql",
                                        "0001_a.b.sql", "-001_a.sql"};
    app *t = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *file = rh_arena_printf(t->a, "reference/%s", wrong[i]);
        put(t, file, "");
        rh_err err = refused(t, "reference");
        assert_int_equal(err.code, RH_E_INVALID);
        assert_non_null(strstr(err.message, file));
        assert_true(err.hint[0]);
        assert_int_equal(remove(rh_arena_printf(t->a, "%s/%s", t->dir, file)), 0);
    }
    put(t, "reference/on_create.sql", ""); /* only tenants are created */
    refused(t, "reference");
}

static void two_files_of_one_number_are_an_error_that_names_both(void **state)
{
    app *t = *state;
    put(t, "tenant/0001_b.sql", "");
    put(t, "tenant/0001_a.sql", "");
    assert_string_equal(refused(t, "tenant").message,
                        "tenant/0001_a.sql and tenant/0001_b.sql have the same number");
}

static void directives_stand_in_the_leading_comments(void **state)
{
    app *t = *state;
    put(t, "tenant/0001_a.sql", "\r\n-- Words.\n--   rowhouse:  no-transaction \r\nSELECT 1;");
    put(t, "tenant/0002_b.sql", "SELECT 1;\n-- rowhouse: no-transaction\n-- rowhouse: nonsense\n");
    put(t, "tenant/0003_c.sql", "-- rowhouse is nice\n-- # rowhouse: no-transaction\n");
    put(t, "tenant/0004_d.sql", "-- rowhouse: no-transaction");
    rh_migration_set *s = load(t, "tenant");
    assert_true(s->items[0].no_transaction);
    assert_false(s->items[1].no_transaction);
    assert_false(s->items[2].no_transaction);
    assert_true(s->items[3].no_transaction);
}

static void unknown_directives_name_file_and_line(void **state)
{
    app *t = *state;
    put(t, "tenant/0001_a.sql", "-- a\n\n-- rowhouse: no-transactions\n");
    rh_err err = refused(t, "tenant");
    assert_string_equal(err.message, "tenant/0001_a.sql:3: unknown directive \"no-transactions\"");
    assert_true(err.hint[0]);
    put(t, "tenant/0001_a.sql", "-- rowhouse:");
    assert_string_equal(refused(t, "tenant").message, "tenant/0001_a.sql:1: unknown directive \"\"");
}

static void bytes_must_be_text_of_bounded_size(void **state)
{
    app *t = *state;
    put_bytes(t, "tenant/0001_a.sql", "SELECT '\xff'", 10);
    assert_string_equal(refused(t, "tenant").message, "tenant/0001_a.sql is not UTF-8 text");
    put_bytes(t, "tenant/0001_a.sql", "SELECT\0 1", 9);
    assert_int_equal(refused(t, "tenant").code, RH_E_INVALID);
    char *big = rh_xcalloc(1, RH_MIGRATION_MAX_BYTES + 1);
    memset(big, ' ', RH_MIGRATION_MAX_BYTES + 1);
    put_bytes(t, "tenant/0001_a.sql", big, RH_MIGRATION_MAX_BYTES + 1);
    assert_int_equal(refused(t, "tenant").code, RH_E_TOO_LARGE);
    free(big);
    put(t, "tenant/0001_a.sql", "\xef\xbb\xbf-- rowhouse: no-transaction\n");
    rh_migration_set *s = load(t, "tenant");
    assert_true(s->items[0].no_transaction);
    assert_int_equal(s->items[0].text[0], '-');
    assert_int_equal(s->items[0].len, 28);
}

static void a_directory_that_cannot_be_read_is_an_error(void **state)
{
    app *t = *state;
    put(t, "tenant", "a file");
    assert_int_equal(refused(t, "tenant").code, RH_E_IO);
    put(t, "reference/0001_a.sql/x", "");
    refused(t, "reference");
}

static void a_new_file_gets_the_next_number(void **state)
{
    app *t = *state;
    const char *path;
    rh_err err;
    assert_true(rh_set_new_file(t->a, t->dir, "tenant", "first", &path, &err));
    assert_string_equal(path, "tenant/0001_first.sql");
    put(t, "tenant/0041_x.sql", "");
    assert_true(rh_set_new_file(t->a, t->dir, "tenant", "add_budget2", &path, &err));
    assert_string_equal(path, "tenant/0042_add_budget2.sql");
    rh_migration_set *s = load(t, "tenant"); /* the template is a migration that does nothing */
    assert_int_equal(s->n, 3);
    assert_false(s->items[2].no_transaction);
    assert_non_null(strstr(s->items[2].text, "add_budget2"));
    assert_true(rh_starts_with(s->items[2].text, "--"));
}

static void a_new_file_needs_a_plain_name_a_known_set_and_a_number(void **state)
{
    static const char *const wrong[] = {"", "Add", "a-b", "../x", "a/b", "a b", "a.sql"};
    app *t = *state;
    const char *path;
    rh_err err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(rh_set_new_file(t->a, t->dir, "tenant", wrong[i], &path, &err));
        assert_int_equal(err.code, RH_E_USAGE);
    }
    assert_false(rh_set_new_file(t->a, t->dir, "tenants", "a", &path, &err));
    assert_int_equal(err.code, RH_E_USAGE);
    put(t, "catalog/9999_last.sql", "");
    assert_false(rh_set_new_file(t->a, t->dir, "catalog", "a", &path, &err));
    assert_int_equal(err.code, RH_E_STATE);
    mkdir(rh_arena_printf(t->a, "%s/%s", t->dir, "reference"), 0777);
    put(t, "reference/0001_a.sql.d/x", "");
    assert_true(rh_set_new_file(t->a, t->dir, "reference", "a", &path, &err));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_app, remove_app)
    const struct CMUnitTest tests[] = {
        TEST(a_missing_directory_is_an_empty_set),
        TEST(files_come_in_the_order_of_their_numbers),
        TEST(names_that_are_no_migration_are_errors),
        TEST(two_files_of_one_number_are_an_error_that_names_both),
        TEST(directives_stand_in_the_leading_comments),
        TEST(unknown_directives_name_file_and_line),
        TEST(bytes_must_be_text_of_bounded_size),
        TEST(a_directory_that_cannot_be_read_is_an_error),
        TEST(a_new_file_gets_the_next_number),
        TEST(a_new_file_needs_a_plain_name_a_known_set_and_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
