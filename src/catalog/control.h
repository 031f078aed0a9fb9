/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's verbs as the control door offers them: JSON in, JSON out. Blocking; several at once.
 */
#ifndef RH_CONTROL_H
#define RH_CONTROL_H

#include <jansson.h>

#include "catalog/operators.h"

/* What they work on; outlives every call. */
typedef struct rh_control {
    rh_app *app;
    rh_operators *operators;
} rh_control;

/* A page of tenants after a slug. */
bool rh_control_list(void *control, rh_arena *a, int64_t limit, const char *after, rh_str *out, rh_err *err);
/* Every node, with what each says just now. */
bool rh_control_nodes(void *control, rh_arena *a, rh_str *out, rh_err *err);
/* Body: {"slug", "name", "id"?, "model"?, "node"?, profile columns...}. Answers with the tenant as show does.
 */
bool rh_control_create(void *control, rh_arena *a, const json_t *body, rh_str *out, rh_err *err);
bool rh_control_show(void *control, rh_arena *a, const char *ref, rh_str *out, rh_err *err);
/* Body: {"reason"?: text}, or NULL. All answer with the tenant as show does. */
bool rh_control_suspend(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                        rh_err *err);
bool rh_control_resume(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err);
/* Body: {"slug"?: text, "name"?: text}. */
bool rh_control_rename(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err);
/* Body: {"confirm": the tenant's slug, "dump"?: false}. Answers when it is gone, with where its dump is. One
 * at a time, since it may take as long as a dump does: RH_E_LOCKED. */
bool rh_control_drop(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                     rh_err *err);
/* What the tenant may use (catalog/limits.h); what the body names is changed, or all of it forgotten. */
bool rh_control_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                       rh_err *err);
bool rh_control_set_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                           rh_err *err);
bool rh_control_forget_limits(void *control, rh_arena *a, const char *ref, const json_t *body, rh_str *out,
                              rh_err *err);
/* {"token": ..., "expires_in": seconds} */
bool rh_control_token(void *control, rh_arena *a, const char *ref, int64_t ttl_s, rh_str *out, rh_err *err);

#endif
