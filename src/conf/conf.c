/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/fetch.h"
#include "auth/jwt.h"
#include "auth/role_path.h"
#include "base/file.h"
#include "conf/knobs.h"
#include "conf/setting.h"

const rh_setting rh_settings[RH_N_SETTINGS] = {
#define X(type, section, name, default_value, help)                                                          \
    {type, #section, #name, default_value, help, offsetof(rh_conf, section##_##name)},
    RH_SETTINGS(X)
#undef X
};

/* By type: the word in the reference, and what an error says was wanted. */
static const char *const type_names[] = {"text", "number", "on or off", "duration", "size"};
static const char *const wanted[] = {"text", "a whole number of 0 or more", "on or off",
                                     "a duration such as 500ms, 30s, 5m or 1h",
                                     "a size such as 512, 64k, 10m or 1g"};

static bool has_dashes(const char *section)
{
    return strcmp(section, "adopt") == 0;
}

static bool is_named(const rh_setting *s, const char *name)
{
    if (!has_dashes(s->section))
        return strcmp(s->name, name) == 0;
    const char *own = s->name;
    for (; *own && *name && *own == (*name == '-' ? '_' : *name); own++)
        name++;
    return !*own && !*name;
}

const rh_setting *rh_setting_find(const char *section, const char *name)
{
    for (size_t i = 0; i < RH_N_SETTINGS; i++)
        if (strcmp(rh_settings[i].section, section) == 0 && is_named(&rh_settings[i], name))
            return &rh_settings[i];
    return NULL;
}

const char *rh_setting_shown_name(rh_arena *a, const rh_setting *s)
{
    char *shown = rh_arena_strdup(a, s->name);
    for (char *c = shown; has_dashes(s->section) && *c; c++)
        *c = *c == '_' ? '-' : *c;
    return shown;
}

void rh_setting_env_name(const rh_setting *s, char *out, size_t size)
{
    snprintf(out, size, "ROWHOUSE_%s_%s", s->section, s->name);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

/* A number followed by one of the units; an empty unit stands for factor 1 where the table has it. No number
 * is negative, here and in INT: there is no setting where that would mean something. */
static bool parse_units(const char *text, const char *const *units, const int64_t *factors, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    for (int i = 0; units[i]; i++)
        if (strcasecmp(end, units[i]) == 0 && errno == 0 && n <= INT64_MAX / factors[i]) {
            *out = n * factors[i];
            return true;
        }
    return false;
}

static const char *const time_units[] = {"ms", "s", "m", "h", NULL};
static const int64_t time_factors[] = {1, 1000, 60000, 3600000};
static const char *const size_units[] = {"", "k", "m", "g", NULL};
static const int64_t size_factors[] = {1, 1 << 10, 1 << 20, 1 << 30};

bool rh_duration_parse(const char *text, int64_t *out)
{
    return parse_units(text, time_units, time_factors, out);
}

bool rh_size_parse(const char *text, int64_t *out)
{
    return parse_units(text, size_units, size_factors, out);
}

bool rh_setting_assign(rh_conf *conf, rh_arena *a, const rh_setting *s, const char *text, rh_err *err)
{
    void *slot = (char *)conf + s->offset;
    bool ok = true;
    switch (s->type) {
    case STRING:
        *(const char **)slot = rh_arena_strdup(a, text);
        break;
    case INT:
        ok = rh_parse_int(text, slot) && *(int64_t *)slot >= 0;
        break;
    case BOOL:
        ok = strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
        *(bool *)slot = strcmp(text, "on") == 0;
        break;
    case DURATION:
        ok = rh_duration_parse(text, slot);
        break;
    case SIZE:
        ok = rh_size_parse(text, slot);
        break;
    }
    if (ok)
        return true;
    rh_err_set(err, RH_E_CONF, "%s.%s: \"%s\" is not %s", s->section, s->name, text, wanted[s->type]);
    return rh_err_hint(err, "The default is %s.", *s->default_value ? s->default_value : "empty");
}

char *rh_conf_read_text(rh_arena *a, const char *path, rh_err *err)
{
    size_t n;
    char *text = rh_file_read(a, path, RH_CONF_FILE_MAX, &n, err);
    if (!text || rh_is_utf8(text, n))
        return text;
    rh_err_set(err, RH_E_CONF, "%s is not UTF-8 text", path);
    return NULL;
}

/* ---- rowhouse.conf ---- */

struct reading {
    rh_conf *conf;
    rh_arena *a;
    rh_err *err;
    const char *rest; /* what has not been read yet */
    int line;         /* of what was read last */
    int failed_line;  /* of the first failure that err tells of; 0: none */
};

/* A line for inih, which would cut a long one in two and take an indented one for more of the value before
 * it. */
static char *next_line(char *out, int size, void *arg)
{
    struct reading *r = arg;
    if (!*r->rest || r->failed_line)
        return NULL;
    r->line++;
    r->rest += strspn(r->rest, " \t");
    size_t n = strcspn(r->rest, "\n");
    const char *from = r->rest;
    r->rest += n + (r->rest[n] == '\n');
    if (*from == ';' || *from == '#')
        n = 0;
    if (n + 2 > (size_t)size) {
        rh_err_set(r->err, RH_E_CONF, "the line has %zu bytes", n);
        rh_err_hint(r->err, "A line may have %d. Longer values can stand in .env or the environment.",
                    size - 2);
        r->failed_line = r->line;
        return NULL;
    }
    memcpy(out, from, n);
    memcpy(out + n, "\n", 2);
    return out;
}

static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    const rh_setting *s = has_dashes(section) ? NULL : rh_setting_find(section, name);
    if (has_dashes(section)) {
        if (!rh_knob_assign(r->conf, r->a, name, value, r->err))
            r->failed_line = r->line;
    } else if (!s) {
        rh_err_set(r->err, RH_E_CONF, "there is no setting \"%s\" in section [%s]", name, section);
        rh_err_hint(r->err, "`rowhouse help settings` lists them.");
        r->failed_line = r->line;
    } else if (!rh_setting_assign(r->conf, r->a, s, value, r->err)) {
        r->failed_line = r->line;
    }
    return r->failed_line == 0;
}

static bool read_conf_file(rh_conf *conf, rh_arena *a, rh_err *err)
{
    struct reading r = {.conf = conf, .a = a, .err = err, .rest = rh_conf_read_text(a, conf->file, err)};
    if (!r.rest && err->code == RH_E_NOT_FOUND) {
        rh_err_set(err, RH_E_CONF, "there is no file %s", conf->file);
        return rh_err_hint(err, "Name the app's directory: `rowhouse COMMAND --app DIR`, or run it there.");
    }
    if (!r.rest)
        return false;
    int line = ini_parse_stream(next_line, &r, on_setting, &r);
    if (line == 0 && r.failed_line == 0)
        return true;
    if (line > 0 &&
        (r.failed_line == 0 || line < r.failed_line)) { /* inih goes on after a line it cannot read */
        rh_err_set(err, RH_E_CONF, "not understood");
        rh_err_hint(err, "A line is [section], name = value, or a comment that begins with ; or #.");
        r.failed_line = line;
    }
    return rh_err_context(err, "%s:%d", conf->file, r.failed_line);
}

/* ---- flags ---- */

static bool read_flags(rh_conf *conf, rh_arena *a, const char *const *flags, rh_err *err)
{
    for (; flags && *flags; flags++) {
        char *copy = rh_arena_strdup(a, *flags);
        char *equals = strchr(copy, '='), *dot = strchr(copy, '.');
        if (!equals || !dot || dot > equals) {
            rh_err_set(err, RH_E_USAGE, "--set %s: not of the form section.name=value", *flags);
            return false;
        }
        *equals = *dot = 0;
        if (has_dashes(copy)) {
            if (!rh_knob_assign(conf, a, dot + 1, equals + 1, err))
                return rh_err_context(err, "--set");
            continue;
        }
        const rh_setting *s = rh_setting_find(copy, dot + 1);
        if (!s) {
            rh_err_set(err, RH_E_USAGE, "--set %s: there is no such setting", *flags);
            return rh_err_hint(err, "`rowhouse help settings` lists them.");
        }
        if (!rh_setting_assign(conf, a, s, equals + 1, err))
            return rh_err_context(err, "--set");
    }
    return true;
}

/* ---- checks over the whole ---- */

static bool is_one_of(const char *text, const char *const *choices)
{
    for (; *choices; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

/* The app's name becomes part of databases and roles: plain, with room for what we append, no name of
 * PostgreSQL's. */
static bool is_app_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return *s >= 'a' && *s <= 'z' && n <= 40 && !s[n] && !rh_starts_with(s, "pg_");
}

/* A column's or table's name: quoted wherever it is used, but PostgreSQL would cut a longer one. */
static bool is_sql_name(const char *s)
{
    return *s && strlen(s) <= 63;
}

static const char *const model_names[] = {"shared", "schema", "database"};

const char *rh_model_name(rh_model model)
{
    return model_names[model];
}

bool rh_model_parse(const char *text, rh_model *out)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(model_names[i], text) == 0) {
            *out = (rh_model)i;
            return true;
        }
    return false;
}

static bool check_app(rh_conf *conf, rh_err *err)
{
    static const char *const id_types[] = {"bigint", "uuid", NULL};
    if (!is_app_name(conf->app_name)) {
        rh_err_set(err, RH_E_CONF, "app.name \"%s\" cannot be used", conf->app_name);
        return rh_err_hint(
            err,
            "Use at most 40 lower-case letters, digits and _, beginning with a letter but not with pg_.");
    }
    if (!is_one_of(conf->app_id_type, id_types))
        return rh_err_set(err, RH_E_CONF, "app.id_type \"%s\" is neither bigint nor uuid", conf->app_id_type);
    conf->id_type = strcmp(conf->app_id_type, "uuid") == 0 ? RH_ID_UUID : RH_ID_BIGINT;
    if (!rh_model_parse(conf->app_model, &conf->model))
        return rh_err_set(err, RH_E_CONF, "app.model \"%s\" is not shared, schema or database",
                          conf->app_model);
    conf->keyed = *conf->app_tenant_key || *conf->app_root;
    if (!conf->keyed && conf->model == RH_MODEL_SHARED) {
        rh_err_set(err, RH_E_CONF, "shared homes need app.tenant_key and app.root");
        return rh_err_hint(err,
                           "For example: tenant_key = company_id, root = companies. Without a tenant key, "
                           "set model = schema or model = database.");
    }
    if (conf->keyed && (!is_sql_name(conf->app_tenant_key) || !is_sql_name(conf->app_root))) {
        rh_err_set(err, RH_E_CONF, "app.tenant_key and app.root go together, names of 1 to 63 bytes");
        return rh_err_hint(err, "For example: tenant_key = company_id, root = companies.");
    }
    return true;
}

static bool check_range(const char *name, int64_t value, int64_t least, int64_t most, rh_err *err)
{
    return (value >= least && value <= most) ||
           rh_err_set(err, RH_E_CONF, "%s: %lld is not between %lld and %lld", name, (long long)value,
                      (long long)least, (long long)most);
}

static bool check_secret(const rh_conf *conf, rh_err *err)
{
    if (strlen(conf->auth_secret) < RH_SECRET_MIN_BYTES) {
        rh_err_set(err, RH_E_CONF, "auth.secret has %zu bytes", strlen(conf->auth_secret));
        return rh_err_hint(err, "HS256 wants at least %d, for example from `openssl rand -hex 32`.",
                           RH_SECRET_MIN_BYTES);
    }
    return true;
}

/* Keys come from one place, or it would not be known who can make a tenant's token. */
static bool check_keys(rh_conf *conf, rh_err *err)
{
    const char *said[3];
    int n = 0;
    if (*conf->auth_secret)
        said[n++] = "auth.secret";
    if (*conf->auth_key_file)
        said[n++] = "auth.key_file";
    if (*conf->auth_jwks_url)
        said[n++] = "auth.jwks_url";
    if (n > 1) {
        rh_err_set(err, RH_E_CONF, "%s and %s cannot both be set", said[0], said[1]);
        return rh_err_hint(err, "Tokens are checked with a secret, or the keys of a file, or those of an "
                                "address: leave the others empty, in .env and the environment too.");
    }
    if ((*conf->auth_secret && !conf->adopted && !check_secret(conf, err)) ||
        !check_range("auth.jwks_min_interval (ms)", conf->auth_jwks_min_interval, 100, 3600000, err) ||
        !check_range("auth.jwks_max_age (ms)", conf->auth_jwks_max_age, conf->auth_jwks_min_interval,
                     86400000, err))
        return false;
    return !*conf->auth_jwks_url || rh_fetch_url_ok(conf->auth_jwks_url, err) ||
           rh_err_context(err, "auth.jwks_url");
}

/* What can be told without reading the keys. */
static bool check_algorithms(rh_conf *conf, rh_err *err)
{
    bool secret = !*conf->auth_key_file && !*conf->auth_jwks_url;
    uint32_t usable = secret                 ? RH_ALGS_HMAC
                      : *conf->auth_jwks_url ? RH_ALGS_ALL & ~RH_ALGS_HMAC
                                             : RH_ALGS_ALL;
    if (!rh_algs_parse(conf->auth_algorithms, &conf->algorithms, err))
        return rh_err_context(err, "auth.algorithms");
    if (!conf->algorithms || (conf->algorithms & usable))
        return true;
    rh_err_set(err, RH_E_CONF, "auth.algorithms \"%s\" accepts no token at all", conf->auth_algorithms);
    return rh_err_hint(err, secret ? "A secret makes HS256, HS384 and HS512; for others set auth.key_file or "
                                     "auth.jwks_url."
                                   : "Published keys make RS256, RS384, RS512, ES256, ES384 and EdDSA.");
}

static bool check_auth(rh_conf *conf, rh_err *err)
{
    static const char *const held[] = {"id", "slug", NULL};
    static const char token_characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    if (!is_one_of(conf->auth_claim_holds, held))
        return rh_err_set(err, RH_E_CONF, "auth.claim_holds \"%s\" is neither id nor slug",
                          conf->auth_claim_holds);
    conf->claim_is_slug = strcmp(conf->auth_claim_holds, "slug") == 0;
    if (!rh_jwt_claim_path_ok(conf->auth_tenant_claim, err))
        return rh_err_context(err, "auth.tenant_claim");
    if (!check_keys(conf, err) || !check_algorithms(conf, err))
        return false;
    if (conf->auth_trusted_header[strspn(conf->auth_trusted_header, token_characters)] ||
        strcasecmp(conf->auth_trusted_header, "authorization") == 0)
        return rh_err_set(err, RH_E_CONF, "auth.trusted_header \"%s\" cannot be used",
                          conf->auth_trusted_header);
    return true;
}

static bool is_loopback(const char *address)
{
    return rh_starts_with(address, "127.") || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

static bool check_descriptions(const rh_conf *conf, rh_err *err)
{
    static const char *const modes[] = {"follow-privileges", "ignore-privileges", "disabled", NULL};
    const char *url = conf->data_openapi_server_proxy_uri;
    if (!is_one_of(conf->data_openapi_mode, modes))
        return rh_err_set(
            err, RH_E_CONF,
            "data.openapi_mode \"%s\" is none of follow-privileges, ignore-privileges, disabled",
            conf->data_openapi_mode);
    if (*url && !rh_starts_with(url, "http://") && !rh_starts_with(url, "https://"))
        return rh_err_set(err, RH_E_CONF,
                          "data.openapi_server_proxy_uri \"%s\" is no http:// or https:// URL", url);
    return true;
}

static bool check_doors(const rh_conf *conf, rh_err *err)
{
    static const char *const ends[] = {"commit", "rollback", "commit-allow-override",
                                       "rollback-allow-override", NULL};
    if (!is_one_of(conf->data_tx_end, ends))
        return rh_err_set(
            err, RH_E_CONF,
            "data.tx_end \"%s\" is neither commit nor rollback, with or without -allow-override",
            conf->data_tx_end);
    static const char *const told[] = {"auto", "on", "off", NULL};
    if (!is_one_of(conf->data_request_settings, told))
        return rh_err_set(err, RH_E_CONF, "data.request_settings \"%s\" is neither auto, on nor off",
                          conf->data_request_settings);
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    if (!check_range("provision.standby", conf->provision_standby, 0, 1000, err) ||
        !check_range("server.port", conf->server_port, 0, 65535, err) ||
        !check_range("data.port", conf->data_port, 0, 65535, err) ||
        !check_range("control.port", conf->control_port, 0, 65535, err) ||
        !check_range("data.threads", conf->data_threads, 0, 1024, err) ||
        !check_range("data.processors", conf->data_processors, 0, 4096, err) ||
        !check_range("data.connections", conf->data_connections, 1, 10000, err) ||
        !check_range("data.home_connections", conf->data_home_connections, 1, 10000, err) ||
        !check_range("data.backend_memory", conf->data_backend_memory, 16 << 20, (int64_t)1 << 40, err) ||
        !check_range("data.max_clients", conf->data_max_clients, 1, 1000000, err))
        return false;
    if (!is_loopback(conf->control_listen)) {
        rh_err_set(err, RH_E_CONF, "control.listen \"%s\" is not a loopback address", conf->control_listen);
        return rh_err_hint(err,
                           "Use 127.0.0.1 or ::1; reach it from elsewhere through a tunnel, such as ssh -L.");
    }
    if (!*conf->data_tls_cert != !*conf->data_tls_key)
        return rh_err_set(err, RH_E_CONF, "data.tls_cert and data.tls_key go together");
    if (!is_one_of(conf->log_level, levels))
        return rh_err_set(err, RH_E_CONF, "log.level \"%s\" is not debug, info, warn or error",
                          conf->log_level);
    return true;
}

static bool is_hidden_schema(const char *name)
{
    return strcmp(name, "information_schema") == 0 || rh_starts_with(name, "pg_");
}

static bool check_schemas(rh_arena *a, const rh_conf *conf, rh_err *err)
{
    size_t n;
    const char *const *names = rh_conf_list(a, conf->adopt_db_schemas, &n);
    for (size_t i = 0; i < n; i++)
        if (!is_sql_name(names[i]) || is_hidden_schema(names[i]))
            return rh_err_set(err, RH_E_CONF, "db-schemas: \"%s\" cannot be exposed", names[i]);
    return n > 0 || rh_err_set(err, RH_E_CONF, "db-schemas names no schema");
}

/* What stands in a file, without the newline at its end. */
static const char *read_named(rh_arena *a, const rh_conf *conf, const char *name, rh_err *err)
{
    char *text =
        rh_conf_read_text(a, *name == '/' ? name : rh_arena_printf(a, "%s/%s", conf->dir, name), err);
    size_t n = text ? strlen(text) : 0;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = 0;
    if (!text)
        err->code = RH_E_CONF;
    return text;
}

/* What [adopt] says; nothing of it counts while there is no db-uri. */
static bool check_adopt(rh_arena *a, rh_conf *conf, rh_err *err)
{
    static const char *const tenants[] = {"database", "schema", "role", NULL};
    conf->adopted = *conf->adopt_db_uri != 0;
    if (!conf->adopted)
        return true;
    if (*conf->adopt_db_uri == '@' &&
        !(conf->adopt_db_uri = read_named(a, conf, conf->adopt_db_uri + 1, err)))
        return rh_err_context(err, "db-uri");
    if (*conf->auth_secret == '@' && !(conf->auth_secret = read_named(a, conf, conf->auth_secret + 1, err)))
        return rh_err_context(err, "jwt-secret");
    if (!is_one_of(conf->adopt_tenants, tenants))
        return rh_err_set(err, RH_E_CONF, "adopt.tenants \"%s\" is not database, schema or role",
                          conf->adopt_tenants);
    for (int i = 0; tenants[i]; i++)
        if (strcmp(tenants[i], conf->adopt_tenants) == 0)
            conf->adopt_tenant_is = (rh_adopt_tenants)i;
    static const char *const verbosities[] = {"verbose", "minimal", NULL};
    if (!is_one_of(conf->adopt_client_error_verbosity, verbosities))
        return rh_err_set(err, RH_E_CONF, "client-error-verbosity \"%s\" is not verbose or minimal",
                          conf->adopt_client_error_verbosity);
    return check_schemas(a, conf, err) && (rh_role_path_ok(conf->adopt_jwt_role_claim_key, err) ||
                                           rh_err_context(err, "jwt-role-claim-key"));
}

/* Where a value came from is not known here, so the file stands for all of them. */
static bool check(rh_arena *a, rh_conf *conf, rh_err *err)
{
    if (check_adopt(a, conf, err) && (conf->adopted || check_app(conf, err)) && check_auth(conf, err) &&
        check_doors(conf, err) && check_descriptions(conf, err))
        return true;
    return rh_err_context(err, "%s", conf->file);
}

static rh_conf *with_defaults(rh_arena *a, rh_err *err)
{
    rh_conf *conf = RH_NEW(a, rh_conf);
    conf->unused_env = "";
    for (size_t i = 0; i < RH_N_SETTINGS; i++)
        if (!rh_setting_assign(conf, a, &rh_settings[i], rh_settings[i].default_value, err))
            return NULL;
    return conf;
}

static const char *absolute_dir(rh_arena *a, const char *dir, rh_err *err)
{
    char *absolute = realpath(dir, NULL);
    if (!absolute) {
        rh_err_set(err, RH_E_CONF, "there is no directory %s", dir);
        rh_err_hint(err, "Name the app's directory: `rowhouse COMMAND --app DIR`, or run it there.");
        return NULL;
    }
    const char *own = rh_arena_strdup(a, absolute);
    free(absolute);
    return own;
}

rh_conf *rh_conf_load(rh_arena *a, const char *dir, const char *const *flags, rh_err *err)
{
    rh_conf *conf = with_defaults(a, err);
    if (!conf || !(conf->dir = absolute_dir(a, dir, err)))
        return NULL;
    conf->file = rh_arena_printf(a, "%s/rowhouse.conf", conf->dir);
    if (!read_conf_file(conf, a, err) || !rh_conf_read_env_file(conf, a, err) ||
        (*conf->adopt_db_uri && !rh_knobs_read_environment(conf, a, err)) ||
        !rh_conf_read_environment(conf, a, err) || !read_flags(conf, a, flags, err) || !check(a, conf, err))
        return NULL;
    return conf;
}

rh_conf *rh_conf_adopt(rh_arena *a, const char *source, const char *const *flags, rh_err *err)
{
    rh_conf *conf = with_defaults(a, err);
    bool file = rh_file_exists(source);
    if (!conf || !(conf->dir = absolute_dir(a, ".", err)))
        return NULL;
    if (!file && !strchr(source, '=') && !strstr(source, "://")) {
        rh_err_set(err, RH_E_CONF, "there is no file %s", source);
        rh_err_hint(err, "Name a file as PostgREST has it, or a connection: 'host=... dbname=...' or "
                         "postgres://...");
        return NULL;
    }
    conf->file = file ? rh_arena_strdup(a, source) : "--adopt";
    if ((file && !rh_knobs_read_file(conf, a, source, err)) || !rh_knobs_read_environment(conf, a, err) ||
        !rh_conf_read_environment(conf, a, err) ||
        (!file && !rh_knob_assign(conf, a, "db-uri", source, err)) || !read_flags(conf, a, flags, err))
        return NULL;
    if (!*conf->adopt_db_uri &&
        !rh_knob_assign(conf, a, "db-uri", "postgresql://", err)) /* PostgREST's default */
        return NULL;
    return check(a, conf, err) ? conf : NULL;
}

static rh_conf_pairs copy_pairs(rh_arena *a, const rh_conf_pairs *from)
{
    rh_conf_pairs to = {0};
    for (size_t i = 0; i < from->len; i++)
        RH_VEC_PUSH(a, &to, from->items[i]);
    return to;
}

rh_conf *rh_conf_amend(rh_arena *a, const rh_conf *conf, const rh_conf_pair *knobs, size_t n, rh_err *err)
{
    rh_conf *amended = RH_NEW(a, rh_conf);
    *amended = *conf;
    amended->app_settings = copy_pairs(a, &conf->app_settings);
    amended->tenant_limits = copy_pairs(a, &conf->tenant_limits);
    for (size_t i = 0; i < n; i++)
        if (!rh_knob_assign(amended, a, knobs[i].name, knobs[i].value, err))
            return NULL;
    return check(a, amended, err) ? amended : NULL;
}

const char *const *rh_conf_list(rh_arena *a, const char *text, size_t *n)
{
    RH_VEC(const char *) names = {0};
    for (const char *p = text; *p; p += *p == ',') {
        p += strspn(p, " \t");
        size_t len = strcspn(p, ","), kept = len;
        while (kept && (p[kept - 1] == ' ' || p[kept - 1] == '\t'))
            kept--;
        if (kept)
            RH_VEC_PUSH(a, &names, rh_arena_strndup(a, p, kept));
        p += len;
    }
    *n = names.len;
    return names.items;
}

void rh_conf_reference(rh_str *out)
{
    rh_arena *a = rh_arena_new();
    const char *section = "";
    char env[96];
    rh_str_add(
        out,
        "# Settings\n\n"
        "Where a value comes from, the last that speaks wins: the default, `rowhouse.conf` in the app's\n"
        "directory, `.env` beside it, the environment, `--set section.name=value` on the command line.\n\n"
        "Durations: 500ms, 30s, 5m, 1h. Sizes: 512, 64k, 10m, 1g.\n");
    for (size_t i = 0; i < RH_N_SETTINGS; i++) {
        const rh_setting *s = &rh_settings[i];
        if (strcmp(section, s->section) != 0)
            rh_str_addf(out, "\n## [%s]\n\n", s->section);
        section = s->section;
        rh_setting_env_name(s, env, sizeof env);
        rh_str_addf(out, "    %-18s %s\n    %-18s %s, default %s, %s\n", rh_setting_shown_name(a, s), s->help,
                    "", type_names[s->type], *s->default_value ? s->default_value : "empty", env);
    }
    rh_conf_alias_reference(out);
    rh_knobs_reference(out);
    rh_arena_free(a);
}
