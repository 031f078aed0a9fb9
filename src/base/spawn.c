/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

#define OUTPUT_MAX ((size_t)64 << 10)

/* What the child tells through the report pipe when it does not get as far as the program. */
struct failure {
    char step[24];
    int error;
};

struct launch {
    const rh_spawn *s;
    char **env;
    const char *log_file; /* background only */
    int in, out, report;  /* out is -1 in the background: the log is opened by the child's user */
    pid_t parent;
};

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t n = name_length(a);
    return n == name_length(b) && memcmp(a, b, n) == 0;
}

/* Our environment with the additions, in the arena. */
static char **make_env(rh_arena *a, const char *const *additions)
{
    RH_VEC(char *) env = {0};
    for (char **e = environ; *e; e++) {
        bool replaced = false;
        for (const char *const *add = additions; add && *add; add++)
            replaced = replaced || same_name(*e, *add);
        if (!replaced)
            RH_VEC_PUSH(a, &env, *e);
    }
    for (const char *const *add = additions; add && *add; add++)
        if (strchr(*add, '='))
            RH_VEC_PUSH(a, &env, rh_arena_strdup(a, *add));
    RH_VEC_PUSH(a, &env, NULL);
    return env.items;
}

static void fail_child(const struct launch *l, const char *step)
{
    struct failure f = {.error = errno};
    snprintf(f.step, sizeof f.step, "%s", step);
    ssize_t ignored = write(l->report, &f, sizeof f);
    (void)ignored;
    _exit(127);
}

/* In the child, between fork and exec: only async-signal-safe calls, since other threads may hold locks. */
static void run_child(const struct launch *l)
{
    const rh_spawn *s = l->s;
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (s->as_user && (setgroups(1, &s->gid) < 0 || setgid(s->gid) < 0 || setuid(s->uid) < 0))
        fail_child(l, "change user");
    if (l->log_file)
        setsid();
    else if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != l->parent)
        _exit(127); /* the parent ended before the line above */
    int out = l->out;
    if (l->log_file &&
        (out = open(l->log_file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
        fail_child(l, "open the log of");
    if (dup2(l->in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        fail_child(l, "redirect");
    if (s->dir && chdir(s->dir) < 0)
        fail_child(l, "enter the directory of");
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execvpe(s->argv[0], (char *const *)s->argv, l->env);
    fail_child(l, "run");
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* stdin as a file that is already complete: no deadlock with a child that writes before it reads. */
static int open_input(const char *text)
{
    if (!text)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    for (size_t done = 0, n = strlen(text); fd >= 0 && done < n;) {
        ssize_t w = write(fd, text + done, n - done);
        if (w < 0 && errno != EINTR)
            close_fd(&fd);
        else if (w > 0)
            done += (size_t)w;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool cannot(rh_err *err, const char *step, const char *program, int error)
{
    return rh_err_set(err, error == ENOENT ? RH_E_NOT_FOUND : RH_E_IO, "cannot %s %s: %s", step, program,
                      strerror(error));
}

/* Forks and learns whether the program was reached. The pid, or -1 with err filled. */
static pid_t launch(const rh_spawn *s, const char *log_file, int out, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct launch l = {
        .s = s, .env = make_env(a, s->env), .log_file = log_file, .out = out, .parent = getpid()};
    struct failure failure;
    int report[2] = {-1, -1};
    ssize_t n;
    pid_t pid = -1;
    if ((l.in = open_input(log_file ? NULL : s->input)) < 0 || pipe2(report, O_CLOEXEC) < 0) {
        cannot(err, "prepare", s->argv[0], errno);
        goto out;
    }
    l.report = report[1];
    if ((pid = fork()) == 0)
        run_child(&l);
    if (pid < 0) {
        cannot(err, "start", s->argv[0], errno);
        goto out;
    }
    close_fd(&report[1]);
    while ((n = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR)
        ;
    if (n == sizeof failure) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        cannot(err, failure.step, s->argv[0], failure.error);
        pid = -1;
    }
out:
    close_fd(&l.in);
    close_fd(&report[0]);
    close_fd(&report[1]);
    rh_arena_free(a);
    return pid;
}

/* Reads until the child closes its output; false when the deadline or the order to stop came first. */
static bool drain(int fd, rh_str *text, int64_t deadline, int stop_fd)
{
    char chunk[8192];
    for (;;) {
        int64_t left = deadline ? deadline - rh_now_ms() : -1;
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd ? stop_fd : -1, .events = POLLIN}};
        if (deadline && left <= 0)
            return false;
        int ready = poll(p, 2, left > 1000000 ? 1000000 : (int)left);
        if (ready <= 0)
            continue;
        if (p[1].revents)
            return false;
        ssize_t n = read(fd, chunk, sizeof chunk);
        size_t room = text->max - text->len;
        if (n > 0)
            rh_str_addn(text, chunk, (size_t)n < room ? (size_t)n : room);
        text->overflow = text->overflow || (n > 0 && (size_t)n > room);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
    }
}

bool rh_spawn_run(rh_arena *a, const rh_spawn *s, rh_spawn_result *out, rh_err *err)
{
    rh_str text;
    int ends[2], status;
    int64_t deadline = s->timeout_ms ? rh_now_ms() + s->timeout_ms : 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return cannot(err, "prepare", s->argv[0], errno);
    pid_t pid = launch(s, NULL, ends[1], err);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    rh_str_init_in(&text, a, s->output_max ? s->output_max : OUTPUT_MAX);
    bool in_time = drain(ends[0], &text, deadline, s->stop_fd);
    close(ends[0]);
    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    out->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    out->output = rh_str_cstr(&text);
    out->truncated = text.overflow;
    if (!in_time && (!deadline || rh_now_ms() < deadline))
        return rh_err_set(err, RH_E_UNAVAILABLE, "%s was ended with its parent", s->argv[0]);
    if (!in_time)
        return rh_err_set(err, RH_E_TIMEOUT, "%s took longer than %lld ms", s->argv[0],
                          (long long)s->timeout_ms);
    return true;
}

pid_t rh_spawn_background(const rh_spawn *s, const char *log_file, rh_err *err)
{
    return launch(s, log_file, -1, err);
}
