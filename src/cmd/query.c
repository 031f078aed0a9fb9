/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/operate.h"
#include "cmd/print_rows.h"
#include "fleet/query.h"
#include "sql.h"

struct asking {
    rh_row_printer printer;
    rh_arena *a;
    RH_VEC(const char *) failures; /* a line each */
};

static bool on_rows(void *arg, const PGresult *rows, rh_err *err)
{
    struct asking *s = arg;
    return rh_rows_print(&s->printer, rows, err);
}

static void on_failure(void *arg, const char *label, const rh_err *why)
{
    struct asking *s = arg;
    const char *line =
        rh_arena_printf(s->a, "%s: %s%s%s", label, why->message, *why->hint ? "; " : "", why->hint);
    RH_VEC_PUSH(s->a, &s->failures, line);
}

static bool parse(rh_cmdline *line, rh_fleet_query *q, rh_row_format *format, rh_err *err)
{
    const char *jobs = rh_cmdline_get(line, "jobs");
    int64_t n = 0;
    *q = (rh_fleet_query){.sql = line->args.items[0],
                          .reduce = rh_cmdline_get(line, "reduce"),
                          .write = rh_cmdline_get(line, "write") != NULL,
                          .apart = rh_cmdline_get(line, "apart") != NULL};
    *format = rh_cmdline_get(line, "csv")    ? RH_ROWS_CSV
              : rh_cmdline_get(line, "json") ? RH_ROWS_JSON
                                             : RH_ROWS_TABLE;
    if (rh_cmdline_get(line, "csv") && rh_cmdline_get(line, "json"))
        return rh_err_set(err, RH_E_USAGE, "--csv or --json, not both");
    if (jobs && (!rh_parse_int(jobs, &n) || n < 1 || n > 64))
        return rh_err_set(err, RH_E_USAGE, "--jobs %s: not a number from 1 to 64", jobs);
    q->jobs = (int)n;
    return true;
}

/* ---- a write ---- */

static void part(rh_str *out, size_t n, const char *one, const char *many)
{
    if (n)
        rh_str_addf(out, "%s%zu %s", out->len ? ", " : "", n, n == 1 ? one : many);
}

static const char *describe(const rh_fleet_plan *plan, rh_arena *a)
{
    rh_str s;
    rh_str_init_in(&s, a, 512);
    part(&s, plan->shared, "shared home as a whole", "shared homes, each as a whole");
    part(&s, plan->apart, "tenant of shared homes by itself", "tenants of shared homes, each by itself");
    part(&s, plan->schemas, "schema home", "schema homes");
    part(&s, plan->databases, "database home", "database homes");
    return rh_str_cstr(&s);
}

/* The plan is shown; true when the user means it. */
static bool confirm(rh_cmdline *line, rh_operator *o, const rh_fleet_query *q, rh_err *err)
{
    rh_fleet_plan plan;
    if (!rh_fleet_plan_read(o, q, &plan, err))
        return false;
    fprintf(stderr,
            "This will run, in a transaction of its own for each, in %s (%lld tenant%s in all):\n  %s\n",
            plan.homes ? describe(&plan, line->a) : "no home", (long long)plan.tenants,
            plan.tenants == 1 ? "" : "s", q->sql);
    return rh_cmd_confirm(line, "yes", err);
}

static bool note_write(rh_operator *o, const rh_fleet_query *q, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    bool ok = rh_db_query(o->catalog, a, rh_sql_tenants_note_query, 1, &q->sql, err) != NULL;
    rh_arena_free(a);
    return ok;
}

/* ---- the command ---- */

/* Failures at the end; false when there were any. */
static bool tell_failures(const struct asking *s, rh_err *err)
{
    if (!s->failures.len)
        return true;
    for (size_t i = 0; i < s->failures.len; i++)
        fprintf(stderr, "%s\n", s->failures.items[i]);
    return rh_err_set(err, RH_E_DB, "%zu home%s failed", s->failures.len, s->failures.len == 1 ? "" : "s");
}

static bool ask(rh_cmdline *line, rh_operator *o, rh_err *err)
{
    rh_err ended;
    rh_fleet_query q;
    struct asking s = {.printer = {.out = stdout}, .a = line->a};
    if (!parse(line, &q, &s.printer.format, err) ||
        (q.write && (!confirm(line, o, &q, err) || !note_write(o, &q, err))))
        return false;
    bool ok = rh_fleet_ask(o, &q, on_rows, on_failure, &s, err);
    if (!rh_rows_end(&s.printer, &ended) && ok) {
        *err = ended;
        ok = false;
    }
    if (!tell_failures(&s, &ended) && ok) {
        *err = ended;
        ok = false;
    }
    return ok;
}

int rh_cmd_query(rh_cmdline *line)
{
    rh_err err;
    rh_fleet_query q;
    rh_row_format format;
    if (!parse(line, &q, &format, &err)) /* before a server is started for it */
        return rh_cmd_fail(&err);
    signal(SIGPIPE, SIG_IGN); /* `| head`: the writing fails instead, and the private server is let go */
    return rh_cmd_operate(line, ask);
}
