/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/scan.h"

#include <string.h>

int rh_clip(const char *text, size_t max)
{
    size_t n = strnlen(text, max);
    if (text[n])
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    return (int)n;
}

bool rh_scan_fail(const rh_scan *s, const char *expected)
{
    int column = 1, shown = 0;
    for (const char *c = s->text; c < s->p; c++)
        column += ((unsigned char)*c & 0xC0) != 0x80;
    if (*s->p) /* one whole UTF-8 character */
        do
            shown++;
        while (((unsigned char)s->p[shown] & 0xC0) == 0x80);
    rh_err_set(s->err, RH_E_PARSE, "\"failed to parse %s (%.*s)\" (line 1, column %d)", s->what,
               RH_CLIPPED(s->text), column);
    if (shown)
        rh_err_detail(s->err, "unexpected \"%.*s\" expecting %s", shown, s->p, expected);
    else
        rh_err_detail(s->err, "unexpected end of input expecting %s", expected);
    return false;
}

bool rh_scan_char(rh_scan *s, char c)
{
    if (*s->p != c)
        return false;
    s->p++;
    return true;
}

bool rh_scan_text(rh_scan *s, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(s->p, text, n) != 0)
        return false;
    s->p += n;
    return true;
}

void rh_scan_space(rh_scan *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

bool rh_scan_end(const rh_scan *s)
{
    return !*s->p;
}

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == ' ' || (unsigned char)c >= 0x80;
}

/* The bytes from..to without the spaces around them. */
static const char *trimmed(rh_scan *s, const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    return rh_arena_strndup(s->arena, from, (size_t)(to - from));
}

const char *rh_scan_name(rh_scan *s)
{
    if (*s->p == '"')
        return rh_scan_quoted(s);
    const char *from = s->p;
    for (;; s->p++) {
        if (*s->p == '-' && s->p > from && s->p[1] != '>' && in_name(s->p[1]))
            continue;
        if (!in_name(*s->p))
            break;
    }
    const char *name = trimmed(s, from, s->p);
    if (*name)
        return name;
    s->p = from;
    rh_scan_fail(s, "field name (* or [a..z0..9_$])");
    return NULL;
}

const char *rh_scan_identifier(rh_scan *s, const char *expected)
{
    const char *from = s->p;
    while (in_name(*s->p))
        s->p++;
    const char *name = trimmed(s, from, s->p);
    if (*name)
        return name;
    rh_scan_fail(s, expected);
    return NULL;
}

const char *rh_scan_quoted(rh_scan *s)
{
    const char *p = s->p + 1;
    char *out = rh_arena_alloc(s->arena, strlen(p) + 1);
    size_t n = 0;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        out[n++] = *p;
    }
    if (!*p) {
        s->p = p;
        rh_scan_fail(s, "\"\\\"\"");
        return NULL;
    }
    out[n] = 0;
    s->p = p + 1;
    return out;
}

const char *rh_scan_until(rh_scan *s, const char *stops)
{
    size_t n = strcspn(s->p, stops);
    const char *text = rh_arena_strndup(s->arena, s->p, n);
    s->p += n;
    return text;
}
