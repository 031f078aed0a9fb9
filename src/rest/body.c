/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/body.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/near.h"
#include "rest/scan.h"

#define SMALL_BODY ((size_t)256 << 10) /* not worth weighing */

static void release(void *body)
{
    rh_body_release(body);
}

void rh_body_release(rh_body *body)
{
    json_decref(body->json);
    body->json = NULL;
}

/* What jansson takes for what stands behind each of these, about: measured with version 2.14 on 64 bits. */
static size_t weight_of(char c)
{
    switch (c) {
    case '{':
        return 224;
    case '[':
        return 128;
    case ':':
        return 96;
    case ',':
        return 48;
    default:
        return 0;
    }
}

/* A body of ten megabytes may be millions of objects. */
static bool check_weight(const char *text, size_t len, rh_err *err)
{
    size_t weight = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == '\\')
            i++;
        else if (!quoted)
            weight += weight_of(text[i]);
    }
    if (weight <= RH_BODY_MAX_WEIGHT)
        return true;
    rh_err_set(err, RH_E_TOO_LARGE, "the body has too many values");
    return rh_err_hint(err,
                       "Send it in several requests. Inserts that do not ask for their rows back are loaded "
                       "while they come in, and may have any number.");
}

static bool malformed(rh_err *err, const json_error_t *where, int64_t line)
{
    if (json_error_code(where) == json_error_duplicate_key)
        rh_err_set(err, RH_E_BODY, "a key stands twice in one JSON object");
    else
        rh_err_set(err, RH_E_BODY, "Empty or invalid json");
    return rh_err_detail(err, "line %lld, column %d", (long long)line + where->line - 1, where->column);
}

static json_t *load(const char *text, size_t len, int64_t line, rh_err *err)
{
    json_error_t where;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    /* integers of any size are PostgreSQL's to judge */
    if (!json && json_error_code(&where) == json_error_numeric_overflow)
        json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &where);
    if (!json)
        malformed(err, &where, line);
    return json;
}

static bool same_keys(const json_t *a, json_t *b)
{
    const char *key;
    json_t *value;
    if (!json_is_object(a) || !json_is_object(b) || json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach(b, key, value)
    {
        if (!json_object_get(a, key))
            return false;
    }
    return true;
}

bool rh_body_parse(rh_arena *a, const char *text, size_t len, const rh_rest_part *part, rh_body *out,
                   rh_err *err)
{
    *out = (rh_body){.first = part ? part->element : 0, .like = part ? part->like : NULL};
    if (len > SMALL_BODY && !check_weight(text, len, err))
        return false;
    if (!(out->json = load(text, len, part ? part->line : 1, err)))
        return false;
    rh_arena_on_free(a, release, out);
    out->is_array = json_is_array(out->json);
    if (!out->is_array && !json_is_object(out->json))
        return rh_err_set(err, RH_E_BODY, "the body is neither a JSON object nor an array of objects");
    out->count = out->is_array ? json_array_size(out->json) : 1;
    for (size_t i = 0; out->is_array && i < out->count; i++)
        if (!json_is_object(json_array_get(out->json, i)))
            return rh_err_set(err, RH_E_BODY, "element %lld of the body is not a JSON object",
                              (long long)out->first + (long long)i);
    char *copy = rh_arena_alloc(a, len + 3);
    copy[0] = '[';
    memcpy(copy + 1, text, len);
    copy[len + 1] = out->is_array ? 0 : ']';
    copy[len + 2] = 0;
    out->array = out->is_array ? copy + 1 : copy;
    if (!out->is_array)
        out->object = rh_arena_strndup(a, text, len);
    return true;
}

static json_t *object_at(const rh_body *body, size_t i)
{
    return body->is_array ? json_array_get(body->json, i) : body->json;
}

static bool is_own_text(const char *text, const rh_rest_naming *naming)
{
    return strcmp(naming->id_type, "uuid") == 0 ? strcasecmp(text, naming->tenant_id) == 0
                                                : strcmp(text, naming->tenant_id) == 0;
}

/* The tenant's own id, written as JSON would: exactly, since 5.0 or " 5" are not the canonical form. */
static bool is_own_id(const json_t *value, const rh_rest_naming *naming)
{
    char text[24];
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return strcmp(text, naming->tenant_id) == 0;
    }
    return json_is_string(value) && is_own_text(json_string_value(value), naming);
}

static bool foreign_key(const char *key, rh_err *err)
{
    rh_err_set(err, RH_E_FOREIGN_KEY_VALUE, "\"%s\" names another tenant", key);
    return rh_err_hint(err, "Leave \"%s\" out: it is filled in.", key);
}

bool rh_body_check_key(const char *text, const char *key, const rh_rest_naming *naming, rh_err *err)
{
    return is_own_text(text, naming) || foreign_key(key, err);
}

static bool check_tenant_key(const rh_body *body, const rh_relation *rel, const rh_rest_naming *naming,
                             rh_err *err)
{
    const char *key = rel->columns[rel->tenant_key].name;
    for (size_t i = 0; i < body->count; i++) {
        const json_t *value = json_object_get(object_at(body, i), key);
        if (value && !is_own_id(value, naming))
            return foreign_key(key, err);
    }
    return true;
}

static bool unknown_column(const rh_relation *rel, const char *name, rh_err *err)
{
    rh_near near = RH_NEAR(name);
    for (int i = 0; i < rel->n_columns; i++)
        rh_near_try(&near, rel->columns[i].name);
    rh_err_set(err, RH_E_NO_COLUMN, "Could not find the '%.*s' column of '%s' in the schema cache",
               RH_CLIPPED(name), rel->name);
    if (near.best)
        rh_err_hint(err, "Perhaps you meant '%s'.", near.best);
    return false;
}

static bool is_generated(const rh_relation *rel, int column, rh_err *err)
{
    if (!rel->columns[column].generated)
        return false;
    rh_err_set(err, RH_E_DB, "cannot write the generated column \"%s\"", rel->columns[column].name);
    memcpy(err->sqlstate, "428C9", 6);
    return true;
}

/* Marks one named column as written. */
static bool mark(const rh_relation *rel, const char *name, bool *written, rh_err *err)
{
    int column = rh_relation_column(rel, name, strlen(name));
    if (column < 0)
        return unknown_column(rel, name, err);
    written[column] = true;
    return true;
}

static bool mark_keys(const rh_body *body, const rh_relation *rel, bool *written, rh_err *err)
{
    const char *key;
    json_t *value, *first = body->count ? object_at(body->like ? body->like : body, 0) : NULL;
    for (size_t i = body->like ? 0 : 1; i < body->count; i++)
        if (!same_keys(first, object_at(body, i))) {
            rh_err_set(err, RH_E_BODY, "All object keys must match");
            return rh_err_detail(err, "element %lld of the body has other keys than element 0",
                                 (long long)body->first + (long long)i);
        }
    json_object_foreach(first, key, value)
    {
        if (!mark(rel, key, written, err))
            return false;
    }
    return true;
}

bool rh_body_has(const rh_body *body, const char *column)
{
    return json_object_get(object_at(body, 0), column) != NULL;
}

static int *list_of(rh_arena *a, const rh_relation *rel, const bool *which, int *n)
{
    int *columns = RH_NEW_ARRAY(a, int, (size_t)rel->n_columns);
    *n = 0;
    for (int i = 0; i < rel->n_columns; i++)
        if (which[i])
            columns[(*n)++] = i;
    return columns;
}

/* `written`: by any of the objects. */
static rh_body_part part_of(rh_arena *a, const rh_relation *rel, const bool *columns, const bool *written)
{
    rh_body_part part = {0};
    part.columns = list_of(a, rel, columns, &part.n);
    part.merged = list_of(a, rel, written, &part.n_merged);
    return part;
}

/* Objects by the set of columns that they have, each set a part. */
struct sets {
    rh_arena *arena;
    const rh_relation *rel;
    bool *columns[RH_BODY_MAX_PARTS];
    rh_str rows[RH_BODY_MAX_PARTS];
    size_t n;
};

static bool note_row(struct sets *s, const bool *columns, size_t row, rh_err *err)
{
    size_t i = 0, size = (size_t)s->rel->n_columns * sizeof *columns;
    while (i < s->n && memcmp(s->columns[i], columns, size) != 0)
        i++;
    if (i == RH_BODY_MAX_PARTS) {
        rh_err_set(err, RH_E_BODY, "the objects of the body have more than %d different sets of keys",
                   RH_BODY_MAX_PARTS);
        return rh_err_hint(err, "Send them in several requests, or fill in what is missing.");
    }
    if (i == s->n) {
        s->columns[s->n] = RH_NEW_ARRAY(s->arena, bool, (size_t)s->rel->n_columns);
        memcpy(s->columns[s->n], columns, size);
        rh_str_init_in(&s->rows[s->n++], s->arena, RH_STR_TEXT_MAX);
    }
    rh_str_addc(&s->rows[i], s->rows[i].len ? ',' : '{');
    rh_str_addu(&s->rows[i], row + 1);
    return !s->rows[i].overflow || rh_err_set(err, RH_E_TOO_LARGE, "the body has too many objects");
}

static bool take_apart(rh_arena *a, const rh_body *body, const rh_relation *rel, const bool *written,
                       rh_body_parts *out, rh_err *err)
{
    struct sets s = {.arena = a, .rel = rel};
    bool *columns = RH_NEW_ARRAY(a, bool, (size_t)rel->n_columns);
    for (size_t row = 0; row < body->count; row++) {
        for (int i = 0; i < rel->n_columns; i++)
            columns[i] = written[i] && json_object_get(object_at(body, row), rel->columns[i].name);
        if (!note_row(&s, columns, row, err))
            return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        rh_body_part part = part_of(a, rel, s.columns[i], written);
        rh_str_addc(&s.rows[i], '}');
        part.rows = s.n > 1 ? rh_str_cstr(&s.rows[i]) : NULL;
        RH_VEC_PUSH(a, out, part);
    }
    return true;
}

bool rh_body_columns(rh_arena *a, const rh_body *body, const rh_relation *rel, const rh_url *url,
                     const rh_rest_naming *naming, bool absent_apart, rh_body_parts *out, rh_err *err)
{
    bool *written = RH_NEW_ARRAY(a, bool, (size_t)rel->n_columns);
    bool keyed = naming->keyed && rel->tenant_key >= 0;
    if (keyed && !check_tenant_key(body, rel, naming, err))
        return false;
    if (!url->has_columns && !mark_keys(body, rel, written, err))
        return false;
    for (size_t i = 0; i < url->columns.len; i++)
        if (!mark(rel, url->columns.items[i], written, err))
            return false;
    if (keyed)
        written[rel->tenant_key] = false;
    for (int i = 0; i < rel->n_columns; i++)
        if (written[i] && is_generated(rel, i, err))
            return false;
    if (absent_apart && url->has_columns && body->count)
        return take_apart(a, body, rel, written, out, err);
    rh_body_part part = part_of(a, rel, written, written);
    RH_VEC_PUSH(a, out, part);
    return true;
}
