/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/step.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/service.h"
#include "sql.h"
#include "verify/roam.h"
#include "verify/scratch.h"

#define TENANTS_LEAST 3 /* two that ask, one that does not */
#define TENANTS_MOST 20
#define REQUESTS_MOST 10000000
#define BEFORE_MAX ((size_t)1 << 20)

enum { NONE_FOUND = 0, LEAK_FOUND = 1, NOT_RUN = 2 };

struct plan {
    int64_t tenants, requests, seed;
    unsigned models; /* bits: 1 << rh_model */
    const char *before;
    bool strict, json;
};

static bool stopped(void)
{
    return rh_interrupt_came() != 0;
}

/* ---- what is wanted ---- */

static bool number(const rh_cmdline *line, const char *name, int64_t least, int64_t most, int64_t *out,
                   rh_err *err)
{
    const char *text = rh_cmdline_get(line, name);
    if (!text || (rh_parse_int(text, out) && *out >= least && *out <= most))
        return true;
    return rh_err_set(err, RH_E_USAGE, "--%s %s: not a number from %lld to %lld", name, text,
                      (long long)least, (long long)most);
}

static bool named_models(rh_arena *a, const char *text, unsigned *out, rh_err *err)
{
    rh_model model;
    char *save = NULL, *copy = rh_arena_strdup(a, text);
    for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        if (!rh_model_parse(word, &model))
            return rh_err_set(err, RH_E_USAGE, "--models %s: %s is not shared, schema or database", text,
                              word);
        *out |= 1u << model;
    }
    return *out || rh_err_set(err, RH_E_USAGE, "--models names no model");
}

/* The models of the tenants that the app has; without any, that of new ones. */
static unsigned models_in_use(const rh_app *app)
{
    rh_err ignored;
    rh_model model;
    unsigned models = 0;
    rh_arena *a = rh_arena_new();
    rh_db *db = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->catalog_db, &ignored);
    PGresult *res = db ? rh_db_query(db, a, rh_sql_verify_models, 0, NULL, &ignored) : NULL;
    for (int i = 0; res && i < PQntuples(res); i++)
        if (rh_model_parse(PQgetvalue(res, i, 0), &model))
            models |= 1u << model;
    rh_db_close(db);
    rh_arena_free(a);
    return models ? models : 1u << app->conf->model;
}

static bool read_plan(rh_cmdline *line, struct plan *p, rh_err *err)
{
    const char *models = rh_cmdline_get(line, "models"), *before = rh_cmdline_get(line, "before");
    *p = (struct plan){.tenants = 4,
                       .requests = 2000,
                       .seed = rh_now_us() % 1000000000,
                       .strict = rh_cmdline_get(line, "strict"),
                       .json = rh_cmdline_get(line, "json")};
    return number(line, "tenants", TENANTS_LEAST, TENANTS_MOST, &p->tenants, err) &&
           number(line, "requests", 1, REQUESTS_MOST, &p->requests, err) &&
           number(line, "seed", 0, INT64_MAX, &p->seed, err) &&
           (!models || named_models(line->a, models, &p->models, err)) &&
           (!before || (p->before = rh_file_read(line->a, before, BEFORE_MAX, NULL, err)));
}

static const char *model_names(rh_arena *a, unsigned models)
{
    rh_str text;
    rh_str_init_in(&text, a, 64);
    for (int m = RH_MODEL_SHARED; m <= RH_MODEL_DATABASE; m++)
        if (models >> m & 1)
            rh_str_addf(&text, "%s%s", text.len ? ", " : "", rh_model_name((rh_model)m));
    return rh_str_cstr(&text);
}

/* ---- doing it ---- */

static bool roam(rh_world *w, rh_app *scratch, const struct plan *p, rh_err *err)
{
    rh_service *s = rh_service_start(scratch, err);
    bool ok = s && rh_roam_data(w, rh_service_data_port(s), (int)p->requests, err) &&
              rh_roam_control(w, rh_service_control_port(s), err) && rh_roam_sql(w, err);
    if (s)
        rh_service_stop(s);
    return ok;
}

static bool run(rh_scratch *scratch, const struct plan *p, rh_verify_report *report, rh_err *err)
{
    rh_world w;
    fprintf(stderr, "%d tenants of each model (%s) in the scratch copy %s, seed %llu\n", report->tenants,
            report->models, scratch->name, (unsigned long long)report->seed);
    bool ok = rh_world_make(&w, scratch, p->models, (int)p->tenants, report, stopped, err) &&
              (!p->before || rh_world_run(&w, p->before, err) || rh_err_context(err, "--before"));
    rh_step("verify.filled");
    ok = ok && rh_world_note(&w, err) && roam(&w, &scratch->app, p, err) && rh_world_check(&w, err);
    rh_world_release(&w);
    return ok;
}

static int tell(const struct plan *p, const rh_verify_report *report)
{
    if (p->json)
        rh_verify_report_json(report, stdout);
    else
        rh_verify_report_print(report, stdout);
    int uncovered = rh_verify_report_uncovered(report);
    if (p->strict && uncovered && !report->n_leaks)
        fprintf(stderr, "rowhouse: tables are not covered, and --strict is set\n");
    return report->n_leaks ? LEAK_FOUND : p->strict && uncovered ? NOT_RUN : NONE_FOUND;
}

static bool verify(rh_cmdline *line, const rh_app *app, struct plan *p, int *status, rh_err *err)
{
    int swept;
    rh_scratch scratch;
    rh_err why;
    int64_t since = rh_now_ms();
    if (!rh_scratch_sweep(app, line->a, &swept, err))
        return false;
    if (!p->models)
        p->models = models_in_use(app);
    rh_verify_report report = {.a = line->a,
                               .app = app->conf->app_name,
                               .seed = (uint64_t)p->seed,
                               .tenants = (int)p->tenants,
                               .models = model_names(line->a, p->models)};
    bool ok =
        rh_scratch_make(&scratch, line->a, app, line->settings.items, err) && run(&scratch, p, &report, err);
    report.seconds = (double)(rh_now_ms() - since) / 1000;
    bool removed = rh_scratch_remove(&scratch, ok ? err : &why);
    if (!ok && !removed)
        rh_err_print(&why);
    if (ok)
        *status = tell(p, &report);
    return ok && removed;
}

int rh_cmd_verify(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    struct plan p;
    int status = NOT_RUN;
    if (!read_plan(line, &p, &err)) {
        rh_cmd_fail(&err);
        return NOT_RUN;
    }
    rh_interrupt_note();
    if (!rh_cmdline_open(line, &app, &err)) {
        rh_cmd_fail(&err);
        return NOT_RUN;
    }
    bool ok = verify(line, &app, &p, &status, &err);
    rh_cmdline_close(&app);
    if (!ok && rh_interrupt_came())
        return 128 + rh_interrupt_came();
    if (!ok)
        rh_cmd_fail(&err);
    return ok ? status : status == LEAK_FOUND ? LEAK_FOUND : NOT_RUN;
}
