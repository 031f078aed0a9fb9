/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape of a database's schema public: its tables, columns, keys, functions, as sql/adopt/shape.sql lists
 * them, and how two shapes differ. What the fittings add is not part of it.
 *
 * Ownership: everything lives in the arena given.
 */
#ifndef RH_SHAPE_H
#define RH_SHAPE_H

#include "pg/db.h"

/* Reads it on a connection whose search_path is pg_catalog. NULL on failure. */
PGresult *rh_shape_read(rh_db *db, rh_arena *a, rh_err *err);

typedef struct rh_shape_finding {
    const char *kind, *name;
    const char *is, *should; /* definitions; NULL: it is not there, or should not be */
    const char *advice;      /* the statement that makes it right; "" when there is no single one */
} rh_shape_finding;

typedef struct rh_shape_findings {
    RH_VEC(rh_shape_finding) differences; /* what has to be as it should */
    RH_VEC(rh_shape_finding) unknown;     /* whole objects that may stand aside; advice sets them aside */
    RH_VEC(rh_shape_finding) more;        /* what may stay: indexes */
} rh_shape_findings;

/* Every object of `should` that `is` lacks or has otherwise, and what `is` has besides. The parts of an
 * object that is missing or unknown are not told one by one. */
void rh_shape_compare(rh_arena *a, const PGresult *is, const PGresult *should, rh_shape_findings *out);

#endif
