/* SPDX-License-Identifier: Apache-2.0
 *
 * What the app is told of a request, as settings of its transaction: request.headers, request.cookies and
 * request.jwt.claims (JSON objects), request.method and request.path. THE place for settings of a request:
 * rest/ writes them, with those of preferences, into one statement before all others. Only those that the
 * app reads (rh_reads) are made, since each costs something in every request.
 *
 * Ownership: the exchange's arena's.
 */
#ifndef RH_REQUEST_SETTINGS_H
#define RH_REQUEST_SETTINGS_H

#include "http/exchange.h"
#include "rest/rest.h"

typedef RH_VEC(rh_rest_setting) rh_request_settings;

/* Adds those of `reads`. claims: JSON of who asks; NULL: those of the token, which was verified when the head
 * came in, or {} without one. From on_request only: the library's list of headers is asked. */
void rh_request_settings_add(rh_exchange *x, unsigned reads, const char *claims, rh_request_settings *out);

#endif
