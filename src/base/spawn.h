/* SPDX-License-Identifier: Apache-2.0
 *
 * Child programs, started without a shell. The child gets default signal handling, an empty signal mask and
 * no file descriptor but 0, 1 and 2.
 *
 * Ownership: nothing of rh_spawn is kept after the call; results are the arena's.
 */
#ifndef RH_SPAWN_H
#define RH_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct rh_spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is a path, or a name looked up in PATH */
    const char *const *env;  /* added to ours, "NAME=value"; "NAME" alone takes one away; NULL: nothing */
    const char *dir;         /* working directory; NULL: ours */
    bool as_user;            /* become uid and gid, with no other group, before dir is entered (root only) */
    uid_t uid;
    gid_t gid;
    const char *input;  /* text for stdin; NULL: /dev/null */
    size_t output_max;  /* bytes of output kept, the first ones; 0: 64 KiB */
    int64_t timeout_ms; /* the child is killed after it; 0: none */
    int stop_fd;        /* the child is killed when it is readable; 0: none */
} rh_spawn;

typedef struct rh_spawn_result {
    int status;         /* exit status; 128 + the signal's number when a signal ended it */
    const char *output; /* stdout and stderr as they came, NUL-terminated */
    bool truncated;     /* there was more output than output_max */
} rh_spawn_result;

/* Runs the program and waits for it; it is killed if we end before. False when it could not be started
 * (RH_E_NOT_FOUND, RH_E_IO) or was ended by the timeout (RH_E_TIMEOUT) or by stop_fd (RH_E_UNAVAILABLE); an
 * exit status other than 0 is true. */
bool rh_spawn_run(rh_arena *a, const rh_spawn *s, rh_spawn_result *out, rh_err *err);

/* Starts the program in a session of its own (Ctrl-C in our terminal does not reach it), output appended to
 * log_file, which the user it runs as must be able to write; it outlives us. Its pid, for the caller to wait
 * for, or -1. input, output_max and timeout_ms do not apply. */
pid_t rh_spawn_background(const rh_spawn *s, const char *log_file, rh_err *err);

#endif
