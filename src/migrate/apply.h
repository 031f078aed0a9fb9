/* SPDX-License-Identifier: Apache-2.0
 *
 * One set into one home: what is applied, what is pending, and applying it.
 *
 * The truth stands in rowhouse.applied_migrations beside the home's tables and is written in the transaction
 * of the migrations themselves: after a kill -9 at any moment a file is either wholly there with its row, or
 * not at all.
 */
#ifndef RH_APPLY_H
#define RH_APPLY_H

#include "migrate/set.h"
#include "pg/db.h"

typedef struct rh_apply_target {
    rh_db *db;               /* the operator's connection to the home's database */
    int64_t home;            /* its number; 0 for sets that exist once per database */
    const char *search_path; /* SQL text, for example: public, reference, pg_temp */
    /* called inside the transaction after the last file of it; may be NULL */
    bool (*finish)(void *arg, rh_err *err);
    void *finish_arg;
    bool inside; /* the transaction is the caller's; no file may be one without a transaction */
} rh_apply_target;

/* The number of the newest applied migration, 0 when there is none. Checks that what was applied has not
 * changed since (RH_E_CHECKSUM names the file) and that no pending file is older than what is there.
 * *first_pending is the index of the first one to apply; set->n when there is none. */
bool rh_apply_state(const rh_apply_target *t, const rh_migration_set *set, int *version,
                    size_t *first_pending, rh_err *err);

/* Every file begins with the same session: what an earlier one SET is gone. The statements that see to
 * it, `also` among them. */
const char *rh_apply_plain_session(rh_arena *a, const char *also, const char *search_path,
                                   bool in_transaction);

/* Applies set->items[from...]: all in one transaction with their rows, except that a no-transaction file ends
 * it and begins another. With nothing to apply only finish runs. Errors name file, line and statement. */
bool rh_apply_run(const rh_apply_target *t, const rh_migration_set *set, size_t from, rh_err *err);

#endif
