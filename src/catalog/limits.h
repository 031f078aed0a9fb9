/* SPDX-License-Identifier: Apache-2.0
 *
 * What a tenant may use. The server has defaults (rowhouse.conf), the catalog keeps what differs for one
 * tenant; the doors hold requests to it within a second after a change. What happens at each bound:
 * docs/limits.md.
 */
#ifndef RH_LIMITS_H
#define RH_LIMITS_H

#include <jansson.h>

#include "conf/conf.h"

struct rh_operator;

/* The limits. To add one: a row here, its column in sql/catalog, in sql/tenants/limits.sql, set_limits.sql
 * and watch.sql, its default in limits.c, its option in cmd/commands.c. X(enum name, column, kind, least,
 * most, unit of the numbers) */
/* clang-format off */
#define RH_LIMITS(X)                                                                                         \
    X(CONCURRENCY, "concurrency", COUNT, 0, 10000, "")                                                       \
    X(RATE, "rate", RATE, 0, 1000000000, "thousandths of a request a second")                                \
    X(STATEMENT_TIMEOUT, "statement_timeout", DURATION, 1, 86400000, "milliseconds")                         \
    X(ROWS, "rows", COUNT, 0, 1000000000, "")                                                                \
    X(BODY, "body", SIZE, 1, (int64_t)1 << 40, "bytes")                                                      \
    X(LOAD, "load", SIZE, 1, (int64_t)1 << 40, "bytes")
/* clang-format on */
typedef enum rh_limit {
#define X(name, column, kind, least, most, unit) RH_LIMIT_##name,
    RH_LIMITS(X)
#undef X
        RH_N_LIMITS
} rh_limit;

#define RH_LIMIT_DEFAULT (-1)

typedef struct rh_limits {
    int64_t of[RH_N_LIMITS]; /* RH_LIMIT_DEFAULT: as the server has it. 0: no bound */
} rh_limits;

void rh_limits_from_conf(const rh_conf *conf, rh_limits *out);
/* A tenant's own over the defaults. What bounds its bodies bounds those that are loaded too, unless it has a
 * bound of its own for them. */
void rh_limits_apply(rh_limits *own, const rh_limits *defaults);

const char *rh_limit_name(rh_limit which);
/* 8, 50/s or 600/m, 5s, 1m: by the kind of the limit; "default". RH_E_USAGE. */
bool rh_limit_parse(rh_limit which, const char *text, int64_t *out, rh_err *err);
/* The other way round, into the arena. */
const char *rh_limit_text(rh_arena *a, rh_limit which, int64_t value);

/* ---- the operator's; blocking ---- */

/* A tenant's own, by id. RH_E_NOT_FOUND. */
bool rh_tenant_limits(struct rh_operator *o, rh_arena *a, const char *id, rh_limits *out, const char **slug,
                      rh_err *err);
/* Changes those for which changes[i] is true. RH_E_STATE while it is being dropped. */
bool rh_tenant_set_limits(struct rh_operator *o, rh_arena *a, const char *id, const rh_limits *values,
                          const bool changes[RH_N_LIMITS], rh_err *err);
/* {"tenant", "slug", "limits": what holds, "own": what differs from the defaults}: numbers, the rate in
 * requests a second. */
bool rh_tenant_limits_json(struct rh_operator *o, rh_arena *a, const char *id, rh_str *out, rh_err *err);
/* {"rate": 50, "body": "1m", "rows": null, ...}: numbers in the limits' units (the rate in requests a second)
 * or texts; null is the default. RH_E_BODY. */
bool rh_limits_from_json(const json_t *body, rh_limits *out, bool changes[RH_N_LIMITS], rh_err *err);

#endif
