/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt/admin.h"

#include "conf/knobs.h"
#include "rest/relation_json.h"

static const rh_adopted_state *state_of_now(void *adopted, rh_err *err)
{
    const rh_adopted_state *s = rh_adopted_use(adopted);
    if (!s)
        rh_err_set(err, RH_E_UNAVAILABLE, "nothing is known of the database yet");
    return s;
}

bool rh_adopt_admin_config(void *adopted, rh_arena *a, rh_str *out, rh_err *err)
{
    const rh_adopted_state *s = state_of_now(adopted, err);
    if (s)
        rh_knobs_write(s->conf, a, out);
    rh_adopted_leave(s);
    return s != NULL;
}

bool rh_adopt_admin_schema_cache(void *adopted, rh_arena *a, rh_str *out, rh_err *err)
{
    const rh_adopted_state *s = state_of_now(adopted, err);
    rh_json_writer j = {out, false};
    if (!s)
        return false;
    rh_json_open(&j, NULL, '{');
    for (size_t i = 0; i < s->n_schemas; i++)
        rh_relation_cache_put(s->schemas[i].cache, &j, s->schemas[i].name);
    rh_json_close(&j, '}');
    rh_adopted_leave(s);
    return true;
}
