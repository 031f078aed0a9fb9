/* SPDX-License-Identifier: Apache-2.0
 *
 * How long statements usually take, by their shape: what a pool knows before it puts one behind another. Near
 * the low end of the last times, for a busy machine makes every statement slow, and going to another backend
 * does not help then. A table of fixed size: a shape that meets another's place takes it over, so that what is
 * asked for often stays.
 */
#ifndef RH_PACE_H
#define RH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rh_pace rh_pace;

rh_pace *rh_pace_new(size_t places); /* rounded up to a power of two */
void rh_pace_free(rh_pace *p);

/* The same for texts that differ in one name only: a home's schema. NULL: there is none. */
uint64_t rh_pace_shape(const char *text, size_t len, const char *name);
void rh_pace_note(rh_pace *p, uint64_t shape, int64_t took_us);
int64_t rh_pace_usual(const rh_pace *p, uint64_t shape); /* µs; INT64_MAX: it is not known */

#endif
