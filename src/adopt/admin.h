/* SPDX-License-Identifier: Apache-2.0
 *
 * What the admin door of an adopted database tells of it: for rh_control_ops, with the rh_adopted as ctx. Any
 * thread.
 */
#ifndef RH_ADOPT_ADMIN_H
#define RH_ADOPT_ADMIN_H

#include "adopt/adopted.h"
#include "base/str.h"

/* The settings of now as a postgrest.conf; what may be a secret is not told. */
bool rh_adopt_admin_config(void *adopted, rh_arena *a, rh_str *out, rh_err *err);
/* JSON: what is known of each exposed schema, by its name. */
bool rh_adopt_admin_schema_cache(void *adopted, rh_arena *a, rh_str *out, rh_err *err);

#endif
