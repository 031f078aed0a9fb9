/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/knobs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/near.h"
#include "conf/setting.h"

#define APP_SETTINGS "app.settings."
#define TENANT_LIMITS "limits."
#define NAME_MAX_BYTES 63

extern char **environ;

static const struct knob {
    const char *name, *section, *setting; /* section NULL: fixed */
    const char *values, *why;
} knobs[] = {
#define S(name, section, setting) {name, #section, #setting, NULL, NULL},
#define F(name, values, why) {name, NULL, NULL, values, why},
    RH_KNOBS(S, F)
#undef S
#undef F
};
#define N_KNOBS (sizeof knobs / sizeof *knobs)

/* Words of PostgREST that are other words here. */
static const struct {
    const char *knob, *word, *value;
} words[] = {
    {"log-level", "crit", "error"},
    {"server-host", "localhost", "127.0.0.1"},
    {"server-host", "!4", "0.0.0.0"},
    {"server-host", "*4", "0.0.0.0"},
    {"server-host", "*", "0.0.0.0"},
    {"server-host", "!6", "::"},
    {"server-host", "*6", "::"},
    {"admin-server-host", "localhost", "127.0.0.1"},
    {"admin-server-host", "!4", "0.0.0.0"},
    {"admin-server-host", "*4", "0.0.0.0"},
    {"admin-server-host", "*", "0.0.0.0"},
    {"admin-server-host", "!6", "::"},
    {"admin-server-host", "*6", "::"},
};

static const struct knob *find_knob(const char *name)
{
    for (size_t i = 0; i < N_KNOBS; i++)
        if (strcmp(knobs[i].name, name) == 0)
            return &knobs[i];
    return NULL;
}

static bool is_listed(const char *list, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
        if (strcspn(at, ",") == len && strncasecmp(at, value, len) == 0)
            return true;
    return !*list;
}

static bool check_fixed(const struct knob *k, const char *value, rh_err *err)
{
    if (is_listed(k->values, value))
        return true;
    rh_err_set(err, RH_E_CONF, "%s: \"%s\" is not offered", k->name, value);
    return rh_err_hint(err, "Leave it out: %s.", k->why);
}

static bool unknown(rh_arena *a, const char *name, rh_err *err)
{
    rh_near near = RH_NEAR(name);
    for (size_t i = 0; i < N_KNOBS; i++)
        rh_near_try(&near, knobs[i].name);
    for (size_t i = 0; i < RH_N_SETTINGS; i++)
        if (strcmp(rh_settings[i].section, "adopt") == 0)
            rh_near_try(&near, rh_setting_shown_name(a, &rh_settings[i]));
    rh_err_set(err, RH_E_CONF, "there is no setting \"%.*s\" in [adopt]", NAME_MAX_BYTES, name);
    return near.best ? rh_err_hint(err, "Perhaps you meant %s.", near.best)
                     : rh_err_hint(err, "`rowhouse help settings` lists them.");
}

static void put(rh_conf_pairs *pairs, rh_arena *a, const char *name, const char *value)
{
    for (size_t i = 0; i < pairs->len; i++)
        if (strcmp(pairs->items[i].name, name) == 0) {
            pairs->items[i].value = rh_arena_strdup(a, value);
            return;
        }
    rh_conf_pair pair = {rh_arena_strdup(a, name), rh_arena_strdup(a, value)};
    RH_VEC_PUSH(a, pairs, pair);
}

static bool add_app_setting(rh_conf *conf, rh_arena *a, const char *name, const char *value, rh_err *err)
{
    const char *own = name + strlen(APP_SETTINGS);
    if (!*own || strlen(name) > NAME_MAX_BYTES ||
        own[strspn(own, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")]) {
        rh_err_set(err, RH_E_CONF, "\"%.*s\" cannot be the name of a setting", NAME_MAX_BYTES, name);
        return rh_err_hint(err, "Use letters, digits and _ behind %s, at most %d bytes in all.", APP_SETTINGS,
                           NAME_MAX_BYTES);
    }
    put(&conf->app_settings, a, name, value);
    return true;
}

static const char *value_of(const char *name, const rh_setting *s, const char *value)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].knob, name) == 0 && strcmp(words[i].word, value) == 0)
            return words[i].value;
    if (s->type == BOOL)
        return strcasecmp(value, "true") == 0 ? "on" : strcasecmp(value, "false") == 0 ? "off" : value;
    return value;
}

bool rh_knob_assign(rh_conf *conf, rh_arena *a, const char *name, const char *value, rh_err *err)
{
    if (rh_starts_with(name, APP_SETTINGS))
        return add_app_setting(conf, a, name, value, err);
    if (rh_starts_with(name, TENANT_LIMITS)) {
        put(&conf->tenant_limits, a, name + strlen(TENANT_LIMITS), value);
        return true;
    }
    const struct knob *k = find_knob(name);
    if (k && !k->section)
        return check_fixed(k, value, err);
    const rh_setting *s = rh_setting_find(k ? k->section : "adopt", k ? k->setting : name);
    if (!s)
        return unknown(a, name, err);
    if (s->type == INT && !*value) /* as PostgREST: not said */
        return true;
    return rh_setting_assign(conf, a, s, value_of(name, s, value), err) ||
           (k && rh_err_context(err, "%s", name));
}

bool rh_knobs_read_environment(rh_conf *conf, rh_arena *a, rh_err *err)
{
    static const char prefix[] = "PGRST_", app[] = "APP_SETTINGS_";
    for (char **at = environ; *at; at++) {
        const char *equals = strchr(*at, '=');
        if (!equals || !rh_starts_with(*at, prefix))
            continue;
        char *name = rh_arena_strndup(a, *at + strlen(prefix), (size_t)(equals - *at) - strlen(prefix));
        if (rh_starts_with(name, app)) {
            name = rh_arena_printf(a, APP_SETTINGS "%s", name + strlen(app));
        } else {
            for (char *c = name; *c; c++)
                *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
        }
        if (!rh_knob_assign(conf, a, name, equals + 1, err))
            return rh_err_context(err, "environment variable %.*s", (int)(equals - *at), *at);
    }
    return true;
}

/* ---- a file ---- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r");
}

/* $(NAME) at *p: its value from the environment. */
static bool add_variable(rh_str *out, const char **p, rh_err *err)
{
    char name[128];
    size_t n = strcspn(*p + 2, ")\"\n");
    const char *value;
    if ((*p)[2 + n] != ')' || n >= sizeof name)
        return rh_err_set(err, RH_E_CONF, "$( without its )");
    memcpy(name, *p + 2, n);
    name[n] = 0;
    if (!(value = getenv(name)))
        return rh_err_set(err, RH_E_CONF, "there is no environment variable %s", name);
    rh_str_add(out, value);
    *p += n + 3;
    return true;
}

/* "text" at *p, to behind the closing quote. */
static bool read_quoted(rh_str *out, const char **p, rh_err *err)
{
    for (++*p; **p != '"';) {
        if (!**p || **p == '\n')
            return rh_err_set(err, RH_E_CONF, "a text without its closing quote");
        if (rh_starts_with(*p, "$(")) {
            if (!add_variable(out, p, err))
                return false;
            continue;
        }
        if (rh_starts_with(*p, "$$"))
            ++*p;
        if (**p == '\\' && (*p)[1]) {
            ++*p;
            rh_str_addc(out, **p == 'n' ? '\n' : **p == 't' ? '\t' : **p == 'r' ? '\r' : **p);
        } else {
            rh_str_addc(out, **p);
        }
        ++*p;
    }
    ++*p;
    return true;
}

/* `= value` at *p, to the line's end. */
static bool read_value(rh_str *out, const char **p, rh_err *err)
{
    *p = skip_blanks(*p);
    if (**p != '=') {
        rh_err_set(err, RH_E_CONF, "not understood");
        return rh_err_hint(err, "A line is name = value, or a comment that begins with #.");
    }
    *p = skip_blanks(*p + 1);
    if (**p == '"') {
        if (!read_quoted(out, p, err))
            return false;
    } else {
        size_t bare = strcspn(*p, " \t\r\n#");
        rh_str_addn(out, *p, bare);
        *p += bare;
    }
    *p = skip_blanks(*p);
    return !**p || **p == '\n' || **p == '#' ||
           rh_err_set(err, RH_E_CONF, "not understood: what stands behind the value");
}

/* One line; *text moves to the next. */
static bool read_line(rh_conf *conf, rh_arena *a, const char **text, rh_err *err)
{
    rh_str value;
    const char *p = skip_blanks(*text);
    size_t name_len = strcspn(p, " \t\r\n=#\"");
    const char *name = rh_arena_strndup(a, p, name_len);
    rh_str_init_in(&value, a, RH_CONF_FILE_MAX);
    p += name_len;
    if ((name_len || (*p && !strchr("\n#", *p))) && !read_value(&value, &p, err))
        return false;
    p += strcspn(p, "\n");
    *text = *p ? p + 1 : p;
    return !name_len || rh_knob_assign(conf, a, name, rh_str_cstr(&value), err);
}

bool rh_knobs_read_file(rh_conf *conf, rh_arena *a, const char *path, rh_err *err)
{
    const char *text = rh_conf_read_text(a, path, err);
    for (int line = 1; text && *text; line++)
        if (!read_line(conf, a, &text, err))
            return rh_err_context(err, "%s:%d", path, line);
    return text != NULL;
}

/* ---- what is set ---- */

#define HIDDEN "********"

static bool is_secret(const char *name)
{
    return strcmp(name, "db-uri") == 0 || strcmp(name, "jwt-secret") == 0;
}

static void write_text(rh_str *out, const char *name, const char *value)
{
    rh_str_addf(out, "%s = \"", name);
    for (const char *p = value; *p; p++)
        if (*p == '\n')
            rh_str_add(out, "\\n");
        else
            rh_str_addf(out, "%s%c", strchr("\"\\$", *p) ? (*p == '$' ? "$" : "\\") : "", *p);
    rh_str_add(out, "\"\n");
}

static void write_knob(const rh_conf *conf, const char *name, const rh_setting *s, rh_str *out)
{
    const void *slot = (const char *)conf + s->offset;
    const char *text = s->type == STRING ? *(const char *const *)slot : "";
    if (s->type == STRING)
        write_text(out, name, *text && is_secret(name) ? HIDDEN : text);
    else if (s->type == BOOL)
        rh_str_addf(out, "%s = %s\n", name, *(const bool *)slot ? "true" : "false");
    else
        rh_str_addf(out, "%s = %lld\n", name, (long long)*(const int64_t *)slot);
}

void rh_knobs_write(const rh_conf *conf, rh_arena *a, rh_str *out)
{
    for (size_t i = 0; i < RH_N_SETTINGS; i++)
        if (strcmp(rh_settings[i].section, "adopt") == 0)
            write_knob(conf, rh_setting_shown_name(a, &rh_settings[i]), &rh_settings[i], out);
    for (size_t i = 0; i < N_KNOBS; i++) /* older names of others stand there already */
        if (knobs[i].section && strcmp(knobs[i].section, "adopt") != 0 &&
            strcmp(knobs[i].name, "max-rows") != 0)
            write_knob(conf, knobs[i].name, rh_setting_find(knobs[i].section, knobs[i].setting), out);
    for (size_t i = 0; i < conf->app_settings.len; i++)
        write_text(out, conf->app_settings.items[i].name, HIDDEN);
    for (size_t i = 0; i < conf->tenant_limits.len; i++)
        write_text(out, rh_arena_printf(a, TENANT_LIMITS "%s", conf->tenant_limits.items[i].name),
                   conf->tenant_limits.items[i].value);
}

void rh_knobs_reference(rh_str *out)
{
    rh_str_add(
        out, "\n## PostgREST's names\n\n"
             "In `[adopt]`, in a postgrest.conf, as `PGRST_` variables and as `pgrst.` settings of the login "
             "role these mean\n"
             "settings from above ([adopt.md](adopt.md)); `app.settings.NAME` is what "
             "`current_setting('app.settings.NAME')` gives; `limits.TENANT.LIMIT` is a tenant's own limit "
             "([limits.md](limits.md)).\n\n");
    for (size_t i = 0; i < N_KNOBS; i++)
        if (knobs[i].section)
            rh_str_addf(out, "    %-18s %s.%s\n", knobs[i].name, knobs[i].section, knobs[i].setting);
    rh_str_add(out, "\nThese change nothing:\n\n");
    for (size_t i = 0; i < N_KNOBS; i++)
        if (!knobs[i].section)
            rh_str_addf(out, "    %-27s %s\n", knobs[i].name, knobs[i].why);
}
