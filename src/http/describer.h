/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of the API, made once and kept. Writing the one of a large schema takes longer than a loop may
 * stand still (5,000 tables: 0.2 s and 48 MB), so a helper thread writes and packs it piece by piece; all who
 * ask meanwhile wait for the same text. Two loops that are asked at the same time may both make it.
 *
 * rh_descriptions are a server's, for any thread; an rh_describer is one loop's.
 */
#ifndef RH_DESCRIBER_H
#define RH_DESCRIBER_H

#include <uv.h>

#include "http/kept.h"
#include "rest/describe.h"

#define RH_DESCRIPTIONS_MAX 64                       /* texts; who was asked for longest ago leaves */
#define RH_DESCRIPTIONS_MAX_BYTES ((size_t)32 << 20) /* of all, packed */
#define RH_DESCRIPTION_MAX_BYTES ((size_t)16 << 20)  /* of one, packed */

typedef struct rh_descriptions rh_descriptions;

typedef struct rh_descriptions_stats {
    size_t texts, bytes;
    uint64_t asked, made;
} rh_descriptions_stats;

rh_descriptions *rh_descriptions_new(void);
void rh_descriptions_stats_read(rh_descriptions *all, rh_descriptions_stats *out);
void rh_descriptions_free(rh_descriptions *all); /* after its describers */

/* One who asks. What it points to lives until it is answered. */
typedef struct rh_description_order {
    rh_description_form form;
    const rh_relation_cache *cache; /* NULL: not read yet. A text of it is made, not found */
    /* Reads it, on the helper thread; it lives as long as the order. NULL: err says why. */
    const rh_relation_cache *(*read)(struct rh_description_order *order, rh_err *err);
    const rh_rest_naming *naming; /* of a cache only reference_only may differ */
    const rh_openapi_settings *settings;
    const char *content_type, *version;
    /* text: with a use of the receiver's; NULL: err says why */
    void (*on_made)(struct rh_description_order *order, rh_kept *text, const rh_err *err);
    struct rh_description_order *next; /* the describer's */
} rh_description_order;

typedef struct rh_describer rh_describer;

rh_describer *rh_describer_new(uv_loop_t *loop, rh_descriptions *all);
/* The text with a use of the caller's, NULL when it has to be made. */
rh_kept *rh_describer_find(rh_describer *d, const rh_description_order *order);
/* on_made is called, not within this call. */
void rh_describer_make(rh_describer *d, rh_description_order *order);
/* Answers who waits, then calls closed(arg), maybe at once; the describer is freed. */
void rh_describer_close(rh_describer *d, void (*closed)(void *arg), void *arg);

#endif
