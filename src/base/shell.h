/* SPDX-License-Identifier: Apache-2.0
 *
 * Words for a POSIX shell: for commands that are shown to be pasted. We ourselves start programs without one
 * (base/spawn.h).
 */
#ifndef RH_SHELL_H
#define RH_SHELL_H

#include "base/arena.h"

/* The text as one word of a command line, in single quotes only where it needs them; in the arena. */
const char *rh_shell_word(rh_arena *a, const char *text);

#endif
