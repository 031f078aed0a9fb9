/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

/* Some byte of the word is one that JSON escapes (Mycroft's test for a zero byte, and its kin for less than
 * 32; a byte of 128 and more is neither). */
static bool has_escape(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((word - ones * 32) & ~word)) & highs;
}

/* Where, from i on, the first byte is that JSON escapes; n: nowhere. */
static size_t next_escape(const char *text, size_t i, size_t n)
{
    uint64_t word;
    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (has_escape(word))
            break;
    }
    for (; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\')
            return i;
    }
    return n;
}

void rh_json_add_string(rh_str *out, const char *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;
    rh_str_addc(out, '"');
    for (size_t i = next_escape(text, 0, n); i < n; i = next_escape(text, i + 1, n)) {
        unsigned char c = (unsigned char)text[i];
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
