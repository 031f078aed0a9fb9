/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/print_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/table.h"
#include "rest/render.h"

#define MAX_ROW ((size_t)256 << 20)

/* ---- CSV ---- */

static void csv_value(FILE *out, const char *text)
{
    if (!*text || strpbrk(text, ",\"\r\n")) { /* an empty text is not NULL */
        fputc('"', out);
        for (; *text; text++) {
            if (*text == '"')
                fputc('"', out);
            fputc(*text, out);
        }
        fputc('"', out);
    } else {
        fputs(text, out);
    }
}

static void csv_line(FILE *out, const PGresult *res, int row)
{
    for (int c = 0; c < PQnfields(res); c++) {
        if (c)
            fputc(',', out);
        if (row < 0)
            csv_value(out, PQfname(res, c));
        else if (!PQgetisnull(res, row, c))
            csv_value(out, PQgetvalue(res, row, c));
    }
    fputs("\r\n", out);
}

/* ---- JSON ---- */

/* Types of PostgreSQL's own that JSON has forms for: numbers of pg_type. */
static rh_json_form form_of(Oid type)
{
    switch (type) {
    case 16:
        return RH_JSON_BOOL;
    case 20: /* int8, int2, int4, oid, float4, float8, numeric */
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
    case 1700:
        return RH_JSON_NUMBER;
    case 114: /* json, jsonb */
    case 3802:
        return RH_JSON_RAW;
    case 1114:
        return RH_JSON_TIMESTAMP;
    case 1184:
        return RH_JSON_TIMESTAMPTZ;
    default:
        return RH_JSON_STRING;
    }
}

static bool json_line(FILE *out, const PGresult *res, int row, bool first, rh_err *err)
{
    rh_str s;
    rh_str_init(&s, MAX_ROW);
    rh_str_add(&s, first ? "\n{" : ",\n{");
    for (int c = 0; c < PQnfields(res); c++) {
        rh_str_add(&s, c ? "," : "");
        rh_json_add_string(&s, PQfname(res, c), strlen(PQfname(res, c)));
        rh_str_addc(&s, ':');
        if (PQgetisnull(res, row, c))
            rh_str_add(&s, "null");
        else
            rh_render_value(&s, PQgetvalue(res, row, c), (size_t)PQgetlength(res, row, c),
                            form_of(PQftype(res, c)));
    }
    rh_str_addc(&s, '}');
    bool ok = !s.overflow || rh_err_set(err, RH_E_TOO_LARGE, "a row is longer than %zu MiB", MAX_ROW >> 20);
    if (ok)
        fwrite(s.data, 1, s.len, out);
    rh_str_release(&s);
    return ok;
}

/* ---- any ---- */

static void begin(rh_row_printer *p, const PGresult *rows)
{
    p->begun = true;
    if (p->format == RH_ROWS_CSV)
        csv_line(p->out, rows, -1);
    else if (p->format == RH_ROWS_JSON)
        fputc('[', p->out);
}

static bool check_out(const rh_row_printer *p, rh_err *err)
{
    return !ferror(p->out) ||
           rh_err_set(err, RH_E_IO, "the output cannot be written: %s", strerror(errno ? errno : EIO));
}

bool rh_rows_print(rh_row_printer *p, const PGresult *rows, rh_err *err)
{
    bool ok = true;
    if (!p->begun)
        begin(p, rows);
    if (p->format == RH_ROWS_TABLE && !p->widths && PQntuples(rows) > 0) {
        p->widths = rh_table_widths(rows, PQntuples(rows));
        rh_table_line(rows, -1, p->out, p->widths);
    }
    for (int row = 0; ok && row < PQntuples(rows); row++, p->rows++) {
        if (p->format == RH_ROWS_CSV)
            csv_line(p->out, rows, row);
        else if (p->format == RH_ROWS_JSON)
            ok = json_line(p->out, rows, row, p->rows == 0, err);
        else
            rh_table_line(rows, row, p->out, p->widths);
    }
    return ok && check_out(p, err);
}

bool rh_rows_end(rh_row_printer *p, rh_err *err)
{
    if (p->format == RH_ROWS_JSON)
        fputs(p->begun && p->rows ? "\n]\n" : p->begun ? "]\n" : "[]\n", p->out);
    free(p->widths);
    p->widths = NULL;
    fflush(p->out);
    return check_out(p, err);
}
