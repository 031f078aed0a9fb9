/* SPDX-License-Identifier: Apache-2.0
 *
 * How long statements usually take, by their text: what a pool knows before it puts one behind another. A
 * moving average of the last few times; a bounded number of statements, all forgotten when there are more.
 */
#ifndef RH_PACE_H
#define RH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rh_pace rh_pace;

rh_pace *rh_pace_new(size_t max_statements);
void rh_pace_free(rh_pace *p);

void rh_pace_note(rh_pace *p, const char *text, size_t len, int64_t took_us);
/* It has been seen, and usually ends within that time. */
bool rh_pace_is_within(const rh_pace *p, const char *text, size_t len, int64_t us);

#endif
