/* SPDX-License-Identifier: Apache-2.0
 *
 * One document over HTTP or HTTPS (libcurl), within bounds of size and time. It blocks: for threads that may.
 * No redirects, no decompression, certificates are checked.
 */
#ifndef RH_FETCH_H
#define RH_FETCH_H

#include <stdatomic.h>

#include "base/err.h"

/* http:// or https:// with a host and nothing that must not stand in a log (no user, no password). */
bool rh_fetch_url_ok(const char *url, rh_err *err);

/* The body of a 200 answer, at most as many bytes as out takes (out is made by the caller with that maximum).
 * Gives up once *stop is set, within a second. Error: IO, TOO_LARGE, TIMEOUT. */
bool rh_fetch(const char *url, int64_t timeout_ms, const atomic_bool *stop, rh_str *out, rh_err *err);

#endif
