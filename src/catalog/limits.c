/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "catalog/tenant.h"
#include "sql.h"

enum kind { COUNT, RATE, DURATION, SIZE };

static const struct {
    const char *column;
    enum kind kind;
    int64_t least, most;
} limits[] = {
#define X(name, column, kind, least, most, unit) {column, kind, least, most},
    RH_LIMITS(X)
#undef X
};

static const char *const wanted[] = {
    [COUNT] = "a whole number such as 8",
    [RATE] = "a number of requests such as 50/s or 600/m",
    [DURATION] = "a duration such as 500ms, 30s or 5m",
    [SIZE] = "a size such as 512, 64k or 10m",
};

const char *rh_limit_name(rh_limit which)
{
    return limits[which].column;
}

void rh_limits_from_conf(const rh_conf *conf, rh_limits *out)
{
    out->of[RH_LIMIT_CONCURRENCY] = conf->limits_concurrency;
    out->of[RH_LIMIT_RATE] = conf->limits_rate * 1000;
    out->of[RH_LIMIT_STATEMENT_TIMEOUT] = conf->data_statement_timeout;
    out->of[RH_LIMIT_ROWS] = conf->data_max_rows;
    out->of[RH_LIMIT_BODY] = conf->data_max_body;
    out->of[RH_LIMIT_LOAD] = conf->data_max_load;
}

void rh_limits_apply(rh_limits *own, const rh_limits *defaults)
{
    if (own->of[RH_LIMIT_LOAD] == RH_LIMIT_DEFAULT && own->of[RH_LIMIT_BODY] != RH_LIMIT_DEFAULT &&
        own->of[RH_LIMIT_BODY] < defaults->of[RH_LIMIT_LOAD])
        own->of[RH_LIMIT_LOAD] = own->of[RH_LIMIT_BODY];
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (own->of[i] == RH_LIMIT_DEFAULT)
            own->of[i] = defaults->of[i];
}

/* ---- texts ---- */

/* "50", "50/s", "0.5/s", "600/m" in thousandths a second. */
static bool parse_rate(const char *text, int64_t *out)
{
    char *end;
    const char *unit = text + strspn(text, "0123456789.");
    if (!isdigit((unsigned char)*text))
        return false;
    double n = strtod(text, &end) * 1000;
    if (end != unit || n > 1e15)
        return false;
    if (strcmp(unit, "/m") == 0)
        n /= 60;
    else if (*unit && strcmp(unit, "/s") != 0)
        return false;
    *out = n > 0 && n < 1 ? 1 : (int64_t)(n + 0.5);
    return true;
}

static bool check_range(rh_limit which, int64_t value, const char *text, rh_err *err)
{
    if (value >= limits[which].least && value <= limits[which].most)
        return true;
    rh_arena *a = rh_arena_new();
    rh_err_set(err, RH_E_USAGE, "%s: %s is out of range", limits[which].column, text);
    rh_err_hint(err, "It goes from %s to %s.", rh_limit_text(a, which, limits[which].least),
                rh_limit_text(a, which, limits[which].most));
    rh_arena_free(a);
    return false;
}

bool rh_limit_parse(rh_limit which, const char *text, int64_t *out, rh_err *err)
{
    bool ok = false;
    *out = RH_LIMIT_DEFAULT;
    if (strcmp(text, "default") == 0)
        return true;
    switch (limits[which].kind) {
    case COUNT:
        ok = rh_parse_int(text, out);
        break;
    case RATE:
        ok = parse_rate(text, out);
        break;
    case DURATION:
        ok = rh_duration_parse(text, out);
        break;
    case SIZE:
        ok = rh_size_parse(text, out);
        break;
    }
    if (ok)
        return check_range(which, *out, text, err);
    rh_err_set(err, RH_E_USAGE, "%s: \"%s\" is not %s", limits[which].column, text,
               wanted[limits[which].kind]);
    return rh_err_hint(err, "\"default\" is what rowhouse.conf says.");
}

static const char *with_unit(rh_arena *a, int64_t n, const int64_t *factors, const char *const *units)
{
    int i = 0;
    while (units[i + 1] && n % factors[i] != 0)
        i++;
    return rh_arena_printf(a, "%lld%s", (long long)(n / factors[i]), units[i]);
}

const char *rh_limit_text(rh_arena *a, rh_limit which, int64_t value)
{
    static const int64_t times[] = {3600000, 60000, 1000, 1}, sizes[] = {1 << 30, 1 << 20, 1 << 10, 1};
    static const char *const time_units[] = {"h", "m", "s", "ms", NULL}, *const size_units[] = {"g", "m", "k",
                                                                                                "", NULL};
    switch (limits[which].kind) {
    case RATE:
        return value ? rh_arena_printf(a, "%.10g/s", (double)value / 1000) : "0";
    case DURATION:
        return with_unit(a, value, times, time_units);
    case SIZE:
        return with_unit(a, value, sizes, size_units);
    case COUNT:
        break;
    }
    return rh_arena_printf(a, "%lld", (long long)value);
}

/* ---- JSON ---- */

/* Numbers as the outside knows them: the rate in requests a second. */
static json_t *number_of(rh_limit which, int64_t value)
{
    if (limits[which].kind == RATE && value % 1000)
        return json_real((double)value / 1000);
    return json_integer(limits[which].kind == RATE ? value / 1000 : value);
}

static bool value_from_json(rh_limit which, const json_t *v, int64_t *out, rh_err *err)
{
    char text[32];
    if (json_is_string(v))
        return rh_limit_parse(which, json_string_value(v), out, err);
    *out = RH_LIMIT_DEFAULT;
    if (json_is_null(v))
        return true;
    if (!json_is_integer(v) && !(json_is_real(v) && limits[which].kind == RATE))
        return rh_err_set(err, RH_E_BODY, "%s is not %s", limits[which].column, wanted[limits[which].kind]);
    double n = json_number_value(v) * (limits[which].kind == RATE ? 1000 : 1);
    snprintf(text, sizeof text, "%.10g", json_number_value(v));
    *out = n > 1e15 ? (int64_t)1e15 : n < 0 ? -2 : (int64_t)(n + 0.5);
    return check_range(which, *out, text, err);
}

bool rh_limits_from_json(const json_t *body, rh_limits *out, bool changes[RH_N_LIMITS], rh_err *err)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)body, key, value)
    {
        int i = 0;
        while (i < RH_N_LIMITS && strcmp(limits[i].column, key) != 0)
            i++;
        if (i == RH_N_LIMITS) {
            rh_err_set(err, RH_E_BODY, "there is no limit \"%s\"", key);
            return rh_err_hint(err, "There are concurrency, rate, statement_timeout, rows, body and load.");
        }
        if (!value_from_json((rh_limit)i, value, &out->of[i], err)) {
            err->code = RH_E_BODY;
            return false;
        }
        changes[i] = true;
    }
    return true;
}

/* ---- the catalog's ---- */

bool rh_tenant_limits(rh_operator *o, rh_arena *a, const char *id, rh_limits *out, const char **slug,
                      rh_err *err)
{
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_limits, 1, &id, err);
    if (!res)
        return false;
    if (PQntuples(res) == 0)
        return rh_err_set(err, RH_E_NOT_FOUND, "there is no tenant %s", id);
    *slug = PQgetvalue(res, 0, 0);
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (PQgetisnull(res, 0, i + 1) || !rh_parse_int(PQgetvalue(res, 0, i + 1), &out->of[i]))
            out->of[i] = RH_LIMIT_DEFAULT;
    return true;
}

bool rh_tenant_set_limits(rh_operator *o, rh_arena *a, const char *id, const rh_limits *values,
                          const bool changes[RH_N_LIMITS], rh_err *err)
{
    json_t *change = json_object();
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (changes[i])
            json_object_set_new(change, limits[i].column,
                                values->of[i] == RH_LIMIT_DEFAULT ? json_null()
                                                                  : number_of((rh_limit)i, values->of[i]));
    char *text = json_dumps(change, JSON_COMPACT);
    const char *params[] = {id, rh_arena_strdup(a, text)};
    free(text);
    json_decref(change);
    PGresult *res = rh_db_query(o->catalog, a, rh_sql_tenants_set_limits, 2, params, err);
    if (res && PQntuples(res) == 0)
        return rh_err_set(err, RH_E_STATE, "tenant %s is being dropped", id);
    return res != NULL;
}

bool rh_tenant_limits_json(rh_operator *o, rh_arena *a, const char *id, rh_str *out, rh_err *err)
{
    rh_limits holds;
    const char *slug;
    if (!rh_tenant_limits(o, a, id, &holds, &slug, err))
        return false;
    rh_limits defaults;
    json_t *own = json_object(), *all = json_object();
    for (int i = 0; i < RH_N_LIMITS; i++)
        if (holds.of[i] != RH_LIMIT_DEFAULT)
            json_object_set_new(own, limits[i].column, number_of((rh_limit)i, holds.of[i]));
    rh_limits_from_conf(o->app->conf, &defaults);
    rh_limits_apply(&holds, &defaults);
    for (int i = 0; i < RH_N_LIMITS; i++)
        json_object_set_new(all, limits[i].column, number_of((rh_limit)i, holds.of[i]));
    json_t *whole = json_pack("{s:s, s:s, s:o, s:o}", "tenant", id, "slug", slug, "limits", all, "own", own);
    char *text = json_dumps(whole, JSON_COMPACT);
    rh_str_add(out, text);
    free(text);
    json_decref(whole);
    return true;
}
