/* SPDX-License-Identifier: Apache-2.0
 *
 * Who asks an adopted database, as which role, for which schema. The role is the one that a verified token
 * names, or db-anon-role; the schema is the one that the profile header names, the first exposed one where
 * none is named, or, with adopt.tenants = schema, the one that the token names and no header can change.
 *
 * What is told to PostgreSQL at the head of each transaction, in this order: search_path,
 * settings of the role, the role, what http/request_settings.h tells of the request, app.settings.*. As in
 * PostgREST settings of the role come before the role, since the login role may be allowed to set more.
 */
#ifndef RH_ADOPT_GATE_H
#define RH_ADOPT_GATE_H

#include "adopt/adopted.h"
#include "auth/resolve.h"
#include "rest/rest.h"

typedef RH_VEC(rh_rest_setting) rh_gate_settings;

typedef struct rh_gate_pass {
    const rh_adopted_state *state;
    const rh_adopted_schema *schema;
    const char *role, *claims; /* the caller's arena's */
    const char *begin;         /* a command that must come first; NULL: none */
    const char *tenant;        /* what the tenant is called: "database", a schema or a role */
    int64_t timeout_ms;        /* of the role's statements: rh_adopted_role */
    uint64_t home;             /* tells roles and schemas apart; never 0 */
    bool named;                /* the token says the role; else it is everybody's */
} rh_gate_pass;

/* profile: the value of Accept-Profile or Content-Profile, NULL when absent. The state is the caller's and
 * outlives the pass. Errors: ANONYMOUS (401) where a role is needed and none is named, NO_TENANT (401) and
 * TENANT_MISMATCH (403) of tokens that name schemas, SCHEMA (406) of one that is not exposed, FORBIDDEN (403)
 * of the login role. */
bool rh_gate_admit(rh_arena *a, const rh_adopted_state *s, const rh_role_identity *who, const char *profile,
                   rh_gate_pass *out, rh_err *err);
/* Those that come before the settings of the request, and those behind. */
void rh_gate_add_first(rh_arena *a, const rh_gate_pass *p, rh_gate_settings *out);
void rh_gate_add_last(rh_arena *a, const rh_gate_pass *p, rh_gate_settings *out);
/* PostgreSQL's refusals become what PostgREST makes of them: 401 where no token names a role; and what helps
 * is taken off where the conf says so. */
void rh_gate_judge_error(const rh_gate_pass *p, rh_err *err);

#endif
