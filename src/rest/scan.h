/* SPDX-License-Identifier: Apache-2.0
 *
 * A cursor over one decoded piece of a URL, and the tokens that all its grammars share. A failure fills err
 * as PGRST100: what was parsed, at which column, what stood there and what was expected.
 */
#ifndef RH_SCAN_H
#define RH_SCAN_H

#include "base/arena.h"
#include "base/err.h"

typedef struct rh_scan {
    const char *what; /* "select parameter", "filter", ...: for the message */
    const char *text, *p;
    rh_arena *arena;
    rh_err *err;
} rh_scan;

bool rh_scan_fail(const rh_scan *s, const char *expected); /* always false */
bool rh_scan_char(rh_scan *s, char c);                     /* passes c when it stands here */
bool rh_scan_text(rh_scan *s, const char *text);           /* passes text when it stands here */
void rh_scan_space(rh_scan *s);
bool rh_scan_end(const rh_scan *s);

/* A name: "quoted", or letters, digits, '_', '$', spaces inside, and dashes between such. NULL on failure. */
const char *rh_scan_name(rh_scan *s);
/* As a name, without quotes and dashes: types, text search languages. */
const char *rh_scan_identifier(rh_scan *s, const char *expected);
/* "text" with backslash escapes; the cursor stands on the first quote. NULL when it does not end. */
const char *rh_scan_quoted(rh_scan *s);
/* Bytes up to one of `stops` or the end; may be empty. */
const char *rh_scan_until(rh_scan *s, const char *stops);

/* Bytes of text that fit into max without cutting a UTF-8 character: texts of clients in messages of ours. */
int rh_clip(const char *text, size_t max);
#define RH_CLIPPED(text) rh_clip((text), 200), (text) /* the two arguments of "%.*s" */

#endif
