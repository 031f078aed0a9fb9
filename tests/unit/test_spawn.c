/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/spawn.h"

static rh_arena *a;
static rh_err err;

static int begin(void **state)
{
    a = rh_arena_new();
    return 0;
}

static int end(void **state)
{
    rh_arena_free(a);
    return 0;
}

static rh_spawn_result sh(const char *script, rh_spawn s)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    rh_spawn_result r = {.status = -1};
    s.argv = argv;
    if (!rh_spawn_run(a, &s, &r, &err))
        fail_msg("%s", err.message);
    return r;
}

static void output_and_status_come_back(void **state)
{
    rh_spawn_result r = sh("echo out; echo err >&2; exit 3", (rh_spawn){0});
    assert_int_equal(r.status, 3);
    assert_string_equal(r.output, "out\nerr\n");
    assert_int_equal(sh("kill -TERM $$", (rh_spawn){0}).status, 128 + SIGTERM);
}

static void arguments_are_not_read_by_a_shell(void **state)
{
    const char *argv[] = {"printf", "%s", "$(id); 'x' *", NULL};
    rh_spawn s = {.argv = argv};
    rh_spawn_result r;
    assert_true(rh_spawn_run(a, &s, &r, &err));
    assert_string_equal(r.output, "$(id); 'x' *");
}

static void input_larger_than_a_pipe_arrives_whole(void **state)
{
    size_t n = 300000;
    char *text = rh_arena_zalloc(a, n + 1);
    memset(text, 'x', n);
    rh_spawn_result r = sh("cat; cat", (rh_spawn){.input = text, .output_max = 1 << 20});
    assert_int_equal(strlen(r.output), n);
    assert_false(r.truncated);
    assert_string_equal(sh("cat", (rh_spawn){0}).output, "");
}

static void output_past_the_maximum_is_dropped(void **state)
{
    rh_spawn_result r = sh("yes | head -c 500000; exit 5", (rh_spawn){.output_max = 1000});
    assert_int_equal(strlen(r.output), 1000);
    assert_true(r.truncated);
    assert_int_equal(r.status, 5);
}

static void environment_is_added_to_and_taken_from(void **state)
{
    static const char *const env[] = {"RH_A=new value", "RH_B", NULL};
    setenv("RH_A", "old", 1);
    setenv("RH_B", "b", 1);
    setenv("RH_AB", "kept", 1);
    rh_spawn_result r = sh("echo \"$RH_A|${RH_B-none}|$RH_AB\"; pwd", (rh_spawn){.env = env, .dir = "/usr"});
    assert_string_equal(r.output, "new value|none|kept\n/usr\n");
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    const char *argv[] = {"/nonexistent/program", NULL}, *directory[] = {"/", NULL},
               *sh_argv[] = {"sh", NULL};
    rh_spawn s = {.argv = argv};
    rh_spawn_result r;
    assert_false(rh_spawn_run(a, &s, &r, &err));
    assert_int_equal(err.code, RH_E_NOT_FOUND);
    assert_string_equal(err.message, "cannot run /nonexistent/program: No such file or directory");
    s.argv = directory;
    assert_false(rh_spawn_run(a, &s, &r, &err));
    assert_int_equal(err.code, RH_E_IO);
    s = (rh_spawn){.argv = sh_argv, .dir = "/nonexistent"};
    assert_false(rh_spawn_run(a, &s, &r, &err));
    assert_non_null(strstr(err.message, "directory"));
}

static void a_program_that_takes_too_long_is_killed(void **state)
{
    const char *argv[] = {"sleep", "30", NULL};
    rh_spawn s = {.argv = argv, .timeout_ms = 100};
    rh_spawn_result r;
    int64_t begun = rh_now_ms();
    assert_false(rh_spawn_run(a, &s, &r, &err));
    assert_int_equal(err.code, RH_E_TIMEOUT);
    assert_true(rh_now_ms() - begun < 10000);
    assert_int_equal(r.status, 128 + SIGKILL);
}

static void the_child_inherits_no_descriptor_and_no_ignored_signal(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library may do */
    signal(SIGPIPE, SIG_IGN);
    rh_spawn_result r = sh("ls /proc/$$/fd | wc -l; sed -n 's/^SigIgn:.//p' /proc/$$/status", (rh_spawn){0});
    signal(SIGPIPE, SIG_DFL);
    close(leak);
    int descriptors;
    unsigned long long ignored;
    unsigned long long of_glibc = 3ULL << 31; /* 32, 33: programs cannot set them; make leaves one ignored */
    assert_int_equal(sscanf(r.output, "%d %llx", &descriptors, &ignored), 2);
    assert_int_equal(descriptors, 3);
    assert_int_equal(ignored & ~of_glibc, 0);
}

static void root_can_become_another_user(void **state)
{
    const char *argv[] = {"id", "-u", NULL};
    rh_spawn s = {.argv = argv, .as_user = true, .uid = 65534, .gid = 65534};
    rh_spawn_result r;
    bool ok = rh_spawn_run(a, &s, &r, &err);
    if (geteuid() == 0) {
        assert_true(ok);
        assert_string_equal(r.output, "65534\n");
        argv[1] = "-G";
        assert_true(rh_spawn_run(a, &s, &r, &err));
        assert_string_equal(r.output, "65534\n");
    } else {
        assert_false(ok);
        assert_non_null(strstr(err.message, "change user"));
    }
}

static void a_background_program_has_its_own_session_and_log(void **state)
{
    char dir[] = "/tmp/rh-spawn-XXXXXX";
    int status;
    assert_non_null(mkdtemp(dir));
    const char *log = rh_arena_printf(a, "%s/log", dir);
    const char *argv[] = {"sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$; cat; exit 7", NULL};
    rh_spawn s = {.argv = argv};
    pid_t pid = rh_spawn_background(&s, log, &err);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    char *text = rh_file_read(a, log, 1000, NULL, &err);
    assert_non_null(text);
    assert_string_equal(text, rh_arena_printf(a, "%d\n%d\n", (int)pid, (int)pid)); /* leads its session */
    assert_int_equal(rh_spawn_background(&s, "/nonexistent/log", &err), -1);
    unlink(log);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output_and_status_come_back, begin, end),
        cmocka_unit_test_setup_teardown(arguments_are_not_read_by_a_shell, begin, end),
        cmocka_unit_test_setup_teardown(input_larger_than_a_pipe_arrives_whole, begin, end),
        cmocka_unit_test_setup_teardown(output_past_the_maximum_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(environment_is_added_to_and_taken_from, begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_takes_too_long_is_killed, begin, end),
        cmocka_unit_test_setup_teardown(the_child_inherits_no_descriptor_and_no_ignored_signal, begin, end),
        cmocka_unit_test_setup_teardown(root_can_become_another_user, begin, end),
        cmocka_unit_test_setup_teardown(a_background_program_has_its_own_session_and_log, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
