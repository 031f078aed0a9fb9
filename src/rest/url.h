/* SPDX-License-Identifier: Apache-2.0
 *
 * Path and query string to their parts: percent-decoding, and each parameter to the grammar it belongs to.
 */
#ifndef RH_URL_H
#define RH_URL_H

#include "base/err.h"
#include "base/str.h"

#include "rest/query.h"

/* Decodes n bytes; '+' is a space where plus says so. NULL when an escape is malformed, or when the result
 * has a NUL or is not UTF-8: RH_E_PARSE. */
const char *rh_url_decode(rh_arena *a, const char *text, size_t n, bool plus, rh_err *err);

/* rpc_read: a parameter without an operator is an argument of the function. exact_names: an embed that is
 * renamed is meant by its new name only; else by its relation's too, which out->warning says. */
bool rh_url_parse(rh_arena *a, const char *query, bool rpc_read, bool exact_names, rh_url *out, rh_err *err);

/* A form's fields, as arguments of a function. RH_E_BODY. */
bool rh_url_form(rh_arena *a, const char *text, size_t len, rh_url *out, rh_err *err);

/* The query string with its parameters in the order of their names, encoded anew; one that was parsed. */
const char *rh_url_canonical(rh_arena *a, const char *query);
/* Adds the text with %XX for all but letters, digits and -_.~ */
void rh_url_encode(rh_str *out, const char *text);

#define RH_PATH_MAX_KEYS 32

typedef struct rh_path {
    bool rpc;
    const char *name;
    const char *keys[RH_PATH_MAX_KEYS]; /* of /relation/key */
    int n_keys;
} rh_path;

/* /relation, /relation/key[,key], /rpc/function. Others: RH_E_NO_PATH. */
bool rh_path_parse(rh_arena *a, const char *path, rh_path *out, rh_err *err);

#endif
