/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

rh_verify_tried *rh_verify_report_line(rh_verify_report *r, const char *door, const char *kind)
{
    for (size_t i = 0; i < r->tried.len; i++)
        if (strcmp(r->tried.items[i]->door, door) == 0 && strcmp(r->tried.items[i]->kind, kind) == 0)
            return r->tried.items[i];
    rh_verify_tried *t = RH_NEW(r->a, rh_verify_tried);
    t->door = door;
    t->kind = kind;
    RH_VEC_PUSH(r->a, &r->tried, t);
    return t;
}

void rh_verify_report_leak(rh_verify_report *r, const rh_verify_leak *leak)
{
    rh_verify_report_line(r, leak->door, leak->kind)->leaks++;
    r->n_leaks++;
    if (r->leaks.len < RH_VERIFY_LEAKS)
        RH_VEC_PUSH(r->a, &r->leaks, *leak);
}

void rh_verify_report_note(rh_verify_report *r, const char *text)
{
    for (size_t i = 0; i < r->notes.len; i++)
        if (strcmp(r->notes.items[i], text) == 0)
            return;
    RH_VEC_PUSH(r->a, &r->notes, rh_arena_strdup(r->a, text));
}

int rh_verify_report_uncovered(const rh_verify_report *r)
{
    int n = 0;
    for (size_t i = 0; i < r->coverage.len; i++)
        n += r->coverage.items[i].reason != NULL;
    return n;
}

/* ---- for people ---- */

static void print_tried(const rh_verify_report *r, FILE *out)
{
    fprintf(out, "%-8s %-10s %9s %9s %10s %12s %6s\n", "door", "kind", "requests", "no error", "with rows",
            "bytes", "leaks");
    for (size_t i = 0; i < r->tried.len; i++) {
        const rh_verify_tried *t = r->tried.items[i];
        fprintf(out, "%-8s %-10s %9lld %9lld %10lld %12lld %6lld\n", t->door, t->kind, (long long)t->requests,
                (long long)t->good, (long long)t->rows, (long long)t->bytes, (long long)t->leaks);
    }
}

/* What came from the database must not steer the terminal. */
static void print_plain(FILE *out, const char *text, size_t max)
{
    for (size_t i = 0; text[i] && i < max; i++)
        fputc((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i], out);
    if (strlen(text) > max)
        fputs(" ...", out);
}

static void print_leak(const rh_verify_leak *l, FILE *out)
{
    fprintf(out, "\nLEAK  %s door, %s: %s met %s of %s in the %s\n  asked: ", l->door, l->kind, l->asked_as,
            l->canary, l->owner, l->where);
    print_plain(out, l->asked, 600);
    fputs("\n  there: ", out);
    print_plain(out, l->excerpt, 300);
    fputc('\n', out);
}

/* Each table once, however many homes said the same. */
static bool said_before(const rh_verify_report *r, size_t i)
{
    const rh_coverage *c = &r->coverage.items[i];
    for (size_t k = 0; k < i; k++) {
        const rh_coverage *other = &r->coverage.items[k];
        if (other->model == c->model && strcmp(other->table, c->table) == 0 && !other->reason == !c->reason)
            return true;
    }
    return false;
}

static void print_coverage(const rh_verify_report *r, FILE *out)
{
    for (size_t i = 0; i < r->coverage.len; i++) {
        const rh_coverage *c = &r->coverage.items[i];
        if (c->reason && !said_before(r, i))
            fprintf(out, "not covered: table %s (%s): %s\n", c->table, rh_model_name(c->model), c->reason);
    }
}

void rh_verify_report_print(const rh_verify_report *r, FILE *out)
{
    print_tried(r, out);
    for (size_t i = 0; i < r->leaks.len; i++)
        print_leak(&r->leaks.items[i], out);
    fputc('\n', out);
    print_coverage(r, out);
    for (size_t i = 0; i < r->notes.len; i++)
        fprintf(out, "note: %s\n", r->notes.items[i]);
    fprintf(out, "%s: %d tenants of each model (%s) on %s, seed %llu, %.1f s: ", r->app, r->tenants,
            r->models, r->nodes, (unsigned long long)r->seed, r->seconds);
    if (r->n_leaks)
        fprintf(out, "%lld LEAK%s\n", (long long)r->n_leaks, r->n_leaks == 1 ? "" : "S");
    else
        fputs("no leak found\n", out);
}

/* ---- for programs ---- */

static json_t *text(const char *s)
{
    json_t *j = json_string(s); /* NULL where the bytes are no UTF-8 */
    return j ? j : json_string("(not UTF-8)");
}

static json_t *tried_json(const rh_verify_tried *t)
{
    return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "door", t->door, "kind", t->kind, "requests",
                     (json_int_t)t->requests, "no_error", (json_int_t)t->good, "bytes", (json_int_t)t->bytes,
                     "with_rows", (json_int_t)t->rows, "leaks", (json_int_t)t->leaks);
}

static json_t *leak_json(const rh_verify_leak *l)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:o}", "door", l->door, "kind", l->kind, "asked_as",
                     l->asked_as, "asked", text(l->asked), "canary_of", l->owner, "canary", l->canary,
                     "where", l->where, "excerpt", text(l->excerpt));
}

void rh_verify_report_json(const rh_verify_report *r, FILE *out)
{
    json_t *tried = json_array(), *leaks = json_array(), *covered = json_array(), *not_covered = json_array(),
           *notes = json_array();
    for (size_t i = 0; i < r->tried.len; i++)
        json_array_append_new(tried, tried_json(r->tried.items[i]));
    for (size_t i = 0; i < r->leaks.len; i++)
        json_array_append_new(leaks, leak_json(&r->leaks.items[i]));
    for (size_t i = 0; i < r->coverage.len; i++) {
        const rh_coverage *c = &r->coverage.items[i];
        json_t *one = json_pack("{s:o,s:s,s:i,s:i}", "table", text(c->table), "model",
                                rh_model_name(c->model), "rows", c->rows, "columns", c->columns);
        if (c->reason)
            json_object_set_new(one, "reason", text(c->reason));
        if (said_before(r, i))
            json_decref(one);
        else
            json_array_append_new(c->reason ? not_covered : covered, one);
    }
    for (size_t i = 0; i < r->notes.len; i++)
        json_array_append_new(notes, text(r->notes.items[i]));
    json_t *all =
        json_pack("{s:s,s:I,s:s,s:s,s:i,s:f,s:I,s:o,s:o,s:o,s:o,s:o}", "app", r->app, "seed",
                  (json_int_t)r->seed, "models", r->models, "nodes", r->nodes, "tenants", r->tenants,
                  "seconds", r->seconds, "leaks_found", (json_int_t)r->n_leaks, "leaks", leaks, "tried",
                  tried, "covered", covered, "not_covered", not_covered, "notes", notes);
    char *dumped = json_dumps(all, JSON_INDENT(1));
    fprintf(out, "%s\n", dumped ? dumped : "{}");
    free(dumped);
    json_decref(all);
}
