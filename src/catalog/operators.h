/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that are kept between the requests of a control door: their connections are open and their
 * sessions have read what they need, which is most of a verb's time. Each is one borrower's at a time; any
 * thread may ask. A session comes back as new: no transaction, setting, lock or temporary table is left in
 * it. The app's files are read anew each time.
 */
#ifndef RH_OPERATORS_H
#define RH_OPERATORS_H

#include "catalog/tenant.h"

typedef struct rh_operators rh_operators;

/* Both must outlive it. */
rh_operators *rh_operators_new(const rh_app *app, rh_warm *warm);
void rh_operators_free(rh_operators *s); /* all are back; NULL is allowed */
/* One that was kept, else a new one. */
bool rh_operators_borrow(rh_operators *s, rh_operator *out, rh_err *err);
/* ok: what was done with it came to its end; else it is closed. */
void rh_operators_give_back(rh_operators *s, rh_operator *o, bool ok);

#endif
