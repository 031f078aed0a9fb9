/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"
#include "migrate/script.h"

/* ---- types, names ---- */

static const struct {
    const char *name, *sql;
} type_aliases[] = {
    {"int8", "bigint"},      {"bigserial", "bigint"}, {"serial8", "bigint"}, {"int4", "integer"},
    {"serial", "integer"},   {"serial4", "integer"},  {"int2", "smallint"},  {"smallserial", "smallint"},
    {"serial2", "smallint"}, {"bool", "boolean"},
};

const char *rh_lint_type_name(rh_lint_model *m, const json_t *type)
{
    const char *schema, *name = tree_last(tree_get(type, "names"), &schema);
    rh_str s;
    if (!name)
        return "unknown";
    rh_str_init_in(&s, m->arena, 1024);
    if (schema && strcmp(schema, "pg_catalog") != 0) {
        rh_str_add_ident(&s, schema);
        rh_str_addc(&s, '.');
    }
    const char *alias = NULL;
    for (size_t i = 0; i < sizeof type_aliases / sizeof *type_aliases; i++)
        if (strcmp(name, type_aliases[i].name) == 0)
            alias = type_aliases[i].sql;
    if (alias)
        rh_str_add(&s, alias);
    else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0)
        rh_str_add(&s, name);
    else
        rh_str_add_ident(&s, name);
    for (size_t i = 0; i < json_array_size(tree_get(type, "arrayBounds")); i++)
        rh_str_add(&s, "[]");
    return rh_str_cstr(&s);
}

static bool is_serial(const json_t *type)
{
    const char *name = tree_last(tree_get(type, "names"), NULL);
    return name && strstr(name, "serial") != NULL;
}

/* Adds the columns of a list of String nodes; false when one is not known. */
static bool add_named(rh_lint_model *m, rh_lint_table *t, const json_t *names, rh_lint_columns *out)
{
    bool all = true;
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        rh_lint_column *c = rh_lint_column_find(t, tree_string(name));
        if (c)
            RH_VEC_PUSH(m->arena, out, c);
        else
            all = false;
    }
    return all;
}

static const char *joined(rh_lint_model *m, const rh_lint_columns *v)
{
    rh_str s;
    rh_str_init_in(&s, m->arena, 4096);
    for (size_t i = 0; i < v->len; i++)
        rh_str_addf(&s, "%s%s", i ? "_" : "", v->items[i]->name);
    return rh_str_cstr(&s);
}

static char first_char(const json_t *n, const char *field, char otherwise)
{
    const char *text = tree_text(n, field);
    return text && *text ? *text : otherwise;
}

/* ---- keys and foreign keys ---- */

/* A partition's key says nothing about its parent, whose columns it shares in the model. */
static void set_primary_not_null(const rh_lint_table *t, const rh_lint_key *k)
{
    for (size_t i = 0; !t->parent && k->kind == RH_LINT_PRIMARY && i < k->columns.len; i++)
        k->columns.items[i]->not_null = true;
}

/* Adds the key with the name given, or with the one PostgreSQL would choose. */
static void add_key(rh_lint_model *m, rh_lint_table *t, rh_lint_key *k, const char *name, const char *parts)
{
    static const char *const suffixes[] = {"pkey", "key", "idx", "excl"};
    k->name = name ? rh_arena_strdup(m->arena, name)
                   : rh_lint_default_name(m, t, k->kind == RH_LINT_PRIMARY ? NULL : parts, suffixes[k->kind]);
    RH_VEC_PUSH(m->arena, &t->keys, k);
    set_primary_not_null(t, k);
}

/* PRIMARY KEY or UNIQUE, of a column or of the table. */
static rh_lint_deferral *add_unique(rh_lint_model *m, rh_lint_table *t, const json_t *con,
                                    rh_lint_column *column, bool primary)
{
    const char *index = tree_text(con, "indexname"), *name = tree_text(con, "conname");
    rh_lint_table *of;
    rh_lint_key *k = index ? rh_lint_index_find(m, NULL, index, &of) : NULL;
    if (index && !k)
        return NULL;
    if (k) { /* ADD CONSTRAINT name UNIQUE USING INDEX index: the index becomes the constraint */
        k->kind = primary ? RH_LINT_PRIMARY : RH_LINT_UNIQUE;
        k->name = name ? rh_arena_strdup(m->arena, name) : k->name;
        set_primary_not_null(t, k);
        return &k->deferral;
    }
    k = RH_NEW(m->arena, rh_lint_key);
    k->kind = primary ? RH_LINT_PRIMARY : RH_LINT_UNIQUE;
    k->at = rh_lint_here(m, tree_at(con));
    k->nulls_not_distinct = tree_true(con, "nulls_not_distinct");
    k->deferral = (rh_lint_deferral){tree_true(con, "deferrable"), tree_true(con, "initdeferred")};
    if (column)
        RH_VEC_PUSH(m->arena, &k->columns, column);
    k->partial = !add_named(m, t, tree_get(con, "keys"), &k->columns);
    add_named(m, t, tree_get(con, "including"), &k->include);
    add_key(m, t, k, name, joined(m, &k->columns));
    return &k->deferral;
}

/* The source text of an index or exclusion: what stands before, in and behind the first parentheses at or
 * after `at`. */
static void read_parts(rh_lint_model *m, rh_lint_key *k, size_t at, bool to_end)
{
    size_t len = strlen(m->text), offset = at, open = 0, close = 0, end = len;
    int depth = 0;
    for (rh_token t; (t = rh_script_next(m->text, len, &offset)).kind != RH_TOKEN_END;) {
        char c = t.kind == RH_TOKEN_OTHER ? m->text[t.at] : 0;
        if (c == '(' && depth++ == 0 && !open)
            open = t.at;
        else if (c == ')' && --depth == 0 && !close)
            close = t.at;
        if (!to_end && close && (depth < 0 || (c == ',' && depth == 0))) {
            end = t.at;
            break;
        }
    }
    if (!open || !close)
        return;
    k->method = rh_arena_strndup(m->arena, m->text + at, open - at);
    k->parts = rh_arena_strndup(m->arena, m->text + open + 1, close - open - 1);
    k->tail = rh_arena_strndup(m->arena, m->text + close + 1, end - close - 1);
}

/* The offset behind the word that begins at or after `at`, skipping an optional schema: public.ads, "Ads". */
size_t rh_lint_behind_name(const char *text, size_t at)
{
    size_t len = strlen(text), offset = at;
    rh_script_next(text, len, &offset);
    for (size_t peek = offset;;) {
        rh_token t = rh_script_next(text, len, &peek);
        if (t.kind != RH_TOKEN_OTHER || text[t.at] != '.')
            return offset;
        rh_script_next(text, len, &peek);
        offset = peek;
    }
}

/* The behind of the word EXCLUDE at or after `at`. */
static size_t behind_exclude(const char *text, size_t at)
{
    size_t len = strlen(text), offset = at;
    for (rh_token t; (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;)
        if (t.kind == RH_TOKEN_WORD && t.len == 7 && strncasecmp(text + t.at, "exclude", 7) == 0)
            return offset;
    return at;
}

static void add_exclusion(rh_lint_model *m, rh_lint_table *t, const json_t *con)
{
    rh_lint_key *k = RH_NEW(m->arena, rh_lint_key);
    rh_lint_columns all = {0};
    size_t i;
    json_t *pair;
    k->kind = RH_LINT_EXCLUDE;
    k->at = rh_lint_here(m, tree_at(con));
    json_array_foreach(tree_get(con, "exclusions"), i, pair)
    {
        const json_t *items = tree_get(tree_node(pair, "List"), "items");
        rh_lint_column *c =
            rh_lint_column_find(t, tree_text(tree_node(json_array_get(items, 0), "IndexElem"), "name"));
        const char *op = tree_last(tree_get(tree_node(json_array_get(items, 1), "List"), "items"), NULL);
        if (c)
            RH_VEC_PUSH(m->arena, &all, c);
        if (c && op && strcmp(op, "=") == 0)
            RH_VEC_PUSH(m->arena, &k->columns, c);
    }
    read_parts(m, k, behind_exclude(m->text, tree_at(con)), false);
    add_key(m, t, k, tree_text(con, "conname"), joined(m, &all));
}

static rh_lint_deferral *add_fk(rh_lint_model *m, rh_lint_table *t, const json_t *con, rh_lint_column *column)
{
    rh_lint_fk *fk = RH_NEW(m->arena, rh_lint_fk);
    const json_t *target = tree_get(con, "pktable"), *to = tree_get(con, "pk_attrs");
    const char *name = tree_text(con, "conname");
    fk->at = rh_lint_here(m, tree_at(con));
    fk->target = rh_lint_range_find(m, target);
    fk->target_schema = rh_arena_strdup(m->arena, tree_text(target, "schemaname"));
    fk->target_name = rh_arena_strdup(m->arena, tree_text(target, "relname"));
    if (column)
        RH_VEC_PUSH(m->arena, &fk->from, column);
    add_named(m, t, tree_get(con, "fk_attrs"), &fk->from);
    add_named(m, t, tree_get(con, "fk_del_set_cols"), &fk->set_columns);
    rh_lint_key *primary = fk->target ? rh_lint_primary_key(fk->target) : NULL;
    if (fk->target && json_array_size(to))
        add_named(m, fk->target, to, &fk->to);
    else if (primary)
        for (size_t i = 0; i < primary->columns.len; i++)
            RH_VEC_PUSH(m->arena, &fk->to, primary->columns.items[i]);
    fk->match = first_char(con, "fk_matchtype", 's');
    fk->on_update = first_char(con, "fk_upd_action", 'a');
    fk->on_delete = first_char(con, "fk_del_action", 'a');
    fk->deferral = (rh_lint_deferral){tree_true(con, "deferrable"), tree_true(con, "initdeferred")};
    fk->name =
        name ? rh_arena_strdup(m->arena, name) : rh_lint_default_name(m, t, joined(m, &fk->from), "fkey");
    RH_VEC_PUSH(m->arena, &t->fks, fk);
    return &fk->deferral;
}

/* column: the one the constraint stands behind, NULL for a constraint of the table. *last is what a following
 * DEFERRABLE belongs to. */
static void add_constraint(rh_lint_model *m, rh_lint_table *t, const json_t *con, rh_lint_column *column,
                           rh_lint_deferral **last)
{
    const char *type = tree_text(con, "contype");
    if (!type)
        return;
    if (strcmp(type, "CONSTR_PRIMARY") == 0)
        *last = add_unique(m, t, con, column, true);
    else if (strcmp(type, "CONSTR_UNIQUE") == 0)
        *last = add_unique(m, t, con, column, false);
    else if (strcmp(type, "CONSTR_FOREIGN") == 0)
        *last = add_fk(m, t, con, column);
    else if (strcmp(type, "CONSTR_EXCLUSION") == 0)
        add_exclusion(m, t, con);
    else if (column && !t->parent &&
             (strcmp(type, "CONSTR_NOTNULL") == 0 || strcmp(type, "CONSTR_IDENTITY") == 0))
        column->not_null = true;
    else if (*last && strcmp(type, "CONSTR_ATTR_DEFERRABLE") == 0)
        (*last)->deferrable = true;
    else if (*last && strcmp(type, "CONSTR_ATTR_DEFERRED") == 0)
        (*last)->deferrable = (*last)->initially_deferred = true;
}

/* ---- columns and tables ---- */

void rh_lint_add_column(rh_lint_model *m, rh_lint_table *t, const json_t *def)
{
    const char *name = tree_text(def, "colname");
    rh_lint_deferral *last = NULL;
    size_t i;
    json_t *con;
    rh_lint_column *c = rh_lint_column_find(t, name);
    if (!name || (c && !t->parent))
        return;
    if (!c) {
        c = RH_NEW(m->arena, rh_lint_column);
        c->name = rh_arena_strdup(m->arena, name);
        c->type = rh_lint_type_name(m, tree_get(def, "typeName"));
        c->not_null = is_serial(tree_get(def, "typeName"));
        c->at = c->type_at = rh_lint_here(m, tree_at(def));
        RH_VEC_PUSH(m->arena, rh_lint_table_columns(t), c);
    }
    json_array_foreach(tree_get(def, "constraints"), i, con)
        add_constraint(m, t, tree_node(con, "Constraint"), c, &last);
}

void rh_lint_add_elements(rh_lint_model *m, rh_lint_table *t, const json_t *elements)
{
    rh_lint_deferral *last = NULL;
    size_t i;
    json_t *e;
    json_array_foreach(elements, i, e)
    {
        if (tree_node(e, "ColumnDef"))
            rh_lint_add_column(m, t, tree_node(e, "ColumnDef"));
        if (tree_node(e, "TableLikeClause"))
            t->unproven = "LIKE";
    }
    json_array_foreach(elements, i, e) if (tree_node(e, "Constraint"))
        add_constraint(m, t, tree_node(e, "Constraint"), NULL, &last);
}

void rh_lint_add_constraint(rh_lint_model *m, rh_lint_table *t, const json_t *con)
{
    rh_lint_deferral *last = NULL;
    add_constraint(m, t, con, NULL, &last);
}

/* ---- indexes ---- */

void rh_lint_create_index(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation");
    rh_lint_table *t = rh_lint_range_find(m, range), *of;
    rh_str parts;
    size_t i;
    json_t *p;
    if (!t || !tree_true(s, "unique"))
        return;
    if (tree_true(s, "if_not_exists") && rh_lint_index_find(m, NULL, tree_text(s, "idxname"), &of))
        return;
    rh_lint_key *k = RH_NEW(m->arena, rh_lint_key);
    k->kind = RH_LINT_INDEX;
    k->at = rh_lint_here(m, tree_at(range));
    rh_str_init_in(&parts, m->arena, 4096);
    json_array_foreach(tree_get(s, "indexParams"), i, p)
    {
        const json_t *e = tree_node(p, "IndexElem");
        const char *function =
            tree_last(tree_get(tree_node(tree_get(e, "expr"), "FuncCall"), "funcname"), NULL);
        rh_lint_column *c = rh_lint_column_find(t, tree_text(e, "name"));
        rh_str_addf(&parts, "%s%s", i ? "_" : "", c ? c->name : function ? function : "expr");
        if (c)
            RH_VEC_PUSH(m->arena, &k->columns, c);
        else
            k->partial = true;
    }
    json_array_foreach(tree_get(s, "indexIncludingParams"), i, p)
    {
        rh_lint_column *c = rh_lint_column_find(t, tree_text(tree_node(p, "IndexElem"), "name"));
        if (c)
            RH_VEC_PUSH(m->arena, &k->include, c);
    }
    k->partial = k->partial || tree_get(s, "whereClause");
    read_parts(m, k, rh_lint_behind_name(m->text, tree_at(range)), true);
    add_key(m, t, k, tree_text(s, "idxname"), rh_str_cstr(&parts));
}
