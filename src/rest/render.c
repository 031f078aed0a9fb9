/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/render.h"

#include <string.h>

#include "base/json.h"

/* NaN and the infinities are no JSON numbers: strings, as to_json() has it. */
static void add_number(rh_str *out, const char *text, size_t n)
{
    char first = n && text[0] == '-' ? text[1] : text[0];
    if (first >= '0' && first <= '9')
        rh_str_addn(out, text, n);
    else
        rh_json_add_string(out, text, n);
}

/* `2020-01-02 03:04:05+00 BC` to `2020-01-02T03:04:05+00:00 BC`; infinity stays. */
static void add_timestamp(rh_str *out, const char *text, size_t n, bool zone)
{
    const char *space = memchr(text, ' ', n), *end = text + n;
    rh_str_addc(out, '"');
    if (!space) {
        rh_str_addn(out, text, n);
    } else {
        const char *stop = memchr(space + 1, ' ', (size_t)(end - space - 1)); /* before BC */
        if (!stop)
            stop = end;
        rh_str_addn(out, text, (size_t)(space - text));
        rh_str_addc(out, 'T');
        rh_str_addn(out, space + 1, (size_t)(stop - space - 1));
        if (zone && stop - space > 3 && (stop[-3] == '+' || stop[-3] == '-'))
            rh_str_add(out, ":00");
        rh_str_addn(out, stop, (size_t)(end - stop));
    }
    rh_str_addc(out, '"');
}

void rh_render_value(rh_str *out, const char *text, size_t n, rh_json_form form)
{
    switch (form) {
    case RH_JSON_STRING:
        rh_json_add_string(out, text, n);
        break;
    case RH_JSON_NUMBER:
        add_number(out, text, n);
        break;
    case RH_JSON_BOOL:
        rh_str_add(out, text[0] == 't' ? "true" : "false");
        break;
    case RH_JSON_TIMESTAMP:
        add_timestamp(out, text, n, false);
        break;
    case RH_JSON_TIMESTAMPTZ:
        add_timestamp(out, text, n, true);
        break;
    case RH_JSON_RAW:
    case RH_JSON_VIA_SQL:
        rh_str_addn(out, text, n);
        break;
    }
}

void rh_render_row(rh_str *out, const PGresult *res, int row, const rh_render_column *columns, int n,
                   bool strip)
{
    bool begun = false;
    for (int i = 0; i < n; i++) {
        size_t len = (size_t)PQgetlength(res, row, i);
        bool null = len == 0 && PQgetisnull(res, row, i);
        if (null && strip)
            continue;
        if (i && !begun) { /* the lead of a later column begins with a comma */
            rh_str_addc(out, '{');
            rh_str_addn(out, columns[i].lead + 1, columns[i].lead_len - 1);
        } else {
            rh_str_addn(out, columns[i].lead, columns[i].lead_len);
        }
        begun = true;
        if (null)
            rh_str_addn(out, "null", 4);
        else
            rh_render_value(out, PQgetvalue(res, row, i), len, columns[i].form);
    }
    rh_str_add(out, begun ? "}" : "{}");
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

void rh_render_bytes(rh_str *out, const char *text, size_t n)
{
    if (n < 2 || text[0] != '\\' || text[1] != 'x') {
        rh_str_addn(out, text, n);
        return;
    }
    for (size_t i = 2; i + 1 < n; i += 2)
        rh_str_addc(out, (char)(digit(text[i]) << 4 | digit(text[i + 1])));
}

void rh_render_csv_value(rh_str *out, const char *text, size_t n)
{
    bool quote = n == 0;
    for (size_t i = 0; i < n && !quote; i++)
        quote = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    if (!quote) {
        rh_str_addn(out, text, n);
        return;
    }
    rh_str_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            rh_str_addc(out, '"');
        rh_str_addc(out, text[i]);
    }
    rh_str_addc(out, '"');
}

void rh_render_csv_row(rh_str *out, const PGresult *res, int row, int n)
{
    if (n == 1 && strcmp(PQgetvalue(res, row, 0), "\\.") == 0) { /* would end the data of a COPY */
        rh_str_add(out, "\"\\.\"\n");
        return;
    }
    for (int i = 0; i < n; i++) {
        if (i)
            rh_str_addc(out, ',');
        if (!PQgetisnull(res, row, i))
            rh_render_csv_value(out, PQgetvalue(res, row, i), (size_t)PQgetlength(res, row, i));
    }
    rh_str_addc(out, '\n');
}
