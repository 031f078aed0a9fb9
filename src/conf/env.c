/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "conf/aliases.h"
#include "conf/setting.h"

/* ---- the names of other tools ---- */

static const struct alias {
    const char *name, *section, *setting, *format;
} aliases[] = {
#define X(name, section, setting, format) {#name, #section, #setting, format},
    RH_ALIASES(X)
#undef X
};
#define N_ALIASES (sizeof aliases / sizeof *aliases)

static const struct part {
    const char *name, *keyword;
} parts[] = {
#define P(name, keyword) {#name, #keyword},
    RH_CONNINFO_PARTS(P)
#undef P
};
#define N_PARTS (sizeof parts / sizeof *parts)

/* One source of variables, .env or the environment: what other tools' names say is put in at its end, below
 * what its own names say. */
struct layer {
    rh_conf *conf;
    rh_arena *a;
    bool said[RH_N_SETTINGS];     /* by setting: an own name spoke */
    const char *alias[N_ALIASES]; /* values, NULL: not there or empty */
    const char *part[N_PARTS];
};

static bool note_alias(struct layer *l, const char *name, const char *value)
{
    bool known = false;
    for (size_t i = 0; i < N_ALIASES; i++)
        if (strcmp(aliases[i].name, name) == 0) {
            l->alias[i] = *value ? rh_arena_strdup(l->a, value) : NULL;
            known = true;
        }
    for (size_t i = 0; i < N_PARTS; i++)
        if (strcmp(parts[i].name, name) == 0) {
            l->part[i] = *value ? rh_arena_strdup(l->a, value) : NULL;
            known = true;
        }
    return known;
}

static bool assign_own(struct layer *l, const rh_setting *s, const char *value, rh_err *err)
{
    l->said[s - rh_settings] = true;
    return rh_setting_assign(l->conf, l->a, s, value, err);
}

/* The first row that speaks for a setting wins: a value that is there under two names is the one of the
 * first. */
static bool assign_alias(struct layer *l, const struct alias *alias, const char *value, rh_err *err)
{
    const rh_setting *s = rh_setting_find(alias->section, alias->setting);
    rh_str text;
    const char *at = strstr(alias->format, "%s");
    if (l->said[s - rh_settings])
        return true;
    rh_str_init_in(&text, l->a, RH_STR_TEXT_MAX);
    rh_str_addn(&text, alias->format, (size_t)(at - alias->format));
    rh_str_add(&text, value);
    rh_str_add(&text, at + strlen("%s"));
    return assign_own(l, s, rh_str_cstr(&text), err) || rh_err_context(err, "%s", alias->name);
}

static const char *find_part(const struct layer *l, const char *keyword)
{
    for (size_t i = 0; i < N_PARTS; i++)
        if (l->part[i] && strcmp(parts[i].keyword, keyword) == 0)
            return l->part[i];
    return NULL;
}

static void add_pair(rh_str *out, const char *keyword, const char *value)
{
    rh_str_addf(out, "%s%s='", out->len ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            rh_str_addc(out, '\\');
        rh_str_addc(out, *value);
    }
    rh_str_addc(out, '\'');
}

/* Parts complete a conninfo of the same source and go over one of an earlier source. */
static bool merge_parts(struct layer *l, rh_err *err)
{
    const rh_setting *s = rh_setting_find("server", "conninfo");
    bool complete = l->said[s - rh_settings], any = false;
    for (size_t i = 0; i < N_PARTS; i++)
        any |= l->part[i] != NULL;
    if (!any || (complete && !*l->conf->server_conninfo))
        return true;
    PQconninfoOption *options =
        PQconninfoParse(l->conf->server_conninfo, NULL); /* its message would quote passwords */
    if (!options)
        return rh_err_set(err, RH_E_CONF, "server.conninfo was not understood");
    rh_str out;
    rh_str_init_in(&out, l->a, RH_STR_TEXT_MAX);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        const char *part = find_part(l, o->keyword), *value = part && !(complete && o->val) ? part : o->val;
        if (value)
            add_pair(&out, o->keyword, value);
    }
    PQconninfoFree(options);
    return rh_setting_assign(l->conf, l->a, s, rh_str_cstr(&out), err);
}

static bool assign_aliases(struct layer *l, rh_err *err)
{
    for (size_t i = 0; i < N_ALIASES; i++)
        if (l->alias[i] && !assign_alias(l, &aliases[i], l->alias[i], err))
            return false;
    return merge_parts(l, err);
}

void rh_conf_alias_reference(rh_str *out)
{
    rh_str_add(out, "\n## Names of other tools\n\n"
                    "In `.env`, and with `app.platform_env = on` in the environment too, these mean what "
                    "they mean elsewhere. A\n"
                    "ROWHOUSE_ name of the same source goes over them; empty ones say nothing. Other names "
                    "in `.env` belong to\n"
                    "other programs: they are left alone, and named in a warning.\n\n");
    for (size_t i = 0; i < N_ALIASES; i++)
        rh_str_addf(out, "    %-18s %s.%s%s%s\n", aliases[i].name, aliases[i].section, aliases[i].setting,
                    strcmp(aliases[i].format, "%s") == 0 ? "" : ": ",
                    strcmp(aliases[i].format, "%s") == 0 ? "" : aliases[i].format);
    for (size_t i = 0; i < N_PARTS; i++)
        rh_str_addf(out, "    %-18s %s of server.conninfo\n", parts[i].name, parts[i].keyword);
}

/* ---- .env ---- */

static const rh_setting *find_by_env_name(const char *name)
{
    char candidate[96];
    for (size_t i = 0; i < RH_N_SETTINGS; i++) {
        rh_setting_env_name(&rh_settings[i], candidate, sizeof candidate);
        if (strcmp(candidate, name) == 0)
            return &rh_settings[i];
    }
    return NULL;
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

/* A value as it stands in .env: quotes are taken off; after an unquoted one ` #` begins a comment. */
static char *env_value(char *text)
{
    char *value = trim(text), quote = *value;
    char *end = quote == '"' || quote == '\'' ? strrchr(value + 1, quote) : NULL;
    if (end && (!end[1] || *trim(end + 1) == '#')) {
        *end = 0;
        return value + 1;
    }
    char *comment = strstr(value, " #");
    if (comment)
        *comment = 0;
    return trim(value);
}

/* A name as shells have them may be shown; a line that only looks like one may hold anything. */
static void note_unused(struct layer *l, const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    const char *shown = *name && n <= 64 && !name[n] ? name : "one that is no name",
               *before = l->conf->unused_env;
    l->conf->unused_env =
        *before ? rh_arena_printf(l->a, "%s, %s", before, shown) : rh_arena_strdup(l->a, shown);
}

static bool read_env_line(struct layer *l, char *line, rh_err *err)
{
    line = trim(line);
    if (rh_starts_with(line, "export "))
        line = trim(line + strlen("export "));
    if (!*line || *line == '#')
        return true;
    char *equals = strchr(line, '=');
    if (!equals) {
        rh_err_set(err, RH_E_CONF, "not understood");
        return rh_err_hint(err, "A line is NAME=value, or a comment that begins with #.");
    }
    *equals = 0;
    char *name = trim(line);
    const rh_setting *s = find_by_env_name(name);
    if (s)
        return assign_own(l, s, env_value(equals + 1), err);
    if (rh_starts_with(name, "ROWHOUSE_")) {
        rh_err_set(err, RH_E_CONF, "there is no setting %s", name);
        return rh_err_hint(err, "`rowhouse help settings` lists them.");
    }
    if (!note_alias(l, name, env_value(equals + 1)))
        note_unused(l, name);
    return true;
}

bool rh_conf_read_env_file(rh_conf *conf, rh_arena *a, rh_err *err)
{
    const char *path = rh_arena_printf(a, "%s/.env", conf->dir);
    struct layer l = {.conf = conf, .a = a};
    conf->unused_env = "";
    if (!rh_file_exists(path))
        return true;
    char *text = rh_conf_read_text(a, path, err), *line;
    if (!text)
        return false;
    for (int number = 1; (line = strsep(&text, "\n")); number++)
        if (!read_env_line(&l, line, err))
            return rh_err_context(err, "%s:%d", path, number);
    return assign_aliases(&l, err) || rh_err_context(err, "%s", path);
}

/* ---- the environment ---- */

bool rh_conf_read_environment(rh_conf *conf, rh_arena *a, rh_err *err)
{
    char name[96];
    struct layer l = {.conf = conf, .a = a};
    const char *value;
    for (size_t i = 0; i < RH_N_SETTINGS; i++) {
        rh_setting_env_name(&rh_settings[i], name, sizeof name);
        if ((value = getenv(name)) && !assign_own(&l, &rh_settings[i], value, err))
            return rh_err_context(err, "environment variable %s", name);
    }
    if (!conf->app_platform_env)
        return true;
    for (size_t i = 0; i < N_ALIASES; i++)
        if ((value = getenv(aliases[i].name)))
            note_alias(&l, aliases[i].name, value);
    for (size_t i = 0; i < N_PARTS; i++)
        if ((value = getenv(parts[i].name)))
            note_alias(&l, parts[i].name, value);
    return assign_aliases(&l, err) || rh_err_context(err, "the environment");
}
