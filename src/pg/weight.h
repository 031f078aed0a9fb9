/* SPDX-License-Identifier: Apache-2.0
 *
 * How much a backend has grown: an estimate of the memory that is its own, from what was prepared on it. The
 * server may be on another machine and its own count of its memory is not for the server role, so nothing is
 * asked. Measured on PostgreSQL 15 (bench/homes.py holds the result against the truth): a prepared statement
 * costs about STATEMENT bytes for each byte of its text until it is deallocated; what the backend looks up
 * for it, the relations of the home above all, costs as much once more and stays, but no more than RELATION
 * bytes for each relation that a home has.
 */
#ifndef RH_WEIGHT_H
#define RH_WEIGHT_H

#include <stddef.h>
#include <stdint.h>

#define RH_WEIGHT_STATEMENT 160
#define RH_WEIGHT_RELATION ((size_t)26 << 10)
#define RH_WEIGHT_EMPTY ((size_t)3 << 20) /* a backend that has done nothing yet */

typedef struct rh_weight rh_weight;

rh_weight *rh_weight_new(void);
void rh_weight_free(rh_weight *w); /* NULL is allowed */
/* A statement of that home, with so many relations (0: none of its own), was prepared, or sent without being
 * kept. */
void rh_weight_note(rh_weight *w, uint64_t home, size_t relations, size_t text_len);
size_t rh_weight_homes(const rh_weight *w);
/* With prepared statements whose texts have so many bytes together. */
size_t rh_weight_bytes(const rh_weight *w, size_t prepared_text);

#endif
