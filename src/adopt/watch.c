/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/watch.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

#define RETRY_MS 1000
#define SETTLE_MS 50 /* a migration says it once a statement: they are answered by one reading */

struct rh_adopt_watch {
    const rh_conf *conf;
    const rh_adopt_source *source;
    rh_adopted *adopted;
    rh_db *db; /* NULL while the database is away */
    pthread_t thread;
    int stop_fd, reload_fd;
    bool away_told, running;
};

enum order { NOTHING, READ, STOP };

/* Waits for a word on the connection, an order, or the time to pass. */
static enum order wait_for(rh_adopt_watch *w, int timeout_ms)
{
    uint64_t count;
    struct pollfd fds[] = {{.fd = w->stop_fd, .events = POLLIN},
                           {.fd = w->reload_fd, .events = POLLIN},
                           {.fd = w->db ? PQsocket(rh_db_conn(w->db)) : -1, .events = POLLIN}};
    poll(fds, 3, timeout_ms);
    if (fds[0].revents)
        return STOP;
    return fds[1].revents && read(w->reload_fd, &count, sizeof count) > 0 ? READ : NOTHING;
}

static void lose(rh_adopt_watch *w, const rh_err *err)
{
    if (!w->away_told)
        rh_log_err(RH_LOG_WARN,
                   rh_adopted_is_known(w->adopted) ? "the database is away; what is known of it may grow old"
                                                   : "the database is not there yet: it is waited for",
                   err);
    w->away_told = true;
    rh_db_close(w->db);
    w->db = NULL;
}

/* Whether something was said; also finds out that the connection is lost. */
static enum order hear(rh_adopt_watch *w)
{
    rh_err err;
    enum order order = NOTHING;
    PGconn *conn = w->db ? rh_db_conn(w->db) : NULL;
    PGnotify *n;
    if (!conn)
        return NOTHING;
    if (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK) {
        rh_db_error(&err, conn, NULL);
        lose(w, &err);
        return NOTHING;
    }
    while ((n = PQnotifies(conn))) {
        order = READ;
        PQfreemem(n);
    }
    return order;
}

static bool listen_there(rh_adopt_watch *w, rh_err *err)
{
    rh_str text;
    rh_str_init(&text, 256);
    rh_str_add(&text, "LISTEN ");
    rh_str_add_ident(&text, w->conf->adopt_db_channel);
    bool ok = !w->conf->adopt_db_channel_enabled || rh_db_exec(w->db, rh_str_cstr(&text), err);
    rh_str_release(&text);
    return ok;
}

static bool read_all(rh_adopt_watch *w, rh_err *err)
{
    rh_adopted_state *s = rh_adopt_read(w->source, w->db, err);
    if (!s)
        return false;
    rh_adopted_show(w->adopted, s);
    if (w->running && w->source->shown)
        w->source->shown(s, w->source->arg); /* it cannot be replaced but by this thread */
    return true;
}

/* LISTEN before reading: what changes meanwhile is told afterwards. */
static bool dial(rh_adopt_watch *w, rh_err *err)
{
    w->db = rh_adopt_connect(w->conf, err);
    if (w->db && listen_there(w, err))
        return true;
    rh_db_close(w->db);
    w->db = NULL;
    return false;
}

/* False: stop. */
static bool read_anew(rh_adopt_watch *w)
{
    rh_err err;
    if (wait_for(w, SETTLE_MS) == STOP)
        return false;
    hear(w);
    if (w->db && read_all(w, &err))
        rh_log(RH_LOG_INFO, "schemas and settings were read anew");
    else if (w->db)
        rh_log_err(RH_LOG_WARN, "schemas and settings stay as they were", &err);
    return true;
}

/* What is said while something is read makes the socket readable no more: it is heard before each wait. */
static void *run(void *arg)
{
    rh_adopt_watch *w = arg;
    rh_err err;
    w->running = true;
    for (enum order order = hear(w);;) {
        for (; order == READ; order = hear(w))
            if (!read_anew(w))
                return NULL;
        order = wait_for(w, w->db && rh_adopted_is_known(w->adopted) ? -1 : RETRY_MS);
        if (order == STOP)
            return NULL;
        if (w->db && !rh_adopted_is_known(w->adopted))
            order = READ;
        if (hear(w) == READ)
            order = READ;
        if (!w->db && dial(w, &err)) {
            rh_log(RH_LOG_INFO,
                   rh_adopted_is_known(w->adopted) ? "the database is back" : "the database is there");
            w->away_told = false;
            order = READ;
        }
    }
}

/* For a server that cannot be reached. One that refuses, or a mistake in how to reach it, would stay; libpq
 * tells them apart by words only. */
static bool begin_waiting(rh_adopt_watch *w, const rh_err *err)
{
    PQconninfoOption *options = PQconninfoParse(w->conf->adopt_db_uri, NULL);
    bool refused = strstr(err->message, "FATAL:") && !strstr(err->message, "starting up");
    PQconninfoFree(options);
    if (!options || w->db || err->code != RH_E_UNAVAILABLE || refused)
        return false;
    lose(w, err);
    return true;
}

rh_adopt_watch *rh_adopt_watch_start(const rh_conf *conf, const rh_adopt_source *source, rh_adopted *adopted,
                                     bool waits, rh_err *err)
{
    rh_adopt_watch *w = rh_xcalloc(1, sizeof *w);
    *w = (rh_adopt_watch){.conf = conf,
                          .source = source,
                          .adopted = adopted,
                          .stop_fd = eventfd(0, EFD_CLOEXEC),
                          .reload_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    bool ok = (dial(w, err) && read_all(w, err)) || (waits && begin_waiting(w, err));
    if (ok && pthread_create(&w->thread, NULL, run, w) == 0)
        return w;
    if (ok)
        rh_err_set(err, RH_E_IO, "cannot start a thread for the adopted database");
    rh_db_close(w->db);
    close(w->stop_fd);
    close(w->reload_fd);
    free(w);
    return NULL;
}

static void tell(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) != sizeof one)
        rh_log(RH_LOG_ERROR, "the watch of the adopted database cannot be woken up");
}

void rh_adopt_watch_reload(void *watch)
{
    const rh_adopt_watch *w = watch;
    tell(w->reload_fd);
}

void rh_adopt_watch_stop(rh_adopt_watch *w)
{
    if (!w)
        return;
    tell(w->stop_fd);
    pthread_join(w->thread, NULL);
    rh_db_close(w->db);
    close(w->stop_fd);
    close(w->reload_fd);
    free(w);
}
