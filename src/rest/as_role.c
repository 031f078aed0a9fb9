/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/as_role.h"

#include <string.h>

static void put_guard(rh_writer *w, const rh_rest_role *role)
{
    rh_put(w, ", (CASE WHEN CURRENT_USER::text = ");
    rh_put_param(w, role->name);
    rh_put(w, role->privileged ? "::text" : "::text AND pg_catalog.current_setting('is_superuser') = 'off'");
    rh_put(w, " THEN 'on' ELSE '" RH_REST_ROLE_GUARD "' END)::boolean");
    rh_put(w, ", (CASE WHEN pg_catalog.pg_my_temp_schema() = 0 THEN 'on' WHEN EXISTS (SELECT FROM "
              "pg_catalog.pg_class "
              "WHERE relnamespace = pg_catalog.pg_my_temp_schema()) THEN '" RH_REST_USED_GUARD "' ELSE 'on' "
              "END)::boolean");
}

void rh_as_role_enter(rh_arena *a, const rh_rest_role *role, const rh_rest_setting *settings, size_t n,
                      rh_rest_statement *out)
{
    rh_writer w = {.arena = a};
    rh_str_init_in(&w.text, a, RH_STR_TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        rh_put(&w, i ? ", pg_catalog.set_config(" : "SELECT pg_catalog.set_config(");
        rh_str_add_literal(&w.text, settings[i].name);
        rh_put(&w, ", ");
        rh_put_param(&w, settings[i].value);
        rh_put(&w, ", true)");
    }
    if (role)
        put_guard(&w, role);
    *out = (rh_rest_statement){rh_str_cstr(&w.text), w.text.len, (int)w.values.len, w.values.items};
}

void rh_as_role_mark(rh_arena *a, const rh_rest_role *role, rh_rest_statement *s)
{
    static const char digits[] = "0123456789abcdef";
    size_t name_len = strlen(role->name);
    char *text = rh_arena_alloc(a, s->text_len + name_len * 2 + 5), *to = text;
    *to++ = '/';
    *to++ = '*';
    for (size_t i = 0; i < name_len; i++) {
        *to++ = digits[(unsigned char)role->name[i] >> 4];
        *to++ = digits[(unsigned char)role->name[i] & 15];
    }
    *to++ = '*';
    *to++ = '/';
    memcpy(to, s->text, s->text_len + 1);
    s->text = text;
    s->text_len += (size_t)(to - text);
}
