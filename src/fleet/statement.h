/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be asked of a fleet: one statement that reads, or writes rows. What changes the schema is a
 * migration: asked here it would make homes differ from what the catalog knows of them.
 */
#ifndef RH_FLEET_STATEMENT_H
#define RH_FLEET_STATEMENT_H

#include "pg/db.h"

/* db: any connection of the operator, to ask PostgreSQL about syntax that the parser here does not know yet.
 */
bool rh_fleet_statement_check(rh_db *db, const char *sql, bool write, rh_err *err);

#endif
