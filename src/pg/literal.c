/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/literal.h"

#include <stdint.h>
#include <string.h>

#define MAX_NUMBER 1000000 /* of a parameter; the protocol has 65,535 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What stands between quotes, doubled ones included: they look like two that follow each other. NULL: no end.
 */
static const char *past_quoted(const char *at, const char *end)
{
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
    return close ? close + 1 : NULL;
}

/* Puts parameter number n, or says that it cannot. */
typedef struct putter {
    bool (*put)(const struct putter *p, rh_str *out, uint64_t n);
    const char *literal;
    const char *const *values;
    uint64_t n_values;
} putter;

static bool put_first(const putter *p, rh_str *out, uint64_t n)
{
    if (n == 1) {
        rh_str_add(out, p->literal);
    } else {
        rh_str_addc(out, '$');
        rh_str_addu(out, n - 1);
    }
    return true;
}

/* The blanks keep it apart from a word before it, which could make another kind of literal of it. */
static bool put_value(const putter *p, rh_str *out, uint64_t n)
{
    if (n > p->n_values)
        return false;
    rh_str_addc(out, ' ');
    if (p->values[n - 1])
        rh_str_add_literal(out, p->values[n - 1]);
    else
        rh_str_add(out, "NULL");
    rh_str_addc(out, ' ');
    return true;
}

static bool write_out(rh_str *out, const char *text, size_t len, const putter *p)
{
    const char *end = text + len, *plain = text, *at = text;
    if (memchr(text, '\\', len))
        return false;
    while (at < end) {
        if (*at == '\'' || *at == '"') {
            at = past_quoted(at, end);
            if (!at)
                return false;
        } else if (*at == '$') {
            uint64_t n = 0;
            rh_str_addn(out, plain, (size_t)(at - plain));
            if (at + 1 == end || !is_digit(at[1]) || at[1] == '0')
                return false;
            for (at++; at < end && is_digit(*at) && n < MAX_NUMBER; at++)
                n = n * 10 + (uint64_t)(*at - '0');
            if (!p->put(p, out, n))
                return false;
            plain = at;
        } else if (at + 1 < end && ((*at == '-' && at[1] == '-') || (*at == '/' && at[1] == '*'))) {
            return false;
        } else {
            at++;
        }
    }
    rh_str_addn(out, plain, (size_t)(end - plain));
    return !out->overflow;
}

bool rh_literal_first(rh_str *out, const char *text, size_t len, const char *literal)
{
    return write_out(out, text, len, &(putter){.put = put_first, .literal = literal});
}

bool rh_literal_all(rh_str *out, const char *text, size_t len, int n, const char *const *values)
{
    return write_out(out, text, len,
                     &(putter){.put = put_value, .values = values, .n_values = n > 0 ? (uint64_t)n : 0});
}
