/* SPDX-License-Identifier: Apache-2.0 */
#include "server/programs.h"

#include <ctype.h>
#include <glob.h>

#include "base/spawn.h"

typedef RH_VEC(const char *) dir_list;

static int major_of(const char *dir)
{
    const char *p = dir + strcspn(dir, "0123456789");
    return (int)strtol(p, NULL, 10);
}

static int newest_first(const void *a, const void *b)
{
    return major_of(*(const char *const *)b) - major_of(*(const char *const *)a);
}

/* Every directory that may hold programs, in the order of the search. */
static dir_list candidates(rh_arena *a, const char *bin)
{
    dir_list dirs = {0};
    glob_t found;
    if (bin && *bin)
        RH_VEC_PUSH(a, &dirs, rh_arena_strdup(a, bin));
    size_t fixed = dirs.len;
    if (glob("/usr/lib/postgresql/[1-9]*/bin", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            RH_VEC_PUSH(a, &dirs, rh_arena_strdup(a, found.gl_pathv[i]));
        globfree(&found);
    }
    if (dirs.len > fixed)
        qsort(dirs.items + fixed, dirs.len - fixed, sizeof *dirs.items, newest_first);
    char *path = rh_arena_strdup(a, getenv("PATH")), *rest = NULL;
    for (char *dir = path ? strtok_r(path, ":", &rest) : NULL; dir; dir = strtok_r(NULL, ":", &rest))
        if (*dir == '/')
            RH_VEC_PUSH(a, &dirs, dir);
    return dirs;
}

static bool has_program(rh_arena *a, const char *dir, const char *program)
{
    return access(rh_arena_printf(a, "%s/%s", dir, program), X_OK) == 0;
}

/* Asks `postgres --version`: "postgres (PostgreSQL) 15.20 (Debian ...)". */
static bool ask_version(rh_arena *a, const char *dir, rh_pg_programs *out)
{
    const char *argv[] = {rh_arena_printf(a, "%s/postgres", dir), "--version", NULL};
    rh_spawn spawn = {.argv = argv, .timeout_ms = 10000};
    rh_spawn_result result;
    rh_err ignored;
    if (!rh_spawn_run(a, &spawn, &result, &ignored) || result.status != 0)
        return false;
    const char *number = strstr(result.output, "(PostgreSQL) ");
    if (!number || !isdigit((unsigned char)*(number += strlen("(PostgreSQL) "))))
        return false;
    out->bin = dir;
    out->version = rh_arena_strndup(a, number, strcspn(number, " \n"));
    out->major = (int)strtol(number, NULL, 10);
    return true;
}

static bool none_fits(const rh_pg_programs *seen, int want, rh_err *err)
{
    if (want && want < RH_PG_OLDEST) {
        rh_err_set(err, RH_E_CONF, "the data directory was made by PostgreSQL %d", want);
        return rh_err_hint(
            err,
            "Rowhouse needs PostgreSQL %d or newer: dump the data with the old version, or start "
            "anew in another directory (--data DIR).",
            RH_PG_OLDEST);
    }
    if (want) {
        rh_err_set(err, RH_E_CONF, "the data directory was made by PostgreSQL %d, which is not installed",
                   want);
        return rh_err_hint(
            err,
            "Install it (`apt-get install postgresql-%d`), name its programs in server.bin, or start "
            "anew in another directory (--data DIR).",
            want);
    }
    if (seen->bin) {
        rh_err_set(err, RH_E_CONF, "PostgreSQL %s in %s is too old", seen->version, seen->bin);
        return rh_err_hint(
            err,
            "Rowhouse needs PostgreSQL %d or newer: install it (`apt-get install postgresql`), name "
            "its programs in server.bin, or name a server in server.conninfo.",
            RH_PG_OLDEST);
    }
    rh_err_set(err, RH_E_CONF, "no PostgreSQL server is installed");
    rh_err_detail(err, "looked for initdb and postgres in server.bin, /usr/lib/postgresql/*/bin and PATH");
    return rh_err_hint(
        err, "Install it (`apt-get install postgresql`), name its programs' directory in server.bin, or "
             "name a server in server.conninfo.");
}

bool rh_pg_find_programs(rh_arena *a, const char *bin, int want, rh_pg_programs *out, rh_err *err)
{
    rh_pg_programs seen = {0}, p;
    dir_list dirs = candidates(a, bin);
    bool named = bin && *bin;
    if (want && want < RH_PG_OLDEST)
        return none_fits(&seen, want, err);
    for (size_t i = 0; i < dirs.len; i++) {
        bool is_named = named && i == 0;
        if (!has_program(a, dirs.items[i], "postgres") || !has_program(a, dirs.items[i], "initdb") ||
            !ask_version(a, dirs.items[i], &p)) {
            if (!is_named)
                continue;
            rh_err_set(err, RH_E_CONF, "%s does not hold PostgreSQL's programs", bin);
            return rh_err_hint(err, "server.bin names the directory of initdb and postgres; leave it empty "
                                    "to use the newest found.");
        }
        if (p.major >= RH_PG_OLDEST && (!want || p.major == want)) {
            *out = p;
            return true;
        }
        if (!seen.bin || p.major > seen.major)
            seen = p;
        if (is_named && p.major < RH_PG_OLDEST)
            break; /* what was asked for by name is not replaced in silence */
    }
    return none_fits(&seen, seen.bin && seen.major < RH_PG_OLDEST && named ? 0 : want, err);
}

bool rh_pg_bindir(rh_arena *a, const char *bin, const char *program, const char **dir, rh_err *err)
{
    dir_list dirs = candidates(a, bin);
    for (size_t i = 0; i < dirs.len; i++)
        if (has_program(a, dirs.items[i], program)) {
            *dir = dirs.items[i];
            return true;
        }
    rh_err_set(err, RH_E_NOT_FOUND, "PostgreSQL's program %s is not installed", program);
    return rh_err_hint(
        err, "Install it (`apt-get install postgresql-client`), or name its directory in server.bin.");
}
