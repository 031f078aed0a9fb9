/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "server/cluster.h"
#include "server/postmaster.h"

#define LOCK_MS (3 * 60 * 1000)

struct rh_pg_server {
    rh_arena *arena;
    rh_pg_settings settings; /* progress only: the strings are the caller's */
    rh_place place;
    rh_pg_programs programs;
    rh_postmaster postmaster;
    const char *conninfo;
    int lease; /* -1 until held */
    bool was_running;
};

static void tell(const rh_pg_server *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(const rh_pg_server *s, const char *fmt, ...)
{
    va_list ap;
    if (!s->settings.progress)
        return;
    rh_arena *a = rh_arena_new();
    va_start(ap, fmt);
    s->settings.progress(s->settings.progress_arg, rh_arena_vprintf(a, fmt, ap));
    va_end(ap);
    rh_arena_free(a);
}

/* ---- locks ---- */

/* A lock file, owned like the directory so that its owner can open what root made. -1 on failure. */
static int open_lock(const rh_pg_server *s, const char *name, rh_err *err)
{
    const char *path = rh_arena_printf(s->arena, "%s/%s", s->place.state, name);
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && geteuid() == 0 && stat(s->place.state, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
        rh_log(RH_LOG_DEBUG, "cannot give %s to its directory's owner", path);
    if (fd < 0)
        rh_err_set(err, RH_E_IO, "cannot open %s: %s", path, strerror(errno));
    return fd;
}

/* The start lock, waited for; -1 on failure. Closing it lets go of it. */
static int take_start_lock(const rh_pg_server *s, rh_err *err)
{
    int fd = open_lock(s, "start.lock", err);
    if (fd < 0)
        return -1;
    int64_t begun = rh_now_ms();
    for (bool told = false; flock(fd, LOCK_EX | LOCK_NB) < 0;) {
        int64_t spent = rh_now_ms() - begun;
        if ((errno != EWOULDBLOCK && errno != EINTR) || spent > LOCK_MS) {
            rh_err_set(err, RH_E_LOCKED, "another rowhouse command is starting or stopping the server of %s",
                       s->place.state);
            rh_err_hint(err, "Try again when it is done, or end it.");
            close(fd);
            return -1;
        }
        if (spent > 1000 && !told) {
            tell(s, "waiting for another rowhouse command that starts or stops PostgreSQL");
            told = true;
        }
        struct timespec t = {.tv_nsec = 50000000};
        nanosleep(&t, NULL);
    }
    return fd;
}

static bool take_lease(rh_pg_server *s, rh_err *err)
{
    s->lease = open_lock(s, "lease", err);
    if (s->lease < 0)
        return false;
    while (flock(s->lease, LOCK_SH) < 0) /* alone only under the start lock, which we hold: does not block */
        if (errno != EINTR)
            return rh_err_set(err, RH_E_IO, "cannot lock %s/lease: %s", s->place.state, strerror(errno));
    return true;
}

/* ---- open ---- */

/* True when a server runs on the data directory and answers, now in s->postmaster. It may be one that is just
 * ending: then it is waited for, and there is none. */
static bool find_running(rh_pg_server *s, bool *failed, rh_err *err)
{
    *failed = false;
    if (!rh_postmaster_find(s->place.data, &s->postmaster))
        return false;
    switch (rh_postmaster_wait(s->place.data, &s->settings, &s->postmaster)) {
    case RH_WAIT_READY:
        return true;
    case RH_WAIT_GONE:
        return false;
    case RH_WAIT_TIMEOUT:
        break;
    }
    *failed = true;
    rh_err_set(err, RH_E_UNAVAILABLE, "a server (pid %ld) holds %s but does not answer",
               (long)s->postmaster.pid, s->place.data);
    return rh_err_hint(err, "Look at %s; `kill -INT %ld` stops the server.", s->place.log_file,
                       (long)s->postmaster.pid);
}

static bool start(rh_pg_server *s, int major, rh_err *err)
{
    if (!major) {
        tell(s, "making a PostgreSQL %s data directory in %s", s->programs.version, s->place.data);
        if (!rh_cluster_make(&s->place, &s->programs, err))
            return false;
    }
    tell(s, "starting PostgreSQL %s", s->programs.version);
    return rh_place_make_sockets(&s->place, err) && rh_cluster_configure(&s->place, s->settings.port, err) &&
           rh_postmaster_start(&s->place, &s->programs, s->settings.port, &s->settings, &s->postmaster, err);
}

static bool find_or_start(rh_pg_server *s, rh_err *err)
{
    bool failed;
    int major;
    if (!rh_cluster_check(s->arena, &s->place, &major, err) ||
        !rh_pg_find_programs(s->arena, s->settings.bin, major, &s->programs, err))
        return false;
    s->was_running = find_running(s, &failed, err);
    if (failed || (!s->was_running && !start(s, major, err)))
        return false;
    if (s->was_running && s->settings.port && (!s->postmaster.tcp || s->postmaster.port != s->settings.port))
        tell(s, "PostgreSQL is running already; TCP port %d counts from its next start", s->settings.port);
    s->conninfo = rh_postmaster_conninfo(s->arena, &s->postmaster);
    return true;
}

rh_pg_server *rh_pg_server_open(const rh_pg_settings *settings, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_pg_server *s = RH_NEW(a, rh_pg_server);
    int lock = -1;
    bool ok = false;
    s->arena = a;
    s->settings = *settings;
    s->lease = -1;
    if (settings->port < 0 || settings->port > 65535) {
        rh_err_set(err, RH_E_CONF, "server.port %d is not a port", settings->port);
        rh_err_hint(err, "Ports go from 1 to 65535; 0 is the unix socket only.");
        goto out;
    }
    if (!rh_place_open(a, settings, &s->place, err) || (lock = take_start_lock(s, err)) < 0)
        goto out;
    ok = take_lease(s, err) && find_or_start(s, err);
out:
    if (lock >= 0)
        close(lock);
    if (ok)
        return s;
    if (s->lease >= 0)
        close(s->lease);
    rh_arena_free(a);
    return NULL;
}

/* ---- close ---- */

/* With the lease alone nobody uses the server, and under the start lock nobody begins to. */
static void stop_if_last(rh_pg_server *s)
{
    rh_postmaster now;
    if (flock(s->lease, LOCK_EX | LOCK_NB) < 0 || !rh_postmaster_find(s->place.data, &now))
        return;
    tell(s, "stopping PostgreSQL");
    if (!rh_postmaster_stop(s->place.data, &now))
        rh_log(RH_LOG_WARN, "PostgreSQL (pid %ld) of %s does not stop", (long)now.pid, s->place.state);
    if (strcmp(now.socket_dir, s->place.server) != 0)
        rmdir(now.socket_dir); /* ours in /tmp, empty now */
}

void rh_pg_server_close(rh_pg_server *s)
{
    rh_err err;
    if (!s)
        return;
    int lock = take_start_lock(s, &err);
    if (lock >= 0) {
        stop_if_last(s);
        close(s->lease);
        close(lock);
    } else {
        rh_log_err(RH_LOG_WARN, "PostgreSQL was left running", &err);
        close(s->lease);
    }
    rh_arena_free(s->arena);
}

/* ---- what it is ---- */

const char *rh_pg_server_conninfo(const rh_pg_server *s)
{
    return s->conninfo;
}

const char *rh_pg_server_socket_dir(const rh_pg_server *s)
{
    return s->postmaster.socket_dir;
}

int rh_pg_server_port(const rh_pg_server *s)
{
    return s->postmaster.port;
}

bool rh_pg_server_has_tcp(const rh_pg_server *s)
{
    return s->postmaster.tcp;
}

const char *rh_pg_server_version(const rh_pg_server *s)
{
    return s->programs.version;
}

const char *rh_pg_server_data_dir(const rh_pg_server *s)
{
    return s->place.data;
}

const char *rh_pg_server_state_dir(const rh_pg_server *s)
{
    return s->place.state;
}

long rh_pg_server_pid(const rh_pg_server *s)
{
    return s->postmaster.pid;
}

bool rh_pg_server_was_running(const rh_pg_server *s)
{
    return s->was_running;
}
