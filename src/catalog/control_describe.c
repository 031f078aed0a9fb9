/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/control_describe.h"

#include "catalog/control.h"
#include "sql.h"

static bool describe(const rh_app *app, PGresult *res, const rh_openapi_settings *settings, rh_str *out,
                     rh_err *err)
{
    rh_rest_naming naming = {.keyed = app->conf->keyed};
    rh_openapi_settings shown = *settings;
    if (shown.mode == RH_OPENAPI_DISABLED)
        shown.mode = RH_OPENAPI_FOLLOW;
    if (!PQntuples(res)) {
        rh_err_set(err, RH_E_STATE, "the app has no version yet");
        return rh_err_hint(err, "`rowhouse migrate` makes one.");
    }
    rh_relation_cache *cache =
        rh_relation_cache_parse(PQgetvalue(res, 0, 1), (size_t)PQgetlength(res, 0, 1), err);
    if (!cache)
        return false;
    rh_openapi_31(cache, &naming, &shown, PQgetvalue(res, 0, 0), NULL, out);
    rh_relation_cache_free(cache);
    return true;
}

bool rh_control_describe(void *control, rh_arena *a, const rh_openapi_settings *settings, rh_str *out,
                         rh_err *err)
{
    const rh_app *app = ((rh_control *)control)->app;
    rh_db *db = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, app->catalog_db, err);
    PGresult *res = db ? rh_db_query(db, a, rh_sql_rest_newest_cache, 0, NULL, err) : NULL;
    bool ok = res && describe(app, res, settings, out, err);
    rh_db_close(db);
    return ok;
}
