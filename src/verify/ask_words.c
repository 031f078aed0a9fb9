/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "verify/asker.h"

void rh_ask_begin(rh_asker *k, const char *kind, const char *method)
{
    k->ask->kind = kind;
    k->ask->method = method;
    rh_str_addf(&k->plain, "%s ", method);
}

static void add_encoded(rh_str *out, const char *text)
{
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_.~,*()", *text))
            rh_str_addc(out, *text);
        else
            rh_str_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

void rh_ask_segment(rh_asker *k, const char *text)
{
    rh_str_addc(&k->path, '/');
    add_encoded(&k->path, text);
    rh_str_addf(&k->plain, "/%s", text);
}

void rh_ask_query(rh_asker *k, const char *name, const char *value)
{
    rh_str_addc(&k->path, k->has_query ? '&' : '?');
    add_encoded(&k->path, name);
    rh_str_addc(&k->path, '=');
    add_encoded(&k->path, value);
    rh_str_addf(&k->plain, "%c%s=%s", k->has_query ? '&' : '?', name, value);
    k->has_query = true;
}

void rh_ask_header(rh_asker *k, const char *name, const char *value)
{
    rh_str_addf(&k->headers, "%s: %s\r\n", name, value);
}

void rh_ask_told_header(rh_asker *k, const char *name, const char *value)
{
    rh_ask_header(k, name, value);
    rh_str_addf(&k->plain, " [%s: %s]", name, value);
}
