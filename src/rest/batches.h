/* SPDX-License-Identifier: Apache-2.0
 *
 * A large body of an insert, taken apart into batches while it comes in: CSV, or a JSON array of objects.
 * What comes of it is what would have come of the whole: the statements are the planner's, the same checks
 * are made of every part, and what differs between parts (other keys, a duplicate in a merge) is the error
 * that it would have been. Each batch is one run of the insert; the caller runs them all in one transaction.
 *
 * CSV goes as arrays where its columns' types allow that (rest/sql_load.h), else a batch is planned like a
 * body of its own.
 *
 * Bounded: what waits here is about RH_BATCH_BYTES, and what a batch is made of as much again, unless a
 * single row is larger. Nothing of a batch lives on after it was used.
 *
 * Ownership: the request's arena's, with buffers that end with it. Everything the request points to lives as
 * long.
 */
#ifndef RH_BATCHES_H
#define RH_BATCHES_H

#include "rest/rest.h"

#define RH_BATCH_BYTES ((size_t)64 << 10) /* of the body, about; more is no faster */

typedef struct rh_batches rh_batches;

typedef struct rh_batch {
    rh_rest_statement statement;
    const int *lengths, *formats; /* as libpq wants them; NULL: all values are text */
    bool counts;                  /* its row says how many there were, not its command tag */
    int64_t first, last;          /* lines of CSV, from 1, or elements of an array, from 0 */
    const char *text;             /* what it is made of: whole records or elements, parted by commas */
    size_t len;
} rh_batch;

/* By its head alone: a POST to a relation whose rows need not come back. Otherwise, and where this is false
 * for whatever other reason, the body is planned whole. */
bool rh_batches_may(const rh_rest_request *req, const rh_relation_cache *cache, const rh_rest_naming *naming);

/* max_row: bytes of a record or element at most. */
rh_batches *rh_batches_new(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *cache,
                           const rh_rest_naming *naming, size_t max_row);
/* A part of the body, as it came. */
void rh_batches_add(rh_batches *b, const char *bytes, size_t n);
void rh_batches_end(rh_batches *b); /* that was all */
/* There is enough for a batch, or the end: nothing is to be added before rh_batches_next() has said that it
 * needs more. */
bool rh_batches_are_full(const rh_batches *b);
/* As above, and all batches were given. */
bool rh_batches_are_done(const rh_batches *b);

/* Frees what waits here before the arena does. It is of no use after that. */
void rh_batches_discard(rh_batches *b);

typedef enum rh_batches_begun {
    RH_BATCHES_MORE, /* too little of it is there */
    RH_BATCHES_BEGUN,
    RH_BATCHES_NOT,  /* after all it cannot be done in parts */
    RH_BATCHES_WRONG /* err */
} rh_batches_begun;
/* Plans the insert by the first rows. *out is for the answer: rh_rest_info() has what runs before and after
 * the batches, its main statement being theirs. */
rh_batches_begun rh_batches_begin(rh_batches *b, rh_rest **out, rh_err *err);
/* The next batch. 1: it is there, until the next call; 0: more of the body is needed, or it is done; -1: err.
 */
int rh_batches_next(rh_batches *b, rh_batch *out, rh_err *err);

/* Says in the error's detail where in the body it is. */
void rh_batch_blame(const rh_batches *b, int64_t first, int64_t last, rh_err *err);

#endif
