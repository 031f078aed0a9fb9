/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of a request in logs and answers (X-Request-Id): the client's, or that of a proxy in front, where
 * it is of 1 to 128 letters, digits and -_.:/+=@ ; else one of ours, 16 letters.
 */
#ifndef RH_REQUEST_ID_H
#define RH_REQUEST_ID_H

#include "base/arena.h"

/* given may be NULL. The result is given itself, or the arena's. */
const char *rh_request_id(rh_arena *a, const char *given);

#endif
