/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse serve` of a database as it is: a data door, and where admin-server-port says so an admin door.
 * There is no app's directory with secrets and no catalog, hence no control door.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adopt/admin.h"
#include "adopt/keys.h"
#include "adopt/watch.h"
#include "base/file.h"
#include "base/log.h"
#include "base/shell.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/service.h"
#include "http/server.h"

#define FIRST_TOKEN_TTL_S (12 * 3600)

struct adoption {
    rh_cmdline *line;
    const char *from; /* of --adopt, or NULL: the app's rowhouse.conf */
    const rh_conf *conf;
    rh_adopt_source source;
    rh_adopted *adopted;
    const rh_adopted_state
        *state; /* the first one: the server's settings are in it; NULL: it is waited for */
    rh_adopt_watch *watch;
    rh_key_source *keys;
    _Atomic(rh_key_source *) fixed_keys; /* the same, once they are there, where jwt-secret says them */
    const char *secret;                  /* that was made for this run, or NULL */
    const char *doors_file;
    rh_server *server;
};

static rh_conf *load(rh_arena *a, const struct adoption *s, rh_err *err)
{
    const char *dir = rh_cmdline_get(s->line, "app");
    return s->from ? rh_conf_adopt(a, s->from, s->line->settings.items, err)
                   : rh_conf_load(a, dir ? dir : ".", s->line->settings.items, err);
}

/* Of each state. */
static rh_conf *read_source(rh_arena *a, void *arg, rh_err *err)
{
    rh_conf *conf = load(a, arg, err);
    if (!conf || conf->adopted)
        return conf;
    rh_err_set(err, RH_E_CONF, "[adopt] names no database any more");
    return NULL;
}

/* While the database is waited for, what it says of itself is not among the settings. */
static const rh_conf *settings_of(const struct adoption *s)
{
    return s->state ? s->state->conf : s->conf;
}

static bool start_server(struct adoption *s, rh_err *err)
{
    const rh_conf *conf = settings_of(s);
    rh_server_settings settings = {
        .conf = conf,
        .adopted = s->adopted,
        .keys = s->keys,
        .rules = {.jwt = {.tenant_claim =
                              conf->adopt_tenant_is == RH_ADOPT_SCHEMA ? conf->auth_tenant_claim : "",
                          .role_path = conf->adopt_jwt_role_claim_key,
                          .audience = conf->auth_audience,
                          .issuer = conf->auth_issuer,
                          .leeway_s = conf->auth_leeway / 1000,
                          .algorithms = conf->algorithms},
                  .trusted_header = ""},
        .conninfo = conf->adopt_db_uri,
        .database = "", /* that of the conninfo */
        .options = RH_DATA_OPTIONS,
        .control = {.ctx = s->adopted,
                    .config = rh_adopt_admin_config,
                    .schema_cache = rh_adopt_admin_schema_cache},
    };
    s->server = rh_server_start(&settings, err);
    return s->server != NULL;
}

/* The keys of jwt-secret as it is now. What it holds that is none leaves those that there are. */
static void renew_keys(const rh_adopted_state *state, void *arg)
{
    struct adoption *s = arg;
    rh_err err;
    const char *made;
    uint64_t generation;
    rh_key_source *old = atomic_load(&s->fixed_keys);
    if (!old || !*state->conf->auth_secret)
        return;
    rh_arena *a = rh_arena_new();
    rh_key_source *now = rh_adopt_key_source(a, state->conf, &made, &err);
    if (now)
        rh_key_source_replace(old, rh_key_source_get(now, &generation));
    else
        rh_log_err(RH_LOG_WARN, "the keys of tokens stay as they were", &err);
    rh_key_source_free(now);
    rh_arena_free(a);
}

static bool start_keys(struct adoption *s, rh_err *err)
{
    const rh_conf *conf = settings_of(s);
    s->keys = rh_adopt_key_source(s->line->a, conf, &s->secret, err);
    if (s->keys && (*conf->auth_secret || (!s->state && s->secret)))
        atomic_store(&s->fixed_keys, s->keys);
    return s->keys != NULL;
}

/* Where the door is, for scripts and tests, where a directory for it is named. */
static bool write_doors(struct adoption *s, rh_err *err)
{
    rh_str text;
    if (!*s->conf->server_data)
        return true;
    s->doors_file = rh_arena_printf(s->line->a, "%s/doors.json", s->conf->server_data);
    rh_str_init_in(&text, s->line->a, 1024);
    rh_str_addf(&text, "{\"pid\":%ld,\"data\":\"http%s://127.0.0.1:%d\"}\n", (long)getpid(),
                rh_server_has_tls(s->server) ? "s" : "", rh_server_data_port(s->server));
    return rh_file_write(s->doors_file, rh_str_cstr(&text), text.len, 0644, err);
}

static bool start(struct adoption *s, rh_err *err)
{
    if (!(s->conf = load(s->line->a, s, err)) || !rh_service_log(s->conf, err))
        return false;
    s->source = (rh_adopt_source){read_source, renew_keys, s, s->from && !rh_file_exists(s->from)};
    s->adopted = rh_adopted_new();
    if (!(s->watch = rh_adopt_watch_start(s->conf, &s->source, s->adopted, !s->source.first_look, err)))
        return false;
    s->state = rh_adopted_use(s->adopted);
    return start_keys(s, err) && start_server(s, err) && write_doors(s, err);
}

static void stop(struct adoption *s)
{
    if (s->doors_file)
        unlink(s->doors_file);
    rh_server_stop(s->server);
    rh_adopt_watch_stop(s->watch);
    rh_key_source_free(s->keys);
    rh_adopted_leave(s->state);
    rh_adopted_free(s->adopted);
}

/* The only way in: who started this can show it to whom they like. */
static void print_first_look(const struct adoption *s)
{
    rh_err err;
    const char *token = rh_adopt_token(s->line->a, s->secret, s->state->login, FIRST_TOKEN_TTL_S, &err);
    if (!token)
        return;
    int n;
    const rh_relation *all = rh_relation_all(s->state->schemas[0].cache, &n);
    printf("\nNeither db-anon-role nor jwt-secret is set: for this run, and for you, a token of the role "
           "\"%s\".\n\n"
           "  curl -H 'Authorization: Bearer %s' 'http://127.0.0.1:%d/%s'\n\n",
           s->state->login, token, rh_server_data_port(s->server), n ? all[0].name : "");
    fflush(stdout);
}

static void tell(const struct adoption *s)
{
    const rh_conf *conf = settings_of(s);
    if (!s->state) {
        rh_log(RH_LOG_INFO, "data door on %s:%d; requests are answered once the database is there",
               conf->data_listen, rh_server_data_port(s->server));
        return;
    }
    const char *anonymous = *conf->adopt_db_anon_role
                                ? rh_arena_printf(s->line->a, "run as %s", conf->adopt_db_anon_role)
                                : "are refused";
    rh_log(RH_LOG_INFO, "data door on %s:%d: database %s as it is, schemas %s; requests without a token %s",
           conf->data_listen, rh_server_data_port(s->server), s->state->database, s->state->schema_list,
           anonymous);
    if (rh_server_control_port(s->server))
        rh_log(RH_LOG_INFO, "admin door on %s:%d", conf->adopt_admin_server_host,
               rh_server_control_port(s->server));
    if (s->source.first_look && rh_adopt_says_nobody(conf))
        print_first_look(s);
}

int rh_cmd_serve_adopted(rh_cmdline *line, const char *source)
{
    struct adoption s = {.line = line, .from = source};
    rh_err err;
    rh_interrupt_start();
    bool ok = start(&s, &err);
    if (ok) {
        rh_interrupt_reload(rh_adopt_watch_reload, s.watch);
        tell(&s);
        rh_interrupt_wait();
        rh_interrupt_reload(NULL, NULL);
        rh_log(RH_LOG_INFO, "stopping");
    }
    stop(&s);
    return ok ? 0 : rh_cmd_fail(&err);
}
