/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 512 /* most of what is built here is one statement or one answer */

void rh_str_init(rh_str *s, size_t max)
{
    *s = (rh_str){.max = max};
}

void rh_str_init_in(rh_str *s, rh_arena *arena, size_t max)
{
    *s = (rh_str){.max = max, .arena = arena};
}

void rh_str_release(rh_str *s)
{
    if (!s->arena)
        free(s->data);
    *s = (rh_str){.max = s->max, .arena = s->arena};
}

void rh_str_clear(rh_str *s)
{
    s->len = 0;
    s->overflow = false;
    if (s->data)
        s->data[0] = 0;
}

char *rh_str_take(rh_str *s, size_t *len)
{
    char *p = s->data;
    if (len)
        *len = s->len;
    s->data = NULL;
    s->len = s->cap = 0;
    return p;
}

/* Makes room for n more bytes and the NUL; false when that passes the maximum. */
static bool reserve(rh_str *s, size_t n)
{
    if (s->overflow || n > s->max - s->len) {
        s->overflow = true;
        return false;
    }
    size_t need = s->len + n + 1;
    if (need <= s->cap)
        return true;
    size_t cap = s->cap ? s->cap : FIRST_SIZE;
    while (cap < need)
        cap *= 2;
    if (s->arena) {
        char *p = rh_arena_alloc(s->arena, cap);
        if (s->len)
            memcpy(p, s->data, s->len);
        s->data = p;
    } else {
        s->data = rh_xrealloc(s->data, cap);
    }
    s->cap = cap;
    return true;
}

void rh_str_add_growing(rh_str *s, const char *bytes, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = 0;
}

void rh_str_vaddf(rh_str *s, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void rh_str_addf(rh_str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    rh_str_vaddf(s, fmt, ap);
    va_end(ap);
}

void rh_str_addu(rh_str *s, uint64_t n)
{
    char buf[20];
    size_t i = sizeof buf;
    do {
        buf[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    rh_str_addn(s, buf + i, sizeof buf - i);
}

const char *rh_str_cstr(const rh_str *s)
{
    return s->data ? s->data : "";
}

static void add_quoted(rh_str *s, const char *text, char quote)
{
    size_t len = strlen(text);
    rh_str_addc(s, quote);
    if (!memchr(text, quote, len)) {
        rh_str_addn(s, text, len);
        rh_str_addc(s, quote);
        return;
    }
    for (const char *p = text; *p; p++) {
        if (*p == quote)
            rh_str_addc(s, quote);
        rh_str_addc(s, *p);
    }
    rh_str_addc(s, quote);
}

void rh_str_add_ident(rh_str *s, const char *name)
{
    add_quoted(s, name, '"');
}

void rh_str_add_literal(rh_str *s, const char *text)
{
    if (strchr(text, '\\')) { /* independent of standard_conforming_strings */
        rh_str_add(s, " E");
        rh_str_addc(s, '\'');
        for (const char *p = text; *p; p++) {
            if (*p == '\'' || *p == '\\')
                rh_str_addc(s, *p);
            rh_str_addc(s, *p);
        }
        rh_str_addc(s, '\'');
        return;
    }
    add_quoted(s, text, '\'');
}

bool rh_parse_int(const char *text, int64_t *out)
{
    if (!text || !*text || isspace((unsigned char)*text) || *text == '+')
        return false;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *out = n;
    return true;
}

bool rh_parse_uint(const char *text, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    if (!n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool rh_is_uuid(const char *text)
{
    if (strlen(text) != 36)
        return false;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

bool rh_is_utf8(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + n;
    while (p < end) {
        unsigned c = *p++, more, low = 0x80, high = 0xBF;
        if (c == 0)
            return false;
        if (c < 0x80)
            continue;
        if (c >= 0xC2 && c <= 0xDF) {
            more = 1;
        } else if (c >= 0xE0 && c <= 0xEF) {
            more = 2;
            low = c == 0xE0 ? 0xA0 : 0x80;  /* overlong */
            high = c == 0xED ? 0x9F : 0xBF; /* surrogates */
        } else if (c >= 0xF0 && c <= 0xF4) {
            more = 3;
            low = c == 0xF0 ? 0x90 : 0x80;
            high = c == 0xF4 ? 0x8F : 0xBF;
        } else {
            return false;
        }
        for (; more; more--, p++, low = 0x80, high = 0xBF)
            if (p >= end || *p < low || *p > high)
                return false;
    }
    return true;
}

bool rh_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}
