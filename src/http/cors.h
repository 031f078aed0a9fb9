/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pages of other origins may read what the data door answers, as PostgREST has it
 * (server-cors-allowed-origins): all of them, with no cookies, or those of a list. Source: the Fetch
 * standard, "HTTP CORS protocol".
 *
 * A door that believes a header must say which: any page could set that header otherwise, and read a tenant
 * through the browser of somebody who reaches the door.
 */
#ifndef RH_CORS_H
#define RH_CORS_H

#include "rest/rest.h"

#define RH_CORS_MAX_HEADERS 4

struct rh_http_headers;

typedef struct rh_cors {
    const char *origins; /* separated by commas, "*" for all, "none" or NULL for none; outlives the loop */
} rh_cors;

/* What the setting means where it is empty. */
rh_cors rh_cors_of(const char *setting, bool header_is_believed);

/* The headers of any answer; returns how many. Strings are the request's. */
int rh_cors_headers(const rh_cors *c, const struct rh_http_headers *h,
                    rh_rest_header out[RH_CORS_MAX_HEADERS]);

/* A browser asks whether a page may send a request: before it sends one, so without a token. */
bool rh_cors_is_preflight(rh_method method, const struct rh_http_headers *h);
/* What is answered to it besides rh_cors_headers(); none where the origin may not. */
int rh_cors_preflight(const rh_cors *c, rh_arena *a, const struct rh_http_headers *h,
                      rh_rest_header out[RH_CORS_MAX_HEADERS]);

#endif
