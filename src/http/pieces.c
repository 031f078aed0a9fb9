/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct rh_piece {
    struct rh_piece *next;
    char *bytes;
    size_t n, taken;
};

void rh_pieces_add(rh_pieces *p, char *bytes, size_t n)
{
    if (!n) {
        free(bytes);
        return;
    }
    struct rh_piece *piece = rh_xcalloc(1, sizeof *piece);
    piece->bytes = bytes;
    piece->n = n;
    if (p->last)
        p->last->next = piece;
    else
        p->first = piece;
    p->last = piece;
    p->bytes += n;
}

static void drop_first(rh_pieces *p)
{
    struct rh_piece *piece = p->first;
    p->bytes -= piece->n - piece->taken;
    p->first = piece->next;
    if (!p->first)
        p->last = NULL;
    free(piece->bytes);
    free(piece);
}

size_t rh_pieces_take(rh_pieces *p, char *to, size_t max)
{
    size_t n = 0;
    while (p->first && n < max) {
        struct rh_piece *piece = p->first;
        size_t some = piece->n - piece->taken;
        some = some < max - n ? some : max - n;
        memcpy(to + n, piece->bytes + piece->taken, some);
        piece->taken += some;
        p->bytes -= some;
        n += some;
        if (piece->taken == piece->n)
            drop_first(p);
    }
    return n;
}

void rh_pieces_clear(rh_pieces *p)
{
    while (p->first)
        drop_first(p);
}
