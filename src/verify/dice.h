/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers by chance with a seed, so that what was found can be seen again. SplitMix64 (Steele, Lea, Flood
 * 2014).
 */
#ifndef RH_DICE_H
#define RH_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rh_dice {
    uint64_t state;
} rh_dice;

static inline uint64_t rh_dice_next(rh_dice *d)
{
    uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to n - 1; 0 when n is 0. */
static inline int rh_dice_int(rh_dice *d, int n)
{
    return n > 0 ? (int)(rh_dice_next(d) % (uint64_t)n) : 0;
}

static inline bool rh_dice_chance(rh_dice *d, int percent)
{
    return rh_dice_int(d, 100) < percent;
}

#define RH_DICE_PICK(d, list) ((list)[rh_dice_int((d), (int)(sizeof(list) / sizeof *(list)))])

#endif
