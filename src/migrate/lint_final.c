/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "migrate/lint_model.h"

static rh_lint_table *find_root(const rh_lint_model *m)
{
    for (size_t i = 0; i < m->tables.len; i++)
        if (rh_lint_is_root(m, m->tables.items[i]) && m->tables.items[i]->kind == 'r')
            return m->tables.items[i];
    return NULL;
}

/* The table is one whose rows must be kept apart, and whose columns are known. */
static bool is_judged(const rh_lint_table *t)
{
    return t->set == RH_LINT_SET_TENANT && t->kind == 'r' && !t->unproven;
}

/* Without a tenant key the app has schema and database homes only: what demands the key does not apply. */
static bool is_keyed(const rh_lint_model *m)
{
    return *m->conf->app_tenant_key != 0;
}

/* ---- the tenant key ---- */

static void check_type(rh_lint_model *m, const rh_lint_table *t, const rh_lint_column *c)
{
    bool narrow = strcmp(m->id_type, "bigint") == 0 &&
                  (strcmp(c->type, "integer") == 0 || strcmp(c->type, "smallint") == 0);
    if (strcmp(c->type, m->id_type) != 0)
        rh_lint_report_add(m, narrow ? RH_LINT_KEY_NARROW : RH_LINT_KEY_TYPE, c->type_at,
                           rh_lint_fix_key_type(m, t, c), NULL, "%s.%s is %s, but tenant ids are %s", t->name,
                           c->name, c->type, m->id_type);
}

static void check_root(rh_lint_model *m, rh_lint_table *root)
{
    rh_lint_column *id = rh_lint_tenant_column(m, root);
    const rh_lint_key *primary = rh_lint_primary_key(root);
    if (!primary || primary->columns.len != 1 || primary->columns.items[0] != id)
        rh_lint_report_add(m, RH_LINT_ROOT_KEY, primary ? primary->at : root->at,
                           rh_lint_fix_root_key(m, root, id), NULL,
                           "the primary key of the root %s is not its id alone", root->name);
    if (id)
        check_type(m, root, id);
}

static void check_key(rh_lint_model *m, rh_lint_table *t, const rh_lint_table *root)
{
    const rh_lint_column *key = rh_lint_tenant_column(m, t);
    if (!key) {
        rh_lint_report_add(m, RH_LINT_KEY_MISSING, t->at, rh_lint_fix_key_missing(m, t, root), NULL,
                           "table %s has no %s: it belongs in reference/ or needs the key", t->name,
                           m->conf->app_tenant_key);
        return;
    }
    if (t->parent)
        return; /* its columns are the parent's, which is judged */
    if (!key->not_null)
        rh_lint_report_add(m, RH_LINT_KEY_NULLABLE, key->at, rh_lint_fix_not_null(m, t, key), NULL,
                           "%s.%s may be NULL: such a row would belong to no tenant", t->name, key->name);
    check_type(m, t, key);
}

/* ---- keys ---- */

static void check_unique(rh_lint_model *m, rh_lint_table *t, const rh_lint_key *k, const rh_lint_column *key)
{
    static const char *const what[] = {"primary key", "unique constraint", "unique index",
                                       "exclusion constraint"};
    bool exclude = k->kind == RH_LINT_EXCLUDE, root_key = k->kind == RH_LINT_PRIMARY && rh_lint_is_root(m, t);
    if (rh_lint_columns_have(&k->columns, key) || root_key) /* the root's primary key has a rule of its own */
        return;
    rh_lint_report_add(
        m, exclude ? RH_LINT_EXCLUDE_WITHOUT_KEY : RH_LINT_UNIQUE_WITHOUT_KEY, k->at,
        rh_lint_fix_unique(m, t, k, key), rh_lint_rewrite_unique(m, t, k, key),
        "%s %s of %s does not include %s: tenants would see each other's values by collision%s",
        what[k->kind], k->name, t->name, key->name, exclude ? " (it takes extension btree_gist)" : "");
}

/* ---- foreign keys ---- */

static bool pairs_key(const rh_lint_fk *fk, const rh_lint_column *own, const rh_lint_column *other)
{
    for (size_t i = 0; i < fk->from.len && i < fk->to.len; i++)
        if (fk->from.items[i] == own && fk->to.items[i] == other)
            return true;
    return false;
}

/* A table that was made after the foreign key, which the walk could not know. */
static void resolve(rh_lint_model *m, const rh_lint_table *t, rh_lint_fk *fk)
{
    m->set = t->set;
    if (!fk->target)
        fk->target = rh_lint_table_find(m, fk->target_schema, fk->target_name);
    for (size_t i = 0;
         !fk->target && t->set == RH_LINT_SET_REFERENCE && !fk->target_schema && i < m->tables.len; i++)
        if (m->tables.items[i]->set == RH_LINT_SET_TENANT &&
            strcmp(m->tables.items[i]->name, fk->target_name) == 0)
            fk->target = m->tables.items[i];
}

static void check_null_action(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk,
                              const rh_lint_column *key)
{
    const rh_lint_columns *set = fk->set_columns.len ? &fk->set_columns : &fk->from;
    if ((fk->on_delete == 'n' || fk->on_delete == 'd') && rh_lint_columns_have(set, key))
        rh_lint_report_add(m, RH_LINT_FK_NULLS_KEY, fk->at, rh_lint_fix_fk(m, t, fk),
                           rh_lint_rewrite_fk(m, t, fk),
                           "foreign key %s of %s sets %s as well when the other row is deleted", fk->name,
                           t->name, key->name);
}

static void check_tenant_fk(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk)
{
    rh_lint_column *own = rh_lint_tenant_column(m, t), *other = rh_lint_tenant_column(m, fk->target);
    bool to_root = rh_lint_is_root(m, fk->target);
    if (!own || !other) /* told already */
        return;
    if (pairs_key(fk, own, other) ||
        (to_root && fk->from.len == 1 && fk->from.items[0] == own && !fk->to.len)) {
        check_null_action(m, t, fk, own);
    } else if (to_root) {
        rh_lint_report_add(m, RH_LINT_FK_TO_ROOT, fk->at, rh_lint_fix_drop_constraint(m, t, fk->name), NULL,
                           "foreign key %s of %s does not pair %s with %s.%s: it points to another tenant",
                           fk->name, t->name, own->name, fk->target->name, other->name);
    } else {
        rh_lint_report_add(
            m, RH_LINT_FK_WITHOUT_KEY, fk->at, rh_lint_fix_fk(m, t, fk), rh_lint_rewrite_fk(m, t, fk),
            "foreign key %s of %s does not pair %s with %s.%s: it could point to another tenant's row",
            fk->name, t->name, own->name, fk->target->name, other->name);
    }
}

static void check_fk(rh_lint_model *m, rh_lint_table *t, rh_lint_fk *fk)
{
    resolve(m, t, fk);
    if (!fk->target)
        rh_lint_report_add(m, RH_LINT_FK_UNKNOWN_TABLE, fk->at, NULL, NULL,
                           "foreign key %s of %s refers to %s, which no migration makes", fk->name, t->name,
                           fk->target_name);
    else if (t->set == RH_LINT_SET_REFERENCE && fk->target->set == RH_LINT_SET_TENANT)
        rh_lint_report_add(m, RH_LINT_FK_FROM_REFERENCE, fk->at, rh_lint_fix_drop_constraint(m, t, fk->name),
                           NULL, "foreign key %s of reference table %s points to %s of the tenant set",
                           fk->name, t->name, fk->target->name);
    else if (is_judged(t) && is_judged(fk->target))
        check_tenant_fk(m, t, fk);
}

/* ---- whole relations ---- */

static void check_schema(rh_lint_model *m, const rh_lint_table *t)
{
    static const char *const names[] = {"reference", "tenant"};
    bool other = t->set == RH_LINT_SET_OTHER, tenants = t->made_by == RH_LINT_SET_TENANT;
    if (t->set == RH_LINT_SET_TEMP || t->set == t->made_by)
        return;
    const char *home =
        tenants ? " SET SCHEMA " RH_LINT_HOME_SCHEMA ";" : " SET SCHEMA " RH_LINT_REFERENCE_SCHEMA ";";
    rh_lint_report_add(
        m, RH_LINT_OTHER_SCHEMA, t->schema_at, other ? rh_lint_fix_relation(m, "ALTER TABLE", t, home) : NULL,
        NULL, "%s of the %s set stands in schema %s, where Rowhouse does not protect it for that set",
        t->name, names[t->made_by], t->schema ? t->schema : "?");
}

static void check_kind(rh_lint_model *m, const rh_lint_table *t)
{
    if (t->set != RH_LINT_SET_TENANT)
        return;
    if (t->kind == 'm' || t->kind == 'f')
        rh_lint_report_add(
            m, RH_LINT_NO_ROW_SECURITY, t->at,
            rh_lint_fix_relation(m, t->kind == 'm' ? "DROP MATERIALIZED VIEW" : "DROP FOREIGN TABLE", t, ";"),
            NULL, "%s %s cannot have row security, so it is never served",
            t->kind == 'm' ? "materialized view" : "foreign table", t->name);
    else if (t->kind == 'v' && !t->invoker)
        rh_lint_report_add(m, RH_LINT_VIEW_OWNER, t->at,
                           rh_lint_fix_relation(m, "ALTER VIEW", t, " SET (security_invoker = on);"), NULL,
                           "view %s would run as its owner: the fitting sets security_invoker", t->name);
    else if (t->unproven && is_keyed(m))
        rh_lint_report_add(m, RH_LINT_UNPROVEN, t->at, NULL, NULL,
                           "table %s is made with %s, so its key cannot be proven: write its columns out",
                           t->name, t->unproven);
    if (t->rls_disabled || t->rls_unforced)
        rh_lint_report_add(m, RH_LINT_RLS_OFF, t->rls_at,
                           rh_lint_fix_relation(m, "ALTER TABLE", t,
                                                " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"),
                           NULL, "row security of %s is switched off", t->name);
}

static void check_table(rh_lint_model *m, rh_lint_table *t, rh_lint_table *root)
{
    check_schema(m, t);
    check_kind(m, t);
    if (is_judged(t)) {
        if (t != root && is_keyed(m))
            check_key(m, t, root);
        const rh_lint_column *key = rh_lint_tenant_column(m, t);
        for (size_t i = 0; key && i < t->keys.len; i++)
            check_unique(m, t, t->keys.items[i], key);
    }
    for (size_t i = 0; i < t->fks.len && t->set != RH_LINT_SET_TEMP; i++)
        check_fk(m, t, t->fks.items[i]);
}

/* ---- functions and grants ---- */

static void check_function(rh_lint_model *m, const rh_lint_function *f)
{
    if (f->definer && !f->pinned && f->name)
        rh_lint_report_add(m, RH_LINT_DEFINER_PATH, f->at, rh_lint_fix_definer(m, f), NULL,
                           "%s runs as its owner but with the caller's search_path", f->name);
}

void rh_lint_final(rh_lint_model *m)
{
    rh_lint_table *root = find_root(m);
    rh_lint_place nowhere = {0};
    if (!root && !m->has_gaps && is_keyed(m))
        rh_lint_report_add(m, RH_LINT_ROOT_MISSING, nowhere, rh_lint_fix_root_missing(m), NULL,
                           "no migration of the tenant set makes the root table %s", m->conf->app_root);
    else if (root && !root->unproven)
        check_root(m, root);
    for (size_t i = 0; i < m->tables.len; i++)
        check_table(m, m->tables.items[i], root);
    for (size_t i = 0; i < m->functions.len; i++)
        check_function(m, m->functions.items[i]);
    for (size_t i = 0; i < m->grants.len; i++)
        rh_lint_report_add(m, RH_LINT_GRANT_PUBLIC, m->grants.items[i]->at, m->grants.items[i]->fix, NULL,
                           "a grant to PUBLIC reaches every tenant's role");
}
