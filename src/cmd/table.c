/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"

#define MAX_WIDTH 48

/* Code points, the nearest cheap thing to columns on a screen. */
static int width(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* Control characters of data must not reach the terminal. */
static void print_cell(FILE *out, const char *s, int columns, bool right)
{
    int n = width(s), shown = 0;
    for (int i = n; right && i < columns; i++)
        fputc(' ', out);
    for (; *s; s++) {
        if (((unsigned char)*s & 0xC0) != 0x80 && ++shown > columns)
            break;
        fputc((unsigned char)*s < 0x20 || *s == 0x7F ? ' ' : *s, out);
    }
    for (int i = n; !right && i < columns; i++)
        fputc(' ', out);
}

static bool is_number(Oid type)
{
    return type == 20 || type == 21 || type == 23 || type == 700 || type == 701 || type == 1700;
}

void rh_table_print(const PGresult *res, FILE *out, const char *indent, int max_rows)
{
    int columns = PQnfields(res), rows = PQntuples(res), shown = rows < max_rows ? rows : max_rows;
    int *widths = rh_xcalloc((size_t)columns + 1, sizeof *widths);
    for (int c = 0; c < columns; c++) {
        widths[c] = width(PQfname(res, c));
        for (int r = 0; r < shown; r++) {
            int w = width(PQgetvalue(res, r, c));
            widths[c] = w > widths[c] ? w : widths[c];
        }
        widths[c] = widths[c] > MAX_WIDTH ? MAX_WIDTH : widths[c];
    }
    for (int r = -1; r < shown; r++) {
        fputs(indent, out);
        for (int c = 0; c < columns; c++) {
            if (c)
                fputs("  ", out);
            print_cell(out, r < 0 ? PQfname(res, c) : PQgetvalue(res, r, c), widths[c],
                       is_number(PQftype(res, c)));
        }
        fputc('\n', out);
    }
    if (shown < rows)
        fprintf(out, "%s... %d rows in all\n", indent, rows);
    free(widths);
}
