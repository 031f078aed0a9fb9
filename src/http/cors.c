/* SPDX-License-Identifier: Apache-2.0 */
#include "http/cors.h"

#include <ctype.h>
#include <string.h>

#include "http/exchange.h"

#define METHODS "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
#define MAX_AGE "86400"
#define EXPOSED                                                                                              \
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "              \
    "Transfer-Encoding, Range-Unit, Preference-Applied, ETag, Retry-After, Server-Timing, Allow, "           \
    "X-Request-Id, Warning"
#define MAX_REQUEST_HEADERS ((size_t)2048)

rh_cors rh_cors_of(const char *setting, bool header_is_believed)
{
    return (rh_cors){*setting ? setting : header_is_believed ? "none" : "*"};
}

static bool allows_none(const rh_cors *c)
{
    return !c->origins || strcmp(c->origins, "none") == 0;
}

static bool allows_all(const rh_cors *c)
{
    return !allows_none(c) && strcmp(c->origins, "*") == 0;
}

static bool allows(const rh_cors *c, const char *origin)
{
    size_t len = strlen(origin);
    if (!len || allows_none(c))
        return false;
    for (const char *p = c->origins; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t whole = strcspn(p, ","), n = whole;
        while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
            n--;
        if (n == len && strncmp(p, origin, n) == 0)
            return true;
        p += whole;
    }
    return allows_all(c);
}

int rh_cors_headers(const rh_cors *c, const rh_http_headers *h, rh_rest_header out[RH_CORS_MAX_HEADERS])
{
    int n = 0;
    if (!allows_all(c) && !allows_none(c)) /* caches must not give one origin's answer to another */
        out[n++] = (rh_rest_header){"Vary", "Origin"};
    if (!h->origin || !allows(c, h->origin))
        return n;
    out[n++] = (rh_rest_header){"Access-Control-Allow-Origin", allows_all(c) ? "*" : h->origin};
    out[n++] = (rh_rest_header){"Access-Control-Expose-Headers", EXPOSED};
    if (!allows_all(c))
        out[n++] = (rh_rest_header){"Access-Control-Allow-Credentials", "true"};
    return n;
}

bool rh_cors_is_preflight(rh_method method, const rh_http_headers *h)
{
    return method == RH_OPTIONS && h->origin && h->request_method;
}

/* Names of headers and nothing else, with one blank after each comma. */
static void add_names(rh_str *s, const char *list)
{
    for (const char *p = list; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t whole = strcspn(p, ","), n = 0;
        while (n < whole && (isalnum((unsigned char)p[n]) || strchr("!#$%&'*+-.^_`|~", p[n])))
            n++;
        if (n && strspn(p + n, " \t") == whole - n)
            rh_str_addf(s, ", %.*s", (int)n, p);
        p += whole;
    }
}

int rh_cors_preflight(const rh_cors *c, rh_arena *a, const rh_http_headers *h,
                      rh_rest_header out[RH_CORS_MAX_HEADERS])
{
    rh_str names;
    if (!allows(c, h->origin))
        return 0;
    rh_str_init_in(&names, a, MAX_REQUEST_HEADERS);
    rh_str_add(&names, "Authorization");
    add_names(&names, h->request_headers ? h->request_headers : "");
    rh_str_add(&names, ", Accept, Accept-Language, Content-Language");
    out[0] = (rh_rest_header){"Access-Control-Allow-Methods", METHODS};
    out[1] = (rh_rest_header){"Access-Control-Allow-Headers", rh_str_cstr(&names)};
    out[2] = (rh_rest_header){"Access-Control-Max-Age", MAX_AGE};
    return 3;
}
