/* SPDX-License-Identifier: Apache-2.0 */
#include "server/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fill(rh_account *out, const struct passwd *pw)
{
    out->uid = pw->pw_uid;
    out->gid = pw->pw_gid;
    out->other = pw->pw_uid != geteuid();
    snprintf(out->name, sizeof out->name, "%s", pw->pw_name);
}

void rh_account_self(rh_account *out)
{
    struct passwd *pw = getpwuid(geteuid());
    *out = (rh_account){.uid = geteuid(), .gid = getegid()};
    snprintf(out->name, sizeof out->name, "%s", pw ? pw->pw_name : "you");
}

bool rh_account_by_uid(uid_t uid, rh_account *out, rh_err *err)
{
    struct passwd *pw = getpwuid(uid);
    if (!pw) {
        rh_err_set(err, RH_E_FORBIDDEN, "no user has the uid %ld, which the data directory belongs to",
                   (long)uid);
        return rh_err_hint(
            err, "Give the directory to an existing user (chown -R), or choose another with --data DIR.");
    }
    fill(out, pw);
    return true;
}

bool rh_account_by_name(const char *name, rh_account *out, rh_err *err)
{
    struct passwd *pw = getpwnam(name);
    if (!pw) {
        rh_err_set(err, RH_E_CONF, "there is no user %s to run PostgreSQL as", name);
        return rh_err_hint(
            err,
            "PostgreSQL does not run as root: run the command as another user, or make this one "
            "(`useradd --system %s`).",
            name);
    }
    fill(out, pw);
    return true;
}

static void write_all(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t w = write(fd, (const char *)bytes + done, n - done);
        if (w < 0 && errno != EINTR)
            return;
        done += w > 0 ? (size_t)w : 0;
    }
}

static size_t read_all(int fd, void *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = read(fd, (char *)bytes + done, n - done);
        if (r == 0 || (r < 0 && errno != EINTR))
            break;
        done += r > 0 ? (size_t)r : 0;
    }
    return done;
}

bool rh_account_run(const rh_account *acc, bool (*fn)(void *arg, rh_err *err), void *arg, rh_err *err)
{
    int ends[2], status = 0;
    if (!acc->other)
        return fn(arg, err);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return rh_err_set(err, RH_E_IO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(1, &acc->gid) < 0 || setgid(acc->gid) < 0 || setuid(acc->uid) < 0)
            rh_err_set(err, RH_E_FORBIDDEN, "cannot become user %s: %s", acc->name, strerror(errno));
        else if (fn(arg, err))
            _exit(0);
        write_all(ends[1], err, sizeof *err);
        _exit(1);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return rh_err_set(err, RH_E_IO, "cannot start a process: %s", strerror(errno));
    }
    rh_err told;
    size_t n = read_all(ends[0], &told, sizeof told);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (n != sizeof told)
        return rh_err_set(err, RH_E_INTERNAL, "a helper process ended without an answer");
    *err = told;
    return false;
}

void rh_account_apply(const rh_account *acc, rh_spawn *spawn)
{
    spawn->as_user = acc->other;
    spawn->uid = acc->uid;
    spawn->gid = acc->gid;
}

const char *rh_account_uid_name(rh_arena *a, uid_t uid)
{
    struct passwd *pw = getpwuid(uid);
    return pw ? rh_arena_strdup(a, pw->pw_name) : rh_arena_printf(a, "uid %ld", (long)uid);
}
