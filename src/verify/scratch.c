/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/step.h"
#include "sql.h"

#define NAME_PART 22 /* of the app's name, so that the whole is an app's name too */
#define MARK "rowhouse scratch copy"

static const char *name_part(rh_arena *a, const rh_app *real)
{
    return rh_arena_strndup(a, real->conf->app_name, strnlen(real->conf->app_name, NAME_PART));
}

static const char *verify_dir(rh_arena *a, const rh_app *real)
{
    return rh_arena_printf(a, "%s/verify", real->state_dir);
}

/* The settings that make it a copy; what the user gave for the real app comes before them. */
static const char *const *copy_settings(const rh_scratch *s, rh_arena *a, const rh_app *real,
                                        const char *const *flags)
{
    static const char *const narrow[] = {
        "data.port=0",      "control.port=0",     "data.listen=127.0.0.1",   "control.listen=127.0.0.1",
        "data.threads=1",   "data.connections=1", "data.home_connections=2", "data.tls_cert=",
        "data.tls_key=",    "auth.secret=",       "auth.key_file=",          "auth.jwks_url=",
        "auth.algorithms=", "log.level=error",    "provision.standby=0",     "data.statement_timeout=5s"};
    RH_VEC(const char *) all = {0};
    for (size_t i = 0; flags && flags[i]; i++)
        RH_VEC_PUSH(a, &all, flags[i]);
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        RH_VEC_PUSH(a, &all, narrow[i]);
    RH_VEC_PUSH(a, &all, rh_arena_printf(a, "app.name=%s", s->name));
    RH_VEC_PUSH(a, &all, rh_arena_printf(a, "server.conninfo=%s", real->first.conninfo));
    RH_VEC_PUSH(a, &all, rh_arena_printf(a, "server.data=%s", s->dir));
    RH_VEC_PUSH(a, &all, NULL);
    return all.items;
}

static bool mark(const rh_scratch *s, rh_arena *a, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    const char *role = rh_arena_printf(a, "%s_scratch", s->name);
    rh_str_add(&sql, "BEGIN; CREATE ROLE ");
    rh_str_add_ident(&sql, role);
    rh_str_add(&sql, " NOLOGIN; COMMENT ON ROLE ");
    rh_str_add_ident(&sql, role);
    rh_str_add(&sql, " IS '" MARK "'; COMMIT");
    return rh_db_exec(s->admin, rh_str_cstr(&sql), err);
}

bool rh_scratch_make(rh_scratch *s, rh_arena *a, const rh_app *real, const char *const *flags, rh_err *err)
{
    *s = (rh_scratch){.real = real};
    s->name = rh_arena_printf(a, "%s_verify_%s", name_part(a, real), rh_random_hex(a, 4));
    s->dir = rh_arena_printf(a, "%s/%s", verify_dir(a, real), s->name);
    if (!rh_verify_nodes_read(real, a, &s->nodes, err))
        return false;
    if (!(s->admin = rh_db_open(real->first.conninfo, NULL, NULL, NULL, err)))
        return rh_err_context(err, "cannot connect to the PostgreSQL server");
    if (!rh_db_query(s->admin, a, rh_sql_verify_locked, 1, &s->name, err) || !mark(s, a, err))
        return rh_err_context(err, "cannot make a scratch copy of the app");
    rh_step("verify.marked");
    return rh_mkdirs(s->dir, 0700, err) &&
           rh_app_open(a, real->conf->dir, copy_settings(s, a, real, flags), NULL, NULL, &s->app, err);
}

/* ---- removing ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void remove_dir(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool rh_scratch_remove(rh_scratch *s, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = !s->admin || rh_verify_remove_objects(s->real, a, &s->nodes, s->admin, s->name, err);
    if (s->app.conf)
        rh_app_close(&s->app);
    if (s->dir && ok)
        remove_dir(s->dir);
    rh_db_close(s->admin);
    rh_arena_free(a);
    *s = (rh_scratch){0};
    return ok || rh_err_context(err, "the scratch copy could not be removed; the next verify tries again");
}

static bool is_scratch_name(const char *part, const char *name)
{
    size_t n = strlen(part);
    return strncmp(name, part, n) == 0 && rh_starts_with(name + n, "_verify_") &&
           strspn(name + n + 8, "0123456789abcdef") == 8 && !name[n + 16];
}

/* State directories whose copy is gone. */
static bool sweep_dirs(rh_db *admin, rh_arena *a, const rh_app *real, rh_err *err)
{
    DIR *dir = opendir(verify_dir(a, real));
    bool ok = true;
    for (struct dirent *e; dir && ok && (e = readdir(dir));) {
        if (!is_scratch_name(name_part(a, real), e->d_name))
            continue;
        const char *role = rh_arena_printf(a, "%s_scratch", e->d_name);
        const char *there =
            rh_db_value(admin, a, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", 1, &role, err);
        ok = there != NULL;
        if (ok && !*there)
            remove_dir(rh_arena_printf(a, "%s/%s", verify_dir(a, real), e->d_name));
    }
    if (dir)
        closedir(dir);
    return ok;
}

bool rh_scratch_sweep(const rh_app *real, rh_arena *a, int *n, rh_err *err)
{
    const char *part = name_part(a, real);
    rh_verify_nodes nodes = {0};
    *n = 0;
    rh_db *admin = rh_db_open(real->first.conninfo, NULL, NULL, NULL, err);
    PGresult *res = admin ? rh_db_query(admin, a, rh_sql_verify_leftovers, 1, &part, err) : NULL;
    bool ok = res && rh_verify_nodes_read(real, a, &nodes, err);
    for (int i = 0; ok && i < PQntuples(res); i++) {
        ok = rh_verify_remove_objects(real, a, &nodes, admin, PQgetvalue(res, i, 0), err);
        *n += ok;
    }
    ok = ok && sweep_dirs(admin, a, real, err);
    rh_db_close(admin);
    return ok || rh_err_context(err, "cannot remove what an earlier verify has left");
}
