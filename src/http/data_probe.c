/* SPDX-License-Identifier: Apache-2.0
 *
 * What is answered without a tenant: probes, OPTIONS, methods that there are not.
 */
#include "http/data_request.h"

#include <string.h>

#define ALLOW_PROBE "GET, HEAD"

static void answer_probe(rh_exchange *x, bool ok)
{
    static const rh_rest_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                             {"Retry-After", "1"}};
    char *body = rh_xstrdup(ok ? "ok\n" : "not ready\n");
    rh_exchange_answer(x, ok ? 200 : 503, headers, ok ? 1 : 2, body, strlen(body));
}

static bool answer_live(const struct data_door *d)
{
    return true;
}

static bool answer_ready(const struct data_door *d)
{
    return (d->settings.adopted ? rh_adopted_is_known(d->settings.adopted)
                                : rh_directory_age_ms(d->settings.directory) < INT64_MAX) &&
           rh_routes_alive(d->routes) && rh_key_source_generation(d->settings.keys) > 0;
}

/* Paths that are the server's own. To add one: a row. */
static const struct probe {
    const char *path;
    bool (*ok)(const struct data_door *d);
} probes[] = {{"/live", answer_live}, {"/ready", answer_ready}};

static const struct probe *find_probe(const char *path)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (strcmp(probes[i].path, path) == 0)
            return &probes[i];
    return NULL;
}

/* What a browser asks before it sends a page's request, which is when it tells the token. */
static void answer_preflight(struct data_door *d, rh_exchange *x)
{
    rh_rest_header headers[RH_CORS_MAX_HEADERS + 1] = {{"Allow", RH_DATA_ALLOW_RELATION}};
    int n = rh_cors_preflight(&d->settings.cors, x->arena, &x->headers, headers + 1);
    rh_exchange_answer(x, 200, headers, n + 1, NULL, 0);
}

bool rh_data_answer_without_tenant(struct data_door *d, rh_exchange *x)
{
    const struct probe *probe = find_probe(x->path);
    const char *allow = probe ? ALLOW_PROBE : RH_DATA_ALLOW_RELATION;
    rh_err err;
    if (rh_cors_is_preflight(x->method, &x->headers)) {
        answer_preflight(d, x);
    } else if (x->method == RH_OPTIONS && (probe || *x->path != '/')) {
        rh_rest_header header = {"Allow", allow};
        rh_exchange_answer(x, 200, &header, 1, NULL, 0);
    } else if (x->method == RH_METHOD_OTHER || (probe && x->method != RH_GET && x->method != RH_HEAD)) {
        rh_err_set(&err, RH_E_METHOD, "the method is not allowed here");
        rh_exchange_refuse(x, &err, allow);
    } else if (probe) {
        answer_probe(x, probe->ok(d));
    } else {
        return false;
    }
    return true;
}
