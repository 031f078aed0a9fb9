/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/conninfo.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/str.h"

static void add_pair(rh_str *out, const char *key, const char *value)
{
    rh_str_addf(out, "%s='", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            rh_str_addc(out, '\\');
        rh_str_addc(out, *value);
    }
    rh_str_add(out, "' ");
}

const char *rh_conninfo_at(rh_arena *a, const char *conninfo, const char *host, const char *port)
{
    static const char *const replaced[] = {"host", "hostaddr", "port"};
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    rh_str out;
    if (!options)
        return NULL;
    rh_str_init_in(&out, a, RH_STR_TEXT_MAX);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        bool keep = o->val != NULL;
        for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
            keep = keep && strcmp(o->keyword, replaced[i]) != 0;
        if (keep)
            add_pair(&out, o->keyword, o->val);
    }
    PQconninfoFree(options);
    add_pair(&out, "host", host);
    add_pair(&out, "port", port);
    return rh_str_cstr(&out);
}
