/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/spawn.h"
#include "demo/demo.h"
#include "load/load.h"
#include "sql.h"

#define MAX_TENANTS_FILE ((size_t)64 << 20)

/* What [demo] names, and where its files go. */
struct demo {
    rh_operator *o;
    const rh_conf *conf;
    rh_arena *a;
    const char *dir;
    rh_say say;
    void *arg;
};

static void tell(struct demo *d, int64_t since_ms, const char *what)
{
    d->say(d->arg, rh_arena_printf(d->a, "%s (%.1f s)", what, (double)(rh_now_ms() - since_ms) / 1000));
}

static bool generate(struct demo *d, rh_err *err)
{
    char *save = NULL, *words = rh_arena_strdup(d->a, d->conf->demo_generate);
    RH_VEC(const char *) argv = {0};
    int64_t since = rh_now_ms();
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *dir = strstr(word, "{dir}");
        const char *arg = !argv.len ? rh_arena_printf(d->a, "%s/%s", d->conf->dir, word)
                          : dir ? rh_arena_printf(d->a, "%.*s%s%s", (int)(dir - word), word, d->dir, dir + 5)
                                : word;
        RH_VEC_PUSH(d->a, &argv, arg);
    }
    RH_VEC_PUSH(d->a, &argv, NULL);
    rh_spawn_result result;
    rh_spawn program = {.argv = argv.items};
    if (!rh_mkdirs(d->dir, 0700, err) || !rh_spawn_run(d->a, &program, &result, err))
        return false;
    if (result.status != 0) {
        rh_err_set(err, RH_E_IO, "%s ended with status %d", d->conf->demo_generate, result.status);
        return rh_err_detail(err, "%s", result.output);
    }
    tell(d, since, "demo data generated");
    return true;
}

static void release_json(void *json)
{
    json_decref(json);
}

/* A tenant that is there already was made before an interruption. */
static bool create_tenant(struct demo *d, const json_t *wanted, rh_err *err)
{
    rh_tenant_spec spec;
    const char *id;
    return rh_tenant_spec_from_json(d->a, wanted, &spec, err) &&
           (rh_tenant_create(d->o, d->a, &spec, &id, err) || (!id && err->code == RH_E_EXISTS));
}

static bool create_tenants(struct demo *d, rh_err *err)
{
    const char *path = rh_arena_printf(d->a, "%s/%s", d->dir, d->conf->demo_tenants);
    int64_t since = rh_now_ms();
    size_t len;
    json_error_t at;
    char *text = rh_file_read(d->a, path, MAX_TENANTS_FILE, &len, err);
    if (!text)
        return false;
    json_t *tenants = json_loadb(text, len, 0, &at);
    rh_arena_on_free(d->a, release_json, tenants);
    if (!json_is_array(tenants))
        return rh_err_set(err, RH_E_INVALID, "%s:%d: not a JSON array: %s", path, at.line, at.text);
    for (size_t i = 0; i < json_array_size(tenants); i++)
        if (!create_tenant(d, json_array_get(tenants, i), err))
            return rh_err_context(err, "%s, tenant %zu", path, i + 1);
    tell(d, since, rh_arena_printf(d->a, "%zu tenants created", json_array_size(tenants)));
    return true;
}

static bool load_table(struct demo *d, const char *table, rh_err *err)
{
    const char *path = rh_arena_printf(d->a, "%s/%s.csv", d->dir, table);
    int64_t since = rh_now_ms();
    rh_load_report report;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rh_err_set(err, RH_E_NOT_FOUND, "cannot open %s: %s", path, strerror(errno));
    rh_load_options options = {.table = table, .fd = fd, .name = path};
    bool ok = rh_load(d->o, &options, &report, err);
    close(fd);
    if (ok)
        tell(d, since, rh_arena_printf(d->a, "%lld rows loaded into %s", (long long)report.rows, table));
    return ok;
}

/* Loads a table that is empty; one that holds rows was loaded before an interruption. */
static bool load_once(struct demo *d, const char *table, rh_err *err)
{
    rh_str sql;
    rh_str_init_in(&sql, d->a, 512);
    rh_str_add(&sql, "SELECT 1 FROM ");
    rh_str_add_ident(&sql, table);
    rh_str_add(&sql, " LIMIT 1");
    const char *found = rh_db_value(d->o->shared, d->a, rh_str_cstr(&sql), 0, NULL, err);
    return found && (*found || load_table(d, table, err));
}

static bool load_tables(struct demo *d, rh_err *err)
{
    char *save = NULL, *words = rh_arena_strdup(d->a, d->conf->demo_load);
    if (!rh_db_exec(d->o->shared, "SET search_path = " RH_SHARED_SCHEMA ", " RH_REFERENCE_SCHEMA, err))
        return false;
    for (char *table = strtok_r(words, " ,", &save); table; table = strtok_r(NULL, " ,", &save))
        if (!load_once(d, table, err))
            return false;
    return rh_db_exec(d->o->shared, "ANALYZE", err); /* so that the first requests meet good plans */
}

bool rh_demo_load(rh_operator *o, rh_say say, void *arg, rh_err *err)
{
    struct demo d = {.o = o, .conf = o->app->conf, .a = rh_arena_new(), .say = say, .arg = arg};
    bool ok = true;
    d.dir = rh_arena_printf(d.a, "%s/demo", o->app->state_dir);
    const char *done = rh_arena_printf(d.a, "%s/loaded", d.dir);
    if (*d.conf->demo_generate && !rh_file_exists(done)) {
        ok = generate(&d, err) && (!*d.conf->demo_tenants || create_tenants(&d, err)) &&
             load_tables(&d, err) && rh_file_write(done, "", 0, 0600, err);
        if (!ok)
            rh_err_context(err, "demo");
    }
    rh_arena_free(d.a);
    return ok;
}
