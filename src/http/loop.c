/* SPDX-License-Identifier: Apache-2.0 */
#include "http/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define TICK_MS 1000
#define LOAD_STEP ((uint64_t)64 << 10) /* of a body that goes in pieces, what may take stall_timeout */
#define FREE_EXCHANGES 256
#define EXCHANGE_ARENA 12288 /* bytes: what a request without much in it takes */
#define POOL_EXTRA                                                                                           \
    2048 /* of a connection's memory, beyond the head: the library's own notes and the answer's head */

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" /* RFC 8996 */

enum loop_state { RUNNING, DRAINING, CLOSING, ENDED };

struct rh_loop {
    rh_loop_settings settings;
    enum loop_state state;
    uv_loop_t uv;
    uv_poll_t poll;       /* the daemon's epoll descriptor */
    uv_check_t check;     /* after each round of events: run the daemon once for all of them */
    uv_prepare_t prepare; /* the same for what timers did, before the loop sleeps */
    uv_idle_t idle;       /* active: the daemon has more to do, do not sleep */
    uv_timer_t tick;
    uv_async_t stop;
    rh_seat *seat;
    struct MHD_Daemon *daemon;
    bool has_work, started;
    rh_door door;
    rh_clients clients;
    int n_exchanges, n_free;
    rh_exchange *free_exchanges;
    int64_t drain_until;
    pthread_t thread;
};

uv_loop_t *rh_loop_uv(rh_loop *l)
{
    return &l->uv;
}

bool rh_loop_is_stopping(const rh_loop *l)
{
    return l->state != RUNNING;
}

void rh_loop_wake(rh_loop *l)
{
    l->has_work = true;
}

static int64_t now(rh_loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

const rh_door *rh_loop_door(const rh_loop *l)
{
    return &l->door;
}

void rh_loop_enter(rh_loop *l, rh_exchange *x, rh_client_phase phase)
{
    rh_client_enter(&l->clients, x->own.client, phase, now(l));
}

/* ---- exchanges ---- */

static rh_exchange *new_exchange(rh_loop *l)
{
    rh_exchange *x = l->free_exchanges;
    l->n_exchanges++;
    if (x) {
        l->free_exchanges = x->own.next;
        l->n_free--;
        x->own.next = NULL;
        return x;
    }
    x = rh_xcalloc(1, sizeof *x);
    x->arena = rh_arena_new_of(EXCHANGE_ARENA);
    x->own.loop = l;
    return x;
}

void rh_loop_release(rh_loop *l, rh_exchange *x)
{
    rh_exchange_end(x);
    l->n_exchanges--;
    if (l->n_free < FREE_EXCHANGES) {
        x->own.next = l->free_exchanges;
        l->free_exchanges = x;
        l->n_free++;
    } else {
        rh_arena_free(x->arena);
        free(x);
    }
}

/* The client is done with it, or has left. */
static void end_exchange(rh_loop *l, rh_exchange *x)
{
    x->own.client->exchange = NULL;
    rh_client_enter(&l->clients, x->own.client, RH_CLIENT_IDLE, now(l));
    if (x->own.stream == RH_STREAM_OPEN || x->own.state == RH_EXCHANGE_LOAD) {
        x->own.gone = true;
        rh_pieces_clear(&x->own.unsent);
        l->door.on_gone(l->door.ctx, x);
    } else {
        rh_loop_release(l, x);
    }
}

/* ---- what libmicrohttpd calls ---- */

static rh_client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    rh_loop *l = arg;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = rh_clients_add(&l->clients, info->connect_fd, now(l));
        return;
    }
    rh_client *c = *context;
    if (c && c->exchange)
        end_exchange(l, c->exchange);
    if (c)
        rh_clients_remove(&l->clients, c);
    rh_seat_left(l->seat);
    *context = NULL;
}

static void on_arrival(void *arg, int fd, const struct sockaddr *address, socklen_t len)
{
    rh_loop *l = arg;
    if (MHD_add_connection(l->daemon, fd, address, len) != MHD_YES) /* it has closed fd */
        rh_seat_left(l->seat);
    l->has_work = true;
}

/* The library would take the query apart after this, with a note for each argument from the connection's
 * memory: 300 short ones fill it, and the connection ends without an answer. The text is in its read buffer,
 * which it writes to as well; the query is read no further than to the NUL. */
static void hide_query(const char *uri)
{
    char *mark = strchr((char *)uri, '?');
    if (mark)
        mark[1] = 0;
}

/* The request line is in, untouched. What is returned becomes the handler's *context. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
    rh_loop *l = arg;
    rh_client *c = client_of(connection);
    if (c->exchange)
        end_exchange(l, c->exchange);
    rh_exchange *x = new_exchange(l);
    x->own.connection = connection;
    x->own.client = c;
    c->exchange = x;
    rh_client_enter(&l->clients, c, RH_CLIENT_HEAD, now(l));
    rh_exchange_begin(x, uri);
    hide_query(uri);
    return x;
}

/* Paths and queries are the door's to decode. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    return strlen(text);
}

/* A body is announced. (Only its answer must be queued before the body is read; the library closes after
 * that.) */
static bool announces_body(const rh_exchange *x)
{
    return x->headers.transfer_encoding ||
           (x->headers.content_length && strcmp(x->headers.content_length, "0") != 0);
}

static void suspend(rh_exchange *x)
{
    x->own.suspended = true;
    MHD_suspend_connection(x->own.connection);
}

/* Also for one that was held and is awake again: to the library it is the same first call. */
static enum MHD_Result judge_head(rh_loop *l, rh_exchange *x)
{
    if (x->own.state == RH_EXCHANGE_HELD)
        x->own.state = RH_EXCHANGE_LINE;
    if (!x->own.response && l->door.on_head)
        l->door.on_head(l->door.ctx, x);
    if (!x->own.response && x->own.state != RH_EXCHANGE_HELD)
        rh_exchange_check_length(x);
    if (x->own.response || x->own.state == RH_EXCHANGE_HELD)
        rh_client_enter(&l->clients, x->own.client, RH_CLIENT_BUSY, now(l));
    if (x->own.response)
        return announces_body(x) ? rh_exchange_queue(x) : MHD_YES;
    if (x->own.state == RH_EXCHANGE_HELD) {
        suspend(x);
        return MHD_YES;
    }
    x->own.state = RH_EXCHANGE_BODY;
    rh_client_enter(&l->clients, x->own.client, RH_CLIENT_BODY, now(l));
    return MHD_YES;
}

static enum MHD_Result finish_head(rh_loop *l, rh_exchange *x, const char *method)
{
    rh_exchange_read_head(x, method, &l->door);
    return judge_head(l, x);
}

static enum MHD_Result take_body(rh_loop *l, rh_exchange *x, const char *bytes, size_t n)
{
    if (!rh_exchange_collect(x, bytes, n))
        return MHD_NO;
    if (!rh_exchange_hand_over(x))
        return MHD_YES;
    if (!x->own.response)
        x->own.state = RH_EXCHANGE_LOAD;
    rh_client_enter(&l->clients, x->own.client, RH_CLIENT_LOADING, now(l));
    return MHD_YES;
}

/* What comes within the time that a part may take does not make it longer. */
static void note_piece(rh_loop *l, rh_exchange *x, size_t n)
{
    uint64_t before = x->own.received / LOAD_STEP;
    x->own.received += n;
    if (x->own.received / LOAD_STEP != before)
        rh_client_enter(&l->clients, x->own.client, RH_CLIENT_LOADING, now(l));
}

static enum MHD_Result take_piece(rh_loop *l, rh_exchange *x, const char *bytes, size_t n)
{
    note_piece(l, x, n);
    bool more = l->door.on_piece(l->door.ctx, x, bytes, n);
    if (!more && !x->own.response && !x->own.suspended) { /* what was read already comes all the same */
        rh_client_enter(&l->clients, x->own.client, RH_CLIENT_BUSY, now(l));
        suspend(x);
    }
    return MHD_YES;
}

static enum MHD_Result finish_load(rh_loop *l, rh_exchange *x)
{
    rh_client_enter(&l->clients, x->own.client, RH_CLIENT_BUSY, now(l));
    x->own.state = RH_EXCHANGE_WORK;
    l->door.on_last(l->door.ctx, x);
    if (x->own.response)
        return rh_exchange_queue(x);
    suspend(x);
    return MHD_YES;
}

static enum MHD_Result finish_body(rh_loop *l, rh_exchange *x)
{
    rh_client_enter(&l->clients, x->own.client, RH_CLIENT_BUSY, now(l));
    rh_exchange_check_length(x);
    if (x->own.response)
        return rh_exchange_queue(x);
    x->body = x->own.received ? rh_str_cstr(&x->own.body) : "";
    x->body_len = x->own.received;
    x->own.state = RH_EXCHANGE_WORK;
    l->door.on_request(l->door.ctx, x);
    if (x->own.response)
        return rh_exchange_queue(x);
    suspend(x);
    return MHD_YES;
}

/* A part of a body. What was answered already is read away, unless it has no end. */
static enum MHD_Result take_upload(rh_loop *l, rh_exchange *x, const char *bytes, size_t *size)
{
    size_t n = *size;
    *size = 0;
    if (x->own.state == RH_EXCHANGE_BODY)
        return take_body(l, x, bytes, n);
    if (x->own.state == RH_EXCHANGE_LOAD)
        return take_piece(l, x, bytes, n);
    note_piece(l, x, n);
    return rh_exchange_is_endless(x) ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **context)
{
    rh_loop *l = arg;
    rh_exchange *x = *context;
    if (l->state >= CLOSING && x->own.state < RH_EXCHANGE_WORK)
        return MHD_NO; /* too late: the door may be gone */
    switch (x->own.state) {
    case RH_EXCHANGE_LINE:
        return finish_head(l, x, method);
    case RH_EXCHANGE_HELD:
        return judge_head(l, x);
    case RH_EXCHANGE_BODY:
    case RH_EXCHANGE_LOAD:
    case RH_EXCHANGE_ANSWERED:
        if (*upload_size)
            return take_upload(l, x, upload, upload_size);
        return x->own.state == RH_EXCHANGE_BODY   ? finish_body(l, x)
               : x->own.state == RH_EXCHANGE_LOAD ? finish_load(l, x)
                                                  : rh_exchange_queue(x);
    case RH_EXCHANGE_WORK:
    case RH_EXCHANGE_QUEUED:
        break;
    }
    *upload_size = 0;
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    rh_exchange *x = *context;
    *context = NULL;
    if (x)
        end_exchange(arg, x);
}

static void on_library_log(void *arg, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = 0;
    rh_log(RH_LOG_DEBUG, "http: %s", text);
}

/* ---- the uv loop ---- */

static void on_idle(uv_idle_t *h)
{
}

static void drained(rh_loop *l);

static void run_daemon(rh_loop *l)
{
    MHD_UNSIGNED_LONG_LONG left = 1;
    l->has_work = false;
    MHD_run(l->daemon);
    if (MHD_get_timeout(l->daemon, &left) == MHD_YES && left == 0) {
        l->has_work = true;
        uv_idle_start(&l->idle, on_idle);
    } else {
        uv_idle_stop(&l->idle);
    }
    if (l->state == DRAINING)
        drained(l);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    rh_loop *l = h->data;
    l->has_work = true;
}

static void on_check(uv_check_t *h)
{
    rh_loop *l = h->data;
    if (l->has_work)
        run_daemon(l);
}

static void on_prepare(uv_prepare_t *h)
{
    rh_loop *l = h->data;
    if (l->has_work && !uv_is_active((uv_handle_t *)&l->idle))
        run_daemon(l);
}

static void on_tick(uv_timer_t *h)
{
    rh_loop *l = h->data;
    rh_clients_sweep(&l->clients, now(l));
    if (rh_seat_is_short(l->seat))
        rh_clients_cut_idlest(&l->clients, now(l));
    rh_seat_retry(l->seat);
    l->has_work = true; /* the library's own timeouts */
}

/* ---- stopping ---- */

static void end_loop(void *arg)
{
    rh_loop *l = arg;
    l->state = ENDED;
    l->door.on_end = NULL; /* it is gone */
    MHD_run(l->daemon);    /* sends the last answers */
    uv_poll_stop(&l->poll);
    MHD_stop_daemon(l->daemon);
    l->daemon = NULL;
    uv_handle_t *handles[] = {(uv_handle_t *)&l->poll, (uv_handle_t *)&l->check, (uv_handle_t *)&l->prepare,
                              (uv_handle_t *)&l->idle, (uv_handle_t *)&l->tick,  (uv_handle_t *)&l->stop};
    if (l->seat)
        rh_seat_close(l->seat);
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        uv_close(handles[i], NULL);
}

static void drained(rh_loop *l)
{
    if (l->n_exchanges > 0 && now(l) < l->drain_until)
        return;
    if (l->n_exchanges > 0)
        rh_log(RH_LOG_WARN, "stopping with %d requests under way", l->n_exchanges);
    l->state = CLOSING;
    if (l->door.close)
        l->door.close(l->door.ctx, end_loop, l);
    else
        end_loop(l);
}

static void on_stop(uv_async_t *h)
{
    rh_loop *l = h->data;
    if (l->state != RUNNING)
        return;
    l->state = DRAINING;
    uv_update_time(&l->uv);
    l->drain_until = now(l) + l->settings.stop_timeout_ms;
    rh_seat_stop(l->seat);
    rh_clients_cut_idle(&l->clients);
    l->has_work = true;
}

void rh_loop_stop(rh_loop *l)
{
    uv_async_send(&l->stop);
}

/* ---- making and ending ---- */

static struct MHD_Daemon *start_daemon(rh_loop *l)
{
    const rh_loop_settings *s = &l->settings;
    unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (s->tls_cert ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)s->tls_cert},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)s->tls_key},
                                   {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_access, l, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, l,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX /* the acceptor counts */,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->max_head + POOL_EXTRA,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((s->idle_timeout_ms + 999) / 1000),
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, l, MHD_OPTION_URI_LOG_CALLBACK, on_line, l,
                            MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, l, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_ARRAY, s->tls_cert ? tls : tls + 3, MHD_OPTION_END);
}

static void init_handles(rh_loop *l)
{
    uv_loop_init(&l->uv);
    uv_check_init(&l->uv, &l->check);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->tick);
    uv_async_init(&l->uv, &l->stop, on_stop);
    l->poll.data = l->check.data = l->prepare.data = l->idle.data = l->tick.data = l->stop.data = l;
}

rh_loop *rh_loop_new(const rh_loop_settings *settings, rh_err *err)
{
    rh_loop *l = rh_xcalloc(1, sizeof *l);
    l->settings = *settings;
    l->clients = (rh_clients){.head_timeout = settings->head_timeout_ms,
                              .body_timeout = settings->body_timeout_ms,
                              .idle_timeout = settings->idle_timeout_ms,
                              .stall_timeout = settings->stall_timeout_ms};
    l->daemon = start_daemon(l);
    if (!l->daemon) {
        rh_err_set(err, RH_E_CONF,
                   settings->tls_cert ? "the HTTP library does not start with this certificate and key"
                                      : "the HTTP library does not start");
        rh_err_hint(err, settings->tls_cert
                             ? "Check that data.tls_cert and data.tls_key are PEM files that belong together."
                             : "Start again with log.level = debug to see its reason.");
        free(l);
        return NULL;
    }
    init_handles(l);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(&l->uv, &l->poll, info->epoll_fd);
    l->seat = rh_acceptor_join(settings->acceptor, &l->uv, on_arrival, l);
    if (l->seat)
        return l;
    rh_err_set(err, RH_E_IO, "a loop cannot listen: %s", strerror(errno));
    rh_loop_join(l);
    return NULL;
}

static void *thread_main(void *arg)
{
    rh_loop *l = arg;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return NULL;
}

static void start_handles(rh_loop *l)
{
    uv_poll_start(&l->poll, UV_READABLE, on_poll);
    uv_check_start(&l->check, on_check);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
}

bool rh_loop_start(rh_loop *l, const rh_door *door, rh_err *err)
{
    l->door = *door;
    start_handles(l);
    int rc = pthread_create(&l->thread, NULL, thread_main, l);
    if (rc != 0)
        return rh_err_set(err, RH_E_IO, "no thread could be started: %s", strerror(rc));
    l->started = true;
    return true;
}

void rh_loop_join(rh_loop *l)
{
    if (l->started) {
        pthread_join(l->thread, NULL);
    } else {
        if (l->seat)
            rh_seat_stop(l->seat);
        l->state = DRAINING;
        drained(l);
        uv_run(&l->uv, UV_RUN_DEFAULT);
    }
    uv_loop_close(&l->uv);
    while (l->free_exchanges) {
        rh_exchange *x = l->free_exchanges;
        l->free_exchanges = x->own.next;
        rh_arena_free(x->arena);
        free(x);
    }
    free(l);
}
