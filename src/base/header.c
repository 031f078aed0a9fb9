/* SPDX-License-Identifier: Apache-2.0 */
#include "base/header.h"

#include <ctype.h>
#include <string.h>

bool rh_header_name_ok(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !(name[i] && strchr("!#$%&'*+-.^_`|~", name[i])))
            return false;
    return n > 0;
}

bool rh_header_value_ok(const char *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    return true;
}
