/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "server/postmaster.h"

#define INITDB_TIMEOUT_MS (10 * 60 * 1000)
#define INCLUDE "\ninclude 'rowhouse.conf'\n"

static const char hba[] = "# written by rowhouse\n"
                          "# The socket lies in a directory that only the server's user can enter.\n"
                          "local   all  all                trust\n"
                          "host    all  all  127.0.0.1/32  scram-sha-256\n"
                          "host    all  all  ::1/128       scram-sha-256\n";

bool rh_cluster_check(rh_arena *a, const rh_place *place, int *major, rh_err *err)
{
    struct stat st;
    const char *version_file = rh_arena_printf(a, "%s/PG_VERSION", place->data);
    *major = 0;
    if (lstat(place->data, &st) < 0) {
        if (errno == ENOENT)
            return true;
        return rh_err_set(err, RH_E_IO, "cannot look at %s: %s", place->data, strerror(errno));
    }
    if (S_ISDIR(st.st_mode) && st.st_uid != place->account.uid) {
        rh_err_set(err, RH_E_FORBIDDEN, "%s belongs to user %s and not to %s", place->data,
                   rh_account_uid_name(a, st.st_uid), place->account.name);
        return rh_err_hint(err, "Give it back with `chown -R %s`, or name another directory with --data DIR.",
                           place->account.name);
    }
    char *text = S_ISDIR(st.st_mode) ? rh_file_read(a, version_file, 64, NULL, err) : NULL;
    if (text && (*major = (int)strtol(text, NULL, 10)) > 0)
        return true;
    rh_err_set(err, RH_E_CONF, "%s is not a data directory of PostgreSQL", place->data);
    return rh_err_hint(err, "Move it away, or name another directory with --data DIR.");
}

/* ---- initdb ---- */

struct making {
    const rh_place *place;
    const char *temp;
    int port;
};

/* Removes what interrupted runs left, by rm, as the user whose files they are. What cannot be removed (a
 * process of such a run may still be ending) waits for the next time: each run has a name of its own. */
static void remove_leftovers(rh_arena *a, const rh_place *place)
{
    RH_VEC(const char *) argv = {0};
    rh_spawn_result result;
    rh_err ignored;
    DIR *dir = opendir(place->server);
    RH_VEC_PUSH(a, &argv, "rm");
    RH_VEC_PUSH(a, &argv, "-rf");
    RH_VEC_PUSH(a, &argv, "--");
    size_t fixed = argv.len;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (rh_starts_with(e->d_name, "data.init-"))
            RH_VEC_PUSH(a, &argv, rh_arena_printf(a, "%s/%s", place->server, e->d_name));
    if (dir)
        closedir(dir);
    if (argv.len == fixed)
        return;
    RH_VEC_PUSH(a, &argv, NULL);
    rh_spawn spawn = {.argv = argv.items, .dir = "/"};
    rh_account_apply(&place->account, &spawn);
    rh_spawn_run(a, &spawn, &result, &ignored);
}

/* The databases' locale: UTF-8 for upper(), order by bytes; C where the system has no C.UTF-8. */
static const char *pick_locale(void)
{
    locale_t l = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    if (!l)
        return "--locale=C";
    freelocale(l);
    return "--locale=C.UTF-8";
}

static bool run_initdb(rh_arena *a, const struct making *m, const rh_pg_programs *programs, rh_err *err)
{
    const char *argv[] = {rh_arena_printf(a, "%s/initdb", programs->bin),
                          "-D",
                          m->temp,
                          "-U",
                          "postgres",
                          "-E",
                          "UTF8",
                          pick_locale(),
                          "--auth-local=trust",
                          "--auth-host=scram-sha-256",
                          NULL};
    static const char *const env[] = {"LC_ALL=C", "PGDATA", NULL};
    rh_spawn spawn = {.argv = argv, .env = env, .dir = m->place->server, .timeout_ms = INITDB_TIMEOUT_MS};
    rh_spawn_result result;
    rh_account_apply(&m->place->account, &spawn);
    if (!rh_spawn_run(a, &spawn, &result, err))
        return false;
    if (result.status == 0)
        return true;
    rh_err_set(err, RH_E_UNAVAILABLE, "initdb failed (status %d)", result.status);
    rh_postmaster_explain(result.output, err);
    return false;
}

/* As the account: our files into the new data directory, then its final name. */
static bool finish(void *arg, rh_err *err)
{
    const struct making *m = arg;
    rh_arena *a = rh_arena_new();
    size_t n;
    const char *conf_file = rh_arena_printf(a, "%s/postgresql.conf", m->temp);
    const char *conf = rh_file_read(a, conf_file, RH_STR_TEXT_MAX, &n, err);
    bool ok = conf != NULL;
    if (ok) {
        conf = rh_arena_printf(a, "%s%s", conf, INCLUDE);
        ok = rh_file_write(conf_file, conf, n + strlen(INCLUDE), 0600, err) &&
             rh_file_write(rh_arena_printf(a, "%s/pg_hba.conf", m->temp), hba, strlen(hba), 0600, err);
    }
    if (ok && rename(m->temp, m->place->data) < 0)
        ok = rh_err_set(err, RH_E_IO, "cannot rename %s: %s", m->temp, strerror(errno));
    int dir = ok ? open(m->place->server, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (dir >= 0) {
        fsync(dir);
        close(dir);
    }
    rh_arena_free(a);
    return ok;
}

bool rh_cluster_make(const rh_place *place, const rh_pg_programs *programs, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    struct making m = {.place = place,
                       .temp = rh_arena_printf(a, "%s.init-%s", place->data, rh_random_hex(a, 4))};
    remove_leftovers(a, place);
    bool ok = run_initdb(a, &m, programs, err) && rh_account_run(&place->account, finish, &m, err);
    if (!ok)
        remove_leftovers(a, place);
    rh_arena_free(a);
    return ok;
}

/* ---- settings ---- */

/* A list of one directory as a value of postgresql.conf: in double quotes, since a comma would end it, within
 * single ones; the inner kind is doubled, and so are the outer kind and backslashes. */
static void add_directory(rh_str *out, const char *dir)
{
    rh_str_add(out, "'\"");
    for (; *dir; dir++) {
        if (strchr("\"'\\", *dir))
            rh_str_addc(out, *dir);
        rh_str_addc(out, *dir);
    }
    rh_str_add(out, "\"'");
}

static bool write_settings(void *arg, rh_err *err)
{
    const struct making *m = arg;
    rh_str out;
    rh_str path;
    rh_str_init(&out, RH_STR_TEXT_MAX);
    rh_str_init(&path, RH_STR_TEXT_MAX);
    rh_str_addf(&path, "%s/rowhouse.conf", m->place->data);
    rh_str_add(&out,
               "# Written by rowhouse at each start of the server. To change a setting use ALTER SYSTEM.\n");
    rh_str_add(&out, "unix_socket_directories = ");
    add_directory(&out, m->place->sockets);
    rh_str_addf(&out, "\nport = %d\nlisten_addresses = '%s'\n", m->port ? m->port : RH_PG_SOCKET_PORT,
                m->port ? "127.0.0.1" : "");
    rh_str_add(&out, "max_connections = 100\n"
                     "shared_buffers = 128MB\n"
                     "jit = off\n"
                     "logging_collector = off\n"
                     "log_destination = 'stderr'\n"
                     "log_line_prefix = '%m [%p] %q%u@%d '\n");
    bool ok = rh_file_write(rh_str_cstr(&path), rh_str_cstr(&out), out.len, 0600, err);
    rh_str_release(&out);
    rh_str_release(&path);
    return ok;
}

bool rh_cluster_configure(const rh_place *place, int port, rh_err *err)
{
    struct making m = {.place = place, .port = port};
    return rh_account_run(&place->account, write_settings, &m, err);
}
