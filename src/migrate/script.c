/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/script.h"

#include <pg_query.h>
#include <string.h>

#define MAX_BYTES ((size_t)16 << 20)

/* ---- the scanner ---- */

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c && strchr(" \t\n\r\f\v", c);
}

static size_t skip_line(const char *text, size_t len, size_t i)
{
    while (i < len && text[i] != '\n')
        i++;
    return i;
}

/* Comments nest. */
static size_t skip_block(const char *text, size_t len, size_t i, bool *unterminated)
{
    int depth = 0;
    while (i + 1 < len) {
        if (text[i] == '/' && text[i + 1] == '*') {
            depth++;
            i += 2;
        } else if (text[i] == '*' && text[i + 1] == '/') {
            i += 2;
            if (--depth == 0)
                return i;
        } else {
            i++;
        }
    }
    *unterminated = true;
    return len;
}

static size_t skip_blanks(const char *text, size_t len, size_t i, bool *unterminated)
{
    for (;;) {
        if (i < len && is_blank(text[i]))
            i++;
        else if (i + 1 < len && text[i] == '-' && text[i + 1] == '-')
            i = skip_line(text, len, i);
        else if (i + 1 < len && text[i] == '/' && text[i + 1] == '*')
            i = skip_block(text, len, i, unterminated);
        else
            return i;
    }
}

/* From the opening quote to behind the closing one; a doubled quote stands for itself. */
static size_t skip_quoted(const char *text, size_t len, size_t i, bool backslashes, bool *unterminated)
{
    char quote = text[i++];
    for (; i < len; i++) {
        if (backslashes && text[i] == '\\')
            i++;
        else if (text[i] == quote && i + 1 < len && text[i + 1] == quote)
            i++;
        else if (text[i] == quote)
            return i + 1;
    }
    *unterminated = true;
    return len;
}

/* $tag$ ... $tag$; the offset itself when no dollar quote begins there. */
static size_t skip_dollar(const char *text, size_t len, size_t at, bool *unterminated)
{
    size_t i = at + 1;
    while (i < len && (is_word_start(text[i]) || (i > at + 1 && is_digit(text[i]))))
        i++;
    if (i >= len || text[i] != '$')
        return at;
    size_t tag = i + 1 - at;
    const char *end = memmem(text + i + 1, len - i - 1, text + at, tag);
    if (end)
        return (size_t)(end - text) + tag;
    *unterminated = true;
    return len;
}

static size_t skip_word(const char *text, size_t len, size_t i)
{
    while (i < len && (is_word_start(text[i]) || is_digit(text[i]) || text[i] == '$'))
        i++;
    return i;
}

static size_t skip_number(const char *text, size_t len, size_t i)
{
    while (i < len && (is_digit(text[i]) || (text[i] == '.' && i + 1 < len && is_digit(text[i + 1]))))
        i++;
    return i;
}

rh_token rh_script_next(const char *text, size_t len, size_t *offset)
{
    rh_token t = {.kind = RH_TOKEN_END};
    size_t i = skip_blanks(text, len, *offset, &t.unterminated), end;
    char c = i < len ? text[i] : 0;
    t.at = end = i;
    if (i >= len) {
    } else if (is_word_start(c)) {
        end = skip_word(text, len, i);
        bool escapes = end - i == 1 && (c == 'e' || c == 'E');
        t.kind = RH_TOKEN_WORD;
        if (end < len && text[end] == '\'' && end - i == 1) { /* E'..' B'..' N'..' X'..' */
            end = skip_quoted(text, len, end, escapes, &t.unterminated);
            t.kind = RH_TOKEN_QUOTED;
        }
    } else if (c == '\'' || c == '"') {
        end = skip_quoted(text, len, i, false, &t.unterminated);
        t.kind = RH_TOKEN_QUOTED;
    } else if (c == '$' && (end = skip_dollar(text, len, i, &t.unterminated)) > i) {
        t.kind = RH_TOKEN_QUOTED;
    } else if (is_digit(c)) {
        end = skip_number(text, len, i);
        t.kind = RH_TOKEN_NUMBER;
    } else {
        bool two = i + 1 < len && ((c == ':' && (text[i + 1] == ':' || text[i + 1] == '=')) ||
                                   (c == '=' && text[i + 1] == '>'));
        end = i + (two ? 2 : 1);
        t.kind = RH_TOKEN_OTHER;
    }
    t.len = end - i;
    *offset = end;
    return t;
}

/* ---- places ---- */

int rh_script_line_of(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

int rh_script_column_of(const char *text, size_t offset)
{
    int column = 1;
    for (size_t i = 0; i < offset && text[i]; i++)
        if (text[i] == '\n')
            column = 1;
        else if ((text[i] & 0xc0) != 0x80)
            column++;
    return column;
}

size_t rh_script_offset_of(const char *text, size_t len, size_t position)
{
    size_t i = 0;
    for (size_t seen = 0; i < len; i++)
        if ((text[i] & 0xc0) != 0x80 && ++seen >= position)
            break;
    return i;
}

/* ---- splitting ---- */

/* Where the last piece ended: places are counted on from there, so that a script is walked once. */
typedef struct cursor {
    const char *text;
    size_t offset;
    int line, column;
} cursor;

static void move_to(cursor *c, size_t offset)
{
    for (; c->offset < offset; c->offset++) {
        if (c->text[c->offset] == '\n') {
            c->line++;
            c->column = 1;
        } else if ((c->text[c->offset] & 0xc0) != 0x80) {
            c->column++;
        }
    }
}

/* Adds text[from, to) without what is blank at both ends; nothing when all of it is. */
static void add_piece(rh_arena *a, rh_script_pieces *out, cursor *c, size_t from, size_t to)
{
    bool ignored = false;
    from = skip_blanks(c->text, to, from, &ignored);
    while (to > from && is_blank(c->text[to - 1]))
        to--;
    if (from >= to)
        return;
    move_to(c, from);
    RH_VEC_PUSH(a, out, ((rh_script_piece){c->text + from, to - from, c->line, c->column}));
}

static bool check_text(const char *text, size_t len, rh_err *err)
{
    if (len > MAX_BYTES)
        return rh_err_set(err, RH_E_TOO_LARGE, "the script is larger than %zu bytes", MAX_BYTES);
    if (!rh_is_utf8(text, len)) {
        rh_err_set(err, RH_E_INVALID, "the script is not UTF-8 text");
        return rh_err_hint(err, "Save it as UTF-8.");
    }
    return true;
}

bool rh_script_split(rh_arena *a, const char *text, size_t len, rh_script_pieces *out, rh_err *err)
{
    cursor c = {text, 0, 1, 1};
    memset(out, 0, sizeof *out);
    if (!check_text(text, len, err))
        return false;
    char *copy = rh_arena_strndup(a, text, len);
    PgQuerySplitResult split = pg_query_split_with_parser(copy);
    out->understood = !split.error;
    if (split.error) {
        size_t position = split.error->cursorpos > 0 ? (size_t)split.error->cursorpos : 1;
        out->complaint = rh_arena_strdup(a, split.error->message);
        out->complaint_at = rh_script_offset_of(text, len, position);
        add_piece(a, out, &c, 0, len);
    } else {
        for (int i = 0; i < split.n_stmts; i++) {
            size_t from = (size_t)split.stmts[i]->stmt_location;
            add_piece(a, out, &c, from, from + (size_t)split.stmts[i]->stmt_len);
        }
    }
    pg_query_free_split_result(split);
    return true;
}

bool rh_script_split_roughly(rh_arena *a, const char *text, size_t len, rh_script_pieces *out, rh_err *err)
{
    cursor c = {text, 0, 1, 1};
    size_t offset = 0, from = 0;
    int depth = 0;
    memset(out, 0, sizeof *out);
    if (!check_text(text, len, err))
        return false;
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;) {
        char ch = t.kind == RH_TOKEN_OTHER ? text[t.at] : 0;
        if (ch == '(')
            depth++;
        else if (ch == ')' && depth > 0)
            depth--;
        else if (ch == ';' && depth == 0) {
            add_piece(a, out, &c, from, t.at);
            from = offset;
        }
    }
    add_piece(a, out, &c, from, len);
    out->understood = true;
    return true;
}

/* ---- variables ---- */

/* A variable at token t, which is the colon: :name, :"name" or :'name'. quote is 0, '"' or '\''. */
static bool variable_at(const char *text, size_t len, rh_token t, char *quote, const char **name, size_t *n)
{
    size_t from = t.at + 1, to;
    if (t.kind != RH_TOKEN_OTHER || t.len != 1 || text[t.at] != ':' || from >= len)
        return false;
    *quote = text[from] == '"' || text[from] == '\'' ? text[from] : 0;
    if (*quote)
        from++;
    if (from >= len || !is_word_start(text[from]))
        return false;
    for (to = from; to < len && (is_word_start(text[to]) || is_digit(text[to])); to++)
        ;
    if (*quote && (to >= len || text[to] != *quote))
        return false;
    *name = text + from;
    *n = to - from;
    return true;
}

static bool same_name(const char *name, const char *text, size_t n)
{
    return strlen(name) == n && memcmp(name, text, n) == 0;
}

/* The index in names, or n. */
static size_t find_name(const char *const *names, size_t n, const char *text, size_t len)
{
    size_t i = 0;
    while (i < n && !same_name(names[i], text, len))
        i++;
    return i;
}

static bool unknown_name(rh_arena *a, const char *text, size_t at, const char *name, size_t len,
                         const char *const *names, size_t n, rh_err *err)
{
    rh_str known;
    rh_str_init_in(&known, a, sizeof err->hint);
    for (size_t i = 0; i < n; i++)
        rh_str_addf(&known, "%s:%s", i ? ", " : "", names[i]);
    rh_err_set(err, RH_E_INVALID, "line %d: there is no value named :%.*s", rh_script_line_of(text, at),
               len < 80 ? (int)len : 80, name);
    return n ? rh_err_hint(err, "Known are %s.", rh_str_cstr(&known))
             : rh_err_hint(err, "No values are known here.");
}

bool rh_script_bind(rh_arena *a, const char *text, const char *const *names, size_t n, const char **bound,
                    int **used, int *n_used, rh_err *err)
{
    size_t len = strlen(text), offset = 0, copied = 0;
    RH_VEC(const char *) seen = {0};
    RH_VEC(int) index = {0};
    rh_str out;
    rh_str_init_in(&out, a, MAX_BYTES * 2);
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;) {
        const char *name;
        size_t name_len, i;
        char quote;
        if (t.kind == RH_TOKEN_OTHER && text[t.at] == '$' && is_digit(text[t.at + 1])) {
            rh_err_set(err, RH_E_INVALID, "line %d: numbered parameters cannot be used here",
                       rh_script_line_of(text, t.at));
            return rh_err_hint(err, "Write :name instead.");
        }
        if (!variable_at(text, len, t, &quote, &name, &name_len) || quote)
            continue;
        size_t known = find_name(names, n, name, name_len);
        if (known == n)
            return unknown_name(a, text, t.at, name, name_len, names, n, err);
        for (i = 0; i < seen.len && !same_name(seen.items[i], name, name_len); i++)
            ;
        if (i == seen.len) {
            RH_VEC_PUSH(a, &seen, rh_arena_strndup(a, name, name_len));
            RH_VEC_PUSH(a, &index, (int)known);
        }
        rh_str_addn(&out, text + copied, t.at - copied);
        rh_str_addf(&out, "$%zu", i + 1);
        copied = offset = (size_t)(name + name_len - text);
    }
    rh_str_addn(&out, text + copied, len - copied);
    if (out.overflow)
        return rh_err_set(err, RH_E_TOO_LARGE, "the script is larger than %zu bytes", MAX_BYTES);
    *bound = rh_str_cstr(&out);
    *used = index.items;
    *n_used = (int)seen.len;
    return true;
}

static bool add_value(rh_str *out, char quote, const char *value)
{
    if (quote == '"')
        rh_str_add_ident(out, value);
    else if (quote)
        rh_str_add_literal(out, value);
    else if (*value && !value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_ ")])
        rh_str_add(out, value);
    else
        return false;
    return true;
}

bool rh_script_expand(rh_str *out, const char *text, const rh_script_var *vars, rh_err *err)
{
    size_t len = strlen(text), offset = 0, copied = 0;
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;) {
        const rh_script_var *v = vars;
        const char *name;
        size_t n;
        char quote;
        if (!variable_at(text, len, t, &quote, &name, &n))
            continue;
        while (v->name && !same_name(v->name, name, n))
            v++;
        if (!v->name || !v->value)
            return rh_err_set(err, RH_E_INTERNAL, "line %d: no value for variable %.*s",
                              rh_script_line_of(text, t.at), (int)n, name);
        rh_str_addn(out, text + copied, t.at - copied);
        if (!add_value(out, quote, v->value))
            return rh_err_set(err, RH_E_INTERNAL, "value of variable %s is not a plain word", v->name);
        copied = offset = (size_t)(name + n - text) + (quote ? 1 : 0);
    }
    rh_str_addn(out, text + copied, len - copied);
    return !out->overflow || rh_err_set(err, RH_E_TOO_LARGE, "the expanded text is too large");
}

char *rh_script_with_parameters(rh_arena *a, const char *text, size_t len)
{
    char *copy = rh_arena_strndup(a, text, len);
    size_t offset = 0, before = len;
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END; before = t.at)
        if (t.kind == RH_TOKEN_WORD && t.at == before + 1 && text[before] == ':') {
            memset(copy + before, ' ', t.len + 1);
            copy[before] = '$';
            copy[before + 1] = '1';
        }
    return copy;
}
