/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/raise.h"

#include <jansson.h>
#include <string.h>

#include "rest/head.h"
#include "rest/scan.h"

static void malformed(rh_err *err, const char *part, const char *hint)
{
    char text[sizeof err->detail];
    bool detail = strcmp(part, "DETAIL") == 0;
    snprintf(text, sizeof text, "%s", detail ? err->detail : err->message);
    rh_err_set(err, RH_E_RAISED, "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error");
    if (detail && !*text)
        rh_err_detail(err, "DETAIL is missing in the RAISE statement");
    else
        rh_err_detail(err, "Invalid JSON value for %s: '%.*s'", part, RH_CLIPPED(text));
    rh_err_hint(err, "%s", hint);
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static bool take_status(const json_t *said, int *status)
{
    const json_t *v = json_object_get(said, "status");
    *status = (int)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 200 && json_integer_value(v) <= 999;
}

static bool take_headers(rh_rest *r, json_t *said)
{
    rh_err ignored;
    const char *name;
    json_t *value, *headers = json_object_get(said, "headers");
    rh_rest_answer all = {0};
    json_object_foreach(headers, name, value)
    {
        if (!rh_head_add(r, name, value, &all, &ignored))
            return false;
    }
    r->raised = rh_arena_alloc(r->arena, sizeof all.headers);
    memcpy(r->raised, all.headers, sizeof all.headers);
    r->n_raised = all.n_headers;
    return json_is_object(headers);
}

void rh_raise_take(rh_rest *r, rh_err *err)
{
    int status;
    json_t *message = json_loads(err->message, JSON_REJECT_DUPLICATES, NULL);
    json_t *detail = json_loads(err->detail, JSON_REJECT_DUPLICATES, NULL);
    if (!*text_of(message, "code") || !*text_of(message, "message")) {
        malformed(err, "MESSAGE",
                  "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: "
                  "'details', 'hint'.");
    } else if (!take_status(detail, &status) || !take_headers(r, detail)) {
        malformed(err, "DETAIL",
                  "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: "
                  "'status_text'.");
    } else {
        rh_err_set(err, RH_E_DB, "%s", text_of(message, "message"));
        rh_err_detail(err, "%s", text_of(message, "details"));
        rh_err_hint(err, "%s", text_of(message, "hint"));
        snprintf(err->name, sizeof err->name, "%s", text_of(message, "code"));
        err->http = status;
    }
    json_decref(message);
    json_decref(detail);
}
