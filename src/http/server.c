/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/budget.h"
#include "base/file.h"
#include "base/log.h"
#include "http/data_door.h"
#include "http/listen.h"
#include "http/loop.h"

#define MAX_PEM ((size_t)1 << 20)
#define CONTROL_CLIENTS 64
#define ONE_TENANT_WAITING 1024
#define OTHER_FILES 256 /* descriptors that are not clients */

struct rh_server {
    rh_arena *arena;
    rh_server_settings settings;
    rh_acceptor *data_socket, *control_socket; /* control_socket is NULL without a control door */
    int data_port, control_port;
    const char *tls_cert, *tls_key; /* PEM; NULL: plain */
    const char *options;
    rh_quota *quota;
    rh_metrics *metrics;
    rh_descriptions *descriptions;
    rh_loop *loops[RH_MAX_LOOPS];
    int n_loops;
    rh_loop *control;
};

/* Clients and the two sockets of the library cost a descriptor each: take what the system gives. */
static void raise_file_limit(int64_t clients)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)(clients + OTHER_FILES);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < want)
        rh_log(RH_LOG_WARN,
               "the system allows %llu open files: fewer than data.max_clients (%lld) can be served",
               (unsigned long long)limit.rlim_cur, (long long)clients);
}

static bool read_tls(rh_server *s, rh_err *err)
{
    const rh_conf *conf = s->settings.conf;
    size_t n;
    if (!*conf->data_tls_cert && !*conf->data_tls_key)
        return true;
    if (!*conf->data_tls_cert || !*conf->data_tls_key) {
        rh_err_set(err, RH_E_CONF, "data.tls_cert and data.tls_key must be given together");
        return rh_err_hint(err, "Name both PEM files, or none for plain HTTP.");
    }
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return rh_err_set(err, RH_E_CONF, "the HTTP library was built without TLS");
    s->tls_cert = rh_file_read(s->arena, conf->data_tls_cert, MAX_PEM, &n, err);
    s->tls_key = s->tls_cert ? rh_file_read(s->arena, conf->data_tls_key, MAX_PEM, &n, err) : NULL;
    return s->tls_key != NULL;
}

/* The i-th of n nearly equal shares. */
static int share(int64_t total, int n, int i)
{
    int64_t part = total / n + (i < total % n);
    return part < 1 ? 1 : (int)part;
}

static rh_loop_settings loop_settings(const rh_server *s, rh_acceptor *socket)
{
    const rh_conf *conf = s->settings.conf;
    return (rh_loop_settings){.acceptor = socket,
                              .max_head = (size_t)conf->data_max_head,
                              .head_timeout_ms = conf->data_head_timeout,
                              .body_timeout_ms = conf->data_body_timeout,
                              .idle_timeout_ms = conf->data_idle_timeout,
                              .stop_timeout_ms = conf->data_stop_timeout,
                              .stall_timeout_ms = conf->data_stall_timeout};
}

static rh_openapi_mode openapi_mode_of(const char *text)
{
    return strcmp(text, "disabled") == 0            ? RH_OPENAPI_DISABLED
           : strcmp(text, "ignore-privileges") == 0 ? RH_OPENAPI_IGNORE
                                                    : RH_OPENAPI_FOLLOW;
}

/* Where clients reach the door, as far as it knows. */
static const char *url_of(const rh_server *s)
{
    const rh_conf *conf = s->settings.conf;
    bool v6 = strchr(conf->data_listen, ':') != NULL;
    if (*conf->data_openapi_server_proxy_uri)
        return conf->data_openapi_server_proxy_uri;
    return rh_arena_printf(s->arena, "%s://%s%s%s:%d/", s->tls_cert ? "https" : "http", v6 ? "[" : "",
                           conf->data_listen, v6 ? "]" : "", s->data_port);
}

static rh_openapi_settings openapi_of(const rh_server *s)
{
    const rh_conf *conf = s->settings.conf;
    const char *header = s->settings.rules.trusted_header;
    return (rh_openapi_settings){.mode = openapi_mode_of(conf->data_openapi_mode),
                                 .security = conf->data_openapi_security_active,
                                 .url = url_of(s),
                                 .title = *conf->app_name ? conf->app_name : "Rowhouse API",
                                 .header = header && *header ? header : NULL};
}

static rh_data_door_settings door_settings(const rh_server *s, int i)
{
    const rh_server_settings *set = &s->settings;
    const rh_conf *conf = set->conf;
    rh_data_door_settings d = {.directory = set->directory,
                               .adopted = set->adopted,
                               .keys = set->keys,
                               .rules = set->rules,
                               .stale_after_ms = conf->catalog_stale_after,
                               .max_body = (size_t)conf->data_max_body,
                               .server_timing = conf->data_server_timing,
                               .stream_from = (size_t)conf->data_stream_from,
                               .max_load = conf->data_max_load > 0,
                               .load_timeout_ms = conf->data_stream_timeout,
                               .stream_buffer = (size_t)conf->data_stream_buffer,
                               .stream_timeout =
                                   rh_arena_printf(s->arena, "%lld", (long long)conf->data_stream_timeout),
                               .prefer = *conf->data_prefer ? conf->data_prefer : NULL};
    d.naming =
        (rh_rest_naming){.schema = set->schema ? set->schema : "public",
                         .reference_schema = set->reference_schema ? set->reference_schema : "reference",
                         .told_schema = set->schema ? set->schema : "public",
                         .keyed = set->keyed,
                         .id_type = conf->app_id_type,
                         .max_rows = conf->data_max_rows,
                         .aggregates = conf->data_aggregates,
                         .plans = conf->data_plans ? RH_PLANS_SHAPE : RH_PLANS_NONE,
                         .tx_end = rh_tx_end_parse(conf->data_tx_end),
                         .max_response = (size_t)conf->data_max_response};
    d.pool = (rh_pool_settings){.conninfo = set->conninfo,
                                .database = set->database,
                                .user = set->user,
                                .password = set->password,
                                .options = s->options,
                                .connections = share(conf->data_connections, s->n_loops, i),
                                .idle_ms = conf->data_home_idle,
                                .max_backend = (size_t)conf->data_backend_memory,
                                .deadline_ms = rh_data_door_deadline_ms(conf->data_statement_timeout)};
    d.quota = s->quota;
    d.metrics = s->metrics;
    d.descriptions = s->descriptions;
    d.log_requests = conf->log_requests;
    d.max_bodies = conf->limits_bodies;
    rh_limits_from_conf(conf, &d.limits);
    d.max_waiting = share(conf->limits_waiting, s->n_loops, i);
    if (set->adopted && conf->adopt_tenant_is == RH_ADOPT_DATABASE) /* there is nobody to be fair to */
        d.max_waiting = ONE_TENANT_WAITING;
    d.max_wait_ms = conf->limits_wait;
    d.share = (rh_share){rh_budget_processors(conf), s->n_loops};
    d.openapi = openapi_of(s);
    d.cors = rh_cors_of(conf->data_cors_allowed_origins, d.openapi.header != NULL);
    bool told = strcmp(conf->data_request_settings, "off") != 0;
    d.reads = told ? RH_READS_REQUEST | RH_READS_RESPONSE : 0;
    d.naming.reads = strcmp(conf->data_request_settings, "on") == 0 ? d.reads : 0;
    d.pool.enter = set->citus;
    d.pool.reset = set->adopted != NULL;
    d.to_workers = conf->data_to_workers;
    d.root = set->keyed ? conf->app_root : NULL;
    d.home_connections = share(conf->data_home_connections, s->n_loops, i);
    return d;
}

static bool make_loops(rh_server *s, rh_err *err)
{
    rh_loop_settings settings = loop_settings(s, s->data_socket);
    settings.tls_cert = s->tls_cert;
    settings.tls_key = s->tls_key;
    int n = rh_budget_loops(s->settings.conf);
    while (s->n_loops < n && (s->loops[s->n_loops] = rh_loop_new(&settings, err)))
        s->n_loops++;
    return s->n_loops == n;
}

static bool start_data(rh_server *s, rh_err *err)
{
    if (!make_loops(s, err))
        return false;
    for (int i = 0; i < s->n_loops; i++) {
        rh_data_door_settings settings = door_settings(s, i);
        rh_door door;
        rh_data_door_new(rh_loop_uv(s->loops[i]), &settings, &door);
        if (!rh_loop_start(s->loops[i], &door, err))
            return false;
    }
    return true;
}

static bool start_control(rh_server *s, rh_err *err)
{
    const rh_conf *conf = s->settings.conf;
    bool admin = s->settings.adopted != NULL;
    rh_loop_settings settings = loop_settings(s, s->control_socket);
    rh_control_door_settings door_set = {.operator_token = admin ? "" : s->settings.operator_token,
                                         .admin = admin,
                                         .any_host =
                                             admin && !rh_address_is_loopback(conf->adopt_admin_server_host),
                                         .keys = s->settings.keys,
                                         .open = conf->control_open,
                                         .port = s->control_port,
                                         .metrics = {s->metrics, s->descriptions, s->settings.directory},
                                         .log_requests = conf->log_requests,
                                         .open_metrics = conf->metrics_open,
                                         .openapi = openapi_of(s),
                                         .ops = s->settings.control};
    rh_door door;
    if (!(s->control = rh_loop_new(&settings, err)))
        return false;
    rh_control_door_new(rh_loop_uv(s->control), &door_set, &door);
    return rh_loop_start(s->control, &door, err);
}

static bool listen_data(rh_server *s, rh_err *err)
{
    const rh_conf *conf = s->settings.conf;
    int fd = rh_listen("the data door", conf->data_listen, (int)conf->data_port, &s->data_port, err);
    if (fd >= 0)
        s->data_socket = rh_acceptor_new(fd, (int)conf->data_max_clients);
    return fd >= 0;
}

static bool listen_admin(rh_server *s, rh_err *err)
{
    const rh_conf *conf = s->settings.conf;
    if (conf->adopt_admin_server_port == 0)
        return true;
    int fd = rh_listen("the admin door", conf->adopt_admin_server_host, (int)conf->adopt_admin_server_port,
                       &s->control_port, err);
    if (fd >= 0)
        s->control_socket = rh_acceptor_new(fd, CONTROL_CLIENTS);
    return fd >= 0;
}

static bool listen_control(rh_server *s, rh_err *err)
{
    const rh_conf *conf = s->settings.conf;
    if (s->settings.adopted)
        return listen_admin(s, err);
    if (!s->settings.operator_token || !*s->settings.operator_token)
        return true;
    if (!rh_address_is_loopback(conf->control_listen)) {
        rh_err_set(err, RH_E_CONF, "the control door listens on loopback only, not on '%s'",
                   conf->control_listen);
        return rh_err_hint(err, "Set control.listen to 127.0.0.1 or ::1.");
    }
    int fd =
        rh_listen("the control door", conf->control_listen, (int)conf->control_port, &s->control_port, err);
    if (fd >= 0)
        s->control_socket = rh_acceptor_new(fd, CONTROL_CLIENTS);
    return fd >= 0;
}

/* Servers that do not answer hold helper threads for as long as dialing them may take: enough for the others
 * to be dialed meanwhile. */
#define HELPER_THREADS "32"

rh_server *rh_server_start(const rh_server_settings *settings, rh_err *err)
{
    setenv("UV_THREADPOOL_SIZE", HELPER_THREADS, 0); /* libuv reads it when the first one is needed */
    rh_server *s = rh_xcalloc(1, sizeof *s);
    s->arena = rh_arena_new();
    s->settings = *settings;
    s->quota = rh_quota_new();
    s->descriptions = rh_descriptions_new();
    s->metrics = rh_metrics_new((int)settings->conf->metrics_tenants);
    s->options =
        rh_arena_printf(s->arena, "%s -c statement_timeout=%lld", settings->options ? settings->options : "",
                        (long long)settings->conf->data_statement_timeout);
    raise_file_limit(settings->conf->data_max_clients);
    if (read_tls(s, err) && listen_data(s, err) && listen_control(s, err) && start_data(s, err) &&
        (!s->control_socket || start_control(s, err)))
        return s;
    rh_server_stop(s);
    return NULL;
}

int rh_server_data_port(const rh_server *s)
{
    return s->data_port;
}

int rh_server_control_port(const rh_server *s)
{
    return s->control_port;
}

bool rh_server_has_tls(const rh_server *s)
{
    return s->tls_cert != NULL;
}

void rh_server_stop(rh_server *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n_loops; i++)
        rh_loop_stop(s->loops[i]);
    if (s->control)
        rh_loop_stop(s->control);
    for (int i = 0; i < s->n_loops; i++)
        rh_loop_join(s->loops[i]);
    if (s->control)
        rh_loop_join(s->control);
    rh_quota_free(s->quota);
    rh_metrics_free(s->metrics);
    rh_descriptions_free(s->descriptions);
    rh_acceptor_free(s->data_socket);
    rh_acceptor_free(s->control_socket);
    rh_arena_free(s->arena);
    free(s);
}
