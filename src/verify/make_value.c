/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/make_value.h"

#include <stdio.h>
#include <string.h>

#define BIG_DIGITS 14
#define INT_DIGITS 9

/* How values of a type come about. To add a type: a row; plain lists end with NULL. */
typedef enum how { BY_FORM, TEXTS, JSONS, PLAIN } how;

static const char *const small_numbers[] = {"1", "0", "5", "10", "100", "50", "2000", "-1", NULL};
static const char *const dates[] = {"2026-01-02", "1990-05-06", "2035-07-08", NULL};
static const char *const times[] = {"10:20:30", NULL};
static const char *const flags[] = {"true", "false", NULL};
static const char *const spans[] = {"1 day", "1 hour", NULL};
static const char *const points[] = {"(1,2)", NULL};
static const char *const boxes[] = {"((0,0),(1,1))", NULL};
static const char *const circles[] = {"<(0,0),1>", NULL};
static const char *const lines[] = {"[(0,0),(1,1)]", NULL};
static const char *const number_ranges[] = {"[1,10)", NULL};
static const char *const date_ranges[] = {"[2026-01-01,2026-02-01)", NULL};
static const char *const bits[] = {"1", "0", NULL};
static const char *const vectors[] = {"[1,2,3]", NULL};

static const struct row {
    const char *type;
    how how;
    rh_canary_form form;
    int digits; /* of the canary */
    const char *const *plain;
} rows[] = {
    {"text", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"varchar", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"bpchar", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"citext", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"name", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"tsvector", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"ltree", TEXTS, RH_CANARY_TEXT, 0, NULL},
    {"json", JSONS, RH_CANARY_TEXT, 0, NULL},
    {"jsonb", JSONS, RH_CANARY_TEXT, 0, NULL},
    {"hstore", JSONS, RH_CANARY_TEXT, 0, NULL},
    {"xml", JSONS, RH_CANARY_TEXT, 0, NULL},
    {"bytea", BY_FORM, RH_CANARY_BYTES, 0, NULL},
    {"uuid", BY_FORM, RH_CANARY_UUID, 0, NULL},
    {"inet", BY_FORM, RH_CANARY_INET, 0, NULL},
    {"cidr", BY_FORM, RH_CANARY_INET, 0, NULL},
    {"macaddr", BY_FORM, RH_CANARY_MAC, 0, NULL},
    {"int8", BY_FORM, RH_CANARY_BIG, BIG_DIGITS, small_numbers},
    {"float8", BY_FORM, RH_CANARY_BIG, BIG_DIGITS, small_numbers},
    {"numeric", BY_FORM, RH_CANARY_BIG, BIG_DIGITS, small_numbers},
    {"int4", BY_FORM, RH_CANARY_INT, INT_DIGITS, small_numbers},
    {"oid", BY_FORM, RH_CANARY_INT, INT_DIGITS, small_numbers},
    {"int2", PLAIN, 0, 0, small_numbers},
    {"float4", PLAIN, 0, 0, small_numbers},
    {"money", PLAIN, 0, 0, small_numbers},
    {"bool", PLAIN, 0, 0, flags},
    {"date", PLAIN, 0, 0, dates},
    {"timestamp", PLAIN, 0, 0, dates},
    {"timestamptz", PLAIN, 0, 0, dates},
    {"time", PLAIN, 0, 0, times},
    {"timetz", PLAIN, 0, 0, times},
    {"interval", PLAIN, 0, 0, spans},
    {"point", PLAIN, 0, 0, points},
    {"box", PLAIN, 0, 0, boxes},
    {"lseg", PLAIN, 0, 0, lines},
    {"path", PLAIN, 0, 0, lines},
    {"polygon", PLAIN, 0, 0, boxes},
    {"circle", PLAIN, 0, 0, circles},
    {"int4range", PLAIN, 0, 0, number_ranges},
    {"int8range", PLAIN, 0, 0, number_ranges},
    {"numrange", PLAIN, 0, 0, number_ranges},
    {"daterange", PLAIN, 0, 0, date_ranges},
    {"tsrange", PLAIN, 0, 0, date_ranges},
    {"tstzrange", PLAIN, 0, 0, date_ranges},
    {"bit", PLAIN, 0, 0, bits},
    {"varbit", PLAIN, 0, 0, bits},
    {"vector", PLAIN, 0, 0, vectors},
};

static const struct row *find_row(const char *type)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].type, type) == 0)
            return &rows[i];
    return NULL;
}

/* numeric(12,2) has no room for a big canary, but for one of nine digits. */
static int form_of(const rh_maker *m, const struct row *row)
{
    if (row->how == PLAIN || m->is_enum || m->is_composite)
        return -1;
    if (row->how == TEXTS && m->max_chars && m->max_chars < 9)
        return -1;
    if (m->max_digits && row->digits > m->max_digits)
        return m->max_digits >= INT_DIGITS && row->form == RH_CANARY_BIG ? RH_CANARY_INT : -1;
    return row->form;
}

int rh_maker_form(const rh_maker *m)
{
    const struct row *row = find_row(m->type);
    return row ? form_of(m, row) : -1;
}

/* Texts that checks usually ask for; %s is a canary, %m its mark alone. */
static const char *const text_styles[] = {"%s",
                                          "%s@%s.example",
                                          "https://%s.example/",
                                          "+4366412345678",
                                          "2026-01-02",
                                          "#a1b2c3",
                                          "en",
                                          "EUR",
                                          "A",
                                          "1",
                                          NULL};

static const char *text_value(const rh_maker *m, rh_arena *a, rh_canary *canary, int style, bool *is_canary)
{
    int words = (int)json_array_size(m->words);
    if (style > 0 && style <= words) {
        *is_canary = false;
        return rh_arena_strdup(a, json_string_value(json_array_get(m->words, (size_t)style - 1)));
    }
    int at = style > words ? style - words : 0;
    if (at >= (int)(sizeof text_styles / sizeof *text_styles) - 1)
        return NULL;
    const char *form = text_styles[at], *value = rh_canary_fresh(canary, a, RH_CANARY_TEXT);
    *is_canary = strchr(form, '%') != NULL;
    rh_str out;
    rh_str_init_in(&out, a, 256);
    for (; *form; form++)
        if (*form == '%')
            rh_str_add(&out, value), form++;
        else
            rh_str_addc(&out, *form);
    const char *text = rh_str_cstr(&out);
    size_t mark = strlen(canary->mark[RH_CANARY_TEXT]);
    if (!m->max_chars || strlen(text) <= (size_t)m->max_chars)
        return text;
    /* cut from the left of the number, so that the mark stays and the end still differs */
    *is_canary = at == 0 && m->max_chars >= (int)mark;
    if (!*is_canary)
        return rh_arena_strndup(a, text + strlen(text) - (size_t)m->max_chars, (size_t)m->max_chars);
    size_t rest = (size_t)m->max_chars - mark, number = strlen(value) - mark;
    return rh_arena_printf(a, "%.*s%s", (int)mark, value, value + mark + (number > rest ? number - rest : 0));
}

static const char *json_value(const rh_maker *m, rh_arena *a, rh_canary *canary, int style, bool *is_canary)
{
    const char *value = rh_canary_fresh(canary, a, RH_CANARY_TEXT);
    *is_canary = style != 1 && style != 2;
    if (strcmp(m->type, "hstore") == 0)
        return style == 0 ? rh_arena_printf(a, "\"key\"=>\"%s\"", value) : NULL;
    if (strcmp(m->type, "xml") == 0)
        return style == 0 ? rh_arena_printf(a, "<a>%s</a>", value) : NULL;
    switch (style) {
    case 0:
        return rh_arena_printf(a, "{\"%s\": 1, \"key\": \"%s\", \"list\": [\"%s\"]}", canary->mark[0], value,
                               value);
    case 1:
        return "{}";
    case 2:
        return "[]";
    case 3:
        return rh_arena_printf(a, "[\"%s\"]", value);
    case 4:
        return rh_arena_printf(a, "\"%s\"", value);
    default:
        return NULL;
    }
}

static const char *plain_value(const char *const *list, rh_arena *a, int style)
{
    for (int i = 0; list && list[i]; i++)
        if (i == style)
            return rh_arena_strdup(a, list[i]);
    return NULL;
}

static const char *element(const rh_maker *m, rh_arena *a, rh_canary *canary, int style, bool *is_canary)
{
    const struct row *row = find_row(m->type);
    *is_canary = false;
    if (m->is_enum)
        return rh_arena_strdup(a, json_string_value(json_array_get(m->words, (size_t)style)));
    if (!row || m->is_composite)
        return NULL;
    if (row->how == TEXTS)
        return text_value(m, a, canary, style, is_canary);
    if (row->how == JSONS)
        return json_value(m, a, canary, style, is_canary);
    int form = form_of(m, row);
    if (form < 0)
        return plain_value(row->plain, a, style);
    *is_canary = style == 0;
    return style == 0 ? rh_canary_fresh(canary, a, (rh_canary_form)form)
                      : plain_value(row->plain, a, style - 1);
}

const char *rh_make_value(const rh_maker *m, rh_arena *a, rh_canary *canary, int style, bool *is_canary)
{
    const char *one = element(m, a, canary, style, is_canary);
    if (!one || !m->is_array)
        return one;
    rh_str out;
    rh_str_init_in(&out, a, 1024);
    rh_str_add(&out, "{\"");
    for (; *one; one++) {
        if (*one == '"' || *one == '\\')
            rh_str_addc(&out, '\\');
        rh_str_addc(&out, *one);
    }
    rh_str_add(&out, "\"}");
    return rh_str_cstr(&out);
}
