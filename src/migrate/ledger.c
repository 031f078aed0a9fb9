/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/ledger.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "sql.h"

#define LOCK_KEY "7237128123" /* one number for all: the lock is per catalog database */
#define RETRY_US 200000

/* Who holds the lock, for people; empty when it cannot be said. */
static const char *holder(rh_db *catalog, rh_arena *a)
{
    rh_err ignored;
    const char *who = rh_db_value(catalog, a, rh_sql_ledger_holder, 0, NULL, &ignored);
    return who ? who : "";
}

bool rh_ledger_lock(rh_db *catalog, int64_t wait_ms, void (*tell)(void *, const char *), void *arg,
                    rh_err *err)
{
    int64_t deadline = rh_now_ms() + wait_ms;
    bool told = false, ok = false;
    rh_arena *a = rh_arena_new();
    for (;;) {
        const char *got = rh_db_value(catalog, a, "SELECT pg_try_advisory_lock(" LOCK_KEY ")", 0, NULL, err);
        if (!got)
            break;
        if (*got == 't') {
            ok = true;
            break;
        }
        const char *who = holder(catalog, a);
        if (rh_now_ms() >= deadline) {
            rh_err_set(err, RH_E_LOCKED, "another run is at work: %s", *who ? who : "not yet in the ledger");
            rh_err_hint(err, "Wait for it to end, then try again.");
            break;
        }
        if (!told && tell)
            tell(arg, rh_arena_printf(a, "waiting for another run: %s", who));
        told = true;
        usleep(RETRY_US);
    }
    rh_arena_free(a);
    return ok;
}

bool rh_ledger_begin(rh_db *catalog, const char *operation, int64_t *run, rh_err *err)
{
    char host[256] = "", pid[24];
    rh_arena *a = rh_arena_new();
    gethostname(host, sizeof host - 1);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    const char *params[] = {operation, host, pid};
    bool ok = rh_db_exec(catalog, rh_sql_ledger_interrupted, err);
    const char *id = ok ? rh_db_value(catalog, a, rh_sql_ledger_begin, 3, params, err) : NULL;
    ok = id && rh_parse_int(id, run);
    rh_arena_free(a);
    return ok;
}

bool rh_ledger_end(rh_db *catalog, int64_t run, bool success, rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)run), success ? "done" : "failed"};
    bool ok = rh_db_query(catalog, a, rh_sql_ledger_end, 2, params, err) != NULL;
    rh_arena_free(a);
    return ok;
}

bool rh_ledger_step_begin(rh_db *catalog, int64_t run, int64_t home, const char *set, int from, int to,
                          rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)run),
                            rh_arena_printf(a, "%lld", (long long)home), set, rh_arena_printf(a, "%d", from),
                            rh_arena_printf(a, "%d", to)};
    bool ok = rh_db_query(catalog, a, rh_sql_ledger_step_begin, 5, params, err) != NULL;
    rh_arena_free(a);
    return ok;
}

bool rh_ledger_step_end(rh_db *catalog, int64_t run, int64_t home, const char *set, const char *failure,
                        rh_err *err)
{
    rh_arena *a = rh_arena_new();
    const char *params[] = {rh_arena_printf(a, "%lld", (long long)run),
                            rh_arena_printf(a, "%lld", (long long)home), set, failure};
    bool ok = rh_db_query(catalog, a, rh_sql_ledger_step_end, 4, params, err) != NULL;
    rh_arena_free(a);
    return ok;
}
