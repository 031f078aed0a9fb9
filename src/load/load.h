/* SPDX-License-Identifier: Apache-2.0
 *
 * `rowhouse load`: a CSV file into a table of the tenants' homes, of whatever model, or into a reference
 * table, by COPY as the operator. Every record is looked at on its way: its tenant must be known, its columns
 * must be as many as the table's.
 *
 * Where rows go, and how much of it is all or nothing:
 *
 *   shared homes    one COPY while the file is read
 *   schema homes    spooled by home (load/spool.h), then a COPY each      in the same transaction
 *   database homes  spooled by home, then a COPY and a transaction each: those of RH_LOAD_HELD homes wait
 * until all has been accepted everywhere, and are committed together then. Where a file has rows of more
 *                   database homes than that, full rounds are committed on the way; an error then says which
 *                   homes have their rows already.
 *   reference       one COPY into the origin; then every database home's copy is brought forward
 */
#ifndef RH_LOAD_H
#define RH_LOAD_H

#include "catalog/reference.h"
#include "catalog/tenant.h"

#define RH_LOAD_HELD 16

typedef struct rh_load_options {
    const char *table;
    const char *tenant; /* id of the only tenant whose rows they are; NULL: the rows say whose they are */
    int fd;             /* read to its end; stays the caller's */
    const char *name;   /* of the file, for messages */
    bool header;        /* the first record names the columns */
    int64_t size;       /* bytes to come, 0: not known */
    void (*progress)(void *arg, int64_t bytes, int64_t rows); /* a few times a second; may be NULL */
    void (*tell)(void *arg, const char *line); /* each copy of a reference table; may be NULL */
    void *arg;
} rh_load_options;

typedef struct rh_load_report {
    int64_t rows;              /* loaded */
    int homes;                 /* of one tenant each, that got some of them */
    rh_reference_fleet copies; /* of a reference table */
} rh_load_report;

/* Errors: INVALID with "NAME:LINE:" before the message. */
bool rh_load(rh_operator *o, const rh_load_options *options, rh_load_report *report, rh_err *err);

#endif
