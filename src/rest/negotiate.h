/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may ask for in headers: the form of the answer and the range of rows.
 */
#ifndef RH_NEGOTIATE_H
#define RH_NEGOTIATE_H

#include "rest/query.h"
#include "rest/rest.h"

typedef enum rh_media {
    RH_MEDIA_JSON,
    RH_MEDIA_STRIPPED, /* an array, without the members that are null, at any depth */
    RH_MEDIA_OBJECT,
    RH_MEDIA_STRIPPED_OBJECT,
    RH_MEDIA_CSV
} rh_media;
extern const char *const rh_media_content_types[];

/* The first acceptable media type that there is; NULL or "" accept anything. RH_E_MEDIA (406). */
bool rh_accept_parse(const char *accept, rh_media *out, rh_err *err);

typedef struct rh_window {
    bool has_limit;
    int64_t limit, offset;
} rh_window;

/* The rows wanted: Range (GET only), limit and offset, all of which must hold, and at most max_rows (0: no
 * bound). RH_E_RANGE (416) when nothing can fulfil them. */
bool rh_window_of(const char *range, const rh_query *query, int64_t max_rows, rh_window *out, rh_err *err);

#endif
