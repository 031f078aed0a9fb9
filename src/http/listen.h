/* SPDX-License-Identifier: Apache-2.0
 *
 * A listening TCP socket. Without SO_REUSEPORT, so that a second server on the same port is an error, not a
 * rival.
 */
#ifndef RH_LISTEN_H
#define RH_LISTEN_H

#include "base/err.h"

/* address: numeric IPv4 or IPv6. port 0: any free one; *bound gets the port. `what` names the door in errors.
 * The descriptor is the caller's; -1 on failure. */
int rh_listen(const char *what, const char *address, int port, int *bound, rh_err *err);
/* 127.0.0.0/8 or ::1. */
bool rh_address_is_loopback(const char *address);

#endif
