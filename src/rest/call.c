/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/call.h"

#include <string.h>

#include "rest/check.h"
#include "rest/parse.h"
#include "rest/scan.h"
#include "rest/write.h"

#define MAX_ARGUMENTS 100 /* PostgreSQL's FUNC_MAX_ARGS */

typedef RH_VEC(const char *) names_vec;

/* A name may stand several times. More names than any function has arguments are as good as all of them. */
static void arguments_given(rh_rest *r, names_vec *names)
{
    for (size_t i = 0; i < r->url.arguments.len && names->len <= MAX_ARGUMENTS; i++) {
        const char *name = r->url.arguments.items[i].name;
        bool known = false;
        for (size_t j = 0; j < names->len && !known; j++)
            known = strcmp(name, names->items[j]) == 0;
        if (!known)
            RH_VEC_PUSH(r->arena, names, name);
    }
}

static void arguments_of_object(rh_rest *r, names_vec *names)
{
    const char *key;
    json_t *value;
    json_t *object = r->plan.body.is_array ? json_array_get(r->plan.body.json, 0) : r->plan.body.json;
    json_object_foreach(object, key, value)
    {
        const char *name = rh_arena_strdup(r->arena, key);
        RH_VEC_PUSH(r->arena, names, name);
    }
}

/* Names of the arguments; n -1 where the body has none. What is wrong with it then is for the caller, once it
 * turns out that no function takes it whole. */
static bool arguments_of_body(rh_rest *r, const rh_rest_request *req, rh_payload type, names_vec *names,
                              int *n, rh_err *err)
{
    bool form = type == RH_PAYLOAD_FORM;
    *n = -1;
    if (type == RH_PAYLOAD_TEXT || type == RH_PAYLOAD_XML || type == RH_PAYLOAD_BYTES)
        return rh_err_set(err, RH_E_BODY, "no function takes a body of this type");
    if (form                ? !rh_url_form(r->arena, req->body, req->body_len, &r->url, err)
        : req->body_len > 0 ? !rh_write_parse(r, req, err)
                            : !rh_body_parse(r->arena, "{}", 2, NULL, &r->plan.body, err))
        return false;
    for (size_t i = 0; i < r->url.columns.len; i++)
        RH_VEC_PUSH(r->arena, names, r->url.columns.items[i]);
    if (form && !r->url.has_columns)
        arguments_given(r, names);
    else if (!r->url.has_columns)
        arguments_of_object(r, names);
    *n = (int)names->len;
    return true;
}

/* The value given to an argument: the last of them, or of a variadic one an array of all. */
static const char *argument_value(rh_rest *r, const rh_argument *a)
{
    rh_str array;
    const char *last = NULL;
    rh_str_init_in(&array, r->arena, RH_STR_TEXT_MAX);
    rh_str_addc(&array, '{');
    for (size_t j = 0; j < r->url.arguments.len; j++) {
        if (strcmp(a->name, r->url.arguments.items[j].name) != 0)
            continue;
        last = r->url.arguments.items[j].value;
        if (a->variadic)
            rh_parse_add_element(&array, last);
    }
    rh_str_addc(&array, '}');
    return a->variadic ? rh_str_cstr(&array) : last;
}

/* The values of GET's arguments, or of a form's, in the order in which the function takes them. */
static void order_arguments(rh_rest *r)
{
    rh_plan *p = &r->plan;
    const char **values = RH_NEW_ARRAY(r->arena, const char *, p->arguments.len + 1);
    for (size_t i = 0; i < p->arguments.len; i++)
        values[i] = argument_value(r, p->arguments.items[i]);
    p->argument_values = values;
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
        arguments_given(r, &names);
        if (!rh_plan_function(p, r->path.name, names.items, (int)names.len, NULL, err))
            return false;
        order_arguments(r);
        return true;
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
    if (p->arguments.len == 1 && !*p->arguments.items[0]->name)
        return take_whole(r, req, type, err);
    if (p->body.is_array && p->body.count != 1)
        return rh_err_set(err, RH_E_BODY, "the arguments of a function are one JSON object, not %zu",
                          p->body.count);
    if (type == RH_PAYLOAD_FORM)
        order_arguments(r);
    return true;
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
