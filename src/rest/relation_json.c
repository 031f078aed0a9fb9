/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/relation_json.h"

static void put_column(rh_json_writer *j, const rh_column *c)
{
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", c->name);
    rh_json_put(j, "type", c->type.text);
    rh_json_put_bool(j, "not_null", c->not_null);
    rh_json_put_bool(j, "generated", c->generated);
    if (c->notes) {
        rh_json_put(j, "default", c->notes->default_text);
        rh_json_put(j, "comment", c->notes->comment);
    }
    rh_json_close(j, '}');
}

static void put_columns(rh_json_writer *j, const char *key, const rh_column *columns, int n)
{
    rh_json_open(j, key, '[');
    for (int i = 0; i < n; i++)
        put_column(j, &columns[i]);
    rh_json_close(j, ']');
}

static void put_names(rh_json_writer *j, const char *key, const rh_relation *r, const int *columns, int n)
{
    rh_json_open(j, key, '[');
    for (int i = 0; i < n; i++)
        rh_json_put(j, NULL, r->columns[columns[i]].name);
    rh_json_close(j, ']');
}

static void put_relation(rh_json_writer *j, const rh_relation *r)
{
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", r->name);
    rh_json_put(j, "kind", r->kind == 'v' ? "view" : "table");
    rh_json_put_bool(j, "insertable", r->insertable);
    rh_json_put_bool(j, "updatable", r->updatable);
    rh_json_put_bool(j, "deletable", r->deletable);
    rh_json_put(j, "comment", r->comment);
    put_columns(j, "columns", r->columns, r->n_columns);
    put_names(j, "primary_key", r, r->primary_key, r->n_primary_key);
    rh_json_close(j, '}');
}

static void put_key(rh_json_writer *j, const rh_foreign_key *k)
{
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", k->name);
    rh_json_put(j, "from", k->from->name);
    put_names(j, "from_columns", k->from, k->from_columns, k->n);
    rh_json_put(j, "to", k->to->name);
    put_names(j, "to_columns", k->to, k->to_columns, k->n);
    rh_json_put_bool(j, "one_to_one", k->unique);
    rh_json_close(j, '}');
}

static void put_function(rh_json_writer *j, const rh_function *f)
{
    rh_json_open(j, NULL, '{');
    rh_json_put(j, "name", f->name);
    rh_json_open(j, "arguments", '[');
    for (int i = 0; i < f->n_arguments; i++) {
        rh_json_open(j, NULL, '{');
        rh_json_put(j, "name", f->arguments[i].name);
        rh_json_put(j, "type", f->arguments[i].type.text);
        rh_json_put_bool(j, "has_default", f->arguments[i].has_default);
        rh_json_put_bool(j, "variadic", f->arguments[i].variadic);
        rh_json_close(j, '}');
    }
    rh_json_close(j, ']');
    rh_json_put_bool(j, "read_only", f->read_only);
    rh_json_put_bool(j, "returns_set", f->returns_set);
    rh_json_put(j, "returns", f->returns_relation ? f->returns_relation->name : f->return_type.text);
    put_columns(j, "columns", f->columns, f->n_columns);
    rh_json_put(j, "comment", f->comment);
    rh_json_close(j, '}');
}

void rh_relation_cache_put(const rh_relation_cache *c, rh_json_writer *j, const char *key)
{
    int n;
    rh_json_open(j, key, '{');
    rh_json_put(j, "comment", rh_relation_cache_comment(c));
    const rh_relation *relations = rh_relation_all(c, &n);
    rh_json_open(j, "relations", '[');
    for (int i = 0; i < n; i++)
        put_relation(j, &relations[i]);
    rh_json_close(j, ']');
    const rh_foreign_key *keys = rh_relation_foreign_keys(c, &n);
    rh_json_open(j, "foreign_keys", '[');
    for (int i = 0; i < n; i++)
        put_key(j, &keys[i]);
    rh_json_close(j, ']');
    const rh_function *functions = rh_function_all(c, &n);
    rh_json_open(j, "functions", '[');
    for (int i = 0; i < n; i++)
        put_function(j, &functions[i]);
    rh_json_close(j, ']');
    rh_json_close(j, '}');
}
