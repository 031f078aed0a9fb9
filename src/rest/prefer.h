/* SPDX-License-Identifier: Apache-2.0
 *
 * The Prefer header (RFC 7240) as the dialect uses it. Unknown preferences are ignored unless
 * handling=strict.
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
typedef enum rh_count { RH_COUNT_NONE, RH_COUNT_EXACT, RH_COUNT_PLANNED, RH_COUNT_ESTIMATED } rh_count;
typedef enum rh_resolution { RH_RESOLUTION_NONE, RH_RESOLUTION_MERGE, RH_RESOLUTION_IGNORE } rh_resolution;
typedef enum rh_missing { RH_MISSING_UNSAID, RH_MISSING_NULL, RH_MISSING_DEFAULT } rh_missing;
typedef enum rh_tx { RH_TX_UNSAID, RH_TX_COMMIT, RH_TX_ROLLBACK } rh_tx;
typedef enum rh_handling { RH_HANDLING_DEFAULT, RH_HANDLING_STRICT, RH_HANDLING_LENIENT } rh_handling;

typedef struct rh_prefer {
    rh_return answer;
    rh_handling handling;
    rh_count count;
    rh_resolution resolution;
    rh_missing missing;
    rh_tx tx;
    const char *timezone; /* the header's bytes, timezone_len of them; NULL when not asked for */
    size_t timezone_len;
    int64_t max_affected; /* -1 without; counts with handling=strict only */
} rh_prefer;

/* header may be NULL. Of several preferences of one kind the first counts. */
bool rh_prefer_parse(const char *header, rh_prefer *out, rh_err *err);
typedef enum rh_prefer_of {
    RH_PREFER_READ,
    RH_PREFER_CALL,
    RH_PREFER_INSERT,
    RH_PREFER_PUT,
    RH_PREFER_UPDATE,
    RH_PREFER_DELETE
} rh_prefer_of;

/* The value of Preference-Applied; nothing is added when none was. */
void rh_prefer_applied(const rh_prefer *p, rh_prefer_of of, rh_str *out);

#endif
