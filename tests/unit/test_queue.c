/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose turn it is, with pools made up: who goes first, who waits, who is refused. Jobs end when a test says
 * so and take the time that it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg/queue.h"

#define MAX_CALLS 64
#define QUICK_US 100
#define LONG_US 1000000

typedef struct call {
    rh_ticket ticket;
    rh_job job;
    bool sent, cancelled;
    int done; /* how manieth */
    rh_err err;
    bool failed;
} call;

static uv_loop_t loop;
static rh_queue *queue;
static rh_quota *quota;
static call calls[MAX_CALLS];
static int n_calls, width, slots, running, order, processors = 2;
static char sent[MAX_CALLS + 1]; /* initials of the tenants in the order in which their jobs were sent */

static call *call_of(rh_job *job)
{
    return (call *)((char *)job - offsetof(call, job));
}

static bool submit(void *ctx, const rh_route *to, rh_job *job, rh_err *err)
{
    call *c = call_of(job);
    assert_true(running < slots);
    c->sent = true;
    sent[strlen(sent)] = *c->ticket.tenant;
    running++;
    return true;
}

static void cancel(void *ctx, const rh_route *to, rh_job *job)
{
    call_of(job)->cancelled = true;
}

static bool has_room(void *ctx, const rh_route *to)
{
    return running < slots;
}

static int width_of(void *ctx, const rh_route *to)
{
    return width;
}

static int64_t lane(void *ctx, const rh_route *to)
{
    return to->node * 2;
}

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    call *c = call_of(job);
    assert_int_equal(c->done, 0);
    c->done = ++order;
    c->failed = err != NULL;
    if (err)
        c->err = *err;
}

static void finish(call *c, int64_t took_us)
{
    assert_true(c->sent && !c->done);
    running--;
    c->job.own.took_us = took_us;
    c->job.on_done(&c->job, "", NULL);
}

static void turn(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void begin(int connections, int max_waiting, int64_t max_wait_ms)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    quota = rh_quota_new();
    rh_queue_settings s = {.backend = {NULL, submit, cancel, has_room, width_of, lane},
                           .quota = quota,
                           .share = {.processors = processors, .loops = 1},
                           .max_waiting = max_waiting,
                           .max_wait_ms = max_wait_ms};
    queue = rh_queue_new(&loop, &s);
    memset(calls, 0, sizeof calls);
    memset(sent, 0, sizeof sent);
    n_calls = running = order = 0;
    width = slots = connections;
}

static void note_closed(void *arg)
{
    *(bool *)arg = true;
}

static void end(void)
{
    bool closed = false;
    for (int i = 0; i < n_calls; i++)
        if (calls[i].sent && !calls[i].done)
            finish(&calls[i], 1);
    rh_queue_close(queue, note_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    rh_queue_free(queue);
    rh_quota_free(quota);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static bool try(call **out, const char *tenant, const char *text, int64_t concurrency)
{
    call *c = *out = &calls[n_calls++];
    *c = (call){.ticket = {.tenant = tenant, .concurrency = concurrency, .to = {.node = 1}, .job = &c->job}};
    c->job = (rh_job){.tenant = tenant,
                      .n_statements = 1,
                      .statements = {{text, strlen(text), 0, NULL}},
                      .on_done = on_done};
    return rh_queue_submit(queue, &c->ticket, &c->err);
}

static void on_hungry(rh_job *job)
{
}

static call *load(const char *tenant)
{
    call *c = &calls[n_calls++];
    *c = (call){.ticket = {.tenant = tenant, .to = {.node = 1}, .job = &c->job}};
    c->job = (rh_job){.tenant = tenant,
                      .n_statements = 1,
                      .statements = {{"load", 4, 0, NULL}},
                      .on_hungry = on_hungry,
                      .on_done = on_done};
    assert_true(rh_queue_submit(queue, &c->ticket, &c->err));
    return c;
}

static call *ask(const char *tenant, const char *text)
{
    call *c;
    assert_true(try(&c, tenant, text, 0));
    return c;
}

/* A statement of a tenant that is known to take that long. */
static void teach(const char *tenant, const char *text, int64_t us)
{
    for (int i = 0; i < 3; i++)
        finish(ask(tenant, text), us);
    memset(sent, 0, sizeof sent);
}

static void with_room_jobs_go_straight_through(void **state)
{
    begin(4, 8, 1000);
    call *a = ask("ant", "q");
    assert_true(a->sent);
    finish(a, 700);
    assert_true(a->done && !a->failed);
    assert_int_equal(a->ticket.took_us, 700);
    assert_int_equal(a->job.on_done == on_done, 1);
    end();
}

static void who_has_had_the_least_goes_first(void **state)
{
    begin(1, 8, 10000);
    teach("cat", "q", QUICK_US);
    call *first = ask("cat", "q");
    call *a[3], *b[3];
    for (int i = 0; i < 3; i++)
        a[i] = ask("ant", "q");
    for (int i = 0; i < 3; i++)
        b[i] = ask("bee", "q");
    turn();
    assert_string_equal(sent, "c");
    finish(first, QUICK_US);
    turn();
    assert_true(a[0]->sent);
    finish(a[0], 3000); /* dearer than thought, so the others of ant wait until bee has had its own */
    for (int i = 0; i < 3; i++) {
        turn();
        assert_true(b[i]->sent);
        finish(b[i], QUICK_US);
    }
    turn();
    assert_string_equal(sent, "cabbba");
    end();
}

static void tenants_of_equal_cost_take_turns(void **state)
{
    begin(1, 8, 10000);
    teach("cat", "q", QUICK_US);
    call *c[9] = {ask("cat", "q")};
    for (int i = 1; i < 9; i++)
        c[i] = ask(i <= 4 ? "ant" : "bee", "q");
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < 9; k++)
            if (c[k]->sent && !c[k]->done) {
                finish(c[k], QUICK_US);
                turn();
            }
    assert_int_equal(strlen(sent), 9);
    for (int i = 1; i < 9; i += 2) /* in each two turns, each once */
        assert_true(sent[i] != sent[i + 1]);
    end();
}

static void slow_jobs_leave_room_for_short_ones(void **state)
{
    begin(8, 20, 10000);
    teach("ant", "long", LONG_US);
    teach("ant", "q", QUICK_US);
    for (int i = 0; i < 8; i++)
        ask("ant", "long");
    turn();
    assert_string_equal(sent, "aaaa"); /* half */
    for (int i = 0; i < 8; i++) {
        ask("bee", "long");
        ask("dog", "long");
        ask("eel", "long");
    }
    turn();
    assert_int_equal(strlen(sent), 6); /* a quarter is left */
    call *c = ask("cat", "q"), *a = ask("ant", "q");
    turn();
    assert_true(c->sent && a->sent); /* past the slow ones that wait, of its own too */
    end();
}

/* However short they were: their clients may be slow. */
static void loads_have_half_of_the_connections(void **state)
{
    begin(8, 20, 10000);
    teach("eel", "q", QUICK_US);
    for (int i = 0; i < 3; i++)
        finish(load("ant"), QUICK_US);
    memset(sent, 0, sizeof sent);
    call *a = load("ant");
    load("ant");
    for (int i = 0; i < 3; i++) {
        load("bee");
        load("cat");
    }
    turn();
    assert_int_equal(strlen(sent), 4);
    call *e = ask("eel", "q");
    turn();
    assert_true(e->sent);
    finish(a, LONG_US);
    turn();
    assert_int_equal(strlen(sent), 6);
    end();
}

static int count_of(char tenant)
{
    int n = 0;
    for (const char *p = sent; *p; p++)
        n += *p == tenant;
    return n;
}

/* Beside others: as connections allow at first, as processors do when it goes on. */
static void who_goes_on_leaves_processors_to_others(void **state)
{
    call *c[12];
    processors = 4;
    begin(16, 20, 10000);
    ask("bee", "q");
    teach("ant", "q", 2 * QUICK_US);
    for (int i = 0; i < 12; i++)
        c[i] = ask("ant", "q");
    turn();
    assert_int_equal(count_of('a'), 8); /* half of the connections */
    for (int i = 0; i < 8; i++)
        finish(c[i], 20000);
    for (int i = 0; i < 8; i++)
        ask("ant", "q");
    turn();
    assert_int_equal(count_of('a'), 8 + 4); /* one a processor */
    call *b = ask("bee", "q");
    turn();
    assert_true(b->sent);
    end();
}

/* What was thought to take long and did not takes no more away than it had brought. */
static void a_debt_is_not_forgiven_by_wrong_guesses(void **state)
{
    processors = 2;
    begin(8, 20, 10000);
    teach("cat", "long", 20 * LONG_US);
    ask("bee", "q");
    for (int i = 0; i < 3; i++)
        finish(ask("ant", "other"), LONG_US); /* it floods */
    finish(ask("ant", "long"), 50000);
    call *c = ask("ant", "long"), *next = ask("ant", "long");
    assert_true(c->sent && !next->sent);
    end();
}

static void slow_jobs_beside_others_get_half_of_the_processors(void **state)
{
    processors = 4;
    begin(16, 20, 10000);
    teach("ant", "long", LONG_US);
    for (int i = 0; i < 8; i++)
        ask("ant", "long");
    turn();
    assert_int_equal(count_of('a'), 8); /* alone: half of the connections */
    for (int i = 0; i < n_calls; i++)
        if (calls[i].sent && !calls[i].done)
            finish(&calls[i], LONG_US);
    memset(sent, 0, sizeof sent);
    ask("bee", "q");
    for (int i = 0; i < 8; i++)
        ask("ant", "long");
    turn();
    assert_int_equal(count_of('a'), 2);
    ask("ant", "never seen");
    ask("ant", "nor this");
    turn();
    assert_int_equal(count_of('a'), 3);
    end();
}

static void what_waited_unknown_is_known_when_it_goes(void **state)
{
    call *c[8];
    processors = 2;
    begin(8, 20, 10000);
    ask("bee", "q");
    teach("ant", "long", LONG_US); /* it floods */
    ask("ant", "long");
    for (int i = 0; i < 4; i++)
        ask("ant", "long");
    for (int i = 0; i < 8; i++)
        c[i] = ask("ant", "never seen");
    turn();
    assert_true(c[0]->sent && !c[1]->sent);
    finish(c[0], LONG_US);
    turn();
    assert_false(c[1]->sent); /* slow, and one of those is under way */
    ask("ant", "not seen either");
    turn();
    assert_int_equal(count_of('a'), 3);
    end();
}

static void who_asks_on_another_loop_is_about(void **state)
{
    processors = 2;
    begin(8, 20, 10000);
    rh_quota_seat *other = rh_quota_join(quota, &loop, note_closed, NULL);
    teach("ant", "long", LONG_US);
    rh_quota_tell(other, rh_quota_corner(1), rh_quota_who("ant"));
    call *first = ask("ant", "long"), *second = ask("ant", "long");
    assert_true(first->sent && second->sent); /* it is alone there, too */
    finish(second, LONG_US);
    rh_quota_tell(other, rh_quota_corner(1), rh_quota_who("bee"));
    second = ask("ant", "long");
    assert_false(second->sent);
    rh_quota_tell(other, rh_quota_corner(2), rh_quota_who("bee")); /* of another node */
    rh_quota_tell(other, rh_quota_corner(1), 0);
    turn();
    finish(first, LONG_US);
    turn();
    assert_true(second->sent);
    bool left = false;
    rh_quota_leave(other, note_closed, &left);
    turn();
    assert_true(left);
    end();
}

static void what_is_slow_for_one_tenant_is_so_for_it_only(void **state)
{
    begin(2, 20, 10000);
    teach("bee", "q", QUICK_US);
    teach("ant", "q", LONG_US);
    teach("bee", "q", QUICK_US);
    call *a = ask("ant", "q"), *a2 = ask("ant", "q");
    turn();
    assert_true(a->sent && !a2->sent);
    call *b = ask("bee", "q");
    turn();
    assert_true(b->sent && !a2->sent);
    end();
}

static void too_many_of_one_tenant_are_refused(void **state)
{
    begin(1, 2, 10000);
    ask("ant", "q");
    ask("ant", "q");
    ask("ant", "q");
    call *c;
    assert_false(try(&c, "ant", "q", 0));
    assert_int_equal(c->err.code, RH_E_TOO_MANY);
    assert_true(c->err.retry_after >= 1);
    assert_true(try(&c, "bee", "q", 0));
    end();
}

static void who_waits_for_too_long_is_told_so(void **state)
{
    begin(1, 8, 50);
    call *a = ask("ant", "q"), *a2 = ask("ant", "q"), *b = ask("bee", "q");
    for (int i = 0; i < 100 && !(a2->done && b->done); i++) {
        uv_sleep(10);
        turn();
    }
    assert_true(a2->failed && b->failed && !a->done);
    assert_int_equal(a2->err.code, RH_E_TOO_MANY); /* for its own */
    assert_int_equal(b->err.code, RH_E_OVERLOADED);
    end();
}

static void cancelled_ones_end_and_the_others_go_on(void **state)
{
    begin(1, 8, 10000);
    call *a = ask("ant", "q"), *a2 = ask("ant", "q"), *a3 = ask("ant", "q");
    rh_queue_cancel(queue, &a2->ticket);
    rh_queue_cancel(queue, &a->ticket);
    assert_false(a2->done);
    turn();
    assert_true(a2->failed && !a2->sent && a->cancelled);
    assert_string_equal(a2->err.sqlstate, "57014");
    finish(a, QUICK_US);
    turn();
    assert_true(a3->sent);
    end();
}

static void the_end_refuses_what_waits(void **state)
{
    begin(1, 8, 10000);
    ask("ant", "q");
    call *b = ask("bee", "q");
    end();
    assert_true(b->failed);
    assert_int_equal(b->err.code, RH_E_UNAVAILABLE);
}

static void a_bound_of_its_own(void **state)
{
    begin(8, 8, 10000);
    teach("ant", "q", QUICK_US);
    call *a[4], *b;
    for (int i = 0; i < 4; i++)
        assert_true(try(&a[i], "ant", "q", 2));
    turn();
    assert_string_equal(sent, "aa");
    assert_true(try(&b, "bee", "q", 0));
    turn();
    assert_string_equal(sent, "aab");
    finish(a[0], QUICK_US);
    turn();
    assert_true(a[2]->sent && !a[3]->sent);
    end();
}

static void tokens_come_back_with_time(void **state)
{
    rh_quota *q = rh_quota_new();
    int64_t wait_ms, now = 1000000;
    for (int i = 0; i < 10; i++)
        assert_true(rh_quota_take(q, "ant", 10000, now, &wait_ms));
    assert_false(rh_quota_take(q, "ant", 10000, now, &wait_ms));
    assert_in_range(wait_ms, 99, 102);
    assert_true(rh_quota_take(q, "bee", 10000, now, &wait_ms));
    assert_false(rh_quota_take(q, "ant", 10000, now + (wait_ms - 3) * 1000, &wait_ms));
    assert_true(rh_quota_take(q, "ant", 10000, now + 101000, &wait_ms));
    assert_false(rh_quota_take(q, "ant", 10000, now + 101000, &wait_ms));
    char name[16];
    for (int i = 0; i < 2000; i++) { /* those whose bucket is full again are forgotten, ant's is not */
        snprintf(name, sizeof name, "t%d", i);
        assert_true(rh_quota_take(q, name, 1000, now + 110000 + i, &wait_ms));
    }
    assert_false(rh_quota_take(q, "ant", 10000, now + 112000, &wait_ms));
    rh_quota_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_room_jobs_go_straight_through),
        cmocka_unit_test(who_has_had_the_least_goes_first),
        cmocka_unit_test(tenants_of_equal_cost_take_turns),
        cmocka_unit_test(slow_jobs_leave_room_for_short_ones),
        cmocka_unit_test(loads_have_half_of_the_connections),
        cmocka_unit_test(who_goes_on_leaves_processors_to_others),
        cmocka_unit_test(a_debt_is_not_forgiven_by_wrong_guesses),
        cmocka_unit_test(slow_jobs_beside_others_get_half_of_the_processors),
        cmocka_unit_test(what_waited_unknown_is_known_when_it_goes),
        cmocka_unit_test(who_asks_on_another_loop_is_about),
        cmocka_unit_test(what_is_slow_for_one_tenant_is_so_for_it_only),
        cmocka_unit_test(too_many_of_one_tenant_are_refused),
        cmocka_unit_test(who_waits_for_too_long_is_told_so),
        cmocka_unit_test(cancelled_ones_end_and_the_others_go_on),
        cmocka_unit_test(the_end_refuses_what_waits),
        cmocka_unit_test(a_bound_of_its_own),
        cmocka_unit_test(tokens_come_back_with_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
