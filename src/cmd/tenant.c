/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "auth/resolve.h"
#include "catalog/tenant.h"
#include "catalog/token.h"
#include "cmd/cmd.h"
#include "cmd/table.h"
#include "sql.h"

#define LIST_PAGE "100000"

static bool parse_profile(rh_cmdline *line, rh_profile *out, rh_err *err)
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
static bool show(rh_cmdline *line, rh_operator *o, const char *id, rh_err *err)
{
    const char *json = rh_db_value(o->catalog, line->a, rh_sql_tenants_show_json, 1, &id, err);
    if (json && !rh_cmdline_get(line, "json"))
        json = rh_db_value(o->catalog, line->a, "SELECT jsonb_pretty($1)", 1, &json, err);
    if (json)
        printf("%s\n", json);
    return json != NULL;
}

static bool create(rh_cmdline *line, rh_operator *o, const char *slug, rh_err *err)
{
    rh_tenant_spec spec = {.id = rh_cmdline_get(line, "id"),
                           .slug = slug,
                           .name = rh_cmdline_get(line, "name"),
                           .model = rh_cmdline_get(line, "model"),
                           .home_name = rh_cmdline_get(line, "home")};
    const char *id;
    if (!parse_profile(line, &spec.profile, err) || !rh_tenant_create(o, line->a, &spec, &id, err))
        return false;
    if (rh_cmdline_get(line, "json"))
        return show(line, o, id, err);
    printf("%s\n", id);
    return true;
}

static bool list(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *params[] = {"", LIST_PAGE};
    bool json = rh_cmdline_get(line, "json") != NULL;
    PGresult *res = rh_db_query(o->catalog, line->a, json ? rh_sql_tenants_list_json : rh_sql_tenants_list, 2,
                                params, err);
    if (res && json)
        printf("%s\n", PQgetvalue(res, 0, 0));
    else if (res)
        rh_table_print(res, stdout, "", PQntuples(res));
    return res != NULL;
}

static bool adopt(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    int n;
    const char *table = rh_cmdline_get(line, "from");
    if (!table) {
        rh_err_set(err, RH_E_USAGE, "adopt: from which table?");
        return rh_err_hint(err, "`rowhouse tenant adopt --from %s`.", o->app->conf->app_root);
    }
    if (!rh_tenant_adopt_rows(o, table, &n, err))
        return false;
    printf("%d\n", n);
    fprintf(stderr, "%d row%s of %s became tenants\n", n, n == 1 ? "" : "s", table);
    return true;
}

static bool token(rh_cmdline *line, rh_operator *o, const char *ref, rh_err *err)
{
    int64_t ttl = 86400;
    const char *text = rh_cmdline_get(line, "ttl"), *token_text;
    if (text && (!rh_parse_int(text, &ttl) || ttl <= 0))
        return rh_err_set(err, RH_E_USAGE, "--ttl %s: not a number of seconds", text);
    if (!(token_text = rh_tenant_token(o, line->a, ref, ttl, err)))
        return false;
    printf("%s\n", token_text);
    return true;
}

static bool dispatch(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    const char *verb = line->args.items[0], *arg = line->args.len > 1 ? line->args.items[1] : NULL, *id;
    if (strcmp(verb, "list") == 0)
        return list(line, o, err);
    if (strcmp(verb, "adopt") == 0)
        return adopt(line, o, err);
    if (strcmp(verb, "create") == 0)
        return create(line, o, arg, err);
    if (strcmp(verb, "show") != 0 && strcmp(verb, "token") != 0) {
        rh_err_set(err, RH_E_USAGE, "there is no verb \"tenant %s\"", verb);
        return rh_err_hint(err, "There are create, list, show, token and adopt.");
    }
    if (!arg)
        return rh_err_set(err, RH_E_USAGE, "tenant %s: which one?", verb);
    if (strcmp(verb, "token") == 0)
        return token(line, o, arg, err);
    id = rh_tenant_find(o, line->a, arg, err);
    return id && show(line, o, id, err);
}

int rh_cmd_tenant(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    rh_operator o;
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    bool ok = rh_operator_open(&o, &app, &err);
    if (ok) {
        ok = dispatch(line, &o, &err);
        rh_operator_close(&o);
    }
    rh_cmdline_close(&app);
    return ok ? 0 : rh_cmd_fail(&err);
}
