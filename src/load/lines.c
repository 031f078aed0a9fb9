/* SPDX-License-Identifier: Apache-2.0 */
#include "load/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* From this count on, the file is ahead by so many lines. */
struct step {
    int64_t counted, ahead;
};

struct rh_lines {
    char ends; /* the byte that COPY counts inside quotes; 0 before the first record's end */
    int64_t counted;
    struct step *steps; /* one where the difference changes */
    size_t n, cap;
};

rh_lines *rh_lines_new(void)
{
    return rh_xcalloc(1, sizeof(rh_lines));
}

void rh_lines_free(rh_lines *l)
{
    if (!l)
        return;
    free(l->steps);
    free(l);
}

static int64_t count(const char *p, const char *end, char c)
{
    int64_t n = 0;
    while ((p = memchr(p, c, (size_t)(end - p)))) {
        n++;
        p++;
    }
    return n;
}

int64_t rh_lines_note(rh_lines *l, const rh_csv_record *r)
{
    const char *end = r->raw + r->raw_len;
    bool newline = end > r->raw && end[-1] == '\n', crlf = newline && end - r->raw > 1 && end[-2] == '\r';
    end -= newline + crlf;
    l->counted += 1 + count(r->raw, end, l->ends ? l->ends : '\r');
    if (!l->ends)
        l->ends = crlf ? '\r' : '\n';
    int64_t ahead = r->line - l->counted;
    if (l->n ? l->steps[l->n - 1].ahead == ahead : ahead == 0)
        return l->counted;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->steps = rh_xrealloc(l->steps, l->cap * sizeof *l->steps);
    }
    l->steps[l->n++] = (struct step){l->counted, ahead};
    return l->counted;
}

int64_t rh_lines_find(const rh_lines *l, int64_t counted)
{
    size_t low = 0, high = l->n; /* the last step at or before it is below high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->steps[middle].counted <= counted)
            low = middle + 1;
        else
            high = middle;
    }
    return counted + (low ? l->steps[low - 1].ahead : 0);
}
