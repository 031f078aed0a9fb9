/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/negotiate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rest/cast.h"
#include "rest/scan.h"

#define MAX_TYPES 64 /* of one Accept header that are looked at */
#define MAX_PARAMETERS 8
#define ANY "*/*"
#define ANY_CONTENT "application/octet-stream"

/* What is built in, for whatever has rows or values. To add one: a row. stripped: what nulls=stripped makes
 * of it; itself where it may not be asked for. vendor: the app may not have it otherwise. */
static const struct builtin {
    const char *name;
    rh_media media, stripped;
    bool vendor;
} builtins[] = {
    {"application/json", RH_MEDIA_JSON, RH_MEDIA_JSON, false},
    {"text/csv", RH_MEDIA_CSV, RH_MEDIA_CSV, false},
    {"application/geo+json", RH_MEDIA_GEO, RH_MEDIA_GEO, false},
    {"application/vnd.pgrst.array+json", RH_MEDIA_JSON, RH_MEDIA_STRIPPED, true},
    {"application/vnd.pgrst.array", RH_MEDIA_JSON, RH_MEDIA_STRIPPED, true},
    {"application/vnd.pgrst.object+json", RH_MEDIA_OBJECT, RH_MEDIA_STRIPPED_OBJECT, true},
    {"application/vnd.pgrst.object", RH_MEDIA_OBJECT, RH_MEDIA_STRIPPED_OBJECT, true},
    {ANY, RH_MEDIA_JSON, RH_MEDIA_JSON, false},
    {"application/*", RH_MEDIA_JSON, RH_MEDIA_JSON, false},
    {"text/*", RH_MEDIA_CSV, RH_MEDIA_CSV, false},
};

static const char *const content_types[] = {
    [RH_MEDIA_JSON] = "application/json; charset=utf-8",
    [RH_MEDIA_STRIPPED] = "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    [RH_MEDIA_OBJECT] = "application/vnd.pgrst.object+json; charset=utf-8",
    [RH_MEDIA_STRIPPED_OBJECT] = "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
    [RH_MEDIA_CSV] = "text/csv; charset=utf-8",
    [RH_MEDIA_GEO] = "application/geo+json; charset=utf-8",
};

/* ---- Accept ---- */

/* One media type of the header. */
typedef struct accepted {
    const char *name;
    struct {
        const char *name, *value; /* value without its quotes */
    } parameters[MAX_PARAMETERS];
    int n_parameters;
    int q; /* thousandths */
    int order;
} accepted;

static const char *trimmed(rh_arena *a, const char *from, size_t n)
{
    while (n && (*from == ' ' || *from == '\t')) {
        from++;
        n--;
    }
    while (n && (from[n - 1] == ' ' || from[n - 1] == '\t'))
        n--;
    return rh_arena_strndup(a, from, n);
}

/* How long it is up to `stop`, which does not count within quotes. */
static size_t until(const char *p, char stop)
{
    size_t n = 0;
    for (bool quoted = false; p[n] && (quoted || p[n] != stop); n++)
        quoted ^= p[n] == '"';
    return n;
}

static const char *unquoted(rh_arena *a, const char *text)
{
    size_t n = strlen(text);
    return n >= 2 && text[0] == '"' && text[n - 1] == '"' ? rh_arena_strndup(a, text + 1, n - 2) : text;
}

static int thousandths(const char *q)
{
    char *end;
    double n = strtod(q, &end);
    return end == q || !(n >= 0) ? 1000 : n > 1 ? 1000 : (int)(n * 1000 + 0.5);
}

static accepted read_one(rh_arena *a, const char *text)
{
    size_t n = until(text, ';');
    accepted m = {.name = trimmed(a, text, n), .q = 1000};
    for (const char *p = text + n; *p && m.n_parameters < MAX_PARAMETERS; p += until(p, ';')) {
        const char *one = trimmed(a, p + 1, until(p + 1, ';')), *equals = strchr(one, '=');
        p++;
        if (!equals)
            continue;
        const char *name = trimmed(a, one, (size_t)(equals - one));
        const char *value = unquoted(a, trimmed(a, equals + 1, strlen(equals + 1)));
        m.parameters[m.n_parameters].name = name;
        m.parameters[m.n_parameters++].value = value;
        if (strcasecmp(name, "q") == 0)
            m.q = thousandths(value);
    }
    return m;
}

static const char *parameter(const accepted *m, const char *name)
{
    for (int i = 0; i < m->n_parameters; i++)
        if (strcasecmp(m->parameters[i].name, name) == 0)
            return m->parameters[i].value;
    return NULL;
}

static int says(const accepted *m)
{
    return strcmp(m->name, ANY) == 0 ? 0 : strchr(m->name, '*') ? 1 : 2;
}

static int by_preference(const void *a, const void *b)
{
    const accepted *x = a, *y = b;
    if (x->q != y->q)
        return y->q - x->q;
    return says(x) != says(y) ? says(y) - says(x) : x->order - y->order;
}

static int read_all(rh_arena *a, const char *accept, accepted *out)
{
    int n = 0;
    for (const char *p = accept; *p && n < MAX_TYPES; p += *p == ',') {
        size_t len = until(p, ',');
        const char *one = trimmed(a, p, len);
        p += len;
        if (!*one)
            continue;
        out[n] = read_one(a, one);
        out[n].order = n;
        n++;
    }
    qsort(out, (size_t)n, sizeof *out, by_preference);
    return n;
}

/* ---- who can make it ---- */

static const char *content_type_of(rh_arena *a, const char *name)
{
    static const char *const texts[] = {"application/json", "application/geo+json",
                                        "text/csv",         "text/plain",
                                        "text/xml",         "application/openapi+json"};
    char *lower = rh_arena_strdup(a, strcmp(name, ANY) == 0 ? ANY_CONTENT : name);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i], lower) == 0)
            return rh_arena_printf(a, "%s; charset=utf-8", lower);
    return lower;
}

static bool is_bytes(const rh_relation_cache *c, const char *media)
{
    int n;
    const rh_app_type *types = rh_app_type_all(c, &n);
    for (int i = 0; i < n; i++)
        if (types[i].is_media && strcmp(types[i].name, media) == 0)
            return types[i].base.text && strcmp(types[i].base.text, "bytea") == 0;
    return false;
}

static bool take(rh_arena *a, const rh_offers *o, rh_media media, const char *name, rh_format *out)
{
    out->media = media;
    out->content_type = content_type_of(a, name);
    out->bytes = is_bytes(o->cache, name);
    return true;
}

static bool find_handler(rh_arena *a, const rh_offers *o, const rh_relation *of, const char *name,
                         rh_format *out)
{
    int n;
    const rh_handler *all = rh_handler_all(o->cache, &n);
    for (int i = 0; i < n; i++)
        if (all[i].relation == of && strcasecmp(all[i].media, name) == 0) {
            out->handler = &all[i];
            return take(a, o, RH_MEDIA_HANDLER, all[i].media, out);
        }
    return false;
}

static bool find_value(rh_arena *a, const rh_offers *o, const char *name, rh_format *out)
{
    const rh_function *f = o->function;
    const rh_app_type *t = f && !f->returns_set ? rh_cast_result(f) : NULL;
    return t && t->is_media && strcasecmp(t->name, name) == 0 && take(a, o, RH_MEDIA_VALUE, t->name, out);
}

static bool find_own(rh_arena *a, const rh_offers *o, const char *name, rh_format *out)
{
    return find_value(a, o, ANY, out) || find_value(a, o, name, out) ||
           (o->whole_rows && o->relation && find_handler(a, o, o->relation, ANY, out)) ||
           (o->whole_rows && o->relation && find_handler(a, o, o->relation, name, out)) ||
           find_handler(a, o, NULL, name, out);
}

static bool find_builtin(const rh_offers *o, const struct builtin *b, const accepted *m, rh_format *out)
{
    const char *nulls = parameter(m, "nulls");
    bool strip = nulls && strcasecmp(nulls, "stripped") == 0;
    if ((nulls && !strip) || (strip && b->stripped == b->media) ||
        (b->media == RH_MEDIA_GEO && !rh_relation_cache_geojson(o->cache)->text))
        return false;
    out->media = strip ? b->stripped : b->media;
    out->content_type = content_types[out->media];
    return true;
}

static bool find(rh_arena *a, const rh_offers *o, const accepted *m, rh_format *out)
{
    const struct builtin *b = NULL;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strcasecmp(builtins[i].name, m->name) == 0)
            b = &builtins[i];
    *out = (rh_format){0};
    if (!m->q)
        return false;
    if (!(b && b->vendor) && find_own(a, o, m->name, out))
        return true;
    return b && find_builtin(o, b, m, out);
}

/* ---- plans ---- */

static bool has_option(const char *options, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = options; p && *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && strncasecmp(p, name, n) == 0)
            return true;
    return false;
}

static void add_option(rh_str *s, bool on, const char *name)
{
    if (on)
        rh_str_addf(s, "%s%s", s->len ? "|" : "", name);
}

static const char *plan_type(rh_arena *a, const rh_explain *e, const char *of)
{
    rh_str options;
    rh_str_init_in(&options, a, 128);
    add_option(&options, e->analyze, "analyze");
    add_option(&options, e->verbose, "verbose");
    add_option(&options, e->settings, "settings");
    add_option(&options, e->buffers, "buffers");
    add_option(&options, e->wal, "wal");
    return rh_arena_printf(a, "application/vnd.pgrst.plan+%s; for=\"%.*s\"%s%s; charset=utf-8",
                           e->json ? "json" : "text", (int)(strcspn(of, ";")), of,
                           options.len ? "; options=" : "", rh_str_cstr(&options));
}

static bool find_plan(rh_arena *a, const rh_offers *o, const accepted *m, rh_format *out)
{
    static const char prefix[] = "application/vnd.pgrst.plan";
    const char *of = parameter(m, "for"), *options = parameter(m, "options");
    if (strncasecmp(m->name, prefix, sizeof prefix - 1) != 0 || o->plans == RH_PLANS_NONE || !m->q)
        return false;
    const char *suffix = m->name + sizeof prefix - 1;
    if (*suffix && strcasecmp(suffix, "+text") != 0 && strcasecmp(suffix, "+json") != 0)
        return false;
    accepted shown = read_one(a, of ? of : "application/json");
    if (!find(a, o, &shown, out))
        return false;
    out->explain = (rh_explain){.on = true,
                                .json = strcasecmp(suffix, "+json") == 0,
                                .analyze = has_option(options, "analyze"),
                                .verbose = has_option(options, "verbose"),
                                .settings = has_option(options, "settings"),
                                .buffers = has_option(options, "buffers"),
                                .wal = has_option(options, "wal")};
    out->content_type = plan_type(a, &out->explain, out->content_type);
    return true;
}

/* What was read of shared tables tells of other tenants' rows, as do the planner's numbers. */
static bool check_plan(const rh_offers *o, const rh_explain *e, rh_err *err)
{
    if (o->plans == RH_PLANS_WHOLE || !(e->analyze || e->buffers || e->wal))
        return true;
    rh_err_set(err, RH_E_FORBIDDEN, "plans of shared tables are shown without what was read of them");
    return rh_err_hint(err, "Ask without analyze, buffers and wal.");
}

bool rh_accept_choose(rh_arena *a, const char *accept, const rh_offers *o, rh_format *out, rh_err *err)
{
    accepted list[MAX_TYPES];
    int n = read_all(a, accept ? accept : "", list);
    if (!n)
        list[n++] = read_one(a, ANY);
    for (int i = 0; i < n; i++) {
        if (find_plan(a, o, &list[i], out))
            return check_plan(o, &out->explain, err);
        if (find(a, o, &list[i], out))
            return true;
    }
    rh_err_set(err, RH_E_MEDIA, "None of these media types are available: %.*s", RH_CLIPPED(accept));
    for (int i = 0; i < n; i++)
        if (strcasecmp(list[i].name, "application/geo+json") == 0)
            return rh_err_hint(
                err, "GeoJSON is made by PostGIS, version 3 or later, which the app does not have.");
    return false;
}

/* ---- the range ---- */

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
