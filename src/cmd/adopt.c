/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/adopt.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* ---- rows of the root table ---- */

static bool adopt_rows(rh_cmdline *line, rh_operator *o, const char *table, rh_err *err)
{
    static const char *const of_database[] = {"dry-run", "version", "slug", "id", "name", "profile"};
    int n;
    for (size_t i = 0; i < sizeof of_database / sizeof *of_database; i++)
        if (rh_cmdline_get(line, of_database[i]))
            return rh_err_set(err, RH_E_USAGE, "--%s does not go with --from: each row says itself who it is",
                              of_database[i]);
    if (!rh_tenant_adopt_rows(o, table, &n, err))
        return false;
    printf(rh_cmdline_get(line, "json") ? "{\"adopted\": %d}\n" : "%d\n", n);
    fprintf(stderr, "%d row%s of %s became tenants\n", n, n == 1 ? "" : "s", table);
    return true;
}

/* ---- a database ---- */

/* One line is "what is, what should be"; definitions of several lines are shown by their making. */
static void print_difference(const rh_shape_finding *f)
{
    bool is_sql = !f->is || strcmp(f->is, "cannot stay") != 0;
    bool brief = (!f->is || !strchr(f->is, '\n')) && (!f->should || !strchr(f->should, '\n'));
    printf("  %s %s: ", f->kind, f->name);
    if (!f->is)
        printf("is missing");
    else if (!f->should)
        printf("%s", is_sql ? "the app does not know it" : f->is);
    else if (brief)
        printf("is %s, should be %s", *f->is ? f->is : "empty", *f->should ? f->should : "empty");
    else
        printf("is another");
    if (*f->advice)
        printf("\n      %s%s", f->advice, is_sql ? ";" : "");
    if (is_sql && !f->should && strcmp(f->kind, "column") == 0)
        printf(" -- its data go with it; a migration of the app could add the column instead");
    printf("\n");
}

static void print_names(FILE *out, const char *title, const rh_shape_finding *items, size_t n)
{
    if (n)
        fprintf(out, "%s\n", title);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %s %s\n", items[i].kind, items[i].name);
}

static void print_more(FILE *out, const rh_shape_findings *found)
{
    print_names(
        out, "not known to the app, set aside in schema " RH_ADOPTED_SCHEMA ", which tenants do not reach:",
        found->unknown.items, found->unknown.len);
    print_names(out, "not known to the app, may stay:", found->more.items, found->more.len);
}

static void add_member(rh_str *out, const char *name, const char *value)
{
    rh_str_addf(out, ", \"%s\": ", name);
    if (value)
        rh_json_add_string(out, value, strlen(value));
    else
        rh_str_add(out, "null");
}

static void add_findings(rh_str *out, const char *title, const rh_shape_finding *items, size_t n)
{
    rh_str_addf(out, ", \"%s\": [", title);
    for (size_t i = 0; i < n; i++) {
        rh_str_add(out, i ? ", {\"kind\": " : "{\"kind\": ");
        rh_json_add_string(out, items[i].kind, strlen(items[i].kind));
        add_member(out, "name", items[i].name);
        add_member(out, "is", items[i].is);
        add_member(out, "should", items[i].should);
        add_member(out, "advice", items[i].advice);
        rh_str_addc(out, '}');
    }
    rh_str_addc(out, ']');
}

static void print_json(rh_cmdline *line, const char *database, const rh_tenant_adopted *r)
{
    rh_str out;
    rh_str_init_in(&out, line->a, RH_STR_TEXT_MAX);
    rh_str_add(&out, "{\"database\": ");
    rh_json_add_string(&out, database, strlen(database));
    rh_str_addf(&out, ", \"version\": %d, \"fits\": %s", r->version,
                r->found.differences.len ? "false" : "true");
    add_findings(&out, "differences", r->found.differences.items, r->found.differences.len);
    add_findings(&out, "unknown", r->found.unknown.items, r->found.unknown.len);
    add_findings(&out, "more", r->found.more.items, r->found.more.len);
    printf("%s}\n", rh_str_cstr(&out));
}

static bool parse_version(rh_cmdline *line, int *out, rh_err *err)
{
    const char *text = rh_cmdline_get(line, "version");
    int64_t n = 0;
    *out = 0;
    if (text && (!rh_parse_int(text, &n) || n < 1 || n > RH_MIGRATION_MAX_NUMBER))
        return rh_err_set(err, RH_E_USAGE, "--version %s: not the number of a migration", text);
    *out = (int)n;
    return true;
}

static bool adopt_database(rh_cmdline *line, rh_operator *o, const char *database, rh_err *err)
{
    bool json = rh_cmdline_get(line, "json") != NULL, dry_run = rh_cmdline_get(line, "dry-run") != NULL;
    int version;
    rh_tenant_adopted r = {0};
    rh_tenant_spec spec = {.id = rh_cmdline_get(line, "id"),
                           .slug = rh_cmdline_get(line, "slug"),
                           .name = rh_cmdline_get(line, "name")};
    if (!rh_cmd_profile(line, &spec.profile, err) || !parse_version(line, &version, err))
        return false;
    bool ok = rh_tenant_adopt_database(o, line->a, database, version, &spec, dry_run, &r, err);
    if (json && (dry_run || !ok) && (ok || r.found.differences.len))
        print_json(line, database, &r);
    for (size_t i = 0; !json && i < r.found.differences.len; i++)
        print_difference(&r.found.differences.items[i]);
    if (!json)
        print_more(dry_run ? stdout : stderr, &r.found);
    if (!ok)
        return false;
    if (dry_run)
        return fprintf(stderr, "database %s fits version %d; nothing was changed\n", database, r.version) > 0;
    fprintf(stderr, "database %s is the home of tenant %s\n", database, r.slug);
    return json ? rh_cmd_show_tenant(line, o, r.id, err) : printf("%s\n", r.id) > 0;
}

/* ---- which of the two ---- */

bool rh_cmd_tenant_adopt(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *table = rh_cmdline_get(line, "from"), *root = o->app->conf->app_root;
    const char *database = line->args.len > 1 ? line->args.items[1] : NULL;
    if (table && !database)
        return adopt_rows(line, o, table, err);
    if (database && !table)
        return adopt_database(line, o, database, err);
    rh_err_set(err, RH_E_USAGE,
               table ? "adopt: a database or the rows of a table, not both" : "adopt: what?");
    return rh_err_hint(err, "`rowhouse tenant adopt DATABASE` makes a database a tenant's home%s%s%s.",
                       o->app->conf->keyed ? "; `rowhouse tenant adopt --from " : "", root,
                       o->app->conf->keyed ? "` makes tenants of rows that were loaded by hand" : "");
}
