/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside conf/: one row of the table of settings, and how texts become values. Who reads conf includes
 * conf.h.
 */
#ifndef RH_CONF_SETTING_H
#define RH_CONF_SETTING_H

#include "conf/conf.h"

#define RH_CONF_FILE_MAX (1 << 20)

enum rh_setting_type { STRING, INT, BOOL, DURATION, SIZE };

typedef struct rh_setting {
    enum rh_setting_type type;
    const char *section, *name, *default_value, *help;
    size_t offset;
} rh_setting;

enum {
#define X(type, section, name, default_value, help) +1
    RH_N_SETTINGS = RH_SETTINGS(X)
#undef X
};
extern const rh_setting rh_settings[RH_N_SETTINGS];

const rh_setting *rh_setting_find(const char *section, const char *name); /* NULL: there is none */
/* As it is written: the names of [adopt] are PostgREST's, with dashes. */
const char *rh_setting_shown_name(rh_arena *a, const rh_setting *s);
/* ROWHOUSE_<SECTION>_<NAME> */
void rh_setting_env_name(const rh_setting *s, char *out, size_t size);
bool rh_setting_assign(rh_conf *conf, rh_arena *a, const rh_setting *s, const char *text, rh_err *err);

/* The text of a file of settings, NULL with err filled when it cannot be read or is not UTF-8. */
char *rh_conf_read_text(rh_arena *a, const char *path, rh_err *err);

/* ---- env.c ---- */

/* .env beside rowhouse.conf: ROWHOUSE_ names, and those of other tools (aliases.h). What is neither is left
 * alone and named in conf->unused_env. No such file is fine. */
bool rh_conf_read_env_file(rh_conf *conf, rh_arena *a, rh_err *err);
/* The environment: ROWHOUSE_ names; those of other tools only with app.platform_env. */
bool rh_conf_read_environment(rh_conf *conf, rh_arena *a, rh_err *err);
/* Its part of rh_conf_reference(). */
void rh_conf_alias_reference(rh_str *out);

#endif
