/* SPDX-License-Identifier: Apache-2.0
 *
 * PostgREST's names for what is set: in [adopt] of rowhouse.conf, in a postgrest.conf, as PGRST_ variables
 * and as pgrst. settings of a role. To add one that is ours already: a row of S; one that only an adopted
 * database has is a setting of [adopt] and needs none. F: what is the same whatever is set.
 *
 * S(name, section, setting) F(name, the values that may be set, "" for all; why)
 */
#ifndef RH_KNOBS_H
#define RH_KNOBS_H

#include "conf/conf.h"

/* clang-format off */
#define RH_KNOBS(S, F) \
    S("max-rows", data, max_rows) \
    S("db-max-rows", data, max_rows) \
    S("db-tx-end", data, tx_end) \
    S("db-aggregates-enabled", data, aggregates) \
    S("db-plan-enabled", data, plans) \
    S("db-pool", data, connections) \
    S("db-schema", adopt, db_schemas) \
    S("pre-request", adopt, db_pre_request) \
    S("jwt-secret", auth, secret) \
    S("jwt-aud", auth, audience) \
    S("role-claim-key", adopt, jwt_role_claim_key) \
    S("secret-is-base64", adopt, jwt_secret_is_base64) \
    S("server-host", data, listen) \
    S("server-port", data, port) \
    S("server-cors-allowed-origins", data, cors_allowed_origins) \
    S("openapi-mode", data, openapi_mode) \
    S("openapi-security-active", data, openapi_security_active) \
    S("openapi-server-proxy-uri", data, openapi_server_proxy_uri) \
    S("server-timing-enabled", data, server_timing) \
    S("log-level", log, level) \
    F("db-prepared-statements", "true", "statements are prepared") \
    F("db-pool-acquisition-timeout", "", "requests wait until their statement would be too late") \
    F("db-pool-max-lifetime", "", "connections are kept") \
    F("db-pool-max-idletime", "", "connections are kept") \
    F("db-pool-timeout", "", "connections are kept") \
    F("db-pool-automatic-recovery", "true", "connections that are lost are dialed again") \
    F("db-timezone-enabled", "true", "Prefer: timezone= is heard") \
    F("jwt-cache-max-entries", "", "so many verified tokens are remembered as fit into 2 MB a loop") \
    F("jwt-cache-max-lifetime", "", "verified tokens are remembered for as long as they hold") \
    F("admin-server-unix-socket", "", "/live and /ready are paths of the data door") \
    F("admin-server-unix-socket-mode", "", "/live and /ready are paths of the data door") \
    F("server-reuseport", "", "one process uses all cores") \
    F("server-trace-header", "", "X-Request-Id names each request") \
    F("server-unix-socket", "none", "the door listens on an address") \
    F("server-unix-socket-mode", "", "the door listens on an address") \
    F("log-query", "false,disabled", "statements are not logged") \
    F("server-otel-enabled", "false", "there is no OpenTelemetry")
/* clang-format on */

/* One knob as text; "app.settings.NAME" and "limits.TENANT.LIMIT" too. Errors: CONF, for a name that is none with the nearest one. */
bool rh_knob_assign(rh_conf *conf, rh_arena *a, const char *name, const char *value, rh_err *err);
/* PGRST_ names of the environment. */
bool rh_knobs_read_environment(rh_conf *conf, rh_arena *a, rh_err *err);
/* A file as PostgREST reads it: `name = "text"`, numbers, true and false, # comments, $(VARIABLE) in texts.
 */
bool rh_knobs_read_file(rh_conf *conf, rh_arena *a, const char *path, rh_err *err);
/* All knobs as a file that has their values, but for what may be a secret. */
void rh_knobs_write(const rh_conf *conf, rh_arena *a, rh_str *out);
/* The names that are ours by another name, for rh_conf_reference(). */
void rh_knobs_reference(rh_str *out);

#endif
