/* SPDX-License-Identifier: Apache-2.0
 *
 * Values for columns: by type, and by style, since only PostgreSQL knows what a check allows. Style 0 is the
 * canary; the others are tried in turn.
 */
#ifndef RH_MAKE_VALUE_H
#define RH_MAKE_VALUE_H

#include <jansson.h>

#include "verify/canary.h"

typedef struct rh_maker {
    const char *type; /* pg_type.typname; of an array its element's */
    bool is_array, is_enum, is_composite;
    int max_chars;  /* 0: no bound */
    int max_digits; /* before the point; 0: no bound */
    json_t *words;  /* that checks and enums name; borrowed */
} rh_maker;

/* The value as PostgreSQL reads it, with the canary's next number; NULL: this type has no value in that
 * style, which is so for every style from some number on. *is_canary: a search would find it. */
const char *rh_make_value(const rh_maker *m, rh_arena *a, rh_canary *canary, int style, bool *is_canary);

/* The form that a column of the type carries; -1: it cannot carry any. */
int rh_maker_form(const rh_maker *m);

#endif
