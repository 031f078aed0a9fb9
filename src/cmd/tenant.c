/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "catalog/life.h"
#include "catalog/limits.h"
#include "catalog/spread.h"
#include "catalog/list.h"
#include "catalog/token.h"
#include "cmd/adopt.h"
#include "cmd/cmd.h"
#include "cmd/operate.h"
#include "cmd/table.h"
#include "sql.h"

#define LIST_MAX 1000000

/* The i-th word after `tenant`, the verb being the first; NULL when it was not given. */
static const char *arg(const rh_cmdline *line, size_t i)
{
    return i < line->args.len ? line->args.items[i] : NULL;
}

bool rh_cmd_profile(rh_cmdline *line, rh_profile *out, rh_err *err)
{
    size_t n = 0;
    while (rh_cmdline_get_nth(line, "profile", n))
        n++;
    const char **names = RH_NEW_ARRAY(line->a, const char *, n + 1),
               **values = RH_NEW_ARRAY(line->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        char *text = rh_arena_strdup(line->a, rh_cmdline_get_nth(line, "profile", i)),
             *equals = strchr(text, '=');
        if (!equals)
            return rh_err_set(err, RH_E_USAGE, "--profile %s: not of the form COLUMN=VALUE", text);
        *equals = 0;
        names[i] = text;
        values[i] = equals + 1;
    }
    *out = (rh_profile){names, values, n};
    return true;
}

/* JSON either way; without --json laid out for people. */
bool rh_cmd_show_tenant(rh_cmdline *line, rh_operator *o, const char *id, rh_err *err)
{
    const char *json = rh_db_value(o->catalog, line->a, rh_sql_tenants_show_json, 1, &id, err);
    if (json && !rh_cmdline_get(line, "json"))
        json = rh_db_value(o->catalog, line->a, "SELECT jsonb_pretty($1)", 1, &json, err);
    if (json)
        printf("%s\n", json);
    return json != NULL;
}

static bool create(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    rh_tenant_spec spec = {.id = rh_cmdline_get(line, "id"),
                           .slug = arg(line, 1),
                           .name = rh_cmdline_get(line, "name"),
                           .model = rh_cmdline_get(line, "model"),
                           .home_name = rh_cmdline_get(line, "home"),
                           .node = rh_cmdline_get(line, "node")};
    const char *id;
    if (!rh_cmd_profile(line, &spec.profile, err) || !rh_tenant_create(o, line->a, &spec, &id, err))
        return false;
    if (rh_cmdline_get(line, "json"))
        return rh_cmd_show_tenant(line, o, id, err);
    printf("%s\n", id);
    return true;
}

static bool list(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    bool json = rh_cmdline_get(line, "json") != NULL;
    PGresult *res = rh_tenant_list(o, line->a, NULL, LIST_MAX, rh_cmdline_get(line, "sizes"), json, err);
    if (res && json)
        printf("%s\n", PQgetvalue(res, 0, 0));
    else if (res)
        rh_table_print(res, stdout, "", PQntuples(res));
    return res != NULL;
}

static bool standby(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    bool json = rh_cmdline_get(line, "json") != NULL;
    PGresult *res =
        rh_db_query(o->catalog, line->a, json ? rh_sql_standby_list_json : rh_sql_standby_list, 0, NULL, err);
    if (res && json)
        printf("%s\n", PQgetvalue(res, 0, 0));
    else if (res)
        rh_table_print(res, stdout, "", PQntuples(res));
    return res != NULL;
}

static bool show(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *id = rh_tenant_find(o, line->a, arg(line, 1), err);
    return id && rh_cmd_show_tenant(line, o, id, err);
}

static bool token(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    int64_t ttl = 86400;
    const char *text = rh_cmdline_get(line, "ttl"), *token_text;
    if (text && (!rh_parse_int(text, &ttl) || ttl <= 0))
        return rh_err_set(err, RH_E_USAGE, "--ttl %s: not a number of seconds", text);
    if (!(token_text = rh_tenant_token(o, line->a, arg(line, 1), ttl, err)))
        return false;
    if (rh_cmdline_get(line, "json"))
        printf("{\"token\": \"%s\", \"expires_in\": %lld}\n", token_text, (long long)ttl);
    else
        printf("%s\n", token_text);
    return true;
}

/* ---- a tenant's life ---- */

/* What became of it: JSON on stdout, or a line for people. */
static bool tell(rh_cmdline *line, rh_operator *o, const char *id, const char *what, rh_err *err)
{
    if (rh_cmdline_get(line, "json"))
        return rh_cmd_show_tenant(line, o, id, err);
    fprintf(stderr, "tenant %s %s\n", id, what);
    return true;
}

static bool suspend(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *id = rh_tenant_find(o, line->a, arg(line, 1), err);
    return id && rh_tenant_suspend(o, id, rh_cmdline_get(line, "reason"), err) &&
           tell(line, o, id, "is suspended", err);
}

static bool resume(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *id = rh_tenant_find(o, line->a, arg(line, 1), err);
    return id && rh_tenant_resume(o, id, err) && tell(line, o, id, "is active", err);
}

static bool rename_tenant(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *id;
    return rh_tenant_rename(o, line->a, arg(line, 1), arg(line, 2), rh_cmdline_get(line, "name"), &id, err) &&
           tell(line, o, id, "is renamed", err);
}

/* What will be gone is shown; true when the user means it. */
static bool confirm(rh_cmdline *line, rh_operator *o, const char *id, rh_err *err)
{
    const char *slug = rh_db_value(o->catalog, line->a, rh_sql_tenants_slug, 1, &id, err);
    if (!slug)
        return false;
    fprintf(stderr, "Tenant %s (%s) and everything that it has will be gone%s.\n", slug, id,
            rh_cmdline_get(line, "no-dump") ? ", without a dump" : "; a dump is kept");
    return rh_cmd_confirm(line, slug, err);
}

static bool drop(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    rh_drop gone;
    const char *ref = arg(line, 1), *id = rh_tenant_find(o, line->a, ref, err);
    if (!id && err->code != RH_E_NOT_FOUND)
        return false;
    if (id && !rh_cmdline_get(line, "yes") && !confirm(line, o, id, err))
        return false;
    if (!rh_tenant_drop(o, line->a, id ? id : ref, !rh_cmdline_get(line, "no-dump"), &gone, err))
        return false;
    fprintf(stderr, "tenant %s (%s) %s; %s%s\n", gone.slug, gone.id,
            gone.earlier ? "was dropped before" : "is gone", *gone.dump ? "its dump: " : "there is no dump",
            gone.dump);
    if (rh_cmdline_get(line, "json"))
        printf("%s\n", gone.json);
    else if (*gone.dump)
        printf("%s\n", gone.dump);
    return true;
}

static bool isolate(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *worker, *id = rh_tenant_find(o, line->a, arg(line, 1), err);
    if (!id)
        return false;
    rh_cmd_say(NULL, "Citus copies the tenant's rows into shards of their own; its requests go on");
    if (!rh_spread_isolate(o, line->a, id, &worker, err))
        return false;
    if (rh_cmdline_get(line, "json"))
        printf("{\"worker\": \"%s\"}\n", worker);
    else
        printf("%s\n", worker);
    return true;
}

/* ---- limits ---- */

static bool read_limits(const rh_cmdline *line, rh_limits *out, bool changes[], bool *any, rh_err *err)
{
    bool all = rh_cmdline_get(line, "default") != NULL;
    *any = all;
    for (int i = 0; i < RH_N_LIMITS; i++) {
        char *option = rh_arena_strdup(line->a, rh_limit_name((rh_limit)i));
        for (char *p = option; *p; p++)
            *p = *p == '_' ? '-' : *p;
        const char *text = rh_cmdline_get(line, option);
        out->of[i] = RH_LIMIT_DEFAULT;
        if (text && !rh_limit_parse((rh_limit)i, text, &out->of[i], err))
            return false;
        changes[i] = all || text;
        *any |= changes[i];
    }
    return true;
}

static void print_limits(rh_arena *a, const rh_limits *own, const rh_limits *defaults)
{
    rh_limits holds = *own;
    rh_limits_apply(&holds, defaults);
    for (int i = 0; i < RH_N_LIMITS; i++) {
        bool is_own = own->of[i] != RH_LIMIT_DEFAULT;
        const char *usual = rh_limit_text(a, (rh_limit)i, defaults->of[i]);
        printf("%-18s %-10s %s%s\n", rh_limit_name((rh_limit)i), rh_limit_text(a, (rh_limit)i, holds.of[i]),
               is_own                           ? "its own; the default is "
               : holds.of[i] != defaults->of[i] ? "as its body; the default is "
                                                : "default",
               holds.of[i] != defaults->of[i] || is_own ? usual : "");
    }
}

static bool limit(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    rh_limits own, defaults;
    bool changes[RH_N_LIMITS], any;
    const char *id, *slug;
    if (!read_limits(line, &own, changes, &any, err) ||
        !(id = rh_tenant_find(o, line->a, arg(line, 1), err)) ||
        (any && !rh_tenant_set_limits(o, line->a, id, &own, changes, err)))
        return false;
    if (rh_cmdline_get(line, "json")) {
        rh_str json;
        rh_str_init_in(&json, line->a, RH_STR_TEXT_MAX);
        if (!rh_tenant_limits_json(o, line->a, id, &json, err))
            return false;
        printf("%s\n", rh_str_cstr(&json));
        return true;
    }
    if (!rh_tenant_limits(o, line->a, id, &own, &slug, err))
        return false;
    rh_limits_from_conf(o->app->conf, &defaults);
    print_limits(line->a, &own, &defaults);
    return true;
}

/* The verbs. To add one: a row, and its options in commands.c. */
static const struct verb {
    const char *name;
    int n_args; /* at most; the first one of those marked is needed */
    bool needs_tenant;
    bool (*run)(rh_cmdline *line, rh_operator *o, rh_err *err);
} verbs[] = {
    {"create", 1, false, create},   {"list", 0, false, list},
    {"standby", 0, false, standby}, {"show", 1, true, show},
    {"token", 1, true, token},      {"suspend", 1, true, suspend},
    {"resume", 1, true, resume},    {"rename", 2, true, rename_tenant},
    {"drop", 1, true, drop},        {"adopt", 1, false, rh_cmd_tenant_adopt},
    {"isolate", 1, true, isolate},  {"limit", 1, true, limit},
};
#define N_VERBS (sizeof verbs / sizeof *verbs)

static const struct verb *find_verb(const rh_cmdline *line, rh_err *err)
{
    const char *name = line->args.items[0];
    rh_str names;
    rh_str_init_in(&names, line->a, sizeof err->hint);
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
        rh_str_addf(&names, "%s%s", i == 0 ? "" : i + 1 < N_VERBS ? ", " : " and ", verbs[i].name);
    }
    rh_err_set(err, RH_E_USAGE, "there is no verb \"tenant %s\"", name);
    rh_err_hint(err, "There are %s.", rh_str_cstr(&names));
    return NULL;
}

static const struct verb *parse_verb(const rh_cmdline *line, rh_err *err)
{
    const struct verb *v = find_verb(line, err);
    if (!v)
        return NULL;
    if (v->needs_tenant && line->args.len < 2)
        rh_err_set(err, RH_E_USAGE, "tenant %s: which one?", v->name);
    else if ((int)line->args.len - 1 > v->n_args)
        rh_err_set(err, RH_E_USAGE, "tenant %s: what is %s?", v->name, line->args.items[v->n_args + 1]);
    else if (rh_cmdline_fits_verb(line, v->name, err))
        return v;
    return NULL;
}

int rh_cmd_tenant(rh_cmdline *line)
{
    rh_err err;
    const struct verb *verb = parse_verb(line, &err);
    return verb ? rh_cmd_operate(line, verb->run) : rh_cmd_fail(&err);
}
