/* SPDX-License-Identifier: Apache-2.0 */
#include <pg_query.h>
#include <string.h>

#include "migrate/lint_model.h"

/* ---- writing names ---- */

/* PostgreSQL's own grammar says whether the word is a keyword that must be quoted. */
static bool is_free_word(const char *name)
{
    char sql[160];
    if (!*name || (*name >= '0' && *name <= '9') ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] || strlen(name) > 63)
        return false;
    snprintf(sql, sizeof sql, "CREATE TABLE %s (%s int)", name, name);
    PgQuerySplitResult split = pg_query_split_with_parser(sql);
    bool free_word = !split.error;
    pg_query_free_split_result(split);
    return free_word;
}

/* An identifier as a person would write it: bare where PostgreSQL reads it back the same, else quoted. */
static void add_name(rh_str *s, const char *name)
{
    if (is_free_word(name))
        rh_str_add(s, name);
    else
        rh_str_add_ident(s, name);
}

static void add_qualified(rh_str *s, const char *schema, const char *name)
{
    if (schema) {
        add_name(s, schema);
        rh_str_addc(s, '.');
    }
    add_name(s, name);
}

static void add_table(rh_str *s, const rh_lint_table *t)
{
    bool reference = t->set == RH_LINT_SET_REFERENCE;
    add_qualified(s, t->schema || !reference ? t->schema : RH_LINT_REFERENCE_SCHEMA, t->name);
}

static void add_columns(rh_str *s, const rh_lint_columns *v, const rh_lint_column *without)
{
    bool first = true;
    for (size_t i = 0; i < v->len; i++) {
        if (v->items[i] == without)
            continue;
        rh_str_add(s, first ? "" : ", ");
        add_name(s, v->items[i]->name);
        first = false;
    }
}

static rh_str builder(rh_lint_model *m)
{
    rh_str s;
    rh_str_init_in(&s, m->arena, RH_STR_TEXT_MAX);
    return s;
}

static rh_str alter_table(rh_lint_model *m, const rh_lint_table *t)
{
    rh_str s = builder(m);
    rh_str_add(&s, "ALTER TABLE ");
    add_table(&s, t);
    rh_str_addc(&s, ' ');
    return s;
}

/* ---- columns ---- */

const char *rh_lint_fix_key_missing(rh_lint_model *m, const rh_lint_table *t, const rh_lint_table *root)
{
    rh_lint_column *id = root ? rh_lint_tenant_column(m, (rh_lint_table *)root) : NULL;
    rh_str s = alter_table(m, t);
    rh_str_add(&s, "ADD COLUMN ");
    add_name(&s, m->conf->app_tenant_key);
    rh_str_addf(&s, " %s NOT NULL", m->id_type);
    if (id) {
        rh_str_add(&s, " REFERENCES ");
        add_table(&s, root);
        rh_str_add(&s, " (");
        add_name(&s, id->name);
        rh_str_addc(&s, ')');
    }
    rh_str_addc(&s, ';');
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_key_type(rh_lint_model *m, const rh_lint_table *t, const rh_lint_column *c)
{
    rh_str s = alter_table(m, t);
    rh_str_add(&s, "ALTER COLUMN ");
    add_name(&s, c->name);
    rh_str_addf(&s, " TYPE %s", m->id_type);
    if (strcmp(c->type, "integer") != 0 && strcmp(c->type, "smallint") != 0) {
        rh_str_add(&s, " USING ");
        add_name(&s, c->name);
        rh_str_addf(&s, "::text::%s", m->id_type);
    }
    rh_str_addc(&s, ';');
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_not_null(rh_lint_model *m, const rh_lint_table *t, const rh_lint_column *c)
{
    rh_str s = alter_table(m, t);
    rh_str_add(&s, "ALTER COLUMN ");
    add_name(&s, c->name);
    rh_str_add(&s, " SET NOT NULL;");
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_relation(rh_lint_model *m, const char *before, const rh_lint_table *t,
                                 const char *after)
{
    rh_str s = builder(m);
    rh_str_add(&s, before);
    rh_str_addc(&s, ' ');
    add_table(&s, t);
    rh_str_add(&s, after);
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_drop_constraint(rh_lint_model *m, const rh_lint_table *t, const char *name)
{
    rh_str s = alter_table(m, t);
    rh_str_add(&s, "DROP CONSTRAINT ");
    add_name(&s, name);
    rh_str_addc(&s, ';');
    return rh_str_cstr(&s);
}

/* ---- foreign keys ---- */

typedef struct pairs {
    rh_lint_columns from, to;
} pairs;

/* The key paired with the key, then the pairs that were there and touch neither. False when nothing is left
 * to refer by. */
static bool mended_pairs(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk, pairs *out)
{
    rh_lint_column *own = rh_lint_tenant_column(m, t),
                   *other = fk->target ? rh_lint_tenant_column(m, fk->target) : NULL;
    memset(out, 0, sizeof *out);
    if (!own || !other)
        return false;
    RH_VEC_PUSH(m->arena, &out->from, own);
    RH_VEC_PUSH(m->arena, &out->to, other);
    for (size_t i = 0; i < fk->from.len && i < fk->to.len; i++)
        if (fk->from.items[i] != own && fk->to.items[i] != other) {
            RH_VEC_PUSH(m->arena, &out->from, fk->from.items[i]);
            RH_VEC_PUSH(m->arena, &out->to, fk->to.items[i]);
        }
    return out->from.len > 1;
}

static void add_deferral(rh_str *s, rh_lint_deferral d)
{
    rh_str_add(s,
               d.deferrable ? d.initially_deferred ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE" : "");
}

static const char *action(char c)
{
    switch (c) {
    case 'r':
        return "RESTRICT";
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    default:
        return NULL;
    }
}

/* SET NULL and SET DEFAULT name the columns besides the key, so that the row keeps its tenant. */
static void add_actions(rh_lint_model *m, rh_str *s, rh_lint_table *t, const rh_lint_fk *fk, const pairs *p)
{
    const char *on_update = action(fk->on_update), *on_delete = action(fk->on_delete);
    if (on_update)
        rh_str_addf(s, " ON UPDATE %s", on_update);
    if (!on_delete)
        return;
    rh_str_addf(s, " ON DELETE %s", on_delete);
    if (fk->on_delete == 'n' || fk->on_delete == 'd') {
        rh_str_add(s, " (");
        add_columns(s, fk->set_columns.len ? &fk->set_columns : &p->from, rh_lint_tenant_column(m, t));
        rh_str_addc(s, ')');
    }
}

static void add_fk(rh_lint_model *m, rh_str *s, rh_lint_table *t, const rh_lint_fk *fk, const pairs *p)
{
    rh_str_add(s, "FOREIGN KEY (");
    add_columns(s, &p->from, NULL);
    rh_str_add(s, ") REFERENCES ");
    add_table(s, fk->target);
    rh_str_add(s, " (");
    add_columns(s, &p->to, NULL);
    rh_str_add(s, fk->match == 'f' ? ") MATCH FULL" : ")");
    add_actions(m, s, t, fk, p);
    add_deferral(s, fk->deferral);
}

const char *rh_lint_rewrite_fk(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk)
{
    pairs p;
    rh_str s = builder(m);
    if (!mended_pairs(m, t, fk, &p))
        return NULL;
    add_fk(m, &s, t, fk, &p);
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_fk(rh_lint_model *m, rh_lint_table *t, const rh_lint_fk *fk)
{
    const char *mended = rh_lint_rewrite_fk(m, t, fk);
    rh_str s = alter_table(m, t);
    rh_str_add(&s, "DROP CONSTRAINT IF EXISTS ");
    add_name(&s, fk->name);
    if (mended) {
        rh_str_add(&s, ", ADD CONSTRAINT ");
        add_name(&s, fk->name);
        rh_str_addf(&s, " %s", mended);
    }
    rh_str_addc(&s, ';');
    return rh_str_cstr(&s);
}

/* ---- primary keys, unique constraints, indexes, exclusions ---- */

static void add_key_body(rh_str *s, const rh_lint_key *k, const rh_lint_column *key)
{
    rh_str_add(s, k->kind == RH_LINT_PRIMARY ? "PRIMARY KEY" : "UNIQUE");
    rh_str_add(s, k->nulls_not_distinct ? " NULLS NOT DISTINCT (" : " (");
    add_name(s, key->name);
    rh_str_add(s, k->columns.len ? ", " : "");
    add_columns(s, &k->columns, key);
    rh_str_addc(s, ')');
    if (k->include.len) {
        rh_str_add(s, " INCLUDE (");
        add_columns(s, &k->include, key);
        rh_str_addc(s, ')');
    }
    add_deferral(s, k->deferral);
}

const char *rh_lint_rewrite_unique(rh_lint_model *m, const rh_lint_table *t, const rh_lint_key *k,
                                   const rh_lint_column *key)
{
    rh_str s = builder(m);
    if ((k->kind == RH_LINT_INDEX || k->kind == RH_LINT_EXCLUDE) && !k->parts)
        return NULL;
    if (k->kind == RH_LINT_INDEX) {
        rh_str_add(&s, "CREATE UNIQUE INDEX ");
        add_name(&s, k->name);
        rh_str_add(&s, " ON ");
        add_table(&s, t);
        rh_str_addf(&s, "%s(", *k->method ? k->method : " ");
        add_name(&s, key->name);
        rh_str_addf(&s, ", %s)%s", k->parts, k->tail);
    } else if (k->kind == RH_LINT_EXCLUDE) {
        rh_str_addf(&s, "EXCLUDE%s(", *k->method ? k->method : " ");
        add_name(&s, key->name);
        rh_str_addf(&s, " WITH =, %s)%s", k->parts, k->tail);
    } else {
        add_key_body(&s, k, key);
    }
    return rh_str_cstr(&s);
}

/* Foreign keys that rest on k go first and come back mended. False when one of them cannot. */
static bool around_dependents(rh_lint_model *m, const rh_lint_table *t, const rh_lint_key *k, rh_str *before,
                              rh_str *after)
{
    for (size_t i = 0; i < m->tables.len; i++) {
        rh_lint_table *from = m->tables.items[i];
        for (size_t j = 0; j < from->fks.len; j++) {
            const rh_lint_fk *fk = from->fks.items[j];
            if (!rh_lint_fk_uses(fk, t, k))
                continue;
            const char *mended = rh_lint_rewrite_fk(m, from, fk);
            if (!mended)
                return false;
            rh_str_addf(before, "%s\n", rh_lint_fix_drop_constraint(m, from, fk->name));
            rh_str_add(after, "\nALTER TABLE ");
            add_table(after, from);
            rh_str_add(after, " ADD CONSTRAINT ");
            add_name(after, fk->name);
            rh_str_addf(after, " %s;", mended);
        }
    }
    return true;
}

const char *rh_lint_fix_unique(rh_lint_model *m, rh_lint_table *t, const rh_lint_key *k,
                               const rh_lint_column *key)
{
    const char *mended = rh_lint_rewrite_unique(m, t, k, key);
    rh_str s = builder(m), after = builder(m);
    if (!mended || !around_dependents(m, t, k, &s, &after))
        return NULL;
    if (k->kind == RH_LINT_INDEX) {
        rh_str_add(&s, "DROP INDEX ");
        add_qualified(&s, t->schema, k->name);
        rh_str_addf(&s, ";\n%s;%s", mended, rh_str_cstr(&after));
        return rh_str_cstr(&s);
    }
    rh_str_add(&s, "ALTER TABLE ");
    add_table(&s, t);
    rh_str_add(&s, " DROP CONSTRAINT ");
    add_name(&s, k->name);
    rh_str_add(&s, ", ADD CONSTRAINT ");
    add_name(&s, k->name);
    rh_str_addf(&s, " %s;%s", mended, rh_str_cstr(&after));
    return rh_str_cstr(&s);
}

/* ---- the root, functions ---- */

static const char *made_id(const rh_lint_model *m) /* the type of an id that makes itself */
{
    return m->conf->id_type == RH_ID_UUID ? "uuid DEFAULT gen_random_uuid() PRIMARY KEY"
                                          : "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
}

const char *rh_lint_fix_root_missing(rh_lint_model *m)
{
    rh_str s = builder(m);
    rh_str_add(&s, "CREATE TABLE ");
    add_name(&s, m->conf->app_root);
    rh_str_addf(&s, " (id %s, name text NOT NULL);", made_id(m));
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_root_key(rh_lint_model *m, rh_lint_table *root, const rh_lint_column *id)
{
    const rh_lint_key *primary = rh_lint_primary_key(root);
    rh_str s = alter_table(m, root);
    if (primary) {
        rh_str_add(&s, "DROP CONSTRAINT ");
        add_name(&s, primary->name);
        rh_str_add(&s, ", ");
    }
    if (id) {
        rh_str_add(&s, "ADD PRIMARY KEY (");
        add_name(&s, id->name);
        rh_str_add(&s, ");");
    } else {
        rh_str_addf(&s, "ADD COLUMN id %s;", made_id(m));
    }
    return rh_str_cstr(&s);
}

const char *rh_lint_fix_definer(rh_lint_model *m, const rh_lint_function *f)
{
    rh_str s = builder(m);
    rh_str_add(&s, "ALTER ROUTINE ");
    add_qualified(&s, f->schema, f->name);
    rh_str_addf(&s, "(%s) SET search_path = " RH_LINT_HOME_SCHEMA ", " RH_LINT_REFERENCE_SCHEMA ", pg_temp;",
                f->arguments);
    return rh_str_cstr(&s);
}
