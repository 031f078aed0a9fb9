/* SPDX-License-Identifier: Apache-2.0
 *
 * Swagger 2.0, member by member as PostgREST writes it. It differs where the truth does: a path has the
 * methods that there are, and a key of several columns is told of the one that is not the tenant's.
 */
#include <ctype.h>
#include <string.h>

#include "rest/description.h"

#define DOCS_URL "https://docs.postgrest.org/en/v16/references/api.html"

/* A URL as Swagger has it: scheme, host with port, path. False where it is none of http:// and https://. */
static bool url_parts(rh_arena *a, const char *url, const char **scheme, const char **host, const char **path)
{
    const char *authority = rh_starts_with(url, "http://")    ? url + 7
                            : rh_starts_with(url, "https://") ? url + 8
                                                              : NULL;
    if (!authority || !*authority || *authority == '/')
        return false;
    size_t n = strcspn(authority, "/?#");
    *scheme = rh_arena_strndup(a, url, (size_t)(authority - url) - 3);
    *host = rh_arena_strndup(a, authority, n);
    *path = authority[n] == '/' ? authority + n : "/";
    return true;
}

/* ---- small things ---- */

/* A part of a reference: a JSON pointer within a URL's fragment. */
static void add_pointer_part(rh_str *s, const char *name)
{
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '~')
            rh_str_add(s, "~0");
        else if (c == '/')
            rh_str_add(s, "~1");
        else if (isalnum(c) || strchr("-._", c))
            rh_str_addc(s, (char)c);
        else
            rh_str_addf(s, "%%%02X", c);
    }
}

static void put_ref(rh_description *w, const char *where, const char *a, const char *b, const char *c)
{
    rh_str s;
    rh_str_init_in(&s, w->arena, RH_STR_TEXT_MAX);
    rh_str_add(&s, where);
    add_pointer_part(&s, a);
    add_pointer_part(&s, b);
    if (c) {
        rh_str_addc(&s, '.');
        add_pointer_part(&s, c);
    }
    rh_json_put(&w->json, "$ref", rh_str_cstr(&s));
}

static void parameter_ref(rh_description *w, const char *prefix, const char *name, const char *column)
{
    rh_json_open(&w->json, NULL, '{');
    put_ref(w, "#/parameters/", prefix, name, column);
    rh_json_close(&w->json, '}');
}

/* int32 and int64 are what generators know; other types are told by PostgreSQL's name. */
static const char *format_of(const char *name)
{
    return strcmp(name, "smallint") == 0 || strcmp(name, "integer") == 0 ? "int32"
           : strcmp(name, "bigint") == 0                                 ? "int64"
                                                                         : name;
}

static void put_items(rh_description *w, const rh_value_facts *f)
{
    if (!f->item)
        return;
    rh_json_open(&w->json, "items", '{');
    rh_json_put(&w->json, "type", rh_json_type_of(f->item));
    rh_json_close(&w->json, '}');
}

static void put_enum(rh_description *w, const char *const *values, int n)
{
    rh_json_open(&w->json, "enum", '[');
    for (int i = 0; i < n; i++)
        rh_json_put(&w->json, NULL, values[i]);
    rh_json_close(&w->json, ']');
}

/* One more name of "required", which stands only where there is one; *any is false at first. */
static void require(rh_description *w, bool *any, const char *name)
{
    if (!*any)
        rh_json_open(&w->json, "required", '[');
    *any = true;
    rh_json_put(&w->json, NULL, name);
}

static void end_required(rh_description *w, bool any)
{
    if (any)
        rh_json_close(&w->json, ']');
}

static void put_media(rh_description *w, const char *key, bool csv)
{
    rh_json_open(&w->json, key, '[');
    rh_json_put(&w->json, NULL, "application/json");
    rh_json_put(&w->json, NULL, "application/vnd.pgrst.object+json;nulls=stripped");
    rh_json_put(&w->json, NULL, "application/vnd.pgrst.object+json");
    if (csv)
        rh_json_put(&w->json, NULL, "text/csv");
    rh_json_close(&w->json, ']');
}

/* ---- definitions ---- */

static const char *column_description(rh_description *w, const rh_relation *r, int column)
{
    rh_str s;
    int to;
    const char *comment = rh_column_comment(&r->columns[column]);
    const rh_foreign_key *fk = rh_column_key(w->naming, r, column, &to);
    bool pk = rh_column_in_primary_key(r, column);
    if (!pk && !fk)
        return comment;
    rh_str_init_in(&s, w->arena, RH_STR_TEXT_MAX);
    if (comment)
        rh_str_addf(&s, "%s\n\n", comment);
    rh_str_add(&s, "Note:");
    if (pk)
        rh_str_add(&s, "\nThis is a Primary Key.<pk/>");
    if (fk)
        rh_str_addf(&s, "\nThis is a Foreign Key to `%s.%s`.<fk table='%s' column='%s'/>", fk->to->name,
                    fk->to->columns[to].name, fk->to->name, fk->to->columns[to].name);
    return rh_str_cstr(&s);
}

static void put_property(rh_description *w, const rh_relation *r, int column)
{
    rh_value_facts f;
    rh_json_writer *j = &w->json;
    const rh_column *c = &r->columns[column];
    rh_value_facts_of(w->arena, &c->type, c->app_type, &f);
    const char *default_json = rh_column_default(w->arena, c, &f);
    rh_json_open(j, c->name, '{');
    if (default_json)
        rh_json_put_raw(j, "default", default_json);
    rh_json_put(j, "description", column_description(w, r, column));
    if (f.n_labels)
        put_enum(w, f.labels, f.n_labels);
    rh_json_put(j, "format", format_of(f.name));
    if (f.max_length)
        rh_json_put_int(j, "maxLength", f.max_length);
    put_items(w, &f);
    rh_json_put(j, "type", f.json_type);
    rh_json_close(j, '}');
}

static void put_definition(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    bool any = false;
    rh_json_open(j, r->name, '{');
    rh_json_put(j, "description", r->comment);
    for (int i = 0; i < r->n_columns; i++)
        if (!rh_column_is_nullable(&r->columns[i]))
            require(w, &any, r->columns[i].name);
    end_required(w, any);
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < r->n_columns; i++)
        put_property(w, r, i);
    rh_json_close(j, '}');
    rh_json_put(j, "type", "object");
    rh_json_close(j, '}');
}

/* ---- parameters ---- */

static void put_prefer(rh_description *w, const char *key, const char *const *values)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, key, '{');
    rh_json_put(j, "name", "Prefer");
    rh_json_put(j, "description", "Preference");
    rh_json_put_bool(j, "required", false);
    int n = 0;
    while (values[n])
        n++;
    if (n)
        put_enum(w, values, n);
    rh_json_put(j, "in", "header");
    rh_json_put(j, "type", "string");
    rh_json_close(j, '}');
}

static void put_common_parameters(rh_description *w)
{
    static const struct {
        const char *key, *name, *description, *in, *value;
    } common[] = {
        {"select", "select", "Filtering Columns", "query", NULL},
        {"on_conflict", "on_conflict", "On Conflict", "query", NULL},
        {"order", "order", "Ordering", "query", NULL},
        {"range", "Range", "Limiting and Pagination", "header", NULL},
        {"rangeUnit", "Range-Unit", "Limiting and Pagination", "header", "items"},
        {"offset", "offset", "Limiting and Pagination", "query", NULL},
        {"limit", "limit", "Limiting and Pagination", "query", NULL},
    };
    rh_json_writer *j = &w->json;
    put_prefer(w, "preferParams", (const char *const[]){NULL});
    put_prefer(w, "preferReturn",
               (const char *const[]){"return=representation", "return=minimal", "return=none", NULL});
    put_prefer(w, "preferCount", (const char *const[]){"count=none", NULL});
    put_prefer(w, "preferPost",
               (const char *const[]){"return=representation", "return=minimal", "return=none",
                                     "resolution=ignore-duplicates", "resolution=merge-duplicates", NULL});
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        rh_json_open(j, common[i].key, '{');
        rh_json_put(j, "name", common[i].name);
        rh_json_put(j, "description", common[i].description);
        rh_json_put_bool(j, "required", false);
        rh_json_put(j, "in", common[i].in);
        rh_json_put(j, "type", "string");
        rh_json_put(j, "default", common[i].value);
        rh_json_close(j, '}');
    }
}

static void put_relation_parameters(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, rh_arena_printf(w->arena, "body.%s", r->name), '{');
    rh_json_put(j, "name", r->name);
    rh_json_put(j, "description", r->name);
    rh_json_put_bool(j, "required", false);
    rh_json_put(j, "in", "body");
    rh_json_open(j, "schema", '{');
    put_ref(w, "#/definitions/", r->name, "", NULL);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    for (int i = 0; i < r->n_columns; i++) {
        rh_json_open(j, rh_arena_printf(w->arena, "rowFilter.%s.%s", r->name, r->columns[i].name), '{');
        rh_json_put(j, "name", r->columns[i].name);
        rh_json_put(j, "description", rh_column_comment(&r->columns[i]));
        rh_json_put_bool(j, "required", false);
        rh_json_put(j, "in", "query");
        rh_json_put(j, "type", "string");
        rh_json_close(j, '}');
    }
}

/* ---- paths ---- */

static void put_response(rh_description *w, const char *status, const char *description,
                         const rh_relation *rows)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, status, '{');
    rh_json_put(j, "description", description);
    if (rows) {
        rh_json_open(j, "schema", '{');
        rh_json_open(j, "items", '{');
        put_ref(w, "#/definitions/", rows->name, "", NULL);
        rh_json_close(j, '}');
        rh_json_put(j, "type", "array");
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

static void put_filters(rh_description *w, const rh_relation *r)
{
    for (int i = 0; i < r->n_columns; i++)
        if (rh_column_is_filtered(&r->columns[i]))
            parameter_ref(w, "rowFilter.", r->name, r->columns[i].name);
}

/* What the methods of a relation take and give; filters: a parameter for each column. */
static const struct {
    int takes; /* 0: always there */
    const char *method;
    bool filters, body;
    const char *parameters[8];
    const char *status, *description;
} methods[] = {
    {0,
     "get",
     true,
     false,
     {"select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"},
     "206",
     "Partial Content"},
    {RH_TAKES_INSERT, "post", false, true, {"select", "preferPost"}, "201", "Created"},
    {RH_TAKES_DELETE, "delete", true, false, {"preferReturn"}, "204", "No Content"},
    {RH_TAKES_UPDATE, "patch", true, true, {"preferReturn"}, "204", "No Content"},
};

static void put_relation_path(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    int takes = rh_relation_takes(r, w->settings->mode);
    rh_json_open(j, rh_path_of(w->arena, "/", r->name), '{');
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].takes && !(takes & methods[i].takes))
            continue;
        rh_description_open_operation(w, methods[i].method, r->name, r->comment, NULL);
        rh_json_open(j, "parameters", '[');
        if (methods[i].filters)
            put_filters(w, r);
        if (methods[i].body)
            parameter_ref(w, "body.", r->name, NULL);
        for (const char *const *p = methods[i].parameters; *p; p++)
            parameter_ref(w, *p, "", NULL);
        rh_json_close(j, ']');
        rh_json_open(j, "responses", '{');
        if (!methods[i].takes)
            put_response(w, "200", "OK", r);
        put_response(w, methods[i].status, methods[i].description, NULL);
        rh_json_close(j, '}');
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

static void put_get_argument(rh_description *w, const rh_argument *a)
{
    rh_value_facts f;
    rh_json_writer *j = &w->json;
    rh_value_facts_of(w->arena, &a->type, a->app_type, &f);
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", a->name);
    rh_json_put_bool(j, "required", !a->has_default);
    rh_json_put(j, "in", "query");
    if (a->variadic && f.item) {
        rh_json_put(j, "type", "array");
        rh_json_put(j, "collectionFormat", "multi");
        rh_json_open(j, "items", '{');
        const char *item = rh_json_type_of(f.item);
        rh_json_put(j, "type", item ? item : "string");
        rh_json_put(j, "format", format_of(f.item));
        rh_json_close(j, '}');
    } else { /* an array stands as {...} in a query string */
        rh_json_put(j, "type", f.json_type && !f.item ? f.json_type : "string");
        rh_json_put(j, "format", format_of(f.name));
    }
    rh_json_close(j, '}');
}

static void put_arguments_schema(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    bool any = false;
    rh_json_open(j, "schema", '{');
    rh_json_put(j, "description", f->comment);
    for (int i = 0; i < f->n_arguments; i++)
        if (!f->arguments[i].has_default && *f->arguments[i].name)
            require(w, &any, f->arguments[i].name);
    end_required(w, any);
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < f->n_arguments; i++) {
        rh_value_facts v;
        const rh_argument *a = &f->arguments[i];
        if (!*a->name)
            continue;
        rh_value_facts_of(w->arena, &a->type, a->app_type, &v);
        rh_json_open(j, a->name, '{');
        rh_json_put(j, "format", format_of(v.name));
        put_items(w, &v);
        rh_json_put(j, "type", v.json_type);
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
    rh_json_put(j, "type", "object");
    rh_json_close(j, '}');
}

static void put_call(rh_description *w, const rh_function *f, bool get)
{
    rh_json_writer *j = &w->json;
    rh_description_open_operation(w, get ? "get" : "post", rh_arena_printf(w->arena, "(rpc) %s", f->name),
                                  f->comment, NULL);
    put_media(w, "produces", false);
    rh_json_open(j, "parameters", '[');
    if (get) {
        for (int i = 0; i < f->n_arguments; i++)
            if (*f->arguments[i].name)
                put_get_argument(w, &f->arguments[i]);
    } else {
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "name", "args");
        rh_json_put_bool(j, "required", true);
        rh_json_put(j, "in", "body");
        put_arguments_schema(w, f);
        rh_json_close(j, '}');
        parameter_ref(w, "preferParams", "", NULL);
    }
    rh_json_close(j, ']');
    rh_json_open(j, "responses", '{');
    put_response(w, "200", "OK", NULL);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_function_path(rh_description *w, const rh_function *f)
{
    rh_json_open(&w->json, rh_path_of(w->arena, "/rpc/", f->name), '{');
    if (f->read_only)
        put_call(w, f, true);
    put_call(w, f, false);
    rh_json_close(&w->json, '}');
}

static void put_root_path(rh_description *w)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "/", '{');
    rh_description_open_operation(w, "get", "Introspection", "OpenAPI description (this document)", NULL);
    rh_json_open(j, "produces", '[');
    rh_json_put(j, NULL, "application/openapi+json");
    rh_json_put(j, NULL, "application/json");
    rh_json_close(j, ']');
    rh_json_open(j, "responses", '{');
    put_response(w, "200", "OK", NULL);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

/* ---- the whole ---- */

static void put_where(rh_description *w)
{
    const char *scheme, *host, *path;
    rh_json_writer *j = &w->json;
    if (!url_parts(w->arena, w->settings->url, &scheme, &host, &path))
        return;
    rh_json_put(j, "host", host);
    rh_json_put(j, "basePath", path);
    rh_json_open(j, "schemes", '[');
    rh_json_put(j, NULL, scheme);
    rh_json_close(j, ']');
}

static void put_security(rh_description *w)
{
    rh_json_writer *j = &w->json;
    if (!w->settings->security)
        return;
    rh_json_open(j, "securityDefinitions", '{');
    rh_json_open(j, "JWT", '{');
    rh_json_put(j, "description", "Add the token prepending \"Bearer \" (without quotes) to it");
    rh_json_put(j, "in", "header");
    rh_json_put(j, "name", "Authorization");
    rh_json_put(j, "type", "apiKey");
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    rh_json_put_raw(j, "security", "[{\"JWT\":[]}]");
}

void rh_openapi_swagger(const rh_relation_cache *c, const rh_rest_naming *n, const rh_openapi_settings *s,
                        const char *version, const rh_openapi_sink *sink, rh_str *out)
{
    rh_description w = {{out, false}, rh_arena_new(), c, n, s, sink};
    rh_json_writer *j = &w.json;
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "swagger", "2.0");
    rh_description_put_info(&w, version, "This is a dynamic API generated by Rowhouse");
    put_where(&w);
    put_media(&w, "consumes", true);
    put_media(&w, "produces", true);
    rh_json_open(j, "paths", '{');
    put_root_path(&w);
    rh_description_relations(&w, put_relation_path);
    rh_description_functions(&w, put_function_path);
    rh_json_close(j, '}');
    rh_json_open(j, "definitions", '{');
    rh_description_relations(&w, put_definition);
    rh_json_close(j, '}');
    rh_json_open(j, "parameters", '{');
    put_common_parameters(&w);
    rh_description_relations(&w, put_relation_parameters);
    rh_json_close(j, '}');
    put_security(&w);
    rh_json_open(j, "externalDocs", '{');
    rh_json_put(j, "description", "PostgREST Documentation");
    rh_json_put(j, "url", DOCS_URL);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    rh_arena_free(w.arena);
}
