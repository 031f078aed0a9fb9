/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/prefer.h"

#include <stdio.h>
#include <string.h>

#include "rest/scan.h"

enum kind { RETURN, COUNT, HANDLING, RESOLUTION, MISSING, TX, TIMEZONE, MAX_AFFECTED, KINDS };

/* To add a preference: a row. A text that ends with '=' takes any value. */
static const struct {
    const char *text;
    enum kind kind;
    int value;
} preferences[] = {
    {"return=minimal", RETURN, RH_RETURN_MINIMAL},
    {"return=headers-only", RETURN, RH_RETURN_HEADERS_ONLY},
    {"return=representation", RETURN, RH_RETURN_REPRESENTATION},
    {"count=exact", COUNT, RH_COUNT_EXACT},
    {"count=planned", COUNT, RH_COUNT_PLANNED},
    {"count=estimated", COUNT, RH_COUNT_ESTIMATED},
    {"handling=strict", HANDLING, RH_HANDLING_STRICT},
    {"handling=lenient", HANDLING, RH_HANDLING_LENIENT},
    {"resolution=merge-duplicates", RESOLUTION, RH_RESOLUTION_MERGE},
    {"resolution=ignore-duplicates", RESOLUTION, RH_RESOLUTION_IGNORE},
    {"missing=null", MISSING, RH_MISSING_NULL},
    {"missing=default", MISSING, RH_MISSING_DEFAULT},
    {"tx=commit", TX, RH_TX_COMMIT},
    {"tx=rollback", TX, RH_TX_ROLLBACK},
    {"timezone=", TIMEZONE, 0},
    {"max-affected=", MAX_AFFECTED, 0},
};

static int find(const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences; i++) {
        size_t len = strlen(preferences[i].text);
        bool open = preferences[i].text[len - 1] == '=';
        if ((open ? n > len : n == len) && memcmp(preferences[i].text, text, len) == 0)
            return (int)i;
    }
    return -1;
}

static void apply(rh_prefer *out, int i, const char *text, size_t n)
{
    uint64_t number;
    int value = preferences[i].value;
    switch (preferences[i].kind) {
    case RETURN:
        out->answer = (rh_return)value;
        break;
    case COUNT:
        out->count = (rh_count)value;
        break;
    case HANDLING:
        out->handling = (rh_handling)value;
        break;
    case RESOLUTION:
        out->resolution = (rh_resolution)value;
        break;
    case MISSING:
        out->missing = (rh_missing)value;
        break;
    case TX:
        out->tx = (rh_tx)value;
        break;
    case TIMEZONE:
        out->timezone = text + 9;
        out->timezone_len = n - 9;
        break;
    case MAX_AFFECTED:
        if (rh_parse_uint(text + 13, n - 13, &number) && number <= INT64_MAX)
            out->max_affected = (int64_t)number;
        break;
    case KINDS:
        break;
    }
}

bool rh_prefer_parse(const char *header, rh_prefer *out, rh_err *err)
{
    char unknown[200];
    size_t n_unknown = 0;
    bool seen[KINDS] = {false};
    *out = (rh_prefer){.max_affected = -1};
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t whole = strcspn(header, ","), n = whole;
        while (n && (header[n - 1] == ' ' || header[n - 1] == '\t'))
            n--;
        int i = n ? find(header, n) : -1;
        if (i >= 0) {
            if (!seen[preferences[i].kind])
                apply(out, i, header, n);
            seen[preferences[i].kind] = true;
        } else if (n && n_unknown < sizeof unknown) {
            n_unknown += (size_t)snprintf(unknown + n_unknown, sizeof unknown - n_unknown, "%s%.*s",
                                          n_unknown ? ", " : "",
                                          (int)(n < sizeof unknown ? n : sizeof unknown), header);
        }
        header += whole;
    }
    if (!n_unknown || out->handling != RH_HANDLING_STRICT)
        return true;
    rh_err_set(err, RH_E_PREFER, "Invalid preferences given with handling=strict");
    return rh_err_detail(err, "Invalid preferences: %.*s", rh_clip(unknown, sizeof unknown - 2), unknown);
}

static void add(rh_str *out, const char *text)
{
    if (out->len)
        rh_str_add(out, ", ");
    rh_str_add(out, text);
}

/* Adds the preference of the kind and value. */
static void add_kind(rh_str *out, enum kind kind, int value)
{
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences; i++)
        if (value && preferences[i].kind == kind && preferences[i].value == value)
            add(out, preferences[i].text);
}

void rh_prefer_applied(const rh_prefer *p, rh_prefer_of of, rh_str *out)
{
    bool write = of != RH_PREFER_READ && of != RH_PREFER_CALL;
    if (of == RH_PREFER_INSERT)
        add_kind(out, RESOLUTION, p->resolution);
    if (of == RH_PREFER_INSERT || of == RH_PREFER_UPDATE)
        add_kind(out, MISSING, p->missing);
    if (write)
        add_kind(out, RETURN, p->answer);
    add_kind(out, COUNT, p->count);
    add_kind(out, TX, p->tx);
    add_kind(out, HANDLING, p->handling);
    if (p->timezone) {
        add(out, "timezone=");
        rh_str_addn(out, p->timezone, p->timezone_len);
    }
    if ((of == RH_PREFER_CALL || of == RH_PREFER_UPDATE || of == RH_PREFER_DELETE) &&
        p->handling == RH_HANDLING_STRICT && p->max_affected >= 0) {
        add(out, "max-affected=");
        rh_str_addu(out, (uint64_t)p->max_affected);
    }
}
