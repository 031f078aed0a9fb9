/* SPDX-License-Identifier: Apache-2.0
 *
 * A tenant that the catalog has gets its place: at once where that can be done (home/at_once.h), else step by
 * step. Every step may be repeated after an interruption.
 */
#ifndef RH_PROVISION_H
#define RH_PROVISION_H

#include "catalog/enter.h"

/* A tenant that has just been entered by this operator. */
bool rh_tenant_settle(rh_operator *o, rh_arena *a, const rh_entered *e, rh_err *err);

#endif
