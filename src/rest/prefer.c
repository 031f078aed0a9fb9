/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/prefer.h"

#include <string.h>

enum kind { RETURN, COUNT, HANDLING, MISSING, TX, MAX_AFFECTED, REFUSED };

/* To add a preference: a row. A text that ends with '=' takes any value. */
static const struct {
    const char *text;
    enum kind kind;
    int value;
} preferences[] = {
    {"return=minimal", RETURN, RH_RETURN_MINIMAL},
    {"return=headers-only", RETURN, RH_RETURN_HEADERS_ONLY},
    {"return=representation", RETURN, RH_RETURN_REPRESENTATION},
    {"count=exact", COUNT, 0},
    {"count=planned", REFUSED, 0},
    {"count=estimated", REFUSED, 0},
    {"handling=strict", HANDLING, RH_HANDLING_STRICT},
    {"handling=lenient", HANDLING, RH_HANDLING_LENIENT},
    {"missing=null", MISSING, 0},
    {"missing=default", REFUSED, 0},
    {"tx=commit", TX, 0},
    {"tx=rollback", REFUSED, 0},
    {"resolution=merge-duplicates", REFUSED, 0},
    {"resolution=ignore-duplicates", REFUSED, 0},
    {"timezone=", REFUSED, 0},
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

static bool refused(rh_err *err, const char *text, size_t n)
{
    rh_err_set(err, RH_E_NOT_IMPLEMENTED, "Feature not implemented");
    return rh_err_detail(err, "Prefer: %.*s", (int)(n < 200 ? n : 200), text);
}

static void apply(rh_prefer *out, int i, const char *text, size_t n)
{
    uint64_t number;
    switch (preferences[i].kind) {
    case RETURN:
        if (out->answer == RH_RETURN_DEFAULT)
            out->answer = (rh_return)preferences[i].value;
        break;
    case COUNT:
        out->count_exact = true;
        break;
    case HANDLING:
        if (out->handling == RH_HANDLING_DEFAULT)
            out->handling = (rh_handling)preferences[i].value;
        break;
    case MISSING:
        out->missing_null = true;
        break;
    case MAX_AFFECTED:
        if (out->max_affected < 0 && rh_parse_uint(text + 13, n - 13, &number) && number <= INT64_MAX)
            out->max_affected = (int64_t)number;
        break;
    case TX:
    case REFUSED:
        break;
    }
}

bool rh_prefer_parse(const char *header, rh_prefer *out, rh_err *err)
{
    const char *unknown = NULL;
    size_t unknown_len = 0;
    *out = (rh_prefer){.max_affected = -1};
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t whole = strcspn(header, ","), n = whole;
        while (n && (header[n - 1] == ' ' || header[n - 1] == '\t'))
            n--;
        int i = n ? find(header, n) : -1;
        if (i >= 0 && preferences[i].kind == REFUSED)
            return refused(err, header, n);
        if (i >= 0) {
            apply(out, i, header, n);
        } else if (n && !unknown) {
            unknown = header;
            unknown_len = n;
        }
        header += whole;
    }
    if (!unknown || out->handling != RH_HANDLING_STRICT)
        return true;
    rh_err_set(err, RH_E_PREFER, "Invalid preferences given with handling=strict");
    return rh_err_detail(err, "Invalid preferences: %.*s", (int)(unknown_len < 200 ? unknown_len : 200),
                         unknown);
}

static void add(rh_str *out, const char *text)
{
    if (out->len)
        rh_str_add(out, ", ");
    rh_str_add(out, text);
}

void rh_prefer_applied(const rh_prefer *p, bool write, bool insert, rh_str *out)
{
    static const char *const answers[] = {NULL, "return=minimal", "return=headers-only",
                                          "return=representation"};
    if (write && p->missing_null)
        add(out, "missing=null");
    if (write && p->answer != RH_RETURN_DEFAULT)
        add(out, answers[p->answer]);
    if (p->count_exact)
        add(out, "count=exact");
    if (p->handling != RH_HANDLING_DEFAULT)
        add(out, p->handling == RH_HANDLING_STRICT ? "handling=strict" : "handling=lenient");
    if (write && !insert && p->handling == RH_HANDLING_STRICT && p->max_affected >= 0) {
        add(out, "max-affected=");
        rh_str_addu(out, (uint64_t)p->max_affected);
    }
}
