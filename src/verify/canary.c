/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/canary.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* No vowels, so that no word of a language comes about; no 0 and 1, so that no number does. */
static const char letters[] = "bcdfghjkmnpqrstvwxz";
static const char signs[] = "bcdfghjkmnpqrstvwxz23456789";
static const char hex[] = "0123456789abcdef";

static void draw(rh_dice *d, char *to, const char *from, int n)
{
    for (int i = 0; i < n; i++)
        *to++ = from[rh_dice_int(d, (int)strlen(from))];
    *to = 0;
}

static void draw_marks(rh_canary *c, rh_dice *d)
{
    char s[16];
    c->mark[RH_CANARY_TEXT][0] = 'v';
    draw(d, c->mark[RH_CANARY_TEXT] + 1, letters, 1);
    draw(d, c->mark[RH_CANARY_TEXT] + 2, signs, 7);
    snprintf(c->mark[RH_CANARY_BIG], RH_CANARY_MARK_MAX, "%d", 11000000 + rh_dice_int(d, 70000000));
    snprintf(c->mark[RH_CANARY_INT], RH_CANARY_MARK_MAX, "%d", 10000 + rh_dice_int(d, 80000));
    draw(d, s, hex, 12);
    snprintf(c->mark[RH_CANARY_UUID], RH_CANARY_MARK_MAX, "%.8s-%.4s-4", s, s + 8);
    for (int i = 0; i < 9; i++)
        snprintf(c->mark[RH_CANARY_BYTES] + 2 * i, 3, "%02x",
                 (unsigned)(unsigned char)c->mark[RH_CANARY_TEXT][i]);
    draw(d, s, "abcdef", 8);
    snprintf(c->mark[RH_CANARY_INET], RH_CANARY_MARK_MAX, "fd%.2s:%.3s8:%.3s6:", s, s + 2, s + 5);
    draw(d, s, hex, 6);
    snprintf(c->mark[RH_CANARY_MAC], RH_CANARY_MARK_MAX, "02:%.2s:%.2s:%.2s:", s, s + 2, s + 4);
}

void rh_canary_draw(rh_canary *c, rh_dice *dice, const rh_canary *others, size_t n)
{
    bool taken = true;
    while (taken) {
        *c = (rh_canary){0};
        draw_marks(c, dice);
        taken = false;
        for (size_t i = 0; i < n; i++)
            for (int f = 0; f < RH_CANARY_FORMS; f++)
                taken = taken || strcmp(others[i].mark[f], c->mark[f]) == 0;
    }
}

const char *rh_canary_value(const rh_canary *c, rh_arena *a, rh_canary_form form, int n)
{
    const char *mark = c->mark[form];
    rh_str text;
    switch (form) {
    case RH_CANARY_TEXT:
        return rh_arena_printf(a, "%s_%d", mark, n);
    case RH_CANARY_BIG:
        return rh_arena_printf(a, "%s%06d", mark, n);
    case RH_CANARY_INT:
        return rh_arena_printf(a, "%s%04d", mark, n);
    case RH_CANARY_UUID:
        return rh_arena_printf(a, "%s000-8000-%012d", mark, n);
    case RH_CANARY_BYTES:
        rh_str_init_in(&text, a, 64);
        rh_str_addf(&text, "\\x%s5f", mark);
        for (const char *p = rh_arena_printf(a, "%d", n); *p; p++)
            rh_str_addf(&text, "%02x", (unsigned)(unsigned char)*p);
        return rh_str_cstr(&text);
    case RH_CANARY_INET:
        return rh_arena_printf(a, "%s:%x", mark, (unsigned)n + 1);
    case RH_CANARY_MAC:
        return rh_arena_printf(a, "%s%02x:%02x", mark, (unsigned)n >> 8 & 0xff, (unsigned)n & 0xff);
    case RH_CANARY_FORMS:
        break;
    }
    return "";
}

const char *rh_canary_fresh(rh_canary *c, rh_arena *a, rh_canary_form form)
{
    c->last = c->last < RH_CANARY_LAST ? c->last + 1 : 1;
    return rh_canary_value(c, a, form, c->last);
}

/* ---- searching ---- */

/* What may stand in a value of the form. */
static bool of_token(rh_canary_form form, char c)
{
    switch (form) {
    case RH_CANARY_TEXT:
        return isalnum((unsigned char)c) || c == '_';
    case RH_CANARY_BIG:
    case RH_CANARY_INT:
        return isdigit((unsigned char)c);
    case RH_CANARY_UUID:
        return isxdigit((unsigned char)c) || c == '-';
    case RH_CANARY_BYTES:
        return isxdigit((unsigned char)c);
    default:
        return isxdigit((unsigned char)c) || c == ':';
    }
}

/* Digits count only as the number that they begin: longer or shorter ones are others. */
static bool fits(rh_canary_form form, size_t before, size_t len)
{
    if (form == RH_CANARY_BIG)
        return before == 0 && len == 14;
    if (form == RH_CANARY_INT)
        return before == 0 && len == 9;
    return true;
}

/* The marks of all but one, and by which two bytes any of them begins: one look a byte decides mostly. */
struct marks {
    RH_VEC(struct mark {
        const char *text;
        size_t len;
        int owner;
        rh_canary_form form;
    })
    list;
    unsigned char begins[65536 / 8];
};

static unsigned pair_of(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static struct marks *collect_marks(rh_arena *a, const rh_canary *canaries, size_t n, int own)
{
    struct marks *marks = RH_NEW(a, struct marks);
    for (size_t i = 0; i < n; i++)
        for (int form = 0; (int)i != own && form < RH_CANARY_FORMS; form++) {
            const char *text = canaries[i].mark[form];
            struct mark m = {text, strlen(text), (int)i, (rh_canary_form)form};
            RH_VEC_PUSH(a, &marks->list, m);
            marks->begins[pair_of(text) >> 3] |= (unsigned char)(1 << (pair_of(text) & 7));
        }
    return marks;
}

struct search {
    rh_arena *a;
    const char *text; /* lower-case */
    size_t len;
    RH_VEC(rh_canary_hit) hits;
};

/* The token around a mark that stands at p. */
static void note_hit(struct search *s, const struct mark *m, const char *p)
{
    const char *from = p, *to = p + m->len, *end = s->text + s->len;
    while (from > s->text && of_token(m->form, from[-1]))
        from--;
    if (from > s->text && from[-1] == '%' && p - from >= 2) /* what is escaped there is no part of it */
        from += 2;
    while (to < end && of_token(m->form, *to))
        to++;
    rh_canary_hit hit = {m->owner, NULL, (size_t)(from - s->text), (size_t)(to - from)};
    if (!fits(m->form, (size_t)(p - from), hit.len))
        return;
    hit.token = rh_arena_strndup(s->a, from, hit.len);
    RH_VEC_PUSH(s->a, &s->hits, hit);
}

rh_canary_hit *rh_canary_search(rh_arena *a, const rh_canary *canaries, size_t n_canaries, int own,
                                const char *text, size_t len, size_t *n)
{
    struct search s = {.a = a, .len = len};
    const struct marks *marks = collect_marks(a, canaries, n_canaries, own);
    char *lower = rh_arena_alloc(a, len + 1);
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)tolower((unsigned char)text[i]);
    lower[len] = 0;
    s.text = lower;
    for (size_t i = 0; i + 1 < len; i++) {
        if (!(marks->begins[pair_of(lower + i) >> 3] >> (pair_of(lower + i) & 7) & 1))
            continue;
        for (size_t k = 0; k < marks->list.len; k++) {
            const struct mark *m = &marks->list.items[k];
            if (m->len <= len - i && memcmp(lower + i, m->text, m->len) == 0)
                note_hit(&s, m, lower + i);
        }
    }
    *n = s.hits.len;
    return s.hits.items;
}
