/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL door as it is today: sessions bound as `rowhouse psql TENANT` binds them. That tool is the
 * operator's, who may bind another tenant in it; so what is proven is that a session which stays with its
 * tenant sees nothing of others, whatever it reads, and that it cannot become another role.
 */
#include <string.h>

#include "sql.h"
#include "verify/roam.h"

#define TIMEOUT_OPTION " -c statement_timeout=10s"

struct session {
    rh_world *w;
    rh_verify_tenant *t;
    PGconn *pg;
    rh_arena *a;      /* its own */
    PGresult *things; /* what it finds: things.sql */
    bool enters;      /* on Citus: each question in a transaction that is bound, as psql has it there */
    rh_str notices;
};

static void on_notice(void *arg, const PGresult *res)
{
    struct session *s = arg;
    rh_str_add(&s->notices, PQresultErrorMessage(res));
}

static bool open_session(struct session *s, rh_err *err)
{
    const rh_app *app = s->w->app;
    const char *conninfo =
        rh_app_conninfo(app, s->t->home.node, s->a, RH_ROLE_SERVER, s->t->home.database, err);
    if (!conninfo)
        return false;
    const char *keys[] = {"dbname", "password", "options", "application_name", "client_encoding", NULL};
    const char *values[] = {
        conninfo,
        rh_app_password(app, RH_ROLE_SERVER),
        rh_arena_printf(s->a, "%s" TIMEOUT_OPTION, rh_home_session_options(s->a, &s->t->home, s->t->id)),
        rh_home_session_name(s->a, s->t->id),
        "UTF8",
        NULL};
    s->pg = PQconnectdbParams(keys, values, 1);
    if (PQstatus(s->pg) != CONNECTION_OK)
        return rh_db_error(err, s->pg, NULL) || rh_err_context(err, "a session of tenant %s", s->t->slug);
    PQsetNoticeReceiver(s->pg, on_notice, s);
    return true;
}

/* Everything that a result says: values, names of columns, errors. */
static void put_result(rh_str *out, const PGresult *res)
{
    for (int c = 0; c < PQnfields(res); c++)
        rh_str_addf(out, "%s\t", PQfname(res, c));
    for (int r = 0; r < PQntuples(res); r++)
        for (int c = 0; c < PQnfields(res); c++) {
            rh_str_addn(out, PQgetvalue(res, r, c), (size_t)PQgetlength(res, r, c));
            rh_str_addc(out, c + 1 < PQnfields(res) ? '\t' : '\n');
        }
    rh_str_add(out, PQresultErrorMessage(res));
}

static void enter(const struct session *s)
{
    if (!s->enters)
        return;
    PQclear(PQexec(s->pg, "BEGIN"));
    PQclear(PQexecParams(s->pg, "SELECT rowhouse.enter($1)", 1, NULL, &s->t->id, NULL, NULL, 0));
}

/* What it set stays set. */
static void leave(const struct session *s)
{
    if (s->enters)
        PQclear(PQexec(s->pg, "COMMIT"));
}

/* Asks, and gives what came to the judge. True: it was no error. */
static bool probe(struct session *s, const char *kind, int own, const char *sql)
{
    rh_world *w = s->w;
    rh_verify_tried *line = rh_verify_report_line(w->report, "sql", kind);
    rh_arena *a = rh_arena_new();
    rh_str text;
    rh_str_init_in(&text, a, (size_t)64 << 20);
    rh_str_init_in(&s->notices, a, RH_STR_TEXT_MAX);
    enter(s);
    PGresult *res = PQexec(s->pg, sql);
    leave(s);
    put_result(&text, res);
    rh_str_add(&text, rh_str_cstr(&s->notices));
    ExecStatusType status = PQresultStatus(res);
    PQclear(res);
    rh_answer_to to = {.door = "sql",
                       .kind = kind,
                       .own = own,
                       .asked = sql,
                       .where = "rows",
                       .ids_are_open = strcmp(kind, "catalogs") == 0};
    line->requests++;
    line->bytes += (int64_t)text.len;
    line->rows += strstr(rh_str_cstr(&text), s->t->canary->mark[RH_CANARY_TEXT]) != NULL;
    rh_judge_answer(&w->judge, &to, rh_str_cstr(&text), text.len);
    bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    line->good += good;
    rh_arena_free(a);
    return good;
}

static void probe_things(struct session *s, const char *kind, int own, const char *what)
{
    for (int i = 0; i < PQntuples(s->things); i++)
        if (strcmp(PQgetvalue(s->things, i, 0), what) == 0)
            probe(s, kind, own, PQgetvalue(s->things, i, 1));
}

/* A cast that fails tells the row it failed at: it must be one of the session's own. */
static void probe_errors(struct session *s, int own)
{
    for (int i = 0; i < PQntuples(s->things); i++)
        if (strcmp(PQgetvalue(s->things, i, 0), "table") == 0)
            probe(s, "errors", own,
                  rh_arena_printf(s->a, "SELECT count(*) FROM (%s) t WHERE t::text::int = 1",
                                  PQgetvalue(s->things, i, 1)));
}

static void probe_roles(struct session *s, int own)
{
    static const char *const ways[] = {"SET ROLE ", "SET SESSION AUTHORIZATION "};
    PGresult *roles = PQexec(s->pg, rh_sql_verify_roles);
    for (int i = 0; i < PQntuples(roles); i++)
        for (int way = 0; way < 2; way++) {
            rh_str sql;
            rh_str_init_in(&sql, s->a, 256);
            rh_str_add(&sql, ways[way]);
            rh_str_add_ident(&sql, PQgetvalue(roles, i, 0));
            if (!probe(s, "roles", own, rh_str_cstr(&sql)))
                continue;
            probe_things(s, "roles", own, "table");
            PQclear(PQexec(s->pg, "RESET SESSION AUTHORIZATION"));
            PQclear(PQexec(s->pg, "RESET ROLE"));
        }
    PQclear(roles);
}

static void probe_settings(struct session *s, int own)
{
    static const struct {
        const char *sql;
        bool unbound;
    } tries[] = {{"SET row_security = off", false},
                 {"SET session_replication_role = replica", false},
                 {"SET search_path = pg_catalog, pg_temp", false},
                 {"SET rowhouse.tenant = ''", true},
                 {"SET rowhouse.tenant TO DEFAULT", false},
                 {"DISCARD ALL", false}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        probe(s, "settings", own, tries[i].sql);
        s->enters = s->t->citus && !tries[i].unbound;
        probe_things(s, "settings", tries[i].unbound ? RH_NOBODY : own, "table");
        PQclear(PQexec(s->pg, "RESET ALL"));
        s->enters = s->t->citus;
    }
}

/* What is known and documented: told, not counted. */
static void probe_rebinding(struct session *s, const rh_verify_tenant *other)
{
    size_t n = 0;
    const char *id = other->id;
    PQclear(PQexecParams(s->pg, "SELECT pg_catalog.set_config('rowhouse.tenant', $1, false)", 1, NULL, &id,
                         NULL, NULL, 0));
    for (int i = 0; !n && i < PQntuples(s->things); i++) {
        rh_str text;
        rh_str_init_in(&text, s->a, RH_STR_TEXT_MAX);
        PGresult *res = PQexec(s->pg, PQgetvalue(s->things, i, 1));
        put_result(&text, res);
        PQclear(res);
        if (strcmp(PQgetvalue(s->things, i, 0), "table") == 0)
            rh_canary_search(s->a, other->canary, 1, RH_NOBODY, rh_str_cstr(&text), text.len, &n);
    }
    if (n)
        rh_verify_report_note(s->w->report,
                              "`rowhouse psql TENANT` is the operator's: who has it may bind another tenant "
                              "with SET rowhouse.tenant, and sees its rows (docs/security.md)");
    PQclear(PQexec(s->pg, "RESET ALL"));
}

static bool is_first_of_its_kind(const rh_world *w, const rh_verify_tenant *t)
{
    for (const rh_verify_tenant *other = w->tenants; other < t; other++)
        if (other->home.model == t->home.model && other->home.node->id == t->home.node->id)
            return false;
    return true;
}

/* Somebody else in the same database, where there is one. */
static const rh_verify_tenant *neighbour_of(const struct session *s)
{
    const rh_world *w = s->w;
    for (int i = 0; i < w->n; i++)
        if (&w->tenants[i] != s->t && w->tenants[i].home.node->id == s->t->home.node->id &&
            w->tenants[i].home.model == s->t->home.model)
            return &w->tenants[i];
    return s->t + 1;
}

static bool walk(struct session *s, rh_err *err)
{
    int own = (int)(s->t - s->w->tenants);
    if (!open_session(s, err))
        return false;
    PQclear(PQexec(s->pg, "SET search_path = pg_catalog"));
    s->things = PQexec(s->pg, rh_sql_verify_things);
    PQclear(PQexec(s->pg, "RESET search_path"));
    if (PQresultStatus(s->things) != PGRES_TUPLES_OK)
        return rh_db_error(err, s->pg, s->things);
    probe_things(s, "tables", own, "table");
    probe_things(s, "functions", own, "function");
    probe_errors(s, own);
    if (is_first_of_its_kind(s->w, s->t)) {
        probe_things(s, "catalogs", own, "catalog");
        probe_roles(s, own);
        probe_settings(s, own);
        probe_rebinding(s, neighbour_of(s));
    }
    return PQstatus(s->pg) == CONNECTION_OK || rh_db_error(err, s->pg, NULL);
}

bool rh_roam_sql(rh_world *w, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = true;
    for (int i = 0; ok && i < w->n && (ok = rh_world_go_on(w, err)); i++) {
        struct session s = {.w = w, .t = &w->tenants[i], .a = a, .enters = w->tenants[i].citus};
        if (s.t->still)
            continue;
        ok = walk(&s, err);
        PQclear(s.things);
        PQfinish(s.pg);
    }
    rh_arena_free(a);
    return ok;
}
