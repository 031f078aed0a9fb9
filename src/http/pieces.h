/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of an answer that wait to be sent: a queue of malloc'ed pieces, which are its own from
 * rh_pieces_add() on. Zeroed memory is an empty one.
 */
#ifndef RH_PIECES_H
#define RH_PIECES_H

#include <stddef.h>

typedef struct rh_pieces {
    struct rh_piece *first, *last;
    size_t bytes; /* in all */
} rh_pieces;

void rh_pieces_add(rh_pieces *p, char *bytes, size_t n); /* an empty one is freed at once */
/* Moves up to max of the oldest bytes to `to`; how many. */
size_t rh_pieces_take(rh_pieces *p, char *to, size_t max);
void rh_pieces_clear(rh_pieces *p);

#endif
