/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rest/raise.h"
#include "rest/sql.h"
#include "rest/state.h"

#define SHARD_DIGITS 6 /* shards are numbered from 102008 */

/* A guard (sql.h) failed: PostgreSQL quotes its text, with the number of rows, in the message. */
static bool is_guard(rh_err *err, const char *marker, rh_code code, const char *message, const char *detail)
{
    const char *found = strstr(err->message, marker);
    if (!found)
        return false;
    unsigned long long rows = strtoull(found + strlen(marker), NULL, 10);
    rh_err_set(err, code, "%s", message);
    rh_err_detail(err, "%s %llu rows", detail, rows);
    return true;
}

static bool unguard(rh_guard guard, rh_err *err)
{
    if (strcmp(err->sqlstate, "22P02") != 0)
        return false;
    return guard == RH_GUARD_ONE
               ? is_guard(err, "\"" RH_SQL_GUARD_ONE, RH_E_SINGULAR,
                          "Cannot coerce the result to a single JSON object", "The result contains")
               : is_guard(err, "\"" RH_SQL_GUARD_MAX, RH_E_MAX_AFFECTED,
                          "Query result exceeds max-affected preference constraint", "The query affects");
}

/* As PostgreSQL says it of one statement. */
static bool is_twice(rh_err *err)
{
    if (strcmp(err->sqlstate, "22P02") != 0 || !strstr(err->message, "\"" RH_SQL_GUARD_TWICE))
        return false;
    rh_err_set(err, RH_E_DB, "ON CONFLICT DO UPDATE command cannot affect row a second time");
    memcpy(err->sqlstate, "21000", sizeof err->sqlstate);
    rh_err_hint(err, "Ensure that no rows proposed for insertion within the same command have duplicate "
                     "constrained values.");
    return true;
}

/* `Key (company_id, id)=(5, 7) ...` whose first column is the tenant key and whose first value is this
 * tenant. Keys in another order are not taken apart, since a value may hold commas: they are dropped. */
static bool is_own_key(const rh_rest *r, const char *detail)
{
    const rh_relation *rel = r->plan.root.relation;
    size_t id_len = strlen(r->naming.tenant_id);
    if (!rel || rel->tenant_key < 0 || strncmp(detail, "Key (", 5) != 0)
        return false;
    const char *column = rel->columns[rel->tenant_key].name;
    size_t column_len = strlen(column);
    if (strncmp(detail + 5, column, column_len) != 0 || !strchr(",)", detail[5 + column_len]))
        return false;
    const char *value = strstr(detail, ")=(");
    return value && strncmp(value + 3, r->naming.tenant_id, id_len) == 0 && strchr(",)", value[3 + id_len]) &&
           value[3 + id_len];
}

/* `"ads_pkey_102078"` is `"ads_pkey"` to a client: Citus appends the shard's number to its tables,
 * constraints and indexes. Only for errors whose quotes hold names, never values. */
static void strip_shards(char *text)
{
    bool quoted = false;
    char *to = text;
    for (const char *p = text; *p; p++) {
        size_t digits = quoted && *p == '_' ? strspn(p + 1, "0123456789") : 0;
        if (digits >= SHARD_DIGITS && p[1 + digits] == '"')
            p += 1 + digits;
        quoted ^= *p == '"';
        *to++ = *p;
    }
    *to = 0;
}

/* Where a name begins that is qualified with the schema; NULL: nowhere. */
static const char *find_qualified(const char *text, const char *from, const char *schema)
{
    size_t n = strlen(schema);
    for (const char *at = strstr(from, schema); at; at = strstr(at + 1, schema))
        if (at[n] == '.' && (at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_')))
            return at;
    return NULL;
}

/* `h_12.mood` is `public.mood` to a client, as in messages of ours: what a home is called is not its
 * business. */
static void retell_schema(const rh_rest *r, char *text, size_t size)
{
    rh_str told;
    const char *p = text, *at;
    rh_str_init_in(&told, r->arena, size);
    while ((at = find_qualified(text, p, r->naming.schema))) {
        rh_str_addn(&told, p, (size_t)(at - p));
        rh_str_add(&told, r->naming.told_schema);
        p = at + strlen(r->naming.schema);
    }
    rh_str_add(&told, p);
    if (p > text && !told.overflow)
        snprintf(text, size, "%s", rh_str_cstr(&told));
}

static bool speaks_of_names(const char *sqlstate)
{
    return strncmp(sqlstate, "23", 2) == 0 || strncmp(sqlstate, "42", 2) == 0 ||
           strncmp(sqlstate, "55", 2) == 0;
}

/* What Citus cannot do, but only finds when it tries: internal errors to PostgreSQL. */
static bool is_beyond_citus(const rh_err *err)
{
    return strcmp(err->sqlstate, "XX000") == 0 &&
           (rh_starts_with(err->message, "cannot execute a distributed query from a query on a shard") ||
            rh_starts_with(err->message, "Distributed queries with outer joins"));
}

/* Nothing of shards and workers is for a client. */
static void scrub_distributed(rh_err *err)
{
    if (rh_starts_with(err->sqlstate, "08")) {
        rh_err_set(err, RH_E_UNAVAILABLE, "the database cannot be reached");
        rh_err_hint(err, "Try again in a moment.");
    } else if (is_beyond_citus(err)) {
        rh_err_set(err, RH_E_NOT_IMPLEMENTED, "Citus cannot answer this in one statement");
        rh_err_hint(
            err, "Ask for a function's result, or a view, and what is embedded in it one after the other.");
    } else if (speaks_of_names(err->sqlstate)) {
        strip_shards(err->message);
        strip_shards(err->detail);
        strip_shards(err->hint);
    }
}

const rh_rest_header *rh_rest_error_headers(const rh_rest *r, int *n)
{
    *n = r ? r->n_raised : 0;
    return r ? r->raised : NULL;
}

void rh_rest_scrub_error(rh_rest *r, rh_err *err)
{
    if (!r || err->code != RH_E_DB)
        return;
    if (strcmp(err->sqlstate, "PGRST") == 0) {
        rh_raise_take(r, err);
        return;
    }
    if (r->naming.distributed)
        scrub_distributed(err);
    if (r->naming.told_schema && strcmp(r->naming.schema, r->naming.told_schema) != 0) {
        retell_schema(r, err->message, sizeof err->message);
        retell_schema(r, err->detail, sizeof err->detail);
        retell_schema(r, err->hint, sizeof err->hint);
    }
    if (r->plan.guard != RH_GUARD_NONE && unguard(r->plan.guard, err))
        return;
    if (r->plan.part && is_twice(err))
        return;
    if (!r->naming.keyed || strncmp(err->sqlstate, "23", 2) != 0)
        return;
    bool row_of_client = strcmp(err->sqlstate, "23502") == 0 || strcmp(err->sqlstate, "23514") == 0;
    bool exclusion = strcmp(err->sqlstate, "23P01") == 0;
    if (row_of_client ? r->plan.action == RH_DO_CALL : exclusion || !is_own_key(r, err->detail))
        err->detail[0] = 0;
}
