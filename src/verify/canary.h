/* SPDX-License-Identifier: Apache-2.0
 *
 * Canaries: values that belong to one tenant and stand nowhere else, in the types that columns have, and the
 * search for them in what somebody else was given.
 *
 * Each tenant has one mark a type (a word, leading digits, the head of a uuid, ...); a canary is the mark
 * with a running number behind it. So a search for the mark finds all, and the token around it says which
 * one it is: a canary that a request brought along may come back in its answer, its neighbour may not.
 */
#ifndef RH_CANARY_H
#define RH_CANARY_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "verify/dice.h"

typedef enum rh_canary_form {
    RH_CANARY_TEXT,  /* vk3f9q2xz_17 */
    RH_CANARY_BIG,   /* 48120377000017: bigint, double precision, numeric */
    RH_CANARY_INT,   /* 581230017: integer */
    RH_CANARY_UUID,  /* 3f9a77c1-b2d0-4000-8000-000000000017 */
    RH_CANARY_BYTES, /* \x766b3366397132787a5f3137: bytea */
    RH_CANARY_INET,  /* fdab:c1e4:d00f::11: inet, cidr */
    RH_CANARY_MAC,   /* 02:b7:5e:91:00:11 */
    RH_CANARY_FORMS
} rh_canary_form;

#define RH_CANARY_MARK_MAX 24
#define RH_CANARY_LAST 9999 /* the largest running number */

typedef struct rh_canary {
    char mark[RH_CANARY_FORMS][RH_CANARY_MARK_MAX];
    int last; /* running number given last */
} rh_canary;

/* Draws marks that none of the `n` others has. */
void rh_canary_draw(rh_canary *c, rh_dice *dice, const rh_canary *others, size_t n);
/* The tenant's value number n (0 to RH_CANARY_LAST) as PostgreSQL reads and writes it. */
const char *rh_canary_value(const rh_canary *c, rh_arena *a, rh_canary_form form, int n);
/* The same with the next number. */
const char *rh_canary_fresh(rh_canary *c, rh_arena *a, rh_canary_form form);

typedef struct rh_canary_hit {
    int owner;          /* index among the canaries searched for */
    const char *token;  /* the whole value, lower-case; NUL-terminated */
    size_t offset, len; /* where in the text */
} rh_canary_hit;

/* Every canary in the text but those of `own` (an index; -1: of nobody), in any case of letters. The hits are
 * the arena's; *n is set. */
rh_canary_hit *rh_canary_search(rh_arena *a, const rh_canary *canaries, size_t n_canaries, int own,
                                const char *text, size_t len, size_t *n);

#endif
