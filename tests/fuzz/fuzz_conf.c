/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings. The first byte says which file the rest is: `e` .env (beside a good rowhouse.conf), `f` a flag,
 * `p` a postgrest.conf, anything else rowhouse.conf. What is accepted must hold what the checks promise.
 */
#include <stdint.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "auth/jwt.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good[] = "[app]\nname = ads\ntenant_key = company_id\nroot = companies\n";
static char dir[] = "/tmp/fuzz_conf.XXXXXX", conf_file[64], env_file[64], knob_file[64];

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void stop(void)
{
    unlink(conf_file);
    unlink(env_file);
    unlink(knob_file);
    rmdir(dir);
}

static void start(void)
{
    must(mkdtemp(dir) != NULL);
    snprintf(conf_file, sizeof conf_file, "%s/rowhouse.conf", dir);
    snprintf(env_file, sizeof env_file, "%s/.env", dir);
    snprintf(knob_file, sizeof knob_file, "%s/postgrest.conf", dir);
    atexit(stop);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static void check(const rh_conf *c, const rh_err *err)
{
    rh_err ignored;
    if (!c) {
        must(err->code == RH_E_CONF || err->code == RH_E_USAGE);
        must(*err->message != 0);
        return;
    }
    must(c->adopted == (*c->adopt_db_uri != 0));
    must(c->adopted || (*c->app_name && strlen(c->app_name) <= 40 && *c->app_tenant_key && *c->app_root));
    must(c->data_port >= 0 && c->data_port <= 65535 && c->data_connections > 0);
    must(c->data_max_body >= 0 && c->data_head_timeout >= 0 && c->auth_leeway >= 0);
    must(c->adopted || !*c->auth_secret || strlen(c->auth_secret) >= 32);
    must(rh_jwt_claim_path_ok(c->auth_tenant_claim, &ignored));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*conf_file)
        start();
    rh_arena *a = rh_arena_new();
    rh_err err = {0};
    char kind = size ? (char)*data : 0;
    const char *flags[] = {kind == 'f' ? rh_arena_strndup(a, (const char *)data + 1, size - 1) : NULL, NULL};
    bool is_conf = kind != 'e' && kind != 'f' && kind != 'p';
    write_file(env_file, data + 1, kind == 'e' ? size - 1 : 0);
    write_file(conf_file, is_conf ? (const void *)data : good, is_conf ? size : sizeof good - 1);
    if (kind == 'p') {
        write_file(knob_file, data + 1, size - 1);
        check(rh_conf_adopt(a, knob_file, NULL, &err), &err);
    } else {
        check(rh_conf_load(a, dir, flags, &err), &err);
    }
    rh_arena_free(a);
    return 0;
}
