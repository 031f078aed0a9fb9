/* SPDX-License-Identifier: Apache-2.0
 *
 * What the data door offers, as the control door tells it: of the newest version of the app that there is.
 */
#ifndef RH_CONTROL_DESCRIBE_H
#define RH_CONTROL_DESCRIBE_H

#include "rest/openapi.h"

/* OpenAPI 3.1, whatever settings->mode lets tenants see. control: an rh_control. RH_E_STATE before the first
 * migration. */
bool rh_control_describe(void *control, rh_arena *a, const rh_openapi_settings *settings, rh_str *out,
                         rh_err *err);

#endif
