/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world for fuzzing the dialect engine, and what must hold of every plan and every refusal.
 */
#ifndef REST_WORLD_H
#define REST_WORLD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "rest/rest.h"

#define COLUMN(name, type, form) "{\"name\":\"" name "\",\"type\":\"" type "\",\"form\":\"" form "\"}"
#define TABLE(name, key, columns)                                                                            \
    "{\"name\":\"" name                                                                                      \
    "\",\"set\":\"tenant\",\"kind\":\"r\",\"tenant_key\":\"company_id\",\"insertable\":true,"                \
    "\"updatable\":true,\"deletable\":true,\"primary_key\":[" key "],\"columns\":["                          \
    "{\"name\":\"company_id\",\"type\":\"bigint\",\"form\":\"number\"}," columns "]}"
#define KEY(name, from, column, to)                                                                          \
    "{\"name\":\"" name "\",\"from\":\"" from "\",\"from_set\":\"tenant\",\"to\":\"" to                      \
    "\",\"to_set\":\"tenant\",\"from_columns\":[\"company_id\",\"" column                                    \
    "\"],\"to_columns\":[\"company_id\",\"id\"]}"
#define FUNCTION(name, arguments, returns)                                                                   \
    "{\"name\":\"" name "\",\"set\":\"tenant\",\"arguments\":[" arguments "],\"read_only\":true,"            \
    "\"columns\":[]," returns "}"
#define OF_ADS "{\"name\":\"\",\"type\":\"ads\",\"home\":true,\"row_of\":\"ads\",\"row_of_set\":\"tenant\"}"
#define SET_OF_ADS                                                                                           \
    "\"returns_set\":true,\"returns_relation\":\"ads\",\"returns_relation_set\":\"tenant\","                 \
    "\"return_type\":\"ads\",\"return_form\":\"sql\""
#define ID COLUMN("id", "bigint", "number") ","

/* clang-format off */
static const char world_json[] =
    "{\"relations\":["
    TABLE("ads", "\"id\"", ID COLUMN("campaign_id", "bigint", "number") "," COLUMN("name", "text", "string")) ","
    TABLE("campaigns", "\"id\"", ID COLUMN("parent_id", "bigint", "number") "," COLUMN("data", "jsonb", "raw")) ","
    TABLE("tags", "\"id\"", ID COLUMN("j", "json", "raw")) ","
    TABLE("ads_tags", "\"ad_id\",\"tag_id\"",
          COLUMN("ad_id", "bigint", "number") "," COLUMN("tag_id", "bigint", "number"))
    "],\"foreign_keys\":["
    KEY("ads_fk", "ads", "campaign_id", "campaigns") ","
    KEY("parent_fk", "campaigns", "parent_id", "campaigns") ","
    KEY("ad_fk", "ads_tags", "ad_id", "ads") ","
    KEY("tag_fk", "ads_tags", "tag_id", "tags")
    "],\"functions\":["
    FUNCTION("top", "{\"name\":\"n\",\"type\":\"integer\"}", SET_OF_ADS) ","
    FUNCTION("shout", OF_ADS, "\"return_type\":\"text\",\"return_form\":\"string\"") ","
    FUNCTION("likes", OF_ADS, SET_OF_ADS)
    "]}";
/* clang-format on */

static const rh_rest_naming world_naming = {.schema = "public",
                                            .reference_schema = "reference",
                                            .keyed = true,
                                            .tenant_id = "5",
                                            .id_type = "bigint",
                                            .max_rows = 1000,
                                            .max_response = 1 << 20,
                                            .tx_end.may_ask = true,
                                            .aggregates = true};

static inline void must(bool ok)
{
    if (!ok)
        abort();
}

static const rh_relation_cache *world(void)
{
    static rh_relation_cache *cache;
    rh_err err;
    if (!cache)
        must((cache = rh_relation_cache_parse(world_json, sizeof world_json - 1, &err)) != NULL);
    return cache;
}

/* Outside of "names" and three literals of ours, a statement has no quote, no semicolon and no comment. */
static void check_text(const char *text)
{
    static const char *const literals[] = {"'PG21000 '",          "'[]'", "'PGRST116 '", "'PGRST124 '",
                                           "'rowhouse.inserted'", "''",   "'0'",         "'TimeZone'"};
    for (const char *p = text; *p; p++) {
        if (*p == '"') {
            while (*++p != '"')
                must((*p >= 'a' && *p <= 'z') || *p == '_');
        } else if (*p == '\'') {
            bool known = false;
            for (size_t i = 0; i < sizeof literals / sizeof *literals && !known; i++)
                if ((known = rh_starts_with(p, literals[i])))
                    p += strlen(literals[i]) - 1;
            must(known);
        } else {
            must((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != ';' && *p != '\\');
            must(!rh_starts_with(p, "--") && !rh_starts_with(p, "/*"));
        }
    }
    must(strstr(text, "\"company_id\" = $1::bigint") || strstr(text, "SELECT $1::bigint") ||
         rh_starts_with(text, "SELECT pg_catalog.set_config(") ||
         rh_starts_with(text, "SELECT coalesce(nullif(") ||
         strcmp(text, "SET CONSTRAINTS ALL IMMEDIATE") == 0);
}

static inline void plan_and_check(rh_arena *a, const rh_rest_request *req)
{
    rh_err err = {0};
    rh_rest *r = rh_rest_plan(a, req, world(), &world_naming, &err);
    if (!r) {
        must(rh_err_http(&err) >= 300 && rh_err_http(&err) < 500 && *err.message);
        must(rh_is_utf8(err.message, strlen(err.message)) && rh_is_utf8(err.detail, strlen(err.detail)) &&
             rh_is_utf8(err.hint, strlen(err.hint)));
        return;
    }
    const rh_rest_plan_info *info = rh_rest_info(r);
    for (int i = 0; i < info->n_statements; i++) {
        check_text(info->statements[i].text);
        must(i != info->main ||
             (info->statements[i].n >= 1 && strcmp(info->statements[i].values[0], "5") == 0));
        for (int v = 0; v < info->statements[i].n; v++)
            must(!info->statements[i].values[v] ||
                 rh_is_utf8(info->statements[i].values[v], strlen(info->statements[i].values[v])));
    }
}

#endif
