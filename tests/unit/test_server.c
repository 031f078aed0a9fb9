/* SPDX-License-Identifier: Apache-2.0
 *
 * Real servers in a temporary directory, as root and as any other user. RH_TEST_PG_BIN names the programs of
 * another PostgreSQL. After each test no process may be left in the directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/spawn.h"
#include "pg/db.h"
#include "server/server.h"

static rh_arena *a;
static rh_err err;
static char top[] = "/tmp/rh-server-XXXXXX";
static const char *app; /* one app for the tests that need no directory of their own */
static char told[4096]; /* what progress said since opened() */

/* ---- helpers ---- */

static const char *path(const char *dir, const char *name)
{
    return rh_arena_printf(a, "%s/%s", dir, name);
}

static const char *make_dir(const char *dir)
{
    if (!rh_mkdirs(dir, 0755, &err))
        fail_msg("%s", err.message);
    return dir;
}

static void put(const char *file, const char *text, mode_t mode)
{
    if (!rh_file_write(file, text, strlen(text), mode, &err))
        fail_msg("%s", err.message);
}

static bool run(const char *program, const char *arg1, const char *arg2)
{
    const char *argv[] = {program, arg1, arg2, NULL};
    rh_spawn s = {.argv = argv};
    rh_spawn_result r;
    return rh_spawn_run(a, &s, &r, &err) && r.status == 0;
}

static void note(void *arg, const char *text)
{
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s\n", text);
}

static rh_pg_settings settings_for(const char *dir)
{
    return (rh_pg_settings){.app_dir = dir, .bin = getenv("RH_TEST_PG_BIN"), .progress = note};
}

static rh_pg_server *opened_with(rh_pg_settings s)
{
    told[0] = 0;
    rh_pg_server *server = rh_pg_server_open(&s, &err);
    if (!server)
        fail_msg("%s; %s; %s", err.message, err.detail, err.hint);
    return server;
}

static rh_pg_server *opened(const char *dir)
{
    return opened_with(settings_for(dir));
}

static void refused(rh_pg_settings s, rh_code code, const char *message_part)
{
    rh_pg_server *server = rh_pg_server_open(&s, &err);
    assert_null(server);
    if (!strstr(err.message, message_part))
        fail_msg("%s; %s", err.message, err.detail);
    assert_string_equal(rh_code_name(err.code), rh_code_name(code));
    assert_true(*err.hint);
}

static const char *ask(const rh_pg_server *s, const char *sql)
{
    rh_db *db = rh_db_open(rh_pg_server_conninfo(s), NULL, NULL, NULL, &err);
    const char *value = db ? rh_db_value(db, a, sql, 0, NULL, &err) : NULL;
    if (!value)
        fail_msg("%s", err.message);
    value = rh_arena_strdup(a, value);
    rh_db_close(db);
    return value;
}

static const char *cwd_of(const char *pid)
{
    char target[PATH_MAX];
    ssize_t n = readlink(rh_arena_printf(a, "/proc/%s/cwd", pid), target, sizeof target - 1);
    return n < 0 ? "" : rh_arena_strndup(a, target, (size_t)n);
}

/* Processes that work below dir; an ended one that nobody waited for has no directory any more. */
static int processes_below(const char *dir)
{
    DIR *proc = opendir("/proc");
    int n = 0;
    for (struct dirent *e; (e = readdir(proc));)
        n += e->d_name[0] >= '1' && e->d_name[0] <= '9' && rh_starts_with(cwd_of(e->d_name), dir);
    closedir(proc);
    return n;
}

static bool has_entry(const char *dir, const char *prefix)
{
    DIR *d = opendir(dir);
    bool found = false;
    for (struct dirent *e; d && (e = readdir(d));)
        found = found || rh_starts_with(e->d_name, prefix);
    if (d)
        closedir(d);
    return found;
}

static bool eventually(bool (*is_so)(const void *), const void *arg)
{
    for (int64_t end = rh_now_ms() + 30000; rh_now_ms() < end;) {
        if (is_so(arg))
            return true;
        poll(NULL, 0, 5);
    }
    return false;
}

static bool is_deserted(const void *dir)
{
    return processes_below(dir) == 0;
}

/* A rowhouse of its own that opens the server, tells so with a byte, and stays until it is killed. */
static pid_t holder(const char *dir, bool wait_for_it)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        rh_pg_settings s = settings_for(dir);
        if (rh_pg_server_open(&s, &err) && write(ends[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ends[1]);
    if (wait_for_it)
        assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static void kill_hard(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int begin(void **state)
{
    a = rh_arena_new();
    return 0;
}

static int end(void **state)
{
    bool deserted = eventually(is_deserted, top);
    rh_arena_free(a);
    if (!deserted)
        print_error("processes are left below %s\n", top);
    return deserted ? 0 : -1;
}

/* ---- the life of a server ---- */

static void the_first_open_makes_it_and_the_last_close_stops_it(void **state)
{
    const char *dir = make_dir(path(top, "first"));
    rh_pg_server *one = opened(dir);
    struct stat st;
    assert_false(rh_pg_server_was_running(one));
    assert_non_null(strstr(told, "making a PostgreSQL"));
    assert_string_equal(rh_pg_server_state_dir(one), path(dir, ".rowhouse"));
    assert_int_equal(stat(rh_pg_server_socket_dir(one), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_string_equal(
        ask(one, "SELECT current_user || current_setting('server_encoding') || current_setting('fsync')"
                 " || current_setting('listen_addresses') || current_setting('jit')"),
        "postgresUTF8onoff");
    rh_pg_server *two = opened(dir);
    assert_true(rh_pg_server_was_running(two));
    assert_true(rh_pg_server_pid(one) == rh_pg_server_pid(two));
    assert_string_equal(told, "");
    rh_pg_server_close(one);
    rh_db *db = rh_db_open(rh_pg_server_conninfo(two), NULL, NULL, NULL, &err);
    assert_true(rh_db_exec(db, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)", &err));
    rh_pg_server_close(two); /* with a client still there */
    rh_db_close(db);
    assert_true(is_deserted(dir));
    assert_false(rh_file_exists(path(dir, ".rowhouse/server/data/postmaster.pid")));
    one = opened(dir);
    assert_string_equal(ask(one, "SELECT x FROM kept"), "7");
    rh_pg_server_close(one);
}

static void a_killed_rowhouse_leaves_a_server_that_the_next_one_takes_over(void **state)
{
    kill_hard(holder(app, true));
    assert_false(is_deserted(app));
    rh_pg_server *s = opened(app);
    assert_true(rh_pg_server_was_running(s));
    assert_string_equal(ask(s, "SELECT 1"), "1");
    rh_pg_server_close(s);
    assert_true(is_deserted(app));
}

static void a_living_rowhouse_keeps_its_server_when_another_ends(void **state)
{
    pid_t pid = holder(app, true);
    rh_pg_server *s = opened(app);
    rh_pg_server_close(s);
    assert_false(is_deserted(app));
    kill_hard(pid);
    rh_pg_server_close(opened(app));
}

static void two_that_begin_at_once_get_one_server(void **state)
{
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        if ((pids[i] = fork()) == 0) {
            rh_pg_settings s = settings_for(app);
            for (int round = 0; round < 3; round++) {
                rh_pg_server *server = rh_pg_server_open(&s, &err);
                if (!server)
                    _exit(1);
                rh_db *db = rh_db_open(rh_pg_server_conninfo(server), NULL, NULL, NULL, &err);
                if (!db || !rh_db_exec(db, "SELECT pg_sleep(0.02)", &err))
                    _exit(2);
                rh_db_close(db);
                rh_pg_server_close(server);
            }
            _exit(0);
        }
    for (int i = 0; i < 3; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_true(is_deserted(app));
}

static void a_server_that_was_killed_is_started_again_with_its_data(void **state)
{
    rh_pg_server *s = opened(app);
    rh_db *db = rh_db_open(rh_pg_server_conninfo(s), NULL, NULL, NULL, &err);
    assert_true(
        rh_db_exec(db, "DROP TABLE IF EXISTS t; CREATE TABLE t (x int); INSERT INTO t VALUES (3)", &err));
    kill((pid_t)rh_pg_server_pid(s), SIGKILL);
    rh_pg_server_close(s);
    rh_db_close(db);
    assert_true(eventually(is_deserted, app));
    s = opened(app);
    assert_false(rh_pg_server_was_running(s));
    assert_string_equal(ask(s, "SELECT x FROM t"), "3");
    rh_pg_server_close(s);
}

/* As in a container where no process waits for the orphans. */
static void a_server_that_was_killed_and_not_waited_for_is_started_again(void **state)
{
    pid_t pid = holder(app, true);
    rh_pg_server *s = opened(app);
    pid_t postmaster = (pid_t)rh_pg_server_pid(s);
    kill(postmaster, SIGKILL);
    assert_true(eventually(is_deserted, app));
    assert_int_equal(kill(postmaster, 0), 0); /* a zombie: its parent does nothing */
    rh_pg_server_close(s);
    s = opened(app);
    assert_false(rh_pg_server_was_running(s));
    kill_hard(pid);
    rh_pg_server_close(s);
    assert_true(is_deserted(app));
}

static bool initdb_is_at_work(const void *dir)
{
    return has_entry(dir, "data.init-");
}

static void an_initdb_that_was_killed_is_begun_anew(void **state)
{
    const char *dir = make_dir(path(top, "interrupted"));
    const char *server_dir = path(dir, ".rowhouse/server");
    pid_t pid = holder(dir, false);
    assert_true(eventually(initdb_is_at_work, server_dir));
    kill_hard(pid);
    assert_false(rh_file_exists(path(server_dir, "data")));
    assert_true(has_entry(server_dir, "data.init-"));
    assert_true(eventually(is_deserted, dir)); /* initdb ends with rowhouse */
    rh_pg_server *s = opened(dir);
    assert_string_equal(ask(s, "SELECT 1"), "1");
    assert_false(has_entry(server_dir, "data.init-"));
    rh_pg_server_close(s);
}

static void a_pid_file_that_names_a_process_of_another_kind_is_stale(void **state)
{
    rh_pg_server *s = opened(app);
    const char *data = rh_arena_strdup(a, rh_pg_server_data_dir(s));
    rh_pg_server_close(s);
    put(path(data, "postmaster.pid"),
        rh_arena_printf(a, "%ld\n%s\n1700000000\n5432\n/tmp\n\n 1 1\nready\n", (long)getpid(), data), 0644);
    rh_pg_server_close(opened(app));
}

/* ---- where it lies ---- */

static void the_path_may_hold_any_character(void **state)
{
    static const char *const names[] = {"it's a \"b\" [c]\\d {e} %f", "one, two"};
    for (size_t i = 0; i < 2; i++) {
        rh_pg_server *s = opened(make_dir(path(top, names[i])));
        assert_string_equal(ask(s, "SELECT 1"), "1");
        rh_pg_server_close(s);
    }
}

static void a_path_too_long_for_a_socket_gets_one_in_tmp(void **state)
{
    char name[120];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    const char *dir = make_dir(path(top, name));
    rh_pg_server *s = opened(dir);
    struct stat st;
    const char *sockets = rh_arena_strdup(a, rh_pg_server_socket_dir(s));
    assert_true(rh_starts_with(sockets, "/tmp/rowhouse-"));
    assert_int_equal(stat(sockets, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_string_equal(ask(s, "SELECT 1"), "1");
    rh_pg_server_close(s);
    assert_false(rh_file_exists(sockets));

    assert_int_equal(mkdir(sockets, 0755), 0); /* open to others: it could be a trap */
    assert_int_equal(chmod(sockets, 0755), 0);
    refused(settings_for(dir), RH_E_FORBIDDEN, "is not a directory that only");
    rmdir(sockets);
    assert_int_equal(symlink("/tmp", sockets), 0);
    refused(settings_for(dir), RH_E_FORBIDDEN, "is not a directory that only");
    unlink(sockets);
}

static void a_named_directory_is_used_and_must_be_empty_or_ours(void **state)
{
    rh_pg_settings s = settings_for(app);
    s.data = path(top, "new/named");
    rh_pg_server *server = opened_with(s);
    assert_string_equal(rh_pg_server_state_dir(server), s.data);
    rh_pg_server_close(server);

    s.data = make_dir(path(top, "photos"));
    put(path(s.data, "holiday.jpg"), "x", 0644);
    refused(s, RH_E_CONF, "is not empty and not a directory of rowhouse");
    assert_false(rh_file_exists(path(s.data, "server")));
    s.data = make_dir(path(top, "cluster"));
    put(path(s.data, "PG_VERSION"), "15\n", 0644);
    refused(s, RH_E_CONF, "is not empty and not a directory of rowhouse");
    assert_string_equal(err.detail, "it is the data directory of a PostgreSQL server");
}

static void a_data_directory_that_is_none_is_refused(void **state)
{
    const char *dir = make_dir(path(top, "junk"));
    rh_pg_settings s = settings_for(dir);
    s.bin = "/nonexistent";
    refused(s, RH_E_CONF, "does not hold PostgreSQL's programs"); /* makes the directories, and no data */
    make_dir(path(dir, ".rowhouse/server/data"));
    struct stat st;
    assert_int_equal(stat(path(dir, ".rowhouse/server"), &st), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path(dir, ".rowhouse/server/data"), st.st_uid, st.st_gid), 0);
    refused(settings_for(dir), RH_E_CONF, "is not a data directory of PostgreSQL");
}

static void a_directory_of_another_user_is_refused(void **state)
{
    rh_pg_settings s = settings_for(make_dir(path(top, "owned")));
    if (geteuid() != 0) {
        s.data = "/usr";
        refused(s, RH_E_FORBIDDEN, "/usr belongs to user root");
        return;
    }
    rh_pg_server_close(opened_with(s));
    assert_int_equal(chown(path(top, "owned/.rowhouse/server/data"), 65534, 65534), 0);
    refused(s, RH_E_FORBIDDEN, "belongs to user nobody and not to postgres");
}

/* As root, PostgreSQL runs as the owner of what is there already. */
static void root_runs_it_as_the_owner_of_the_directory(void **state)
{
    const char *dir = make_dir(path(top, "nobody"));
    struct stat st;
    if (geteuid() == 0) {
        assert_int_equal(chown(make_dir(path(dir, ".rowhouse")), 65534, 65534), 0);
    }
    rh_pg_server *s = opened(dir);
    assert_int_equal(stat(rh_pg_server_data_dir(s), &st), 0);
    assert_int_equal(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
    rh_pg_server_close(s);
}

/* Below a directory that only root enters, as /root is. */
static void root_takes_another_place_when_the_servers_user_cannot_reach_the_app(void **state)
{
    const char *dir = make_dir(path(top, "closed/my app"));
    assert_int_equal(chmod(path(top, "closed"), 0700), 0);
    rh_pg_server *s = opened(dir);
    const char *place = rh_arena_strdup(a, rh_pg_server_state_dir(s));
    if (geteuid() != 0) {
        assert_string_equal(place, path(dir, ".rowhouse"));
        rh_pg_server_close(s);
        return;
    }
    assert_true(rh_starts_with(place, "/var/lib/rowhouse/my_app-"));
    assert_non_null(strstr(told, place));
    assert_string_equal(ask(s, "SELECT 1"), "1");
    rh_pg_server_close(s);
    assert_int_equal(chmod(path(top, "closed"), 0755), 0);
    s = opened(dir); /* the data is where it was */
    assert_string_equal(rh_pg_server_state_dir(s), place);
    rh_pg_server_close(s);
    assert_true(run("rm", "-rf", place));
    assert_int_equal(chmod(path(top, "closed"), 0700), 0);
    rh_pg_settings named = settings_for(app);
    named.data = path(top, "closed/data");
    refused(named, RH_E_FORBIDDEN, "cannot enter");
}

/* ---- TCP ---- */

static int listen_anywhere(struct sockaddr_in *addr)
{
    socklen_t n = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)addr, n), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &n), 0);
    return fd;
}

static void a_port_opens_tcp_on_loopback_with_passwords(void **state)
{
    struct sockaddr_in addr;
    rh_pg_settings s = settings_for(app);
    int taken = listen_anywhere(&addr);
    s.port = ntohs(addr.sin_port);
    refused(s, RH_E_UNAVAILABLE, "did not start (TCP port");
    assert_non_null(strstr(err.detail, "Address already in use"));
    assert_non_null(strstr(err.hint, "server.port"));
    close(taken);

    rh_pg_server *server = opened_with(s);
    assert_true(rh_pg_server_has_tcp(server));
    assert_int_equal(rh_pg_server_port(server), s.port);
    assert_string_equal(ask(server, "SHOW listen_addresses"), "127.0.0.1");
    const char *tcp = rh_arena_printf(a, "host=127.0.0.1 port=%d user=postgres password=guess", s.port);
    assert_null(rh_db_open(tcp, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.message, "password authentication failed"));
    rh_pg_server_close(server);
    s.port = 70000;
    refused(s, RH_E_CONF, "is not a port");
}

static void an_environment_for_another_server_is_not_followed(void **state)
{
    setenv("PGHOSTADDR", "127.0.0.1", 1);
    setenv("PGPORT", "1", 1);
    setenv("PGDATA", "/nonexistent", 1);
    rh_pg_server *s = opened(app);
    assert_string_equal(ask(s, "SELECT 1"), "1");
    rh_pg_server_close(s);
    unsetenv("PGHOSTADDR");
    unsetenv("PGPORT");
    unsetenv("PGDATA");
}

/* ---- versions ---- */

static const char *fake_programs(const char *name, const char *version)
{
    const char *dir = make_dir(path(top, name));
    put(path(dir, "postgres"), rh_arena_printf(a, "#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version),
        0755);
    put(path(dir, "initdb"), "#!/bin/sh\necho 'could not write: No space left on device' >&2\nexit 1\n",
        0755);
    return dir;
}

static void an_old_postgresql_is_refused(void **state)
{
    rh_pg_settings s = settings_for(make_dir(path(top, "old")));
    s.bin = fake_programs("bin14", "14.9");
    refused(s, RH_E_CONF, "PostgreSQL 14.9 in");
    assert_non_null(strstr(err.hint, "15 or newer"));
}

static void a_failing_initdb_tells_its_last_lines_and_leaves_nothing(void **state)
{
    const char *dir = make_dir(path(top, "full"));
    rh_pg_settings s = settings_for(dir);
    s.bin = fake_programs("bin15", "15.99");
    refused(s, RH_E_UNAVAILABLE, "initdb failed (status 1)");
    assert_string_equal(err.detail, "could not write: No space left on device");
    assert_non_null(strstr(err.hint, "disk is full"));
    assert_false(has_entry(path(dir, ".rowhouse/server"), "data"));
}

static void data_of_another_major_version_needs_its_programs(void **state)
{
    const char *dir = make_dir(path(top, "major"));
    rh_pg_settings s = settings_for(dir);
    rh_pg_server_close(opened(dir));
    const char *version = path(dir, ".rowhouse/server/data/PG_VERSION");
    put(version, "99\n", 0644);
    refused(s, RH_E_CONF, "made by PostgreSQL 99, which is not installed");
    put(version, "14\n", 0644);
    refused(s, RH_E_CONF, "made by PostgreSQL 14");
    s.bin = fake_programs("bin99", "99.1");
    rh_pg_programs found;
    assert_true(rh_pg_find_programs(a, s.bin, 0, &found, &err));
    assert_int_equal(found.major, 99);
    if (rh_pg_find_programs(a, s.bin, 15, &found, &err)) /* where it is installed */
        assert_int_equal(found.major, 15);
    assert_true(rh_pg_find_programs(a, s.bin, 99, &found, &err));
    assert_string_equal(found.version, "99.1");
}

static void programs_are_found_by_name(void **state)
{
    const char *dir;
    assert_true(rh_pg_bindir(a, NULL, "psql", &dir, &err));
    assert_true(rh_file_exists(path(dir, "psql")));
    assert_false(rh_pg_bindir(a, NULL, "no_such_program", &dir, &err));
    assert_int_equal(err.code, RH_E_NOT_FOUND);
}

static int make_top(void **state)
{
    if (!mkdtemp(top) || chmod(top, 0755) < 0)
        return -1;
    static char dir[sizeof top + 8];
    snprintf(dir, sizeof dir, "%s/app", top);
    app = dir;
    return mkdir(app, 0755);
}

static int remove_top(void **state)
{
    a = rh_arena_new();
    bool ok = run("rm", "-rf", top);
    rh_arena_free(a);
    return ok ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_open_makes_it_and_the_last_close_stops_it),
        TEST(a_killed_rowhouse_leaves_a_server_that_the_next_one_takes_over),
        TEST(a_living_rowhouse_keeps_its_server_when_another_ends),
        TEST(two_that_begin_at_once_get_one_server),
        TEST(a_server_that_was_killed_is_started_again_with_its_data),
        TEST(a_server_that_was_killed_and_not_waited_for_is_started_again),
        TEST(an_initdb_that_was_killed_is_begun_anew),
        TEST(a_pid_file_that_names_a_process_of_another_kind_is_stale),
        TEST(the_path_may_hold_any_character),
        TEST(a_path_too_long_for_a_socket_gets_one_in_tmp),
        TEST(a_named_directory_is_used_and_must_be_empty_or_ours),
        TEST(a_data_directory_that_is_none_is_refused),
        TEST(a_directory_of_another_user_is_refused),
        TEST(root_runs_it_as_the_owner_of_the_directory),
        TEST(root_takes_another_place_when_the_servers_user_cannot_reach_the_app),
        TEST(a_port_opens_tcp_on_loopback_with_passwords),
        TEST(an_environment_for_another_server_is_not_followed),
        TEST(an_old_postgresql_is_refused),
        TEST(a_failing_initdb_tells_its_last_lines_and_leaves_nothing),
        TEST(data_of_another_major_version_needs_its_programs),
        TEST(programs_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
