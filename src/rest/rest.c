/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning a request: headers, path, query string and body to statements. Each step refuses what it does not
 * understand, so that nothing of a request is silently left out.
 */
#include "rest/rest.h"

#include <string.h>

#include "rest/as_role.h"
#include "rest/call.h"
#include "rest/check.h"
#include "rest/scan.h"
#include "rest/sql.h"
#include "rest/write.h"

/* Rows: what is known to be fewer gets neither a time of its own, which costs the binding a little, nor COPY,
 * which is planned anew each time. */
#define LARGE_FROM 1000

#define CHECK_ALL "SET CONSTRAINTS ALL IMMEDIATE"

typedef RH_VEC(rh_rest_setting) rh_settings;

rh_tx_end rh_tx_end_parse(const char *text)
{
    return (rh_tx_end){rh_starts_with(text, "rollback"), strstr(text, "-allow-override") != NULL};
}

static bool read_headers(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    const char *texts[] = {req->prefer, req->range, req->accept, req->content_type};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && !rh_is_utf8(texts[i], strlen(texts[i])))
            return rh_err_set(err, RH_E_INVALID, "a header is not UTF-8");
    return rh_prefer_parse(req->prefer, &r->prefer, err);
}

static bool whole_rows(const rh_query *q)
{
    return !q->has_select || (q->select.len == 1 && q->select.items[0].kind == RH_SELECT_STAR);
}

static bool choose_format(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    rh_offers offers = {p->cache, p->root.relation, p->function, whole_rows(p->root.query), r->naming.plans};
    rh_format *f = &r->format;
    if (!rh_accept_choose(r->arena, req->accept, &offers, f, err))
        return false;
    p->csv = f->media == RH_MEDIA_CSV;
    p->geo = f->media == RH_MEDIA_GEO;
    p->strip = f->media == RH_MEDIA_STRIPPED || f->media == RH_MEDIA_STRIPPED_OBJECT;
    p->explain = f->explain;
    p->maker = f->handler ? &f->handler->function : p->geo ? rh_relation_cache_geojson(p->cache) : NULL;
    p->maker_of_rows = f->handler && f->handler->relation;
    const rh_app_type *domain = p->scalar ? rh_cast_result(p->function) : NULL;
    p->value_form = p->function ? p->function->return_form : RH_JSON_STRING;
    if (domain && domain->to_json.text && !p->csv && !p->maker && f->media != RH_MEDIA_VALUE) {
        p->value_shown = &domain->to_json;
        p->value_form = RH_JSON_RAW;
    }
    if (p->explain.on && r->naming.distributed)
        return rh_plan_not_implemented(err, "plans on Citus", p->root.name);
    return true;
}

/* What a known preference asks for is done or refused, never left out silently. */
static bool check_preferences(rh_rest *r, rh_err *err)
{
    rh_prefer *p = &r->prefer;
    if (p->tx != RH_TX_UNSAID && !r->naming.tx_end.may_ask) {
        if (r->naming.tx_end.rollback != (p->tx == RH_TX_ROLLBACK)) {
            rh_err_set(err, RH_E_PREFER, "this door ends all transactions in the same way");
            return rh_err_hint(err, "The setting data.tx_end lets requests ask for tx=%s.",
                               p->tx == RH_TX_ROLLBACK ? "rollback" : "commit");
        }
        p->tx = RH_TX_UNSAID;
    }
    r->info.rollback = p->tx == RH_TX_UNSAID ? r->naming.tx_end.rollback : p->tx == RH_TX_ROLLBACK;
    return true;
}

/* ---- how it is answered ---- */

static bool plan_window(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_window window = {0};
    rh_plan *p = &r->plan;
    if (rh_writes(p) || r->path.n_keys)
        return true;
    if (!rh_window_of(r->method == RH_GET ? req->range : NULL, &r->url.root, r->naming.max_rows, &window,
                      err))
        return false;
    p->has_limit = window.has_limit;
    p->limit = window.limit;
    p->offset = window.offset;
    if (p->scalar && !p->function->returns_set && (p->has_limit || p->offset)) { /* one value is one value */
        p->has_limit = false;
        p->offset = 0;
    }
    return true;
}

/* At most max_affected rows: of writes, and of functions whose rows can be counted. */
static bool plan_max_affected(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    bool applies = p->action == RH_DO_UPDATE || p->action == RH_DO_DELETE || p->action == RH_DO_CALL;
    if (!applies || r->prefer.handling != RH_HANDLING_STRICT || r->prefer.max_affected < 0)
        return true;
    if (p->action == RH_DO_CALL && !p->function->returns_set) {
        rh_err_set(
            err, RH_E_MAX_AFFECTED_CALL,
            "Function must return SETOF or TABLE when max-affected preference is used with handling=strict");
        return false;
    }
    if (p->guard == RH_GUARD_NONE && !p->head) {
        p->guard = RH_GUARD_MAX;
        p->max_affected = r->prefer.max_affected;
    }
    return true;
}

/* What the rows of the main statement are. */
static rh_rows_kind rows_of(const rh_rest *r)
{
    const rh_plan *p = &r->plan;
    bool write = rh_writes(p), patch_of_nothing = p->action == RH_DO_UPDATE && !p->parts.items[0].n;
    if (p->explain.on)
        return RH_ROWS_LINES;
    if (write && !p->returning)
        return p->location                                           ? RH_ROWS_KEYS
               : (p->guard || p->parts.len > 1) && !patch_of_nothing ? RH_ROWS_COUNT
                                                                     : RH_ROWS_NONE;
    if (p->head)
        return RH_ROWS_COUNT;
    if (p->maker)
        return RH_ROWS_BODY;
    return r->format.media == RH_MEDIA_VALUE ? RH_ROWS_VALUE : p->scalar ? RH_ROWS_SCALARS : RH_ROWS_OBJECTS;
}

/* Names of the client's would have to stand in the statement. */
static bool check_body(const rh_rest *r, rh_err *err)
{
    const rh_plan *p = &r->plan;
    if (!p->maker || p->maker_of_rows || p->scalar || !p->root.renamed)
        return true;
    return rh_plan_not_implemented(err, "a rename or a path with the media type", r->format.content_type);
}

static bool plan_answer(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    const rh_function *f = p->function;
    bool write = rh_writes(p);
    p->returning = write && r->prefer.answer == RH_RETURN_REPRESENTATION;
    bool object = r->format.media == RH_MEDIA_OBJECT || r->format.media == RH_MEDIA_STRIPPED_OBJECT;
    r->must_be_one = object || r->path.n_keys;
    r->single = r->must_be_one || (f && !f->returns_set);
    /* a write or a volatile call that must have one row is undone by its own statement when it has not */
    if (object && !r->path.n_keys && (write || (f && !f->read_only && f->returns_set && !p->head)))
        p->guard = RH_GUARD_ONE;
    if (!check_body(r, err) || !plan_max_affected(r, err))
        return false;
    p->location = p->action == RH_DO_INSERT && !p->put && !p->part && p->parts.len == 1 &&
                  r->prefer.answer == RH_RETURN_HEADERS_ONLY && p->guard == RH_GUARD_NONE &&
                  p->root.relation->n_primary_key;
    r->rows_kind = rows_of(r);
    return true;
}

static void add_setting(rh_rest *r, rh_settings *settings, const char *name, const char *value)
{
    rh_rest_setting one = {name, value};
    RH_VEC_PUSH(r->arena, settings, one);
}

/* What the function's SET clauses ask of its transaction, which a function that is called cannot set any
 * more. */
static void hoist(rh_rest *r, rh_settings *settings)
{
    const rh_function *f = r->plan.function;
    for (int i = 0; f && i < f->n_settings; i++)
        for (size_t k = 0; k < r->naming.n_hoisted; k++) {
            if (strcmp(f->settings[i].name, r->naming.hoisted[k]) != 0)
                continue;
            if (strcmp(f->settings[i].name, "default_transaction_isolation") == 0)
                r->info.isolation = f->settings[i].value;
            else
                add_setting(r, settings, f->settings[i].name, f->settings[i].value);
            if (strcmp(f->settings[i].name, "statement_timeout") == 0)
                r->info.timeout_ms = f->timeout_ms;
        }
}

/* Those of the caller, those of the request's preferences, and the answer's: what an earlier request has set
 * for its session must not become the head of this one's answer. */
static void write_settings(rh_rest *r, const rh_rest_request *req)
{
    rh_settings settings = {0};
    rh_rest_plan_info *info = &r->info;
    for (int i = 0; i < req->n_settings; i++)
        RH_VEC_PUSH(r->arena, &settings, req->settings[i]);
    if (r->prefer.timezone)
        add_setting(r, &settings, "TimeZone",
                    rh_arena_strndup(r->arena, r->prefer.timezone, r->prefer.timezone_len));
    info->timeout_ms = -1;
    hoist(r, &settings);
    info->late_head = r->naming.reads & RH_READS_RESPONSE;
    if (info->late_head) {
        add_setting(r, &settings, "response.headers", "");
        add_setting(r, &settings, "response.status", "");
    }
    if (settings.len)
        rh_as_role_enter(r->arena, r->naming.role, settings.items, settings.len,
                         &info->statements[info->main++]);
    if (r->naming.role && r->naming.role->pre_request) {
        const char *text = r->naming.role->pre_request;
        info->statements[info->main++] = (rh_rest_statement){text, strlen(text), 0, NULL};
    }
}

/* All but the settings, which know nothing of the app. */
static void mark_statements(rh_rest *r)
{
    for (int i = 1; r->naming.role && i < r->info.n_statements; i++)
        rh_as_role_mark(r->arena, r->naming.role, &r->info.statements[i]);
}

/* An estimate of a shared table tells of its other tenants; functions' rows are nobody's to guess. */
static bool is_estimated(const rh_rest *r)
{
    const rh_plan *p = &r->plan;
    return (r->prefer.count == RH_COUNT_PLANNED || r->prefer.count == RH_COUNT_ESTIMATED) &&
           r->naming.estimates && p->action == RH_DO_READ && !p->root.aggregated && !p->explain.on &&
           !r->single;
}

/* Of HEAD for all rows the estimate is the whole answer. */
static bool write_estimate(rh_rest *r, bool cut, rh_err *err)
{
    const rh_plan *p = &r->plan;
    rh_rest_plan_info *info = &r->info;
    if (r->prefer.count == RH_COUNT_ESTIMATED) {
        r->count = info->main;
        if (!rh_sql_count(p, rh_estimate_from(r) + 1, &info->statements[info->main++], err))
            return false;
    }
    r->estimate = info->main;
    return (p->head && !cut) || rh_sql_estimate(p, &info->statements[info->main++], err);
}

/* The total stands in the answer's head, so it is asked for before the rows. A function's rows, when all of
 * them come, are counted as they do, since asking would call it twice. */
static bool write_count(rh_rest *r, rh_err *err)
{
    rh_plan *p = &r->plan;
    rh_rest_plan_info *info = &r->info;
    bool cut = p->has_limit || p->offset;
    if (is_estimated(r))
        return write_estimate(r, cut, err);
    if (r->prefer.count != RH_COUNT_NONE)
        r->prefer.count = RH_COUNT_EXACT;
    if (rh_writes(p) || r->prefer.count == RH_COUNT_NONE || p->explain.on ||
        (!cut && (p->function || p->root.aggregated || p->head || r->single || p->maker)))
        return true;
    if (!info->read_only) /* counting would call it again */
        return rh_plan_not_implemented(err, "count=exact with a limit on the volatile function",
                                       p->function->name);
    r->count = info->main;
    return rh_sql_count(p, 0, &info->statements[info->main++], err);
}

/* Values of its domains, or of those below it, go through functions of the app. */
static bool is_shown_by_app(const rh_node *n)
{
    for (int i = 0; i < n->n_columns; i++) {
        const rh_app_type *t = rh_cast_domain(&n->columns[i]);
        if (t && (t->to_json.text || t->from_json.text || t->to_text.text || t->from_text.text))
            return true;
    }
    for (size_t i = 0; i < n->children.len; i++)
        if (is_shown_by_app(n->children.items[i]))
            return true;
    return false;
}

/* Its rows and their number, with built-in operators and nothing else. */
static const rh_relation *plain_of(const rh_rest *r)
{
    const rh_plan *p = &r->plan;
    const rh_node *n = &p->root;
    bool told = r->info.main > (r->count >= 0); /* settings, or a function before the request */
    if (p->action != RH_DO_READ || r->info.calls || r->info.late_head || told || r->naming.role ||
        r->naming.distributed || p->explain.on || p->maker || p->geo || n->aggregated || n->children.len ||
        !n->relation || !n->relation->plain)
        return NULL;
    for (size_t i = 0; i < n->items.len; i++)
        if (n->items.items[i].cast || n->items.items[i].shown)
            return NULL;
    return n->relation;
}

static bool write_statements(rh_rest *r, const rh_rest_request *req, rh_err *err)
{
    rh_plan *p = &r->plan;
    rh_rest_plan_info *info = &r->info;
    info->read_only = !rh_writes(p) && (!p->function || p->function->read_only || r->method != RH_POST);
    info->single_row = r->path.n_keys || (p->function && !p->function->returns_set) ||
                       r->rows_kind == RH_ROWS_COUNT || r->rows_kind == RH_ROWS_NONE ||
                       r->rows_kind == RH_ROWS_BODY || rh_plan_finds_one(p);
    if (r->naming.distributed && (p->maker || p->value_shown || is_shown_by_app(&p->root)))
        p->calls = true;
    info->calls = p->calls || p->action == RH_DO_CALL;
    rh_plan_note_tenant(p);
    r->count = r->estimate = r->responding = -1;
    write_settings(r, req);
    if (!write_count(r, err))
        return false;
    if (!(r->estimate == info->main ? rh_sql_estimate : rh_sql_main)(p, &info->statements[info->main], err))
        return false;
    info->n_statements = info->main + 1;
    if (p->count_inserted && !p->explain.on)
        rh_sql_inserted(p, &info->statements[info->n_statements++]);
    if (info->rollback && !info->read_only) /* what a commit would find is told, too */
        info->statements[info->n_statements++] =
            (rh_rest_statement){CHECK_ALL, sizeof CHECK_ALL - 1, 0, NULL};
    if (info->late_head)
        rh_sql_response(p, &info->statements[r->responding = info->n_statements++]);
    info->streams = info->read_only && !info->late_head && !r->single && !info->single_row &&
                    (r->prefer.count == RH_COUNT_NONE || r->count >= 0 || r->estimate >= 0) &&
                    (r->rows_kind == RH_ROWS_OBJECTS || r->rows_kind == RH_ROWS_SCALARS);
    info->plain = plain_of(r);
    info->large = info->streams && (!p->has_limit || p->limit >= LARGE_FROM);
    info->copies =
        info->large && p->csv && !req->n_settings; /* a token would stand in the statement's text */
    return true;
}

rh_rest *rh_rest_plan(rh_arena *a, const rh_rest_request *req, const rh_relation_cache *cache,
                      const rh_rest_naming *naming, rh_err *err)
{
    const rh_relation *rel;
    rh_rest *r = RH_NEW(a, rh_rest);
    r->arena = a;
    r->naming = *naming;
    r->method = req->method;
    r->raw_path = req->path;
    r->query = req->query ? req->query : "";
    r->plan.arena = a;
    r->plan.cache = cache;
    r->plan.naming = &r->naming;
    r->plan.part = req->part;
    r->plan.root.query = &r->url.root;
    if (!read_headers(r, req, err) || !check_preferences(r, err) ||
        !rh_path_parse(a, req->path, &r->path, err) || !rh_check_action(r, err))
        return NULL;
    if (!r->path.rpc) {
        rel = rh_plan_relation(cache, &r->naming, r->path.name, err);
        if (!rel || !rh_check_relation(r, rel, err))
            return NULL;
    }
    if (!rh_url_parse(a, req->query ? req->query : "", r->path.rpc && r->method != RH_POST,
                      naming->exact_names, &r->url, err))
        return NULL;
    if (!rh_check_parameters(r, err))
        return NULL;
    if (r->path.rpc ? !rh_call_plan(r, req, err) : !rh_write_body(r, req, err))
        return NULL;
    if (!choose_format(r, req, err))
        return NULL;
    if (r->plan.put && !rh_write_put(r, err))
        return NULL;
    if (!rh_write_conflict(r, err) || !plan_window(r, req, err) || !rh_plan_tree(&r->plan, err))
        return NULL;
    if (!plan_answer(r, err) || !write_statements(r, req, err))
        return NULL;
    mark_statements(r);
    rh_answer_prepare(r);
    if (!req->part) /* later parts are held against the first one's keys */
        rh_body_release(&r->plan.body);
    return r;
}

const rh_rest_plan_info *rh_rest_info(const rh_rest *r)
{
    return &r->info;
}
