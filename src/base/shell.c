/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shell.h"

#include <string.h>

#include "base/str.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%"

const char *rh_shell_word(rh_arena *a, const char *text)
{
    rh_str s;
    if (*text && !text[strspn(text, PLAIN)])
        return text;
    rh_str_init_in(&s, a, RH_STR_TEXT_MAX);
    rh_str_addc(&s, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            rh_str_add(&s, "'\\''");
        else
            rh_str_addc(&s, *p);
    }
    rh_str_addc(&s, '\'');
    return rh_str_cstr(&s);
}
