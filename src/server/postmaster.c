/* SPDX-License-Identifier: Apache-2.0 */
#include "server/postmaster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

#define START_MS (60 * 1000)
#define RECOVERY_MS (10 * 60 * 1000)
#define STOP_MS (60 * 1000)
#define KILL_MS (10 * 1000)
#define LOG_MAX ((off_t)8 << 20) /* renamed to postgres.log.1 at a start when it is larger */
#define TAIL_MAX 1500

/* ---- postmaster.pid ---- */

enum { LINE_PID, LINE_DATA, LINE_TIME, LINE_PORT, LINE_SOCKET, LINE_LISTEN, LINE_SHMEM, LINES };

struct pid_file {
    char *line[LINES]; /* "" when missing */
};

static bool read_pid_file(rh_arena *a, const char *data, struct pid_file *out)
{
    rh_err ignored;
    char *p = rh_file_read(a, rh_arena_printf(a, "%s/postmaster.pid", data), 16384, NULL, &ignored);
    if (!p)
        return false;
    for (int i = 0; i < LINES; i++) {
        char *end = p + strcspn(p, "\n");
        out->line[i] = p;
        p = *end ? end + 1 : end;
        *end = 0;
    }
    return true;
}

static bool is_zombie(pid_t pid)
{
    rh_arena *a = rh_arena_new();
    rh_err ignored;
    char *stat = rh_file_read(a, rh_arena_printf(a, "/proc/%ld/stat", (long)pid), 4096, NULL, &ignored);
    char *end = stat ? strrchr(stat, ')') : NULL; /* the name before it may hold anything */
    bool zombie = end && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
    rh_arena_free(a);
    return zombie;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, WNOHANG) < 0 && errno == EINTR)
        ;
}

/* Not an ended process that its parent has not waited for (in containers often nobody does); one that is our
 * child is waited for here. */
static bool is_alive(pid_t pid)
{
    reap(pid);
    return (kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid);
}

/* A postmaster's working directory is its data directory: tells it from a process that got its pid later. */
static bool works_in(pid_t pid, const char *data)
{
    struct stat cwd, dir;
    char link[64];
    snprintf(link, sizeof link, "/proc/%ld/cwd", (long)pid);
    return stat(link, &cwd) == 0 && stat(data, &dir) == 0 && cwd.st_dev == dir.st_dev &&
           cwd.st_ino == dir.st_ino;
}

bool rh_postmaster_find(const char *data, rh_postmaster *out)
{
    rh_arena *a = rh_arena_new();
    struct pid_file f;
    *out = (rh_postmaster){0};
    if (read_pid_file(a, data, &f)) {
        out->pid = (pid_t)strtol(f.line[LINE_PID], NULL, 10);
        out->port = (int)strtol(f.line[LINE_PORT], NULL, 10);
        out->tcp = *f.line[LINE_LISTEN] != 0;
        snprintf(out->socket_dir, sizeof out->socket_dir, "%s", f.line[LINE_SOCKET]);
    }
    rh_arena_free(a);
    return out->pid > 0 && is_alive(out->pid) && works_in(out->pid, data);
}

/* As the account. Lock files of sockets hold the pid as postmaster.pid does. */
static bool remove_pid_files(void *arg, rh_err *err)
{
    const rh_place *place = arg;
    rh_arena *a = rh_arena_new();
    const char *pid_file = rh_arena_printf(a, "%s/postmaster.pid", place->data);
    DIR *dir = opendir(place->sockets);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (rh_starts_with(e->d_name, ".s.PGSQL."))
            unlink(rh_arena_printf(a, "%s/%s", place->sockets, e->d_name));
    if (dir)
        closedir(dir);
    bool ok = unlink(pid_file) == 0 || errno == ENOENT;
    if (!ok)
        rh_err_set(err, RH_E_IO, "cannot remove %s: %s", pid_file, strerror(errno));
    rh_arena_free(a);
    return ok;
}

/* PostgreSQL itself tells a stale pid file whose pid is free. One whose pid is another process' now (or a
 * zombie's) it believes, so we remove it, but not while a process holds the dead server's shared memory. */
static bool clear_stale_pid_files(const rh_place *place, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct pid_file f;
    struct shmid_ds shm;
    unsigned long key;
    int id;
    bool ok = true;
    if (!read_pid_file(a, place->data, &f))
        goto out;
    pid_t pid = (pid_t)strtol(f.line[LINE_PID], NULL, 10);
    if (pid <= 0 || kill(pid, 0) < 0)
        goto out;
    if (sscanf(f.line[LINE_SHMEM], "%lu %d", &key, &id) == 2 && shmctl(id, IPC_STAT, &shm) == 0 &&
        shm.shm_nattch > 0) {
        ok = rh_err_set(err, RH_E_UNAVAILABLE, "processes of a server that died still use %s", place->data);
        rh_err_hint(err, "End the processes named postgres whose working directory it is, then try again.");
        goto out;
    }
    ok = rh_account_run(&place->account, remove_pid_files, (void *)place, err);
out:
    rh_arena_free(a);
    return ok;
}

/* ---- telling why ---- */

/* What PostgreSQL's programs say, and what to do about it. To add one: a row; the first that is found counts.
 */
static const struct {
    const char *says, *hint;
} causes[] = {
    {"Address already in use",
     "Another program has the port: choose another with server.port, or 0 for the unix socket only."},
    {"No space left on device",
     "The disk is full: make room, or name a directory on another disk with --data DIR."},
    {"Disk quota exceeded",
     "The disk quota is used up: make room, or name another directory with --data DIR."},
    {"Read-only file system", "Name a directory on a writable disk with --data DIR."},
    {"Permission denied",
     "The user that PostgreSQL runs as must own the data directory and be able to reach it."},
    {"another postmaster",
     "Another server uses the data directory: stop it, or name another directory with --data DIR."},
    {"still in use", "Processes of a server that died use the data directory: end them, then try again."},
    {"Cannot allocate memory", "There is not enough memory for the server's shared_buffers (128 MB)."},
    {"not compatible with this version",
     "Another version of PostgreSQL made the data: name its programs in server.bin."},
};

/* The last lines that fit. */
static const char *tail(const char *text)
{
    size_t n = strlen(text);
    const char *from = n > TAIL_MAX ? text + n - TAIL_MAX : text;
    const char *line = from > text ? strchr(from, '\n') : NULL;
    return line ? line + 1 : from;
}

void rh_postmaster_explain(const char *output, rh_err *err)
{
    const char *last = tail(output);
    size_t n = strlen(last);
    while (n && last[n - 1] == '\n')
        n--;
    rh_err_detail(err, "%.*s", (int)n, last);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (strstr(output, causes[i].says)) {
            rh_err_hint(err, "%s", causes[i].hint);
            return;
        }
}

static off_t log_size(const char *log_file)
{
    struct stat st;
    return lstat(log_file, &st) == 0 ? st.st_size : 0;
}

/* What the log got since it had `from` bytes, the last 8 KiB of it. */
static const char *log_since(rh_arena *a, const char *log_file, off_t from)
{
    char chunk[8192];
    int fd = open(log_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return "";
    off_t end = lseek(fd, 0, SEEK_END);
    if (end - from > (off_t)sizeof chunk)
        from = end - (off_t)sizeof chunk;
    ssize_t n = pread(fd, chunk, sizeof chunk, from);
    close(fd);
    return n > 0 ? rh_arena_strndup(a, chunk, (size_t)n) : "";
}

/* ---- start ---- */

const char *rh_postmaster_conninfo(rh_arena *a, const rh_postmaster *pm)
{
    rh_str s;
    rh_str_init_in(&s, a, RH_STR_TEXT_MAX);
    rh_str_add(&s, "host='");
    for (const char *p = pm->socket_dir; *p; p++) {
        if (*p == '\'' || *p == '\\')
            rh_str_addc(&s, '\\');
        rh_str_addc(&s, *p);
    }
    rh_str_addf(&s, "' hostaddr='' port=%d user=postgres",
                pm->port); /* hostaddr: PGHOSTADDR would win over host */
    return rh_str_cstr(&s);
}

static PGPing ping(const rh_postmaster *pm)
{
    rh_arena *a = rh_arena_new();
    const char *keys[] = {"dbname", "dbname", "connect_timeout", NULL};
    const char *values[] = {rh_postmaster_conninfo(a, pm), "postgres", "5", NULL};
    PGPing answer = PQpingParams(keys, values, 1);
    rh_arena_free(a);
    return answer;
}

static void nap(int ms)
{
    struct timespec t = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&t, NULL);
}

/* child: the process started for it, which has to be there even before postmaster.pid is; 0: none. */
static rh_wait wait_ready(const char *data, pid_t child, const rh_pg_settings *settings, rh_postmaster *pm)
{
    int64_t begun = rh_now_ms(), limit = START_MS;
    bool told = false;
    for (int ms = 10;; ms = ms < 160 ? ms * 2 : ms) {
        bool found = rh_postmaster_find(data, pm) && (!child || pm->pid == child);
        PGPing answer = found && *pm->socket_dir ? ping(pm) : PQPING_NO_RESPONSE;
        if (answer == PQPING_OK)
            return RH_WAIT_READY;
        if (answer == PQPING_REJECT)
            limit = RECOVERY_MS;
        if (child ? !is_alive(child) : !found)
            return RH_WAIT_GONE;
        int64_t spent = rh_now_ms() - begun;
        if (spent > limit)
            return RH_WAIT_TIMEOUT;
        if (answer == PQPING_REJECT && spent > 2000 && !told && settings->progress) {
            settings->progress(settings->progress_arg,
                               "PostgreSQL is starting up or recovering after a crash");
            told = true;
        }
        nap(ms);
    }
}

rh_wait rh_postmaster_wait(const char *data, const rh_pg_settings *settings, rh_postmaster *pm)
{
    return wait_ready(data, 0, settings, pm);
}

struct rotation {
    const char *from, *to;
};

static bool rotate(void *arg, rh_err *err)
{
    const struct rotation *r = arg;
    return rename(r->from, r->to) == 0 ||
           rh_err_set(err, RH_E_IO, "cannot rename %s: %s", r->from, strerror(errno));
}

static bool end_failed(pid_t pid)
{
    for (int64_t end = rh_now_ms() + KILL_MS; is_alive(pid) && rh_now_ms() < end; nap(50)) {
        kill(pid, SIGQUIT);
    }
    return false;
}

bool rh_postmaster_start(const rh_place *place, const rh_pg_programs *programs, int port,
                         const rh_pg_settings *settings, rh_postmaster *out, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct rotation r = {place->log_file, rh_arena_printf(a, "%s.1", place->log_file)};
    const char *argv[] = {rh_arena_printf(a, "%s/postgres", programs->bin), "-D", place->data, NULL};
    static const char *const env[] = {"LC_ALL=C", "PGDATA", "PGPORT", "PGOPTIONS", NULL};
    rh_spawn spawn = {.argv = argv, .env = env, .dir = place->server};
    bool ok = clear_stale_pid_files(place, err);
    if (ok && log_size(place->log_file) > LOG_MAX)
        ok = rh_account_run(&place->account, rotate, &r, err);
    if (!ok)
        goto out;
    off_t before = log_size(place->log_file);
    rh_account_apply(&place->account, &spawn);
    pid_t pid = rh_spawn_background(&spawn, place->log_file, err);
    ok = pid > 0;
    if (!ok)
        goto out;
    switch (wait_ready(place->data, pid, settings, out)) {
    case RH_WAIT_READY:
        break;
    case RH_WAIT_GONE:
        ok = rh_err_set(err, RH_E_UNAVAILABLE, "PostgreSQL %s did not start%s", programs->version,
                        port ? rh_arena_printf(a, " (TCP port %d)", port) : "");
        rh_err_hint(err, "The server's log is %s.", place->log_file);
        rh_postmaster_explain(log_since(a, place->log_file, before), err);
        break;
    case RH_WAIT_TIMEOUT:
        ok =
            rh_err_set(err, RH_E_UNAVAILABLE, "PostgreSQL %s does not accept connections", programs->version);
        rh_err_hint(err, "The server's log is %s.", place->log_file);
        rh_postmaster_explain(log_since(a, place->log_file, before), err);
        end_failed(pid);
        break;
    }
out:
    rh_arena_free(a);
    return ok;
}

/* ---- stop ---- */

static bool wait_end(const rh_postmaster *pm, const char *data, int64_t ms)
{
    for (int64_t end = rh_now_ms() + ms; rh_now_ms() < end; nap(20)) {
        if (!is_alive(pm->pid) || !works_in(pm->pid, data))
            return true;
    }
    return false;
}

bool rh_postmaster_stop(const char *data, const rh_postmaster *pm)
{
    static const struct {
        int signal;
        int64_t ms;
    } steps[] = {{SIGINT, STOP_MS}, {SIGQUIT, KILL_MS}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        kill(pm->pid, steps[i].signal);
        if (wait_end(pm, data, steps[i].ms))
            return true;
    }
    return false;
}
