/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements that run as a role of the request's own: of databases where roles keep what is whose apart
 * (adopt/gate.h). The settings that come first name the role; nothing behind them runs unless PostgreSQL says
 * that it is this role, and no superuser.
 */
#ifndef RH_AS_ROLE_H
#define RH_AS_ROLE_H

#include "rest/plan.h"
#include "rest/sql_words.h"

/* One row of set_config() for the rest of the transaction. Where there is a role, which the settings name,
 * the statement fails unless it is in force, and where a job before has left temporary tables in its session,
 * which would be this one's too. */
void rh_as_role_enter(rh_arena *a, const rh_rest_role *role, const rh_rest_setting *settings, size_t n,
                      rh_rest_statement *out);
/* Puts the role into the text, in a comment: what was looked up for one role is no other role's. What a role
 * may see is looked up when a statement is prepared, and policies are put in then. */
void rh_as_role_mark(rh_arena *a, const rh_rest_role *role, rh_rest_statement *s);

#endif
