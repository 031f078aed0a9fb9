/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/relation.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"

struct rh_relation_cache {
    rh_arena *arena;
    uint64_t serial;
    rh_relation *relations;
    rh_foreign_key *foreign_keys;
    rh_function *functions; /* sorted by name */
    rh_app_type *types;
    rh_handler *handlers;
    int n_relations, n_foreign_keys, n_functions, n_types, n_handlers;
    const char *comment;
    unsigned reads; /* rh_reads */
    rh_type geojson;
    rh_map relation_names; /* to rh_relation */
    rh_map function_names; /* to the first rh_function of the name */
};

/* What is being read, so that an error can say where the document is wrong. */
struct reader {
    rh_relation_cache *cache;
    rh_map texts;   /* every text once */
    rh_map types;   /* rh_app_type by their text */
    rh_map sets[2]; /* of rh_set: rh_relation by name */
    rh_err *err;
    bool failed;
};

static void fail(struct reader *r, const char *what, const char *name)
{
    if (!r->failed)
        rh_err_set(r->err, RH_E_INVALID, "malformed relation cache: %s%s%s", what, name ? " of " : "",
                   name ? name : "");
    r->failed = true;
}

static const char *keep(struct reader *r, const char *text)
{
    size_t len = strlen(text);
    char *kept = rh_map_get(&r->texts, text, len);
    if (!kept) {
        kept = rh_arena_strndup(r->cache->arena, text, len);
        rh_map_put(&r->texts, kept, len, kept);
    }
    return kept;
}

/* The cache's copy of a member, or NULL. */
static const char *maybe_text(struct reader *r, const json_t *object, const char *member)
{
    const json_t *v = json_object_get(object, member);
    return json_is_string(v) ? keep(r, json_string_value(v)) : NULL;
}

static const char *text_of(struct reader *r, const json_t *object, const char *member)
{
    const char *text = maybe_text(r, object, member);
    if (!text)
        fail(r, "missing text", member);
    return text ? text : "";
}

static bool flag_of(const json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

static json_t *list_of(struct reader *r, const json_t *object, const char *member, int *n)
{
    json_t *v = json_object_get(object, member);
    if (!json_is_array(v)) {
        fail(r, "missing list", member);
        *n = 0;
        return NULL;
    }
    *n = (int)json_array_size(v);
    return v;
}

static rh_json_form form_of(struct reader *r, const char *name)
{
    static const struct {
        const char *name;
        rh_json_form form;
    } forms[] = {
        {"string", RH_JSON_STRING}, {"number", RH_JSON_NUMBER},       {"bool", RH_JSON_BOOL},
        {"raw", RH_JSON_RAW},       {"timestamp", RH_JSON_TIMESTAMP}, {"timestamptz", RH_JSON_TIMESTAMPTZ},
        {"sql", RH_JSON_VIA_SQL},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].form;
    fail(r, "unknown form", name);
    return RH_JSON_STRING;
}

static rh_set set_of(struct reader *r, const json_t *object, const char *member)
{
    const char *name = text_of(r, object, member);
    if (strcmp(name, "tenant") != 0 && strcmp(name, "reference") != 0)
        fail(r, "unknown set", name);
    return strcmp(name, "tenant") == 0 ? RH_SET_TENANT : RH_SET_REFERENCE;
}

static const rh_app_type *type_named(struct reader *r, const json_t *owner, const char *member)
{
    const json_t *v = json_object_get(owner, member);
    const rh_app_type *t =
        json_is_string(v) ? rh_map_get(&r->types, json_string_value(v), json_string_length(v)) : NULL;
    if (v && !t)
        fail(r, "unknown type", json_string_value(v));
    return t;
}

static const rh_column_notes *read_notes(struct reader *r, const json_t *c)
{
    const char *comment = maybe_text(r, c, "comment"), *default_text = maybe_text(r, c, "default");
    if (!comment && !default_text)
        return NULL;
    rh_column_notes *notes = RH_NEW(r->cache->arena, rh_column_notes);
    *notes = (rh_column_notes){comment, default_text};
    return notes;
}

/* No list is an empty one. */
static rh_column *read_columns(struct reader *r, const json_t *owner, int *n)
{
    json_t *list = json_object_get(owner, "columns");
    *n = (int)json_array_size(list);
    rh_column *columns = RH_NEW_ARRAY(r->cache->arena, rh_column, (size_t)*n);
    for (int i = 0; i < *n; i++) {
        const json_t *c = json_array_get(list, (size_t)i);
        columns[i] = (rh_column){
            .name = text_of(r, c, "name"),
            .type = {text_of(r, c, "type"), flag_of(c, "home")},
            .app_type = type_named(r, c, "of"),
            .notes = read_notes(r, c),
            .form = form_of(r, text_of(r, c, "form")),
            .not_null = flag_of(c, "not_null"),
            .has_default = flag_of(c, "has_default"),
            .generated = flag_of(c, "generated"),
        };
    }
    return columns;
}

/* Names of columns to their indexes in `rel`. */
static int *read_indexes(struct reader *r, const json_t *owner, const char *member, const rh_relation *rel,
                         int *n)
{
    json_t *list = list_of(r, owner, member, n);
    int *indexes = RH_NEW_ARRAY(r->cache->arena, int, (size_t)*n);
    for (int i = 0; i < *n; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        const char *name = json_is_string(v) ? json_string_value(v) : "";
        indexes[i] = rh_relation_column(rel, name, strlen(name));
        if (indexes[i] < 0) {
            fail(r, "unknown column", name);
            indexes[i] = 0;
        }
    }
    return indexes;
}

/* ---- types ---- */

static rh_type function_of(struct reader *r, const json_t *o, const char *member)
{
    const json_t *f = json_object_get(o, member);
    return (rh_type){f ? text_of(r, f, "name") : NULL, flag_of(f, "home")};
}

static void read_labels(struct reader *r, const json_t *o, rh_app_type *t)
{
    const json_t *list = json_object_get(o, "labels");
    t->n_labels = (int)json_array_size(list);
    t->labels = RH_NEW_ARRAY(r->cache->arena, const char *, (size_t)t->n_labels);
    for (int i = 0; i < t->n_labels; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        t->labels[i] = keep(r, json_is_string(v) ? json_string_value(v) : "");
    }
}

/* All but its columns, which may be of types that come later in the list. */
static void read_type(struct reader *r, const json_t *o, rh_app_type *t)
{
    t->type = (rh_type){text_of(r, o, "type"), flag_of(o, "home")};
    t->name = text_of(r, o, "name");
    t->kind = text_of(r, o, "kind")[0];
    t->form = form_of(r, text_of(r, o, "form"));
    t->not_null = flag_of(o, "not_null");
    t->is_media = flag_of(o, "media");
    t->comment = maybe_text(r, o, "comment");
    t->default_text = maybe_text(r, o, "default");
    t->base = (rh_type){maybe_text(r, o, "base"), flag_of(o, "base_home")};
    read_labels(r, o, t);
    t->to_json = function_of(r, o, "to_json");
    t->from_json = function_of(r, o, "from_json");
    t->to_text = function_of(r, o, "to_text");
    t->from_text = function_of(r, o, "from_text");
    rh_map_put(&r->types, t->type.text, strlen(t->type.text), t);
}

static void read_types(struct reader *r, const json_t *list)
{
    rh_relation_cache *c = r->cache;
    c->n_types = (int)json_array_size(list);
    c->types = RH_NEW_ARRAY(c->arena, rh_app_type, (size_t)c->n_types);
    for (int i = 0; i < c->n_types && !r->failed; i++)
        read_type(r, json_array_get(list, (size_t)i), &c->types[i]);
    for (int i = 0; i < c->n_types && !r->failed; i++)
        c->types[i].columns = read_columns(r, json_array_get(list, (size_t)i), &c->types[i].n_columns);
}

/* ---- relations and keys ---- */

static void read_relation(struct reader *r, const json_t *o, rh_relation *rel)
{
    rel->name = text_of(r, o, "name");
    rel->set = set_of(r, o, "set");
    rel->kind = text_of(r, o, "kind")[0];
    rel->is_root = flag_of(o, "root");
    rel->plain = flag_of(o, "plain");
    bool writable = rel->set == RH_SET_TENANT;
    rel->insertable = writable && flag_of(o, "insertable");
    rel->updatable = writable && flag_of(o, "updatable");
    rel->deletable = writable && flag_of(o, "deletable");
    rel->takes = writable ? (int)json_integer_value(json_object_get(o, "takes")) : 0;
    rel->comment = maybe_text(r, o, "comment");
    rel->columns = read_columns(r, o, &rel->n_columns);
    rel->primary_key = read_indexes(r, o, "primary_key", rel, &rel->n_primary_key);
    rel->tenant_key = -1;
    const json_t *key = json_object_get(o, "tenant_key");
    if (json_is_string(key)) {
        rel->tenant_key = rh_relation_column(rel, json_string_value(key), json_string_length(key));
        if (rel->tenant_key < 0)
            fail(r, "unknown tenant key", rel->name);
    }
    rh_map_put(&r->sets[rel->set], rel->name, strlen(rel->name), rel);
    /* the document lists the tenant set first; whatever its order, the tenant set's name wins */
    rh_relation *other = rh_map_get(&r->cache->relation_names, rel->name, strlen(rel->name));
    if (!other || (other->set == RH_SET_REFERENCE && rel->set == RH_SET_TENANT))
        rh_map_put(&r->cache->relation_names, rel->name, strlen(rel->name), rel);
}

static const rh_relation *relation_in(struct reader *r, const json_t *o, const char *member,
                                      const char *set_member)
{
    const char *name = text_of(r, o, member);
    rh_set set = set_of(r, o, set_member);
    const rh_relation *found = rh_map_get(&r->sets[set], name, strlen(name));
    if (!found)
        fail(r, "unknown relation", name);
    return found;
}

static void read_foreign_key(struct reader *r, const json_t *o, rh_foreign_key *fk)
{
    int n_to;
    fk->name = text_of(r, o, "name");
    fk->from = relation_in(r, o, "from", "from_set");
    fk->to = relation_in(r, o, "to", "to_set");
    fk->unique = flag_of(o, "unique");
    if (r->failed)
        return;
    fk->from_columns = read_indexes(r, o, "from_columns", fk->from, &fk->n);
    fk->to_columns = read_indexes(r, o, "to_columns", fk->to, &n_to);
    if (fk->n != n_to || fk->n == 0)
        fail(r, "columns", fk->name);
}

/* Each relation's own list of its keys, in the document's order. */
static void index_keys(struct reader *r)
{
    rh_relation_cache *c = r->cache;
    for (int i = 0; i < c->n_foreign_keys; i++) {
        ((rh_relation *)c->foreign_keys[i].from)->n_keys_from++;
        ((rh_relation *)c->foreign_keys[i].to)->n_keys_to++;
    }
    for (int i = 0; i < c->n_relations; i++) {
        rh_relation *rel = &c->relations[i];
        rel->keys_from = RH_NEW_ARRAY(c->arena, const rh_foreign_key *, (size_t)rel->n_keys_from);
        rel->keys_to = RH_NEW_ARRAY(c->arena, const rh_foreign_key *, (size_t)rel->n_keys_to);
        rel->n_keys_from = rel->n_keys_to = 0;
    }
    for (int i = 0; i < c->n_foreign_keys; i++) {
        const rh_foreign_key *fk = &c->foreign_keys[i];
        rh_relation *from = (rh_relation *)fk->from, *to = (rh_relation *)fk->to;
        from->keys_from[from->n_keys_from++] = fk;
        to->keys_to[to->n_keys_to++] = fk;
    }
}

/* ---- functions ---- */

static void read_settings(struct reader *r, json_t *object, rh_function *f)
{
    const char *name;
    json_t *value;
    f->settings = RH_NEW_ARRAY(r->cache->arena, rh_function_setting, json_object_size(object));
    json_object_foreach(object, name, value) f->settings[f->n_settings++] =
        (rh_function_setting){keep(r, name), keep(r, json_is_string(value) ? json_string_value(value) : "")};
}

static void read_function(struct reader *r, const json_t *o, rh_function *f)
{
    f->name = text_of(r, o, "name");
    f->set = set_of(r, o, "set");
    f->read_only = flag_of(o, "read_only");
    f->returns_set = flag_of(o, "returns_set");
    f->returns_void = flag_of(o, "returns_void");
    f->return_type = (rh_type){text_of(r, o, "return_type"), flag_of(o, "return_home")};
    f->return_app_type = type_named(r, o, "return_of");
    f->comment = maybe_text(r, o, "comment");
    read_settings(r, json_object_get(o, "settings"), f);
    const json_t *timeout = json_object_get(o, "timeout_ms");
    f->timeout_ms = timeout ? json_integer_value(timeout) : -1;
    f->return_form = form_of(r, text_of(r, o, "return_form"));
    f->one_row = !f->returns_set || flag_of(o, "one_row");
    if (json_is_string(json_object_get(o, "returns_relation")))
        f->returns_relation = relation_in(r, o, "returns_relation", "returns_relation_set");
    f->columns = read_columns(r, o, &f->n_columns);
    json_t *list = list_of(r, o, "arguments", &f->n_arguments);
    f->arguments = RH_NEW_ARRAY(r->cache->arena, rh_argument, (size_t)f->n_arguments);
    for (int i = 0; i < f->n_arguments; i++) {
        const json_t *a = json_array_get(list, (size_t)i);
        f->arguments[i] = (rh_argument){
            .name = text_of(r, a, "name"),
            .type = {text_of(r, a, "type"), flag_of(a, "home")},
            .app_type = type_named(r, a, "of"),
            .has_default = flag_of(a, "has_default"),
            .variadic = flag_of(a, "variadic"),
        };
        if (json_is_string(json_object_get(a, "row_of")))
            f->arguments[i].row_of = relation_in(r, a, "row_of", "row_of_set");
    }
}

static unsigned read_reads(struct reader *r, const json_t *root)
{
    static const struct {
        const char *name;
        unsigned reads;
    } rows[] = {{"request.headers", RH_READS_HEADERS},   {"request.cookies", RH_READS_COOKIES},
                {"request.jwt.claims", RH_READS_CLAIMS}, {"request.method", RH_READS_METHOD},
                {"request.path", RH_READS_PATH},         {"response.", RH_READS_RESPONSE}};
    unsigned reads = 0;
    int n;
    const json_t *list = list_of(r, root, "reads", &n);
    for (int i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            if (json_is_string(v) && strcmp(json_string_value(v), rows[j].name) == 0)
                reads |= rows[j].reads;
    }
    return reads;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const rh_function *)a)->name, ((const rh_function *)b)->name);
}

static void read_handlers(struct reader *r, const json_t *list)
{
    rh_relation_cache *c = r->cache;
    c->n_handlers = (int)json_array_size(list);
    c->handlers = RH_NEW_ARRAY(c->arena, rh_handler, (size_t)c->n_handlers);
    for (int i = 0; i < c->n_handlers && !r->failed; i++) {
        const json_t *o = json_array_get(list, (size_t)i);
        rh_handler *h = &c->handlers[i];
        h->function = (rh_type){text_of(r, o, "name"), flag_of(o, "home")};
        h->media = text_of(r, o, "media");
        if (json_object_get(o, "relation"))
            h->relation = relation_in(r, o, "relation", "relation_set");
    }
}

static void read_document(struct reader *r, const json_t *root)
{
    rh_relation_cache *c = r->cache;
    c->comment = maybe_text(r, root, "comment");
    c->geojson.text = maybe_text(r, root, "geojson");
    read_types(r, json_object_get(root, "types"));
    json_t *relations = list_of(r, root, "relations", &c->n_relations);
    json_t *keys = list_of(r, root, "foreign_keys", &c->n_foreign_keys);
    json_t *functions = list_of(r, root, "functions", &c->n_functions);
    c->relations = RH_NEW_ARRAY(c->arena, rh_relation, (size_t)c->n_relations);
    c->foreign_keys = RH_NEW_ARRAY(c->arena, rh_foreign_key, (size_t)c->n_foreign_keys);
    c->functions = RH_NEW_ARRAY(c->arena, rh_function, (size_t)c->n_functions);
    for (int i = 0; i < c->n_relations && !r->failed; i++)
        read_relation(r, json_array_get(relations, (size_t)i), &c->relations[i]);
    for (int i = 0; i < c->n_foreign_keys && !r->failed; i++)
        read_foreign_key(r, json_array_get(keys, (size_t)i), &c->foreign_keys[i]);
    if (!r->failed)
        index_keys(r);
    for (int i = 0; i < c->n_functions && !r->failed; i++)
        read_function(r, json_array_get(functions, (size_t)i), &c->functions[i]);
    read_handlers(r, json_object_get(root, "handlers"));
    if (json_object_get(root, "reads")) /* not in those that an older version wrote */
        c->reads = read_reads(r, root);
    if (r->failed || !c->n_functions)
        return;
    qsort(c->functions, (size_t)c->n_functions, sizeof *c->functions, by_name);
    for (int i = c->n_functions - 1; i >= 0; i--) /* backwards: the first of a name stays */
        rh_map_put(&c->function_names, c->functions[i].name, strlen(c->functions[i].name), &c->functions[i]);
}

rh_relation_cache *rh_relation_cache_parse(const char *json, size_t len, rh_err *err)
{
    json_error_t where;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        rh_err_set(err, RH_E_INVALID, "malformed relation cache: %s", where.text);
        return NULL;
    }
    static atomic_uint_least64_t last_serial;
    rh_relation_cache *c = rh_xcalloc(1, sizeof *c);
    c->serial = atomic_fetch_add(&last_serial, 1) + 1;
    struct reader r = {.cache = c, .err = err};
    rh_map *maps[] = {&r.texts, &r.types, &r.sets[0], &r.sets[1]};
    c->arena = rh_arena_new();
    rh_map_init(&c->relation_names);
    rh_map_init(&c->function_names);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        rh_map_init(maps[i]);
    read_document(&r, root);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        rh_map_release(maps[i]);
    json_decref(root);
    if (r.failed) {
        rh_relation_cache_free(c);
        return NULL;
    }
    return c;
}

void rh_relation_cache_free(rh_relation_cache *c)
{
    if (!c)
        return;
    rh_map_release(&c->relation_names);
    rh_map_release(&c->function_names);
    rh_arena_free(c->arena);
    free(c);
}

unsigned rh_relation_cache_reads(const rh_relation_cache *c)
{
    return c->reads;
}

const rh_relation *rh_relation_find(const rh_relation_cache *c, const char *name, size_t len)
{
    return rh_map_get(&c->relation_names, name, len);
}

int rh_relation_column(const rh_relation *r, const char *name, size_t len)
{
    for (int i = 0; i < r->n_columns; i++)
        if (strncmp(r->columns[i].name, name, len) == 0 && !r->columns[i].name[len])
            return i;
    return -1;
}

const rh_relation *rh_relation_all(const rh_relation_cache *c, int *n)
{
    *n = c->n_relations;
    return c->relations;
}

const rh_foreign_key *rh_relation_foreign_keys(const rh_relation_cache *c, int *n)
{
    *n = c->n_foreign_keys;
    return c->foreign_keys;
}

const rh_function *rh_function_all(const rh_relation_cache *c, int *n)
{
    *n = c->n_functions;
    return c->functions;
}

const rh_function *rh_function_find(const rh_relation_cache *c, const char *name, size_t len, int *n)
{
    const rh_function *first = rh_map_get(&c->function_names, name, len);
    *n = 0;
    while (first && first + *n < c->functions + c->n_functions && strcmp(first[*n].name, first->name) == 0)
        ++*n;
    return first;
}

const rh_app_type *rh_app_type_all(const rh_relation_cache *c, int *n)
{
    *n = c->n_types;
    return c->types;
}

const rh_handler *rh_handler_all(const rh_relation_cache *c, int *n)
{
    *n = c->n_handlers;
    return c->handlers;
}

const rh_type *rh_relation_cache_geojson(const rh_relation_cache *c)
{
    return &c->geojson;
}

const char *rh_relation_cache_comment(const rh_relation_cache *c)
{
    return c->comment;
}

uint64_t rh_relation_cache_serial(const rh_relation_cache *c)
{
    return c->serial;
}

size_t rh_relation_cache_size(const rh_relation_cache *c)
{
    return rh_arena_size(c->arena) + (c->relation_names.cap + c->function_names.cap) * sizeof(rh_map_slot);
}
