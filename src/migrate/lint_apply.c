/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"
#include "migrate/script.h"

rh_lint_table *rh_lint_range_find(const rh_lint_model *m, const json_t *range)
{
    return rh_lint_table_find(m, tree_text(range, "schemaname"), tree_text(range, "relname"));
}

/* ---- tables ---- */

static rh_lint_table *make_relation(rh_lint_model *m, const json_t *range, char kind)
{
    const char *schema = tree_text(range, "schemaname"), *name = tree_text(range, "relname");
    rh_lint_set set = tree_is(range, "relpersistence", "t") ? RH_LINT_SET_TEMP : rh_lint_set_of(m, schema);
    rh_lint_table *t = rh_lint_table_add(m, set, schema, name ? name : "", kind);
    t->at = t->schema_at = rh_lint_here(m, tree_at(range));
    return t;
}

/* A relation of that name which CREATE would run into. */
static rh_lint_table *existing(const rh_lint_model *m, const json_t *range)
{
    rh_lint_table *t = rh_lint_range_find(m, range);
    return t && t->set == rh_lint_set_of(m, tree_text(range, "schemaname")) ? t : NULL;
}

static void create_table(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation"), *parents = tree_get(s, "inhRelations");
    if (existing(m, range))
        return;
    rh_lint_table *t = make_relation(m, range, 'r');
    t->partitioned = tree_get(s, "partspec") != NULL;
    if (json_array_size(parents) && tree_get(s, "partbound")) {
        t->parent = rh_lint_range_find(m, tree_node(json_array_get(parents, 0), "RangeVar"));
        if (!t->parent || t->parent->set != t->set)
            t->unproven = "PARTITION OF a table that the set does not make";
    } else if (json_array_size(parents)) {
        t->unproven = "INHERITS";
    }
    if (tree_get(s, "ofTypename"))
        t->unproven = "OF type";
    rh_lint_add_elements(m, t, tree_get(s, "tableElts"));
}

static void create_foreign_table(rh_lint_model *m, const json_t *s)
{
    const json_t *base = tree_get(s, "base") ? tree_get(s, "base") : s;
    if (!existing(m, tree_get(base, "relation")))
        rh_lint_add_elements(m, make_relation(m, tree_get(base, "relation"), 'f'),
                             tree_get(base, "tableElts"));
}

static void create_table_as(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(tree_get(s, "into"), "rel");
    bool view = tree_is(s, "objtype", "OBJECT_MATVIEW");
    if (!existing(m, range))
        make_relation(m, range, view ? 'm' : 'r')->unproven = "AS SELECT";
}

static void select_into(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(tree_get(s, "intoClause"), "rel");
    if (tree_get(s, "larg"))
        select_into(m, tree_get(s, "larg"));
    if (range && !existing(m, range))
        make_relation(m, range, 'r')->unproven = "SELECT INTO";
}

/* security_invoker in a list of options; -1 when it is not there. */
static int invoker_option(const json_t *options)
{
    static const char *const no[] = {"off", "false", "no", "0"};
    int found = -1;
    size_t i;
    json_t *o;
    json_array_foreach(options, i, o)
    {
        const json_t *def = tree_node(o, "DefElem"), *arg = tree_get(def, "arg");
        const char *value = tree_string(arg);
        if (!tree_is(def, "defname", "security_invoker"))
            continue;
        if (!value)
            value = tree_last(tree_get(tree_node(arg, "TypeName"), "names"), NULL);
        found = !(tree_node(arg, "Integer") &&
                  json_integer_value(tree_get(tree_node(arg, "Integer"), "ival")) == 0);
        for (size_t j = 0; value && j < sizeof no / sizeof *no; j++)
            found = found && strcasecmp(value, no[j]) != 0;
    }
    return found;
}

static void create_view(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "view");
    rh_lint_table *t = existing(m, range);
    if (!t)
        t = make_relation(m, range, 'v');
    t->at = rh_lint_here(m, tree_at(range));
    t->invoker = invoker_option(tree_get(s, "options")) == 1;
}

/* ---- ALTER TABLE ---- */

typedef struct alteration {
    const json_t *cmd, *def;
    const char *name;
    size_t at; /* of the command; of the table where the tree does not say */
} alteration;

/* The place of a command that has no location of its own: the first token after the table's name that equals
 * its name. */
static size_t find_word(const char *text, size_t from, const char *word)
{
    size_t len = strlen(text), offset = from;
    for (rh_token t; word && (t = rh_script_next(text, len, &offset)).kind != RH_TOKEN_END;)
        if ((t.kind == RH_TOKEN_WORD && t.len == strlen(word) &&
             strncasecmp(text + t.at, word, t.len) == 0) ||
            (t.kind == RH_TOKEN_QUOTED && t.len == strlen(word) + 2 &&
             memcmp(text + t.at + 1, word, t.len - 2) == 0))
            return t.at;
    return from;
}

static void at_add_column(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_add_column(m, t, tree_node(x->def, "ColumnDef"));
}

static void at_drop_column(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_column *c = rh_lint_column_find(t, x->name);
    if (!c)
        return;
    if (strcmp(c->name, m->conf->app_tenant_key) == 0)
        t->at = rh_lint_here(m, x->at);
    rh_lint_column_drop(m, t, c);
}

static void at_set_not_null(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_column *c = rh_lint_column_find(t, x->name);
    if (c && !t->parent) /* of a partition: the parent's may still be NULL */
        c->not_null = true;
}

static void at_drop_not_null(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_column *c = rh_lint_column_find(t, x->name);
    if (!c)
        return;
    c->not_null = false;
    c->at = rh_lint_here(m, x->at);
}

static void at_type(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_column *c = rh_lint_column_find(t, x->name);
    if (!c)
        return;
    c->type = rh_lint_type_name(m, tree_get(tree_node(x->def, "ColumnDef"), "typeName"));
    c->type_at = rh_lint_here(m, x->at);
}

static void at_add_constraint(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_add_constraint(m, t, tree_node(x->def, "Constraint"));
}

static void at_drop_constraint(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    for (size_t i = t->keys.len; x->name && i-- > 0;)
        if (t->keys.items[i]->kind != RH_LINT_INDEX && strcmp(t->keys.items[i]->name, x->name) == 0)
            rh_lint_key_drop(m, t, t->keys.items[i]);
    for (size_t i = t->fks.len; x->name && i-- > 0;)
        if (strcmp(t->fks.items[i]->name, x->name) == 0) {
            memmove(&t->fks.items[i], &t->fks.items[i + 1], (t->fks.len - i - 1) * sizeof *t->fks.items);
            t->fks.len--;
        }
}

static void at_row_security(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    const char *kind = tree_text(x->cmd, "subtype");
    if (strcmp(kind, "AT_DisableRowSecurity") == 0 || strcmp(kind, "AT_EnableRowSecurity") == 0)
        t->rls_disabled = kind[3] == 'D';
    else
        t->rls_unforced = kind[3] == 'N';
    if (kind[3] == 'D' || kind[3] == 'N')
        t->rls_at = rh_lint_here(m, x->at);
}

static void at_options(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    bool reset = tree_is(x->cmd, "subtype", "AT_ResetRelOptions");
    int invoker = invoker_option(tree_get(tree_node(x->def, "List"), "items"));
    if (invoker < 0)
        return;
    t->invoker = invoker && !reset;
    if (!t->invoker)
        t->at = rh_lint_here(m, x->at);
}

static void at_inherit(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    if (tree_is(x->cmd, "subtype", "AT_AddInherit"))
        t->unproven = "INHERIT";
    else if (t->unproven && strncmp(t->unproven, "INHERIT", 7) == 0 && t->columns.len)
        t->unproven = NULL;
    t->at = rh_lint_here(m, x->at);
}

static void repoint(rh_lint_columns *v, const rh_lint_column *from, rh_lint_column *to)
{
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i] == from)
            v->items[i] = to;
}

/* A detached partition stands on its own with copies of the columns it had. */
static void at_detach(rh_lint_model *m, rh_lint_table *t, const alteration *x)
{
    rh_lint_table *part = rh_lint_range_find(m, tree_get(tree_node(x->def, "PartitionCmd"), "name"));
    if (!part || part->parent != t)
        return;
    rh_lint_columns *from = rh_lint_table_columns(t);
    for (size_t i = 0; i < from->len; i++) {
        rh_lint_column *c = RH_NEW(m->arena, rh_lint_column);
        *c = *from->items[i];
        RH_VEC_PUSH(m->arena, &part->columns, c);
        for (size_t k = 0; k < part->keys.len; k++) {
            repoint(&part->keys.items[k]->columns, from->items[i], c);
            repoint(&part->keys.items[k]->include, from->items[i], c);
        }
        for (size_t k = 0; k < part->fks.len; k++)
            repoint(&part->fks.items[k]->from, from->items[i], c);
    }
    part->parent = NULL;
}

static const struct {
    const char *subtype;
    void (*apply)(rh_lint_model *m, rh_lint_table *t, const alteration *x);
} alterations[] = {
    {"AT_AddColumn", at_add_column},
    {"AT_DropColumn", at_drop_column},
    {"AT_SetNotNull", at_set_not_null},
    {"AT_DropNotNull", at_drop_not_null},
    {"AT_AlterColumnType", at_type},
    {"AT_AddConstraint", at_add_constraint},
    {"AT_DropConstraint", at_drop_constraint},
    {"AT_EnableRowSecurity", at_row_security},
    {"AT_DisableRowSecurity", at_row_security},
    {"AT_ForceRowSecurity", at_row_security},
    {"AT_NoForceRowSecurity", at_row_security},
    {"AT_SetRelOptions", at_options},
    {"AT_ResetRelOptions", at_options},
    {"AT_AddInherit", at_inherit},
    {"AT_DropInherit", at_inherit},
    {"AT_DetachPartition", at_detach},
};

static void alter_table(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation");
    rh_lint_table *t = rh_lint_range_find(m, range);
    size_t i;
    json_t *c;
    json_array_foreach(tree_get(s, "cmds"), i, c)
    {
        const json_t *cmd = tree_node(c, "AlterTableCmd");
        const char *subtype = tree_text(cmd, "subtype");
        alteration x = {cmd, tree_get(cmd, "def"), tree_text(cmd, "name"), 0};
        if (!t || !subtype)
            continue;
        x.at = find_word(m->text, x.name ? rh_lint_behind_name(m->text, tree_at(range)) : tree_at(range),
                         x.name);
        for (size_t j = 0; j < sizeof alterations / sizeof *alterations; j++)
            if (strcmp(subtype, alterations[j].subtype) == 0)
                alterations[j].apply(m, t, &x);
    }
}

/* ---- renaming, moving, dropping ---- */

static void rename_constraint(rh_lint_model *m, rh_lint_table *t, const char *from, const char *to)
{
    for (size_t i = 0; i < t->keys.len; i++)
        if (strcmp(t->keys.items[i]->name, from) == 0)
            t->keys.items[i]->name = rh_arena_strdup(m->arena, to);
    for (size_t i = 0; i < t->fks.len; i++)
        if (strcmp(t->fks.items[i]->name, from) == 0)
            t->fks.items[i]->name = rh_arena_strdup(m->arena, to);
}

static void rename_object(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation");
    const char *kind = tree_text(s, "renameType"), *from = tree_text(s, "subname"),
               *to = tree_text(s, "newname");
    rh_lint_table *t = rh_lint_range_find(m, range), *of;
    if (!kind || !to || !range)
        return;
    if (t && from && strcmp(kind, "OBJECT_COLUMN") == 0) {
        rh_lint_column *c = rh_lint_column_find(t, from);
        if (c)
            c->name = rh_arena_strdup(m->arena, to);
        if (c && strcmp(from, m->conf->app_tenant_key) == 0)
            t->at = rh_lint_here(m, tree_at(range));
    } else if (t && from && strcmp(kind, "OBJECT_TABCONSTRAINT") == 0) {
        rename_constraint(m, t, from, to);
    } else if (t && !from) {
        t->name = rh_arena_strdup(m->arena, to);
    } else if (!t && !from) {
        rh_lint_key *k =
            rh_lint_index_find(m, tree_text(range, "schemaname"), tree_text(range, "relname"), &of);
        if (k)
            k->name = rh_arena_strdup(m->arena, to);
    }
}

static void set_schema(rh_lint_model *m, const json_t *s)
{
    const json_t *range = tree_get(s, "relation");
    const char *schema = tree_text(s, "newschema");
    rh_lint_table *t = rh_lint_range_find(m, range);
    if (!t || !schema)
        return;
    t->set = rh_lint_set_of(m, schema);
    t->schema = rh_arena_strdup(m->arena, schema);
    t->schema_at = rh_lint_here(m, tree_at(range));
}

static void drop_objects(rh_lint_model *m, const json_t *s)
{
    static const char *const relations[] = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW",
                                            "OBJECT_FOREIGN_TABLE"};
    const char *type = tree_text(s, "removeType"), *schema;
    bool relation = false;
    size_t i;
    json_t *o;
    for (size_t j = 0; type && j < sizeof relations / sizeof *relations; j++)
        relation = relation || strcmp(type, relations[j]) == 0;
    json_array_foreach(tree_get(s, "objects"), i, o)
    {
        const char *name = tree_last(tree_get(tree_node(o, "List"), "items"), &schema);
        rh_lint_table *t = relation ? rh_lint_table_find(m, schema, name) : NULL;
        if (t)
            rh_lint_table_drop(m, t);
        else if (tree_is(s, "removeType", "OBJECT_INDEX")) {
            rh_lint_key *k = rh_lint_index_find(m, schema, name, &t);
            if (k)
                rh_lint_key_drop(m, t, k);
        } else if (tree_node(o, "ObjectWithArgs"))
            rh_lint_drop_function(m, tree_node(o, "ObjectWithArgs"));
    }
}

/* ---- which statement does what ---- */

static const struct {
    const char *kind;
    void (*apply)(rh_lint_model *m, const json_t *s);
} appliers[] = {
    {"CreateStmt", create_table},
    {"CreateForeignTableStmt", create_foreign_table},
    {"CreateTableAsStmt", create_table_as},
    {"SelectStmt", select_into},
    {"ViewStmt", create_view},
    {"IndexStmt", rh_lint_create_index},
    {"AlterTableStmt", alter_table},
    {"RenameStmt", rename_object},
    {"AlterObjectSchemaStmt", set_schema},
    {"DropStmt", drop_objects},
    {"CreateFunctionStmt", rh_lint_create_function},
    {"AlterFunctionStmt", rh_lint_alter_function},
    {"GrantStmt", rh_lint_grant_privileges},
    {"AlterDefaultPrivilegesStmt", rh_lint_grant_defaults},
};

void rh_lint_apply(rh_lint_model *m, const char *kind, const json_t *body)
{
    for (size_t i = 0; i < sizeof appliers / sizeof *appliers; i++)
        if (strcmp(kind, appliers[i].kind) == 0)
            appliers[i].apply(m, body);
}
