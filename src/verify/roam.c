/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/roam.h"

#include <string.h>

#include "verify/wire.h"

#define SOCKETS 8
#define DEPTH 4 /* requests on one socket at once */

static bool holds_own(const rh_canary *c, const rh_wire_answer *answer)
{
    for (int form = 0; form < RH_CANARY_FORMS; form++)
        if (memmem(answer->body, answer->body_len, c->mark[form], strlen(c->mark[form])))
            return true;
    return false;
}

static void judge(rh_world *w, const rh_ask *ask, const rh_wire_answer *answer)
{
    rh_verify_tried *line = rh_verify_report_line(w->report, ask->door, ask->kind);
    rh_answer_to to = {.door = ask->door, .kind = ask->kind, .own = ask->own, .asked = ask->text};
    line->requests++;
    line->good += answer->status >= 200 && answer->status < 300;
    line->bytes += (int64_t)(answer->head_len + answer->body_len);
    line->rows += ask->own != RH_NOBODY && answer->status >= 200 && answer->status < 300 &&
                  holds_own(&w->canaries[ask->own], answer);
    to.where = "head";
    if (answer->head)
        rh_judge_answer(&w->judge, &to, answer->head, answer->head_len);
    to.where = "body";
    rh_judge_answer(&w->judge, &to, answer->body, answer->body_len);
}

/* Sends them together. Who writes first has it for its own before anybody reads. */
static bool ask_all(rh_world *w, rh_wire *wire, rh_arena *a, const rh_ask *asks, size_t n, int *unanswered,
                    rh_err *err)
{
    rh_wire_answer *answers = RH_NEW_ARRAY(a, rh_wire_answer, n);
    for (size_t i = 0; i < n; i++)
        if (asks[i].writes && asks[i].body)
            rh_judge_wrote(&w->judge, asks[i].own, asks[i].body);
    if (!rh_wire_ask(wire, a, asks, n, answers, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        judge(w, &asks[i], &answers[i]);
        *unanswered += !answers[i].head && !asks[i].abort;
    }
    return true;
}

/* A walk along closed doors proves nothing. */
static bool check_walk(rh_world *w, int requests, int unanswered, rh_err *err)
{
    int64_t rows = 0;
    for (size_t i = 0; i < w->report->tried.len; i++)
        if (strcmp(w->report->tried.items[i]->door, "data") == 0)
            rows += w->report->tried.items[i]->rows;
    if (unanswered * 20 > requests)
        return rh_err_set(err, RH_E_UNAVAILABLE, "%d of %d requests got no answer", unanswered, requests);
    if (rows == 0) {
        rh_err_set(err, RH_E_STATE, "no answer of the data door held a row of the tenant that asked");
        return rh_err_hint(err, "Nothing is proven then. The tables that are not covered may say why; more "
                                "--requests may help.");
    }
    return true;
}

bool rh_roam_data(rh_world *w, int port, int requests, rh_err *err)
{
    rh_asker *asker = rh_asker_new(w, err);
    rh_wire *wire = rh_wire_new(port, SOCKETS);
    rh_arena *a = rh_arena_new();
    rh_ask asks[SOCKETS * DEPTH];
    int sent = 0, unanswered = 0;
    bool ok = asker != NULL;
    while (ok && sent < requests && (ok = rh_world_go_on(w, err))) {
        int n = 1 + rh_dice_int(&w->dice, SOCKETS * DEPTH);
        n = n < requests - sent ? n : requests - sent;
        for (int i = 0; i < n; i++)
            rh_asker_next(asker, a, &asks[i]);
        ok = ask_all(w, wire, a, asks, (size_t)n, &unanswered, err);
        sent += n;
        rh_arena_clear(a);
    }
    ok = ok && check_walk(w, requests, unanswered, err);
    rh_arena_free(a);
    rh_wire_free(wire);
    rh_asker_free(asker);
    return ok;
}

bool rh_roam_control(rh_world *w, int port, rh_err *err)
{
    if (w->app->conf->control_open) {
        rh_verify_report_note(w->report,
                              "control.open is on: whoever reaches the control door may see and do "
                              "everything; it was not tried");
        return true;
    }
    rh_asker *asker = rh_asker_new(w, err);
    rh_wire *wire = rh_wire_new(port, 1);
    rh_arena *a = rh_arena_new();
    rh_ask ask;
    int unanswered = 0;
    bool ok = asker != NULL;
    for (int i = 0; ok && rh_asker_control(asker, a, i, &ask); i++) {
        ok = ask_all(w, wire, a, &ask, 1, &unanswered, err);
        rh_arena_clear(a);
    }
    rh_arena_free(a);
    rh_wire_free(wire);
    rh_asker_free(asker);
    return ok;
}
