/* SPDX-License-Identifier: Apache-2.0 */
#include "load/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

#define PART_MEMORY ((size_t)64 << 10)

/* Where some whole records of a part stand in the file. */
struct extent {
    off_t at;
    size_t len;
};

/* A record is its line, its length, its bytes. */
struct head {
    int64_t line;
    size_t len;
};

struct rh_spool_part {
    rh_spool *spool;
    rh_spool_part *next;
    char *bytes; /* not yet in the file */
    size_t len, cap;
    struct extent *extents;
    size_t n, n_cap;
};

struct rh_spool {
    char *dir;
    int fd;
    off_t end;
    size_t held; /* capacity of all buffers */
    rh_spool_part *parts;
};

rh_spool *rh_spool_new(const char *dir)
{
    rh_spool *s = rh_xcalloc(1, sizeof *s);
    s->dir = rh_xstrdup(dir);
    s->fd = -1;
    return s;
}

void rh_spool_free(rh_spool *s)
{
    if (!s)
        return;
    for (rh_spool_part *p = s->parts, *next; p; p = next) {
        next = p->next;
        free(p->bytes);
        free(p->extents);
        free(p);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s->dir);
    free(s);
}

rh_spool_part *rh_spool_part_new(rh_spool *s)
{
    rh_spool_part *p = rh_xcalloc(1, sizeof *p);
    p->spool = s;
    p->next = s->parts;
    return s->parts = p;
}

static bool fail(const rh_spool *s, const char *what, rh_err *err)
{
    rh_err_set(err, RH_E_IO, "cannot %s a temporary file in %s: %s", what, s->dir, strerror(errno));
    return rh_err_hint(err, "Rows for homes of their own wait there until the whole file is read.");
}

static bool open_file(rh_spool *s, rh_err *err)
{
    char path[4096];
    if (s->fd >= 0)
        return true;
    s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) { /* a file system without it */
        snprintf(path, sizeof path, "%s/load.XXXXXX", s->dir);
        s->fd = mkostemp(path, O_CLOEXEC);
        if (s->fd >= 0)
            unlink(path);
    }
    return s->fd >= 0 || fail(s, "make", err);
}

static bool flush(rh_spool_part *p, rh_err *err)
{
    rh_spool *s = p->spool;
    if (!p->len)
        return true;
    if (!open_file(s, err))
        return false;
    for (size_t done = 0; done < p->len;) {
        ssize_t n = pwrite(s->fd, p->bytes + done, p->len - done, s->end + (off_t)done);
        if (n < 0 && errno != EINTR)
            return fail(s, "write", err);
        done += n > 0 ? (size_t)n : 0;
    }
    if (p->n == p->n_cap) {
        p->n_cap = p->n_cap ? p->n_cap * 2 : 8;
        p->extents = rh_xrealloc(p->extents, p->n_cap * sizeof *p->extents);
    }
    p->extents[p->n++] = (struct extent){s->end, p->len};
    s->end += (off_t)p->len;
    s->held -= p->cap;
    free(p->bytes);
    p->bytes = NULL;
    p->len = p->cap = 0;
    return true;
}

static bool flush_all(rh_spool *s, rh_err *err)
{
    for (rh_spool_part *p = s->parts; p; p = p->next)
        if (!flush(p, err))
            return false;
    return true;
}

static void grow(rh_spool_part *p, size_t need)
{
    size_t cap = p->cap ? p->cap * 2 : 1024;
    while (cap < need)
        cap *= 2;
    p->bytes = rh_xrealloc(p->bytes, cap);
    p->spool->held += cap - p->cap;
    p->cap = cap;
}

bool rh_spool_add(rh_spool_part *p, const rh_csv_record *r, rh_err *err)
{
    const struct head head = {r->line, r->raw_len};
    size_t need = p->len + sizeof head + r->raw_len;
    if (need > p->cap)
        grow(p, need);
    memcpy(p->bytes + p->len, &head, sizeof head);
    memcpy(p->bytes + p->len + sizeof head, r->raw, r->raw_len);
    p->len = need;
    if (p->len >= PART_MEMORY && !flush(p, err))
        return false;
    return p->spool->held <= RH_SPOOL_MEMORY || flush_all(p->spool, err);
}

static bool give(const char *bytes, size_t len, bool (*fn)(void *, const rh_csv_record *, rh_err *),
                 void *arg, rh_err *err)
{
    for (size_t at = 0; at < len;) {
        struct head head;
        memcpy(&head, bytes + at, sizeof head);
        at += sizeof head;
        const rh_csv_record r = {.line = head.line, .raw = bytes + at, .raw_len = head.len};
        if (!fn(arg, &r, err))
            return false;
        at += head.len;
    }
    return true;
}

static bool read_extent(const rh_spool *s, const struct extent *e, char *into, rh_err *err)
{
    for (size_t done = 0; done < e->len;) {
        ssize_t n = pread(s->fd, into + done, e->len - done, e->at + (off_t)done);
        if (n == 0)
            errno = EIO; /* somebody cut it */
        if (n == 0 || (n < 0 && errno != EINTR))
            return fail(s, "read", err);
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool rh_spool_each(rh_spool_part *p, bool (*fn)(void *arg, const rh_csv_record *r, rh_err *err), void *arg,
                   rh_err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < p->n; i++) {
        char *bytes = rh_xmalloc(p->extents[i].len);
        ok =
            read_extent(p->spool, &p->extents[i], bytes, err) && give(bytes, p->extents[i].len, fn, arg, err);
        free(bytes);
    }
    return ok && give(p->bytes, p->len, fn, arg, err);
}
