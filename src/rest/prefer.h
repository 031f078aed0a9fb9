/* SPDX-License-Identifier: Apache-2.0
 *
 * The Prefer header (RFC 7240) as the dialect uses it. Unknown preferences are ignored unless
 * handling=strict; known ones that this version does not honour are refused, never ignored.
 */
#ifndef RH_PREFER_H
#define RH_PREFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum rh_return {
    RH_RETURN_DEFAULT,
    RH_RETURN_MINIMAL,
    RH_RETURN_HEADERS_ONLY,
    RH_RETURN_REPRESENTATION
} rh_return;
typedef enum rh_handling { RH_HANDLING_DEFAULT, RH_HANDLING_STRICT, RH_HANDLING_LENIENT } rh_handling;

typedef struct rh_prefer {
    rh_return answer;
    rh_handling handling;
    bool count_exact, missing_null;
    int64_t max_affected; /* -1 without; counts with handling=strict only */
} rh_prefer;

/* header may be NULL. Of several preferences of one kind the first counts. */
bool rh_prefer_parse(const char *header, rh_prefer *out, rh_err *err);
/* The value of Preference-Applied; nothing is added when none was. */
void rh_prefer_applied(const rh_prefer *p, bool write, bool insert, rh_str *out);

#endif
