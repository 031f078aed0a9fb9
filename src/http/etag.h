/* SPDX-License-Identifier: Apache-2.0
 *
 * Entity tags of answers by their content: weak, since one content goes out in several codings (RFC
 * 9110, 8.8).
 */
#ifndef RH_ETAG_H
#define RH_ETAG_H

#include <stdbool.h>
#include <stddef.h>

#include "rest/rest.h"

#define RH_ETAG_SIZE 40

/* Of status, what the headers say of the content, and body. */
void rh_etag_of(int status, const rh_rest_header *headers, int n, const char *body, size_t len,
                char out[RH_ETAG_SIZE]);
/* If-None-Match names it, or is `*`. NULL: no. */
bool rh_etag_matches(const char *if_none_match, const char *etag);

#endif
