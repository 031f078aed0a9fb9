/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that cannot be sent at once, since they go to many homes and each would need a COPY of its own:
 * they are kept by home in one temporary file until the input has ended. Memory is bounded (a buffer for each
 * part, all of them together at most RH_SPOOL_MEMORY); the file has no name and is gone with the process.
 *
 * Ownership: the spool owns its parts.
 */
#ifndef RH_SPOOL_H
#define RH_SPOOL_H

#include "load/csv.h"

#define RH_SPOOL_MEMORY ((size_t)32 << 20)

typedef struct rh_spool rh_spool;
typedef struct rh_spool_part rh_spool_part;

rh_spool *rh_spool_new(const char *dir /* where the file is made, when it is needed */);
void rh_spool_free(rh_spool *s); /* NULL is allowed */
rh_spool_part *rh_spool_part_new(rh_spool *s);
bool rh_spool_add(rh_spool_part *p, const rh_csv_record *r, rh_err *err);
/* The part's records in their order; a record's raw bytes are valid during the call, its fields are not
 * there. Stops when fn gives false. */
bool rh_spool_each(rh_spool_part *p, bool (*fn)(void *arg, const rh_csv_record *r, rh_err *err), void *arg,
                   rh_err *err);

#endif
