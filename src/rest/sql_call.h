/* SPDX-License-Identifier: Apache-2.0
 *
 * The call of a function: by names from the query string or the body, or with the whole body.
 */
#ifndef RH_SQL_CALL_H
#define RH_SQL_CALL_H

#include "rest/sql_words.h"

/* ` FROM f(..) AS t0` */
void rh_put_call_source(rh_writer *w);
/* `SELECT f(..) AS v`, of a function without columns */
void rh_put_scalar_call(rh_writer *w);

#endif
