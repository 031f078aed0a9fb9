/* SPDX-License-Identifier: Apache-2.0
 *
 * Time. Monotonic time for deadlines, wall time for tokens.
 */
#ifndef RH_CLOCK_H
#define RH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t rh_now_us(void) /* monotonic, microseconds */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t rh_now_ms(void) /* monotonic, milliseconds */
{
    return rh_now_us() / 1000;
}

static inline int64_t rh_wall_s(void) /* seconds since 1970 */
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

#endif
