/* SPDX-License-Identifier: Apache-2.0
 *
 * The table that a file is loaded into, as one database has it: its columns, COPY into it, its sequences.
 *
 * Ownership: names are the arena's.
 */
#ifndef RH_LOAD_TABLE_H
#define RH_LOAD_TABLE_H

#include <stdint.h>

#include "conf/conf.h"
#include "pg/db.h"

typedef struct rh_load_column {
    const char *name, *sequence; /* sequence "": none of its own */
    bool is_key;                 /* the tenant key, or the root's id */
    uint64_t max;                /* of the values that went by, for its sequence */
} rh_load_column;

typedef struct rh_load_table {
    rh_db *db;
    const char *schema, *name;
    rh_load_column *columns; /* generated ones are left out */
    int n;
} rh_load_table;

/* Looks in `schema`, then in `other` (may be NULL). RH_E_NOT_FOUND. */
bool rh_load_table_read(rh_load_table *t, rh_arena *a, const rh_conf *conf, rh_db *db, const char *schema,
                        const char *other, const char *name, rh_err *err);
/* The column, or NULL. name need not end with a NUL. */
rh_load_column *rh_load_table_find(const rh_load_table *t, const char *name, size_t len);

/* COPY FROM STDIN of these columns, in CSV. */
bool rh_load_table_start(const rh_load_table *t, rh_arena *a, rh_load_column *const *order, size_t n_order,
                         bool header, rh_err *err);
/* Ends the COPY; good: false gives it up, and err stays as it is. When PostgreSQL refuses a row, err is
 * INVALID and *line where COPY says it stands (0: it does not say). */
bool rh_load_table_end(const rh_load_table *t, bool good, int64_t *line, rh_err *err);

/* Ids that came with the file must not come again from the columns' sequences: they are moved past max. */
bool rh_load_table_advance(const rh_load_table *t, rh_arena *a, rh_err *err);

#endif
