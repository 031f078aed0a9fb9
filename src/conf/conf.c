/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <ctype.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

enum type { STRING, INT, BOOL, DURATION, SIZE };

static const struct setting {
    enum type type;
    const char *section, *name, *default_value, *help;
    size_t offset;
} settings[] = {
#define X(type, section, name, default_value, help) {type, #section, #name, default_value, help, offsetof(rh_conf, section##_##name)},
    RH_SETTINGS(X)
#undef X
};
static const size_t n_settings = sizeof settings / sizeof *settings;

static const char *const type_names[] = {"text", "number", "on|off", "duration", "size"};

static const struct setting *find(const char *section, const char *name)
{
    for (size_t i = 0; i < n_settings; i++)
        if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

/* A number followed by one of the units; an empty unit stands for factor 1 where the table has it. */
static bool parse_units(const char *text, const char *const *units, const int64_t *factors, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    long long n = strtoll(text, &end, 10);
    for (int i = 0; units[i]; i++)
        if (strcasecmp(end, units[i]) == 0 && n <= INT64_MAX / factors[i]) {
            *out = n * factors[i];
            return true;
        }
    return false;
}

static bool assign(rh_conf *conf, rh_arena *a, const struct setting *s, const char *text, rh_err *err)
{
    static const char *const time_units[] = {"ms", "s", "m", "h", NULL};
    static const int64_t time_factors[] = {1, 1000, 60000, 3600000};
    static const char *const size_units[] = {"", "k", "m", "g", NULL};
    static const int64_t size_factors[] = {1, 1 << 10, 1 << 20, 1 << 30};
    void *slot = (char *)conf + s->offset;
    bool ok = true;
    switch (s->type) {
    case STRING:
        *(const char **)slot = rh_arena_strdup(a, text);
        break;
    case INT:
        ok = rh_parse_int(text, slot);
        break;
    case BOOL:
        ok = strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
        *(bool *)slot = strcmp(text, "on") == 0;
        break;
    case DURATION:
        ok = parse_units(text, time_units, time_factors, slot);
        break;
    case SIZE:
        ok = parse_units(text, size_units, size_factors, slot);
        break;
    }
    if (ok)
        return true;
    rh_err_set(err, RH_E_CONF, "%s.%s: \"%s\" is not a %s", s->section, s->name, text, type_names[s->type]);
    return rh_err_hint(err, "The default is %s.", *s->default_value ? s->default_value : "empty");
}

/* ---- rowhouse.conf ---- */

struct reading {
    rh_conf *conf;
    rh_arena *a;
    rh_err *err;
    bool failed;
};

static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    const struct setting *s = find(section, name);
    if (!s) {
        rh_err_set(r->err, RH_E_CONF, "there is no setting \"%s\" in section [%s]", name, section);
        rh_err_hint(r->err, "`rowhouse help settings` lists them.");
        r->failed = true;
    } else if (!assign(r->conf, r->a, s, value, r->err)) {
        r->failed = true;
    }
    return !r->failed;
}

static bool read_conf_file(rh_conf *conf, rh_arena *a, rh_err *err)
{
    struct reading r = {conf, a, err, false};
    int line = ini_parse(conf->file, on_setting, &r);
    if (line < 0) {
        rh_err_set(err, RH_E_CONF, "cannot read %s", conf->file);
        return rh_err_hint(err, "Name the app's directory: `rowhouse COMMAND --app DIR`, or run it there.");
    }
    if (line > 0 && !r.failed) {
        rh_err_set(err, RH_E_CONF, "not understood");
        rh_err_hint(err, "A line is [section], name = value, or a comment that begins with ; or #.");
    }
    return line == 0 ? true : rh_err_context(err, "%s:%d", conf->file, line);
}

/* ---- .env and the environment ---- */

static void env_name(const struct setting *s, char *out, size_t size)
{
    snprintf(out, size, "ROWHOUSE_%s_%s", s->section, s->name);
    for (; *out; out++)
        *out = (char)toupper((unsigned char)*out);
}

static bool assign_by_env_name(rh_conf *conf, rh_arena *a, const char *name, const char *value, rh_err *err)
{
    char candidate[96];
    for (size_t i = 0; i < n_settings; i++) {
        env_name(&settings[i], candidate, sizeof candidate);
        if (strcmp(candidate, name) == 0)
            return assign(conf, a, &settings[i], value, err) || rh_err_context(err, "%s", name);
    }
    return true; /* other programs' variables stand in the same file */
}

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = 0;
    return s;
}

/* NAME=value lines, `export` allowed, quotes around the value taken off, # begins a comment line. */
static bool read_env_file(rh_conf *conf, rh_arena *a, rh_err *err)
{
    const char *path = rh_arena_printf(a, "%s/.env", conf->dir);
    if (!rh_file_exists(path))
        return true;
    char *text = rh_file_read(a, path, 1 << 20, NULL, err), *save = NULL;
    if (!text)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line = trim(line);
        if (rh_starts_with(line, "export "))
            line = trim(line + 7);
        char *equals = strchr(line, '=');
        if (*line == '#' || !equals)
            continue;
        *equals = 0;
        char *value = trim(equals + 1);
        size_t n = strlen(value);
        if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
            value[n - 1] = 0;
            value++;
        }
        if (!assign_by_env_name(conf, a, trim(line), value, err))
            return rh_err_context(err, "%s", path);
    }
    return true;
}

static bool read_environment(rh_conf *conf, rh_arena *a, rh_err *err)
{
    char name[96];
    for (size_t i = 0; i < n_settings; i++) {
        env_name(&settings[i], name, sizeof name);
        const char *value = getenv(name);
        if (value && !assign(conf, a, &settings[i], value, err))
            return rh_err_context(err, "environment variable %s", name);
    }
    return true;
}

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
        const struct setting *s = find(copy, dot + 1);
        if (!s) {
            rh_err_set(err, RH_E_USAGE, "--set %s: there is no such setting", *flags);
            return rh_err_hint(err, "`rowhouse help settings` lists them.");
        }
        if (!assign(conf, a, s, equals + 1, err))
            return false;
    }
    return true;
}

/* ---- checks over the whole ---- */

/* Names that become part of databases, roles and SQL must be plain and leave room for what we append. */
static bool is_plain_name(const char *s, size_t max)
{
    size_t n = strlen(s);
    if (n == 0 || n > max || !(islower((unsigned char)*s) || *s == '_'))
        return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

static bool check(rh_conf *conf, rh_err *err)
{
    if (!is_plain_name(conf->app_name, 40)) {
        rh_err_set(err, RH_E_CONF, "%s: app.name \"%s\" cannot be used", conf->file, conf->app_name);
        return rh_err_hint(err, "Use at most 40 lower-case letters, digits and _, beginning with a letter.");
    }
    if (strcmp(conf->app_id_type, "bigint") == 0)
        conf->id_type = RH_ID_BIGINT;
    else if (strcmp(conf->app_id_type, "uuid") == 0)
        conf->id_type = RH_ID_UUID;
    else
        return rh_err_set(err, RH_E_CONF, "%s: app.id_type \"%s\" is neither bigint nor uuid", conf->file, conf->app_id_type);
    if (strcmp(conf->app_model, "shared") != 0) {
        rh_err_set(err, RH_E_CONF, "%s: app.model \"%s\" is not available", conf->file, conf->app_model);
        return rh_err_hint(err, "This version has shared homes only; schema and database homes come with a later one.");
    }
    if (!*conf->app_tenant_key || !*conf->app_root) {
        rh_err_set(err, RH_E_CONF, "%s: app.tenant_key and app.root must be set", conf->file);
        return rh_err_hint(err, "For example: tenant_key = company_id, root = companies.");
    }
    conf->claim_is_slug = strcmp(conf->auth_claim_holds, "slug") == 0;
    if (!conf->claim_is_slug && strcmp(conf->auth_claim_holds, "id") != 0)
        return rh_err_set(err, RH_E_CONF, "%s: auth.claim_holds \"%s\" is neither id nor slug", conf->file, conf->auth_claim_holds);
    if (*conf->auth_secret && strlen(conf->auth_secret) < 32) {
        rh_err_set(err, RH_E_CONF, "auth.secret has %zu bytes", strlen(conf->auth_secret));
        return rh_err_hint(err, "HS256 wants at least 32, for example from `openssl rand -hex 32`.");
    }
    if (!*conf->data_tls_cert != !*conf->data_tls_key)
        return rh_err_set(err, RH_E_CONF, "%s: data.tls_cert and data.tls_key go together", conf->file);
    return true;
}

rh_conf *rh_conf_load(rh_arena *a, const char *dir, const char *const *flags, rh_err *err)
{
    rh_conf *conf = RH_NEW(a, rh_conf);
    char *absolute = realpath(dir, NULL);
    if (!absolute) {
        rh_err_set(err, RH_E_CONF, "there is no directory %s", dir);
        return NULL;
    }
    conf->dir = rh_arena_strdup(a, absolute);
    free(absolute);
    conf->file = rh_arena_printf(a, "%s/rowhouse.conf", conf->dir);
    for (size_t i = 0; i < n_settings; i++)
        if (!assign(conf, a, &settings[i], settings[i].default_value, err))
            return NULL;
    if (!read_conf_file(conf, a, err) || !read_env_file(conf, a, err) || !read_environment(conf, a, err) ||
        !read_flags(conf, a, flags, err) || !check(conf, err))
        return NULL;
    return conf;
}

void rh_conf_reference(rh_str *out)
{
    const char *section = "";
    char env[96];
    for (size_t i = 0; i < n_settings; i++) {
        const struct setting *s = &settings[i];
        if (strcmp(section, s->section) != 0)
            rh_str_addf(out, "%s[%s]\n", i ? "\n" : "", s->section);
        section = s->section;
        env_name(s, env, sizeof env);
        rh_str_addf(out, "  %-18s %s\n  %-18s %s, default %s, environment %s\n", s->name, s->help, "", type_names[s->type],
                    *s->default_value ? s->default_value : "empty", env);
    }
}
