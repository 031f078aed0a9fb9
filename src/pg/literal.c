/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/literal.h"

#include <stdint.h>
#include <string.h>

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

static const char *put_parameter(rh_str *out, const char *at, const char *end, const char *literal)
{
    uint64_t n = 0;
    for (at++; at < end && is_digit(*at); at++)
        n = n * 10 + (uint64_t)(*at - '0');
    if (n == 1) {
        rh_str_add(out, literal);
    } else {
        rh_str_addc(out, '$');
        rh_str_addu(out, n - 1);
    }
    return at;
}

bool rh_literal_first(rh_str *out, const char *text, size_t len, const char *literal)
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
            if (at + 1 == end || !is_digit(at[1]) || at[1] == '0')
                return false;
            rh_str_addn(out, plain, (size_t)(at - plain));
            plain = at = put_parameter(out, at, end, literal);
        } else if (at + 1 < end && ((*at == '-' && at[1] == '-') || (*at == '/' && at[1] == '*'))) {
            return false;
        } else {
            at++;
        }
    }
    rh_str_addn(out, plain, (size_t)(end - plain));
    return true;
}
