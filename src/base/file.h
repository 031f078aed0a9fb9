/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and directories, whole. Errors name the path and what the system said.
 */
#ifndef RH_FILE_H
#define RH_FILE_H

#include <sys/types.h>

#include "base/err.h"

/* The whole file, NUL-terminated, in the arena. RH_E_NOT_FOUND when there is none, RH_E_TOO_LARGE past max.
 */
char *rh_file_read(rh_arena *a, const char *path, size_t max, size_t *len, rh_err *err);
/* Written to a temporary beside it, synced and renamed: either the old bytes or the new ones are there. */
bool rh_file_write(const char *path, const char *bytes, size_t n, mode_t mode, rh_err *err);
/* A file that others wrote at `temp` becomes `path`, synced, its directory too. */
bool rh_file_commit(const char *temp, const char *path, rh_err *err);
bool rh_file_exists(const char *path);
/* Removes what interrupted writes of `path` have left beside it: PATH.*.tmp. Only where nobody else writes
 * it. */
void rh_file_sweep(const char *path);
/* As mkdir -p; an existing directory is fine and keeps its mode. */
bool rh_mkdirs(const char *path, mode_t mode, rh_err *err);
/* Random bytes as lower-case hex, 2*nbytes characters, in the arena. */
char *rh_random_hex(rh_arena *a, size_t nbytes);

#endif
