/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096u
#define ALIGN 16u

struct block {
    struct block *next;
    size_t size, used; /* of data[] */
    _Alignas(ALIGN) unsigned char data[];
};

struct hook {
    struct hook *next;
    void (*fn)(void *);
    void *ptr;
};

struct rh_arena {
    struct block *blocks; /* newest first; the last one is the first block */
    struct hook *hooks;
    size_t total;
};

static void out_of_memory(size_t n)
{
    fprintf(stderr, "rowhouse: out of memory (%zu bytes wanted)\n", n);
    abort();
}

void *rh_xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        out_of_memory(n);
    return p;
}

void *rh_xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory(n * size);
    return p;
}

void *rh_xrealloc(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p)
        out_of_memory(n);
    return p;
}

char *rh_xstrdup(const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    return memcpy(rh_xmalloc(n), s, n);
}

static struct block *add_block(rh_arena *a, size_t size)
{
    struct block *b = rh_xmalloc(sizeof *b + size);
    b->size = size;
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    a->total += sizeof *b + size;
    return b;
}

rh_arena *rh_arena_new_of(size_t first)
{
    rh_arena *a = rh_xcalloc(1, sizeof *a);
    add_block(a, first - sizeof(struct block));
    return a;
}

rh_arena *rh_arena_new(void)
{
    return rh_arena_new_of(FIRST_BLOCK);
}

static void run_hooks(rh_arena *a)
{
    while (a->hooks) {
        struct hook *h = a->hooks;
        a->hooks = h->next; /* a hook may register another one */
        h->fn(h->ptr);
    }
}

void rh_arena_clear(rh_arena *a)
{
    run_hooks(a);
    while (a->blocks->next) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        a->total -= sizeof *b + b->size;
        free(b);
    }
    a->blocks->used = 0;
}

void rh_arena_free(rh_arena *a)
{
    if (!a)
        return;
    rh_arena_clear(a);
    free(a->blocks);
    free(a);
}

void *rh_arena_alloc(rh_arena *a, size_t n)
{
    if (n > SIZE_MAX / 4)
        out_of_memory(n);
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->blocks;
    if (b->size - b->used < n) {
        size_t size = b->size * 2 < (1u << 20) ? b->size * 2 : (1u << 20);
        b = add_block(a, n > size ? n : size);
    }
    void *p = b->data + b->used;
    b->used += n;
    return p;
}

void *rh_arena_zalloc(rh_arena *a, size_t n)
{
    return memset(rh_arena_alloc(a, n), 0, n);
}

char *rh_arena_strndup(rh_arena *a, const char *s, size_t n)
{
    char *p = rh_arena_alloc(a, n + 1);
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

char *rh_arena_strdup(rh_arena *a, const char *s)
{
    return s ? rh_arena_strndup(a, s, strlen(s)) : NULL;
}

char *rh_arena_vprintf(rh_arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        n = 0;
    char *p = rh_arena_alloc(a, (size_t)n + 1);
    p[0] = 0;
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *rh_arena_printf(rh_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = rh_arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

void rh_arena_on_free(rh_arena *a, void (*fn)(void *), void *ptr)
{
    struct hook *h = rh_arena_alloc(a, sizeof *h);
    h->fn = fn;
    h->ptr = ptr;
    h->next = a->hooks;
    a->hooks = h;
}

size_t rh_arena_size(const rh_arena *a)
{
    return a->total;
}

void *rh_arena_grow_(rh_arena *a, void *items, size_t item_size, size_t len, size_t *cap)
{
    size_t wanted = *cap ? *cap * 2 : 8;
    void *p = rh_arena_alloc(a, wanted * item_size);
    if (len)
        memcpy(p, items, len * item_size);
    *cap = wanted;
    return p;
}
