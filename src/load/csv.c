/* SPDX-License-Identifier: Apache-2.0 */
#include "load/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct rh_csv {
    rh_csv_field *fields;
    size_t n, cap;
    int64_t line;
};

rh_csv *rh_csv_new(void)
{
    rh_csv *c = rh_xcalloc(1, sizeof *c);
    c->line = 1;
    return c;
}

void rh_csv_free(rh_csv *c)
{
    if (!c)
        return;
    free(c->fields);
    free(c);
}

static rh_csv_field *add_field(rh_csv *c)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->fields = rh_xrealloc(c->fields, c->cap * sizeof *c->fields);
    }
    return &c->fields[c->n++];
}

/* The end of a quoted field that begins behind the opening quote: its closing quote, or NULL when it is not
 * there yet. */
static const char *closing_quote(const char *p, const char *end, bool last)
{
    while ((p = memchr(p, '"', (size_t)(end - p)))) {
        if (p + 1 == end)
            return last ? p : NULL; /* a second quote may follow */
        if (p[1] != '"')
            return p;
        p += 2;
    }
    return NULL;
}

static int64_t count_lines(const char *p, const char *end)
{
    int64_t n = 0;
    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        n++;
        p++;
    }
    return n;
}

static int unclosed(const rh_csv *c, bool last, rh_err *err)
{
    if (!last)
        return 0;
    rh_err_set(err, RH_E_INVALID, "a quote is never closed");
    rh_err_hint(err, "Nothing was loaded. The quote stands in column %zu.", c->n + 1);
    return -1;
}

static int stray(const rh_csv *c, rh_err *err)
{
    rh_err_set(err, RH_E_INVALID, "a quote is out of place in column %zu", c->n + 1);
    rh_err_hint(err, "Nothing was loaded. A text with quotes stands in quotes, with those inside doubled.");
    return -1;
}

static int too_many(const rh_csv *c, rh_err *err)
{
    rh_err_set(err, RH_E_INVALID, "a record has more than %zu fields", c->n);
    return -1;
}

int64_t rh_csv_line(const rh_csv *c)
{
    return c->line;
}

int rh_csv_next(rh_csv *c, const char *bytes, size_t n, bool last, rh_csv_record *out, rh_err *err)
{
    const char *p = bytes, *end = bytes + n;
    if (n == 0)
        return 0;
    c->n = 0;
    for (;;) {
        const char *from = p;
        bool quoted = p < end && *p == '"';
        if (quoted) {
            const char *close = closing_quote(p + 1, end, last);
            if (!close)
                return unclosed(c, last, err);
            p = close + 1;
            if (p + 1 < end && *p == '\r' && p[1] != '\n') /* COPY could begin a record there */
                return stray(c, err);
            if (p < end && *p != ',' && *p != '\n' && *p != '\r')
                return stray(c, err);
            *add_field(c) = (rh_csv_field){from + 1, (size_t)(close - from - 1), true};
        } else {
            while (p < end && *p != ',' && *p != '\n' && *p != '"')
                p++;
            if (p < end && *p == '"')
                return stray(c, err);
            size_t len = (size_t)(p - from);
            if (len && p < end && *p == '\n' && p[-1] == '\r')
                len--;
            *add_field(c) = (rh_csv_field){from, len, false};
        }
        if (p < end && *p == ',') {
            if (c->n == RH_CSV_MAX_FIELDS)
                return too_many(c, err);
            p++;
            continue;
        }
        if (p < end && *p == '\r')
            p++;
        if (p == end && !last)
            return 0;
        if (p < end)
            p++; /* the newline */
        break;
    }
    *out = (rh_csv_record){c->fields, c->n, c->line, bytes, (size_t)(p - bytes)};
    c->line += count_lines(bytes, p);
    return 1;
}
