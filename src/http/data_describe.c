/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of the app: found ready or made, and of an adopted database asked of PostgreSQL before.
 */
#include "http/data_request.h"

#include <string.h>

/* An answer with a description, while that is made. */
struct description {
    rh_description_order order;
    struct request *r;
    rh_rest_answer head;
};

static void answer_description(struct description *d, rh_kept *text)
{
    d->r->state = ENDED;
    rh_exchange_answer_kept(d->r->x, d->head.headers, d->head.n_headers, text);
}

static void on_described(rh_description_order *order, rh_kept *text, const rh_err *err)
{
    struct description *d = (struct description *)order;
    rh_err own;
    if (text) {
        answer_description(d, text);
        return;
    }
    own = *err;
    rh_data_refuse(d->r, &own);
}

/* What the role of an adopted database was seen to have; on a helper thread. */
static const rh_relation_cache *read_seen(rh_description_order *order, rh_err *err)
{
    const struct request *r = ((struct description *)order)->r;
    return rh_adopted_request_seen(&r->adopted, r->x->arena, r->seen, strlen(r->seen), err);
}

/* cache NULL: it is to be read of what was seen. */
static void describe(struct request *r, const rh_relation_cache *cache)
{
    rh_err err;
    const rh_data_door_settings *s = &r->door->settings;
    struct description *d = RH_NEW(r->x->arena, struct description);
    rh_description_order *o = &d->order;
    d->r = r;
    if (!rh_describe(r->x->arena, &r->rest_request, cache, &r->naming, &s->openapi, &d->head, &o->form,
                     &err)) {
        rh_data_refuse(r, &err);
        return;
    }
    o->cache = cache;
    o->read = read_seen;
    o->naming = &r->naming;
    o->settings = &s->openapi;
    o->content_type = d->head.headers[0].value;
    o->version = rh_arena_printf(r->x->arena, "%d", (int)r->tenant.tenant_version);
    o->on_made = on_described;
    rh_data_add_profile(r, &d->head);
    rh_kept *text =
        o->form == RH_DESCRIPTION_NONE || !cache ? NULL : rh_describer_find(r->door->describer, o);
    if (o->form == RH_DESCRIPTION_NONE) {
        r->state = ENDED;
        rh_exchange_answer(r->x, d->head.status, d->head.headers, d->head.n_headers, NULL, 0);
    } else if (text) {
        answer_description(d, text);
    } else {
        rh_describer_make(r->door->describer, o);
    }
}

/* ---- what the role of an adopted database may do, before it is described ---- */

static void on_look_rows(rh_job *job, int statement, const PGresult *res)
{
    struct request *r = job->user;
    if (!r->known && statement == job->main && PQntuples(res) == 1)
        r->seen = rh_arena_strndup(r->x->arena, PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0));
}

static void on_look_restart(rh_job *job)
{
    struct request *r = job->user;
    r->seen = NULL;
}

static void on_look_done(rh_job *job, const char *affected, const rh_err *err)
{
    struct request *r = job->user;
    rh_err own;
    rh_data_unlink_running(r);
    if (!err && (r->known || r->seen)) {
        describe(r, r->known);
        return;
    }
    if (err)
        own = *err;
    else
        rh_err_set(&own, RH_E_INTERNAL, "the description is empty");
    rh_data_refuse(r, &own);
}

static bool look(struct request *r, rh_err *err)
{
    rh_job *job = &r->job;
    rh_rest_statement statements[RH_ADOPTED_LOOK_STATEMENTS];
    rh_data_begin_job(r);
    job->n_statements =
        rh_adopted_request_look(&r->adopted, r->x->arena, &r->settings, statements) - (r->known != NULL);
    job->read_only = job->single_row = true;
    job->main = job->n_statements - 1;
    for (int i = 0; i < job->n_statements; i++) {
        const rh_rest_statement *s = &statements[i];
        job->statements[i] = (rh_pool_statement){s->text, s->text_len, s->n, s->values};
    }
    job->on_rows = on_look_rows;
    job->on_restart = on_look_restart;
    job->on_done = on_look_done;
    return rh_data_send_job(r, err);
}

bool rh_data_describe_or_look(struct request *r, rh_err *err)
{
    const rh_data_door_settings *s = &r->door->settings;
    const rh_relation_cache *cache = r->cache;
    bool by_role = s->adopted && s->openapi.mode == RH_OPENAPI_FOLLOW && r->rest_request.method != RH_OPTIONS;
    if (by_role)
        cache = rh_adopted_view_of(r->adopted.pass.state, r->adopted.pass.schema, r->adopted.pass.role);
    r->known = cache;
    if (!cache || (s->adopted && r->adopted.role.pre_request && r->rest_request.method != RH_OPTIONS))
        return look(r, err);
    describe(r, cache);
    return true;
}
