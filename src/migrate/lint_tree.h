/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading libpg_query's parse tree, which is JSON: a node is {"CreateStmt": {...}}, a name {"String":
 * {"sval": "a"}}. Every function takes NULL and absent fields for what they are: absent. Strings belong to
 * the tree.
 */
#ifndef RH_LINT_TREE_H
#define RH_LINT_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static inline const json_t *tree_get(const json_t *n, const char *field)
{
    return json_object_get(n, field);
}

static inline const char *tree_text(const json_t *n, const char *field) /* NULL when absent */
{
    return json_string_value(json_object_get(n, field));
}

static inline bool tree_is(const json_t *n, const char *field, const char *value)
{
    const char *text = tree_text(n, field);
    return text && strcmp(text, value) == 0;
}

static inline bool tree_true(const json_t *n, const char *field)
{
    return json_is_true(json_object_get(n, field));
}

/* Byte offset in the statement's text; 0 when the tree has none. */
static inline size_t tree_at(const json_t *n)
{
    json_int_t at = json_integer_value(json_object_get(n, "location"));
    return at > 0 ? (size_t)at : 0;
}

/* The body of a node of that kind, or NULL. */
static inline const json_t *tree_node(const json_t *n, const char *kind)
{
    return json_object_get(n, kind);
}

static inline const char *tree_kind(const json_t *n)
{
    void *i = json_object_iter((json_t *)n);
    return i ? json_object_iter_key(i) : "";
}

static inline const char *tree_string(const json_t *n) /* of a String node */
{
    return tree_text(tree_node(n, "String"), "sval");
}

/* The last of a list of String nodes, and the one before it (NULL without): name and schema. */
static inline const char *tree_last(const json_t *list, const char **before)
{
    size_t n = json_array_size(list);
    if (before)
        *before = n > 1 ? tree_string(json_array_get(list, n - 2)) : NULL;
    return n ? tree_string(json_array_get(list, n - 1)) : NULL;
}

#endif
