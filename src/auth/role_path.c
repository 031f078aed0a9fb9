/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/role_path.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 255

enum kind { KEY, INDEX, FILTER, SLICE };
enum comparison { IS, IS_NOT, BEGINS, ENDS, CONTAINS, MATCHES };

struct step {
    enum kind kind;
    const char *text; /* KEY, FILTER */
    size_t len;
    enum comparison comparison;
    long from, to;
    bool has_to;
};

/* Of the older language; the longer ones first. */
static const struct {
    const char *word;
    enum comparison comparison;
} comparisons[] = {{"^==", BEGINS}, {"==^", ENDS}, {"*==", CONTAINS}, {"==", IS}, {"!=", IS_NOT}};

static void skip_blanks(const char **p)
{
    *p += strspn(*p, " ");
}

static bool take(const char **p, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*p, word, len) != 0)
        return false;
    *p += len;
    return true;
}

/* Between quotes of the kind that stands there, one of `quotes`. */
static bool read_quoted(const char **p, const char *quotes, struct step *s)
{
    const char *end;
    if (!**p || !strchr(quotes, **p) || !(end = strchr(*p + 1, **p)))
        return false;
    s->text = *p + 1;
    s->len = (size_t)(end - s->text);
    *p = end + 1;
    return true;
}

static bool read_key(const char **p, struct step *s)
{
    s->kind = KEY;
    if (**p == '"')
        return read_quoted(p, "\"", s);
    s->text = *p;
    while (isalnum((unsigned char)**p) || (**p && strchr("_$@", **p)) || (unsigned char)**p >= 0x80)
        ++*p;
    s->len = (size_t)(*p - s->text);
    return s->len > 0;
}

/* ?(@ == "x")] */
static bool read_filter(const char **p, struct step *s)
{
    s->kind = FILTER;
    if (!take(p, "?(@"))
        return false;
    skip_blanks(p);
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (take(p, comparisons[i].word)) {
            s->comparison = comparisons[i].comparison;
            skip_blanks(p);
            return read_quoted(p, "\"", s) && take(p, ")]");
        }
    return false;
}

static bool read_number(const char **p, long *out)
{
    char *end;
    if (!isdigit((unsigned char)**p) && !(**p == '-' && isdigit((unsigned char)(*p)[1])))
        return false;
    *out = strtol(*p, &end, 10);
    *p = end;
    return true;
}

/* 1] or 1:] or :-1] or 1:3] */
static bool read_index(const char **p, struct step *s)
{
    bool number = read_number(p, &s->from);
    s->kind = INDEX;
    if (take(p, ":")) {
        s->kind = SLICE;
        s->has_to = read_number(p, &s->to);
        number = true;
    }
    return number && (s->kind == SLICE || s->from >= 0) && take(p, "]");
}

/* ---- JSON Path (RFC 9535) ---- */

static bool read_member(const char **p, struct step *s)
{
    s->kind = KEY;
    s->text = *p;
    while (isalpha((unsigned char)**p) || **p == '_' || (unsigned char)**p >= 0x80 ||
           (*p > s->text && isdigit((unsigned char)**p)))
        ++*p;
    s->len = (size_t)(*p - s->text);
    return s->len > 0;
}

static bool compiles(const struct step *s, regex_t *to)
{
    char pattern[PATH_MAX_BYTES + 1];
    snprintf(pattern, sizeof pattern, "%.*s", (int)s->len, s->text);
    return regcomp(to, pattern, REG_EXTENDED | REG_NOSUB) == 0;
}

/* search(@, 'x') */
static bool read_search(const char **p, struct step *s)
{
    regex_t regex;
    s->comparison = MATCHES;
    skip_blanks(p);
    if (!take(p, "@"))
        return false;
    skip_blanks(p);
    if (!take(p, ","))
        return false;
    skip_blanks(p);
    if (!read_quoted(p, "'\"", s) || !compiles(s, &regex))
        return false;
    regfree(&regex);
    skip_blanks(p);
    return take(p, ")");
}

/* @ == 'x', @ != 'x' */
static bool read_comparison(const char **p, struct step *s)
{
    if (!take(p, "@"))
        return false;
    skip_blanks(p);
    bool same = take(p, "==");
    if (!same && !take(p, "!="))
        return false;
    s->comparison = same ? IS : IS_NOT;
    skip_blanks(p);
    return read_quoted(p, "'\"", s);
}

/* Behind the question mark: one condition, in parentheses or not. */
static bool read_condition(const char **p, struct step *s)
{
    s->kind = FILTER;
    skip_blanks(p);
    bool inner = take(p, "(");
    skip_blanks(p);
    if (!(take(p, "search(") ? read_search(p, s) : read_comparison(p, s)))
        return false;
    skip_blanks(p);
    if (inner && !take(p, ")"))
        return false;
    skip_blanks(p);
    return take(p, "]");
}

static bool read_segment(const char **p, struct step *s)
{
    *s = (struct step){0};
    if (take(p, "."))
        return read_member(p, s);
    if (!take(p, "["))
        return false;
    skip_blanks(p);
    if (take(p, "?"))
        return read_condition(p, s);
    s->kind = **p == '\'' || **p == '"' ? KEY : INDEX;
    if (s->kind == KEY ? !read_quoted(p, "'\"", s) : !read_number(p, &s->from))
        return false;
    skip_blanks(p);
    return take(p, "]");
}

/* ---- both ---- */

static bool read_step(const char **p, bool json_path, struct step *s)
{
    if (json_path)
        return read_segment(p, s);
    *s = (struct step){0};
    if (take(p, "."))
        return read_key(p, s);
    return take(p, "[") && (**p == '?' ? read_filter(p, s) : read_index(p, s));
}

bool rh_role_path_ok(const char *path, rh_err *err)
{
    struct step s;
    bool json_path = *path == '$';
    const char *p = path + json_path;
    bool ok = (json_path ? *p != 0 : *p == '.') && strlen(path) <= PATH_MAX_BYTES;
    while (ok && *p)
        ok = read_step(&p, json_path, &s);
    if (ok)
        return true;
    rh_err_set(err, RH_E_CONF, "\"%s\" is not the path of a role", path);
    return rh_err_hint(
        err, "Write it as in $.role, $['https://example.com/roles'][0] or $.roles[?search(@, '^app_')].");
}

static bool is_found(const struct step *s, const char *text)
{
    regex_t regex;
    if (!compiles(s, &regex))
        return false;
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool matches(const struct step *s, const char *text)
{
    size_t len = strlen(text);
    bool same = len == s->len && memcmp(text, s->text, len) == 0;
    switch (s->comparison) {
    case IS:
        return same;
    case IS_NOT:
        return !same;
    case BEGINS:
        return len >= s->len && memcmp(text, s->text, s->len) == 0;
    case ENDS:
        return len >= s->len && memcmp(text + len - s->len, s->text, s->len) == 0;
    case CONTAINS:
        return memmem(text, len, s->text, s->len) != NULL;
    case MATCHES:
        return is_found(s, text);
    }
    return false;
}

static const json_t *first_match(const json_t *array, const struct step *s)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)array, i,
                       item) if (json_is_string(item) && matches(s, json_string_value(item))) return item;
    return NULL;
}

static const char *slice(rh_arena *a, const char *text, const struct step *s)
{
    long len = (long)strlen(text), from = s->from, to = s->has_to ? s->to : len;
    from = from < 0 ? from + len : from;
    to = to < 0 ? to + len : to;
    from = from < 0 ? 0 : from > len ? len : from;
    to = to > len ? len : to;
    return to <= from ? "" : rh_arena_strndup(a, text + from, (size_t)(to - from));
}

/* From the end where it is negative. */
static const json_t *item_at(const json_t *array, long i)
{
    long n = (long)json_array_size(array);
    i = i < 0 ? i + n : i;
    return i >= 0 && i < n ? json_array_get(array, (size_t)i) : NULL;
}

/* A string without NUL, else NULL. */
static const char *text_of(const json_t *value)
{
    const char *s = json_string_value(value);
    return s && strlen(s) == json_string_length(value) ? s : NULL;
}

const char *rh_role_path_find(rh_arena *a, const json_t *payload, const char *path)
{
    struct step s;
    const json_t *at = payload;
    const char *text = NULL;
    bool json_path = *path == '$';
    path += json_path;
    while (*path && read_step(&path, json_path, &s)) {
        if (s.kind == SLICE) {
            if (!text && at && !(text = text_of(at)))
                return NULL;
            text = text ? slice(a, text, &s) : NULL;
            continue;
        }
        at = text              ? NULL /* no more steps within a part of a string */
             : s.kind == KEY   ? json_object_getn(at, s.text, s.len)
             : s.kind == INDEX ? item_at(at, s.from)
                               : first_match(at, &s);
        text = NULL;
    }
    if (!text && (!at || json_is_null(at)))
        return "";
    return rh_arena_strdup(a, text ? text : text_of(at));
}
