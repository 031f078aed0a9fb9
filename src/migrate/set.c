/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "migrate/script.h"

#define EXTENSION ".sql"
#define DIRECTIVE "rowhouse:" /* after -- */

static const char *const set_names[] = {"catalog", "reference", "tenant"};

static const char lower_case[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
static const char any_case[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/* ---- directives ---- */

static void set_no_transaction(rh_migration *m)
{
    m->no_transaction = true;
}

/* To add one: a row, and a sentence in set.h. */
static const struct {
    const char *word;
    void (*apply)(rh_migration *m);
} directives[] = {
    {"no-transaction", set_no_transaction},
};

static bool apply_directive(rh_migration *m, const char *word, size_t n, int line, rh_err *err)
{
    for (size_t i = 0; i < sizeof directives / sizeof *directives; i++)
        if (n == strlen(directives[i].word) && memcmp(word, directives[i].word, n) == 0) {
            directives[i].apply(m);
            return true;
        }
    rh_err_set(err, RH_E_INVALID, "%s:%d: unknown directive \"%.*s\"", m->path, line, n < 80 ? (int)n : 80,
               word);
    return rh_err_hint(err, "The directive there is: `-- " DIRECTIVE " %s`.", directives[0].word);
}

static size_t trimmed(const char *text, size_t n)
{
    while (n > 0 && strchr(" \t\r", text[n - 1]))
        n--;
    return n;
}

bool rh_set_read_directives(rh_migration *m, rh_err *err)
{
    int line = 1;
    for (const char *p = m->text, *next; *p; p = next, line++) {
        size_t n = strcspn(p, "\n"), blanks = strspn(p, " \t\r");
        next = p + n + (p[n] == '\n');
        if (blanks >= n)
            continue;
        p += blanks;
        n = trimmed(p, n - blanks);
        if (!rh_starts_with(p, "--"))
            break;
        size_t head = 2 + strspn(p + 2, " \t");
        if (!rh_starts_with(p + head, DIRECTIVE))
            continue;
        head += strlen(DIRECTIVE);
        head += strspn(p + head, " \t");
        if (head > n) /* nothing but blanks after the colon, which n leaves out */
            head = n;
        if (!apply_directive(m, p + head, n - head, line, err))
            return false;
    }
    return true;
}

/* ---- reading ---- */

bool rh_set_checksum(rh_migration *m, const char *bytes, size_t len, rh_err *err)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n;
    if (!EVP_Digest(bytes, len, digest, &n, EVP_sha256(), NULL) || n * 2 + 1 != sizeof m->checksum)
        return rh_err_set(err, RH_E_INTERNAL, "cannot compute the checksum of %s", m->path);
    for (unsigned i = 0; i < n; i++) {
        m->checksum[2 * i] = hex[digest[i] >> 4];
        m->checksum[2 * i + 1] = hex[digest[i] & 15];
    }
    m->checksum[2 * n] = 0;
    return true;
}

/* NNNN_name.sql, taken apart. */
static bool parse_name(rh_arena *a, const char *set, const char *file, rh_migration *m, rh_err *err)
{
    size_t len = strlen(file) - strlen(EXTENSION);
    int number = 0, digits = 0;
    m->path = rh_arena_printf(a, "%s/%s", set, file);
    for (; digits < 4 && file[digits] >= '0' && file[digits] <= '9'; digits++)
        number = number * 10 + (file[digits] - '0');
    if (digits < 4 || file[4] != '_' || len < 6 || strspn(file + 5, any_case) != len - 5) {
        rh_err_set(err, RH_E_INVALID, "%s is not named like a migration", m->path);
        return rh_err_hint(
            err,
            "Call it NNNN_name.sql, four digits and a plain name; `rowhouse migrate new %s NAME` makes one.",
            set);
    }
    if (number == 0) {
        rh_err_set(err, RH_E_INVALID, "%s has the number 0000", m->path);
        return rh_err_hint(err, "Migrations are numbered from 0001.");
    }
    m->number = number;
    m->name = rh_arena_strndup(a, file + 5, len - 5);
    return true;
}

static bool read_migration(rh_arena *a, const char *dir, const char *set, const char *file, rh_migration *m,
                           rh_err *err)
{
    size_t len;
    if (!parse_name(a, set, file, m, err))
        return false;
    const char *bytes =
        rh_file_read(a, rh_arena_printf(a, "%s/%s", dir, file), RH_MIGRATION_MAX_BYTES, &len, err);
    if (!bytes || !rh_set_checksum(m, bytes, len, err))
        return false;
    if (!rh_is_utf8(bytes, len)) {
        rh_err_set(err, RH_E_INVALID, "%s is not UTF-8 text", m->path);
        return rh_err_hint(err, "Save it as UTF-8: `iconv -f latin1 -t utf8` converts from Latin 1.");
    }
    size_t mark = rh_starts_with(bytes, "\xef\xbb\xbf") ? 3 : 0;
    m->text = bytes + mark;
    m->len = len - mark;
    return rh_set_read_directives(m, err);
}

static bool is_migration_file(const char *set, const char *file)
{
    size_t len = strlen(file), tail = strlen(EXTENSION);
    if (file[0] == '.' || len < tail || strcmp(file + len - tail, EXTENSION) != 0)
        return false;
    return strcmp(set, "tenant") != 0 || strcmp(file, "on_create.sql") != 0;
}

static int by_number(const void *left, const void *right)
{
    const rh_migration *l = left, *r = right;
    return l->number != r->number ? (l->number > r->number) - (l->number < r->number)
                                  : strcmp(l->path, r->path);
}

rh_migration_set *rh_set_load(rh_arena *a, const char *app_dir, const char *name, rh_err *err)
{
    RH_VEC(rh_migration) found = {0};
    rh_migration_set *set = RH_NEW(a, rh_migration_set);
    const char *path = rh_arena_printf(a, "%s/%s", app_dir, name);
    bool ok = true;
    set->name = rh_arena_strdup(a, name);
    DIR *dir = opendir(path);
    if (!dir && errno == ENOENT)
        return set;
    if (!dir) {
        rh_err_set(err, RH_E_IO, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        rh_migration m = {0};
        if (!is_migration_file(name, entry->d_name))
            continue;
        ok = read_migration(a, path, name, entry->d_name, &m, err);
        RH_VEC_PUSH(a, &found, m);
    }
    closedir(dir);
    if (!ok)
        return NULL;
    if (found.len > 1)
        qsort(found.items, found.len, sizeof *found.items, by_number);
    for (size_t i = 1; i < found.len; i++)
        if (found.items[i - 1].number == found.items[i].number) {
            rh_err_set(err, RH_E_INVALID, "%s and %s have the same number", found.items[i - 1].path,
                       found.items[i].path);
            rh_err_hint(err, "Give the one that was never applied the next free number.");
            return NULL;
        }
    set->items = found.items;
    set->n = found.len;
    return set;
}

/* ---- a new file ---- */

static bool check_new(const char *set, const char *name, rh_err *err)
{
    bool known = false;
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++)
        known = known || strcmp(set, set_names[i]) == 0;
    if (!known) {
        rh_err_set(err, RH_E_USAGE, "there is no set \"%s\"", set);
        return rh_err_hint(err, "The sets are catalog, reference and tenant.");
    }
    if (!*name || name[strspn(name, lower_case)] || strlen(name) > 200) {
        rh_err_set(err, RH_E_USAGE, "\"%s\" is no name for a migration", name);
        return rh_err_hint(err, "Use lower-case letters, digits and _, for example add_budget.");
    }
    return true;
}

static bool write_new(const char *full, const char *text, rh_err *err)
{
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return rh_err_set(err, errno == EEXIST ? RH_E_EXISTS : RH_E_IO, "cannot create %s: %s", full,
                          strerror(errno));
    ssize_t written = write(fd, text, strlen(text));
    if (close(fd) < 0 || written != (ssize_t)strlen(text)) {
        unlink(full);
        return rh_err_set(err, RH_E_IO, "cannot write %s", full);
    }
    return true;
}

#define NEW_FILE_END                                                                                         \
    "-- `rowhouse lint` checks it, `rowhouse migrate` applies it; once applied, do not change it.\n\n"

bool rh_set_is_unwritten(const rh_migration *m)
{
    size_t offset = 0;
    return rh_script_next(m->text, m->len, &offset).kind == RH_TOKEN_END && strstr(m->text, NEW_FILE_END);
}

bool rh_set_new_file(rh_arena *a, const char *app_dir, const char *set, const char *name, const char **path,
                     rh_err *err)
{
    if (!check_new(set, name, err))
        return false;
    rh_migration_set *there = rh_set_load(a, app_dir, set, err);
    if (!there)
        return false;
    int number = there->n ? there->items[there->n - 1].number + 1 : 1;
    if (number > RH_MIGRATION_MAX_NUMBER)
        return rh_err_set(err, RH_E_STATE, "set %s has no number left after %04d", set,
                          RH_MIGRATION_MAX_NUMBER);
    *path = rh_arena_printf(a, "%s/%04d_%s" EXTENSION, set, number, name);
    return rh_mkdirs(rh_arena_printf(a, "%s/%s", app_dir, set), 0777, err) &&
           write_new(
               rh_arena_printf(a, "%s/%s", app_dir, *path),
               rh_arena_printf(a,
                               "-- %s: what this migration does, and why.\n"
                               "-- Plain SQL, in one transaction with the other pending files of the set: no "
                               "BEGIN, no COMMIT.\n"
                               "-- For CREATE INDEX CONCURRENTLY and the like put here, without the # sign:\n"
                               "-- # rowhouse: no-transaction\n" NEW_FILE_END,
                               name),
               err);
}
