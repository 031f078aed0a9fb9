/* SPDX-License-Identifier: Apache-2.0
 *
 * Which statements one connection has prepared: text to name, the least recently used one leaves when the
 * bounds are reached: so many statements, so many bytes of text. Bookkeeping only; sending PREPARE and
 * DEALLOCATE is the connection's work (pg/conn.h).
 *
 * A statement is PENDING from the moment its Parse is sent until the answer is there, and only READY ones may
 * be used by others: a Parse that fails, or is skipped because something failed before it in the same
 * transaction, leaves nothing behind in PostgreSQL, and whoever had relied on it would fail as well. One that
 * is READY stays so when its transaction is rolled back: prepared statements are not transactional.
 *
 * Ownership: the cache owns its statements and their texts.
 */
#ifndef RH_STMT_H
#define RH_STMT_H

#include <stdbool.h>
#include <stddef.h>

#define RH_STMT_TEXT_MAX ((size_t)16 << 10) /* longer texts are hardly seen twice: sent unprepared */

typedef enum rh_stmt_state { RH_STMT_PENDING, RH_STMT_READY } rh_stmt_state;

typedef struct rh_stmt {
    char name[16];
    rh_stmt_state state;
    char *text;
    size_t len;
    struct rh_stmt *newer, *older;
} rh_stmt;

typedef struct rh_stmts rh_stmts;

/* At most so many statements, two or more (0: none is ever kept), with texts of so many bytes together (0: no
 * bound). */
rh_stmts *rh_stmts_new(size_t max, size_t max_text);
void rh_stmts_free(rh_stmts *s); /* NULL is allowed */
size_t rh_stmts_count(const rh_stmts *s);
size_t rh_stmts_text(const rh_stmts *s); /* bytes of all texts */

/* The statement with this text, now the most recently used; NULL when there is none. */
rh_stmt *rh_stmts_find(rh_stmts *s, const char *text, size_t len);
/* True: the least recently used one had to leave, to make room for a text of len bytes; name gets its name.
 * To be called until it is false. The newest stays: the job that makes room may be about to use it. */
bool rh_stmts_evict(rh_stmts *s, size_t len, char name[16]);
/* A new one, PENDING, under a name that this cache never gave before. NULL: it is not to be kept (too long,
 * or there is no room). */
rh_stmt *rh_stmts_add(rh_stmts *s, const char *text, size_t len);
/* Its Parse succeeded. */
void rh_stmts_ready(rh_stmts *s, rh_stmt *st);
/* Its Parse failed or was skipped: gone. */
void rh_stmts_forget(rh_stmts *s, rh_stmt *st);

#endif
