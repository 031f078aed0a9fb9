/* SPDX-License-Identifier: Apache-2.0 */
#include "app/budget.h"

#include <uv.h>

#include "sql.h"

int rh_budget_loops(const rh_conf *conf)
{
    int64_t n = conf->data_threads > 0 ? conf->data_threads : ((int64_t)uv_available_parallelism() + 1) / 2;
    if (n > conf->data_connections && conf->data_connections > 0)
        n = conf->data_connections; /* each loop has a pool with at least one */
    return n < 1 ? 1 : n > RH_MAX_LOOPS ? RH_MAX_LOOPS : (int)n;
}

int rh_budget_processors(const rh_conf *conf)
{
    return conf->data_processors > 0 ? (int)conf->data_processors : (int)uv_available_parallelism();
}

static int64_t at_least(int64_t n, int64_t least)
{
    return n < least ? least : n;
}

static int64_t own_of(const rh_conf *conf)
{
    int64_t warm = conf->provision_standby;
    return RH_BUDGET_OWN + (warm < RH_BUDGET_WARM ? at_least(warm, 0) : RH_BUDGET_WARM);
}

int64_t rh_budget_connections(const rh_conf *conf)
{
    int64_t loops = rh_budget_loops(conf);
    return at_least(conf->data_connections, loops) + loops + at_least(conf->data_home_connections, loops) +
           own_of(conf);
}

bool rh_budget_check(const rh_conf *conf, rh_db *db, rh_err *err)
{
    int64_t wanted = rh_budget_connections(conf), allowed = 0;
    rh_arena *a = rh_arena_new();
    const char *says = rh_db_value(db, a, rh_sql_nodes_allows, 0, NULL, err);
    bool ok = says && rh_parse_int(says, &allowed);
    rh_arena_free(a);
    if (!ok || wanted <= allowed)
        return ok;
    rh_err_set(err, RH_E_CONF, "the settings ask for up to %lld connections, and PostgreSQL allows %lld",
               (long long)wanted, (long long)allowed);
    rh_err_detail(
        err,
        "data.connections (%lld), data.home_connections (%lld), %d while backends are replaced, %lld "
        "for the server's own work; max_connections less what is kept for superusers.",
        (long long)conf->data_connections, (long long)conf->data_home_connections, rh_budget_loops(conf),
        (long long)own_of(conf));
    return rh_err_hint(err,
                       "Lower data.home_connections or data.connections by %lld, or raise PostgreSQL's "
                       "max_connections and restart it.",
                       (long long)(wanted - allowed));
}
