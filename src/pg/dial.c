/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/dial.h"

#include <string.h>

#include "base/sabotage.h"
#include "pg/db.h"

#define SET_TENANT "pg_catalog.set_config('rowhouse.tenant', $1, true)"
#define SET_TENANT_FOR_GOOD                                                                                  \
    "pg_catalog.set_config('rowhouse.tenant', $1, false)" /* what a leak begins with */
#define SET_TIMEOUT ", pg_catalog.set_config('statement_timeout', $2, true)"
#define ENTER "rowhouse.enter($1)"
/* of a write and a read, and of each with a time of its own */
#define PREPARE_BINDS(write, read)                                                                           \
    "PREPARE rh_bind_write(text) AS SELECT " write ";PREPARE rh_bind_read(text) AS SELECT " read             \
    ";PREPARE rh_bind_write_timed(text, text) AS SELECT " write SET_TIMEOUT                                  \
    ";PREPARE rh_bind_read_timed(text, text) AS SELECT " read SET_TIMEOUT                                    \
    ";SHOW default_transaction_isolation"

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

void rh_dial_describe(rh_err *err, const PGconn *pg)
{
    rh_db_error(err, pg, NULL);
    err->code = RH_E_UNAVAILABLE;
    if (!err->message[0])
        snprintf(err->message, sizeof err->message, "the connection ended");
}

/* Also asks whether reads may share a transaction: in a serializable one what they have seen counts after its
 * end only, and an error behind them would take that away. */
static bool prepare_binds(PGconn *pg, bool enter, bool *may_share, rh_err *err)
{
    PGresult *res =
        PQexec(pg, enter                     ? PREPARE_BINDS(ENTER, ENTER)
                   : rh_sabotaged("binding") ? PREPARE_BINDS(SET_TENANT_FOR_GOOD, SET_TENANT_FOR_GOOD)
                                             : PREPARE_BINDS(SET_TENANT, SET_TENANT RH_DIAL_SET_READ_ONLY));
    bool ok = PQresultStatus(res) == PGRES_TUPLES_OK;
    if (ok)
        *may_share = !enter && strcmp(PQgetvalue(res, 0, 0), "serializable") != 0;
    else
        rh_db_error(err, pg, res);
    PQclear(res);
    return ok;
}

static PGconn *connect_with(const rh_pool_settings *s, const char *options)
{
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", s->connect_timeout_s);
    /* the first dbname is expanded as a conninfo, which overrides what stands before and yields to what
     * follows. A network that is cut while an answer is owed is found out in 15 s. */
    const char *keys[] = {"connect_timeout",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          "dbname",
                          "dbname",
                          "user",
                          "password",
                          "options",
                          "client_encoding",
                          "fallback_application_name",
                          NULL};
    const char *values[] = {timeout,     "15000", "15",   s->conninfo, s->database, s->user,
                            s->password, options, "UTF8", "rowhouse",  NULL};
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    PQsetNoticeProcessor(pg, ignore_notice, NULL);
    return pg;
}

/* Dates are read as ISO 8601, whatever the database's own style; the order of day and month in what it reads
 * itself stays its own. As a startup option it outlives RESET ALL. */
static PGconn *ensure_iso_dates(PGconn *pg, const rh_pool_settings *s)
{
    char options[1024];
    const char *style = PQparameterStatus(pg, "DateStyle"), *order = style ? strchr(style, ',') : NULL;
    if (PQstatus(pg) != CONNECTION_OK || !style || strncmp(style, "ISO", 3) == 0)
        return pg;
    snprintf(options, sizeof options, "%s -c DateStyle=ISO%s%s", s->options ? s->options : "",
             order ? "," : "", order ? order + 1 + strspn(order + 1, " ") : "");
    PQfinish(pg);
    return connect_with(s, options);
}

PGconn *rh_dial(const rh_pool_settings *s, bool *may_share, rh_err *err)
{
    PGconn *pg = ensure_iso_dates(connect_with(s, s->options), s);
    if (PQstatus(pg) == CONNECTION_OK && prepare_binds(pg, s->enter, may_share, err) &&
        PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg))
        return pg;
    rh_dial_describe(err, pg);
    PQfinish(pg);
    return NULL;
}
