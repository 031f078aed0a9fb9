/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/stmt.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"

struct rh_stmts {
    rh_map by_text;
    rh_stmt *newest, *oldest;
    size_t max, max_text, text;
    uint64_t named; /* names given so far */
};

rh_stmts *rh_stmts_new(size_t max, size_t max_text)
{
    rh_stmts *s = rh_xcalloc(1, sizeof *s);
    rh_map_init(&s->by_text);
    s->max = max;
    s->max_text = max_text;
    return s;
}

void rh_stmts_free(rh_stmts *s)
{
    if (!s)
        return;
    while (s->newest)
        rh_stmts_forget(s, s->newest);
    rh_map_release(&s->by_text);
    free(s);
}

size_t rh_stmts_count(const rh_stmts *s)
{
    return s->by_text.len;
}

size_t rh_stmts_text(const rh_stmts *s)
{
    return s->text;
}

static bool is_full(const rh_stmts *s, size_t len)
{
    return s->by_text.len >= s->max || (s->max_text && s->by_text.len && s->text + len > s->max_text);
}

static void unlink_stmt(rh_stmts *s, rh_stmt *st)
{
    *(st->newer ? &st->newer->older : &s->newest) = st->older;
    *(st->older ? &st->older->newer : &s->oldest) = st->newer;
}

static void link_newest(rh_stmts *s, rh_stmt *st)
{
    st->newer = NULL;
    st->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = st;
    s->newest = st;
}

rh_stmt *rh_stmts_find(rh_stmts *s, const char *text, size_t len)
{
    rh_stmt *st = s->newest;
    if (st && st->len == len && memcmp(st->text, text, len) == 0) /* the same again: often so */
        return st;
    st = rh_map_get(&s->by_text, text, len);
    if (st && st != s->newest) {
        unlink_stmt(s, st);
        link_newest(s, st);
    }
    return st;
}

bool rh_stmts_evict(rh_stmts *s, size_t len, char name[16])
{
    if (len > RH_STMT_TEXT_MAX || !is_full(s, len))
        return false;
    rh_stmt *leaves = s->oldest;
    while (leaves && leaves->state == RH_STMT_PENDING)
        leaves = leaves->newer;
    if (!leaves || leaves == s->newest)
        return false;
    memcpy(name, leaves->name, sizeof leaves->name);
    rh_stmts_forget(s, leaves);
    return true;
}

rh_stmt *rh_stmts_add(rh_stmts *s, const char *text, size_t len)
{
    if (len > RH_STMT_TEXT_MAX || is_full(s, len))
        return NULL;
    rh_stmt *st = rh_xcalloc(1, sizeof *st);
    snprintf(st->name, sizeof st->name, "s%llx", (unsigned long long)++s->named);
    st->text = memcpy(rh_xmalloc(len + 1), text, len);
    st->text[len] = 0;
    st->len = len;
    s->text += len;
    rh_map_put(&s->by_text, st->text, len, st);
    link_newest(s, st);
    return st;
}

void rh_stmts_ready(rh_stmts *s, rh_stmt *st)
{
    st->state = RH_STMT_READY;
}

void rh_stmts_forget(rh_stmts *s, rh_stmt *st)
{
    rh_map_del(&s->by_text, st->text, st->len);
    s->text -= st->len;
    unlink_stmt(s, st);
    free(st->text);
    free(st);
}
