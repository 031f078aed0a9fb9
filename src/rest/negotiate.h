/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may ask for in headers: the form of the answer and the range of rows.
 *
 * The form is the first of the Accept header (by q, then by how much it says) that can be had: the app's own
 * media type handlers, functions whose result is a media type, and the built-in ones. `*` `/` `*` of the app
 * goes before all, its handlers of a relation before those of any, and these before what is built in, but for
 * the vendor types.
 */
#ifndef RH_NEGOTIATE_H
#define RH_NEGOTIATE_H

#include "rest/query.h"
#include "rest/rest.h"

typedef enum rh_media {
    RH_MEDIA_JSON,
    RH_MEDIA_STRIPPED, /* an array, without the members that are null, at any depth */
    RH_MEDIA_OBJECT,
    RH_MEDIA_STRIPPED_OBJECT,
    RH_MEDIA_CSV,
    RH_MEDIA_GEO,     /* a FeatureCollection, made by PostGIS */
    RH_MEDIA_HANDLER, /* the body is an aggregate's result */
    RH_MEDIA_VALUE    /* the body is the function's value as it is */
} rh_media;

/* application/vnd.pgrst.plan: how the statement would run, or ran, instead of its rows. */
typedef struct rh_explain {
    bool on, json, analyze, verbose, settings, buffers, wal;
} rh_explain;

typedef struct rh_format {
    rh_media media;
    const char *content_type;
    const rh_handler *handler;
    bool bytes; /* of HANDLER and VALUE: bytea, whose text is hexadecimal */
    rh_explain explain;
} rh_format;

/* Who would answer. */
typedef struct rh_offers {
    const rh_relation_cache *cache;
    const rh_relation *relation; /* whose rows are shown, or NULL */
    const rh_function *function; /* that is called, or NULL */
    bool whole_rows;             /* all columns and nothing else: handlers of relations take no others */
    rh_plans plans;
} rh_offers;

/* NULL or "" accept anything. Error: RH_E_MEDIA (406). */
bool rh_accept_choose(rh_arena *a, const char *accept, const rh_offers *offers, rh_format *out, rh_err *err);

typedef struct rh_window {
    bool has_limit;
    int64_t limit, offset;
} rh_window;

/* The rows wanted: Range (GET only), limit and offset, all of which must hold, and at most max_rows (0: no
 * bound). RH_E_RANGE (416) when nothing can fulfil them. */
bool rh_window_of(const char *range, const rh_query *query, int64_t max_rows, rh_window *out, rh_err *err);

#endif
