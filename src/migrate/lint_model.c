/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/lint_model.h"

#include <string.h>

#define NAME_MAX_BYTES 63

rh_lint_place rh_lint_here(const rh_lint_model *m, size_t at)
{
    return (rh_lint_place){m->file, m->order, m->offset + at};
}

/* ---- tables ---- */

rh_lint_set rh_lint_set_of(const rh_lint_model *m, const char *schema)
{
    if (!schema)
        return m->set;
    if (strcmp(schema, RH_LINT_HOME_SCHEMA) == 0)
        return RH_LINT_SET_TENANT;
    if (strcmp(schema, RH_LINT_REFERENCE_SCHEMA) == 0)
        return RH_LINT_SET_REFERENCE;
    return strcmp(schema, "pg_temp") == 0 ? RH_LINT_SET_TEMP : RH_LINT_SET_OTHER;
}

static rh_lint_table *find_in(const rh_lint_model *m, rh_lint_set set, const char *schema, const char *name)
{
    for (size_t i = m->tables.len; i-- > 0;) {
        rh_lint_table *t = m->tables.items[i];
        if (t->set == set && strcmp(t->name, name) == 0 &&
            (set != RH_LINT_SET_OTHER || (t->schema && schema && strcmp(t->schema, schema) == 0)))
            return t;
    }
    return NULL;
}

rh_lint_table *rh_lint_table_find(const rh_lint_model *m, const char *schema, const char *name)
{
    rh_lint_table *t;
    if (!name)
        return NULL;
    if (schema)
        return find_in(m, rh_lint_set_of(m, schema), schema, name);
    if ((t = find_in(m, RH_LINT_SET_TEMP, NULL, name)) || (t = find_in(m, m->set, NULL, name)))
        return t;
    return m->set == RH_LINT_SET_TENANT ? find_in(m, RH_LINT_SET_REFERENCE, NULL, name) : NULL;
}

rh_lint_table *rh_lint_table_add(rh_lint_model *m, rh_lint_set set, const char *schema, const char *name,
                                 char kind)
{
    rh_lint_table *t = RH_NEW(m->arena, rh_lint_table);
    t->set = set;
    t->made_by = m->set;
    t->schema = rh_arena_strdup(m->arena, schema);
    t->name = rh_arena_strdup(m->arena, name);
    t->kind = kind;
    RH_VEC_PUSH(m->arena, &m->tables, t);
    return t;
}

#define REMOVE_AT(v, i)                                                                                      \
    do {                                                                                                     \
        memmove(&(v)->items[i], &(v)->items[(i) + 1], ((v)->len - (i)-1) * sizeof *(v)->items);              \
        (v)->len--;                                                                                          \
    } while (0)

static void drop_fks_to(rh_lint_model *m, const rh_lint_table *target, const rh_lint_key *key,
                        const rh_lint_column *column)
{
    for (size_t i = 0; i < m->tables.len; i++) {
        rh_lint_table *t = m->tables.items[i];
        for (size_t j = t->fks.len; j-- > 0;) {
            rh_lint_fk *fk = t->fks.items[j];
            bool hit = fk->target == target && (!key || rh_lint_fk_uses(fk, target, key)) &&
                       (!column || rh_lint_columns_have(&fk->to, column));
            if (hit)
                REMOVE_AT(&t->fks, j);
        }
    }
}

void rh_lint_table_drop(rh_lint_model *m, rh_lint_table *t)
{
    drop_fks_to(m, t, NULL, NULL);
    for (size_t i = m->tables.len; i-- > 0;)
        if (m->tables.items[i] == t)
            REMOVE_AT(&m->tables, i);
    for (size_t i = m->tables.len; i-- > 0;) /* its partitions go with it */
        if (i < m->tables.len && m->tables.items[i]->parent == t)
            rh_lint_table_drop(m, m->tables.items[i]);
}

bool rh_lint_is_root(const rh_lint_model *m, const rh_lint_table *t)
{
    return t->set == RH_LINT_SET_TENANT && strcmp(t->name, m->conf->app_root) == 0;
}

/* ---- columns ---- */

rh_lint_columns *rh_lint_table_columns(rh_lint_table *t)
{
    while (t->parent)
        t = t->parent;
    return &t->columns;
}

rh_lint_column *rh_lint_column_find(rh_lint_table *t, const char *name)
{
    rh_lint_columns *v = rh_lint_table_columns(t);
    for (size_t i = 0; name && i < v->len; i++)
        if (strcmp(v->items[i]->name, name) == 0)
            return v->items[i];
    return NULL;
}

bool rh_lint_columns_have(const rh_lint_columns *v, const rh_lint_column *c)
{
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i] == c)
            return true;
    return false;
}

void rh_lint_column_drop(rh_lint_model *m, rh_lint_table *t, rh_lint_column *c)
{
    rh_lint_columns *v = rh_lint_table_columns(t);
    for (size_t i = v->len; i-- > 0;)
        if (v->items[i] == c)
            REMOVE_AT(v, i);
    for (size_t i = t->keys.len; i-- > 0;)
        if (rh_lint_columns_have(&t->keys.items[i]->columns, c) ||
            rh_lint_columns_have(&t->keys.items[i]->include, c))
            REMOVE_AT(&t->keys, i);
    for (size_t i = t->fks.len; i-- > 0;)
        if (rh_lint_columns_have(&t->fks.items[i]->from, c))
            REMOVE_AT(&t->fks, i);
    drop_fks_to(m, t, NULL, c);
}

rh_lint_column *rh_lint_tenant_column(const rh_lint_model *m, rh_lint_table *t)
{
    rh_lint_column *c = rh_lint_column_find(t, m->conf->app_tenant_key);
    if (c || !rh_lint_is_root(m, t))
        return c;
    rh_lint_key *primary = rh_lint_primary_key(t);
    if (primary && primary->columns.len == 1)
        return primary->columns.items[0];
    return rh_lint_column_find(t, "id");
}

/* ---- keys ---- */

rh_lint_key *rh_lint_primary_key(const rh_lint_table *t)
{
    for (size_t i = 0; i < t->keys.len; i++)
        if (t->keys.items[i]->kind == RH_LINT_PRIMARY)
            return t->keys.items[i];
    return NULL;
}

rh_lint_key *rh_lint_index_find(const rh_lint_model *m, const char *schema, const char *name,
                                rh_lint_table **of)
{
    for (size_t i = 0; name && i < m->tables.len; i++) {
        rh_lint_table *t = m->tables.items[i];
        if (schema ? t->set != rh_lint_set_of(m, schema)
                   : t->set != m->set && t->set != RH_LINT_SET_REFERENCE)
            continue;
        for (size_t j = 0; j < t->keys.len; j++)
            if (strcmp(t->keys.items[j]->name, name) == 0) {
                *of = t;
                return t->keys.items[j];
            }
    }
    return NULL;
}

bool rh_lint_fk_uses(const rh_lint_fk *fk, const rh_lint_table *t, const rh_lint_key *k)
{
    if (fk->target != t || fk->to.len != k->columns.len || k->kind == RH_LINT_EXCLUDE)
        return false;
    for (size_t i = 0; i < fk->to.len; i++)
        if (!rh_lint_columns_have(&k->columns, fk->to.items[i]))
            return false;
    return fk->to.len > 0;
}

void rh_lint_key_drop(rh_lint_model *m, rh_lint_table *t, rh_lint_key *k)
{
    for (size_t i = t->keys.len; i-- > 0;)
        if (t->keys.items[i] == k)
            REMOVE_AT(&t->keys, i);
    drop_fks_to(m, t, k, NULL);
}

/* ---- names ---- */

static size_t clip(const char *s, size_t n) /* not inside a character */
{
    while (n > 0 && (s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static bool name_taken(const rh_lint_model *m, const rh_lint_table *of, const char *name)
{
    for (size_t i = 0; i < of->fks.len; i++)
        if (strcmp(of->fks.items[i]->name, name) == 0)
            return true;
    for (size_t i = 0; i < m->tables.len; i++) {
        const rh_lint_table *t = m->tables.items[i];
        if (t->set != of->set)
            continue;
        if (strcmp(t->name, name) == 0)
            return true;
        for (size_t j = 0; j < t->keys.len; j++)
            if (strcmp(t->keys.items[j]->name, name) == 0)
                return true;
    }
    return false;
}

/* The longer of the two names gives way, as in PostgreSQL's makeObjectName(). */
const char *rh_lint_default_name(rh_lint_model *m, const rh_lint_table *t, const char *columns,
                                 const char *suffix)
{
    for (int pass = 0;; pass++) {
        const char *label = pass ? rh_arena_printf(m->arena, "%s%d", suffix, pass) : suffix;
        size_t extra = strlen(label) + 1 + (columns ? 1 : 0);
        size_t n1 = strlen(t->name), n2 = columns ? strlen(columns) : 0;
        while (n1 + n2 + extra > NAME_MAX_BYTES && n1 + n2 > 0)
            n1 > n2 ? n1-- : n2--;
        n1 = clip(t->name, n1);
        n2 = columns ? clip(columns, n2) : 0;
        const char *name = rh_arena_printf(m->arena, "%.*s%s%.*s_%s", (int)n1, t->name, columns ? "_" : "",
                                           (int)n2, columns ? columns : "", label);
        if (!name_taken(m, t, name))
            return name;
    }
}
