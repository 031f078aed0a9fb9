/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/describe.h"

#include <string.h>
#include <strings.h>

#include "rest/plan.h"
#include "rest/scan.h"
#include "rest/url.h"

#define ALLOW_DESCRIPTION "OPTIONS,GET,HEAD"
#define SWAGGER_TYPE "application/openapi+json; charset=utf-8"
#define OPENAPI_TYPE "application/openapi+json;version=3.1"

static bool is_root(const char *path)
{
    return strcmp(path, "/") == 0;
}

static bool is_description(const char *path, const rh_relation_cache *c)
{
    static const char name[] = RH_OPENAPI_PATH;
    return is_root(path) || (strcmp(path, name) == 0 && !rh_relation_find(c, name + 1, sizeof name - 2));
}

bool rh_describe_asked(const rh_rest_request *req, const rh_relation_cache *c)
{
    return req->method == RH_OPTIONS || is_description(req->path, c);
}

/* ---- what may be done ---- */

static const char *allow_of_relation(rh_arena *a, const rh_relation *r, bool by_key)
{
    rh_str s;
    rh_str_init_in(&s, a, 64);
    rh_str_add(&s, ALLOW_DESCRIPTION);
    if (r->insertable && !by_key)
        rh_str_add(&s, ",POST");
    if (r->insertable && r->updatable && r->n_primary_key)
        rh_str_add(&s, ",PUT");
    if (r->updatable)
        rh_str_add(&s, ",PATCH");
    if (r->deletable)
        rh_str_add(&s, ",DELETE");
    return rh_str_cstr(&s);
}

/* GET calls what changes nothing; one such overload is enough. */
static const char *allow_of_function(const rh_relation_cache *c, const rh_rest_naming *n, const char *name,
                                     rh_err *err)
{
    int overloads;
    bool served = false, reads = false;
    const rh_function *f = rh_function_find(c, name, strlen(name), &overloads);
    for (int i = 0; i < overloads; i++)
        if (rh_function_is_served(n, &f[i])) {
            served = true;
            reads = reads || f[i].read_only;
        }
    if (served)
        return reads ? "OPTIONS,GET,HEAD,POST" : "OPTIONS,POST";
    rh_err_set(err, RH_E_NO_FUNCTION, "Could not find the function %.*s in the schema cache",
               RH_CLIPPED(name));
    return NULL;
}

static const char *allow_of(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *c,
                            const rh_rest_naming *n, rh_err *err)
{
    rh_path path;
    if (is_description(req->path, c))
        return ALLOW_DESCRIPTION;
    if (!rh_path_parse(a, req->path, &path, err))
        return NULL;
    if (path.rpc)
        return allow_of_function(c, n, path.name, err);
    const rh_relation *r = rh_plan_relation(c, n, path.name, err);
    return r ? allow_of_relation(a, r, path.n_keys > 0) : NULL;
}

/* ---- descriptions ---- */

static bool check_method(const rh_rest_request *req, rh_err *err)
{
    return req->method == RH_GET || req->method == RH_HEAD ||
           rh_err_set(err, RH_E_METHOD, "a description is read by GET or HEAD");
}

/* Of the types that it accepts, is one ours? */
static bool check_accept(const char *accept, rh_err *err)
{
    static const char *const types[] = {"*/*", "application/*", "application/json",
                                        "application/openapi+json"};
    if (!accept || !accept[strspn(accept, " \t,")])
        return true;
    for (const char *p = accept; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t n = strcspn(p, "; \t,");
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (strlen(types[i]) == n && strncasecmp(types[i], p, n) == 0)
                return true;
        p += strcspn(p, ",");
    }
    return rh_err_set(err, RH_E_MEDIA, "None of these media types are available: %.*s", RH_CLIPPED(accept));
}

static bool check_enabled(const rh_openapi_settings *s, rh_err *err)
{
    if (s->mode != RH_OPENAPI_DISABLED)
        return true;
    rh_err_set(err, RH_E_NO_DESCRIPTION, "Root endpoint metadata is disabled");
    return rh_err_hint(err, "The setting data.openapi_mode switches it on.");
}

bool rh_describe(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *c,
                 const rh_rest_naming *naming, const rh_openapi_settings *settings, rh_rest_answer *out,
                 rh_description_form *form, rh_err *err)
{
    *form = RH_DESCRIPTION_NONE;
    *out = (rh_rest_answer){.status = 200};
    if (req->method == RH_OPTIONS) {
        const char *allow = allow_of(a, req, c, naming, err);
        out->headers[out->n_headers++] = (rh_rest_header){"Allow", allow};
        return allow != NULL;
    }
    if (!check_method(req, err) || !check_enabled(settings, err) || !check_accept(req->accept, err))
        return false;
    *form = is_root(req->path) ? RH_DESCRIPTION_SWAGGER : RH_DESCRIPTION_OPENAPI;
    const char *type = *form == RH_DESCRIPTION_SWAGGER ? SWAGGER_TYPE : OPENAPI_TYPE;
    out->headers[out->n_headers++] = (rh_rest_header){"Content-Type", type};
    return true;
}

void rh_describe_name(rh_rest_answer *out)
{
    for (int i = 0; i < out->n_headers; i++)
        if (strcmp(out->headers[i].name, "Content-Type") == 0)
            out->headers[i].value = SWAGGER_TYPE;
}

void rh_describe_write(rh_description_form form, const rh_relation_cache *c, const rh_rest_naming *naming,
                       const rh_openapi_settings *settings, const char *version, const rh_openapi_sink *sink,
                       rh_str *out)
{
    if (form == RH_DESCRIPTION_SWAGGER)
        rh_openapi_swagger(c, naming, settings, version, sink, out);
    else
        rh_openapi_31(c, naming, settings, version, sink, out);
}
