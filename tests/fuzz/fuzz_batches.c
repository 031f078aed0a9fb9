/* SPDX-License-Identifier: Apache-2.0
 *
 * Large bodies of inserts, taken apart while they come in: nothing is lost or taken twice, and what passes in
 * parts passes as a whole.
 */
#include "rest/batches.h"
#include "rest_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const rh_err *err)
{
    must(rh_err_http(err) >= 300 && rh_err_http(err) < 500 && *err->message);
    must(rh_is_utf8(err->message, strlen(err->message)) && rh_is_utf8(err->detail, strlen(err->detail)));
}

/* False: an error. *taken: bytes that stood in batches. */
static bool take_all(rh_batches *b, int64_t *next, size_t *taken, bool csv)
{
    rh_batch batch;
    rh_err err = {0};
    int got;
    while ((got = rh_batches_next(b, &batch, &err)) > 0) {
        check_text(batch.statement.text);
        must(batch.statement.n >= 1 && strcmp(batch.statement.values[0], "5") == 0);
        must(batch.first >= *next && batch.last >= batch.first && (csv || batch.first == *next));
        *next = batch.last + 1;
        *taken += batch.len;
    }
    if (got < 0)
        check_error(&err);
    return got == 0;
}

static void load(rh_arena *a, const rh_rest_request *whole, const char *body, size_t size, size_t piece)
{
    rh_rest_request req = *whole;
    rh_rest *plan;
    rh_err err = {0};
    bool csv = req.content_type != NULL, ok = true;
    size_t taken = 0, at = 0;
    int64_t next = 0;
    rh_batches *b = rh_batches_new(a, &req, world(), &world_naming, 8 + piece * 8);
    rh_batches_begun begun = RH_BATCHES_MORE;
    for (; ok && at < size && begun <= RH_BATCHES_BEGUN; at += piece) {
        rh_batches_add(b, body + at, size - at < piece ? size - at : piece);
        if (begun == RH_BATCHES_MORE)
            begun = rh_batches_begin(b, &plan, &err);
        ok = begun != RH_BATCHES_BEGUN || take_all(b, &next, &taken, csv);
    }
    if (begun == RH_BATCHES_WRONG)
        check_error(&err);
    if (!ok || begun != RH_BATCHES_BEGUN)
        return;
    rh_batches_end(b);
    ok = take_all(b, &next, &taken, csv);
    must(taken <= size && (!ok || rh_batches_are_done(b)));
    req.body = rh_arena_strndup(a, body, size);
    req.body_len = size;
    if (ok && !csv)
        must(rh_rest_plan(a, &req, world(), &world_naming, &err) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *path, *query, *prefer, *type;
    } requests[] = {{"/ads", "", NULL, NULL},
                    {"/ads", "", NULL, "text/csv"},
                    {"/campaigns", "columns=id,data", "missing=default", "text/csv"},
                    {"/ads", "", "resolution=merge-duplicates", "text/csv"}};
    rh_arena *a = rh_arena_new();
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        rh_rest_request req = {.method = RH_POST,
                               .path = requests[i].path,
                               .query = requests[i].query,
                               .prefer = requests[i].prefer,
                               .content_type = requests[i].type};
        must(rh_batches_may(&req, world(), &world_naming));
        load(a, &req, (const char *)data, size, size ? 1 + data[0] % 61 : 1);
        rh_arena_clear(a);
    }
    rh_arena_free(a);
    return 0;
}
