/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "migrate/lint_model.h"
#include "migrate/lint_tree.h"
#include "migrate/script.h"

/* ---- functions that run as their owner ---- */

static const char *argument_list(rh_lint_model *m, const json_t *list)
{
    rh_str s;
    size_t i;
    json_t *p;
    rh_str_init_in(&s, m->arena, 8192);
    json_array_foreach(list, i, p)
    {
        const json_t *parameter = tree_node(p, "FunctionParameter");
        const json_t *type = parameter ? tree_get(parameter, "argType") : tree_node(p, "TypeName");
        bool out =
            tree_is(parameter, "mode", "FUNC_PARAM_OUT") || tree_is(parameter, "mode", "FUNC_PARAM_TABLE");
        if (!out)
            rh_str_addf(&s, "%s%s", s.len ? ", " : "", rh_lint_type_name(m, type));
    }
    return rh_str_cstr(&s);
}

static bool same(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* The function is the one of that name; arguments NULL: any of that name. */
static bool is_function(const rh_lint_function *f, const char *schema, const char *name,
                        const char *arguments)
{
    return same(f->name, name) && same(f->schema, schema) &&
           (!arguments || strcmp(f->arguments, arguments) == 0);
}

static void read_function_options(rh_lint_function *f, const json_t *options)
{
    size_t i;
    json_t *o;
    json_array_foreach(options, i, o)
    {
        const json_t *def = tree_node(o, "DefElem"), *arg = tree_get(def, "arg"),
                     *set = tree_node(arg, "VariableSetStmt");
        if (tree_is(def, "defname", "security"))
            f->definer = tree_true(tree_node(arg, "Boolean"), "boolval");
        if (set && tree_is(set, "name", "search_path"))
            f->pinned = tree_is(set, "kind", "VAR_SET_VALUE") || tree_is(set, "kind", "VAR_SET_CURRENT");
        if (set && tree_is(set, "kind", "VAR_RESET_ALL"))
            f->pinned = false;
    }
}

void rh_lint_create_function(rh_lint_model *m, const json_t *s)
{
    const char *schema, *name = tree_last(tree_get(s, "funcname"), &schema);
    const char *arguments = argument_list(m, tree_get(s, "parameters"));
    rh_lint_function *f = NULL;
    for (size_t i = 0; i < m->functions.len; i++)
        if (is_function(m->functions.items[i], schema, name, arguments))
            f = m->functions.items[i];
    if (!f) {
        f = RH_NEW(m->arena, rh_lint_function);
        RH_VEC_PUSH(m->arena, &m->functions, f);
    }
    f->schema = rh_arena_strdup(m->arena, schema);
    f->name = rh_arena_strdup(m->arena, name);
    f->arguments = arguments;
    f->definer = f->pinned = false; /* CREATE OR REPLACE forgets what was set */
    f->at = rh_lint_here(m, 0);
    read_function_options(f, tree_get(s, "options"));
}

static const char *object_arguments(rh_lint_model *m, const json_t *object)
{
    return tree_true(object, "args_unspecified") ? NULL : argument_list(m, tree_get(object, "objargs"));
}

void rh_lint_alter_function(rh_lint_model *m, const json_t *s)
{
    const json_t *object = tree_get(s, "func");
    const char *schema, *name = tree_last(tree_get(object, "objname"), &schema),
                        *arguments = object_arguments(m, object);
    for (size_t i = 0; i < m->functions.len; i++)
        if (is_function(m->functions.items[i], schema, name, arguments)) {
            bool was_wrong = m->functions.items[i]->definer && !m->functions.items[i]->pinned;
            read_function_options(m->functions.items[i], tree_get(s, "actions"));
            if (!was_wrong)
                m->functions.items[i]->at = rh_lint_here(m, 0);
        }
}

void rh_lint_drop_function(rh_lint_model *m, const json_t *object)
{
    const char *schema, *name = tree_last(tree_get(object, "objname"), &schema),
                        *arguments = object_arguments(m, object);
    for (size_t i = 0; i < m->functions.len; i++)
        if (is_function(m->functions.items[i], schema, name, arguments))
            m->functions.items[i]->definer = false;
}

/* ---- grants ---- */

/* A copy of the tree without places, as text: two of them compare equal when they name the same things. */
static json_t *without_places(const json_t *n)
{
    json_t *copy = json_deep_copy(n);
    const char *key;
    void *next;
    json_t *value;
    size_t i;
    if (json_is_array(copy)) {
        json_array_foreach(copy, i, value) json_array_set_new(copy, i, without_places(value));
    } else if (json_is_object(copy)) {
        json_object_del(copy, "location");
        json_object_foreach_safe(copy, next, key, value)
            json_object_set_new(copy, key, without_places(value));
    }
    return copy;
}

static const char *dump(rh_lint_model *m, const json_t *n)
{
    json_t *copy = n ? without_places(n) : NULL;
    char *text = copy ? json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    const char *kept = rh_arena_strdup(m->arena, text ? text : "");
    free(text);
    json_decref(copy);
    return kept;
}

static const json_t *public_grantee(const json_t *s)
{
    size_t i;
    json_t *g;
    json_array_foreach(tree_get(s, "grantees"), i,
                       g) if (tree_is(tree_node(g, "RoleSpec"), "roletype",
                                      "ROLESPEC_PUBLIC")) return tree_node(g, "RoleSpec");
    return NULL;
}

/* GRANT x ON y TO a, PUBLIC: REVOKE x ON y FROM PUBLIC. The text between GRANT and TO is the author's own. */
static const char *revoke_of(rh_lint_model *m, const json_t *s)
{
    const json_t *first = tree_node(json_array_get(tree_get(s, "grantees"), 0), "RoleSpec");
    size_t len = tree_at(first), offset = 0, grant = 0, behind = 0, to = 0;
    for (rh_token t; (t = rh_script_next(m->text, len, &offset)).kind != RH_TOKEN_END;) {
        if (t.kind == RH_TOKEN_WORD && t.len == 5 && !behind &&
            strncasecmp(m->text + t.at, "grant", 5) == 0) {
            grant = t.at;
            behind = offset;
        }
        to = t.at; /* the last token before the grantees */
    }
    if (to <= behind)
        return NULL;
    return rh_arena_printf(m->arena, "%.*sREVOKE%.*sFROM PUBLIC;", (int)grant, m->text, (int)(to - behind),
                           m->text + behind);
}

/* object: what the grant hangs on, to compare with a later REVOKE. */
static void grant(rh_lint_model *m, const json_t *s, const char *object)
{
    const char *privileges = dump(m, tree_get(s, "privileges"));
    const json_t *to = public_grantee(s);
    if (!to)
        return;
    for (size_t i = m->grants.len; !tree_true(s, "is_grant") && i-- > 0;) {
        rh_lint_public_grant *g = m->grants.items[i];
        if (strcmp(g->object, object) == 0 && (!*privileges || strcmp(privileges, g->privileges) == 0)) {
            memmove(&m->grants.items[i], &m->grants.items[i + 1],
                    (m->grants.len - i - 1) * sizeof *m->grants.items);
            m->grants.len--;
        }
    }
    if (!tree_true(s, "is_grant"))
        return;
    rh_lint_public_grant *g = RH_NEW(m->arena, rh_lint_public_grant);
    *g = (rh_lint_public_grant){object, privileges, revoke_of(m, s), rh_lint_here(m, tree_at(to))};
    RH_VEC_PUSH(m->arena, &m->grants, g);
}

static const char *grant_object(rh_lint_model *m, const json_t *s, const char *prefix)
{
    return rh_arena_printf(m->arena, "%s %d %s %s %s", prefix, (int)m->set, tree_text(s, "targtype"),
                           tree_text(s, "objtype"), dump(m, tree_get(s, "objects")));
}

void rh_lint_grant_privileges(rh_lint_model *m, const json_t *s)
{
    grant(m, s, grant_object(m, s, ""));
}

void rh_lint_grant_defaults(rh_lint_model *m, const json_t *s)
{
    grant(m, tree_get(s, "action"), grant_object(m, tree_get(s, "action"), dump(m, tree_get(s, "options"))));
}
