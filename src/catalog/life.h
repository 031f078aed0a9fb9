/* SPDX-License-Identifier: Apache-2.0
 *
 * A tenant's life after its creation: suspend, resume, rename, drop. Blocking; each may be repeated after an
 * interruption and ends well: what is done already is success. Servers that reach the catalog follow within a
 * second.
 */
#ifndef RH_LIFE_H
#define RH_LIFE_H

#include "catalog/tenant.h"

/* New requests are refused with 403 tenant_suspended, running statements of the tenant are ended. reason goes
 * into the audit; may be NULL. RH_E_STATE unless the tenant is active or suspended; so for resume. */
bool rh_tenant_suspend(rh_operator *o, const char *id, const char *reason, rh_err *err);
bool rh_tenant_resume(rh_operator *o, const char *id, rh_err *err);

/* Another slug, another name or both (NULL: as it is). *id is the tenant's. The old slug is free at once. The
 * name in the tenant's own row, if on_create.sql wrote it there, stays the app's affair. */
bool rh_tenant_rename(rh_operator *o, rh_arena *a, const char *ref, const char *slug, const char *name,
                      const char **id, rh_err *err);

typedef struct rh_drop {
    const char *id, *slug;
    const char *dump; /* the file that holds what the tenant had; "": none */
    const char *json; /* all of it, as the doors tell it */
    bool earlier;     /* it had been dropped before this call */
} rh_drop;

/* State dropping, sessions ended, a dump kept below <state>/dumps, the home gone, the catalog's row too;
 * audit and rowhouse.drops keep the trace, and the id is not given again. Takes as long as the dump does. A
 * file that is half written has the suffix .part. */
bool rh_tenant_drop(rh_operator *o, rh_arena *a, const char *ref, bool keep_dump, rh_drop *out, rh_err *err);

/* Waits for the second in which servers that watch hear of drops that were begun: once for many. */
bool rh_tenant_drop_quiet(rh_operator *o, rh_err *err);
/* Goes on with one that was begun at least that second ago, unless another command is at it: *locked_out. Why
 * it failed is kept with the tenant. */
bool rh_tenant_drop_go_on(rh_operator *o, const char *id, bool *locked_out, rh_err *err);
/* Ends drops that were begun: interrupted ones, and tenants whose state became dropping by other ways. As
 * rh_tenant_provision_waiting(). */
bool rh_tenant_drop_waiting(rh_operator *o, void (*tell)(void *arg, const char *line), void *arg, int *done,
                            int *failed, rh_err *err);

#endif
