/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/ask.h"

/* $1 search_path, $2 tenant, $3 read only, $4 role, $5 whether they end with the implicit transaction. When
 * it reads they do. What writes may hold a COMMIT (DO, CALL) and must not find itself elsewhere behind it:
 * they stand until the next home is entered. */
#define ENTER                                                                                                \
    "SELECT set_config('search_path', $1, $5), set_config('rowhouse.tenant', $2, $5),"                       \
    " set_config('transaction_read_only', $3, true), set_config('role', $4, $5)"
#define ENTER_NAME "rowhouse_enter"

struct asking {
    PGconn *conn;
    const rh_ask *ask;
    rh_gather *to;
    size_t task;
    bool go_on;
};

static bool send(const struct asking *s, const rh_fleet_home *h, rh_arena *a)
{
    const char *params[] = {rh_home_search_path(a, &h->home), h->tenant ? h->tenant : "",
                            s->ask->write ? "off" : "on", h->apart ? s->ask->owner : "none",
                            s->ask->write ? "off" : "on"};
    return PQsendQueryPrepared(s->conn, ENTER_NAME, 5, params, NULL, NULL, 0) &&
           PQsendQueryParams(s->conn, s->ask->sql, 0, NULL, NULL, NULL, NULL, 0) && PQpipelineSync(s->conn);
}

static bool is_over(ExecStatusType status)
{
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE &&
           status != PGRES_PIPELINE_ABORTED;
}

/* Results of one query of the pipeline, up to libpq's NULL. Rows are given on only where they are wanted. */
static void take_query(struct asking *s, const rh_fleet_home *h, bool wanted, bool *failed)
{
    rh_err why;
    for (PGresult *res; (res = PQgetResult(s->conn));) {
        ExecStatusType status = PQresultStatus(res);
        if (is_over(status) && !*failed) {
            rh_db_error(&why, s->conn, res);
            s->go_on &= rh_gather_fail(s->to, s->task, h->label, &why);
            *failed = true;
        }
        if (wanted && !*failed && s->go_on && status != PGRES_PIPELINE_ABORTED)
            s->go_on = rh_gather_add(s->to, s->task, h->label, res);
        else
            PQclear(res);
        if (PQstatus(s->conn) == CONNECTION_BAD || !s->go_on)
            return;
    }
}

static void take(struct asking *s, const rh_fleet_home *h)
{
    rh_err why;
    bool failed = false;
    take_query(s, h, false, &failed);
    if (PQstatus(s->conn) == CONNECTION_OK) {
        PQsetSingleRowMode(s->conn);
        take_query(s, h, true, &failed);
    }
    if (!s->go_on)
        return; /* the connection will be closed with what is left in it */
    PGresult *res = PQstatus(s->conn) == CONNECTION_OK ? PQgetResult(s->conn) : NULL;
    /* a deferred constraint fails here, after the rows */
    if (PQresultStatus(res) != PGRES_PIPELINE_SYNC && !failed) {
        rh_db_error(&why, s->conn, res);
        if (s->ask->write && PQstatus(s->conn) == CONNECTION_BAD)
            rh_err_hint(&why, "Whether it was done there is not known.");
        s->go_on &= rh_gather_fail(s->to, s->task, h->label, &why);
        while (res && PQresultStatus(res) != PGRES_PIPELINE_SYNC && PQstatus(s->conn) == CONNECTION_OK) {
            PQclear(res);
            res = PQgetResult(s->conn);
        }
    }
    PQclear(res);
}

static bool prepare(PGconn *conn)
{
    PGresult *res = PQprepare(conn, ENTER_NAME, ENTER, 0, NULL);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

bool rh_ask_homes(PGconn *conn, const rh_ask *ask, const rh_fleet_home *homes, size_t n, rh_gather *to,
                  size_t task)
{
    struct asking s = {conn, ask, to, task, true};
    rh_arena *a = rh_arena_new();
    size_t sent = 0;
    rh_err why;
    if (PQpipelineStatus(conn) == PQ_PIPELINE_OFF && prepare(conn))
        PQenterPipelineMode(conn);
    while (sent < n && PQpipelineStatus(conn) != PQ_PIPELINE_OFF && send(&s, &homes[sent], a))
        sent++;
    for (size_t i = 0; i < sent && s.go_on; i++)
        take(&s, &homes[i]);
    for (size_t i = sent; i < n && s.go_on; i++) {
        rh_db_error(&why, conn, NULL);
        s.go_on = rh_gather_fail(to, task, homes[i].label, &why);
    }
    rh_arena_free(a);
    return s.go_on;
}
