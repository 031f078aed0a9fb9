/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "migrate/lint.h"

#define ROOT_LINE "CREATE TABLE companies (id bigint PRIMARY KEY, name text);"
#define MAX_FILES 8

/* One case of tests/cases/lint.txt. */
typedef struct lint_case {
    const char *title;
    int line;
    bool uuid, citus;
    rh_migration reference[MAX_FILES], tenant[MAX_FILES];
    rh_migration_set reference_set, tenant_set;
    const char *on_create;
    const char *expected; /* the lines, each with its newline */
} lint_case;

typedef RH_VEC(lint_case) lint_cases;

static rh_conf conf_of(const lint_case *c)
{
    rh_conf conf = {0};
    conf.app_tenant_key = "company_id";
    conf.app_root = "companies";
    conf.id_type = c->uuid ? RH_ID_UUID : RH_ID_BIGINT;
    conf.app_citus = c->citus;
    return conf;
}

static void add_file(rh_arena *a, rh_migration_set *set, const char *text)
{
    rh_err err;
    rh_migration *m = &set->items[set->n++];
    assert_true(set->n < MAX_FILES);
    m->number = (int)set->n;
    m->name = "case";
    m->path = rh_arena_printf(a, "%s/%04d_case.sql", set->name, m->number);
    m->text = text;
    m->len = strlen(text);
    assert_true(rh_set_read_directives(m, &err));
}

static void end_block(rh_arena *a, lint_case *c, const char *what, rh_str *text)
{
    const char *kept = rh_arena_strndup(a, rh_str_cstr(text), text->len);
    if (!what)
        return;
    if (strcmp(what, "tenant") == 0)
        add_file(a, &c->tenant_set, kept);
    else if (strcmp(what, "reference") == 0)
        add_file(a, &c->reference_set, kept);
    else if (strcmp(what, "on_create") == 0)
        c->on_create = kept;
    else if (strcmp(what, "expect") == 0)
        c->expected = kept;
    else if (strcmp(what, "conf uuid") == 0)
        c->uuid = true;
    else if (strcmp(what, "conf citus") == 0)
        c->citus = true;
    else
        fail_msg("line %d: unknown block %s", c->line, what);
    rh_str_clear(text);
}

static lint_case *new_case(rh_arena *a, lint_cases *out, const char *title, int line)
{
    lint_case fresh = {.title = title, .line = line};
    if (out->cap == out->len && out->len == 0) { /* items point into themselves: the vector must not move */
        out->items = RH_NEW_ARRAY(a, lint_case, 200);
        out->cap = 200;
    }
    assert_true(out->len < out->cap);
    out->items[out->len] = fresh;
    lint_case *c = &out->items[out->len++];
    c->reference_set = (rh_migration_set){"reference", c->reference, 0};
    c->tenant_set = (rh_migration_set){"tenant", c->tenant, 0};
    return c;
}

static void read_cases(rh_arena *a, lint_cases *out)
{
    rh_err err;
    rh_str text;
    const char *block = NULL, *root = getenv("RH_SOURCE_ROOT");
    lint_case *c = NULL;
    int line = 0;
    rh_str_init_in(&text, a, 1 << 20);
    char *all = rh_file_read(a, rh_arena_printf(a, "%s/tests/cases/lint.txt", root ? root : "."), 1 << 20,
                             NULL, &err);
    if (!all)
        fail_msg("%s", err.message);
    for (char *next = all, *p; *(p = next);) {
        size_t n = strcspn(p, "\n");
        next = p + n + (p[n] == '\n');
        p[n] = 0;
        line++;
        if (rh_starts_with(p, "=== ") || rh_starts_with(p, "--- ")) {
            if (c)
                end_block(a, c, block, &text);
            block = p[0] == '-' ? p + 4 : NULL;
            if (p[0] == '=')
                c = new_case(a, out, p + 4, line);
        } else if (block && !(strcmp(block, "expect") == 0 && !*p)) {
            rh_str_addf(&text, "%s\n", strcmp(p, "@root") == 0 ? ROOT_LINE : p);
        }
    }
    end_block(a, c, block, &text);
}

static void lint(rh_arena *a, const lint_case *c, rh_lint_report *report)
{
    rh_err err;
    rh_conf *conf = RH_NEW(a, rh_conf);
    *conf = conf_of(c);
    if (!rh_lint(a, conf, &c->reference_set, &c->tenant_set, c->on_create, report, &err))
        fail_msg("line %d, %s: %s", c->line, c->title, err.message);
}

static const char *told(rh_arena *a, const rh_lint_report *report)
{
    rh_str s;
    rh_str_init_in(&s, a, 1 << 16);
    for (size_t i = 0; i < report->len; i++) {
        const rh_lint_finding *f = &report->items[i];
        rh_str_addf(&s, "%s@", rh_lint_code(f->rule));
        if (f->order > 1)
            rh_str_addf(&s, "%zu:", f->order);
        rh_str_addf(&s, "%d\n", f->line);
    }
    return rh_str_cstr(&s);
}

/* "1:" before the line may be left out. */
static const char *plain(rh_arena *a, const char *expected)
{
    rh_str s;
    rh_str_init_in(&s, a, 1 << 16);
    for (const char *p = expected ? expected : ""; *p; p++) {
        rh_str_addc(&s, *p);
        if (*p == '@' && rh_starts_with(p + 1, "1:"))
            p += 2;
    }
    return rh_str_cstr(&s);
}

static void every_case_is_judged_as_it_says(void **state)
{
    rh_arena *a = rh_arena_new();
    lint_cases cases = {0};
    int wrong = 0;
    read_cases(a, &cases);
    assert_true(cases.len >= 40);
    for (size_t i = 0; i < cases.len; i++) {
        rh_lint_report report;
        lint(a, &cases.items[i], &report);
        if (strcmp(told(a, &report), plain(a, cases.items[i].expected)) != 0) {
            print_error("tests/cases/lint.txt:%d: %s\n", cases.items[i].line, cases.items[i].title);
            print_error("expected:\n%stold:\n%s", plain(a, cases.items[i].expected), told(a, &report));
            rh_lint_print(&report, stderr, false);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    rh_arena_free(a);
}

static void every_rule_has_a_case(void **state)
{
    rh_arena *a = rh_arena_new();
    lint_cases cases = {0};
    bool seen[RH_LINT_RULE_COUNT] = {0};
    seen[RH_LINT_TOO_COMPLEX] = true; /* hostile_texts_are_findings() has it: too big to type */
    read_cases(a, &cases);
    for (size_t i = 0; i < cases.len; i++) {
        rh_lint_report report;
        lint(a, &cases.items[i], &report);
        for (size_t j = 0; j < report.len; j++)
            seen[report.items[j].rule] = true;
    }
    for (int rule = 0; rule < RH_LINT_RULE_COUNT; rule++)
        if (!seen[rule])
            fail_msg("no case for %s: %s", rh_lint_code(rule), rh_lint_demand(rule));
    rh_arena_free(a);
}

static bool has(const rh_lint_report *report, const rh_lint_finding *f)
{
    for (size_t i = 0; i < report->len; i++)
        if (report->items[i].rule == f->rule && strcmp(report->items[i].message, f->message) == 0 &&
            report->items[i].order == f->order && report->items[i].line == f->line)
            return true;
    return false;
}

static size_t found_in(const rh_lint_report *report, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < report->len; i++)
        n += strcmp(report->items[i].path, path) == 0;
    return n;
}

/* A fix stands in a new migration: what it mends is gone, and it brings nothing of its own. */
static void every_fix_clears_its_finding(void **state)
{
    rh_arena *a = rh_arena_new();
    lint_cases cases = {0};
    size_t tried = 0;
    read_cases(a, &cases);
    for (size_t i = 0; i < cases.len; i++) {
        lint_case *c = &cases.items[i];
        rh_lint_report before, after;
        lint(a, c, &before);
        for (size_t j = 0; j < before.len; j++) {
            if (!before.items[j].fix)
                continue;
            add_file(a, &c->tenant_set, before.items[j].fix);
            lint(a, c, &after);
            if (has(&after, &before.items[j]) || found_in(&after, c->tenant[c->tenant_set.n - 1].path))
                fail_msg("tests/cases/lint.txt:%d: %s\n%s is not mended by: %s\n%s", c->line, c->title,
                         rh_lint_code(before.items[j].rule), before.items[j].fix, told(a, &after));
            c->tenant_set.n--;
            tried++;
        }
    }
    assert_true(tried > 30);
    rh_arena_free(a);
}

/* All fixes of a case together, in the order shown, leave nothing that had a fix. */
static void all_fixes_together_clear_all(void **state)
{
    rh_arena *a = rh_arena_new();
    lint_cases cases = {0};
    read_cases(a, &cases);
    for (size_t i = 0; i < cases.len; i++) {
        lint_case *c = &cases.items[i];
        rh_lint_report before, after;
        rh_str fixes;
        rh_str_init_in(&fixes, a, 1 << 16);
        lint(a, c, &before);
        for (size_t j = 0; j < before.len; j++)
            if (before.items[j].fix)
                rh_str_addf(&fixes, "%s\n", before.items[j].fix);
        add_file(a, &c->tenant_set, rh_str_cstr(&fixes));
        lint(a, c, &after);
        for (size_t j = 0; j < before.len; j++)
            if (before.items[j].fix && has(&after, &before.items[j]))
                fail_msg("tests/cases/lint.txt:%d: %s: %s stays after\n%s", c->line, c->title,
                         rh_lint_code(before.items[j].rule), rh_str_cstr(&fixes));
    }
    rh_arena_free(a);
}

/* ---- single texts ---- */

static void lint_text(rh_arena *a, const char *tenant, rh_lint_report *report)
{
    lint_case *c = RH_NEW(a, lint_case);
    c->title = "text";
    c->tenant_set = (rh_migration_set){"tenant", c->tenant, 0};
    c->reference_set = (rh_migration_set){"reference", c->reference, 0};
    add_file(a, &c->tenant_set, tenant);
    lint(a, c, report);
}

static const char *fix_of(rh_arena *a, const char *tenant, rh_lint_rule rule, bool rewrite)
{
    rh_lint_report report;
    lint_text(a, tenant, &report);
    for (size_t i = 0; i < report.len; i++)
        if (report.items[i].rule == rule)
            return rewrite ? report.items[i].rewrite : report.items[i].fix;
    fail_msg("no %s", rh_lint_code(rule));
    return NULL;
}

static void fixes_read_as_a_person_would_write_them(void **state)
{
    rh_arena *a = rh_arena_new();
    assert_string_equal(
        fix_of(a, ROOT_LINE "CREATE TABLE ads (company_id bigint);", RH_LINT_KEY_NULLABLE, false),
        "ALTER TABLE ads ALTER COLUMN company_id SET NOT NULL;");
    assert_string_equal(
        fix_of(a, ROOT_LINE "CREATE TABLE \"My ads\" (x int);", RH_LINT_KEY_MISSING, false),
        "ALTER TABLE \"My ads\" ADD COLUMN company_id bigint NOT NULL REFERENCES companies (id);");
    assert_string_equal(
        fix_of(a, ROOT_LINE "CREATE TABLE \"order\" (company_id bigint NOT NULL, id bigint PRIMARY KEY);",
               RH_LINT_UNIQUE_WITHOUT_KEY, false),
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey, ADD CONSTRAINT order_pkey PRIMARY KEY "
        "(company_id, id);");
    assert_string_equal(
        fix_of(a, ROOT_LINE "CREATE TABLE ads (company_id bigint NOT NULL, id bigint PRIMARY KEY);",
               RH_LINT_UNIQUE_WITHOUT_KEY, true),
        "PRIMARY KEY (company_id, id)");
    assert_string_equal(
        fix_of(a,
               ROOT_LINE
               "CREATE TABLE ads (company_id bigint NOT NULL, s text);\n"
               "CREATE UNIQUE INDEX CONCURRENTLY i ON ads USING btree (lower(s) DESC) WHERE s <> ')';",
               RH_LINT_UNIQUE_WITHOUT_KEY, false),
        "DROP INDEX i;\nCREATE UNIQUE INDEX i ON ads USING btree (company_id, lower(s) DESC) WHERE s <> "
        "')';");
    rh_arena_free(a);
}

static void a_fix_takes_the_foreign_keys_along(void **state)
{
    rh_arena *a = rh_arena_new();
    const char *sql =
        ROOT_LINE "CREATE TABLE campaigns (company_id bigint NOT NULL, id bigint PRIMARY KEY);\n"
                  "CREATE TABLE ads (company_id bigint NOT NULL, campaign_id bigint REFERENCES campaigns ON "
                  "DELETE SET NULL);";
    assert_string_equal(
        fix_of(a, sql, RH_LINT_UNIQUE_WITHOUT_KEY, false),
        "ALTER TABLE ads DROP CONSTRAINT ads_campaign_id_fkey;\n"
        "ALTER TABLE campaigns DROP CONSTRAINT campaigns_pkey, ADD CONSTRAINT campaigns_pkey PRIMARY KEY "
        "(company_id, id);\n"
        "ALTER TABLE ads ADD CONSTRAINT ads_campaign_id_fkey FOREIGN KEY (company_id, campaign_id) "
        "REFERENCES campaigns (company_id, id) ON DELETE SET NULL (campaign_id);");
    assert_string_equal(fix_of(a, sql, RH_LINT_FK_WITHOUT_KEY, true),
                        "FOREIGN KEY (company_id, campaign_id) REFERENCES campaigns (company_id, id) ON "
                        "DELETE SET NULL (campaign_id)");
    rh_arena_free(a);
}

static void the_directive_mends_what_needs_it(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_lint_report report;
    const char *sql = ROOT_LINE " VACUUM;", *line = fix_of(a, sql, RH_LINT_NEEDS_NO_TRANSACTION, true);
    lint_text(a, rh_arena_printf(a, "%s\n%s", line, sql), &report);
    assert_int_equal(report.len, 0);
    rh_arena_free(a);
}

static void long_names_are_cut_as_postgresql_does(void **state)
{
    rh_arena *a = rh_arena_new();
    const char *table = "t123456789012345678901234567890123456789",
               *column = "c123456789012345678901234567890123456789";
    rh_lint_report report;
    /* names taken from PostgreSQL 15 */
    lint_text(
        a,
        rh_arena_printf(
            a,
            ROOT_LINE
            "CREATE TABLE %s (company_id bigint NOT NULL, %s text UNIQUE);"
            "ALTER TABLE %s DROP CONSTRAINT t1234567890123456789012345678_c1234567890123456789012345678_key",
            table, column, table),
        &report);
    assert_string_equal(told(a, &report), "");
    rh_arena_free(a);
}

static char *repeated(rh_arena *a, const char *before, const char *part, size_t times, const char *after)
{
    rh_str s;
    rh_str_init_in(&s, a, 16 << 20);
    rh_str_add(&s, before);
    for (size_t i = 0; i < times; i++)
        rh_str_add(&s, part);
    rh_str_add(&s, after);
    return (char *)rh_str_cstr(&s);
}

static void expect_rule(rh_arena *a, const char *text, rh_lint_rule rule)
{
    rh_lint_report report;
    lint_text(a, text, &report);
    for (size_t i = 0; i < report.len; i++)
        if (report.items[i].rule == rule) {
            assert_true(strlen(report.items[i].source) < 1000);
            return;
        }
    fail_msg("no %s for %.60s", rh_lint_code(rule), text);
}

static void hostile_texts_are_findings(void **state)
{
    rh_arena *a = rh_arena_new();
    expect_rule(a, repeated(a, "", "(", 1000000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT ", "[", 1000000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT a", "||a", 1000000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT a", "||a", 5000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT 1", "::int", 1000000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT ", "NOT ", 10000, "a"), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "SELECT * FROM a", " NATURAL JOIN b", 200000, ""), RH_LINT_TOO_COMPLEX);
    expect_rule(a, repeated(a, "", "/*", 500000, ""), RH_LINT_UNTERMINATED);
    expect_rule(a, repeated(a, "", "$a$ $b$", 1001, ""), RH_LINT_UNTERMINATED);
    expect_rule(a, "CREATE \"TABLE", RH_LINT_UNTERMINATED);
    expect_rule(a, "SELECT E'\\", RH_LINT_UNTERMINATED);
    expect_rule(a, "\x01\x02\x7f )))) ;;;; ::::", RH_LINT_NOT_UNDERSTOOD);
    expect_rule(a, repeated(a, "", "x ", 400000, ""), RH_LINT_TOO_COMPLEX);
    rh_arena_free(a);
}

static void long_data_is_no_complexity(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_lint_report report;
    lint_text(a, repeated(a, ROOT_LINE "INSERT INTO companies VALUES (0, '')", ", (1, 'a')", 50000, ";"),
              &report);
    assert_string_equal(told(a, &report), "");
    lint_text(a, repeated(a, ROOT_LINE "COMMENT ON TABLE companies IS '", "lorem ipsum ", 20000, "';"),
              &report);
    assert_string_equal(told(a, &report), "");
    rh_arena_free(a);
}

static void binary_is_an_error(void **state)
{
    rh_arena *a = rh_arena_new();
    lint_case c = {.title = "binary"};
    rh_conf conf = conf_of(&c);
    rh_lint_report report;
    rh_err err;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(255 - i);
    c.tenant_set = (rh_migration_set){"tenant", c.tenant, 1};
    c.tenant[0] = (rh_migration){.path = "tenant/0001_x.sql", .text = bytes, .len = 255};
    assert_false(rh_lint(a, &conf, NULL, &c.tenant_set, NULL, &report, &err));
    assert_int_equal(err.code, RH_E_INVALID);
    assert_non_null(strstr(err.message, "tenant/0001_x.sql"));
    rh_arena_free(a);
}

static void the_report_points_with_a_caret(void **state)
{
    rh_arena *a = rh_arena_new();
    rh_lint_report report;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    lint_text(a, ROOT_LINE "\nCREATE TABLE ads (\n\t/* \xc3\xa9\033 */ company_id bigint\n);", &report);
    rh_lint_print(&report, out, false);
    fclose(out);
    assert_string_equal(text, "tenant/0001_case.sql:3:11: error: ads.company_id may be NULL: such a row "
                              "would belong to no tenant [key-nullable]\n"
                              "    \t/* \xc3\xa9? */ company_id bigint\n"
                              "    \t         ^\n"
                              "  fix: ALTER TABLE ads ALTER COLUMN company_id SET NOT NULL;\n"
                              "1 error, 0 warnings\n");
    free(text);
    rh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_judged_as_it_says),
        cmocka_unit_test(every_rule_has_a_case),
        cmocka_unit_test(every_fix_clears_its_finding),
        cmocka_unit_test(all_fixes_together_clear_all),
        cmocka_unit_test(fixes_read_as_a_person_would_write_them),
        cmocka_unit_test(a_fix_takes_the_foreign_keys_along),
        cmocka_unit_test(the_directive_mends_what_needs_it),
        cmocka_unit_test(long_names_are_cut_as_postgresql_does),
        cmocka_unit_test(hostile_texts_are_findings),
        cmocka_unit_test(long_data_is_no_complexity),
        cmocka_unit_test(binary_is_an_error),
        cmocka_unit_test(the_report_points_with_a_caret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
