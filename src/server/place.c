/* SPDX-License-Identifier: Apache-2.0 */
#include "server/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define FALLBACK "/var/lib/rowhouse"
#define MARK "rowhouse.state"
#define SOCKET_PATH_MAX 107
#define LONGEST_SOCKET "/.s.PGSQL.65535"

/* ---- names ---- */

static const char *short_hash(rh_arena *a, const char *text, size_t nbytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    rh_str hex;
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    rh_str_init_in(&hex, a, 2 * nbytes);
    for (size_t i = 0; i < nbytes; i++)
        rh_str_addf(&hex, "%02x", digest[i]);
    return rh_str_cstr(&hex);
}

static const char *absolute(rh_arena *a, const char *path)
{
    char real[PATH_MAX], cwd[PATH_MAX];
    if (realpath(path, real))
        return rh_arena_strdup(a, real);
    if (*path == '/' || !getcwd(cwd, sizeof cwd))
        return path;
    return rh_arena_printf(a, "%s/%s", cwd, path);
}

static const char *fallback_for(rh_arena *a, const rh_pg_settings *settings, const char *app_dir)
{
    const char *name = settings->app_name && *settings->app_name ? settings->app_name
                                                                 : basename(rh_arena_strdup(a, app_dir));
    char *clean = rh_arena_strdup(a, name);
    for (char *p = clean; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p))
            *p = '_';
    return rh_arena_printf(a, FALLBACK "/%.40s-%s", clean, short_hash(a, app_dir, 4));
}

static const char *below(rh_arena *a, const char *dir, const char *name)
{
    return rh_arena_printf(a, "%s/%s", dir, name);
}

/* ---- which ---- */

/* As root: the owner of what is there already, else the user that the PostgreSQL packages make. */
static bool choose_account(rh_arena *a, const char *state, rh_account *out, rh_err *err)
{
    struct stat st;
    if (geteuid() != 0) {
        rh_account_self(out);
        return true;
    }
    if ((stat(below(a, state, "server"), &st) == 0 || stat(state, &st) == 0) && st.st_uid != 0)
        return rh_account_by_uid(st.st_uid, out, err);
    return rh_account_by_name("postgres", out, err);
}

static bool try_enter(void *arg, rh_err *err)
{
    const char *dir = arg;
    if (access(dir, X_OK) == 0)
        return true;
    return rh_err_set(err, RH_E_FORBIDDEN, "cannot enter %s: %s", dir, strerror(errno));
}

/* Whether the account gets as far as the directory that `path` is in, or will be once its parents are made.
 */
static bool can_reach(rh_arena *a, const rh_account *acc, const char *path, rh_err *err)
{
    char *dir = rh_arena_strdup(a, path);
    do
        dir = dirname(dir);
    while (!rh_file_exists(dir) && strlen(dir) > 1);
    return rh_account_run(acc, try_enter, dir, err);
}

static void tell(const rh_pg_settings *settings, const char *text)
{
    if (settings->progress)
        settings->progress(settings->progress_arg, text);
}

/* The state directory and the account. Root may have to go elsewhere than the app's directory: one below
 * /root for instance is closed to the user that PostgreSQL has to run as. */
static bool choose(rh_arena *a, const rh_pg_settings *settings, rh_place *out, rh_err *err)
{
    const char *app_dir = absolute(a, settings->app_dir);
    bool asked = settings->data && *settings->data;
    out->state = asked ? absolute(a, settings->data) : below(a, app_dir, ".rowhouse");
    if (strchr(out->state, '\n')) {
        rh_err_set(err, RH_E_CONF, "the directory's path has a line break");
        return rh_err_hint(err, "Name another directory with --data DIR.");
    }
    if (!choose_account(a, out->state, &out->account, err))
        return false;
    if (!out->account.other)
        return true;
    bool reached = can_reach(a, &out->account, out->state, err);
    if (asked && !reached)
        return rh_err_hint(
            err,
            "PostgreSQL does not run as root but as %s: name a directory that this user reaches, or "
            "run the command as another user.",
            out->account.name);
    const char *fallback = fallback_for(a, settings, app_dir);
    bool used_before =
        rh_file_exists(below(a, fallback, "server")) && !rh_file_exists(below(a, out->state, "server"));
    if (asked || (reached && !used_before))
        return true;
    tell(settings,
         rh_arena_printf(a,
                         reached ? "the data is in %s, from when user %s could not reach %s"
                                 : "the data goes to %s: PostgreSQL runs as %s, who cannot reach %s",
                         fallback, out->account.name, out->state));
    out->state = fallback;
    return choose_account(a, out->state, &out->account, err);
}

/* ---- making and checking ---- */

static bool cannot(rh_err *err, const char *what, const char *path)
{
    int saved = errno;
    rh_err_set(err, saved == EACCES || saved == EPERM ? RH_E_FORBIDDEN : RH_E_IO, "cannot %s %s: %s", what,
               path, strerror(saved));
    return rh_err_hint(err, "Name another directory with --data DIR.");
}

static bool foreign(rh_arena *a, rh_err *err, const char *dir, uid_t owner)
{
    const char *name = rh_account_uid_name(a, owner);
    rh_err_set(err, RH_E_FORBIDDEN, "%s belongs to user %s", dir, name);
    return rh_err_hint(err, "Run the command as %s, or name another directory with --data DIR.", name);
}

/* Makes the directory when it is not there, whatever the umask, and gives it open: what is done to it
 * afterwards is done to this directory and not to what a link points to. -1 on failure. */
static int open_dir(const char *path, mode_t mode, struct stat *st, rh_err *err)
{
    bool made = mkdir(path, mode) == 0;
    if (!made && errno != EEXIST) {
        cannot(err, "create directory", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (made && fchmod(fd, mode) < 0) || fstat(fd, st) < 0) {
        cannot(err, "open directory", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static bool is_empty(int dir_fd)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    bool empty = true;
    for (struct dirent *e; dir && (e = readdir(dir));)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    return empty;
}

/* A directory the user named may be anything: /etc, somebody's data. It is ours when it was empty once. */
static bool check_mark(int dir_fd, const char *dir, bool any, rh_err *err)
{
    static const char text[] =
        "This directory holds the private PostgreSQL server of a Rowhouse app and its secrets.\n";
    if (faccessat(dir_fd, MARK, F_OK, 0) == 0)
        return true;
    if (!any && !is_empty(dir_fd)) {
        rh_err_set(err, RH_E_CONF, "%s is not empty and not a directory of rowhouse", dir);
        if (faccessat(dir_fd, "PG_VERSION", F_OK, 0) == 0)
            rh_err_detail(err, "it is the data directory of a PostgreSQL server");
        return rh_err_hint(err, "Name a new or empty directory with --data DIR.");
    }
    int fd = openat(dir_fd, MARK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1;
    if (fd >= 0)
        close(fd);
    return ok || errno == EEXIST || cannot(err, "write to", dir);
}

/* Ours; closed to others but for the way through, which the server's user needs when we are root. */
static bool make_state(rh_arena *a, const rh_place *place, bool named, rh_err *err)
{
    mode_t mode = place->account.other ? 0711 : 0700;
    struct stat st;
    char *parent = dirname(rh_arena_strdup(a, place->state));
    if (rh_starts_with(place->state, FALLBACK "/")) {
        int parent_fd = open_dir(FALLBACK, 0711, &st, err);
        if (parent_fd < 0)
            return false;
        close(parent_fd);
    } else if (!rh_mkdirs(parent, 0755, err)) {
        return rh_err_hint(err, "Name another directory with --data DIR.");
    }
    int fd = open_dir(place->state, mode, &st, err);
    if (fd < 0)
        return false;
    bool ok = true;
    if (geteuid() != 0 && st.st_uid != geteuid())
        ok = foreign(a, err, place->state, st.st_uid);
    else if (place->account.other && st.st_uid == 0 && (st.st_mode & 0011) != 0011)
        ok =
            fchmod(fd, (st.st_mode & 07777) | 0011) == 0 || cannot(err, "open the way through", place->state);
    ok = ok && check_mark(fd, place->state, !named, err);
    close(fd);
    return ok;
}

bool rh_place_make_state(rh_arena *a, const char *dir, bool named, rh_err *err)
{
    rh_place place = {.state = dir};
    rh_account_self(&place.account);
    return make_state(a, &place, named, err);
}

static bool make_server_dir(rh_arena *a, const rh_place *place, rh_err *err)
{
    const rh_account *acc = &place->account;
    struct stat st;
    int fd = open_dir(place->server, 0700, &st, err);
    if (fd < 0)
        return false;
    bool ok = true;
    if (acc->other && st.st_uid == 0 && is_empty(fd))
        ok = fchown(fd, acc->uid, acc->gid) == 0 || cannot(err, "give away", place->server);
    else if (st.st_uid != acc->uid)
        ok = foreign(a, err, place->server, st.st_uid);
    if (ok && (st.st_mode & 0077))
        ok = fchmod(fd, 0700) == 0 || cannot(err, "close to others", place->server);
    close(fd);
    return ok && (!acc->other || rh_account_run(acc, try_enter, (void *)place->server, err));
}

bool rh_place_open(rh_arena *a, const rh_pg_settings *settings, rh_place *out, rh_err *err)
{
    bool named = settings->data && *settings->data;
    if (!choose(a, settings, out, err))
        return false;
    out->server = below(a, out->state, "server");
    out->data = below(a, out->server, "data");
    out->log_file = below(a, out->server, "postgres.log");
    bool fits = strlen(out->server) + strlen(LONGEST_SOCKET) <= SOCKET_PATH_MAX;
    out->sockets = fits && !strchr(out->server, ',') /* to libpq a comma begins another host */
                       ? out->server
                       : rh_arena_printf(a, "/tmp/rowhouse-%ld-%s", (long)out->account.uid,
                                         short_hash(a, out->state, 8));
    return make_state(a, out, named, err) && make_server_dir(a, out, err);
}

/* /tmp is everybody's: a directory of that name made by another user could serve us another server. */
static bool make_private(void *arg, rh_err *err)
{
    const char *dir = arg;
    struct stat st;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return cannot(err, "create directory", dir);
    if (lstat(dir, &st) < 0)
        return cannot(err, "look at", dir);
    if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 0077))
        return true;
    rh_err_set(err, RH_E_FORBIDDEN, "%s is not a directory that only the server's user can enter", dir);
    return rh_err_hint(
        err, "Look at who made it and remove it, or name a directory with a shorter path with --data DIR.");
}

bool rh_place_make_sockets(const rh_place *place, rh_err *err)
{
    if (strcmp(place->sockets, place->server) == 0)
        return true;
    return rh_account_run(&place->account, make_private, (void *)place->sockets, err);
}
