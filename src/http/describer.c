/* SPDX-License-Identifier: Apache-2.0 */
#include "http/describer.h"

#include <pthread.h>
#include <stdlib.h>

#include "http/encode.h"

#define PIECE ((size_t)64 << 10) /* of the text, packed at a time */

struct text {
    uint64_t cache; /* its serial */
    rh_description_form form;
    bool reference_only;
    uint64_t asked; /* when, by the count of all */
    rh_kept *kept;  /* NULL: the place is free */
};

struct rh_descriptions {
    pthread_mutex_t lock; /* of everything here */
    struct text texts[RH_DESCRIPTIONS_MAX];
    size_t bytes;
    uint64_t asked, made;
};

struct rh_describer {
    uv_loop_t *loop;
    rh_descriptions *all;
    uv_work_t work;
    rh_description_order *first, **last; /* who waits; the first's text is being made */
    rh_kept *made;
    rh_err err; /* when there is none */
    void (*closed)(void *);
    void *closed_arg;
};

/* ---- what is kept ---- */

rh_descriptions *rh_descriptions_new(void)
{
    rh_descriptions *all = rh_xcalloc(1, sizeof *all);
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

static void forget(rh_descriptions *all, struct text *t)
{
    all->bytes -= t->kept->len;
    rh_kept_leave(t->kept);
    t->kept = NULL;
}

void rh_descriptions_free(rh_descriptions *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < RH_DESCRIPTIONS_MAX; i++)
        if (all->texts[i].kept)
            forget(all, &all->texts[i]);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void rh_descriptions_stats_read(rh_descriptions *all, rh_descriptions_stats *out)
{
    pthread_mutex_lock(&all->lock);
    *out = (rh_descriptions_stats){.bytes = all->bytes, .asked = all->asked, .made = all->made};
    for (size_t i = 0; i < RH_DESCRIPTIONS_MAX; i++)
        out->texts += all->texts[i].kept != NULL;
    pthread_mutex_unlock(&all->lock);
}

static struct text *find(rh_descriptions *all, const rh_description_order *o)
{
    uint64_t cache = rh_relation_cache_serial(o->cache);
    for (size_t i = 0; i < RH_DESCRIPTIONS_MAX; i++) {
        struct text *t = &all->texts[i];
        if (t->kept && t->cache == cache && t->form == o->form &&
            t->reference_only == o->naming->reference_only)
            return t;
    }
    return NULL;
}

/* A place for one more of so many bytes. */
static struct text *make_room(rh_descriptions *all, size_t bytes)
{
    for (;;) {
        struct text *free_place = NULL, *oldest = NULL;
        for (size_t i = 0; i < RH_DESCRIPTIONS_MAX; i++) {
            struct text *t = &all->texts[i];
            if (!t->kept)
                free_place = t;
            else if (!oldest || t->asked < oldest->asked)
                oldest = t;
        }
        if (free_place && all->bytes + bytes <= RH_DESCRIPTIONS_MAX_BYTES)
            return free_place;
        forget(all, oldest);
    }
}

static void keep(rh_descriptions *all, const rh_description_order *o, rh_kept *text)
{
    pthread_mutex_lock(&all->lock);
    all->made++;
    if (!find(all, o)) {
        struct text *t = make_room(all, text->len);
        *t = (struct text){.cache = rh_relation_cache_serial(o->cache),
                           .form = o->form,
                           .reference_only = o->naming->reference_only,
                           .asked = all->asked,
                           .kept = rh_kept_use(text)};
        all->bytes += text->len;
    }
    pthread_mutex_unlock(&all->lock);
}

rh_kept *rh_describer_find(rh_describer *d, const rh_description_order *order)
{
    rh_kept *text = NULL;
    pthread_mutex_lock(&d->all->lock);
    struct text *t = find(d->all, order);
    d->all->asked++;
    if (t) {
        t->asked = d->all->asked;
        text = rh_kept_use(t->kept);
    }
    pthread_mutex_unlock(&d->all->lock);
    return text;
}

/* ---- making one: on a helper thread ---- */

struct packing {
    rh_encoder *encoder;
    rh_str gzip;
    size_t plain;
};

static void pack(struct packing *p, rh_str *text, bool last)
{
    rh_encoder_add(p->encoder, text->data, text->len, last, &p->gzip);
    p->plain += text->len;
    rh_str_clear(text);
}

static void take(void *arg, rh_str *text)
{
    pack(arg, text, false);
}

static rh_kept *write_text(const rh_description_order *o, rh_err *err)
{
    rh_kept *made = NULL;
    rh_str text;
    struct packing p = {.encoder = rh_encoder_new(RH_CODING_GZIP)};
    const rh_openapi_sink sink = {take, &p, PIECE};
    rh_str_init(&text, RH_STR_TEXT_MAX);
    rh_str_init(&p.gzip, RH_DESCRIPTION_MAX_BYTES);
    rh_describe_write(o->form, o->cache, o->naming, o->settings, o->version, &sink, &text);
    pack(&p, &text, true);
    if (text.overflow || p.gzip.overflow)
        rh_err_set(err, RH_E_TOO_LARGE, "the description is too large");
    else
        made = rh_kept_new(&p.gzip, p.plain, o->content_type);
    rh_encoder_free(p.encoder);
    rh_str_release(&text);
    rh_str_release(&p.gzip);
    return made;
}

static void work(uv_work_t *req)
{
    rh_describer *d = req->data;
    rh_description_order *o = d->first;
    d->made = NULL;
    if (!o->cache && !(o->cache = o->read(o, &d->err)))
        return;
    d->made = write_text(o, &d->err);
    if (d->made)
        keep(d->all, o, d->made);
}

/* ---- who waits ---- */

static void on_worked(uv_work_t *req, int status);

rh_describer *rh_describer_new(uv_loop_t *loop, rh_descriptions *all)
{
    rh_describer *d = rh_xcalloc(1, sizeof *d);
    d->loop = loop;
    d->all = all;
    d->work.data = d;
    d->last = &d->first;
    return d;
}

void rh_describer_make(rh_describer *d, rh_description_order *order)
{
    bool idle = !d->first;
    order->next = NULL;
    *d->last = order;
    d->last = &order->next;
    if (idle)
        uv_queue_work(d->loop, &d->work, work, on_worked);
}

static void maybe_closed(rh_describer *d)
{
    void (*closed)(void *) = d->closed;
    void *arg = d->closed_arg;
    if (!closed || d->first)
        return;
    free(d);
    closed(arg);
}

static bool is_same(const rh_description_order *a, const rh_description_order *b)
{
    return a->cache && a->cache == b->cache && a->form == b->form &&
           a->naming->reference_only == b->naming->reference_only;
}

static void on_worked(uv_work_t *req, int status)
{
    rh_describer *d = req->data;
    rh_description_order *served = NULL, **end = &served, *o, **from = &d->first;
    rh_kept *made = d->made;
    rh_err err = d->err;
    rh_description_order *what = d->first;
    while ((o = *from)) {
        if (o != what && !is_same(o, what)) {
            from = &o->next;
            continue;
        }
        *from = o->next;
        *end = o;
        end = &o->next;
    }
    *end = NULL;
    d->last = from;
    if (d->first)
        uv_queue_work(d->loop, &d->work, work, on_worked);
    while ((o = served)) {
        served = o->next;
        o->on_made(o, made ? rh_kept_use(made) : NULL, &err);
    }
    rh_kept_leave(made);
    maybe_closed(d);
}

void rh_describer_close(rh_describer *d, void (*closed)(void *arg), void *arg)
{
    d->closed = closed;
    d->closed_arg = arg;
    maybe_closed(d);
}
