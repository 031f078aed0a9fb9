/* SPDX-License-Identifier: Apache-2.0
 *
 * The query tree: what a URL of the dialect says, before any name in it is looked up. It covers the whole
 * dialect; what this version does not answer is refused by the planner, which names the culprit.
 *
 * Ownership: everything is the request's arena's. The two fields marked "the planner's" are filled by plan.c.
 */
#ifndef RH_QUERY_H
#define RH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Bounds against hostile requests; each is an error that names it. */
#define RH_REST_MAX_EMBED_DEPTH 8
#define RH_REST_MAX_LOGIC_DEPTH 16
#define RH_REST_MAX_FILTERS 256
#define RH_REST_MAX_SELECT 1000 /* items of one request */
#define RH_REST_MAX_ORDER 64    /* terms of one order */
#define RH_REST_MAX_STEPS 32    /* of one JSON path */

struct rh_node;

typedef struct rh_path_step {
    const char *key;        /* or the decimal digits of an index */
    bool is_index, as_text; /* as_text: ->> */
} rh_path_step;

typedef struct rh_field {
    const char *name;
    rh_path_step *steps;
    int n_steps;
    int column;                         /* the planner's: index in the node's columns, -1 when computed */
    const struct rh_function *computed; /* the planner's: a function of the row */
} rh_field;

/* The operators of filters. To add one: a row; X(enum, name, SQL, class). */
/* clang-format off */
#define RH_OPERATORS(X)                                                                                      \
    X(EQ, "eq", "=", QUANTIFIED)                                                                             \
    X(GT, "gt", ">", QUANTIFIED)                                                                             \
    X(GTE, "gte", ">=", QUANTIFIED)                                                                          \
    X(LT, "lt", "<", QUANTIFIED)                                                                             \
    X(LTE, "lte", "<=", QUANTIFIED)                                                                          \
    X(NEQ, "neq", "<>", PLAIN)                                                                               \
    X(LIKE, "like", "LIKE", PATTERN)                                                                         \
    X(ILIKE, "ilike", "ILIKE", PATTERN)                                                                      \
    X(MATCH, "match", "~", QUANTIFIED)                                                                       \
    X(IMATCH, "imatch", "~*", QUANTIFIED)                                                                    \
    X(IN, "in", "= ANY", LIST)                                                                               \
    X(IS, "is", "IS", WORD)                                                                                  \
    X(ISDISTINCT, "isdistinct", "IS DISTINCT FROM", PLAIN)                                                   \
    X(FTS, "fts", "to_tsquery", TEXT_SEARCH)                                                                 \
    X(PLFTS, "plfts", "plainto_tsquery", TEXT_SEARCH)                                                        \
    X(PHFTS, "phfts", "phraseto_tsquery", TEXT_SEARCH)                                                       \
    X(WFTS, "wfts", "websearch_to_tsquery", TEXT_SEARCH)                                                     \
    X(CS, "cs", "@>", PLAIN)                                                                                 \
    X(CD, "cd", "<@", PLAIN)                                                                                 \
    X(OV, "ov", "&&", PLAIN)                                                                                 \
    X(SL, "sl", "<<", PLAIN)                                                                                 \
    X(SR, "sr", ">>", PLAIN)                                                                                 \
    X(NXR, "nxr", "&<", PLAIN)                                                                               \
    X(NXL, "nxl", "&>", PLAIN)                                                                               \
    X(ADJ, "adj", "-|-", PLAIN)
/* clang-format on */

typedef enum rh_op {
#define X(name, text, sql, class) RH_OP_##name,
    RH_OPERATORS(X)
#undef X
        RH_OP_COUNT
} rh_op;

/* QUANTIFIED and PATTERN may have (any) or (all); PATTERN takes * for %; LIST has a list, WORD one of five
 * words. */
typedef enum rh_op_class {
    RH_OP_PLAIN,
    RH_OP_QUANTIFIED,
    RH_OP_PATTERN,
    RH_OP_LIST,
    RH_OP_WORD,
    RH_OP_TEXT_SEARCH
} rh_op_class;

typedef struct rh_op_row {
    const char *name, *sql;
    rh_op_class class;
} rh_op_row;
extern const rh_op_row rh_ops[RH_OP_COUNT];

typedef enum rh_quantifier { RH_ONE, RH_ANY, RH_ALL } rh_quantifier;
typedef enum rh_word { RH_IS_NULL, RH_IS_NOT_NULL, RH_IS_TRUE, RH_IS_FALSE, RH_IS_UNKNOWN } rh_word;

typedef struct rh_filter {
    rh_field field;
    rh_op op;
    bool negated;
    rh_quantifier quantifier;
    rh_word word;          /* of IS */
    const char *language;  /* of the text searches, or NULL */
    const char *value;     /* of IN: an array literal made here, so the statement is the same for any count */
    struct rh_node *embed; /* the planner's: the filter asks whether this embed is there */
} rh_filter;

/* A condition: a filter, or conditions joined by and / or. */
typedef struct rh_logic rh_logic;
struct rh_logic {
    enum { RH_LOGIC_FILTER, RH_LOGIC_AND, RH_LOGIC_OR } kind;
    bool negated;
    RH_VEC(rh_logic *) items;
    rh_filter filter;
};

typedef enum rh_nulls { RH_NULLS_DEFAULT, RH_NULLS_FIRST, RH_NULLS_LAST } rh_nulls;
typedef struct rh_order {
    rh_field field;
    const char *relation;  /* order by a column of this to-one embed; NULL for an own column */
    struct rh_node *embed; /* the planner's */
    size_t spread_item; /* the planner's: the item, counted from 1, that a spread embed brings; 0: the embed's
                           field */
    bool descending;
    rh_nulls nulls;
} rh_order;

typedef struct rh_query rh_query;

typedef enum rh_join { RH_JOIN_LEFT, RH_JOIN_INNER } rh_join;
typedef enum rh_select_kind {
    RH_SELECT_STAR,
    RH_SELECT_FIELD,
    RH_SELECT_EMBED,
    RH_SELECT_SPREAD
} rh_select_kind;

typedef struct rh_select {
    rh_select_kind kind;
    const char *alias; /* NULL when not renamed */
    rh_field field;    /* FIELD; name NULL for count() */
    const char *cast, *aggregate, *aggregate_cast;
    rh_query *embed; /* EMBED and SPREAD */
} rh_select;

/* One level: the relation of the path, or an embed. */
struct rh_query {
    const char *name;  /* of an embed: table, foreign key or column */
    const char *alias; /* of an embed, or NULL */
    const char *hint;
    rh_join join;
    bool has_select; /* false: all columns */
    RH_VEC(rh_select) select;
    RH_VEC(rh_logic *) conditions; /* all must hold */
    RH_VEC(rh_order) order;
    bool has_limit, has_offset;
    int64_t limit, offset;
};

typedef RH_VEC(const char *) rh_names;

typedef struct rh_parameter {
    const char *name, *value;
} rh_parameter;

typedef struct rh_url {
    rh_query root;
    rh_names columns; /* columns= */
    bool has_columns;
    rh_names on_conflict;
    bool has_on_conflict;
    const char *warning;            /* of a name that will not do for ever; NULL: none */
    RH_VEC(rh_parameter) arguments; /* of /rpc by GET: parameters without an operator */
} rh_url;

#endif
