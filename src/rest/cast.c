/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/cast.h"

#include <string.h>
#include <strings.h>

#include "rest/scan.h"

/* To add one: a row. */
static const struct {
    const char *name, *sql;
    rh_json_form form;
} builtin[] = {
    {"text", "text", RH_JSON_STRING},
    {"int", "integer", RH_JSON_NUMBER},
    {"int2", "smallint", RH_JSON_NUMBER},
    {"int4", "integer", RH_JSON_NUMBER},
    {"int8", "bigint", RH_JSON_NUMBER},
    {"smallint", "smallint", RH_JSON_NUMBER},
    {"integer", "integer", RH_JSON_NUMBER},
    {"bigint", "bigint", RH_JSON_NUMBER},
    {"numeric", "numeric", RH_JSON_NUMBER},
    {"decimal", "numeric", RH_JSON_NUMBER},
    {"real", "real", RH_JSON_NUMBER},
    {"float", "double precision", RH_JSON_NUMBER},
    {"float4", "real", RH_JSON_NUMBER},
    {"float8", "double precision", RH_JSON_NUMBER},
    {"double precision", "double precision", RH_JSON_NUMBER},
    {"bool", "boolean", RH_JSON_BOOL},
    {"boolean", "boolean", RH_JSON_BOOL},
    {"json", "json", RH_JSON_RAW},
    {"jsonb", "jsonb", RH_JSON_RAW},
    {"date", "date", RH_JSON_STRING},
    {"time", "time", RH_JSON_STRING},
    {"timetz", "timetz", RH_JSON_STRING},
    {"timestamp", "timestamp", RH_JSON_TIMESTAMP},
    {"timestamp without time zone", "timestamp", RH_JSON_TIMESTAMP},
    {"timestamptz", "timestamptz", RH_JSON_TIMESTAMPTZ},
    {"timestamp with time zone", "timestamptz", RH_JSON_TIMESTAMPTZ},
    {"interval", "interval", RH_JSON_STRING},
    {"uuid", "uuid", RH_JSON_STRING},
    {"inet", "inet", RH_JSON_STRING},
    {"cidr", "cidr", RH_JSON_STRING},
    {"macaddr", "macaddr", RH_JSON_STRING},
    {"macaddr8", "macaddr8", RH_JSON_STRING},
    {"char", "char", RH_JSON_STRING},
    {"bpchar", "bpchar", RH_JSON_STRING},
    {"character", "char", RH_JSON_STRING},
    {"varchar", "varchar", RH_JSON_STRING},
    {"character varying", "varchar", RH_JSON_STRING},
    {"name", "name", RH_JSON_STRING},
    {"bit", "bit", RH_JSON_STRING},
    {"varbit", "varbit", RH_JSON_STRING},
    {"bytea", "bytea", RH_JSON_STRING},
    {"money", "money", RH_JSON_STRING},
    {"xml", "xml", RH_JSON_STRING},
    {"jsonpath", "jsonpath", RH_JSON_STRING},
    {"tsvector", "tsvector", RH_JSON_STRING},
    {"tsquery", "tsquery", RH_JSON_STRING},
    {"point", "point", RH_JSON_STRING},
    {"line", "line", RH_JSON_STRING},
    {"lseg", "lseg", RH_JSON_STRING},
    {"box", "box", RH_JSON_STRING},
    {"path", "path", RH_JSON_STRING},
    {"polygon", "polygon", RH_JSON_STRING},
    {"circle", "circle", RH_JSON_STRING},
    {"int4range", "int4range", RH_JSON_VIA_SQL},
    {"int8range", "int8range", RH_JSON_VIA_SQL},
    {"numrange", "numrange", RH_JSON_VIA_SQL},
    {"daterange", "daterange", RH_JSON_VIA_SQL},
    {"tsrange", "tsrange", RH_JSON_VIA_SQL},
    {"tstzrange", "tstzrange", RH_JSON_VIA_SQL},
};

static bool is_builtin(const char *name)
{
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (strcasecmp(builtin[i].name, name) == 0)
            return true;
    return false;
}

static bool find_type(const rh_relation_cache *c, const char *name, rh_cast *out)
{
    int n;
    const rh_app_type *own = rh_app_type_all(c, &n);
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (strcasecmp(builtin[i].name, name) == 0) {
            out->type = (rh_type){builtin[i].sql, false};
            out->form = builtin[i].form;
            return true;
        }
    for (int i = 0; i < n; i++)
        if (strcmp(own[i].name, name) == 0) {
            out->type = own[i].type;
            out->form = own[i].form;
            return true;
        }
    return false;
}

/* Takes what follows the name of the type, from its end; "_int4" is "int4[]". False where it is none. */
static bool take_modifier(rh_arena *a, char *name, rh_cast *out)
{
    size_t n = strlen(name);
    out->modifier = "";
    if (n > 2 && strcmp(name + n - 2, "[]") == 0) {
        out->array = true;
        name[n - 2] = 0;
    } else if (*name == '_' && is_builtin(name + 1)) {
        out->array = true;
        memmove(name, name + 1, n);
    }
    char *open = strchr(name, '(');
    if (!open)
        return true;
    size_t digits = strspn(open + 1, "0123456789,");
    if (!digits || digits > 12 || strcmp(open + 1 + digits, ")") != 0)
        return false;
    out->modifier = rh_arena_strdup(a, open);
    *open = 0;
    return true;
}

const rh_cast *rh_cast_named(rh_arena *a, const rh_relation_cache *c, const char *name, rh_err *err)
{
    rh_cast *cast = RH_NEW(a, rh_cast);
    char *bare = rh_arena_strdup(a, name);
    if (take_modifier(a, bare, cast) && find_type(c, bare, cast)) {
        if (cast->array)
            cast->form = RH_JSON_VIA_SQL;
        return cast;
    }
    rh_err_set(err, RH_E_DB, "type \"%.*s\" does not exist", RH_CLIPPED(name));
    memcpy(err->sqlstate, "42704", 6);
    return NULL;
}

/* t may be the type of an array's elements. */
static const rh_app_type *domain_of(const rh_app_type *t, const rh_type *type)
{
    return t && t->kind == 'd' && strcmp(t->type.text, type->text) == 0 ? t : NULL;
}

const rh_app_type *rh_cast_domain(const rh_column *column)
{
    return domain_of(column->app_type, &column->type);
}

const rh_app_type *rh_cast_result(const rh_function *f)
{
    return domain_of(f->return_app_type, &f->return_type);
}
