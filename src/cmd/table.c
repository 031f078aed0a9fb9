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

int *rh_table_widths(const PGresult *res, int max_rows)
{
    int columns = PQnfields(res), *widths = rh_xcalloc((size_t)columns + 1, sizeof *widths);
    for (int c = 0; c < columns; c++) {
        widths[c] = width(PQfname(res, c));
        for (int r = 0; r < PQntuples(res) && r < max_rows; r++) {
            int w = width(PQgetvalue(res, r, c));
            widths[c] = w > widths[c] ? w : widths[c];
        }
        widths[c] = widths[c] > MAX_WIDTH ? MAX_WIDTH : widths[c];
    }
    return widths;
}

void rh_table_line(const PGresult *res, int row, FILE *out, const int *widths)
{
    for (int c = 0; c < PQnfields(res); c++) {
        if (c)
            fputs("  ", out);
        print_cell(out, row < 0 ? PQfname(res, c) : PQgetvalue(res, row, c), widths[c],
                   is_number(PQftype(res, c)));
    }
    fputc('\n', out);
}

void rh_table_print(const PGresult *res, FILE *out, const char *indent, int max_rows)
{
    int rows = PQntuples(res), *widths = rh_table_widths(res, max_rows);
    for (int r = -1; r < rows && r < max_rows; r++) {
        fputs(indent, out);
        rh_table_line(res, r, out, widths);
    }
    if (max_rows < rows)
        fprintf(out, "%s... %d rows in all\n", indent, rows);
    free(widths);
}
