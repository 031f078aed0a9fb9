/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings. One table (RH_SETTINGS in settings.h) names every setting, its type, default and help; the
 * struct below, the file parser, the environment, the flags and the printed reference all come from it.
 * Where a value comes from, the last that speaks wins: default, rowhouse.conf, .env, environment, flag.
 *
 * Ownership: all strings live in the arena the conf was made with.
 */
#ifndef RH_CONF_H
#define RH_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#include "conf/settings.h"

typedef enum rh_id_type { RH_ID_BIGINT, RH_ID_UUID } rh_id_type;
typedef enum rh_model { RH_MODEL_SHARED, RH_MODEL_SCHEMA, RH_MODEL_DATABASE } rh_model;
const char *rh_model_name(rh_model model);
bool rh_model_parse(const char *text, rh_model *out);

typedef struct rh_conf_pair {
    const char *name, *value;
} rh_conf_pair;
typedef RH_VEC(rh_conf_pair) rh_conf_pairs;

typedef enum rh_adopt_tenants { RH_ADOPT_DATABASE, RH_ADOPT_SCHEMA, RH_ADOPT_ROLE } rh_adopt_tenants;

typedef struct rh_conf {
    const char *dir;  /* the app's directory, absolute */
    const char *file; /* its rowhouse.conf */
#define STRING const char *
#define INT int64_t
#define BOOL bool
#define DURATION int64_t /* milliseconds */
#define SIZE int64_t     /* bytes */
#define X(type, section, name, default_value, help) type section##_##name;
    RH_SETTINGS(X)
#undef X
#undef STRING
#undef INT
#undef BOOL
#undef DURATION
#undef SIZE
    const char *unused_env; /* names in .env that say nothing to us, "" when there are none */
    /* derived from the strings above and checked once */
    rh_id_type id_type;
    rh_model model; /* of new tenants */
    bool keyed;     /* the tables carry the tenant key: every model is possible, else all but shared */
    bool claim_is_slug;
    uint32_t algorithms; /* of tokens: a set of auth/alg.h, 0: no limit */
    bool adopted; /* [adopt] names a database: there is no app, [app], [provision] and [server] say nothing */
    rh_adopt_tenants adopt_tenant_is;
    rh_conf_pairs app_settings;  /* app.settings.*, with that prefix */
    rh_conf_pairs tenant_limits; /* limits.TENANT.LIMIT, without it; adopt/tenant_limits.h knows them */
} rh_conf;

/* Reads DIR/rowhouse.conf, DIR/.env and the environment. Unknown or malformed settings are errors with
 * file:line and a hint, ROWHOUSE_ names in .env included; of other names there some mean a setting
 * (aliases.h), the rest are other programs'. `flags` is a NULL-terminated array of "section.name=value" from
 * the command line, or NULL. NULL on failure: RH_E_CONF, RH_E_USAGE for a flag, RH_E_IO, RH_E_TOO_LARGE. */
rh_conf *rh_conf_load(rh_arena *a, const char *dir, const char *const *flags, rh_err *err);

/* 500ms, 30s, 5m, 1h as milliseconds; 512, 64k, 10m, 1g as bytes. */
bool rh_duration_parse(const char *text, int64_t *out);
bool rh_size_parse(const char *text, int64_t *out);
/* Settings for one adopted database, without an app's directory: source is a conninfo, or a file as PostgREST
 * reads it (conf/knobs.h); over it PGRST_ and ROWHOUSE_ variables, then flags. Errors as above. */
rh_conf *rh_conf_adopt(rh_arena *a, const char *source, const char *const *flags, rh_err *err);
/* The same settings with what the database itself says over them: n knobs. The strings of conf stay where
 * they are. */
rh_conf *rh_conf_amend(rh_arena *a, const rh_conf *conf, const rh_conf_pair *knobs, size_t n, rh_err *err);
/* The names in a list with commas, trimmed; n 0 for an empty one. */
const char *const *rh_conf_list(rh_arena *a, const char *text, size_t *n);

/* Every setting with type, default, environment name and help, as `rowhouse help settings` prints it and
 * docs/settings.md has it: Markdown that reads well in a terminal. */
void rh_conf_reference(rh_str *out);

#endif
