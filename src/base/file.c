/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool io_error(rh_err *err, const char *what, const char *path)
{
    int saved = errno;
    return rh_err_set(err, saved == ENOENT ? RH_E_NOT_FOUND : RH_E_IO, "cannot %s %s: %s", what, path,
                      strerror(saved));
}

char *rh_file_read(rh_arena *a, const char *path, size_t max, size_t *len, rh_err *err)
{
    rh_str s;
    ssize_t n;
    char chunk[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        io_error(err, "open", path);
        return NULL;
    }
    rh_str_init_in(&s, a, max);
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        rh_str_addn(&s, chunk, (size_t)n);
    if (n < 0) {
        io_error(err, "read", path);
        close(fd);
        return NULL;
    }
    close(fd);
    if (s.overflow) {
        rh_err_set(err, RH_E_TOO_LARGE, "%s is larger than %zu bytes", path, max);
        return NULL;
    }
    rh_str_addn(&s, "", 0); /* a NUL even when empty */
    if (len)
        *len = s.len;
    return s.data;
}

bool rh_file_write(const char *path, const char *bytes, size_t n, mode_t mode, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    char *temp = rh_arena_printf(a, "%s.%ld.tmp", path, (long)getpid());
    bool ok = false;
    unlink(temp); /* left by an interrupted write, or planted: a link there must not be followed */
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        io_error(err, "create", temp);
        goto out;
    }
    for (size_t done = 0; done < n;) {
        ssize_t w = write(fd, bytes + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            io_error(err, "write", temp);
            close(fd);
            unlink(temp);
            goto out;
        }
        done += (size_t)w;
    }
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || close(fd) < 0 || rename(temp, path) < 0) {
        io_error(err, "write", path);
        unlink(temp);
        goto out;
    }
    ok = true;
out:
    rh_arena_free(a);
    return ok;
}

static bool sync_path(const char *path, int flags, rh_err *err)
{
    int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        io_error(err, "sync", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool rh_file_commit(const char *temp, const char *path, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? rh_arena_strndup(a, path, (size_t)(slash - path) + 1) : ".";
    bool ok = sync_path(temp, O_RDONLY, err) && (rename(temp, path) == 0 || io_error(err, "rename", temp)) &&
              sync_path(dir, O_RDONLY | O_DIRECTORY, err);
    rh_arena_free(a);
    return ok;
}

void rh_file_sweep(const char *path)
{
    rh_arena *a = rh_arena_new();
    const char *slash = strrchr(path, '/');
    const char *dir_name = slash ? rh_arena_strndup(a, path, (size_t)(slash - path) + 1) : "./";
    const char *prefix = rh_arena_printf(a, "%s.", slash ? slash + 1 : path);
    DIR *dir = opendir(dir_name);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t n = strlen(e->d_name);
        if (rh_starts_with(e->d_name, prefix) && n > 4 && strcmp(e->d_name + n - 4, ".tmp") == 0)
            unlink(rh_arena_printf(a, "%s%s", dir_name, e->d_name));
    }
    if (dir)
        closedir(dir);
    rh_arena_free(a);
}

bool rh_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool rh_mkdirs(const char *path, mode_t mode, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    char *copy = rh_arena_strdup(a, path);
    bool ok = true;
    for (char *p = copy + 1; ok; p++) {
        if (*p && *p != '/')
            continue;
        char saved = *p;
        *p = 0;
        struct stat st;
        if (mkdir(copy, mode) < 0 && (errno != EEXIST || stat(copy, &st) < 0 || !S_ISDIR(st.st_mode)))
            ok = io_error(err, "create directory", copy);
        *p = saved;
        if (!saved)
            break;
    }
    rh_arena_free(a);
    return ok;
}

char *rh_random_hex(rh_arena *a, size_t nbytes)
{
    static const char hex[] = "0123456789abcdef";
    char *out = rh_arena_alloc(a, nbytes * 2 + 1);
    for (size_t i = 0; i < nbytes; i++) {
        unsigned char byte;
        while (getrandom(&byte, 1, 0) != 1)
            ;
        out[2 * i] = hex[byte >> 4];
        out[2 * i + 1] = hex[byte & 15];
    }
    out[2 * nbytes] = 0;
    return out;
}
