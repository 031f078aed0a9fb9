/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in a token's payload the role stands, in the words of PostgREST's jwt-role-claim-key
 * (docs.postgrest.org, v16, "JWT role extraction"). What begins with `$` is JSON Path (RFC 9535), of which
 * there is what leads to one value: `.name`, `['any name']`, `[0]` and `[-1]`, `[?@ == 'x']`, `[?@ != 'x']`
 * and
 * `[?search(@, 'regex')]` for the first string of an array that fits (regex: POSIX, extended), the condition
 * in parentheses or not. What begins with `.` is the language from before: steps `.name` and `."any name"`,
 * `[0]` into an array,
 * `[?(@ == "x")]` for the first string of an array that is, is not (!=), begins with (^==), ends with (==^)
 * or contains (*==) x, `[1:]` and `[1:-1]` for a part of a string, by bytes. At most 255 bytes.
 */
#ifndef RH_ROLE_PATH_H
#define RH_ROLE_PATH_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

bool rh_role_path_ok(const char *path, rh_err *err); /* CONF */
/* What stands there: a string (the arena's), "" where nothing or null does. NULL: something else does. */
const char *rh_role_path_find(rh_arena *a, const json_t *payload, const char *path);

#endif
