/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/call.h"

#include <string.h>

#include "rest/check.h"
#include "rest/parse.h"
#include "rest/scan.h"
#include "rest/write.h"

typedef RH_VEC(const char *) names_vec;

/* Names of the arguments; n -1 where the body is no object. What is wrong with it then is for the caller,
 * once it turns out that no function takes it whole. */
static bool arguments_of_body(rh_rest *r, const rh_rest_request *req, rh_payload type, names_vec *names,
                              int *n, rh_err *err)
{
    const char *key;
    json_t *value;
    *n = -1;
    if (type == RH_PAYLOAD_TEXT || type == RH_PAYLOAD_XML || type == RH_PAYLOAD_BYTES)
        return rh_err_set(err, RH_E_BODY, "no function takes a body of this type");
    if (!(req->body_len ? rh_write_parse(r, req, err) : rh_body_parse(r->arena, "{}", 2, &r->plan.body, err)))
        return false;
    if (r->plan.body.is_array)
        return rh_err_set(err, RH_E_BODY, "the arguments of a function are one JSON object, not an array");
    for (size_t i = 0; i < r->url.columns.len; i++)
        RH_VEC_PUSH(r->arena, names, r->url.columns.items[i]);
    if (!r->url.has_columns)
        json_object_foreach(r->plan.body.json, key, value) RH_VEC_PUSH(r->arena, names, key);
    *n = (int)names->len;
    return true;
}

/* A name may stand several times: the function must have it as a variadic one then. */
static void arguments_of_query(rh_rest *r, names_vec *names)
{
    for (size_t i = 0; i < r->url.arguments.len; i++) {
        const char *name = r->url.arguments.items[i].name;
        bool known = false;
        for (size_t j = 0; j < names->len && !known; j++)
            known = strcmp(name, names->items[j]) == 0;
        if (!known)
            RH_VEC_PUSH(r->arena, names, name);
    }
}

/* The values given to an argument: one, or of a variadic one an array of any number. */
static bool argument_value(rh_rest *r, const rh_argument *a, const char **out, rh_err *err)
{
    rh_str array;
    size_t given = 0;
    rh_str_init_in(&array, r->arena, RH_STR_TEXT_MAX);
    rh_str_addc(&array, '{');
    for (size_t j = 0; j < r->url.arguments.len; j++) {
        if (strcmp(a->name, r->url.arguments.items[j].name) != 0)
            continue;
        if (given++ && !a->variadic)
            return rh_err_set(err, RH_E_PARSE, "the parameter \"%.*s\" is given twice", RH_CLIPPED(a->name));
        *out = r->url.arguments.items[j].value;
        rh_parse_add_element(&array, *out);
    }
    rh_str_addc(&array, '}');
    if (a->variadic)
        *out = rh_str_cstr(&array);
    return true;
}

/* The values of GET's arguments, in the order in which the function takes them. */
static bool order_arguments(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const char **values = RH_NEW_ARRAY(r->arena, const char *, p->arguments.len + 1);
    for (size_t i = 0; i < p->arguments.len; i++)
        if (!argument_value(r, p->arguments.items[i], &values[i], err))
            return false;
    p->argument_values = values;
    return true;
}

/* A body that is one argument: bytes go as hexadecimal digits. */
static bool take_whole(rh_rest *r, const rh_rest_request *req, rh_payload type, rh_err *err)
{
    static const char digits[] = "0123456789abcdef";
    if (type != RH_PAYLOAD_BYTES) {
        r->plan.whole = rh_arena_strndup(r->arena, req->body, req->body_len);
        return rh_is_utf8(req->body, req->body_len) ||
               rh_err_set(err, RH_E_BODY, "the body has a NUL or bytes that are not UTF-8");
    }
    char *out = rh_arena_alloc(r->arena, req->body_len * 2 + 3), *to = out;
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < req->body_len; i++) {
        *to++ = digits[(unsigned char)req->body[i] >> 4];
        *to++ = digits[(unsigned char)req->body[i] & 15];
    }
    *to = 0;
    r->plan.whole = out;
    return true;
}

static bool find_function(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    names_vec names = {0};
    rh_payload type;
    rh_err body_err;
    int n;
    if (r->method != RH_POST) {
        arguments_of_query(r, &names);
        return rh_plan_function(p, r->path.name, names.items, (int)names.len, NULL, err) &&
               order_arguments(r, err);
    }
    if (!rh_payload_type(req->content_type, &type, err))
        return false;
    bool read = arguments_of_body(r, req, type, &names, &n, &body_err);
    if (!rh_plan_function(p, r->path.name, names.items, n, &type, err)) {
        bool named = type == RH_PAYLOAD_JSON || type == RH_PAYLOAD_CSV || type == RH_PAYLOAD_FORM;
        if (!read && named && err->code == RH_E_NO_FUNCTION)
            *err = body_err;
        return false;
    }
    bool whole = p->arguments.len == 1 && !*p->arguments.items[0]->name;
    return !whole || take_whole(r, req, type, err);
}

bool rh_call_plan(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    if (!find_function(r, req, err))
        return false;
    const rh_function *f = p->function;
    p->root.name = f->name;
    p->root.columns = f->columns;
    p->root.n_columns = f->n_columns;
    if (f->returns_relation) {
        if (!rh_plan_serves(&r->naming, f->returns_relation))
            return rh_check_denied(f->returns_relation, err);
        return rh_check_relation(r, f->returns_relation, err);
    }
    p->scalar = !f->n_columns;
    if (p->scalar && (p->root.query->has_select || p->root.query->order.len || p->root.query->conditions.len))
        return rh_check_meaningless(err, "select, order or a filter",
                                    "a call of a function that returns no columns");
    return true;
}
