/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"

#include <string.h>

#define MAX_LEN 63 /* longer names are not compared: PostgreSQL has none */

/* Levenshtein's distance, one row at a time. */
static int distance(const char *a, int a_len, const char *b, int b_len)
{
    int row[MAX_LEN + 1];
    for (int j = 0; j <= b_len; j++)
        row[j] = j;
    for (int i = 1; i <= a_len; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= b_len; j++) {
            int change = diagonal + ((a[i - 1] | 0x20) != (b[j - 1] | 0x20));
            int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[b_len];
}

void rh_near_try(rh_near *n, const char *candidate)
{
    int wanted_len = (int)strnlen(n->wanted, MAX_LEN + 1), len = (int)strnlen(candidate, MAX_LEN + 1);
    if (wanted_len > MAX_LEN || len > MAX_LEN)
        return;
    int allowed = wanted_len / 4 > 1 ? wanted_len / 4 : 1;
    int d = distance(n->wanted, wanted_len, candidate, len);
    if (d > allowed || (n->best && d >= n->distance))
        return;
    n->best = candidate;
    n->distance = d;
}
