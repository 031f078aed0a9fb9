/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarative cases of the dialect engine: tests/cases/rest.txt (statements), rest_rows.txt and
 * rest_words.txt (answers of a real PostgreSQL). A case is a block of lines, an empty line ends it, # begins
 * a comment line:
 *
 *   GET /ads?id=eq.5            the request
 *   Prefer: count=exact         its headers, of Prefer, Range, Accept, Content-Type
 *   body: {"name": "x"}         and body
 *   set: aggregates             (or tx) what the app's settings allow besides the default; response: its
 *                               functions set response.headers or response.status; plans: of tables of its
 *                               own, shape: of shared ones; exact: embeds that are renamed are meant by that
 *                               name only
 *   sql: SELECT ...             expected: the next statement; an end of " ..." stands for any rest
 *   par: 5 | x                  parameters of the last statement named, \N for NULL
 *   err: 404 PGRST205 text      or an error: status, code, text within message
 *   det: text / hint: text      text within detail, hint
 *   ans: 200 [{"id":1}]         or an answer: status and body
 *   csv: 200 id\n1\n            or one that is no JSON, \n for the end of a line
 *   head: Content-Range 0-0/ *  a header of the answer (without the space)
 */
#ifndef REST_CASES_H
#define REST_CASES_H

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "rest/rest.h"

typedef struct rest_case {
    const char *file;
    int line;
    rh_rest_request req;
    bool aggregates, tx, response, plans, shape, exact;
    RH_VEC(char *) expected; /* "sql: ...", in order */
} rest_case;

typedef RH_VEC(rest_case) rest_cases;

static const char *source_file(rh_arena *a, const char *path)
{
    const char *root = getenv("RH_SOURCE_ROOT");
    return rh_arena_printf(a, "%s/%s", root ? root : ".", path);
}

static char *read_case_file(rh_arena *a, const char *path, size_t *len)
{
    rh_err err;
    char *text = rh_file_read(a, source_file(a, path), (size_t)4 << 20, len, &err);
    if (!text) {
        rh_err_print(&err);
        exit(1);
    }
    return text;
}

static rh_method method_named(const char *name, size_t n)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return (rh_method)i;
    return RH_METHOD_OTHER;
}

static const char *after(const char *line, const char *prefix)
{
    return rh_starts_with(line, prefix) ? line + strlen(prefix) : NULL;
}

static void request_line(rh_arena *a, rest_case *c, char *line)
{
    char *target = strchr(line, ' ');
    if (!target) {
        fprintf(stderr, "line %d is no request: %s\n", c->line, line);
        exit(1);
    }
    c->req.method = method_named(line, (size_t)(target - line));
    target++;
    char *query = strchr(target, '?');
    c->req.query = query ? query + 1 : "";
    c->req.path = query ? rh_arena_strndup(a, target, (size_t)(query - target)) : target;
}

/* In CSV \n stands for the end of a line. */
static const char *lines_of(rh_arena *a, const char *text)
{
    char *out = rh_arena_strdup(a, text), *to = out;
    for (const char *p = text; *p; p++)
        if (p[0] == '\\' && p[1] == 'n') {
            *to++ = '\n';
            p++;
        } else {
            *to++ = *p;
        }
    *to = 0;
    return out;
}

static void case_line(rh_arena *a, rest_case *c, char *line)
{
    const char *v;
    if ((v = after(line, "Prefer: ")))
        c->req.prefer = v;
    else if ((v = after(line, "Range: ")))
        c->req.range = v;
    else if ((v = after(line, "Accept: ")))
        c->req.accept = v;
    else if ((v = after(line, "Content-Type: ")))
        c->req.content_type = v;
    else if ((v = after(line, "body: "))) {
        bool csv = c->req.content_type && strcmp(c->req.content_type, "text/csv") == 0;
        c->req.body = csv ? lines_of(a, v) : v;
        c->req.body_len = strlen(c->req.body);
    } else if ((v = after(line, "set: "))) {
        c->exact = c->exact || strcmp(v, "exact") == 0;
        c->aggregates = c->aggregates || strcmp(v, "aggregates") == 0;
        c->tx = c->tx || strcmp(v, "tx") == 0;
        c->plans = c->plans || strcmp(v, "plans") == 0;
        c->shape = c->shape || strcmp(v, "shape") == 0;
        c->response = c->response || strcmp(v, "response") == 0;
    } else {
        RH_VEC_PUSH(a, &c->expected, line);
    }
}

static rest_cases read_cases(rh_arena *a, const char *path)
{
    rest_cases cases = {0};
    rest_case *c = NULL;
    int number = 0;
    char *text = read_case_file(a, path, NULL), *line;
    while ((line = strsep(&text, "\n"))) {
        number++;
        if (*line == '#')
            continue;
        if (!*line) {
            c = NULL;
        } else if (c) {
            case_line(a, c, line);
        } else {
            rest_case fresh = {.file = path, .line = number, .req = {.body = ""}};
            request_line(a, &fresh, line);
            RH_VEC_PUSH(a, &cases, fresh);
            c = &cases.items[cases.len - 1];
        }
    }
    return cases;
}

/* Says what was wrong and counts it, so that one run shows all. */
static int complain(const char *path, const rest_case *c, const char *expected, const char *got)
{
    fprintf(stderr, "%s:%d\n  expected %s\n  got      %s\n", path, c->line, expected, got);
    return 1;
}

static int check_error(rh_arena *a, const char *path, const rest_case *c, const char *expected,
                       const rh_err *err)
{
    const char *text, *code = rh_err_name(err);
    const char *got = rh_arena_printf(a, "err: %d %s %s", rh_err_http(err), code, err->message);
    if ((text = after(expected, "det: ")))
        return strstr(err->detail, text) ? 0 : complain(path, c, expected, err->detail);
    if ((text = after(expected, "hint: ")))
        return strstr(err->hint, text) ? 0 : complain(path, c, expected, err->hint);
    if (!(text = after(expected, "err: ")))
        return complain(path, c, expected, got);
    const char *message = strchr(text, ' ');
    message = message ? strchr(message + 1, ' ') : NULL;
    size_t head = message ? (size_t)(message - expected) + 1 : strlen(expected);
    bool same = strncmp(expected, got, head) == 0 && (!message || strstr(err->message, message + 1));
    return same ? 0 : complain(path, c, expected, got);
}

static inline rh_relation_cache *read_cache(rh_arena *a)
{
    size_t len;
    rh_err err;
    const char *json = read_case_file(a, "tests/cases/rest_cache.json", &len);
    rh_relation_cache *c = rh_relation_cache_parse(json, len, &err);
    if (!c) {
        rh_err_print(&err);
        exit(1);
    }
    return c;
}

static const rh_rest_naming shared_naming = {.schema = "public",
                                             .told_schema = "public",
                                             .reference_schema = "reference",
                                             .keyed = true,
                                             .tenant_id = "5",
                                             .id_type = "bigint",
                                             .max_response = 1 << 20};

static rh_rest_naming naming_of(const rest_case *c)
{
    rh_rest_naming naming = shared_naming;
    naming.aggregates = c->aggregates;
    naming.exact_names = c->exact;
    naming.tx_end.may_ask = c->tx;
    naming.estimates = c->plans;
    naming.plans = c->plans ? RH_PLANS_WHOLE : c->shape ? RH_PLANS_SHAPE : RH_PLANS_NONE;
    naming.reads = c->response ? RH_READS_RESPONSE : 0;
    return naming;
}

#endif
