/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/judge.h"

#include <string.h>

#define EXCERPT 160 /* bytes around a canary */

void rh_judge_init(rh_judge *j, rh_arena *a, rh_verify_report *report, const rh_canary *canaries,
                   const char *const *slugs, size_t n)
{
    *j = (rh_judge){
        .a = a, .scratch = rh_arena_new(), .report = report, .canaries = canaries, .slugs = slugs, .n = n};
    rh_map_init(&j->written);
}

void rh_judge_release(rh_judge *j)
{
    rh_map_release(&j->written);
    rh_arena_free(j->scratch);
}

static bool is_among(const rh_canary_hit *hits, size_t n, const char *token)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(hits[i].token, token) == 0)
            return true;
    return false;
}

static bool is_id(const rh_judge *j, const rh_canary_hit *hit)
{
    const rh_canary *c = &j->canaries[hit->owner];
    return strcmp(hit->token, rh_canary_value(c, j->scratch, RH_CANARY_BIG, 0)) == 0 ||
           strcmp(hit->token, rh_canary_value(c, j->scratch, RH_CANARY_UUID, 0)) == 0;
}

static const char *written_key(rh_arena *a, int own, const char *token)
{
    return rh_arena_printf(a, "%d:%s", own, token);
}

static bool has_written(const rh_judge *j, int own, const char *token)
{
    const char *key = written_key(j->scratch, own, token);
    return own != RH_NOBODY && rh_map_get(&j->written, key, strlen(key));
}

static const char *excerpt(rh_arena *a, const rh_canary_hit *hit, const char *text, size_t len)
{
    size_t from = hit->offset > EXCERPT / 2 ? hit->offset - EXCERPT / 2 : 0,
           n = len - from < EXCERPT ? len - from : EXCERPT;
    char *copy = rh_arena_strndup(a, text + from, n);
    for (size_t i = 0; i < n; i++) /* cut anywhere, so that what is no ASCII may be half a character */
        if ((unsigned char)copy[i] >= 0x80 || !copy[i])
            copy[i] = '?';
    return copy;
}

static void report_hit(rh_judge *j, const rh_answer_to *to, const rh_canary_hit *hit, const char *text,
                       size_t len)
{
    rh_verify_leak leak = {.door = to->door,
                           .kind = to->kind,
                           .asked_as = to->own == RH_NOBODY ? "nobody" : j->slugs[to->own],
                           .asked = rh_arena_strdup(j->a, to->asked),
                           .owner = j->slugs[hit->owner],
                           .canary = rh_arena_strdup(j->a, hit->token),
                           .where = to->where,
                           .excerpt = excerpt(j->a, hit, text, len)};
    rh_verify_report_leak(j->report, &leak);
}

bool rh_judge_answer(rh_judge *j, const rh_answer_to *to, const char *text, size_t len)
{
    size_t n, n_asked = 0, i = 0;
    rh_canary_hit *asked = NULL,
                  *hits = rh_canary_search(j->scratch, j->canaries, j->n, to->own, text, len, &n);
    if (n)
        asked =
            rh_canary_search(j->scratch, j->canaries, j->n, to->own, to->asked, strlen(to->asked), &n_asked);
    while (i < n && (is_among(asked, n_asked, hits[i].token) || has_written(j, to->own, hits[i].token) ||
                     (to->ids_are_open && is_id(j, &hits[i]))))
        i++;
    if (i < n)
        report_hit(j, to, &hits[i], text, len);
    rh_arena_clear(j->scratch);
    return i < n;
}

void rh_judge_wrote(rh_judge *j, int own, const char *asked)
{
    size_t n;
    rh_canary_hit *hits = rh_canary_search(j->scratch, j->canaries, j->n, own, asked, strlen(asked), &n);
    for (size_t i = 0; own != RH_NOBODY && i < n; i++)
        if (!has_written(j, own, hits[i].token)) {
            const char *key = written_key(j->a, own, hits[i].token);
            rh_map_put(&j->written, key, strlen(key), (void *)key);
        }
    rh_arena_clear(j->scratch);
}
