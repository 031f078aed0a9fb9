/* SPDX-License-Identifier: Apache-2.0
 *
 * A PostgreSQL of its own for a test program: in a temporary directory, on a unix socket only, as user
 * postgres when the test runs as root. private_pg_available() is false where no PostgreSQL is installed: the
 * test then fails.
 */
#ifndef PRIVATE_PG_H
#define PRIVATE_PG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct private_pg {
    char dir[64], data[80], bin[64], conninfo[160];
    pid_t postmaster;
} private_pg;

static bool private_pg_available(private_pg *pg)
{
    for (int major = 18; major >= 15; major--) {
        char probe[96];
        snprintf(pg->bin, sizeof pg->bin, "/usr/lib/postgresql/%d/bin", major);
        snprintf(probe, sizeof probe, "%s/initdb", pg->bin);
        if (access(probe, X_OK) == 0)
            return true;
    }
    return false;
}

/* Starts program of pg->bin as user postgres, silent; returns its pid. */
static pid_t private_pg_spawn(const private_pg *pg, const char *program, const char *const *args)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char path[128];
    const char *argv[16] = {path};
    int n = 1;
    snprintf(path, sizeof path, "%s/%s", pg->bin, program);
    while (*args)
        argv[n++] = *args++;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
    if (chdir("/") != 0)
        _exit(126);
    execv(path, (char **)argv);
    _exit(127);
}

static int private_pg_run(const private_pg *pg, const char *program, const char *const *args)
{
    int status = -1;
    waitpid(private_pg_spawn(pg, program, args), &status, 0);
    return status;
}

static void private_pg_start(private_pg *pg)
{
    const char *args[] = {"-D", pg->data,
                          "-k", pg->dir,
                          "-c", "listen_addresses=",
                          "-c", "fsync=off",
                          "-c", "jit=off", /* as the program has it where it asks large questions */
                          "-c", "max_connections=50",
                          "-c", "unix_socket_permissions=0777",
                          NULL};
    const char *ready[] = {"-h", pg->dir, "-U", "postgres", "-q", NULL};
    pg->postmaster = private_pg_spawn(pg, "postgres", args);
    for (int i = 0; i < 300 && private_pg_run(pg, "pg_isready", ready) != 0; i++)
        usleep(100 * 1000);
}

static void private_pg_signal(private_pg *pg, int sig) /* SIGINT: fast shutdown, SIGQUIT: at once */
{
    kill(pg->postmaster, sig);
    waitpid(pg->postmaster, NULL, 0);
}

static void private_pg_create(private_pg *pg)
{
    struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    snprintf(pg->dir, sizeof pg->dir, "/tmp/rowhouse-test-XXXXXX");
    if (!mkdtemp(pg->dir) || chmod(pg->dir, 0755) != 0 ||
        (user && chown(pg->dir, user->pw_uid, user->pw_gid) != 0)) {
        perror(pg->dir);
        exit(1);
    }
    snprintf(pg->data, sizeof pg->data, "%s/data", pg->dir);
    snprintf(pg->conninfo, sizeof pg->conninfo, "host=%s user=postgres dbname=postgres", pg->dir);
    const char *args[] = {"-D", pg->data, "-U",         "postgres",  "-A", "trust",
                          "-E", "UTF8",   "--locale=C", "--no-sync", NULL};
    if (private_pg_run(pg, "initdb", args) != 0) {
        fprintf(stderr, "initdb failed\n");
        exit(1);
    }
    private_pg_start(pg);
}

static void private_pg_destroy(private_pg *pg)
{
    private_pg_signal(pg, SIGQUIT);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", pg->dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

#endif
