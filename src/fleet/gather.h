/* SPDX-License-Identifier: Apache-2.0
 *
 * What several threads ask, one reader gets: rows of tasks that run at the same time, handed on in the order
 * of the tasks. What cannot be handed on yet is kept up to a bound; past it a task waits until it is its
 * turn.
 *
 * Every home's rows must have the columns of the first home that answered; one that differs counts as failed.
 * Ownership: results given are the gatherer's from then on. Threads: any number may add, each to tasks of its
 * own; tasks must be begun in their order, so that the one whose turn it is always runs.
 */
#ifndef RH_GATHER_H
#define RH_GATHER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct rh_gather rh_gather;

/* Some rows, at most a few hundred: column 0 is the tenant, the others are the statement's. Called by one
 * thread at a time; at least once when a home answered, maybe without rows. */
typedef bool (*rh_rows_fn)(void *arg, const PGresult *rows, rh_err *err);
typedef void (*rh_failure_fn)(void *arg, const char *label, const rh_err *why);

rh_gather *rh_gather_new(size_t tasks, rh_rows_fn rows, rh_failure_fn failed, void *arg);
/* Rows of the home `label`, which lives as long as the gatherer. False: stop, nobody takes rows any more. */
bool rh_gather_add(rh_gather *g, size_t task, const char *label, PGresult *res);
bool rh_gather_fail(rh_gather *g, size_t task, const char *label, const rh_err *why);
/* Nothing more comes of this task. */
void rh_gather_end(rh_gather *g, size_t task);
/* After the last task. False: the reader failed, with its error. */
bool rh_gather_finish(rh_gather *g, rh_err *err);
void rh_gather_free(rh_gather *g);

#endif
