/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded string builder. Every builder is made with a stated maximum; what would go past it is dropped
 * and `overflow` is set, which the caller checks once at the end. After curl's dynbuf.
 *
 * Ownership: with an arena the bytes are the arena's; without one they are malloc'ed and released by
 * rh_str_release(), or handed over by rh_str_take(). `data` is always NUL-terminated once something was
 * appended; rh_str_cstr() never gives NULL.
 */
#ifndef RH_STR_H
#define RH_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

typedef struct rh_str {
    char *data;
    size_t len, cap, max;
    rh_arena *arena;
    bool overflow;
} rh_str;

#define RH_STR_TEXT_MAX ((size_t)16 << 20) /* a bound for texts of ours: SQL, messages */

void rh_str_init(rh_str *s, size_t max);                     /* malloc'ed */
void rh_str_init_in(rh_str *s, rh_arena *arena, size_t max); /* in an arena */
void rh_str_release(rh_str *s);                              /* frees and leaves an empty builder */
void rh_str_clear(rh_str *s);                                /* length 0, keeps the memory */
char *rh_str_take(rh_str *s, size_t *len);                   /* the malloc'ed bytes become the caller's */

void rh_str_add_growing(rh_str *s, const char *bytes,
                        size_t n); /* rh_str_addn()'s: where there may be no room */

/* Statements and answers are built of thousands of short pieces: inline, so that known lengths are. */
static inline void rh_str_addn(rh_str *s, const char *bytes, size_t n)
{
    if (s->overflow || n >= s->cap - s->len || n > s->max - s->len) {
        rh_str_add_growing(s, bytes, n);
        return;
    }
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = 0;
}

static inline void rh_str_add(rh_str *s, const char *text)
{
    rh_str_addn(s, text, strlen(text));
}

static inline void rh_str_addc(rh_str *s, char c)
{
    rh_str_addn(s, &c, 1);
}

void rh_str_addf(rh_str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rh_str_vaddf(rh_str *s, const char *fmt, va_list ap);
void rh_str_addu(rh_str *s, uint64_t n); /* decimal, without printf: for hot paths */
const char *rh_str_cstr(const rh_str *s);

/* "name" quoted as an SQL identifier; the only place that does so. */
void rh_str_add_ident(rh_str *s, const char *name);
/* 'text' quoted as an SQL literal: for DDL, which takes no parameters. Everything else is a parameter. */
void rh_str_add_literal(rh_str *s, const char *text);

/* The whole text must be one decimal integer; false otherwise. */
bool rh_parse_int(const char *text, int64_t *out);
bool rh_parse_uint(const char *text, size_t n, uint64_t *out);
/* The text is a UUID in its usual 8-4-4-4-12 form, any case. */
bool rh_is_uuid(const char *text);
/* The bytes are valid UTF-8 without NUL. */
bool rh_is_utf8(const char *bytes, size_t n);
bool rh_starts_with(const char *text, const char *prefix);

#endif
