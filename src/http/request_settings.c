/* SPDX-License-Identifier: Apache-2.0 */
#include "http/request_settings.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "auth/jwt.h"
#include "base/json.h"

#define MAX_JSON ((size_t)1 << 20) /* a head is far smaller (data.max_head) */

typedef struct pair {
    char *name;
    const char *value;
} pair;

struct collect {
    rh_arena *arena;
    bool cookies; /* names stay as they are, and the first of two counts */
    RH_VEC(pair) pairs;
};

/* PostgreSQL takes UTF-8 only; what is none is taken for the Latin-1 that HTTP once was. */
static const char *as_utf8(rh_arena *a, const char *text, size_t n)
{
    if (rh_is_utf8(text, n))
        return rh_arena_strndup(a, text, n);
    char *out = rh_arena_alloc(a, n * 2 + 1), *to = out;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80)
            *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    *to = 0;
    return out;
}

static enum MHD_Result on_pair(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                               const char *value, size_t len)
{
    struct collect *c = arg;
    if (!c->cookies && name_len == 6 && strncasecmp(name, "Cookie", 6) == 0)
        return MHD_YES;
    pair one = {(char *)as_utf8(c->arena, name, name_len), as_utf8(c->arena, value ? value : "", len)};
    for (char *p = one.name; !c->cookies && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (size_t i = 0; i < c->pairs.len; i++) {
        pair *known = &c->pairs.items[i];
        if (strcmp(known->name, one.name) != 0)
            continue;
        if (!c->cookies)
            known->value = rh_arena_printf(c->arena, "%s, %s", known->value, one.value);
        return MHD_YES;
    }
    RH_VEC_PUSH(c->arena, &c->pairs, one);
    return MHD_YES;
}

static const char *object_of(rh_exchange *x, enum MHD_ValueKind kind)
{
    rh_str json;
    struct collect c = {.arena = x->arena, .cookies = kind == MHD_COOKIE_KIND};
    MHD_get_connection_values_n(x->own.connection, kind, on_pair, &c);
    rh_str_init_in(&json, x->arena, MAX_JSON);
    rh_str_addc(&json, '{');
    for (size_t i = 0; i < c.pairs.len; i++) {
        rh_str_add(&json, i ? "," : "");
        rh_json_add_string(&json, c.pairs.items[i].name, strlen(c.pairs.items[i].name));
        rh_str_addc(&json, ':');
        rh_json_add_string(&json, c.pairs.items[i].value, strlen(c.pairs.items[i].value));
    }
    rh_str_addc(&json, '}');
    return json.overflow ? "{}" : rh_str_cstr(&json);
}

static const char *method_name(rh_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"};
    return method < sizeof names / sizeof *names ? names[method] : "";
}

static void add(rh_exchange *x, rh_request_settings *out, const char *name, const char *value)
{
    rh_rest_setting one = {name, value};
    RH_VEC_PUSH(x->arena, out, one);
}

void rh_request_settings_add(rh_exchange *x, unsigned reads, const char *claims, rh_request_settings *out)
{
    if (reads & RH_READS_METHOD)
        add(x, out, "request.method", method_name(x->method));
    if (reads & RH_READS_PATH)
        add(x, out, "request.path", as_utf8(x->arena, x->path, strlen(x->path)));
    if (reads & RH_READS_HEADERS)
        add(x, out, "request.headers", object_of(x, MHD_HEADER_KIND));
    if (reads & RH_READS_COOKIES)
        add(x, out, "request.cookies", object_of(x, MHD_COOKIE_KIND));
    if (reads & RH_READS_CLAIMS)
        add(x, out, "request.jwt.claims",
            claims ? claims : rh_jwt_claims_of(x->arena, x->headers.authorization));
}
