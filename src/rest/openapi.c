/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAPI 3.1. Of each relation there are three schemas: NAME is a row, NAME.change what may be changed of
 * one, NAME.new what a new one needs. What JSON Schema has no word for stands in members of their own: x-type
 * (PostgreSQL's type), x-default, x-primary-key, x-references, x-tenant-key (which the door fills in). The
 * page at /docs is made of this document.
 */
#include <ctype.h>
#include <string.h>

#include "rest/description.h"

/* ---- names ---- */

/* Components have names of letters, digits and -_. only: others become a point and two digits, so that two
 * names stay two and none is one with a suffix. */
static const char *component_name(rh_description *w, const char *name)
{
    rh_str s;
    rh_str_init_in(&s, w->arena, RH_STR_TEXT_MAX);
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (isalnum(c) || c == '_' || c == '-')
            rh_str_addc(&s, (char)c);
        else
            rh_str_addf(&s, ".%02X", c);
    }
    return rh_str_cstr(&s);
}

static void put_ref(rh_description *w, const char *kind, const char *name, const char *suffix)
{
    rh_json_put(&w->json, "$ref",
                rh_arena_printf(w->arena, "#/components/%s/%s%s", kind, component_name(w, name), suffix));
}

static void put_ref_object(rh_description *w, const char *key, const char *kind, const char *name)
{
    rh_json_open(&w->json, key, '{');
    put_ref(w, kind, name, "");
    rh_json_close(&w->json, '}');
}

static void put_operation_id(rh_description *w, const char *name, const char *verb)
{
    rh_json_put(&w->json, "operationId", rh_arena_printf(w->arena, "%s.%s", component_name(w, name), verb));
}

/* ---- values ---- */

/* Types whose texts have a format that JSON Schema knows. */
static const struct {
    const char *name, *format;
} formats[] = {
    {"smallint", "int32"},
    {"integer", "int32"},
    {"bigint", "int64"},
    {"real", "float"},
    {"double precision", "double"},
    {"uuid", "uuid"},
    {"date", "date"},
    {"timestamp with time zone", "date-time"},
};

static const char *format_of(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return formats[i].format;
    return NULL;
}

static void put_type(rh_description *w, const char *json_type, bool nullable)
{
    if (json_type && nullable) {
        rh_json_open(&w->json, "type", '[');
        rh_json_put(&w->json, NULL, json_type);
        rh_json_put(&w->json, NULL, "null");
        rh_json_close(&w->json, ']');
    } else {
        rh_json_put(&w->json, "type", json_type);
    }
}

static void put_labels(rh_description *w, const rh_app_type *t, bool nullable)
{
    rh_json_open(&w->json, "enum", '[');
    for (int i = 0; i < t->n_labels; i++)
        rh_json_put(&w->json, NULL, t->labels[i]);
    if (nullable)
        rh_json_put_raw(&w->json, NULL, "null");
    rh_json_close(&w->json, ']');
}

static bool is_composite(const rh_app_type *t)
{
    return t && t->kind == 'c';
}

static void put_composite(rh_description *w, const rh_app_type *t, bool nullable)
{
    rh_json_writer *j = &w->json;
    if (nullable) {
        rh_json_open(j, "anyOf", '[');
        rh_json_open(j, NULL, '{');
    }
    put_ref(w, "schemas", t->name, ".type");
    if (nullable) {
        rh_json_close(j, '}');
        rh_json_put_raw(j, NULL, "{\"type\":\"null\"}");
        rh_json_close(j, ']');
    }
}

static void put_item(rh_description *w, const rh_value_facts *f)
{
    const char *json_type = rh_json_type_of(f->item);
    rh_json_open(&w->json, "items", '{');
    if (is_composite(f->of)) {
        put_composite(w, f->of, true);
    } else if (f->of && f->of->to_json.text) {
        /* its functions say what it is */
    } else {
        put_type(w, json_type, true);
        rh_json_put(&w->json, "format", format_of(f->item));
        if (f->of && f->of->n_labels)
            put_labels(w, f->of, true);
    }
    rh_json_close(&w->json, '}');
}

/* The members of a value's schema. */
static void put_value(rh_description *w, const rh_value_facts *f, bool nullable)
{
    rh_json_writer *j = &w->json;
    if (is_composite(f->of) && !f->item) {
        put_composite(w, f->of, nullable);
        return;
    }
    if (f->of && !f->item && f->of->to_json.text)
        return;
    put_type(w, f->json_type, nullable);
    rh_json_put(j, "format", f->item ? NULL : format_of(f->name));
    if (f->max_length)
        rh_json_put_int(j, "maxLength", f->max_length);
    if (f->item)
        put_item(w, f);
    if (f->n_labels)
        put_labels(w, f->of, nullable);
}

static void put_column(rh_description *w, const rh_column *c, const rh_relation *r, int column)
{
    rh_json_writer *j = &w->json;
    rh_value_facts f;
    int to;
    rh_value_facts_of(w->arena, &c->type, c->app_type, &f);
    const rh_foreign_key *fk = r ? rh_column_key(w->naming, r, column, &to) : NULL;
    const char *default_json = rh_column_default(w->arena, c, &f);
    rh_json_open(j, c->name, '{');
    put_value(w, &f, rh_column_is_nullable(c));
    rh_json_put(j, "description", rh_column_comment(c));
    if (c->generated && r)
        rh_json_put_bool(j, "readOnly", true);
    /* of a text only what was a literal: what still begins with a quote is an expression */
    if (default_json && (strcmp(f.json_type, "string") != 0 ||
                         (c->notes && *c->notes->default_text == '\'' && default_json[1] != '\'')))
        rh_json_put_raw(j, "default", default_json);
    rh_json_put(j, "x-type", c->type.text);
    if (c->notes)
        rh_json_put(j, "x-default", c->notes->default_text);
    if (r && w->naming->keyed && column == r->tenant_key && !r->is_root)
        rh_json_put_bool(j, "x-tenant-key", true);
    if (r && rh_column_in_primary_key(r, column))
        rh_json_put_bool(j, "x-primary-key", true);
    if (fk) {
        rh_json_open(j, "x-references", '{');
        rh_json_put(j, "relation", fk->to->name);
        rh_json_put(j, "column", fk->to->columns[to].name);
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

/* ---- schemas ---- */

static void put_row_schema(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, component_name(w, r->name), '{');
    rh_json_put(j, "type", "object");
    rh_json_put(j, "description", r->comment);
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < r->n_columns; i++)
        put_column(w, &r->columns[i], r, i);
    rh_json_close(j, '}');
    rh_json_open(j, "required", '[');
    for (int i = 0; i < r->n_columns; i++)
        rh_json_put(j, NULL, r->columns[i].name);
    rh_json_close(j, ']');
    rh_json_close(j, '}');
}

/* The door fills in the tenant key. */
static bool is_written(rh_description *w, const rh_relation *r, int column)
{
    return !r->columns[column].generated && !(w->naming->keyed && column == r->tenant_key && !r->is_root);
}

static void put_change_schema(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, rh_arena_printf(w->arena, "%s.change", component_name(w, r->name)), '{');
    rh_json_put(j, "type", "object");
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < r->n_columns; i++) {
        rh_value_facts f;
        const rh_column *c = &r->columns[i];
        if (!is_written(w, r, i))
            continue;
        rh_value_facts_of(w->arena, &c->type, c->app_type, &f);
        rh_json_open(j, c->name, '{');
        put_value(w, &f, rh_column_is_nullable(c));
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_new_schema(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, rh_arena_printf(w->arena, "%s.new", component_name(w, r->name)), '{');
    rh_json_open(j, "allOf", '[');
    rh_json_open(j, NULL, '{');
    put_ref(w, "schemas", r->name, ".change");
    rh_json_close(j, '}');
    rh_json_close(j, ']');
    rh_json_open(j, "required", '[');
    for (int i = 0; i < r->n_columns; i++) {
        const rh_column *c = &r->columns[i];
        bool by_itself = c->has_default || (c->app_type && c->app_type->default_text);
        if (is_written(w, r, i) && !rh_column_is_nullable(c) && !by_itself)
            rh_json_put(j, NULL, c->name);
    }
    rh_json_close(j, ']');
    rh_json_close(j, '}');
}

static void put_relation_schemas(rh_description *w, const rh_relation *r)
{
    int takes = rh_relation_takes(r, w->settings->mode);
    put_row_schema(w, r);
    if (takes & (RH_TAKES_INSERT | RH_TAKES_UPDATE))
        put_change_schema(w, r);
    if (takes & RH_TAKES_INSERT)
        put_new_schema(w, r);
}

static void put_composite_schema(rh_description *w, const rh_app_type *t)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, rh_arena_printf(w->arena, "%s.type", component_name(w, t->name)), '{');
    rh_json_put(j, "type", "object");
    rh_json_put(j, "description", t->comment);
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < t->n_columns; i++)
        put_column(w, &t->columns[i], NULL, 0);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

/* ---- parts of operations ---- */

/* The schema of a row, of rows, or of what is given to make some. */
static void put_row_or_rows(rh_description *w, const char *name, const char *suffix, bool rows)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "schema", '{');
    if (rows) {
        rh_json_put(j, "type", "array");
        rh_json_open(j, "items", '{');
    }
    put_ref(w, "schemas", name, suffix);
    if (rows)
        rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_rows_response(rh_description *w, const char *status, const char *description,
                              const char *name, bool rows)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, status, '{');
    rh_json_put(j, "description", description);
    if (name) {
        rh_json_open(j, "content", '{');
        rh_json_open(j, "application/json", '{');
        put_row_or_rows(w, name, "", rows);
        rh_json_close(j, '}');
        if (rows) {
            rh_json_open(j, "application/vnd.pgrst.object+json", '{');
            put_row_or_rows(w, name, "", false);
            rh_json_close(j, '}');
            rh_json_put_raw(j, "text/csv", "{\"schema\":{\"type\":\"string\"}}");
        }
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

static void put_row_body(rh_description *w, const char *name, const char *suffix, bool rows)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "requestBody", '{');
    rh_json_put_bool(j, "required", true);
    rh_json_open(j, "content", '{');
    rh_json_open(j, "application/json", '{');
    rh_json_open(j, "schema", '{');
    if (rows) {
        rh_json_open(j, "anyOf", '[');
        rh_json_open(j, NULL, '{');
    }
    put_ref(w, "schemas", name, suffix);
    if (rows) {
        rh_json_close(j, '}');
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "type", "array");
        rh_json_open(j, "items", '{');
        put_ref(w, "schemas", name, suffix);
        rh_json_close(j, '}');
        rh_json_close(j, '}');
        rh_json_close(j, ']');
    }
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    if (rows)
        rh_json_put_raw(j, "text/csv", "{\"schema\":{\"type\":\"string\"}}");
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_filters(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    for (int i = 0; i < r->n_columns; i++) {
        if (!rh_column_is_filtered(&r->columns[i]))
            continue;
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "name", r->columns[i].name);
        rh_json_put(j, "in", "query");
        rh_json_put(j, "description", rh_column_comment(&r->columns[i]));
        rh_json_open(j, "schema", '{');
        put_ref(w, "schemas", "filter", ".text");
        rh_json_close(j, '}');
        rh_json_close(j, '}');
    }
}

static void put_parameter_refs(rh_description *w, const char *const *names)
{
    for (; *names; names++)
        put_ref_object(w, NULL, "parameters", *names);
}

static void put_error(rh_description *w)
{
    put_ref_object(w, "default", "responses", "error");
}

/* ---- relations ---- */

/* An operation on the rows of a relation. */
struct operation {
    int takes; /* 0: always there */
    const char *method, *verb, *summary;
    bool filters;
    const char *body;          /* suffix of its schema; NULL: none */
    const char *parameters[8]; /* components, NULL at the end */
    const char *status, *description;
    bool rows; /* the status' answer has them */
};

static const struct operation operations[] = {
    {0,
     "get",
     "list",
     "Reads rows",
     true,
     NULL,
     {"select", "order", "limit", "offset", "and", "or", "prefer"},
     "200",
     "The rows",
     true},
    {RH_TAKES_INSERT,
     "post",
     "insert",
     "Inserts rows",
     false,
     ".new",
     {"select", "columns", "on_conflict", "prefer"},
     "201",
     "They are there; the rows with return=representation",
     true},
    {RH_TAKES_UPDATE,
     "patch",
     "update",
     "Changes rows",
     true,
     ".change",
     {"select", "and", "or", "prefer"},
     "204",
     "They are changed",
     false},
    {RH_TAKES_DELETE,
     "delete",
     "delete",
     "Deletes rows",
     true,
     NULL,
     {"select", "and", "or", "prefer"},
     "204",
     "They are deleted",
     false},
};

/* The one row that a path names. */
static const struct operation row_operations[] = {
    {0, "get", "get", "Reads one row", false, NULL, {"select"}, "200", "The row", true},
    {RH_TAKES_UPDATE,
     "patch",
     "update_one",
     "Changes one row",
     false,
     ".change",
     {"select", "prefer"},
     "204",
     "It is changed",
     false},
    {RH_TAKES_INSERT | RH_TAKES_UPDATE,
     "put",
     "put",
     "Puts one row, new or not",
     false,
     ".new",
     {"select", "prefer"},
     "204",
     "It is there",
     false},
    {RH_TAKES_DELETE,
     "delete",
     "delete_one",
     "Deletes one row",
     false,
     NULL,
     {"select", "prefer"},
     "204",
     "It is deleted",
     false},
};

static void put_key_parameters(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    for (int i = 0; i < r->n_primary_key; i++) {
        rh_value_facts f;
        const rh_column *c = &r->columns[r->primary_key[i]];
        rh_value_facts_of(w->arena, &c->type, c->app_type, &f);
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "name", component_name(w, c->name));
        rh_json_put(j, "in", "path");
        rh_json_put_bool(j, "required", true);
        rh_json_put(j, "description", rh_column_comment(c));
        rh_json_open(j, "schema", '{');
        put_value(w, &f, false);
        rh_json_close(j, '}');
        rh_json_close(j, '}');
    }
}

/* many: of the rows of the relation, else of the one that a path names. */
static void put_operation(rh_description *w, const rh_relation *r, const struct operation *o, bool many)
{
    rh_json_writer *j = &w->json;
    rh_description_open_operation(w, o->method, r->name, r->comment, o->summary);
    put_operation_id(w, r->name, o->verb);
    rh_json_open(j, "parameters", '[');
    put_parameter_refs(w, o->parameters);
    if (o->filters)
        put_filters(w, r);
    rh_json_close(j, ']');
    if (o->body)
        put_row_body(w, r->name, o->body, many && o->takes == RH_TAKES_INSERT);
    rh_json_open(j, "responses", '{');
    put_rows_response(w, o->status, o->description, o->rows ? r->name : NULL, many);
    if (many && !o->takes)
        put_rows_response(w, "206", "Some of the rows, where count=exact was asked for", r->name, true);
    else if (!o->rows)
        put_rows_response(
            w, "200", many ? "The rows, with return=representation" : "The row, with return=representation",
            r->name, many);
    put_error(w);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_row_path(rh_description *w, const rh_relation *r, int takes)
{
    rh_str path;
    rh_json_writer *j = &w->json;
    rh_str_init_in(&path, w->arena, RH_STR_TEXT_MAX);
    rh_str_addf(&path, "%s/", rh_path_of(w->arena, "/", r->name));
    for (int i = 0; i < r->n_primary_key; i++)
        rh_str_addf(&path, "%s{%s}", i ? "," : "", component_name(w, r->columns[r->primary_key[i]].name));
    rh_json_open(j, rh_str_cstr(&path), '{');
    rh_json_open(j, "parameters", '[');
    put_key_parameters(w, r);
    rh_json_close(j, ']');
    for (size_t i = 0; i < sizeof row_operations / sizeof *row_operations; i++)
        if ((takes & row_operations[i].takes) == row_operations[i].takes)
            put_operation(w, r, &row_operations[i], false);
    rh_json_close(j, '}');
}

static void put_relation_paths(rh_description *w, const rh_relation *r)
{
    int takes = rh_relation_takes(r, w->settings->mode);
    rh_json_open(&w->json, rh_path_of(w->arena, "/", r->name), '{');
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if ((takes & operations[i].takes) == operations[i].takes)
            put_operation(w, r, &operations[i], true);
    rh_json_close(&w->json, '}');
    if (r->n_primary_key && strcmp(r->name, "rpc") != 0) /* what stands below /rpc are functions */
        put_row_path(w, r, takes);
}

/* ---- functions ---- */

static void put_result_schema(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    rh_value_facts v;
    if (f->returns_relation) {
        put_ref(w, "schemas", f->returns_relation->name, "");
    } else if (f->n_columns) {
        rh_json_put(j, "type", "object");
        rh_json_open(j, "properties", '{');
        for (int i = 0; i < f->n_columns; i++)
            put_column(w, &f->columns[i], NULL, 0);
        rh_json_close(j, '}');
    } else {
        rh_value_facts_of(w->arena, &f->return_type, f->return_app_type, &v);
        put_value(w, &v, true);
    }
}

static void put_result(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    const rh_app_type *t = f->return_app_type;
    bool media = t && t->is_media && strcmp(t->name, "*/*") != 0;
    rh_json_open(j, f->returns_void ? "204" : "200", '{');
    rh_json_put(j, "description", f->returns_void ? "It is done" : "The result");
    if (!f->returns_void) {
        rh_json_open(j, "content", '{');
        rh_json_open(j, media ? t->name : "application/json", '{');
        rh_json_open(j, "schema", '{');
        if (f->returns_set) {
            rh_json_put(j, "type", "array");
            rh_json_open(j, "items", '{');
        }
        put_result_schema(w, f);
        if (f->returns_set)
            rh_json_close(j, '}');
        rh_json_close(j, '}');
        rh_json_close(j, '}');
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

static void put_argument(rh_description *w, const rh_argument *a)
{
    rh_value_facts f;
    rh_value_facts_of(w->arena, &a->type, a->app_type, &f);
    put_value(w, &f, true);
    rh_json_put(&w->json, "x-type", a->type.text);
}

static void put_query_arguments(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "parameters", '[');
    for (int i = 0; i < f->n_arguments; i++) {
        const rh_argument *a = &f->arguments[i];
        if (!*a->name)
            continue;
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "name", a->name);
        rh_json_put(j, "in", "query");
        rh_json_put_bool(j, "required", !a->has_default && !a->variadic);
        rh_json_open(j, "schema", '{');
        if (a->variadic) {
            put_argument(w, a);
        } else { /* a text of PostgreSQL's, such as {1,2} for an array */
            rh_value_facts v;
            rh_value_facts_of(w->arena, &a->type, a->app_type, &v);
            rh_json_put(j, "type", v.item || !v.json_type ? "string" : v.json_type);
            rh_json_put(j, "x-type", a->type.text);
        }
        rh_json_close(j, '}');
        rh_json_close(j, '}');
    }
    rh_json_close(j, ']');
}

/* Of a function of one unnamed parameter the body is the argument. */
static const char *whole_body_type(const rh_function *f)
{
    static const struct {
        const char *type, *media;
    } bodies[] = {{"json", "application/json"},
                  {"jsonb", "application/json"},
                  {"text", "text/plain"},
                  {"xml", "text/xml"},
                  {"bytea", "application/octet-stream"}};
    for (size_t i = 0; f->n_arguments == 1 && !*f->arguments[0].name && i < sizeof bodies / sizeof *bodies;
         i++)
        if (strcmp(bodies[i].type, f->arguments[0].type.text) == 0)
            return bodies[i].media;
    return NULL;
}

static void put_arguments_schema(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "schema", '{');
    rh_json_put(j, "type", "object");
    rh_json_open(j, "properties", '{');
    for (int i = 0; i < f->n_arguments; i++) {
        rh_json_open(j, f->arguments[i].name, '{');
        put_argument(w, &f->arguments[i]);
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
    rh_json_open(j, "required", '[');
    for (int i = 0; i < f->n_arguments; i++)
        if (!f->arguments[i].has_default && !f->arguments[i].variadic)
            rh_json_put(j, NULL, f->arguments[i].name);
    rh_json_close(j, ']');
    rh_json_close(j, '}');
}

static void put_arguments_body(rh_description *w, const rh_function *f)
{
    rh_json_writer *j = &w->json;
    const char *whole = whole_body_type(f);
    rh_json_open(j, "requestBody", '{');
    rh_json_open(j, "content", '{');
    rh_json_open(j, whole ? whole : "application/json", '{');
    if (!whole)
        put_arguments_schema(w, f);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_call(rh_description *w, const rh_function *f, bool get)
{
    rh_json_writer *j = &w->json;
    rh_description_open_operation(w, get ? "get" : "post", "functions", f->comment, NULL);
    put_operation_id(w, f->name, get ? "query" : "call");
    if (get)
        put_query_arguments(w, f);
    else if (f->n_arguments)
        put_arguments_body(w, f);
    rh_json_open(j, "responses", '{');
    put_result(w, f);
    put_error(w);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_function_path(rh_description *w, const rh_function *f)
{
    rh_json_open(&w->json, rh_path_of(w->arena, "/rpc/", f->name), '{');
    if (f->read_only && !whole_body_type(f))
        put_call(w, f, true);
    put_call(w, f, false);
    rh_json_close(&w->json, '}');
}

/* ---- the whole ---- */

static void put_tag(rh_description *w, const rh_relation *r)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", r->name);
    rh_json_put(j, "description", r->comment);
    rh_json_put(j, "x-path", rh_path_of(w->arena, "/", r->name));
    rh_json_put(j, "x-kind", r->kind == 'v' ? "view" : "table");
    if (r->set == RH_SET_REFERENCE)
        rh_json_put_bool(j, "x-reference", true);
    rh_json_close(j, '}');
}

static void put_servers(rh_description *w)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "servers", '[');
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "url", w->settings->url);
    rh_json_close(j, '}');
    rh_json_close(j, ']');
}

static void put_security_schemes(rh_description *w)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, "securitySchemes", '{');
    rh_json_open(j, "token", '{');
    rh_json_put(j, "type", "http");
    rh_json_put(j, "scheme", "bearer");
    rh_json_put(j, "bearerFormat", "JWT");
    rh_json_put(j, "description", "A token that names the tenant");
    rh_json_close(j, '}');
    if (w->settings->header) {
        rh_json_open(j, "tenant", '{');
        rh_json_put(j, "type", "apiKey");
        rh_json_put(j, "in", "header");
        rh_json_put(j, "name", w->settings->header);
        rh_json_put(j, "description", "Names the tenant, set by a proxy that is believed");
        rh_json_close(j, '}');
    }
    rh_json_close(j, '}');
}

static void put_parameter(rh_description *w, const char *key, const char *name, const char *in,
                          const char *type, const char *description)
{
    rh_json_writer *j = &w->json;
    rh_json_open(j, key, '{');
    rh_json_put(j, "name", name);
    rh_json_put(j, "in", in);
    rh_json_put(j, "description", description);
    rh_json_open(j, "schema", '{');
    rh_json_put(j, "type", type);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

static void put_components(rh_description *w)
{
    int n;
    rh_json_writer *j = &w->json;
    const rh_app_type *types = rh_app_type_all(w->cache, &n);
    rh_json_open(j, "components", '{');
    put_security_schemes(w);
    rh_json_open(j, "parameters", '{');
    put_parameter(w, "select", "select", "query", "string",
                  "Columns, renamed and cast, and embedded relations: id,name,campaigns(name)");
    put_parameter(w, "order", "order", "query", "string", "Columns to order by: name.desc.nullslast,id");
    put_parameter(w, "limit", "limit", "query", "integer", "Rows at most");
    put_parameter(w, "offset", "offset", "query", "integer", "Rows to leave out");
    put_parameter(w, "and", "and", "query", "string", "Conditions that must all hold: (a.gt.1,b.is.null)");
    put_parameter(w, "or", "or", "query", "string", "Conditions of which one must hold: (a.gt.1,b.is.null)");
    put_parameter(w, "columns", "columns", "query", "string", "Columns of the body that count");
    put_parameter(w, "on_conflict", "on_conflict", "query", "string", "Columns that make a duplicate");
    put_parameter(w, "prefer", "Prefer", "header", "string",
                  "return=representation, count=exact, resolution=merge-duplicates and the like");
    rh_json_close(j, '}');
    rh_json_put_raw(
        j, "responses",
        "{\"error\":{\"description\":\"It was refused or failed\",\"content\":{\"application/json\":"
        "{\"schema\":{\"$ref\":\"#/components/schemas/error.text\"}}}}}");
    rh_json_open(j, "schemas", '{');
    rh_json_put_raw(j, "error.text",
                    "{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"string\"},\"message\":{"
                    "\"type\":\"string\"},"
                    "\"details\":{\"type\":[\"string\",\"null\"]},\"hint\":{\"type\":[\"string\",\"null\"]}},"
                    "\"required\":[\"code\",\"message\"]}");
    rh_json_put_raw(
        j, "filter.text",
        "{\"type\":\"string\",\"description\":\"operator.value, such as eq.5, in.(1,2), not.is.null\"}");
    rh_description_relations(w, put_relation_schemas);
    for (int i = 0; i < n; i++)
        if (types[i].kind == 'c')
            put_composite_schema(w, &types[i]);
    rh_json_close(j, '}');
    rh_json_close(j, '}');
}

void rh_openapi_31(const rh_relation_cache *c, const rh_rest_naming *n, const rh_openapi_settings *s,
                   const char *version, const rh_openapi_sink *sink, rh_str *out)
{
    rh_description w = {{out, false}, rh_arena_new(), c, n, s, sink};
    rh_json_writer *j = &w.json;
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "openapi", "3.1.0");
    rh_description_put_info(&w, version, NULL);
    put_servers(&w);
    rh_json_put_raw(j, "security", s->header ? "[{\"token\":[]},{\"tenant\":[]}]" : "[{\"token\":[]}]");
    rh_json_open(j, "tags", '[');
    rh_description_relations(&w, put_tag);
    rh_json_close(j, ']');
    rh_json_open(j, "paths", '{');
    rh_description_relations(&w, put_relation_paths);
    rh_description_functions(&w, put_function_path);
    rh_json_close(j, '}');
    put_components(&w);
    rh_json_close(j, '}');
    rh_arena_free(w.arena);
}
