/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/negotiate.h"

#include <string.h>
#include <strings.h>

#include "rest/scan.h"

const char *const rh_media_content_types[] = {
    [RH_MEDIA_JSON] = "application/json; charset=utf-8",
    [RH_MEDIA_STRIPPED] = "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    [RH_MEDIA_OBJECT] = "application/vnd.pgrst.object+json; charset=utf-8",
    [RH_MEDIA_STRIPPED_OBJECT] = "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
    [RH_MEDIA_CSV] = "text/csv; charset=utf-8",
};

/* To add a media type: a row, and a row above. stripped: what nulls=stripped makes of it; itself where it may
 * not be asked for. */
static const struct {
    const char *name;
    rh_media media, stripped;
} media[] = {
    {"*/*", RH_MEDIA_JSON, RH_MEDIA_JSON},
    {"application/*", RH_MEDIA_JSON, RH_MEDIA_JSON},
    {"application/json", RH_MEDIA_JSON, RH_MEDIA_JSON},
    {"application/vnd.pgrst.array+json", RH_MEDIA_JSON, RH_MEDIA_STRIPPED},
    {"application/vnd.pgrst.array", RH_MEDIA_JSON, RH_MEDIA_STRIPPED},
    {"application/vnd.pgrst.object+json", RH_MEDIA_OBJECT, RH_MEDIA_STRIPPED_OBJECT},
    {"application/vnd.pgrst.object", RH_MEDIA_OBJECT, RH_MEDIA_STRIPPED_OBJECT},
    {"text/csv", RH_MEDIA_CSV, RH_MEDIA_CSV},
    {"text/*", RH_MEDIA_CSV, RH_MEDIA_CSV},
};

static size_t trimmed(const char *text, size_t n)
{
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    return n;
}

/* Parameters that change the answer: q=0 refuses it, nulls=stripped leaves nulls out. */
static bool acceptable(const char *parameters, size_t n, bool *strip)
{
    *strip = false;
    for (size_t i = 0; i < n; i++) {
        const char *p = parameters + i;
        if (*p != ';')
            continue;
        p++;
        p += strspn(p, " \t");
        if (strncasecmp(p, "nulls=", 6) == 0) {
            if (strncasecmp(p + 6, "stripped", 8) != 0)
                return false;
            *strip = true;
        }
        if (strncasecmp(p, "q=0", 3) == 0) {
            p += 3 + strspn(p + 3, ".0");
            if (!*p || strchr(";, \t", *p))
                return false;
        }
    }
    return true;
}

bool rh_accept_parse(const char *accept, rh_media *out, rh_err *err)
{
    bool strip;
    *out = RH_MEDIA_JSON;
    if (!accept || !accept[strspn(accept, " \t,")])
        return true;
    for (const char *p = accept; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t whole = strcspn(p, ","), n = trimmed(p, strcspn(p, ";,"));
        for (size_t i = 0; i < sizeof media / sizeof *media; i++)
            if (strlen(media[i].name) == n && strncasecmp(media[i].name, p, n) == 0 &&
                acceptable(p + n, whole - n, &strip) && !(strip && media[i].stripped == media[i].media)) {
                *out = strip ? media[i].stripped : media[i].media;
                return true;
            }
        p += whole;
    }
    return rh_err_set(err, RH_E_MEDIA, "None of these media types are available: %.*s", RH_CLIPPED(accept));
}

static bool not_satisfiable(rh_err *err, const char *detail)
{
    rh_err_set(err, RH_E_RANGE, "Requested range not satisfiable");
    return rh_err_detail(err, "%s", detail);
}

/* `5-9` or `5-`; anything else is no range of rows and is ignored, as RFC 9110 has it for unknown units. */
static bool range_bounds(const char *range, uint64_t *first, uint64_t *last)
{
    const char *dash = range ? strchr(range, '-') : NULL;
    *last = INT64_MAX - 1;
    return dash && rh_parse_uint(range, (size_t)(dash - range), first) && *first < INT64_MAX &&
           (!dash[1] || (rh_parse_uint(dash + 1, strlen(dash + 1), last) && *last < INT64_MAX));
}

bool rh_window_of(const char *range, const rh_query *query, int64_t max_rows, rh_window *out, rh_err *err)
{
    uint64_t first, last;
    *out = (rh_window){query->has_limit, query->limit, query->has_offset ? query->offset : 0};
    if (range_bounds(range, &first, &last) && !(query->has_limit && !query->limit)) {
        if (first > last)
            return not_satisfiable(
                err, "The lower boundary must be lower than or equal to the upper boundary in the "
                     "Range header.");
        int64_t from = (int64_t)first > out->offset ? (int64_t)first : out->offset;
        int64_t to = (int64_t)last;
        if (out->has_limit && out->limit - 1 <= INT64_MAX - 1 - out->offset &&
            out->offset + out->limit - 1 < to)
            to = out->offset + out->limit - 1;
        if (to < from)
            return not_satisfiable(err, "The Range header and limit or offset have no row in common.");
        *out = (rh_window){to < INT64_MAX - 1, to - from + 1, from};
    }
    if (max_rows > 0 && (!out->has_limit || out->limit > max_rows)) {
        out->has_limit = true;
        out->limit = max_rows;
    }
    return true;
}
