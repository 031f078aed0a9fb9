/* SPDX-License-Identifier: Apache-2.0 */
#include "app/node.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_NAME 32
#define MAX_PASSWORD 4096

bool rh_node_name_check(const char *name, rh_err *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (n && !name[n] && n <= MAX_NAME && islower((unsigned char)*name))
        return true;
    rh_err_set(err, RH_E_INVALID, "\"%.100s\" cannot be the name of a node", name);
    return rh_err_hint(
        err, "It begins with a letter and holds lower-case letters, digits, - and _, at most %d.", MAX_NAME);
}

/* ---- conninfo ---- */

static bool is_secret(const PQconninfoOption *o)
{
    return o->dispchar && *o->dispchar == '*';
}

const char *rh_node_conninfo_write(rh_arena *a, const PQconninfoOption *options, const char *user,
                                   const char *database)
{
    rh_str out;
    rh_str_init_in(&out, a, RH_STR_TEXT_MAX);
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        const char *value = user && strcmp(o->keyword, "user") == 0         ? user
                            : database && strcmp(o->keyword, "dbname") == 0 ? database
                                                                            : o->val;
        if (!value || is_secret(o))
            continue;
        rh_str_addf(&out, "%s%s='", out.len ? " " : "", o->keyword);
        for (; *value; value++) {
            if (*value == '\'' || *value == '\\')
                rh_str_addc(&out, '\\');
            rh_str_addc(&out, *value);
        }
        rh_str_addc(&out, '\'');
    }
    return rh_str_cstr(&out);
}

static bool split(rh_arena *a, const PQconninfoOption *options, const char **password, rh_err *err)
{
    bool located = false;
    *password = NULL;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val || !*o->val)
            continue;
        if (strcmp(o->keyword, "password") == 0) {
            *password = rh_arena_strdup(a, o->val);
        } else if (is_secret(o)) {
            rh_err_set(err, RH_E_INVALID, "a node's %s cannot be kept", o->keyword);
            return rh_err_hint(err, "Use a key without a passphrase, in a file that only this user reads.");
        }
        located |= strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0 ||
                   strcmp(o->keyword, "service") == 0;
    }
    if (located)
        return true;
    rh_err_set(err, RH_E_INVALID, "the connection string of a node names no host");
    return rh_err_hint(err, "For example: \"host=db2.example.com user=postgres\".");
}

bool rh_node_conninfo_split(rh_arena *a, const char *text, const char **kept, const char **password,
                            rh_err *err)
{
    PQconninfoOption *options = PQconninfoParse(text, NULL); /* its message would quote the text */
    if (!options) {
        rh_err_set(err, RH_E_INVALID, "the connection string was not understood");
        return rh_err_hint(err, "For example: \"host=db2.example.com user=postgres\", or "
                                "postgresql://postgres@db2.example.com.");
    }
    bool ok = split(a, options, password, err);
    if (ok)
        *kept = rh_node_conninfo_write(a, options, NULL, NULL);
    PQconninfoFree(options);
    return ok;
}

/* ---- the password ---- */

static const char *variable(rh_arena *a, const rh_node *node)
{
    char *name = rh_arena_printf(a, "ROWHOUSE_NODE_%s_PASSWORD", node->name);
    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return name;
}

static const char *file(const rh_app *app, rh_arena *a, const rh_node *node)
{
    return rh_arena_printf(a, "%s/nodes/%s.password", app->state_dir, node->name);
}

const char *rh_node_password(const rh_app *app, rh_arena *a, const rh_node *node)
{
    rh_err ignored;
    size_t n;
    const char *said = getenv(variable(a, node));
    if (said && *said)
        return said;
    char *text = rh_file_read(a, file(app, a, node), MAX_PASSWORD, &n, &ignored);
    if (!text)
        return NULL;
    while (n && text[n - 1] == '\n')
        text[--n] = 0;
    return n ? text : NULL;
}

bool rh_node_password_keep(const rh_app *app, const rh_node *node, const char *password, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = rh_mkdirs(rh_arena_printf(a, "%s/nodes", app->state_dir), 0700, err) &&
              rh_file_write(file(app, a, node), password, strlen(password), 0600, err);
    rh_arena_free(a);
    return ok;
}

void rh_node_password_forget(const rh_app *app, const rh_node *node)
{
    rh_arena *a = rh_arena_new();
    unlink(file(app, a, node));
    rh_arena_free(a);
}

bool rh_node_password_hint(const rh_app *app, const rh_node *node, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    rh_err_hint(
        err,
        "The password of its admin is looked for in $%s, in %s (this file is of one machine: make it on "
        "each that runs Rowhouse's commands, mode 0600) and in libpq's password file.",
        variable(a, node), file(app, a, node));
    rh_arena_free(a);
    return false;
}
