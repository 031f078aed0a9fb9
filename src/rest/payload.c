/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/payload.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "load/csv.h"
#include "rest/scan.h"
#include "rest/url.h"

/* To add a type: a row. */
static const struct {
    const char *name;
    rh_payload type;
} types[] = {
    {"application/json", RH_PAYLOAD_JSON},
    {"text/csv", RH_PAYLOAD_CSV},
    {"application/x-www-form-urlencoded", RH_PAYLOAD_FORM},
    {"text/plain", RH_PAYLOAD_TEXT},
    {"text/xml", RH_PAYLOAD_XML},
    {"application/octet-stream", RH_PAYLOAD_BYTES},
};

bool rh_payload_type(const char *content_type, rh_payload *out, rh_err *err)
{
    *out = RH_PAYLOAD_JSON;
    if (!content_type || !*content_type)
        return true;
    size_t n = strcspn(content_type, "; \t");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == n && strncasecmp(types[i].name, content_type, n) == 0) {
            *out = types[i].type;
            return true;
        }
    rh_err_set(err, RH_E_BODY, "Content-Type not acceptable: %.*s", RH_CLIPPED(content_type));
    return rh_err_hint(err, "Send JSON and the header Content-Type: application/json.");
}

/* ---- CSV ---- */

#define CSV_JSON_MAX ((size_t)64 << 20)

struct csv {
    rh_csv *scanner;
    int64_t line; /* what the first one is called */
    rh_str json, field;
    RH_VEC(const char *) names; /* as JSON strings */
};

bool rh_payload_is_null(const rh_csv_field *f)
{
    return f->len == 4 && memcmp(f->text, "NULL", 4) == 0;
}

void rh_payload_add_field(rh_str *out, const rh_csv_field *f)
{
    const char *text = f->text, *end = text + f->len, *quote;
    while (f->quoted && (quote = memchr(text, '"', (size_t)(end - text)))) {
        rh_str_addn(out, text, (size_t)(quote + 1 - text));
        text = quote + 2; /* it is doubled */
        text = text < end ? text : end;
    }
    rh_str_addn(out, text, (size_t)(end - text));
}

bool rh_payload_uneven(const rh_csv_record *r, size_t n_names, int64_t line, rh_err *err)
{
    rh_err_set(err, RH_E_BODY, "All lines must have same number of fields");
    return rh_err_detail(err, "line %lld has %zu fields, the first has %zu", (long long)line, r->n, n_names);
}

static void add_string(rh_str *json, rh_str *field, const rh_csv_field *f)
{
    rh_str_clear(field);
    rh_payload_add_field(field, f);
    rh_json_add_string(json, rh_str_cstr(field), field->len);
}

static void add_name(rh_arena *a, struct csv *c, const rh_csv_field *f)
{
    rh_str s;
    rh_str_init_in(&s, a, f->len * 6 + 16);
    add_string(&s, &c->field, f);
    const char *name = rh_str_cstr(&s);
    RH_VEC_PUSH(a, &c->names, name);
}

static bool add_record(struct csv *c, const rh_csv_record *r, rh_err *err)
{
    if (r->n != c->names.len)
        return rh_payload_uneven(r, c->names.len, c->line + r->line - 1, err);
    rh_str_add(&c->json, c->json.len > 1 ? ",{" : "{");
    for (size_t i = 0; i < r->n; i++) {
        const rh_csv_field *f = &r->fields[i];
        rh_str_add(&c->json, i ? "," : "");
        rh_str_add(&c->json, c->names.items[i]);
        rh_str_addc(&c->json, ':');
        if (rh_payload_is_null(f))
            rh_str_add(&c->json, "null");
        else
            add_string(&c->json, &c->field, f);
    }
    rh_str_addc(&c->json, '}');
    return true;
}

static bool add_records(rh_arena *a, struct csv *c, const char *text, size_t len, rh_err *err)
{
    rh_csv_record r;
    int got = 0;
    while (!c->json.overflow && (got = rh_csv_next(c->scanner, text, len, true, &r, err)) > 0) {
        bool head = !c->names.len;
        for (size_t i = 0; head && i < r.n; i++)
            add_name(a, c, &r.fields[i]);
        if (!head && !add_record(c, &r, err))
            return false;
        text += r.raw_len;
        len -= r.raw_len;
    }
    return got >= 0;
}

static const char *csv_json(rh_arena *a, const char *text, size_t *len, int64_t line, rh_err *err)
{
    struct csv c = {.scanner = rh_csv_new(), .line = line};
    size_t most = *len * 16 + 1024; /* names stand again in every object */
    rh_str_init_in(&c.json, a, most < CSV_JSON_MAX ? most : CSV_JSON_MAX);
    rh_str_init_in(&c.field, a, *len + 1);
    rh_str_addc(&c.json, '[');
    bool ok = add_records(a, &c, text, *len, err);
    rh_csv_free(c.scanner);
    if (ok && !c.names.len)
        ok = rh_err_set(err, RH_E_BODY, "the body has no line of names");
    rh_str_addc(&c.json, ']');
    if (ok && c.json.overflow)
        ok = rh_err_set(err, RH_E_TOO_LARGE, "the body is too large as JSON");
    if (!ok)
        err->code = err->code == RH_E_TOO_LARGE ? RH_E_TOO_LARGE : RH_E_BODY;
    *len = c.json.len;
    return ok ? rh_str_cstr(&c.json) : NULL;
}

/* ---- forms ---- */

static bool add_decoded(rh_arena *a, rh_str *json, const char *text, size_t n, rh_err *err)
{
    const char *decoded = rh_url_decode(a, text, n, true, err);
    if (!decoded) {
        err->code = RH_E_BODY;
        return false;
    }
    rh_json_add_string(json, decoded, strlen(decoded));
    return true;
}

static const char *form_json(rh_arena *a, const char *text, size_t *len, rh_err *err)
{
    rh_str json;
    const char *end = text + *len;
    rh_str_init_in(&json, a, *len * 8 + 64);
    rh_str_addc(&json, '{');
    while (text < end) {
        const char *stop = memchr(text, '&', (size_t)(end - text));
        stop = stop ? stop : end;
        const char *equals = memchr(text, '=', (size_t)(stop - text));
        const char *value = equals ? equals + 1 : stop;
        if (stop > text) {
            rh_str_add(&json, json.len > 1 ? "," : "");
            if (!add_decoded(a, &json, text, (size_t)((equals ? equals : stop) - text), err))
                return NULL;
            rh_str_addc(&json, ':');
            if (!add_decoded(a, &json, value, (size_t)(stop - value), err))
                return NULL;
        }
        text = stop + (stop < end);
    }
    rh_str_addc(&json, '}');
    *len = json.len;
    return rh_str_cstr(&json);
}

static const char *name_of(rh_payload type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].name;
    return "";
}

const char *rh_payload_json(rh_arena *a, rh_payload type, const char *text, size_t *len, int64_t line,
                            rh_err *err)
{
    switch (type) {
    case RH_PAYLOAD_JSON:
        return text ? text : "";
    case RH_PAYLOAD_CSV:
        return csv_json(a, text, len, line, err);
    case RH_PAYLOAD_FORM:
        return form_json(a, text, len, err);
    default:
        rh_err_set(err, RH_E_BODY, "Content-Type not acceptable here: %s", name_of(type));
        rh_err_hint(err, "A body of this type is for functions of one unnamed parameter.");
        return NULL;
    }
}
