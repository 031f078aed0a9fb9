/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/upkeep.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "catalog/life.h"
#include "catalog/standby.h"
#include "sql.h"

#define LOOK_MS 30000       /* between two looks when nothing is told */
#define GATHER_MS 100       /* after a notification: many come together */
#define BUSY_MS 2000        /* until the next look when somebody else is at work */
#define RECONNECT_MS 2000   /* to a catalog that is away */
#define FIRST_DELAY_MS 5000 /* after a failure; doubled each time it comes again */
#define LAST_DELAY_MS 300000

/* Work that failed and is put off. */
struct delay {
    struct delay *next;
    char what[80];
    char message[512]; /* what was logged */
    int64_t wait_ms, until;
};

#define CUT_MAX 3

struct rh_upkeep {
    rh_app app; /* the server's, with our stop_fd */
    rh_warm *warm;
    rh_db *db; /* listens; NULL while the catalog is away */
    struct delay *delays;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    bool stopping;
    rh_db *cut[CUT_MAX]; /* the connections at work: stopping cuts them */
};

/* ---- stopping ---- */

static bool is_stopping(rh_upkeep *u)
{
    pthread_mutex_lock(&u->lock);
    bool stopping = u->stopping;
    pthread_mutex_unlock(&u->lock);
    return stopping;
}

/* False when it is too late to begin anything. */
static bool register_connection(rh_upkeep *u, int slot, rh_db *db)
{
    pthread_mutex_lock(&u->lock);
    u->cut[slot] = db;
    bool ok = !u->stopping;
    pthread_mutex_unlock(&u->lock);
    return ok;
}

/* ---- failures ---- */

static struct delay *find_delay(rh_upkeep *u, const char *what)
{
    struct delay *d = u->delays;
    while (d && strcmp(d->what, what) != 0)
        d = d->next;
    return d;
}

static bool is_put_off(rh_upkeep *u, const char *what)
{
    const struct delay *d = find_delay(u, what);
    return d && d->until > rh_now_ms();
}

static void put_off(rh_upkeep *u, const char *what, const rh_err *err)
{
    struct delay *d = find_delay(u, what);
    if (!d) {
        d = rh_xcalloc(1, sizeof *d);
        snprintf(d->what, sizeof d->what, "%s", what);
        d->wait_ms = FIRST_DELAY_MS / 2;
        d->next = u->delays;
        u->delays = d;
    }
    if (strncmp(d->message, err->message, sizeof d->message - 1) != 0)
        rh_log_err(RH_LOG_WARN, what, err);
    snprintf(d->message, sizeof d->message, "%s", err->message);
    d->wait_ms = d->wait_ms * 2 < LAST_DELAY_MS ? d->wait_ms * 2 : LAST_DELAY_MS;
    d->until = rh_now_ms() + d->wait_ms;
}

/* Forgets what was put off and is done, or has not come again for long: `what` NULL. */
static void forget_delays(rh_upkeep *u, const char *what)
{
    int64_t long_ago = rh_now_ms() - 2 * LAST_DELAY_MS;
    for (struct delay **at = &u->delays; *at;) {
        struct delay *d = *at;
        if (what ? strcmp(d->what, what) != 0 : d->until > long_ago) {
            at = &d->next;
        } else {
            *at = d->next;
            free(d);
        }
    }
}

static int64_t next_look(rh_upkeep *u, bool busy)
{
    int64_t now = rh_now_ms(), at = now + (busy ? BUSY_MS : LOOK_MS);
    for (const struct delay *d = u->delays; d; d = d->next)
        if (d->until > now && d->until < at)
            at = d->until;
    return at;
}

/* ---- the work ---- */

static void tell(void *arg, const char *line)
{
    (void)arg;
    rh_log(RH_LOG_INFO, "%s", line);
}

static void go_on_with_drops(rh_upkeep *u, rh_operator *o, rh_arena *a, const PGresult *dropping, bool *busy)
{
    rh_err err;
    if (PQntuples(dropping) > 0 && !rh_tenant_drop_quiet(o, &err))
        return;
    for (int i = 0; i < PQntuples(dropping) && !is_stopping(u); i++) {
        const char *id = PQgetvalue(dropping, i, 0), *slug = PQgetvalue(dropping, i, 1);
        const char *what = rh_arena_printf(a, "drop of tenant %.64s", id);
        bool locked_out;
        if (is_put_off(u, what))
            continue;
        if (rh_tenant_drop_go_on(o, id, &locked_out, &err)) {
            *busy |= locked_out;
            forget_delays(u, what);
            if (!locked_out)
                tell(NULL, rh_arena_printf(a, "tenant %s is dropped", slug));
        } else if (!is_stopping(u)) {
            put_off(u, what, &err);
        }
    }
}

#define STANDBY "standby homes"

static bool ask_stopping(void *u)
{
    return is_stopping(u);
}

static void keep_standbys(rh_upkeep *u, rh_operator *o, bool *busy)
{
    rh_standby_work w = {.tell = tell, .arg = u, .stopping = ask_stopping, .failures_untold = true};
    bool ok = rh_standby_keep(o, &w, &w.failure);
    *busy |= w.locked_out;
    if (is_stopping(u))
        return;
    if (!ok || w.failed)
        put_off(u, STANDBY, &w.failure);
    else
        forget_delays(u, STANDBY);
}

/* Those that somebody else made, or that stood by when the server began. One that cannot be reached is left
 * for the next look. */
static bool warm_up(rh_upkeep *u, rh_arena *a, rh_err *err)
{
    int64_t homes[RH_WARM_MAX], most = u->app.conf->provision_standby;
    rh_err ignored;
    const char *params[] = {rh_arena_printf(a, "%d", most < RH_WARM_MAX ? (int)most : RH_WARM_MAX)};
    PGresult *res = most ? rh_db_query(u->db, a, rh_sql_standby_databases, 1, params, err) : NULL;
    int n = res ? PQntuples(res) : 0;
    for (int i = 0; i < n; i++)
        rh_parse_int(PQgetvalue(res, i, 0), &homes[i]);
    rh_warm_keep(u->warm, homes, n);
    for (int i = 0; i < n && !is_stopping(u); i++) {
        if (rh_warm_has(u->warm, homes[i]))
            continue;
        rh_db *db = rh_app_connect(&u->app, rh_node_of_row(&u->app, a, res, i, 2), RH_ROLE_OPERATOR,
                                   PQgetvalue(res, i, 1), &ignored);
        if (db)
            rh_warm_put(u->warm, homes[i], db);
    }
    return res || !most;
}

static bool has_work(rh_upkeep *u, rh_arena *a, const PGresult *dropping, bool standbys)
{
    if (standbys)
        return true;
    for (int i = 0; i < PQntuples(dropping); i++)
        if (!is_put_off(u, rh_arena_printf(a, "drop of tenant %.64s", PQgetvalue(dropping, i, 0))))
            return true;
    return false;
}

/* One look at the catalog, and what it leads to. False: the catalog is away. */
static bool look(rh_upkeep *u, bool *busy, rh_err *err)
{
    static const char work[] = "upkeep";
    rh_operator o;
    rh_err failure;
    rh_arena *a = rh_arena_new();
    *busy = false;
    forget_delays(u, NULL);
    bool standbys = false;
    PGresult *dropping = rh_db_query(u->db, a, rh_sql_tenants_dropping, 0, NULL, err);
    bool ok = dropping && rh_standby_wanting(u->app.conf, u->db, &standbys, err);
    standbys = standbys && !is_put_off(u, STANDBY);
    if (ok && !is_put_off(u, work) && has_work(u, a, dropping, standbys)) {
        if (!rh_operator_open(&o, &u->app, &failure)) {
            put_off(u, work, &failure);
        } else {
            forget_delays(u, work);
            o.warm = u->warm;
            if (register_connection(u, 1, o.catalog) && register_connection(u, 2, o.shared)) {
                go_on_with_drops(u, &o, a, dropping, busy);
                if (standbys)
                    keep_standbys(u, &o, busy);
            }
            register_connection(u, 1, NULL);
            register_connection(u, 2, NULL);
            rh_operator_close(&o);
        }
    }
    if (ok && !is_stopping(u))
        ok = warm_up(u, a, err);
    rh_arena_free(a);
    return ok;
}

/* ---- the thread ---- */

/* Waits for the order to stop (-1), for a notification when one is wished for (1), or until a time (0). */
static int wait_until(rh_upkeep *u, int64_t until, bool notified)
{
    struct pollfd fds[2] = {{.fd = u->app.stop_fd, .events = POLLIN},
                            {.fd = notified && u->db ? PQsocket(rh_db_conn(u->db)) : -1, .events = POLLIN}};
    int64_t left = until - rh_now_ms();
    int n = poll(fds, 2, left > 0 ? (int)left : 0);
    return fds[0].revents || is_stopping(u) ? -1 : n > 0;
}

/* Which tenants changed does not matter: the next look sees them all. */
static bool take_notifications(rh_upkeep *u, rh_err *err)
{
    PGconn *conn = rh_db_conn(u->db);
    PGnotify *n;
    if (!PQconsumeInput(conn))
        return rh_db_error(err, conn, NULL);
    while ((n = PQnotifies(conn)))
        PQfreemem(n);
    return true;
}

static void hang_up(rh_upkeep *u)
{
    register_connection(u, 0, NULL);
    rh_db_close(u->db);
    u->db = NULL;
}

/* LISTEN before the first look: what changes meanwhile is told afterwards. */
static bool dial(rh_upkeep *u, rh_err *err)
{
    u->db = rh_app_connect(&u->app, &u->app.first, RH_ROLE_OPERATOR, u->app.catalog_db, err);
    if (u->db && register_connection(u, 0, u->db) && rh_db_exec(u->db, "LISTEN rowhouse_tenant", err))
        return true;
    hang_up(u);
    return false;
}

static void *run(void *arg)
{
    rh_upkeep *u = arg;
    rh_err err;
    for (int got = 0; got >= 0;) {
        bool busy;
        if ((u->db || dial(u, &err)) && take_notifications(u, &err) && look(u, &busy, &err)) {
            got = wait_until(u, next_look(u, busy), true);
            if (got > 0)
                got = wait_until(u, rh_now_ms() + GATHER_MS, false);
        } else { /* the watch says that the catalog is away */
            hang_up(u);
            got = wait_until(u, rh_now_ms() + RECONNECT_MS, false);
        }
    }
    hang_up(u);
    return NULL;
}

rh_upkeep *rh_upkeep_start(const rh_app *app, rh_warm *warm, rh_err *err)
{
    rh_upkeep *u = rh_xcalloc(1, sizeof *u);
    u->app = *app;
    u->warm = warm;
    u->app.stop_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&u->lock, NULL);
    if (u->app.stop_fd > 0 && pthread_create(&u->thread, NULL, run, u) == 0)
        return u;
    rh_err_set(err, RH_E_IO, "cannot start a thread for the upkeep");
    if (u->app.stop_fd > 0)
        close(u->app.stop_fd);
    pthread_mutex_destroy(&u->lock);
    free(u);
    return NULL;
}

void rh_upkeep_stop(rh_upkeep *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&u->lock);
    u->stopping = true;
    for (int i = 0; i < CUT_MAX; i++)
        if (u->cut[i])
            shutdown(PQsocket(rh_db_conn(u->cut[i])), SHUT_RDWR);
    pthread_mutex_unlock(&u->lock);
    /* after the cut, so that what gives up now is not noted as a failure */
    eventfd_write(u->app.stop_fd, 1);
    pthread_join(u->thread, NULL);
    while (u->delays)
        forget_delays(u, u->delays->what);
    close(u->app.stop_fd);
    pthread_mutex_destroy(&u->lock);
    free(u);
}
