/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/head.h"

#include <string.h>
#include <strings.h>

#include "base/header.h"
#include "rest/scan.h"

static const char *text_of(rh_rest *r, const PGresult *res, int column)
{
    const char *text = PQgetvalue(res, 0, column);
    return *text ? rh_arena_strdup(r->arena, text) : NULL;
}

void rh_head_take(rh_rest *r, const PGresult *res)
{
    if (PQntuples(res) != 1 || PQnfields(res) != 2)
        return;
    r->set_headers = text_of(r, res, 0);
    r->set_status = text_of(r, res, 1);
}

static bool set_status(const rh_rest *r, rh_rest_answer *out, rh_err *err)
{
    int64_t status;
    if (!rh_parse_int(r->set_status, &status) || status < 200 || status > 999)
        return rh_err_set(err, RH_E_RESPONSE_STATUS, "response.status guc must be a valid status code");
    out->status = (int)status;
    return true;
}

static bool malformed(rh_err *err)
{
    return rh_err_set(err, RH_E_RESPONSE_HEADERS,
                      "response.headers guc must be a JSON array composed of objects with a single key and "
                      "a string value");
}

static bool refuse(const char *name, const char *why, rh_err *err)
{
    malformed(err);
    return rh_err_detail(err, "%.*s: %s", RH_CLIPPED(name), why);
}

/* How the message travels is the server's. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
                                        "Upgrade",        "Trailer",           "TE",         "Date"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static void leave_out(rh_rest_answer *out, const char *name)
{
    int kept = 0;
    for (int i = 0; i < out->n_headers; i++)
        if (strcasecmp(out->headers[i].name, name) != 0)
            out->headers[kept++] = out->headers[i];
    out->n_headers = kept;
}

bool rh_head_add(rh_rest *r, const char *name, const json_t *value, rh_rest_answer *out, rh_err *err)
{
    const char *text = json_string_value(value);
    if (!text)
        return malformed(err);
    if (!rh_header_name_ok(name, strlen(name)) || !rh_header_value_ok(text, json_string_length(value)))
        return refuse(name, "no name or value of a header", err);
    if (is_ours(name))
        return refuse(name, "this header is the server's", err);
    if (out->n_headers == RH_REST_MAX_HEADERS)
        return refuse(name, "too many headers", err);
    out->headers[out->n_headers++] =
        (rh_rest_header){rh_arena_strdup(r->arena, name), rh_arena_strdup(r->arena, text)};
    return true;
}

static bool add_all(rh_rest *r, json_t *list, rh_rest_answer *out, rh_err *err)
{
    size_t i;
    json_t *item, *value;
    const char *name;
    rh_rest_answer own = {0};
    if (!json_is_array(list))
        return malformed(err);
    json_array_foreach(list, i, item)
    {
        if (json_object_size(item) != 1)
            return malformed(err);
        json_object_foreach(item, name, value)
        {
            if (!rh_head_add(r, name, value, &own, err))
                return false;
        }
    }
    for (int k = 0; k < own.n_headers; k++)
        if (strcasecmp(own.headers[k].name, "Vary") !=
            0) /* the door's says what caches must not mix: both are sent */
            leave_out(out, own.headers[k].name);
    if (out->n_headers + own.n_headers > RH_REST_MAX_HEADERS)
        return refuse(own.headers[0].name, "too many headers", err);
    memcpy(out->headers + out->n_headers, own.headers, sizeof *own.headers * (size_t)own.n_headers);
    out->n_headers += own.n_headers;
    return true;
}

bool rh_head_set(rh_rest *r, rh_rest_answer *out, rh_err *err)
{
    if (r->set_status && !set_status(r, out, err))
        return false;
    if (!r->set_headers)
        return true;
    json_t *list = json_loads(r->set_headers, JSON_REJECT_DUPLICATES, NULL);
    bool ok = add_all(r, list, out, err);
    json_decref(list);
    return ok;
}
