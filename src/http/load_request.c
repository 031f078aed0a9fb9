/* SPDX-License-Identifier: Apache-2.0 */
#include "http/load_request.h"

#include <string.h>

rh_batches_begun rh_load_request_begin(rh_load_request *l, const rh_rest_request *req,
                                       const rh_relation_cache *cache, const rh_rest_naming *naming,
                                       const char *bytes, size_t n, rh_rest **plan, rh_err *err)
{
    l->batches = rh_batches_new(l->x->arena, req, cache, naming, l->x->max_body);
    rh_batches_add(l->batches, bytes, n);
    rh_batches_begun begun = rh_batches_begin(l->batches, plan, err);
    l->begun = begun == RH_BATCHES_BEGUN;
    if (!l->begun)
        rh_batches_discard(l->batches);
    return begun;
}

static void fail(rh_load_request *l, const rh_err *err)
{
    if (l->failed)
        return;
    l->failed = RH_NEW(l->x->arena, rh_err);
    *l->failed = *err;
    rh_job_forgo(l->job);
}

static void feed_batch(rh_load_request *l, const rh_batch *b)
{
    const rh_rest_statement *s = &b->statement;
    rh_pool_batch batch = {{s->text, s->text_len, s->n, s->values}, b->lengths, b->formats};
    size_t slot = (size_t)(l->n_fed % (RH_JOB_MAX_FED + 1));
    l->fed[slot].first = b->first;
    l->fed[slot].last = b->last;
    l->n_fed++;
    rh_job_feed(l->job, &batch);
}

/* A client that sleeps is read again when the batches have room. */
static void read_on(rh_load_request *l)
{
    if (!l->asleep || l->x->own.gone || rh_batches_are_full(l->batches))
        return;
    l->asleep = false;
    rh_exchange_read_on(l->x);
}

void rh_load_request_feed(rh_load_request *l)
{
    rh_batch batch;
    rh_err err;
    int got = 1;
    if (l->failed)
        rh_job_forgo(l->job);
    while (!l->failed && rh_job_is_hungry(l->job) && (got = rh_batches_next(l->batches, &batch, &err)) > 0)
        feed_batch(l, &batch);
    if (got < 0)
        fail(l, &err);
    else if (got == 0 && rh_batches_are_done(l->batches))
        rh_job_fed(l->job);
    read_on(l);
}

bool rh_load_request_add(rh_load_request *l, const char *bytes, size_t n)
{
    rh_err err;
    if (l->failed)
        return true; /* read away until the job has ended */
    if (l->x->own.received > l->x->max_load) {
        rh_err_set(&err, RH_E_TOO_LARGE, "the request body is larger than %llu bytes",
                   (unsigned long long)l->x->max_load);
        fail(l, &err);
        return true;
    }
    rh_batches_add(l->batches, bytes, n);
    rh_load_request_feed(l);
    l->asleep = !l->failed && rh_batches_are_full(l->batches);
    return !l->asleep;
}

void rh_load_request_end(rh_load_request *l)
{
    rh_batches_end(l->batches);
    rh_load_request_feed(l);
}

void rh_load_request_rows(rh_load_request *l, const PGresult *res)
{
    int64_t n;
    if (PQntuples(res) == 1 && PQnfields(res) == 1 && rh_parse_int(PQgetvalue(res, 0, 0), &n))
        l->more += n - 1; /* the row that says so was counted */
}

const char *rh_load_request_affected(const rh_load_request *l, const char *affected)
{
    int64_t n;
    if (!rh_parse_int(affected, &n))
        n = 0;
    return rh_arena_printf(l->x->arena, "%lld", (long long)(n + l->more));
}

void rh_load_request_judge(const rh_load_request *l, rh_err *err)
{
    int64_t n = l->job->own.n_done; /* the batch that failed, if it was one */
    if (l->failed && err->code != RH_E_UNKNOWN_OUTCOME)
        *err = *l->failed;
    else if (err->code == RH_E_DB && n < l->n_fed && strcmp(err->sqlstate, "57014") != 0)
        rh_batch_blame(l->batches, l->fed[n % (RH_JOB_MAX_FED + 1)].first,
                       l->fed[n % (RH_JOB_MAX_FED + 1)].last, err);
}
