/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/tenant.h"
#include "sql.h"

/* The root table's rows as one JSON array each, its single-column primary key first: [id, {row}]. */
static PGresult *read_roots(rh_operator *o, rh_arena *a, const char *table, rh_err *err)
{
    const char *params[] = {o->home.schema, table};
    const char *key = rh_db_value(o->shared, a, rh_sql_homes_root_key, 2, params, err);
    if (!key)
        return NULL;
    if (!*key) {
        rh_err_set(err, RH_E_NOT_FOUND, "there is no table %s with a primary key of one column", table);
        return NULL;
    }
    rh_str sql;
    rh_str_init_in(&sql, a, RH_STR_TEXT_MAX);
    rh_str_add(&sql, "SELECT ");
    rh_str_add_ident(&sql, key);
    rh_str_add(&sql, "::text, row_to_json(r) FROM ");
    rh_str_add_ident(&sql, o->home.schema);
    rh_str_addc(&sql, '.');
    rh_str_add_ident(&sql, table);
    rh_str_add(&sql, " r ORDER BY ");
    rh_str_add_ident(&sql, key);
    return rh_db_query(o->shared, a, rh_str_cstr(&sql), 0, NULL, err);
}

static const char *text_member(rh_arena *a, const json_t *row, const char *name)
{
    const json_t *v = json_object_get(row, name);
    if (json_is_string(v))
        return json_string_value(v);
    if (!v || json_is_null(v))
        return NULL;
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *copy = rh_arena_strdup(a, text);
    free(text);
    return copy;
}

/* Tries the name's slug, then the same with the id behind it. */
static bool adopt_row(rh_operator *o, rh_arena *a, const char *id, const json_t *row, PGresult *columns,
                      rh_err *err)
{
    rh_tenant_spec spec = {.id = id, .name = text_member(a, row, "name"), .revive = true};
    int n = PQntuples(columns);
    const char **names = RH_NEW_ARRAY(a, const char *, (size_t)n + 1),
               **values = RH_NEW_ARRAY(a, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        const char *column = PQgetvalue(columns, i, 0);
        if (!json_object_get(row, column))
            continue;
        names[spec.profile.n] = column;
        values[spec.profile.n++] = text_member(a, row, column);
    }
    spec.profile.names = names;
    spec.profile.values = values;
    if (!spec.name || !*spec.name)
        spec.name = rh_arena_printf(a, "tenant %s", id);
    const char *made;
    if (rh_tenant_create(o, a, &spec, &made, err))
        return true;
    if (made || err->code != RH_E_EXISTS)
        return false;
    spec.slug = rh_arena_printf(a, "%.40s-%.20s", rh_slug_from_name(a, spec.name), id);
    return rh_tenant_create(o, a, &spec, &made, err);
}

bool rh_tenant_adopt_rows(rh_operator *o, const char *table, int *adopted, rh_err *err)
{
    bool ok = false;
    rh_arena *all = rh_arena_new(), *a = rh_arena_new();
    *adopted = 0;
    if (strcmp(table, o->app->conf->app_root) != 0) {
        rh_err_set(err, RH_E_USAGE, "tenants are the rows of %s, not of %s", o->app->conf->app_root, table);
        goto out;
    }
    PGresult *rows = read_roots(o, all, table, err);
    PGresult *columns =
        rows ? rh_db_query(o->catalog, all, rh_sql_tenants_profile_columns, 0, NULL, err) : NULL;
    if (!columns)
        goto out;
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *id = PQgetvalue(rows, i, 0);
        rh_arena_clear(a);
        const char *known = rh_db_value(o->catalog, a, rh_sql_tenants_state, 1, &id, err);
        if (!known)
            goto out;
        if (*known)
            continue;
        json_error_t at;
        json_t *row = json_loads(PQgetvalue(rows, i, 1), 0, &at);
        bool done = row && adopt_row(o, a, id, row, columns, err);
        json_decref(row);
        if (!done) {
            rh_err_context(err, "row %s of %s", id, table);
            goto out;
        }
        ++*adopted;
    }
    ok = true;
out:
    rh_arena_free(a);
    rh_arena_free(all);
    return ok;
}
