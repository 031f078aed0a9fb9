/* SPDX-License-Identifier: Apache-2.0 */
#include "load/homes.h"

#include <stdio.h>
#include <string.h>

#include "load/lines.h"

void rh_load_explain(const char *file, int64_t line, rh_err *err)
{
    if (line)
        rh_err_context(err, "%s:%lld", file, (long long)line);
    else
        rh_err_context(err, "%s", file);
    if (!*err->hint)
        rh_err_hint(err, "Nothing was loaded.");
}

/* ---- one home ---- */

static bool send_record(void *arg, const rh_csv_record *r, rh_err *err)
{
    PGconn *conn = arg;
    return PQputCopyData(conn, r->raw, (int)r->raw_len) == 1 || rh_db_error(err, conn, NULL);
}

/* Looks for the record in which COPY says its line `wanted` is. */
struct search {
    rh_lines *lines;
    int64_t wanted, line;
};

static bool look(void *arg, const rh_csv_record *r, rh_err *err)
{
    struct search *s = arg;
    (void)err;
    if (rh_lines_note(s->lines, r) >= s->wanted)
        s->line = r->line;
    return !s->line;
}

static int64_t find_line(rh_spool_part *part, int64_t wanted)
{
    rh_err ignored;
    struct search s = {rh_lines_new(), wanted, 0};
    if (wanted)
        rh_spool_each(part, look, &s, &ignored);
    rh_lines_free(s.lines);
    return s.line;
}

static bool of_home(const rh_load_place *place, rh_err *err)
{
    return rh_err_context(err, "home of %s", place->slug);
}

static bool copy(rh_load_homes *h, const rh_load_table *t, const rh_load_place *place, rh_err *err)
{
    int64_t line;
    if (!rh_load_table_start(t, h->a, h->order, h->n_order, false, err))
        return of_home(place, err);
    bool sent = rh_spool_each(place->part, send_record, rh_db_conn(t->db), err);
    if (rh_load_table_end(t, sent, &line, err))
        return true;
    of_home(place, err);
    if (sent && err->code == RH_E_INVALID)
        rh_load_explain(h->file, find_line(place->part, line), err);
    return false;
}

static bool fill(rh_load_homes *h, rh_db *db, const rh_load_place *place, rh_err *err)
{
    rh_load_table t;
    const rh_conf *conf = h->o->app->conf;
    if (!rh_load_table_read(&t, h->a, conf, db, place->home.schema, NULL, h->main->name, err))
        return of_home(place, err);
    for (int i = 0; i < h->main->n; i++) {
        const char *name = h->main->columns[i].name;
        rh_load_column *c = rh_load_table_find(&t, name, strlen(name));
        if (c)
            c->max = place->max[i];
    }
    return copy(h, &t, place, err) &&
           ((rh_load_table_advance(&t, h->a, err) && rh_db_exec(db, "SET CONSTRAINTS ALL IMMEDIATE", err)) ||
            of_home(place, err));
}

/* ---- all of them ---- */

static bool commit_held(rh_load_homes *h, rh_err *err)
{
    bool ok = true;
    rh_err ignored;
    for (int i = 0; i < h->n_held; i++) {
        struct rh_load_held *held = &h->held[i];
        if (ok && !rh_db_exec(held->db, "COMMIT", err))
            ok = of_home(held->place, err);
        else if (!ok)
            rh_db_exec(held->db, "ROLLBACK", &ignored);
        else if (h->n_committed++ < RH_LOAD_NAMED)
            h->committed[h->n_committed - 1] = held->place->slug;
        rh_home_leave(held->db, held->shared);
    }
    h->n_held = 0;
    return ok;
}

/* Whether a transaction is open on the connection already. */
static bool is_held(const rh_load_homes *h, const rh_db *db)
{
    bool found = db == h->main->db;
    for (int i = 0; i < h->n_held; i++)
        found |= h->held[i].db == db;
    return found;
}

static bool enter_and_fill(rh_load_homes *h, const rh_load_place *place, rh_err *err)
{
    if (h->n_held == RH_LOAD_HELD && !commit_held(h, err))
        return false;
    rh_db *shared = rh_operator_shared(h->o, &place->home, err),
          *db = shared ? rh_home_enter(h->o->app, &place->home, shared, err) : NULL;
    if (!db)
        return of_home(place, err);
    if (is_held(h, db))
        return fill(h, db, place, err);
    h->held[h->n_held++] = (struct rh_load_held){db, shared, place};
    return rh_db_exec(db, "BEGIN", err) ? fill(h, db, place, err) : of_home(place, err);
}

bool rh_load_homes_fill(rh_load_homes *h, rh_load_place *places, rh_err *err)
{
    for (int databases = 0; databases < 2; databases++) /* those of the main transaction first */
        for (rh_load_place *p = places; p; p = p->next)
            if ((p->home.model == RH_MODEL_DATABASE) == databases && !enter_and_fill(h, p, err))
                return false;
    return true;
}

static void name_committed(const rh_load_homes *h, bool main_committed, rh_err *err)
{
    rh_str list;
    int shown = h->n_committed < RH_LOAD_NAMED ? h->n_committed : RH_LOAD_NAMED;
    rh_str_init_in(&list, h->a, sizeof err->detail);
    if (main_committed)
        rh_str_addf(&list, "all shared and schema homes%s", shown ? ", " : "");
    for (int i = 0; i < shown; i++)
        rh_str_addf(&list, "%s%s", i ? ", " : "", h->committed[i]);
    if (h->n_committed > shown)
        rh_str_addf(&list, " and %d more", h->n_committed - shown);
    rh_str_addf(&list, "%s%s", *err->detail ? ". " : "", err->detail);
    rh_err_detail(err, "loaded already: %s", rh_str_cstr(&list));
    rh_err_hint(err,
                "Take the rows of these tenants out of the file before loading it again: the homes of all "
                "others have none of theirs.");
}

bool rh_load_homes_end(rh_load_homes *h, bool ok, rh_err *err)
{
    rh_err ignored;
    bool main_committed = ok;
    ok = ok && commit_held(h, err);
    for (int i = 0; i < h->n_held; i++) {
        rh_db_exec(h->held[i].db, "ROLLBACK", &ignored);
        rh_home_leave(h->held[i].db, h->held[i].shared);
    }
    h->n_held = 0;
    if (!ok && (main_committed || h->n_committed))
        name_committed(h, main_committed, err);
    return ok;
}
