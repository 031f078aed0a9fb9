/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialect engine: one request of the PostgREST dialect in, SQL with parameters out, rows back in, JSON
 * out. It knows no HTTP library, no connection and no tenant model: a relation cache says what there is, a
 * naming says where it stands and how it is kept apart. Source of the dialect: docs.postgrest.org, v16.
 *
 * The way of a request: rh_rest_plan() parses method, path, query string, headers and body and writes the
 * statements; the caller runs them in one transaction and hands every row to rh_rest_rows(); rh_rest_finish()
 * gives status, headers and body. All memory is the request's arena's, but for the body (see rh_rest_answer).
 */
#ifndef RH_REST_H
#define RH_REST_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include "rest/relation.h"

typedef struct rh_rest rh_rest; /* one planned request; the arena's */

typedef enum rh_method {
    RH_GET,
    RH_HEAD,
    RH_POST,
    RH_PATCH,
    RH_PUT,
    RH_DELETE,
    RH_OPTIONS,
    RH_METHOD_OTHER
} rh_method;

/* A setting of the transaction, told before anything else of it runs. The name is a word of ours or of the
 * conf, since it stands in the statement's text; the value is a parameter. */
typedef struct rh_rest_setting {
    const char *name, *value;
} rh_rest_setting;

/* Of a body that is planned part by part (rest/batches.h): where this part stands in it, for messages. */
typedef struct rh_rest_part {
    int64_t line;               /* what its first line is called, from 1 */
    int64_t element;            /* of a JSON array: its first one's number, from 0 */
    const struct rh_body *like; /* the first part: objects have its keys; NULL: this is the first one */
    bool arrays; /* CSV: its rows may go as an array for each column; the statement's values are open then */
} rh_rest_part;

/* What came in. Pointers need to live as long as the arena. Absent headers are NULL. */
typedef struct rh_rest_request {
    rh_method method;
    const char *path;  /* raw, still percent-encoded, beginning with '/', without the query */
    const char *query; /* raw, without '?'; "" when absent */
    const char *prefer, *range, *range_unit, *accept, *content_type;
    const char *body;
    size_t body_len;
    const rh_rest_part *part;        /* NULL: it is whole */
    const rh_rest_setting *settings; /* one statement tells them all, with those that the request asks for */
    int n_settings;
} rh_rest_request;

/* How transactions end, and whether a request may ask for the other end (PostgREST's db-tx-end). */
typedef struct rh_tx_end {
    bool rollback, may_ask;
} rh_tx_end;
/* commit, rollback, either with -allow-override. */
rh_tx_end rh_tx_end_parse(const char *text);

/* Who the request is in PostgreSQL, where that is not the login role: the settings name it as "role". */
typedef struct rh_rest_role {
    const char *name;
    bool privileged;         /* it may be a superuser */
    const char *pre_request; /* a statement to run before the others, behind the settings; NULL: none */
} rh_rest_role;

/* Stands in the error of a request whose role is not in force after all. */
#define RH_REST_ROLE_GUARD "rowhouse: not this role"
/* The same of one whose session has temporary tables of another request: pg/pool.h sends it again. */
#define RH_REST_USED_GUARD "rowhouse: a session that was used"

/* How much a client may see of how its statement runs: SHAPE is without costs, rows and buffers, which in
 * shared tables tell of other tenants. */
typedef enum rh_plans { RH_PLANS_NONE, RH_PLANS_SHAPE, RH_PLANS_WHOLE } rh_plans;

/* Where the tables stand for this tenant and how its rows are kept apart. */
typedef struct rh_rest_naming {
    const char *schema;           /* of the tenant set: "public" for shared homes, "h_12" for a schema home */
    const char *reference_schema; /* "reference" */
    bool reference_only;          /* the request is about that schema: nothing of the tenant set is there */
    const char *told_schema;      /* what messages call the tenant set's schema: the same in every model */
    bool keyed; /* shared rows: the tenant key stands in every reference to a tenant table */
    /* Canonical text of the id: parameter $1 of every statement that touches a relation of the tenant set,
     * when keyed. A statement that touches none (a reference table, a scalar function) does not have it. */
    const char *tenant_id;
    const char *id_type;  /* "bigint" or "uuid" */
    int64_t max_rows;     /* 0: no limit */
    size_t max_response;  /* bytes of what is kept until it is whole */
    bool filtered_writes; /* PATCH and DELETE that name no rows are refused */
    /* The tables are Citus': an INSERT ... SELECT asks for its rows back, since Citus would COPY them
     * otherwise, which row security forbids; names of shards are taken out of errors. */
    bool distributed;
    rh_tx_end tx_end;
    const rh_rest_role *role; /* NULL: the login role */
    bool aggregates;          /* avg, count, max, min and sum are answered */
    rh_plans plans;
    bool estimates;             /* the planner's guesses may be told: nobody else's rows are in the tables */
    const char *const *hoisted; /* settings of functions that hold for the whole transaction; NULL: none */
    size_t n_hoisted;
    bool exact_names; /* filters may not name an embed's relation where it is renamed */
    const char *vary; /* what answers depend on besides the path; NULL: it is not said */
    unsigned reads;   /* rh_reads of the app; the caller tells those of the request, as settings */
} rh_rest_naming;

/* A statement to run. `text` is the same for all tenants of one model, so a prepared statement is too. */
typedef struct rh_rest_statement {
    const char *text;
    size_t text_len;
    int n;
    const char *const *values; /* text parameters, NULL is SQL NULL */
} rh_rest_statement;

#define RH_REST_MAX_STATEMENTS 6

typedef struct rh_rest_plan_info {
    bool read_only;  /* run with transaction_read_only = on; may be sent again after a lost connection */
    bool single_row; /* at most one row is expected: no need for libpq's single-row mode */
    bool rollback;   /* the transaction must not be committed */
    bool calls;      /* a function of the app is called */
    bool late_head;  /* status and headers are known after the last statement only: the app may set them */
    bool streams;    /* what has come may be sent before the rest is there: rh_rest_begin() */
    bool large;      /* one that streams, and may have very many rows */
    bool copies;     /* rows may come as lines of COPY's CSV: rh_rest_line() */
    const char *isolation; /* that the function asks for its transaction; NULL: the database's */
    int64_t timeout_ms;    /* of its statements, 0: none; -1: nothing is said */
    int main;              /* which statement gives the rows */
    int n_statements;      /* main, those before it (settings, the total) and after it (counts, headers) */
    rh_rest_statement statements[RH_REST_MAX_STATEMENTS];
    /* The one table or view that is read, where nothing of the app's own code runs; NULL: it is more */
    const rh_relation *plain;
} rh_rest_plan_info;

typedef struct rh_rest_header {
    const char *name, *value;
} rh_rest_header;

#define RH_REST_MAX_HEADERS 48

typedef struct rh_rest_answer {
    int status;
    rh_rest_header headers[RH_REST_MAX_HEADERS]; /* Content-Type among them; the arena's */
    int n_headers;
    char *body; /* malloc'ed, the caller's; NULL when there is none (204, HEAD) */
    size_t body_len;
} rh_rest_answer;

/* NULL on failure: err is for the client (400, 404, 406 ...). No text of another tenant can appear in it. */
rh_rest *rh_rest_plan(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *cache,
                      const rh_rest_naming *naming, rh_err *err);
const rh_rest_plan_info *rh_rest_info(const rh_rest *r);

/* Takes the rows of `res` (PGRES_SINGLE_TUPLE or PGRES_TUPLES_OK) of statement number `statement`. May be
 * called many times; res stays the caller's. False when a bound is passed (max_response): stop and answer
 * with err. */
bool rh_rest_rows(rh_rest *r, int statement, const PGresult *res, rh_err *err);
/* A row of the main statement as COPY ... (FORMAT csv) writes it, with the end of its line. As above. */
bool rh_rest_line(rh_rest *r, const char *line, size_t n, rh_err *err);
/* Of one that streams: status and headers, before the last row is known; once, after a row was taken. */
void rh_rest_begin(rh_rest *r, rh_rest_answer *out);
/* How much of the body is there, and that as malloc'ed bytes, the caller's. */
size_t rh_rest_pending(const rh_rest *r);
char *rh_rest_take(rh_rest *r, size_t *len);
/* After the last statement. `affected` is what PQcmdTuples said of the main one ("" when nothing). False
 * where the answer is an error after all, such as 416 or 404 of a key; nothing was written then. A write that
 * must have a certain number of rows undoes itself: its statement fails, and rh_rest_scrub_error() says why.
 * After rh_rest_begin() only the body counts: what was not taken of it yet. */
bool rh_rest_finish(rh_rest *r, const char *affected, rh_rest_answer *out, rh_err *err);
/* Frees what was rendered when the request ends early; harmless after rh_rest_finish(). Also on the arena's
 * end. */
void rh_rest_discard(rh_rest *r);

/* Rewrites PostgreSQL's error for the client; to be called on every one before it is answered. Drops what may
 * tell of other tenants (values in DETAIL of unique and foreign key violations are kept only when they begin
 * with the tenant key and this tenant's own id), and turns a guard's failure into PGRST116 or PGRST124. */
void rh_rest_scrub_error(rh_rest *r, rh_err *err);
/* After it: headers that the app wants with its error. */
const rh_rest_header *rh_rest_error_headers(const rh_rest *r, int *n);

#endif
