/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors are values with parts, so that the command line, the log and HTTP tell one story. Filled where
 * the cause is, context added on the way up, reported once at the edge.
 *
 * A function that can fail takes `rh_err *err` last and returns false (or NULL) after filling it. `err`
 * is never NULL and is only meaningful after a failure. The struct holds its own bytes: copy it freely.
 * message: short, factual, lower case, no full stop. hint: a sentence that says what to do.
 */
#ifndef RH_ERR_H
#define RH_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The one table of error codes: enum name, name on the wire, exit status, HTTP status.
 * To add one: add a row; the wire name is PostgREST's where it has one, else a word of ours.
 * Exit status: 1 the operation failed, 2 the command was not understood, 3 not found or refused. */
/* clang-format off */
#define RH_ERR_TABLE(X) \
    X(OK, "ok", 0, 200) \
    X(INTERNAL, "internal", 1, 500) \
    X(USAGE, "usage", 2, 400) \
    X(CONF, "conf", 2, 500) \
    X(INVALID, "invalid", 1, 400) \
    X(IO, "io", 1, 500) \
    X(DB, "db", 1, 500) /* PostgreSQL answered with an error: HTTP status by SQLSTATE */ \
    X(UNAVAILABLE, "database_unavailable", 1, 503) \
    X(NODE_AWAY, "node_away", 1, 503) /* another node than the first, which has the catalog */ \
    X(UNKNOWN_OUTCOME, "unknown_outcome", 1, 503) \
    X(OVERLOADED, "overloaded", 1, 503) \
    X(TOO_MANY, "too_many_requests", 1, 429) /* of one tenant; the others are served */ \
    X(TIMEOUT, "timeout", 1, 504) \
    X(CATALOG_STALE, "catalog_stale", 1, 503) \
    X(NO_KEYS, "keys_unavailable", 1, 503) /* no answer yet from who publishes the keys of tokens */ \
    X(NOT_FOUND, "not_found", 3, 404) \
    X(EXISTS, "exists", 3, 409) \
    X(STATE, "state", 3, 409) /* the object is in a state that forbids it */ \
    X(LOCKED, "locked", 1, 409) \
    X(LINT, "lint", 1, 400) \
    X(CHECKSUM, "checksum", 1, 409) \
    X(NO_TENANT, "tenant_required", 3, 401) \
    X(UNKNOWN_TENANT, "unknown_tenant", 3, 403) \
    X(TENANT_MISMATCH, "tenant_mismatch", 3, 403) \
    X(TENANT_SUSPENDED, "tenant_suspended", 3, 403) \
    X(TENANT_NOT_READY, "tenant_not_ready", 3, 503) \
    X(FOREIGN_KEY_VALUE, "foreign_tenant", 3, 403) /* a row for another tenant was offered */ \
    X(FORBIDDEN, "forbidden", 3, 403) \
    X(UNAUTHORIZED, "unauthorized", 3, 401) \
    X(TOO_LARGE, "too_large", 1, 413) \
    X(METHOD, "PGRST117", 1, 405) \
    X(PARSE, "PGRST100", 1, 400)   /* the query string was not understood */ \
    X(RPC_METHOD, "PGRST101", 1, 405) \
    X(BODY, "PGRST102", 1, 400)    /* the request body was not understood */ \
    X(RANGE, "PGRST103", 1, 416)   /* the range asked for is not there */ \
    X(PUT_FILTERS, "PGRST105", 1, 405) \
    X(SCHEMA, "PGRST106", 1, 406) /* it is not exposed */ \
    X(MEDIA, "PGRST107", 1, 406) \
    X(EMBED_FILTER, "PGRST108", 1, 400) /* a filter on an embed that was not selected */ \
    X(RESPONSE_HEADERS, "PGRST111", 1, 500) \
    X(RESPONSE_STATUS, "PGRST112", 1, 500) \
    X(PUT_LIMIT, "PGRST114", 1, 400) \
    X(PUT_KEY, "PGRST115", 1, 400) \
    X(SINGULAR, "PGRST116", 1, 406) \
    X(RELATED_ORDER, "PGRST118", 1, 400) \
    X(EMBED_OPERATOR, "PGRST120", 1, 400) \
    X(RAISED, "PGRST121", 1, 500) /* the app's own error is not as it must be */ \
    X(PREFER, "PGRST122", 1, 400) \
    X(AGGREGATES, "PGRST123", 1, 400) \
    X(MAX_AFFECTED, "PGRST124", 1, 400) \
    X(NO_PATH, "PGRST125", 1, 404) \
    X(NO_DESCRIPTION, "PGRST126", 1, 404) \
    X(NOT_IMPLEMENTED, "PGRST127", 1, 400) /* of the dialect, but not of this version */ \
    X(MAX_AFFECTED_CALL, "PGRST128", 1, 400) \
    X(NO_RELATIONSHIP, "PGRST200", 1, 400) \
    X(AMBIGUOUS, "PGRST201", 1, 300) \
    X(NO_FUNCTION, "PGRST202", 1, 404) \
    X(AMBIGUOUS_FUNCTION, "PGRST203", 1, 300) \
    X(NO_COLUMN, "PGRST204", 1, 400) \
    X(NO_TABLE, "PGRST205", 1, 404) \
    X(JWT_SECRET, "PGRST300", 1, 500) \
    X(JWT, "PGRST301", 3, 401)        /* the token is broken or its signature is wrong */ \
    X(ANONYMOUS, "PGRST302", 3, 401)  /* there is no role for requests without a token */ \
    X(JWT_CLAIMS, "PGRST303", 3, 401) /* the token is sound but expired, not yet valid, for others */
/* clang-format on */

typedef enum rh_code {
#define X(name, wire, exit_status, http) RH_E_##name,
    RH_ERR_TABLE(X)
#undef X
        RH_E_COUNT
} rh_code;

typedef struct rh_err {
    rh_code code;
    char sqlstate[6]; /* "" unless PostgreSQL said it */
    char name[64];    /* the app's own code; "": that of code and sqlstate */
    int http;         /* the app's own status; 0: that of code and sqlstate */
    bool json_detail; /* detail is JSON already */
    bool brief;       /* the client is told code and message only */
    int retry_after;  /* seconds until it is worth trying again; 0: nothing is known of that */
    char message[1024];
    char detail[2048]; /* "" when there is none; so is hint */
    char hint[512];
} rh_err;

const char *rh_code_name(rh_code code);
int rh_code_exit(rh_code code);
int rh_code_http(rh_code code);

/* Fills err (detail and hint are emptied) and returns false, so `return rh_err_set(err, ...)` reads well. */
bool rh_err_set(rh_err *err, rh_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool rh_err_detail(rh_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool rh_err_hint(rh_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* JSON, for who reads it as such; cut at the end of the buffer it would be none, so it must fit. */
bool rh_err_detail_json(rh_err *err, const char *json);
/* Puts "context: " before the message. */
bool rh_err_context(rh_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* HTTP status of the whole value: by SQLSTATE where code is DB, else by code. PTnnn is the status nnn. */
int rh_err_http(const rh_err *err);
const char *rh_err_name(const rh_err *err); /* the code on the wire */
/* {"code":...,"message":...,"details":...,"hint":...} as PostgREST writes it. */
void rh_err_json(const rh_err *err, rh_str *out);
/* "rowhouse: message\n  detail\n  hint: ...\n" on stderr. */
void rh_err_print(const rh_err *err);

#endif
