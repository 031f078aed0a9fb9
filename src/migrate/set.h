/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of migrations: the files NNNN_name.sql of one directory of the app (catalog, reference, tenant), in
 * the order of their numbers. Gaps are allowed. Hidden files and files that do not end in .sql are not looked
 * at, nor is tenant/on_create.sql; any other name is an error, so that no file is left out by a slip.
 *
 * The comment block at the head of a file may hold directives, one a line: `-- rowhouse: no-transaction`. To
 * add one: a row in set.c's table.
 *
 * Ownership: everything lives in the arena given.
 */
#ifndef RH_SET_H
#define RH_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define RH_MIGRATION_MAX_BYTES ((size_t)16 << 20)
#define RH_MIGRATION_MAX_NUMBER 9999

typedef struct rh_migration {
    int number;       /* 1 to RH_MIGRATION_MAX_NUMBER */
    const char *name; /* without number and .sql */
    const char *path; /* for messages, relative to the app: tenant/0001_ads.sql */
    const char *text; /* UTF-8 without NUL inside, NUL-terminated; a byte order mark is left out */
    size_t len;
    char checksum[65];   /* SHA-256 of the file's bytes, lower-case hex */
    bool no_transaction; /* the file must run outside a transaction */
} rh_migration;

typedef struct rh_migration_set {
    const char *name;
    rh_migration *items; /* by number */
    size_t n;
} rh_migration_set;

/* Reads APP_DIR/NAME. A missing directory is an empty set. NULL on failure: RH_E_INVALID, RH_E_IO,
 * RH_E_TOO_LARGE. */
rh_migration_set *rh_set_load(rh_arena *a, const char *app_dir, const char *name, rh_err *err);

/* Reads the head of m->text and sets what its directives say. Part of rh_set_load(); apart for texts from
 * elsewhere. */
bool rh_set_read_directives(rh_migration *m, rh_err *err);

/* Fills m->checksum; m->path is for the message. Part of rh_set_load(); apart for texts from elsewhere. */
bool rh_set_checksum(rh_migration *m, const char *bytes, size_t len, rh_err *err);

/* The file is as rh_set_new_file() made it, but for its comments: nobody has written the migration yet. */
bool rh_set_is_unwritten(const rh_migration *m);

/* Writes APP_DIR/SET/NNNN_NAME.sql, a template of comments, under the next number. The name is [a-z0-9_]+; a
 * file that is there is never overwritten. *path is relative to the app. */
bool rh_set_new_file(rh_arena *a, const char *app_dir, const char *set, const char *name, const char **path,
                     rh_err *err);

#endif
