/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics of the control door: what the loops have counted (http/metrics.h), the catalog in memory, and
 * the process, whose series have Prometheus' usual names. Blocks for a moment.
 */
#ifndef RH_METRICS_PAGE_H
#define RH_METRICS_PAGE_H

#include "catalog/directory.h"
#include "http/describer.h"
#include "http/metrics.h"

#define RH_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct rh_metrics_page {
    rh_metrics *metrics;
    rh_descriptions *descriptions;
    rh_directory *directory; /* NULL: there is no catalog */
} rh_metrics_page;

void rh_metrics_page_write(const rh_metrics_page *page, rh_str *out);

#endif
