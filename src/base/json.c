/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

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

static void begin_member(rh_json_writer *w, const char *key)
{
    if (w->comma)
        rh_str_addc(w->out, ',');
    if (key) {
        rh_json_add_string(w->out, key, strlen(key));
        rh_str_addc(w->out, ':');
    }
    w->comma = true;
}

void rh_json_open(rh_json_writer *w, const char *key, char bracket)
{
    begin_member(w, key);
    rh_str_addc(w->out, bracket);
    w->comma = false;
}

void rh_json_close(rh_json_writer *w, char bracket)
{
    rh_str_addc(w->out, bracket);
    w->comma = true;
}

void rh_json_put(rh_json_writer *w, const char *key, const char *text)
{
    if (!text)
        return;
    begin_member(w, key);
    rh_json_add_string(w->out, text, strlen(text));
}

void rh_json_put_int(rh_json_writer *w, const char *key, int64_t value)
{
    begin_member(w, key);
    rh_str_addf(w->out, "%" PRId64, value);
}

void rh_json_put_bool(rh_json_writer *w, const char *key, bool value)
{
    rh_json_put_raw(w, key, value ? "true" : "false");
}

void rh_json_put_raw(rh_json_writer *w, const char *key, const char *json)
{
    begin_member(w, key);
    rh_str_add(w->out, json);
}
