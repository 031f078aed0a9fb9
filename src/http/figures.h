/* SPDX-License-Identifier: Apache-2.0
 *
 * What a loop's pools, queue and resolver tell of themselves, for the metrics page (http/metrics.h). To add a
 * figure: its family there, and a line here. On the loop's thread.
 */
#ifndef RH_FIGURES_H
#define RH_FIGURES_H

#include "auth/resolve.h"
#include "http/metrics.h"
#include "pg/queue.h"

void rh_figures_read(rh_reading *to, const rh_routes *routes, const rh_queue *q, const rh_resolver *resolver);

#endif
