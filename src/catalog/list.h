/* SPDX-License-Identifier: Apache-2.0
 *
 * The tenants, a page at a time, with where and how large they are.
 */
#ifndef RH_LIST_H
#define RH_LIST_H

#include "catalog/tenant.h"

/* The tenants whose slugs come after `after` (NULL: from the first), `limit` of them: rows with columns as
 * list.sql has them, or as_json one JSON array. The size in a shared home is there with `shares` only, which
 * reads all of its rows. */
PGresult *rh_tenant_list(rh_operator *o, rh_arena *a, const char *after, int64_t limit, bool shares,
                         bool as_json, rh_err *err);

#endif
