/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

void rh_json_add_string(rh_str *out, const char *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;
    rh_str_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        rh_str_addn(out, text + from, i - from);
        from = i + 1;
        char escape[6] = {'\\', 0, '0', '0', 0, 0};
        size_t len = 2;
        switch (c) {
        case '"':
        case '\\':
            escape[1] = (char)c;
            break;
        case '\b':
            escape[1] = 'b';
            break;
        case '\f':
            escape[1] = 'f';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            escape[1] = 'u';
            escape[4] = hex[c >> 4];
            escape[5] = hex[c & 15];
            len = 6;
        }
        rh_str_addn(out, escape, len);
    }
    rh_str_addn(out, text + from, n - from);
    rh_str_addc(out, '"');
}
