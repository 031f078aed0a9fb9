/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL scripts: taken apart into statements with their places, and texts with variables filled in.
 *
 * Splitting is PostgreSQL's own grammar's work (libpg_query, version 15), so that bodies of functions, BEGIN
 * ATOMIC among them, stay whole. What this grammar does not understand is never guessed at: it stays one
 * piece.
 *
 * Variables are found by a scanner that knows strings, quoted identifiers, comments and dollar quotes, and
 * leaves them alone, as psql does: in $$ bodies nothing is replaced.
 *
 * Ownership: pieces point into the text given; everything else lives in the arena. Any thread may call.
 */
#ifndef RH_SCRIPT_H
#define RH_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

typedef struct rh_script_piece {
    const char *text; /* from its first token; without the closing semicolon; not NUL-terminated */
    size_t len;
    int line, column; /* of the first token, from 1; columns count characters */
} rh_script_piece;

typedef struct rh_script_pieces {
    rh_script_piece *items;
    size_t len, cap;
    bool understood;       /* false: one piece holds the whole text (or none, when there are only comments) */
    const char *complaint; /* why it was not understood, else NULL */
    size_t complaint_at;   /* byte offset in the text where */
} rh_script_pieces;

/* False only for texts that are no UTF-8 or longer than 16 MB: RH_E_INVALID, RH_E_TOO_LARGE. */
bool rh_script_split(rh_arena *a, const char *text, size_t len, rh_script_pieces *out, rh_err *err);

/* As rh_script_split(), but by the scanner: every `;` outside quotes and parentheses ends a piece. Right for
 * all but CREATE RULE with several actions and BEGIN ATOMIC bodies; good for looking, not for executing. */
bool rh_script_split_roughly(rh_arena *a, const char *text, size_t len, rh_script_pieces *out, rh_err *err);

/* The line, or the column in characters, of a byte offset; both from 1. The text ends with NUL or after the
 * offset. */
int rh_script_line_of(const char *text, size_t offset);
int rh_script_column_of(const char *text, size_t offset);
/* The byte offset of a position in characters from 1, as PostgreSQL reports it (PG_DIAG_STATEMENT_POSITION).
 */
size_t rh_script_offset_of(const char *text, size_t len, size_t position);

/* One token: its kind, and the bytes it takes. For looking at statements piecemeal. */
typedef enum rh_token_kind {
    RH_TOKEN_END,
    RH_TOKEN_WORD,   /* identifier or keyword, unquoted */
    RH_TOKEN_QUOTED, /* string, quoted identifier or dollar quote */
    RH_TOKEN_NUMBER,
    RH_TOKEN_OTHER, /* one character, or :: := => */
} rh_token_kind;

typedef struct rh_token {
    rh_token_kind kind;
    size_t at, len;
    bool unterminated; /* a quote or comment that does not end */
} rh_token;

/* The next token at or after *offset, blanks and comments skipped; *offset is moved behind it. */
rh_token rh_script_next(const char *text, size_t len, size_t *offset);

/* Parameters by name: `:name` becomes $1, $2, ... in the order of first use; used[k - 1] is the index in
 * names of $k, and *n_used how many there are. An unknown name is RH_E_INVALID with its line, and $1 written
 * by hand is too. */
bool rh_script_bind(rh_arena *a, const char *text, const char *const *names, size_t n, const char **bound,
                    int **used, int *n_used, rh_err *err);

/* A copy with every :name as a parameter of the same length, which PostgreSQL's grammar understands: every
 * place stays where it is, so where the copy is parted, the text is. */
char *rh_script_with_parameters(rh_arena *a, const char *text, size_t len);

/* For our own SQL in sql/: :"name" becomes an identifier, :'name' a literal, :name the value as it stands,
 * for which only plain words [a-z0-9_ ] are accepted. vars ends with a NULL name. Errors are RH_E_INTERNAL:
 * the text is ours. */
typedef struct rh_script_var {
    const char *name, *value;
} rh_script_var;

bool rh_script_expand(rh_str *out, const char *text, const rh_script_var *vars, rh_err *err);

#endif
