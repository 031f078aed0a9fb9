/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/lint.h"

#include <jansson.h>
#include <pg_query.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"
#include "migrate/script.h"

#define ON_CREATE_PATH "tenant/on_create.sql"
/* libpg_query writes its tree by recursion: both bounds keep it, and jansson, far from the end of an 8 MB
 * stack. */
#define MAX_NESTING 1000
#define MAX_CODE_BYTES 65536 /* of one statement, quoted texts and comments not counted */
#define SOURCE_BEFORE 70     /* characters shown of a long line, before and behind the place */
#define SOURCE_BEHIND 70

/* ---- the rules ---- */

static const struct {
    const char *code, *demand;
    rh_lint_severity severity;
} rules[] = {
#define X(name, severity, code, demand) {code, demand, RH_LINT_##severity},
    RH_LINT_RULES(X)
#undef X
};

const char *rh_lint_code(rh_lint_rule rule)
{
    return rules[rule].code;
}

const char *rh_lint_demand(rh_lint_rule rule)
{
    return rules[rule].demand;
}

/* ---- findings ---- */

static bool is_inside(char c) /* a byte inside a character */
{
    return (c & 0xc0) == 0x80;
}

/* The line of the place, or a window of it. */
static void show_source(rh_arena *a, rh_lint_finding *f, const char *text, size_t at)
{
    size_t from = at, to = at;
    int before = 0, behind = 0;
    while (from > 0 && text[from - 1] != '\n' && before < SOURCE_BEFORE)
        before += !is_inside(text[--from]);
    while (is_inside(text[from]) && from > 0)
        from--;
    while (text[to] && text[to] != '\n' && behind < SOURCE_BEHIND)
        behind += !is_inside(text[to++]);
    while (is_inside(text[to]))
        to++;
    if (to > from && text[to - 1] == '\r')
        to--;
    f->source = rh_arena_strndup(a, text + from, to - from);
    f->caret = before;
}

void rh_lint_report_add(rh_lint_model *m, rh_lint_rule rule, rh_lint_place at, const char *fix,
                        const char *rewrite, const char *fmt, ...)
{
    rh_lint_finding f = {.rule = rule, .fix = fix, .rewrite = rewrite, .path = "tenant/", .source = ""};
    va_list ap;
    va_start(ap, fmt);
    f.message = rh_arena_vprintf(m->arena, fmt, ap);
    va_end(ap);
    if (at.file) {
        size_t offset = at.at <= at.file->len ? at.at : at.file->len;
        f.path = at.file->path;
        f.order = at.order;
        f.line = rh_script_line_of(at.file->text, offset);
        f.column = rh_script_column_of(at.file->text, offset);
        show_source(m->arena, &f, m->on_create ? m->on_create : at.file->text, offset);
    }
    RH_VEC_PUSH(m->arena, m->report, f);
    if (rules[rule].severity == RH_LINT_ERROR)
        m->report->errors++;
    else
        m->report->warnings++;
}

static int by_place(const void *left, const void *right)
{
    const rh_lint_finding *l = left, *r = right;
    if (l->order != r->order)
        return l->order < r->order ? -1 : 1;
    if (l->line != r->line)
        return l->line < r->line ? -1 : 1;
    return l->column != r->column ? (l->column < r->column ? -1 : 1) : (int)l->rule - (int)r->rule;
}

/* ---- one statement ---- */

/* Statements that only touch rows. They make nothing that could be judged, and may be long. */
static bool only_rows(const char *text, size_t len)
{
    static const char *const verbs[] = {"insert", "update", "delete", "values", "merge", "copy"};
    size_t offset = 0;
    rh_token t = rh_script_next(text, len, &offset);
    for (size_t i = 0; t.kind == RH_TOKEN_WORD && i < sizeof verbs / sizeof *verbs; i++)
        if (t.len == strlen(verbs[i]) && strncasecmp(text + t.at, verbs[i], t.len) == 0)
            return true;
    return false;
}

static bool is_too_long(const char *text, size_t len)
{
    size_t code = 0, offset = 0;
    if (len <= MAX_CODE_BYTES)
        return false;
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;)
        code += t.kind == RH_TOKEN_QUOTED ? 1 : t.len;
    return code > MAX_CODE_BYTES;
}

static void too_complex(rh_lint_model *m, size_t at)
{
    rh_lint_report_add(m, RH_LINT_TOO_COMPLEX, rh_lint_here(m, at), NULL, NULL,
                       "the statement is too long or too deeply nested to be judged: divide it");
}

/* What the parser says when it is the depth that stops it, not the words. */
static bool is_about_depth(const char *complaint)
{
    return rh_starts_with(complaint, "memory exhausted") ||
           rh_starts_with(complaint, "stack depth limit exceeded");
}

static void not_understood(rh_lint_model *m, size_t at, const char *complaint)
{
    m->has_gaps = true;
    if (is_about_depth(complaint))
        too_complex(m, at);
    else
        rh_lint_report_add(m, RH_LINT_NOT_UNDERSTOOD, rh_lint_here(m, at), NULL, NULL,
                           "%s: not understood, not checked", complaint);
}

static void judge_tree(rh_lint_model *m, const json_t *tree, bool *inserts_root)
{
    size_t i;
    json_t *s;
    json_array_foreach(tree_get(tree, "stmts"), i, s)
    {
        const json_t *node = tree_get(s, "stmt");
        const char *kind = tree_kind(node);
        const json_t *body = tree_node(node, kind);
        if (strcmp(kind, "InsertStmt") == 0 &&
            tree_is(tree_get(body, "relation"), "relname", m->conf->app_root))
            *inserts_root = true;
        rh_lint_statement(m, kind, body);
        if (!m->on_create)
            rh_lint_apply(m, kind, body);
    }
}

/* False when the statement is not understood. */
static bool judge(rh_lint_model *m, const rh_script_piece *piece, bool *inserts_root)
{
    m->offset = (size_t)(piece->text - m->file->text);
    if (only_rows(piece->text, piece->len) && !m->on_create)
        return true;
    if (is_too_long(piece->text, piece->len)) {
        too_complex(m, 0);
        return true;
    }
    m->text = rh_arena_strndup(m->arena, piece->text, piece->len);
    PgQueryParseResult parsed = pg_query_parse(m->text);
    bool understood = !parsed.error;
    if (!understood) {
        int position = parsed.error->cursorpos;
        not_understood(m, rh_script_offset_of(m->text, piece->len, position > 0 ? (size_t)position : 1),
                       parsed.error->message);
    } else {
        json_error_t ignored;
        json_t *tree = json_loads(parsed.parse_tree, 0, &ignored);
        if (tree)
            judge_tree(m, tree, inserts_root);
        else
            too_complex(m, 0);
        json_decref(tree);
    }
    pg_query_free_parse_result(parsed);
    return understood;
}

/* ---- one file ---- */

/* Reports what no parser should be given: quotes without an end, nesting without measure. */
static bool is_sound(rh_lint_model *m)
{
    const char *text = m->file->text;
    size_t offset = 0;
    int depth = 0;
    rh_token t;
    m->offset = 0;
    do {
        t = rh_script_next(text, m->file->len, &offset);
        char c = t.kind == RH_TOKEN_OTHER ? text[t.at] : 0;
        depth += (c == '(' || c == '[') - (c == ')' || c == ']') - (c == ';' ? depth : 0);
        if (depth < 0)
            depth = 0;
        if (depth > MAX_NESTING) {
            too_complex(m, t.at);
            return false;
        }
        if (t.unterminated) {
            rh_lint_report_add(m, RH_LINT_UNTERMINATED,
                               rh_lint_here(m, t.kind == RH_TOKEN_END ? m->file->len : t.at), NULL, NULL,
                               "a quoted text or comment has no end");
            return false;
        }
    } while (t.kind != RH_TOKEN_END);
    return true;
}

/* BEGIN ATOMIC bodies are beyond the rough split: nothing behind one is judged by pieces that may be parts of
 * it. */
static bool begins_atomic(const rh_script_piece *piece)
{
    size_t offset = 0;
    for (rh_token t; (t = rh_script_next(piece->text, piece->len, &offset)).kind != RH_TOKEN_END;)
        if (t.kind == RH_TOKEN_WORD && t.len == 6 && strncasecmp(piece->text + t.at, "atomic", 6) == 0)
            return true;
    return false;
}

static bool judge_file(rh_lint_model *m, const rh_migration *file, bool *inserts_root, rh_err *err)
{
    rh_script_pieces pieces;
    m->file = file;
    m->order++;
    if (!rh_is_utf8(file->text, file->len)) {
        rh_err_set(err, RH_E_INVALID, "%s is not UTF-8 text", file->path);
        return rh_err_hint(err, "Save it as UTF-8.");
    }
    if (!is_sound(m))
        return true;
    if (!rh_script_split(m->arena, file->text, file->len, &pieces, err))
        return rh_err_context(err, "%s", file->path);
    bool rough = !pieces.understood;
    if (rough && !rh_script_split_roughly(m->arena, file->text, file->len, &pieces, err))
        return rh_err_context(err, "%s", file->path);
    for (size_t i = 0; i < pieces.len; i++)
        if (!judge(m, &pieces.items[i], inserts_root) && rough && begins_atomic(&pieces.items[i]))
            break;
    return true;
}

static bool judge_set(rh_lint_model *m, rh_lint_set which, const rh_migration_set *set, rh_err *err)
{
    bool ignored;
    m->set = which;
    for (size_t i = 0; set && i < set->n; i++)
        if (!judge_file(m, &set->items[i], &ignored, err))
            return false;
    return true;
}

static bool judge_on_create(rh_lint_model *m, const char *text, rh_err *err)
{
    rh_migration *file = RH_NEW(m->arena, rh_migration);
    bool inserts_root = false;
    file->path = ON_CREATE_PATH;
    file->text = rh_script_with_parameters(m->arena, text, strlen(text));
    file->len = strlen(text);
    m->set = RH_LINT_SET_TENANT;
    m->on_create = text;
    bool ok = judge_file(m, file, &inserts_root, err);
    if (ok && !inserts_root && *m->conf->app_root)
        rh_lint_report_add(m, RH_LINT_ON_CREATE_ROOT, (rh_lint_place){file, m->order, 0}, NULL, NULL,
                           "no INSERT INTO %s is to be seen: a new tenant needs its own row there",
                           m->conf->app_root);
    return ok;
}

bool rh_lint(rh_arena *a, const rh_conf *conf, const rh_migration_set *reference,
             const rh_migration_set *tenant, const char *on_create, rh_lint_report *out, rh_err *err)
{
    rh_lint_model m = {
        .arena = a, .conf = conf, .report = out, .id_type = conf->id_type == RH_ID_UUID ? "uuid" : "bigint"};
    memset(out, 0, sizeof *out);
    if (!judge_set(&m, RH_LINT_SET_REFERENCE, reference, err) ||
        !judge_set(&m, RH_LINT_SET_TENANT, tenant, err))
        return false;
    rh_lint_final(&m);
    if (on_create && !judge_on_create(&m, on_create, err))
        return false;
    if (out->len > 1)
        qsort(out->items, out->len, sizeof *out->items, by_place);
    return true;
}

/* ---- printing ---- */

/* Text from a file, made harmless for a terminal. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' && *text != '\t' && *text != '\n' ? '?'
              : *text == 0x7f                                              ? '?'
                                                                           : *text,
              out);
}

/* Under the line: blanks as wide as what stands before the place, tabs kept. */
static void put_caret(FILE *out, const rh_lint_finding *f)
{
    const char *p = f->source;
    fputs("    ", out);
    for (int i = 0; i < f->caret && *p; i++) {
        fputc(*p == '\t' ? '\t' : ' ', out);
        for (p++; is_inside(*p); p++)
            ;
    }
    fputs("^\n", out);
}

static void put_sql(FILE *out, const char *label, const char *sql)
{
    fprintf(out, "  %s: ", label);
    for (; *sql; sql++) {
        char one[2] = {*sql, 0};
        put_plain(out, one);
        if (*sql == '\n')
            fprintf(out, "  %*s", (int)strlen(label) + 2, "");
    }
    fputc('\n', out);
}

static void print_finding(const rh_lint_finding *f, FILE *out, bool colour)
{
    bool error = rules[f->rule].severity == RH_LINT_ERROR;
    put_plain(out, f->path);
    if (f->line)
        fprintf(out, ":%d:%d", f->line, f->column);
    fprintf(out, ": %s%s:%s ",
            !colour ? ""
            : error ? "\033[1;31m"
                    : "\033[1;35m",
            error ? "error" : "warning", colour ? "\033[0m" : "");
    put_plain(out, f->message);
    fprintf(out, " [%s]\n", rules[f->rule].code);
    if (f->line) {
        fputs("    ", out);
        put_plain(out, f->source);
        fputc('\n', out);
        put_caret(out, f);
    }
    if (f->rewrite)
        put_sql(out, "write here", f->rewrite);
    if (f->fix)
        put_sql(out, f->rewrite ? "or in a new migration" : "fix", f->fix);
}

void rh_lint_print(const rh_lint_report *report, FILE *out, bool colour)
{
    for (size_t i = 0; i < report->len; i++)
        print_finding(&report->items[i], out, colour);
    fprintf(out, "%zu error%s, %zu warning%s\n", report->errors, report->errors == 1 ? "" : "s",
            report->warnings, report->warnings == 1 ? "" : "s");
}
