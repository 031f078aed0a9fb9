/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena: memory with one lifetime (a request, a command, a migration step). Everything allocated from it
 * goes at once with rh_arena_free(). After h2o's request pool and PostgreSQL's memory contexts.
 *
 * Ownership: the caller of rh_arena_new() owns the arena; pointers handed out belong to it and are never
 * freed alone. An arena is used by one thread at a time. When the system has no memory the process ends
 * with a message: no allocation here returns NULL.
 */
#ifndef RH_ARENA_H
#define RH_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct rh_arena rh_arena;

rh_arena *rh_arena_new(void);
rh_arena *rh_arena_new_of(size_t first); /* with a first block of so many bytes, which it keeps */
void rh_arena_free(rh_arena *a);         /* runs the hooks, newest first; NULL is allowed */
void rh_arena_clear(rh_arena *a);        /* as free, but the arena stays usable and keeps its first block */

void *rh_arena_alloc(rh_arena *a, size_t n);       /* uninitialised, aligned for any type */
void *rh_arena_zalloc(rh_arena *a, size_t n);      /* zeroed */
char *rh_arena_strdup(rh_arena *a, const char *s); /* NULL gives NULL */
char *rh_arena_strndup(rh_arena *a, const char *s, size_t n);
char *rh_arena_printf(rh_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *rh_arena_vprintf(rh_arena *a, const char *fmt, va_list ap);

/* Calls fn(ptr) when the arena ends: for PGresults, file descriptors, json_t. After nginx's pool cleanup. */
void rh_arena_on_free(rh_arena *a, void (*fn)(void *), void *ptr);

/* Bytes taken from the system so far. */
size_t rh_arena_size(const rh_arena *a);

#define RH_NEW(arena, type) ((type *)rh_arena_zalloc((arena), sizeof(type)))
#define RH_NEW_ARRAY(arena, type, n) ((type *)rh_arena_zalloc((arena), sizeof(type) * (n)))

/* Growable array in an arena: RH_VEC(char *) names; RH_VEC_PUSH(arena, &names, s); names.items[names.len - 1]
 */
#define RH_VEC(type)                                                                                         \
    struct {                                                                                                 \
        type *items;                                                                                         \
        size_t len, cap;                                                                                     \
    }
#define RH_VEC_PUSH(arena, v, item)                                                                          \
    do {                                                                                                     \
        if ((v)->len == (v)->cap)                                                                            \
            (v)->items = rh_arena_grow_((arena), (v)->items, sizeof *(v)->items, (v)->len, &(v)->cap);       \
        (v)->items[(v)->len++] = (item);                                                                     \
    } while (0)
void *rh_arena_grow_(rh_arena *a, void *items, size_t item_size, size_t len, size_t *cap);

/* malloc and friends that end the process with a message when there is no memory. */
void *rh_xmalloc(size_t n);
void *rh_xcalloc(size_t n, size_t size);
void *rh_xrealloc(void *p, size_t n);
char *rh_xstrdup(const char *s); /* NULL gives NULL */

#endif
