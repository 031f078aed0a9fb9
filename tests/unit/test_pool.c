/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool against a private PostgreSQL: binding, pipelines, errors, lost connections, deadlines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "pg/db.h"
#include "pg/pool.h"
#include "pg/stmt.h"
#include "pg/weight.h"
#include "private_pg.h"

static private_pg pg;
static rh_db *admin;

/* ---- a loop, a pool, jobs that remember what happened ---- */

typedef struct call {
    rh_job job;
    const char *values[4];
    int rows, results, restarts, done;
    char first[64], affected[24];
    bool failed;
    rh_err err;
    int64_t ended_ms;
    struct call *then; /* submitted when this one is done */
} call;

static uv_loop_t loop;
static rh_pool *pool;
static int order;

static void open_pool(rh_pool_settings s)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    s.conninfo = pg.conninfo;
    if (!s.options)
        s.options = "-c search_path=public";
    pool = rh_pool_new(&loop, &s);
}

static void note_closed(void *arg)
{
    *(bool *)arg = true;
}

static void close_pool(void)
{
    bool closed = false;
    rh_pool_close(pool, note_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static rh_pool_stats stats(void)
{
    rh_pool_stats s = {0};
    rh_pool_stats_read(pool, &s);
    return s;
}

static void tick(uv_timer_t *t)
{
}

static bool wait_until(bool (*reached)(void *), void *arg, int ms)
{
    uv_timer_t timer;
    int64_t end = rh_now_ms() + ms;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, tick, 5, 5);
    while (!reached(arg) && rh_now_ms() < end)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return reached(arg);
}

static bool all_up(void *arg)
{
    rh_pool_stats s = stats();
    return s.alive == s.connections;
}

static bool is_done(void *c)
{
    return ((call *)c)->done != 0;
}

static void on_rows(rh_job *job, int statement, const PGresult *res)
{
    call *c = job->user;
    c->results++;
    if (statement == job->main && PQntuples(res) > 0) {
        if (c->rows == 0)
            snprintf(c->first, sizeof c->first, "%s", PQgetvalue(res, 0, 0));
        c->rows += PQntuples(res);
    }
}

static void on_restart(rh_job *job)
{
    call *c = job->user;
    c->restarts++;
    c->rows = 0;
}

static void on_done(rh_job *job, const char *affected, const rh_err *err)
{
    call *c = job->user;
    assert_int_equal(c->done, 0);
    c->done = ++order;
    c->ended_ms = rh_now_ms();
    c->failed = err != NULL;
    if (err)
        c->err = *err;
    snprintf(c->affected, sizeof c->affected, "%s", affected);
    rh_err e;
    if (c->then)
        assert_true(rh_pool_submit(pool, &c->then->job, &e));
}

static void prepare_call(call *c, const char *tenant, const char *sql, bool read_only)
{
    *c = (call){0};
    c->job = (rh_job){.tenant = tenant,
                      .read_only = read_only,
                      .single_row = true,
                      .n_statements = 1,
                      .on_rows = on_rows,
                      .on_restart = on_restart,
                      .on_done = on_done,
                      .user = c};
    c->job.statements[0] = (rh_pool_statement){sql, strlen(sql), 0, c->values};
}

static bool submit(call *c)
{
    c->failed = !rh_pool_submit(pool, &c->job, &c->err);
    assert_int_equal(c->done, 0); /* never inside the call */
    return !c->failed;
}

static void run_call(call *c)
{
    assert_true(submit(c));
    assert_true(wait_until(is_done, c, 10000));
}

static void run_sql(call *c, const char *tenant, const char *sql, bool read_only)
{
    prepare_call(c, tenant, sql, read_only);
    run_call(c);
}

static void admin_exec(const char *sql)
{
    rh_err err;
    if (!rh_db_exec(admin, sql, &err))
        fail_msg("%s: %s", sql, err.message);
}

static int admin_int(const char *sql)
{
    rh_err err;
    rh_arena *a = rh_arena_new();
    const char *text = rh_db_value(admin, a, sql, 0, NULL, &err);
    int64_t n = -1;
    if (!text || !rh_parse_int(text, &n))
        n = -1;
    rh_arena_free(a);
    return (int)n;
}

#define BOUND "SELECT current_setting('rowhouse.tenant')"

/* ---- the tests ---- */

static void test_stmt_cache(void **state)
{
    char left[16], name_of_b[16];
    rh_stmts *s = rh_stmts_new(2, 0);
    rh_stmt *a = rh_stmts_add(s, "a", 1), *b = rh_stmts_add(s, "b", 1);
    assert_false(rh_stmts_evict(s, 1, left)); /* all pending: nobody can leave */
    assert_null(rh_stmts_add(s, "c", 1));
    rh_stmts_ready(s, a);
    rh_stmts_ready(s, b);
    assert_ptr_equal(rh_stmts_find(s, "a", 1), a);
    memcpy(name_of_b, b->name, sizeof name_of_b);
    assert_true(rh_stmts_evict(s, 1, left));
    assert_string_equal(left, name_of_b); /* the least recently used */
    assert_false(rh_stmts_evict(s, 1, left));
    assert_null(rh_stmts_find(s, "b", 1));
    rh_stmt *c = rh_stmts_add(s, "c", 1);
    rh_stmts_forget(s, c);
    assert_int_equal(rh_stmts_count(s), 1);
    c = rh_stmts_add(s, "c", 1);
    assert_string_not_equal(c->name, name_of_b);
    rh_stmts_free(s);
}

static void test_stmt_cache_is_bounded_by_text(void **state)
{
    char left[16], text[100] = {0};
    rh_stmts *s = rh_stmts_new(100, 250);
    for (int i = 0; i < 10; i++) {
        text[0] = (char)('a' + i);
        int n = 0;
        while (rh_stmts_evict(s, i < 8 ? 50 : 100, left))
            n++;
        assert_int_equal(n, i < 5 ? 0 : i < 8 ? 1 : 2);
        rh_stmts_ready(s, rh_stmts_add(s, text, i < 8 ? 50 : 100));
        assert_in_range(rh_stmts_text(s), 50, 250);
    }
    /* one that would take all the room does not take the newest's, which may be in use just now */
    while (rh_stmts_evict(s, 250, left))
        ;
    assert_int_equal(rh_stmts_count(s), 1);
    assert_null(rh_stmts_add(s, "long", 250));
    rh_stmts_free(s);
}

static void test_weight(void **state)
{
    rh_weight *w = rh_weight_new();
    assert_int_equal(rh_weight_bytes(w, 0), RH_WEIGHT_EMPTY);
    rh_weight_note(w, 1, 2, 100);
    assert_int_equal(rh_weight_bytes(w, 0), RH_WEIGHT_EMPTY + 100 * RH_WEIGHT_STATEMENT);
    for (int i = 0; i < 1000; i++)
        rh_weight_note(w, 1, 2, 100);
    rh_weight_note(w, 2, 3, 100000);
    assert_int_equal(rh_weight_homes(w), 2);
    assert_int_equal(rh_weight_bytes(w, 10),
                     RH_WEIGHT_EMPTY + 5 * RH_WEIGHT_RELATION + 10 * RH_WEIGHT_STATEMENT);
    rh_weight_free(w);
}

static void test_bound_to_its_tenant_only(void **state)
{
    open_pool((rh_pool_settings){.connections = 1});
    static call calls[40];
    for (int i = 0; i < 40; i++) {
        prepare_call(&calls[i], i % 2 ? "7" : "5", BOUND, i % 3 != 0);
        assert_true(submit(&calls[i]));
    }
    assert_true(wait_until(is_done, &calls[39], 10000));
    for (int i = 0; i < 40; i++) {
        assert_false(calls[i].failed);
        assert_string_equal(calls[i].first, i % 2 ? "7" : "5");
        assert_int_equal(calls[i].done - calls[0].done, i);
    }
    assert_in_range(stats().deepest, 2, 8);
    assert_in_range(stats().prepared, 1, 2);
    close_pool();
}

static void test_nothing_survives_the_job(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    run_sql(&c, "5", "SELECT set_config('rowhouse.tenant', '6', true)", false);
    assert_string_equal(c.first, "6");
    run_sql(&c, "7", BOUND, true);
    assert_string_equal(c.first, "7");
    /* read-only ends with its job, too */
    run_sql(&c, "7", "INSERT INTO notes(tenant, body) VALUES ('7', 'x')", false);
    assert_false(c.failed);
    assert_string_equal(c.affected, "1");
    close_pool();
}

/* A role of its own for each job, on one pipeline: what the first statement sets holds for the second one's
 * names, and whatever a job does to its session ends with it. */
static void test_jobs_of_many_roles(void **state)
{
    static const char *const sql[] = {
        "SELECT body FROM of_a.notes /* a */",
        "SELECT body FROM of_a.notes",
        "SELECT current_user || ' ' || set_config('role', 'none', false) || current_user",
        "SELECT current_user || set_config('search_path', 'of_a', false) || set_config('my.own', 'a', false)",
        "SELECT current_user || ' ' || coalesce(current_setting('my.own', true), '') || "
        "current_setting('search_path')",
        "SELECT 1/0",
        "SELECT current_user || ' ' || session_user",
        "SELECT current_setting('transaction_isolation') || count(*) FROM pg_class WHERE false",
    };
    static const char *const roles[] = {"a", "b", "a", "a", "b", "a", "b", "b"};
    static call calls[40];
    admin_exec("CREATE ROLE a; CREATE ROLE b; CREATE ROLE door LOGIN NOINHERIT; GRANT a, b TO door;"
               "CREATE SCHEMA of_a; CREATE TABLE of_a.notes AS SELECT 'mine'::text AS body;"
               "GRANT SELECT ON of_a.notes TO PUBLIC; GRANT USAGE ON SCHEMA of_a TO a");
    open_pool((rh_pool_settings){.connections = 1, .user = "door", .reset = true});
    for (int i = 0; i < 40; i++) {
        int kind = i % 8;
        prepare_call(&calls[i], "", sql[kind], true);
        calls[i].values[0] = roles[kind];
        calls[i].job.begin = kind == 7 ? "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE" : NULL;
        calls[i].job.statements[1] = calls[i].job.statements[0];
        calls[i].job.statements[0] =
            (rh_pool_statement){"SELECT set_config('role', $1, true)",
                                strlen("SELECT set_config('role', $1, true)"), 1, calls[i].values};
        calls[i].job.statements[1].n = 0;
        calls[i].job.n_statements = 2;
        calls[i].job.main = 1;
        assert_true(submit(&calls[i]));
    }
    assert_true(wait_until(is_done, &calls[39], 10000));
    for (int i = 0; i < 40; i += 8) {
        assert_string_equal(calls[i].first, "mine");
        assert_string_equal(calls[i + 1].err.sqlstate, "42501"); /* nobody else's lookup serves it */
        assert_string_equal(calls[i + 2].first, "a nonedoor");
        assert_false(calls[i + 3].failed);
        assert_string_equal(calls[i + 4].first, "b public");
        assert_string_equal(calls[i + 5].err.sqlstate, "22012");
        assert_string_equal(calls[i + 6].first, "b door");
        assert_string_equal(calls[i + 7].first, "serializable0");
    }
    assert_int_equal(stats().dialed, 1);
    close_pool();
}

/* What a job leaves behind may end the next one before its own settings are back. */
static void test_a_timeout_left_behind(void **state)
{
    static call calls[2];
    open_pool((rh_pool_settings){.connections = 1, .reset = true});
    prepare_call(&calls[0], "", "SELECT set_config('statement_timeout', '1', false)", true);
    prepare_call(&calls[1], "", "SELECT current_setting('statement_timeout')", true);
    calls[0].job.statements[0].n = calls[1].job.statements[0].n = 0;
    calls[1].job.begin = "DO 'BEGIN PERFORM pg_sleep(0.1); END'";
    for (int i = 0; i < 2; i++)
        assert_true(submit(&calls[i]));
    assert_true(wait_until(is_done, &calls[1], 10000));
    assert_false(calls[0].failed);
    assert_false(calls[1].failed);
    assert_string_equal(calls[1].first, "0");
    assert_int_equal(stats().dialed, 2);
    close_pool();
}

/* Each of them leaves behind what the next one will not have: whoever is sent again keeps its turn, so that
 * nobody meets more used sessions than there are jobs before it. */
static void test_used_sessions_and_turns(void **state)
{
    static call calls[8];
    static const char guard[] = "SELECT (CASE WHEN to_regclass('pg_temp.basket') IS NULL THEN '1' "
                                "ELSE '" RH_POOL_USED "' END)::int";
    open_pool((rh_pool_settings){.connections = 1, .reset = true});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < 8; i++) {
        prepare_call(&calls[i], "", "CREATE TEMP TABLE basket (item text)", false);
        calls[i].job.statements[1] = calls[i].job.statements[0];
        calls[i].job.statements[0] = (rh_pool_statement){guard, strlen(guard), 0, NULL};
        calls[i].job.statements[1].n = 0;
        calls[i].job.n_statements = 2;
        calls[i].job.main = 1;
        assert_true(submit(&calls[i]));
    }
    assert_true(wait_until(is_done, &calls[7], 10000));
    for (int i = 0; i < 8; i++) {
        assert_false(calls[i].failed);
        assert_true(i == 0 || calls[i - 1].done < calls[i].done);
    }
    close_pool();
}

static void test_read_only_cannot_write(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    run_sql(&c, "5", "INSERT INTO notes(tenant, body) VALUES ('5', 'ro')", true);
    assert_true(c.failed);
    assert_string_equal(c.err.sqlstate, "25006");
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE body = 'ro'"), 0);
    close_pool();
}

static void test_errors_leave_neighbours_alone(void **state)
{
    static call calls[6];
    open_pool((rh_pool_settings){.connections = 1});
    const char *sql[6] = {"INSERT INTO notes(tenant, body) VALUES ('5', 'n0')", "SELECT 1/0",
                          "INSERT INTO notes(tenant, body) VALUES ('5', 'n2')", "SELEC oops",
                          "INSERT INTO notes(tenant, body) VALUES ('5', 'n4')", BOUND};
    for (int i = 0; i < 6; i++) {
        prepare_call(&calls[i], "5", sql[i], false);
        assert_true(submit(&calls[i]));
    }
    assert_true(wait_until(is_done, &calls[5], 10000));
    for (int i = 0; i < 6; i++)
        assert_int_equal(calls[i].failed, i == 1 || i == 3);
    assert_string_equal(calls[1].err.sqlstate, "22012");
    assert_string_equal(calls[3].err.sqlstate, "42601");
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE body LIKE 'n_'"), 3);
    assert_int_equal(stats().dialed, 1);
    close_pool();
}

/* The second statement's Parse is skipped because the first one's failed: it must not count as prepared. */
static void test_skipped_parse_is_not_remembered(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    prepare_call(&c, "5", "SELECT nothing FROM nowhere", true);
    c.job.n_statements = 2;
    c.job.statements[1] = (rh_pool_statement){BOUND, strlen(BOUND), 0, NULL};
    run_call(&c);
    assert_string_equal(c.err.sqlstate, "42P01");
    run_sql(&c, "5", BOUND, true);
    assert_false(c.failed);
    /* a table that appears later: the failed Parse is tried anew */
    run_sql(&c, "5", "SELECT id FROM late", true);
    assert_string_equal(c.err.sqlstate, "42P01");
    admin_exec("CREATE TABLE late(id int)");
    run_sql(&c, "5", "SELECT id FROM late", true);
    assert_false(c.failed);
    assert_int_equal(stats().retried, 0);
    close_pool();
}

static void test_statement_cache_is_bounded(void **state)
{
    call c;
    char sql[64];
    open_pool((rh_pool_settings){.connections = 1, .max_statements = 3});
    for (int i = 0; i < 20; i++) {
        snprintf(sql, sizeof sql, "SELECT %d", i % 5);
        run_sql(&c, "5", sql, true);
        assert_false(c.failed);
        assert_int_equal(c.first[0], '0' + i % 5);
    }
    assert_int_equal(stats().evicted, 17);
    run_sql(&c, "5", "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 's%'", true);
    assert_string_equal(c.first, "3");
    close_pool();
}

static void test_stale_statements_are_prepared_anew(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    admin_exec("CREATE TABLE shape(a int); INSERT INTO shape VALUES (1)");
    run_sql(&c, "5", "SELECT * FROM shape", true);
    admin_exec("ALTER TABLE shape ADD b text");
    run_sql(&c, "5", "SELECT * FROM shape", true); /* cached plan must not change result type */
    assert_false(c.failed);
    assert_int_equal(c.restarts, 1);
    run_sql(&c, "5", "DEALLOCATE ALL", false);
    run_sql(&c, "5", BOUND, true);
    assert_false(c.failed);
    close_pool();
}

/* ---- shared transactions ---- */

#define SHARING 12

static call sharing[SHARING];

/* One batch: its reads go in one turn of the loop. */
static void send_sharing(const char *sql, const char *const *tenants, int n)
{
    static const char table[] = "what they read";
    for (int i = 0; i < n; i++) {
        prepare_call(&sharing[i], tenants[i], sql, true);
        sharing[i].job.shares = table;
        assert_true(submit(&sharing[i]));
    }
}

static bool all_done(void *n)
{
    for (int i = 0; i < *(int *)n; i++)
        if (!sharing[i].done)
            return false;
    return true;
}

static void share(const char *sql, const char *const *tenants, int n)
{
    send_sharing(sql, tenants, n);
    assert_true(wait_until(all_done, &n, 10000));
}

/* Until the statement is prepared and known to be brief: a busy machine may take its time. */
static void warm_up(const char *sql, const char *tenant)
{
    const char *const tenants[] = {tenant, tenant};
    for (int i = 0; i < 500 && stats().shared == 0; i++)
        share(sql, tenants, 2);
    assert_true(stats().shared > 0);
}

static const char *const twelve[SHARING] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};

static void test_reads_share_a_transaction_not_a_tenant(void **state)
{
    char expected[32];
    const char *since = NULL;
    open_pool((rh_pool_settings){.connections = 1});
    warm_up(
        "SELECT concat_ws(' ', current_setting('rowhouse.tenant'), current_setting('transaction_read_only'),"
        "extract(epoch FROM now()))",
        "5");
    uint64_t before = stats().shared;
    share(sharing[0].job.statements[0].text, twelve, SHARING);
    assert_int_equal(stats().shared - before, SHARING - 1);
    for (int i = 0; i < SHARING; i++) {
        assert_false(sharing[i].failed);
        snprintf(expected, sizeof expected, "%s on ", twelve[i]);
        assert_memory_equal(sharing[i].first, expected, strlen(expected));
        const char *began = strrchr(sharing[i].first, ' ');
        assert_true(!since || strcmp(since, began) == 0); /* one transaction */
        since = began;
    }
    run_sql(&sharing[0], "5", "SELECT pg_current_xact_id()::text", false);
    assert_false(sharing[0].failed); /* the next one may write */
    close_pool();
}

/* What stands before it has its rows; what stands behind it is sent again, once and alone. */
static void test_an_error_in_a_shared_transaction(void **state)
{
    static const char *const tenants[] = {"a", "b", "zero", "c", "zero", "d"};
    open_pool((rh_pool_settings){.connections = 1});
    warm_up(
        "SELECT current_setting('rowhouse.tenant') || 1 / (length(current_setting('rowhouse.tenant')) - 4)",
        "a");
    uint64_t before = stats().shared;
    share(sharing[0].job.statements[0].text, tenants, 6);
    assert_int_equal(stats().shared - before, 5);
    assert_int_equal(stats().retried, 3);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(sharing[i].failed, i == 2 || i == 4);
        assert_int_equal(sharing[i].restarts, 0);
        if (sharing[i].failed)
            assert_string_equal(sharing[i].err.sqlstate, "22012");
        else
            assert_int_equal(sharing[i].first[0], *tenants[i]);
    }
    close_pool();
}

#define SLEEPY                                                                                               \
    "SELECT current_setting('rowhouse.tenant') FROM pg_sleep(CASE current_setting('rowhouse.tenant') WHEN "  \
    "'slow' THEN 20 ELSE 0 END)"

static void test_cancels_in_a_shared_transaction(void **state)
{
    static const char *const tenants[] = {"a", "slow", "bad", "b"};
    int n = 4;
    open_pool((rh_pool_settings){.connections = 1});
    warm_up(SLEEPY, "a");
    send_sharing(SLEEPY, tenants, n);
    for (int i = 0; i < 20; i++) /* until it sleeps */
        uv_run(&loop, UV_RUN_NOWAIT), usleep(1000);
    rh_pool_cancel(pool, &sharing[1].job);
    rh_pool_cancel(pool, &sharing[2].job);
    assert_true(wait_until(all_done, &n, 10000));
    for (int i = 0; i < n; i++) {
        assert_int_equal(sharing[i].failed, i == 1 || i == 2);
        assert_string_equal(sharing[i].failed ? sharing[i].err.sqlstate : sharing[i].first,
                            sharing[i].failed ? "57014" : tenants[i]);
    }
    close_pool();
}

/* The last of them is gone before the Sync was sent: its place is still there. */
static void test_a_cancel_before_a_shared_transaction_is_sent(void **state)
{
    static const char *const tenants[] = {"a", "b", "bad"};
    int n = 3;
    open_pool((rh_pool_settings){.connections = 1});
    warm_up(BOUND, "a");
    send_sharing(BOUND, tenants, n);
    rh_pool_cancel(pool, &sharing[2].job);
    assert_true(wait_until(all_done, &n, 10000));
    assert_string_equal(sharing[0].first, "a");
    assert_string_equal(sharing[1].first, "b");
    share(BOUND, twelve, SHARING);
    for (int i = 0; i < SHARING; i++)
        assert_string_equal(sharing[i].first, twelve[i]);
    assert_int_equal(stats().in_flight, 0);
    close_pool();
}

static void test_what_does_not_share(void **state)
{
    static call other, write, timed, home;
    open_pool((rh_pool_settings){.connections = 1});
    warm_up(BOUND, "a");
    uint64_t before = stats().shared;
    send_sharing(BOUND, (const char *const[]){"a"}, 1);
    prepare_call(&other, "b", BOUND, true);
    other.job.shares = &other;
    prepare_call(&home, "c", BOUND, true);
    home.job.shares = &other;
    home.job.home = 7;
    prepare_call(&write, "d", BOUND, false);
    write.job.shares = &other;
    prepare_call(&timed, "e", BOUND, true);
    timed.job.shares = &other;
    timed.job.statement_timeout = "9000"; /* the next one has none */
    assert_true(submit(&other) && submit(&home) && submit(&write) && submit(&timed));
    assert_true(wait_until(is_done, &timed, 10000));
    assert_string_equal(other.first, "b");
    assert_string_equal(home.first, "c");
    assert_string_equal(write.first, "d");
    assert_string_equal(timed.first, "e");
    assert_int_equal(stats().shared, before);
    close_pool();
    open_pool(
        (rh_pool_settings){.connections = 1, .options = "-c default_transaction_isolation=serializable"});
    for (int i = 0; i < 30; i++)
        share(BOUND, twelve, SHARING);
    assert_int_equal(stats().shared, 0);
    close_pool();
}

static void test_rollback_and_commit_errors(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    prepare_call(&c, "5", "INSERT INTO notes(tenant, body) VALUES ('5', 'undone') RETURNING body", false);
    c.job.rollback = true;
    run_call(&c);
    assert_false(c.failed);
    assert_string_equal(c.first, "undone");
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE body = 'undone'"), 0);
    run_sql(&c, "5", "INSERT INTO child VALUES (4711)", false); /* its foreign key is checked at commit */
    assert_true(c.failed);
    assert_string_equal(c.err.sqlstate, "23503");
    run_sql(&c, "5", BOUND, true);
    assert_string_equal(c.first, "5");
    assert_int_equal(stats().dialed, 1);
    close_pool();
}

static void test_many_rows_stream(void **state)
{
    call c;
    open_pool((rh_pool_settings){.connections = 1});
    prepare_call(&c, "5", "SELECT g FROM generate_series(1, 5000) g", true);
    c.job.single_row = false;
    c.job.n_statements = 2;
    c.job.statements[1] = (rh_pool_statement){"SELECT 5000", 11, 0, NULL};
    run_call(&c);
    assert_int_equal(c.rows, 5000);
    assert_true(c.results > 5000);
    close_pool();
}

static void test_slow_heads_do_not_hold_others_up(void **state)
{
    static call slow, fast[50];
    open_pool((rh_pool_settings){.connections = 2});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&slow, "5", "SELECT pg_sleep(0.4)", true);
    assert_true(submit(&slow));
    usleep(3000); /* older than max_head_age_us */
    for (int i = 0; i < 50; i++) {
        prepare_call(&fast[i], "7", BOUND, true);
        assert_true(submit(&fast[i]));
    }
    assert_true(wait_until(is_done, &slow, 10000));
    for (int i = 0; i < 50; i++)
        assert_in_range(fast[i].done, 1, slow.done - 1);
    close_pool();
}

/* What stands behind another has not begun. */
static void test_time_counts_from_the_head(void **state)
{
    static call c[2];
    int64_t most = 0;
    open_pool((rh_pool_settings){.connections = 1, .max_head_age_us = 1000000});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < 2; i++) {
        prepare_call(&c[i], "5", "SELECT pg_sleep(0.2)", true);
        assert_int_equal(rh_job_runs_us(&c[i].job), 0);
        assert_true(submit(&c[i]));
    }
    for (; !c[0].done; usleep(1000)) {
        assert_int_equal(rh_job_runs_us(&c[1].job), 0);
        most = rh_job_runs_us(&c[0].job);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_true(most > 0);
    for (most = 0; !c[1].done; usleep(1000)) {
        most = rh_job_runs_us(&c[1].job);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_in_range(most, 1, c[1].job.own.took_us);
    close_pool();
}

static void test_queue_is_bounded(void **state)
{
    static call calls[30];
    int refused = 0;
    open_pool((rh_pool_settings){.connections = 1, .max_queue = 10});
    for (int i = 0; i < 30; i++) { /* no connection is up yet: all wait */
        prepare_call(&calls[i], "5", BOUND, true);
        if (!submit(&calls[i])) {
            assert_int_equal(calls[i].err.code, RH_E_OVERLOADED);
            refused++;
        }
    }
    assert_int_equal(refused, 20);
    assert_true(wait_until(is_done, &calls[9], 5000));
    close_pool();
}

static void test_lost_connection(void **state)
{
    static call killer, read, write;
    open_pool((rh_pool_settings){.connections = 1, .max_head_age_us = 1000000});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&killer, "5", "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)", true);
    prepare_call(&read, "7", BOUND, true);
    prepare_call(&write, "7", "INSERT INTO notes(tenant, body) VALUES ('7', 'once')", false);
    assert_true(submit(&killer) && submit(&read) && submit(&write));
    assert_true(wait_until(is_done, &read, 10000) && wait_until(is_done, &killer, 10000));
    assert_int_equal(killer.err.code,
                     RH_E_UNAVAILABLE); /* killed a second connection when it was sent again */
    assert_int_equal(killer.restarts, 1);
    assert_true(write.failed);
    assert_int_equal(write.err.code, RH_E_UNKNOWN_OUTCOME);
    assert_int_equal(write.restarts, 0);
    assert_true(admin_int("SELECT count(*) FROM notes WHERE body = 'once'") <= 1);
    /* the read was in both pipelines: lost twice, or answered by the third connection */
    run_sql(&read, "7", BOUND, true);
    assert_string_equal(read.first, "7");
    close_pool();
}

static void test_read_is_sent_again_once(void **state)
{
    static call c;
    open_pool((rh_pool_settings){.connections = 2});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&c, "5", "SELECT pg_sleep(0.5), 'x'", true);
    c.job.single_row = false;
    assert_true(submit(&c));
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(100 * 1000);
    admin_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.5)%' "
               "AND pid <> "
               "pg_backend_pid()");
    assert_true(wait_until(is_done, &c, 10000));
    assert_false(c.failed);
    assert_int_equal(c.restarts, 1);
    assert_int_equal(c.rows, 1);
    assert_int_equal(stats().lost, 1);
    close_pool();
}

static void test_deadline_drops_the_connection(void **state)
{
    static call slow, read, late;
    open_pool((rh_pool_settings){.connections = 1, .deadline_ms = 1000});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&slow, "5", "SELECT pg_sleep(3)", true);
    prepare_call(&read, "7", BOUND, true);
    assert_true(submit(&slow) && submit(&read)); /* read stands behind slow in the pipeline */
    usleep(800 * 1000);
    prepare_call(&late, "7", BOUND, true);
    assert_true(submit(&late)); /* waits: the head is too old */
    assert_true(wait_until(is_done, &late, 5000));
    assert_int_equal(slow.err.code, RH_E_TIMEOUT);
    assert_int_equal(read.err.code, RH_E_TIMEOUT);
    assert_false(late.failed);
    assert_string_equal(late.first, "7");
    prepare_call(&slow, "5", "INSERT INTO notes(tenant, body) SELECT '5', 'late' FROM pg_sleep(3)", false);
    assert_true(submit(&slow));
    assert_true(wait_until(is_done, &slow, 5000));
    assert_int_equal(slow.err.code, RH_E_UNKNOWN_OUTCOME);
    close_pool();
}

#define INSERT "INSERT INTO notes(tenant, body) SELECT current_setting('rowhouse.tenant'), "

static void test_cancel_ends_its_own_job_only(void **state)
{
    static call bad, good, bad_behind, bad_waiting, good_waiting;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&bad, "bad", INSERT "'head' FROM pg_sleep(20)", false);
    prepare_call(&good, "good", INSERT "'behind'", false);
    prepare_call(&bad_behind, "bad", INSERT "'behind'", false);
    assert_true(submit(&bad) && submit(&good) && submit(&bad_behind)); /* one pipeline */
    usleep(5000);
    prepare_call(&bad_waiting, "bad", INSERT "'waiting'", false);
    prepare_call(&good_waiting, "good", INSERT "'waiting'", false);
    assert_true(submit(&bad_waiting) && submit(&good_waiting)); /* the queue */
    int64_t since = rh_now_ms();
    rh_pool_cancel(pool, &bad_waiting.job);
    rh_pool_cancel(pool, &bad_behind.job);
    rh_pool_cancel(pool, &bad.job);
    assert_int_equal(bad.done + bad_behind.done + bad_waiting.done, 0); /* never inside the call */
    assert_true(wait_until(is_done, &good_waiting, 10000));
    assert_true(wait_until(is_done, &bad_behind, 10000));
    assert_true(rh_now_ms() - since < 5000);
    assert_string_equal(bad.err.sqlstate, "57014");
    assert_string_equal(bad_waiting.err.sqlstate, "57014");
    assert_false(good.failed || good_waiting.failed);
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE tenant = 'good'"), 2);
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE tenant = 'bad'"), !bad_behind.failed);
    assert_true(stats().cancels > 0);
    close_pool();
}

/* A cancel that arrives late: as ours does when its statement ends meanwhile. */
static void test_what_a_cancel_hits_by_mistake_is_sent_again(void **state)
{
    static call bad, good, other;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&bad, "bad", "SELECT pg_sleep(20)", false);
    prepare_call(&good, "good", INSERT "'hit' FROM pg_sleep(1)", false);
    assert_true(submit(&bad) && submit(&good));
    rh_pool_cancel(pool, &bad.job);
    assert_true(wait_until(is_done, &bad, 5000));
    usleep(100 * 1000);
    admin_exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%''hit''%' AND pid <> "
               "pg_backend_pid()");
    assert_true(wait_until(is_done, &good, 5000));
    assert_false(good.failed);
    assert_int_equal(good.restarts, 1);
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE body = 'hit'"), 1);
    /* a connection that nobody cancelled on does not make it its own affair */
    prepare_call(&other, "good", INSERT "'other' FROM pg_sleep(5)", false);
    assert_true(submit(&other));
    for (int i = 0; i < 10 && !other.done; i++) {
        wait_until(is_done, &other, 100);
        admin_exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%''other''%' AND "
                   "pid <> pg_backend_pid()");
    }
    assert_string_equal(other.err.sqlstate, "57014");
    assert_int_equal(other.restarts, 0);
    close_pool();
}

/* Nothing of it can be left behind, so it need not wait for what it stands behind. */
static void test_cancelled_reads_need_not_wait(void **state)
{
    static call slow, bad, good;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&slow, "good", INSERT "'slow' FROM pg_sleep(1)", false);
    prepare_call(&bad, "bad", "SELECT pg_sleep(20)", true);
    prepare_call(&good, "good", BOUND, true);
    assert_true(submit(&slow) && submit(&bad) && submit(&good)); /* one pipeline */
    usleep(5000);
    rh_pool_cancel(pool, &bad.job);
    assert_true(wait_until(is_done, &bad, 5000));
    assert_int_equal(slow.done, 0);
    assert_string_equal(bad.err.sqlstate, "57014");
    memset(&bad, 0xee, sizeof bad); /* it is the caller's again */
    assert_true(wait_until(is_done, &good, 10000));
    assert_false(slow.failed || good.failed);
    assert_string_equal(good.first, "good");
    assert_int_equal(stats().in_flight, 0);
    close_pool();
}

/* A caller that takes this many rows and then no more until told. */
static struct reader {
    call call;
    int take;
    bool refused;
} readers[3];

static void on_reader_rows(rh_job *job, int statement, const PGresult *res)
{
    struct reader *r = job->user;
    on_rows(job, statement, res);
    if (r->call.rows == 1)
        rh_job_keep(job);
    if (r->call.rows == r->take)
        r->refused = !rh_job_pause(job);
}

static void prepare_reader(struct reader *r, const char *sql, int take)
{
    prepare_call(&r->call, "5", sql, true);
    *r = (struct reader){.call = r->call, .take = take};
    r->call.job.single_row = false;
    r->call.job.streams = true;
    r->call.job.statement_timeout = "9000";
    r->call.job.on_rows = on_reader_rows;
    r->call.job.user = r;
}

static bool has_taken(void *reader)
{
    struct reader *r = reader;
    return r->call.rows >= r->take;
}

#define MANY "SELECT repeat('x', 1000) FROM generate_series(1, 50000)" /* more than sockets hold */

static void test_rows_wait_for_who_takes_them(void **state)
{
    static call behind, timeout;
    struct reader *slow = &readers[0], *slower = &readers[1];
    open_pool((rh_pool_settings){.connections = 2, .options = "-c statement_timeout=300"});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_reader(slow, MANY, 10);
    prepare_reader(slower, MANY, 10);
    assert_true(submit(&slow->call));
    assert_true(wait_until(has_taken, slow, 5000));
    assert_false(slow->refused);
    assert_true(submit(&slower->call)); /* only half of the connections may wait like that */
    assert_true(wait_until(is_done, &slower->call, 10000));
    assert_true(slower->refused);
    assert_int_equal(slower->call.rows, 50000);
    wait_until(is_done, &slow->call, 600); /* longer than the connection's statement_timeout */
    assert_int_equal(slow->call.done, 0);
    assert_true(slow->call.rows < 20);
    for (int i = 0; i < 20; i++) {
        run_sql(&behind, "6", BOUND, i % 2);
        assert_string_equal(behind.first, "6");
    }
    assert_true(slow->call.rows < 20);
    rh_job_resume(&slow->call.job);
    assert_true(wait_until(is_done, &slow->call, 10000));
    assert_false(slow->call.failed);
    assert_int_equal(slow->call.rows, 50000);
    run_sql(&timeout, "6", "SELECT current_setting('statement_timeout')", true);
    assert_string_equal(timeout.first, "300ms"); /* it was one job's */
    close_pool();
}

/* In one pipeline behind a read that turns out large: reads are sent elsewhere, and writes never got there.
 */
static bool none_in_flight(void *arg)
{
    return stats().in_flight == 0;
}

static void test_nothing_stays_behind_rows_that_wait(void **state)
{
    static call first[2], read, write;
    struct reader *slow = &readers[0];
    open_pool((rh_pool_settings){.connections = 2, .max_head_age_us = 1000000});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&first[0], "1", "SELECT pg_sleep(0.3)", true);
    assert_true(submit(&first[0]));
    prepare_reader(
        slow, "SELECT repeat('x', 1000), pg_sleep(0.1 * (g < 4)::int) FROM generate_series(1, 50000) g", 10);
    assert_true(submit(&slow->call));
    prepare_call(&first[1], "2", "SELECT pg_sleep(0.2)", true);
    prepare_call(&read, "6", BOUND, true);
    prepare_call(&write, "6", INSERT "'not behind'", false);
    assert_true(submit(&first[1]) && submit(&read) && submit(&write));
    assert_true(wait_until(has_taken, slow, 5000));
    assert_true(wait_until(is_done, &first[1], 5000) && wait_until(is_done, &read, 5000) &&
                wait_until(is_done, &write, 5000));
    assert_false(first[1].failed || read.failed || write.failed);
    assert_string_equal(read.first, "6");
    assert_int_equal(slow->call.done, 0);
    assert_int_equal(admin_int("SELECT count(*) FROM notes WHERE body = 'not behind'"), 1);
    rh_pool_cancel(pool, &slow->call.job); /* its reader has gone */
    assert_true(wait_until(is_done, &slow->call, 10000));
    assert_string_equal(slow->call.err.sqlstate, "57014");
    assert_int_equal(slow->call.restarts, 0);
    assert_true(wait_until(none_in_flight, NULL, 5000)); /* what took the place of those behind it, too */
    close_pool();
}

/* What comes of a job that copies. */
static struct lines {
    call call;
    rh_str text;
} lines;

static void on_copy(rh_job *job, const char *line, size_t n)
{
    struct lines *l = job->user;
    rh_str_addn(&l->text, line, n);
}

static const char *copy(const char *tenant, const char *sql, const char *const *values, int n)
{
    prepare_call(&lines.call, tenant, sql, true);
    lines.call.job.statements[0].values = values;
    lines.call.job.statements[0].n = n;
    lines.call.job.on_copy = on_copy;
    rh_str_release(&lines.text);
    rh_str_init(&lines.text, 1 << 20);
    run_call(&lines.call);
    return rh_str_cstr(&lines.text);
}

static void test_rows_come_as_lines_of_a_copy(void **state)
{
    static const char *const odd[] = {
        "it's", "back\\slash'", "\"q\", $1\n;", NULL, "\\'; DROP TABLE notes; --", "E'"};
    static const char *const two[] = {"1", "2"};
    static call after;
    const char *settings[] = {"-c standard_conforming_strings=on", "-c standard_conforming_strings=off"};
    for (int i = 0; i < 2; i++) {
        open_pool((rh_pool_settings){.connections = 1, .options = settings[i]});
        assert_true(wait_until(all_up, NULL, 5000));
        assert_string_equal(copy("5", BOUND, NULL, 0), "5\n");
        assert_string_equal(copy("it's \\", BOUND, NULL, 0), "it's \\\n");
        assert_string_equal(
            copy("5", "SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $1 = $2", odd, 6),
            "it's,back\\slash',\"\"\"q\"\", $1\n;\",,\\'; DROP TABLE notes; --,E',f\n");
        assert_false(lines.call.failed);
        assert_string_equal(copy("5", "SELECT g FROM generate_series($1::int, $2) g", two, 2), "1\n2\n");
        assert_string_equal(copy("5", "SELECT 1 / (2 - g) FROM generate_series(1, 3) g", NULL, 0), "1\n");
        assert_string_equal(lines.call.err.sqlstate, "22012");
        assert_string_equal(copy("5", "SELECT nextval('pg_class_oid_index')", NULL, 0), "");
        assert_true(lines.call.failed);
        copy("5", "SELECT set_config('rowhouse.tenant', '6', false), txid_current()", NULL, 0);
        run_sql(&after, "7", BOUND, true); /* the same connection, as if nothing had been */
        assert_string_equal(after.first, "7");
        assert_int_equal(stats().dialed, 1);
        close_pool();
    }
    rh_str_release(&lines.text);
}

/* It waits for an idle connection, nothing joins it, it can be cancelled. */
static void test_a_copy_has_its_connection_for_itself(void **state)
{
    static call before, behind;
    open_pool((rh_pool_settings){.connections = 1, .max_head_age_us = 1000000});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&before, "1", "SELECT pg_sleep(0.1)", true);
    assert_true(submit(&before));
    prepare_call(&lines.call, "5", MANY, true);
    lines.call.job.on_copy = on_copy;
    rh_str_init(&lines.text, (size_t)1 << 30);
    prepare_call(&behind, "6", BOUND, true);
    assert_true(submit(&lines.call) && submit(&behind));
    assert_int_equal(stats().in_flight, 1);
    assert_true(wait_until(is_done, &behind, 10000));
    assert_int_equal(lines.text.len, 50000 * 1001);
    assert_true(lines.call.done < behind.done);
    rh_str_release(&lines.text);
    prepare_call(&lines.call, "5", "SELECT 1 FROM generate_series(1, 100000000)", true);
    lines.call.job.on_copy = on_copy;
    rh_str_init(&lines.text, 1000);
    assert_true(submit(&lines.call));
    uv_run(&loop, UV_RUN_ONCE);
    rh_pool_cancel(pool, &lines.call.job);
    assert_true(wait_until(is_done, &lines.call, 10000));
    assert_string_equal(lines.call.err.sqlstate, "57014");
    rh_str_release(&lines.text);
    close_pool();
}

/* ---- jobs that are fed ---- */

#define FEED "INSERT INTO fed SELECT current_setting('rowhouse.tenant'), unnest($1::integer[])"
#define SLOW_FEED "INSERT INTO fed SELECT 'slow', g FROM unnest($1::integer[]) g, pg_sleep(60)"

struct feeder {
    call call;
    const char *text;
    int batches, fed, most; /* wanted, so far, under way at once */
    bool forgoes, waits;    /* instead of its end; it says nothing of one */
    const char *bad;        /* the last batch, instead of good ones */
};

static void on_hungry(rh_job *job)
{
    struct feeder *f = (struct feeder *)job->user;
    char values[64];
    while (rh_job_is_hungry(job) && f->fed < f->batches) {
        snprintf(values, sizeof values, "{%d,%d}", 2 * f->fed, 2 * f->fed + 1);
        const char *value = f->bad && f->fed + 1 == f->batches ? f->bad : values;
        rh_pool_batch batch = {.statement = {f->text, strlen(f->text), 1, &value}};
        rh_job_feed(job, &batch);
        f->fed++;
        f->most = job->own.n_fed > f->most ? job->own.n_fed : f->most;
    }
    if (!rh_job_is_hungry(job) || f->fed < f->batches || f->waits)
        return;
    if (f->forgoes)
        rh_job_forgo(job);
    else
        rh_job_fed(job);
}

static void prepare_feeder(struct feeder *f, const char *text, int batches)
{
    *f = (struct feeder){.text = text, .batches = batches};
    prepare_call(&f->call, "6", "SELECT 'before'", false);
    rh_job *job = &f->call.job;
    job->on_hungry = on_hungry;
    job->n_statements = 3;
    job->main = 1;
    job->statements[1] = (rh_pool_statement){text, strlen(text), 0, NULL};
    job->statements[2] = (rh_pool_statement){BOUND, strlen(BOUND), 0, NULL};
}

static bool has_fed(void *arg)
{
    const struct feeder *f = arg;
    return f->fed == f->batches && f->call.job.own.n_fed == 0;
}

static bool is_asleep(void *arg)
{
    return admin_int("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1;
}

static int in_fed(void)
{
    return admin_int("SELECT count(*) FROM fed");
}

static void test_a_job_is_fed_in_one_transaction(void **state)
{
    static struct feeder f;
    static call beside;
    admin_exec("CREATE TABLE fed (tenant text, n integer PRIMARY KEY); GRANT ALL ON fed TO PUBLIC");
    open_pool(
        (rh_pool_settings){.connections = 1, .options = "-c statement_timeout=300 -c search_path=public"});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_feeder(&f, FEED, 100);
    f.waits = true;
    assert_true(submit(&f.call));
    assert_true(wait_until(has_fed, &f, 5000));
    prepare_call(&beside, "7", BOUND, false);
    assert_true(submit(&beside));      /* never behind it in the pipeline */
    wait_until(is_done, &f.call, 600); /* of PostgreSQL's time the wait is none */
    assert_int_equal(f.call.done + beside.done, 0);
    assert_int_equal(in_fed(), 0);
    rh_job_fed(&f.call.job);
    assert_true(wait_until(is_done, &f.call, 5000));
    assert_true(wait_until(is_done, &beside, 5000));
    assert_false(f.call.failed);
    assert_string_equal(f.call.affected, "200");
    assert_int_equal(f.most, RH_JOB_MAX_FED);
    assert_int_equal(admin_int("SELECT count(*) FROM fed WHERE tenant = '6'"), 200);
    assert_true(f.call.job.own.took_us < 500000);
    close_pool();
}

static void test_what_was_fed_is_all_or_nothing(void **state)
{
    static struct feeder f;
    static call after;
    admin_exec("TRUNCATE fed");
    open_pool((rh_pool_settings){.connections = 1});
    prepare_feeder(&f, FEED, 5);
    f.bad = "{5,0}"; /* a duplicate */
    run_call(&f.call);
    assert_string_equal(f.call.err.sqlstate, "23505");
    prepare_feeder(&f, FEED, 5);
    f.forgoes = true;
    run_call(&f.call);
    assert_string_equal(f.call.err.sqlstate, "57014");
    prepare_feeder(&f, FEED, 5);
    f.call.job.rollback = true;
    run_call(&f.call);
    assert_false(f.call.failed);
    assert_string_equal(f.call.affected, "10");
    prepare_feeder(&f, FEED, 5);
    f.call.job.statements[0] = (rh_pool_statement){"SELECT 1/0", 10, 0, NULL};
    run_call(&f.call);
    assert_string_equal(f.call.err.sqlstate, "22012");
    assert_int_equal(f.fed, 0); /* what stands before it had to run first */
    run_sql(&after, "7", BOUND, true);
    assert_string_equal(after.first, "7");
    assert_int_equal(stats().dialed, 1);
    assert_int_equal(in_fed(), 0);
    close_pool();
}

static void test_a_load_that_is_cut_off_did_nothing(void **state)
{
    static struct feeder idle, slow;
    open_pool((rh_pool_settings){.connections = 2});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_feeder(&idle, FEED, 3);
    idle.waits = true;
    assert_true(submit(&idle.call));
    assert_true(wait_until(has_fed, &idle, 5000));
    rh_pool_cancel(pool, &idle.call.job); /* while PostgreSQL waits for more */
    assert_true(wait_until(is_done, &idle.call, 5000));
    assert_string_equal(idle.call.err.sqlstate, "57014");
    prepare_feeder(&slow, SLOW_FEED, 2);
    assert_true(submit(&slow.call));
    assert_true(wait_until(is_asleep, NULL, 5000));
    rh_pool_cancel(pool, &slow.call.job); /* while it is at work */
    assert_true(wait_until(is_done, &slow.call, 5000));
    assert_string_equal(slow.call.err.sqlstate, "57014");
    prepare_feeder(&idle, FEED, 3);
    idle.waits = true;
    assert_true(submit(&idle.call));
    assert_true(wait_until(has_fed, &idle, 5000));
    admin_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO fed%'");
    assert_true(wait_until(is_done, &idle.call, 5000));
    assert_int_equal(idle.call.err.code, RH_E_UNAVAILABLE); /* the outcome is known */
    assert_int_equal(in_fed(), 0);
    close_pool();
}

/* A read that turns out large in a shared transaction: those before it have their answers, and those behind
 * it get them elsewhere. */
static void test_a_large_answer_in_a_shared_transaction(void **state)
{
    static const char sql[] = "SELECT current_setting('rowhouse.tenant') FROM generate_series(1, CASE "
                              "current_setting('rowhouse.tenant') WHEN 'big' THEN 200000 ELSE 1 END)",
                      table[] = "what they read";
    static struct reader big;
    static call before, behind[3];
    open_pool((rh_pool_settings){.connections = 2});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < 500 && stats().shared == 0; i++) {
        for (int k = 0; k < 3; k++) {
            prepare_call(&behind[k], "a", sql, true);
            behind[k].job.shares = table;
            assert_true(submit(&behind[k]));
        }
        for (int k = 0; k < 3; k++)
            assert_true(wait_until(is_done, &behind[k], 5000));
    }
    prepare_call(&before, "before", sql, true);
    prepare_reader(&big, sql, 5);
    big.call.job.tenant = "big";
    big.call.job.statement_timeout = NULL;
    before.job.shares = big.call.job.shares = table;
    rh_pool_stats since = stats();
    assert_true(submit(&before) && submit(&big.call));
    for (int k = 0; k < 3; k++) {
        prepare_call(&behind[k], "b", sql, true);
        behind[k].job.shares = table;
        assert_true(submit(&behind[k]));
    }
    assert_true(stats().shared > since.shared);
    assert_true(wait_until(is_done, &before, 5000));
    for (int k = 0; k < 3; k++) {
        assert_true(wait_until(is_done, &behind[k], 5000));
        assert_false(behind[k].failed);
        assert_string_equal(behind[k].first, "b");
        assert_int_equal(behind[k].rows, 1);
    }
    assert_int_equal(big.call.done, 0); /* its rows wait */
    rh_job_resume(&big.call.job);
    assert_true(wait_until(is_done, &big.call, 10000));
    assert_false(big.call.failed || before.failed);
    assert_string_equal(before.first, "before");
    assert_string_equal(big.call.first, "big");
    assert_int_equal(big.call.rows, 200000);
    close_pool();
}

static void test_dates_are_iso_whatever_the_database_says(void **state)
{
    static call style, date;
    open_pool(
        (rh_pool_settings){.connections = 1, .options = "-c DateStyle=German,DMY -c search_path=public"});
    assert_true(wait_until(all_up, NULL, 5000));
    run_sql(&style, "5", "SELECT current_setting('DateStyle') || current_setting('search_path')", true);
    assert_string_equal(style.first, "ISO, DMYpublic");
    run_sql(&date, "5", "SELECT '03/02/2020'::date", true);
    assert_string_equal(date.first, "2020-02-03");
    close_pool();
}

static void test_closing_while_a_cancel_is_out(void **state)
{
    static call c;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&c, "5", "SELECT pg_sleep(20)", true);
    assert_true(submit(&c));
    usleep(5000);
    rh_pool_cancel(pool, &c.job);
    uv_run(&loop, UV_RUN_NOWAIT);
    close_pool();
    assert_int_equal(c.done != 0 && c.failed, 1);
}

static void test_unbound_error_replaces_the_connection(void **state)
{
    call c, before, after;
    open_pool((rh_pool_settings){.connections = 1});
    run_sql(&before, "5", "SELECT pg_backend_pid()", true);
    run_sql(&c, "5", "SELECT unbound()", true);
    assert_string_equal(c.err.sqlstate, "RH001");
    run_sql(&after, "5", "SELECT pg_backend_pid()", true);
    assert_string_not_equal(before.first, after.first);
    close_pool();
}

/* ---- homes ---- */

#define HOMES 40
#define BACKEND "SELECT pg_backend_pid()::text, 'h_%d'"

static void prepare_home_call(call *c, int home, char *text, size_t size)
{
    static char schemas[HOMES][8];
    snprintf(schemas[home], sizeof schemas[home], "h_%d", home);
    snprintf(text, size, BACKEND, home);
    prepare_call(c, "5", text, true);
    c->job.home = (uint64_t)home + 1;
    c->job.schema = schemas[home];
    c->job.relations = 50;
}

static void test_homes_stay_on_their_connections(void **state)
{
    static call calls[HOMES], again[HOMES];
    static char texts[HOMES][64];
    open_pool((rh_pool_settings){.connections = 4});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < HOMES; i++) {
        prepare_home_call(&calls[i], i, texts[i], sizeof texts[i]);
        run_call(&calls[i]);
    }
    int used[4] = {0}, n_used = 0;
    char pids[4][64];
    for (int i = 0; i < HOMES; i++) {
        prepare_home_call(&again[i], i, texts[i], sizeof texts[i]);
        run_call(&again[i]);
        assert_string_equal(again[i].first, calls[i].first);
        int k = 0;
        while (k < n_used && strcmp(pids[k], again[i].first) != 0)
            k++;
        if (k == n_used)
            snprintf(pids[n_used++], sizeof pids[0], "%s", again[i].first);
        used[k]++;
    }
    assert_int_equal(n_used, 4);
    for (int k = 0; k < 4; k++)
        assert_in_range(used[k], 2, HOMES / 2);
    assert_int_equal(stats().prepared, HOMES);
    close_pool();
}

/* A statement that is slow, or not known yet, holds nobody up while another connection has nothing to do. */
static void test_homes_do_not_wait_behind_slow_statements(void **state)
{
    static call slow[2], fast;
    static char text[64];
    open_pool((rh_pool_settings){.connections = 3});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < 2; i++) {
        prepare_home_call(&slow[i], 7, text, sizeof text);
        slow[i].job.statements[0] = (rh_pool_statement){"SELECT pg_sleep(0.5)", 20, 0, NULL};
        assert_true(submit(&slow[i]));
    }
    prepare_home_call(&fast, 7, text, sizeof text);
    run_call(&fast);
    assert_int_equal(slow[0].done + slow[1].done, 0);
    assert_true(wait_until(is_done, &slow[0], 5000) && wait_until(is_done, &slow[1], 5000));
    close_pool();
}

static bool has_renewed(void *n)
{
    return stats().renewed >= *(uint64_t *)n;
}

/* Two, the one that comes, and one that PostgreSQL has yet to end. */
static bool has_few_backends(void *arg)
{
    (void)arg;
    return admin_int("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowhouse'") <= 4;
}

static void test_heavy_connections_are_renewed(void **state)
{
    static call calls[HOMES * 8];
    static char texts[HOMES * 8][600];
    open_pool((rh_pool_settings){.connections = 2, .max_backend = (size_t)8 << 20});
    assert_true(wait_until(all_up, NULL, 5000));
    for (int i = 0; i < HOMES * 8; i++) {
        prepare_home_call(&calls[i], i % HOMES, texts[i], sizeof texts[i]);
        snprintf(texts[i], sizeof texts[i], BACKEND ", '%0500d'", i % HOMES, i);
        calls[i].job.statements[0] = (rh_pool_statement){texts[i], strlen(texts[i]), 0, NULL};
        run_call(&calls[i]);
        assert_false(calls[i].failed);
        assert_int_equal(calls[i].restarts, 0);
        assert_true(wait_until(has_few_backends, NULL, 5000));
    }
    assert_true(wait_until(has_renewed, &(uint64_t){1}, 5000));
    assert_int_equal(stats().lost, 0);
    assert_in_range(stats().dialed, 2 + stats().renewed, 3 + stats().renewed); /* one may be on its way */
    close_pool();
}

static void test_a_pool_grows(void **state)
{
    static call slow, fast;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&slow, "5", "SELECT pg_sleep(1)", true);
    assert_true(submit(&slow));
    usleep(5000);
    prepare_call(&fast, "5", BOUND, true);
    assert_true(submit(&fast));
    rh_pool_grow(pool);
    assert_true(wait_until(is_done, &fast, 5000));
    assert_int_equal(slow.done, 0);
    assert_true(wait_until(is_done, &slow, 5000));
    close_pool();
}

static void chain(call *first, call *second)
{
    first->then = second;
}

static void test_submitting_from_a_callback(void **state)
{
    static call calls[100];
    open_pool((rh_pool_settings){.connections = 2});
    for (int i = 0; i < 100; i++) {
        prepare_call(&calls[i], "5", BOUND, true);
        if (i >= 4)
            chain(&calls[i - 4], &calls[i]);
    }
    for (int i = 0; i < 4; i++)
        assert_true(submit(&calls[i]));
    for (int i = 96; i < 100; i++)
        assert_true(wait_until(is_done, &calls[i], 5000));
    close_pool();
}

static void test_closing_ends_all_jobs(void **state)
{
    static call read, write, waiting;
    open_pool((rh_pool_settings){.connections = 1});
    assert_true(wait_until(all_up, NULL, 5000));
    prepare_call(&write, "5", "INSERT INTO notes(tenant, body) SELECT '5', 'c' FROM pg_sleep(2)", false);
    prepare_call(&read, "5", BOUND, true);
    prepare_call(&waiting, "5", BOUND, true);
    assert_true(submit(&write) && submit(&read));
    usleep(5000);
    assert_true(submit(&waiting));
    close_pool();
    assert_int_equal(write.err.code, RH_E_UNKNOWN_OUTCOME);
    assert_int_equal(read.err.code, RH_E_UNAVAILABLE);
    assert_int_equal(waiting.err.code, RH_E_UNAVAILABLE);
}

/* Jobs are refused once an attempt to connect has failed; until then they are taken, and fail. */
static bool is_refused(void *job)
{
    call *c = job;
    prepare_call(c, "5", BOUND, true);
    if (!submit(c))
        return true;
    assert_true(wait_until(is_done, c, 5000));
    return false;
}

static void test_server_goes_and_comes_back(void **state)
{
    static call c, d;
    open_pool((rh_pool_settings){.connections = 2});
    assert_true(wait_until(all_up, NULL, 5000));
    run_sql(&c, "5", BOUND, true);
    rh_db_close(admin);
    private_pg_signal(&pg, SIGINT);
    prepare_call(&c, "5", BOUND, true);
    if (submit(&c))
        assert_true(wait_until(is_done, &c, 5000));
    assert_true(c.failed);
    assert_int_equal(c.err.code, RH_E_UNAVAILABLE);
    assert_true(wait_until(is_refused, &d, 5000));
    assert_int_equal(d.err.code, RH_E_UNAVAILABLE);
    private_pg_start(&pg);
    assert_true(wait_until(all_up, NULL, 10000));
    run_sql(&c, "5", BOUND, true);
    assert_string_equal(c.first, "5");
    close_pool();
    rh_err err;
    admin = rh_db_open(pg.conninfo, NULL, NULL, NULL, &err);
    assert_non_null(admin);
}

static int start_pg(void **state)
{
    rh_err err;
    if (!private_pg_available(&pg)) {
        fprintf(stderr, "no PostgreSQL installed\n");
        exit(1); /* a test that cannot run has not passed */
    }
    private_pg_create(&pg);
    rh_log_init(RH_LOG_ERROR, false);
    admin = rh_db_open(pg.conninfo, NULL, NULL, NULL, &err);
    assert_non_null(admin);
    admin_exec("CREATE TABLE notes(tenant text, body text); CREATE TABLE parent(id int PRIMARY KEY);"
               "CREATE TABLE child(id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"
               "CREATE FUNCTION unbound() RETURNS int LANGUAGE plpgsql AS "
               "$$BEGIN RAISE EXCEPTION 'no tenant' USING ERRCODE = 'RH001'; END$$");
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
        cmocka_unit_test(test_stmt_cache),
        cmocka_unit_test(test_stmt_cache_is_bounded_by_text),
        cmocka_unit_test(test_weight),
        cmocka_unit_test(test_bound_to_its_tenant_only),
        cmocka_unit_test(test_nothing_survives_the_job),
        cmocka_unit_test(test_jobs_of_many_roles),
        cmocka_unit_test(test_a_timeout_left_behind),
        cmocka_unit_test(test_used_sessions_and_turns),
        cmocka_unit_test(test_read_only_cannot_write),
        cmocka_unit_test(test_errors_leave_neighbours_alone),
        cmocka_unit_test(test_skipped_parse_is_not_remembered),
        cmocka_unit_test(test_statement_cache_is_bounded),
        cmocka_unit_test(test_stale_statements_are_prepared_anew),
        cmocka_unit_test(test_reads_share_a_transaction_not_a_tenant),
        cmocka_unit_test(test_an_error_in_a_shared_transaction),
        cmocka_unit_test(test_cancels_in_a_shared_transaction),
        cmocka_unit_test(test_a_cancel_before_a_shared_transaction_is_sent),
        cmocka_unit_test(test_what_does_not_share),
        cmocka_unit_test(test_rollback_and_commit_errors),
        cmocka_unit_test(test_many_rows_stream),
        cmocka_unit_test(test_slow_heads_do_not_hold_others_up),
        cmocka_unit_test(test_time_counts_from_the_head),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_read_is_sent_again_once),
        cmocka_unit_test(test_deadline_drops_the_connection),
        cmocka_unit_test(test_cancel_ends_its_own_job_only),
        cmocka_unit_test(test_what_a_cancel_hits_by_mistake_is_sent_again),
        cmocka_unit_test(test_cancelled_reads_need_not_wait),
        cmocka_unit_test(test_rows_wait_for_who_takes_them),
        cmocka_unit_test(test_nothing_stays_behind_rows_that_wait),
        cmocka_unit_test(test_rows_come_as_lines_of_a_copy),
        cmocka_unit_test(test_a_copy_has_its_connection_for_itself),
        cmocka_unit_test(test_a_job_is_fed_in_one_transaction),
        cmocka_unit_test(test_what_was_fed_is_all_or_nothing),
        cmocka_unit_test(test_a_load_that_is_cut_off_did_nothing),
        cmocka_unit_test(test_a_large_answer_in_a_shared_transaction),
        cmocka_unit_test(test_dates_are_iso_whatever_the_database_says),
        cmocka_unit_test(test_closing_while_a_cancel_is_out),
        cmocka_unit_test(test_homes_stay_on_their_connections),
        cmocka_unit_test(test_homes_do_not_wait_behind_slow_statements),
        cmocka_unit_test(test_heavy_connections_are_renewed),
        cmocka_unit_test(test_a_pool_grows),
        cmocka_unit_test(test_unbound_error_replaces_the_connection),
        cmocka_unit_test(test_submitting_from_a_callback),
        cmocka_unit_test(test_closing_ends_all_jobs),
        cmocka_unit_test(test_server_goes_and_comes_back),
    };
    return cmocka_run_group_tests(tests, start_pg, stop_pg);
}
