/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference rows: from the origin, which is the shared homes' database, to any other database that has the
 * reference set. A copy, not a foreign table or a subscription: docs/architecture.md has the figures.
 *
 * A trigger gives each table of the origin a new revision whenever its rows change
 * (sql/fittings/reference.sql), whoever changed them; a copy notes the revision it holds, together with the
 * version of the set, since a migration can change rows without a word to triggers. What differs is streamed
 * by COPY into temporary tables and merged by primary key in one transaction, tables that are referred to
 * first, so that foreign keys of tenant tables stay valid throughout. Sequences come along.
 */
#ifndef RH_REFERENCE_H
#define RH_REFERENCE_H

#include "home/home.h"

#define RH_REFERENCE_WORD_MAX 40

typedef struct rh_reference_state {
    int version;                      /* of the reference set */
    char word[RH_REFERENCE_WORD_MAX]; /* all rows in one word: the same word, the same rows. "" when there are
                                        no tables, "unknown" where changes cannot be noted */
    PGresult *tables;                 /* rows of sql/reference/state.sql */
} rh_reference_state;

/* What a database holds. The tables are the arena's. */
bool rh_reference_read(rh_db *db, rh_arena *a, rh_reference_state *out, rh_err *err);

/* Whether a copy of the same version, which notes these revisions (rows of name, revision in
 * rowhouse.reference_revisions), holds what the origin does. */
bool rh_reference_is_noted(const rh_reference_state *origin, const PGresult *revisions);
/* The word that the catalog keeps of it: "" when it is not known. */
void rh_reference_word(const rh_reference_state *origin, char out[RH_REFERENCE_WORD_MAX]);

typedef struct rh_reference_report {
    char word[RH_REFERENCE_WORD_MAX]; /* what the copy holds now, for the catalog; "" when it is not known */
    int tables;                       /* how many were behind */
    int64_t came, went;               /* rows; where nothing refers to them, a changed row does both */
} rh_reference_report;

/* Brings the copy to what the origin holds; costs two queries when it is there already. The connections must
 * be outside a transaction. Nothing is done when db is the origin itself. RH_E_STATE: the copy has another
 * version of the set. A row that cannot leave, because tenant tables refer to it, is RH_E_STATE too, and
 * err->detail says which; the copy is then left as it was. */
bool rh_reference_bring(const rh_app *app, rh_db *origin, rh_db *db, rh_reference_report *report,
                        rh_err *err);

#endif
