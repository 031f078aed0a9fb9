/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/lock.h"

#include <string.h>

#include "sql.h"

#define WAIT "60s"

static bool try_lock(rh_db *db, const char *id, bool *got, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *text = rh_db_value(db, a, rh_sql_tenants_try_lock, 1, &id, err);
    *got = text && *text == 't';
    rh_arena_free(a);
    return text != NULL;
}

static bool wait_for_lock(rh_db *db, const char *id, rh_err *err)
{
    rh_err ignored;
    rh_arena *a = rh_arena_new();
    bool ok = rh_db_exec(db, "SET lock_timeout = '" WAIT "'", err);
    if (ok) {
        ok = rh_db_query(db, a, rh_sql_tenants_lock, 1, &id, err) != NULL;
        rh_db_exec(db, "RESET lock_timeout", &ignored);
    }
    if (!ok && strcmp(err->sqlstate, "55P03") == 0) {
        rh_err_set(err, RH_E_LOCKED, "another command has been at work on tenant %s for " WAIT, id);
        rh_err_hint(err, "Try again when it has ended.");
    }
    rh_arena_free(a);
    return ok;
}

static bool lock(rh_db *db, const char *id, rh_err *err)
{
    bool got;
    return try_lock(db, id, &got, err) && (got || wait_for_lock(db, id, err));
}

static void unlock(rh_db *db, const char *id)
{
    rh_err ignored; /* a lost connection has let go by itself */
    rh_arena *a = rh_arena_new();
    rh_db_query(db, a, rh_sql_tenants_unlock, 1, &id, &ignored);
    rh_arena_free(a);
}

bool rh_tenant_lock(rh_db *catalog, rh_db *shared, const char *id, rh_err *err)
{
    if (!lock(catalog, id, err))
        return false;
    if (lock(shared, id, err))
        return true;
    unlock(catalog, id);
    return false;
}

bool rh_tenant_try_lock(rh_db *catalog, rh_db *shared, const char *id, bool *got, rh_err *err)
{
    if (!try_lock(catalog, id, got, err))
        return false;
    if (!*got)
        return true;
    bool ok = try_lock(shared, id, got, err);
    if (!*got)
        unlock(catalog, id);
    return ok;
}

void rh_tenant_unlock_catalog(rh_db *catalog, const char *id)
{
    unlock(catalog, id);
}

void rh_tenant_unlock(rh_db *catalog, rh_db *shared, const char *id)
{
    unlock(shared, id);
    unlock(catalog, id);
}

bool rh_tenant_lock_node(rh_db *shared, const rh_node *node, const char *id, rh_err *err)
{
    return node->id == RH_FIRST_NODE || lock(shared, id, err);
}

void rh_tenant_unlock_node(rh_db *shared, const rh_node *node, const char *id)
{
    if (node->id != RH_FIRST_NODE)
        unlock(shared, id);
}
