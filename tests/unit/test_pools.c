/* SPDX-License-Identifier: Apache-2.0
 *
 * More databases than connections, against a private PostgreSQL: the budget, the line, turns, closing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "pg/db.h"
#include "pg/pools.h"
#include "private_pg.h"

#define DATABASES 8
#define CALLS 400

static private_pg pg;
static rh_db *admin;
static uv_loop_t loop;
static rh_pools *pools;
static const char *const names[DATABASES] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};

typedef struct call {
    rh_job job;
    int done;
    char got[64];
    bool failed;
    rh_err err;
} call;

static int order;

static void open_pools(int budget, int64_t idle_ms)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    rh_pool_settings s = {
        .conninfo = pg.conninfo, .database = "postgres", .connections = 1, .idle_ms = idle_ms};
    pools = rh_pools_new(&loop, &s, budget);
    order = 0;
}

static void note_closed(void *arg)
{
    *(bool *)arg = true;
}

static void close_pools(void)
{
    bool closed = false;
    rh_pools_close(pools, note_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static rh_pools_stats stats(void)
{
    rh_pools_stats s;
    rh_pools_stats_read(pools, &s);
    return s;
}

static void on_rows(rh_job *job, int statement, const PGresult *res)
{
    call *c = job->user;
    if (PQntuples(res) > 0)
        snprintf(c->got, sizeof c->got, "%s", PQgetvalue(res, 0, 0));
}

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    call *c = job->user;
    assert_int_equal(c->done, 0);
    c->done = ++order;
    c->failed = err != NULL;
    if (err)
        c->err = *err;
}

static bool submit(call *c, const char *database, const char *sql)
{
    *c = (call){0};
    c->job = (rh_job){.tenant = "5",
                      .read_only = true,
                      .single_row = true,
                      .n_statements = 1,
                      .on_rows = on_rows,
                      .on_done = on_done,
                      .user = c};
    c->job.statements[0] = (rh_pool_statement){sql, strlen(sql), 0, NULL};
    bool ok = rh_pools_submit(pools, database, &c->job, &c->err);
    assert_int_equal(c->done, 0); /* never inside the call */
    return ok;
}

static void tick(uv_timer_t *t)
{
}

static bool wait_until(bool (*reached)(void *), void *arg)
{
    uv_timer_t timer;
    int64_t end = rh_now_ms() + 10000;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, tick, 5, 5);
    while (!reached(arg) && rh_now_ms() < end)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return reached(arg);
}

static bool is_done(void *c)
{
    return ((call *)c)->done != 0;
}

static bool is_count(void *n)
{
    return order == *(int *)n;
}

static bool is_empty(void *arg)
{
    return stats().homes == 0 && stats().connections == 0;
}

#define WHERE "SELECT current_database()"

static void test_each_job_in_its_database_within_the_budget(void **state)
{
    static call calls[CALLS];
    open_pools(3, 0);
    for (int i = 0; i < CALLS; i++) {
        assert_true(submit(&calls[i], names[i * 7 % DATABASES], WHERE));
        assert_in_range(stats().connections, 1, 3);
        if (i % 20 == 19) {
            uv_run(&loop, UV_RUN_NOWAIT);
            assert_in_range(stats().connections, 1, 3);
        }
    }
    assert_true(wait_until(is_count, &(int){CALLS}));
    for (int i = 0; i < CALLS; i++) {
        assert_false(calls[i].failed);
        assert_string_equal(calls[i].got, names[i * 7 % DATABASES]);
    }
    assert_int_equal(stats().waiting, 0);
    close_pools();
}

/* All connections are busy with slow statements: the line gets each as it ends, and nobody's second
 * connection is made out of somebody's first. */
static void test_the_line_is_first_come_first_served(void **state)
{
    static call slow[2], waits[3];
    open_pools(2, 0);
    for (int i = 0; i < 2; i++)
        assert_true(submit(&slow[i], names[i], "SELECT pg_sleep(0.3)"));
    for (int i = 0; i < 3; i++)
        assert_true(submit(&waits[i], names[2 + i], WHERE));
    assert_int_equal(stats().waiting, 3);
    assert_true(wait_until(is_count, &(int){5}));
    for (int i = 0; i < 3; i++)
        assert_false(waits[i].failed);
    /* the last one gets the connection that one of the first two has left; which of them is done first, the
     * time to dial decides */
    assert_true(waits[0].done < waits[2].done || waits[1].done < waits[2].done);
    close_pools();
}

/* A home that is never idle gives way all the same. */
static call busy[2];

static void again(rh_job *job, const char *affected, const rh_err *err)
{
    call *c = job->user;
    assert_null(err);
    if (!c->failed) { /* not told to end */
        job->own.error = NULL;
        assert_true(rh_pools_submit(pools, names[0], job, &c->err));
    } else {
        c->done = ++order;
    }
}

static void test_a_busy_home_has_turns(void **state)
{
    static call waits;
    open_pools(1, 0);
    for (int i = 0; i < 2; i++) {
        assert_true(submit(&busy[i], names[0], "SELECT pg_sleep(0.002)"));
        busy[i].job.on_done = again;
    }
    assert_true(submit(&waits, names[1], WHERE));
    assert_true(wait_until(is_done, &waits));
    assert_string_equal(waits.got, names[1]);
    busy[0].failed = busy[1].failed = true;
    assert_true(wait_until(is_done, &busy[0]) && wait_until(is_done, &busy[1]));
    close_pools();
}

static void test_a_second_connection_where_there_is_room(void **state)
{
    static call slow, fast, other;
    open_pools(2, 0);
    assert_true(submit(&other, names[0], WHERE));
    assert_true(wait_until(is_done, &other));
    assert_true(submit(&slow, names[0], "SELECT pg_sleep(0.5)"));
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(5000); /* the head is old now: nobody is put behind it */
    assert_true(submit(&fast, names[0], WHERE));
    assert_int_equal(stats().connections, 2);
    assert_true(wait_until(is_done, &fast));
    assert_int_equal(slow.done, 0);
    assert_true(wait_until(is_done, &slow));
    close_pools();
}

static void test_cancelling_what_waits(void **state)
{
    static call slow, waits[2];
    open_pools(1, 0);
    assert_true(submit(&slow, names[0], "SELECT pg_sleep(0.5)"));
    assert_true(submit(&waits[0], names[1], WHERE) && submit(&waits[1], names[1], WHERE));
    rh_pools_cancel(pools, names[1], &waits[0].job);
    assert_int_equal(waits[0].done, 0);
    assert_true(wait_until(is_done, &waits[0]));
    assert_string_equal(waits[0].err.sqlstate, "57014");
    assert_int_equal(slow.done + waits[1].done, 0);
    assert_true(wait_until(is_done, &waits[1]));
    assert_false(waits[1].failed || slow.failed);
    close_pools();
}

static void test_too_many_wait(void **state)
{
    static call slow, waits[1100];
    int refused = 0;
    open_pools(1, 0);
    assert_true(submit(&slow, names[0], "SELECT pg_sleep(0.2)"));
    for (int i = 0; i < 1100; i++)
        if (!submit(&waits[i], names[1 + i % 7], WHERE)) {
            assert_int_equal(waits[i].err.code, RH_E_OVERLOADED);
            refused++;
        }
    assert_int_equal(refused, 1100 - stats().waiting);
    assert_in_range(refused, 1, 200);
    close_pools();
    assert_int_equal(order, 1 + 1100 - refused); /* each was told */
    assert_int_equal(waits[0].err.code, RH_E_UNAVAILABLE);
}

static void test_unused_homes_are_closed(void **state)
{
    static call c;
    open_pools(4, 1000);
    assert_true(submit(&c, names[0], WHERE));
    assert_true(wait_until(is_done, &c));
    assert_int_equal(stats().homes, 1);
    assert_true(wait_until(is_empty, NULL));
    assert_true(submit(&c, names[0], WHERE));
    assert_true(wait_until(is_done, &c));
    assert_false(c.failed);
    close_pools();
}

static void test_a_database_that_is_not_there(void **state)
{
    static call gone[5], c;
    open_pools(1, 0);
    for (int i = 0; i < 5; i++)
        assert_true(submit(&gone[i], "no_such_database", WHERE));
    assert_true(submit(&c, names[0], WHERE));
    assert_true(wait_until(is_count, &(int){6}));
    for (int i = 0; i < 5; i++)
        assert_int_equal(gone[i].err.code, RH_E_UNAVAILABLE);
    assert_false(c.failed);
    close_pools();
}

static int start_pg(void **state)
{
    rh_err err;
    char sql[64];
    if (!private_pg_available(&pg)) {
        fprintf(stderr, "no PostgreSQL installed\n");
        exit(1); /* a test that cannot run has not passed */
    }
    private_pg_create(&pg);
    rh_log_init(RH_LOG_ERROR, false);
    admin = rh_db_open(pg.conninfo, NULL, NULL, NULL, &err);
    assert_non_null(admin);
    for (int i = 0; i < DATABASES; i++) {
        snprintf(sql, sizeof sql, "CREATE DATABASE %s STRATEGY wal_log", names[i]);
        assert_true(rh_db_exec(admin, sql, &err));
    }
    return 0;
}

static int stop_pg(void **state)
{
    rh_db_close(admin);
    private_pg_destroy(&pg);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_job_in_its_database_within_the_budget),
        cmocka_unit_test(test_the_line_is_first_come_first_served),
        cmocka_unit_test(test_a_busy_home_has_turns),
        cmocka_unit_test(test_a_second_connection_where_there_is_room),
        cmocka_unit_test(test_cancelling_what_waits),
        cmocka_unit_test(test_too_many_wait),
        cmocka_unit_test(test_unused_homes_are_closed),
        cmocka_unit_test(test_a_database_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
