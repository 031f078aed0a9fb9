/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse load`: a CSV file into a table of the shared homes (or a reference table) by COPY, as the
 * operator. Every record is looked at on its way: its tenant must be known, its columns must be as many as
 * the table's. One COPY in one transaction: all of it is loaded or nothing.
 */
#ifndef RH_LOAD_H
#define RH_LOAD_H

#include "catalog/tenant.h"

typedef struct rh_load_options {
    const char *table;
    int fd;                                                   /* read to its end; stays the caller's */
    const char *name;                                         /* of the file, for messages */
    bool header;                                              /* the first record names the columns */
    int64_t size;                                             /* bytes to come, 0: not known */
    void (*progress)(void *arg, int64_t bytes, int64_t rows); /* a few times a second; may be NULL */
    void *arg;
} rh_load_options;

/* Errors: INVALID with "NAME:LINE:" before the message. *rows is what was loaded. */
bool rh_load(rh_operator *o, const rh_load_options *options, int64_t *rows, rh_err *err);

#endif
