/* SPDX-License-Identifier: Apache-2.0
 *
 * What may stand in the head of an HTTP message (RFC 9110, section 5).
 */
#ifndef RH_HEADER_H
#define RH_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* A token. A blank before the colon, which the HTTP library lets through, would hide a header from us that a
 * proxy in front has read. */
bool rh_header_name_ok(const char *name, size_t n);
/* No control characters but the tab. */
bool rh_header_value_ok(const char *value, size_t n);

#endif
