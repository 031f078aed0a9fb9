/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "verify/asker.h"

#define VALUE_MAX 4096

static const char *json_text(rh_asker *k, const json_t *v)
{
    if (json_is_string(v))
        return json_string_value(v);
    if (json_is_integer(v))
        return rh_arena_printf(k->a, "%lld", (long long)json_integer_value(v));
    if (json_is_real(v))
        return rh_arena_printf(k->a, "%.17g", json_real_value(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? "true" : "false";
    return NULL;
}

static const json_t *known_row(rh_asker *k, const rh_verify_tenant *t, const rh_relation *r)
{
    const json_t *rows = rh_verify_known(t, r->name);
    return rows ? json_array_get(rows, (size_t)rh_dice_int(k->dice, (int)json_array_size(rows))) : NULL;
}

/* A value of the column in one of the tenant's rows; of a view, anything that is the tenant's. */
static const char *known_value(rh_asker *k, rh_verify_tenant *t, const rh_relation *r, const rh_column *c)
{
    const json_t *row = known_row(k, t, r);
    const char *text = row ? json_text(k, json_object_get(row, c->name)) : NULL;
    if (text)
        return text;
    if (c->form == RH_JSON_NUMBER)
        return rh_canary_value(t->canary, k->a, RH_CANARY_BIG, 1 + rh_dice_int(k->dice, 20));
    return rh_canary_value(t->canary, k->a, RH_CANARY_TEXT, 1 + rh_dice_int(k->dice, 20));
}

static const rh_relation *any_relation(rh_asker *k)
{
    return k->relations.items[rh_dice_int(k->dice, (int)k->relations.len)];
}

static const rh_relation *writable(rh_asker *k)
{
    for (int i = 0; i < 20; i++) {
        const rh_relation *r = any_relation(k);
        if (r->set == RH_SET_TENANT && (r->insertable || r->updatable))
            return r;
    }
    return any_relation(k);
}

static const rh_column *any_column(rh_asker *k, const rh_relation *r)
{
    return r->n_columns ? &r->columns[rh_dice_int(k->dice, r->n_columns)] : NULL;
}

/* ---- the parts of a read ---- */

/* One filter: FIELD=OP.VALUE. reach: for a row of the other tenant. */
static void add_filter(rh_asker *k, const rh_relation *r, const char *prefix, bool reach)
{
    static const char *const texts[] = {"eq",    "neq",    "gt",         "lte",   "like",   "ilike",
                                        "match", "imatch", "isdistinct", "plfts", "eq(any)"};
    static const char *const numbers[] = {"eq", "neq", "gt", "gte", "lt", "isdistinct"};
    static const char *const odd[] = {"%", "*",  "",      "'",   "\\",    "1 OR 1=1",
                                      "x", "{}", "1e400", "NaN", "\"), ("};
    const rh_column *c = any_column(k, r);
    if (!c)
        return;
    const char *value = known_value(k, reach ? k->other : k->me, r, c), *op;
    if (rh_dice_chance(k->dice, 10))
        value = RH_DICE_PICK(k->dice, odd);
    if (c->form == RH_JSON_NUMBER) {
        op = RH_DICE_PICK(k->dice, numbers);
    } else if (c->form == RH_JSON_STRING) {
        op = RH_DICE_PICK(k->dice, texts);
        if (strstr(op, "like"))
            value = rh_arena_printf(k->a, "*%s*", value);
        if (strchr(op, '('))
            value = rh_arena_printf(k->a, "{\"%s\",\"x\"}", value);
    } else if (c->form == RH_JSON_BOOL) {
        op = "is";
        value = "true";
    } else {
        op = rh_dice_chance(k->dice, 50) ? "eq" : "gt";
    }
    if (rh_dice_chance(k->dice, 10)) {
        op = "in";
        value = rh_arena_printf(k->a, "(\"%s\",\"%s\")", value, value);
    }
    if (rh_dice_chance(k->dice, 8)) {
        op = "is";
        value = rh_dice_chance(k->dice, 50) ? "null" : "not_null";
    }
    const char *field = c->form == RH_JSON_RAW && rh_dice_chance(k->dice, 60)
                            ? rh_arena_printf(k->a, "%s->>key", c->name)
                            : c->name;
    value = rh_arena_printf(k->a, "%s%s.%s", rh_dice_chance(k->dice, 12) ? "not." : "", op, value);
    if (!*prefix && rh_dice_chance(k->dice, 10))
        rh_ask_query(k, "or", rh_arena_printf(k->a, "(%s.%s,%s.is.null)", field, value, field));
    else
        rh_ask_query(k, rh_arena_printf(k->a, "%s%s", prefix, field), value);
}

/* A relation that the foreign key joins with r; NULL: it does not. */
static const rh_relation *neighbour(const rh_foreign_key *f, const rh_relation *r)
{
    return f->from == r ? f->to : f->to == r ? f->from : NULL;
}

static void put_embeds(rh_asker *k, rh_str *select, const rh_relation *r, int depth)
{
    for (int i = 0, at = rh_dice_int(k->dice, k->n_foreign); i < k->n_foreign; i++) {
        const rh_foreign_key *f = &k->foreign[(at + i) % k->n_foreign];
        const rh_relation *to = neighbour(f, r);
        if (!to || !rh_dice_chance(k->dice, 60))
            continue;
        rh_str_addf(select, ",%s%s!%s%s(*", rh_dice_chance(k->dice, 25) ? "..." : "", to->name, f->name,
                    rh_dice_chance(k->dice, 20) ? "!inner" : "");
        if (depth < 2)
            put_embeds(k, select, to, depth + 1);
        rh_str_addc(select, ')');
        return;
    }
}

/* Relations that a third one joins with r; the door says which are not. */
static void put_many_to_many(rh_asker *k, rh_str *select, const rh_relation *r)
{
    const rh_relation *to = any_relation(k);
    if (to != r)
        rh_str_addf(select, ",%s(*)", to->name);
}

/* Functions of a row: values, or rows that they find. */
static void put_computed(rh_asker *k, rh_str *select, const rh_relation *r)
{
    for (int i = 0; i < k->n_functions; i++) {
        const rh_function *f = &k->functions[i];
        if (f->n_arguments == 1 && f->arguments[0].row_of == r && rh_dice_chance(k->dice, 40))
            rh_str_addf(select, f->returns_relation ? ",%s(*)" : ",%s", f->name);
    }
}

static void add_select(rh_asker *k, const rh_relation *r, bool embeds)
{
    static const char *const casts[] = {"",       "::text", "::int",  "::date",
                                        "::uuid", "->0",    "->>key", "::jsonb"};
    rh_str select;
    rh_str_init_in(&select, k->a, VALUE_MAX);
    if (embeds || rh_dice_chance(k->dice, 40)) {
        rh_str_addc(&select, '*');
    } else {
        for (int n = 1 + rh_dice_int(k->dice, 3); n > 0; n--) {
            const rh_column *c = any_column(k, r);
            const char *cast = rh_dice_chance(k->dice, 70) ? "" : RH_DICE_PICK(k->dice, casts);
            if (c)
                rh_str_addf(&select, "%s%s%s", select.len ? "," : "", c->name, cast);
        }
    }
    if (embeds && rh_dice_chance(k->dice, 15))
        put_many_to_many(k, &select, r);
    else if (embeds)
        put_embeds(k, &select, r, 0);
    put_computed(k, &select, r);
    if (k->conf->data_aggregates && rh_dice_chance(k->dice, 15))
        rh_str_add(&select, ",count()");
    rh_ask_query(k, "select", rh_str_cstr(&select));
}

static void add_page(rh_asker *k, const rh_relation *r)
{
    static const char *const limits[] = {"0", "1", "3", "1000", "-1", "x"};
    static const char *const orders[] = {"", ".desc", ".asc.nullsfirst", ".desc.nullslast"};
    const rh_column *c = any_column(k, r);
    if (c && rh_dice_chance(k->dice, 35))
        rh_ask_query(k, "order", rh_arena_printf(k->a, "%s%s", c->name, RH_DICE_PICK(k->dice, orders)));
    if (rh_dice_chance(k->dice, 20))
        rh_ask_query(k, "limit", RH_DICE_PICK(k->dice, limits));
    if (rh_dice_chance(k->dice, 10))
        rh_ask_query(k, "offset", RH_DICE_PICK(k->dice, limits));
}

static void add_read_headers(rh_asker *k)
{
    static const char *const accepts[] = {"application/vnd.pgrst.object+json",
                                          "text/csv",
                                          "*/*",
                                          "application/vnd.pgrst.array+json;nulls=stripped",
                                          "application/vnd.pgrst.plan+json",
                                          "application/vnd.pgrst.plan"};
    if (rh_dice_chance(k->dice, 25))
        rh_ask_told_header(k, "Prefer", "count=exact");
    if (rh_dice_chance(k->dice, 6))
        rh_ask_told_header(k, "Accept", RH_DICE_PICK(k->dice, accepts));
    if (rh_dice_chance(k->dice, 6))
        rh_ask_told_header(k, "Range", "0-1");
}

/* ---- kinds ---- */

void rh_ask_read(rh_asker *k)
{
    const rh_relation *r = any_relation(k);
    bool embeds = rh_dice_chance(k->dice, 35) && k->n_foreign, reach = rh_dice_chance(k->dice, 40);
    rh_ask_begin(k, reach ? "reach" : embeds ? "embed" : "read", rh_dice_chance(k->dice, 8) ? "HEAD" : "GET");
    rh_ask_segment(k, r->name);
    if (embeds || rh_dice_chance(k->dice, 50))
        add_select(k, r, embeds);
    for (int n = rh_dice_int(k->dice, 3) + reach; n > 0; n--)
        add_filter(k, r, "", reach && n == 1);
    add_page(k, r);
    add_read_headers(k);
}

static const char *key_value(rh_asker *k, rh_verify_tenant *t, const rh_relation *r)
{
    return r->n_primary_key == 1 ? known_value(k, t, r, &r->columns[r->primary_key[0]]) : "1";
}

void rh_ask_by_key(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 60);
    rh_ask_begin(k, reach ? "reach" : "key", "GET");
    rh_ask_segment(k, r->name);
    rh_ask_segment(k, key_value(k, reach ? k->other : k->me, r));
}

/* The tenant key, and columns that point to other tables: what a write could reach over with. */
static bool can_reach(rh_asker *k, const rh_relation *r, int column)
{
    if (column == r->tenant_key)
        return true;
    for (int i = 0; i < k->n_foreign; i++)
        for (int c = 0; k->foreign[i].from == r && c < k->foreign[i].n; c++)
            if (k->foreign[i].from_columns[c] == column)
                return true;
    return false;
}

/* A row like one of the tenant's own, with fresh texts; one column may be somebody else's. */
static json_t *make_row(rh_asker *k, const rh_relation *r, bool reach, bool same_key)
{
    const json_t *like = known_row(k, k->me, r), *theirs = known_row(k, k->other, r);
    json_t *row = like ? json_deep_copy(like) : json_object();
    for (int i = 0; i < r->n_columns; i++) {
        const rh_column *c = &r->columns[i];
        json_t *value = json_object_get(row, c->name);
        const char *text = json_string_value(value);
        bool in_key = false;
        for (int p = 0; p < r->n_primary_key; p++)
            in_key = in_key || r->primary_key[p] == i;
        if (c->generated || (in_key && c->has_default && !same_key) ||
            (i == r->tenant_key && !reach && rh_dice_chance(k->dice, 70)))
            json_object_del(row, c->name);
        else if (text && rh_starts_with(text, k->me->canary->mark[RH_CANARY_TEXT]))
            json_object_set_new(row, c->name,
                                json_string(rh_canary_fresh(k->me->canary, k->a, RH_CANARY_TEXT)));
        else if (reach && theirs && can_reach(k, r, i) && rh_dice_chance(k->dice, 60))
            json_object_set(row, c->name, json_object_get(theirs, c->name));
    }
    if (!json_object_size(row)) /* of an empty table, or a view */
        for (int i = 0; i < r->n_columns && i < 3; i++)
            json_object_set_new(row, r->columns[i].name, json_string("1"));
    return row;
}

static void set_body(rh_asker *k, json_t *body /* taken */)
{
    char *dumped = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    k->ask->body = rh_arena_strdup(k->a, dumped ? dumped : "{}");
    free(dumped);
    json_decref(body);
    rh_ask_header(k, "Content-Type", "application/json");
}

static void add_write_headers(rh_asker *k)
{
    static const char *const prefers[] = {"return=representation",
                                          "return=representation",
                                          "return=headers-only",
                                          "return=minimal",
                                          "return=representation,tx=rollback",
                                          "return=representation,resolution=merge-duplicates",
                                          "return=representation,resolution=ignore-duplicates",
                                          "return=minimal,resolution=merge-duplicates"};
    rh_ask_told_header(k, "Prefer", RH_DICE_PICK(k->dice, prefers));
    k->ask->writes = true;
}

void rh_ask_insert(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 35), same_key = rh_dice_chance(k->dice, 20);
    rh_ask_begin(k, reach ? "reach" : "insert", "POST");
    rh_ask_segment(k, r->name);
    if (rh_dice_chance(k->dice, 25) && k->n_foreign)
        add_select(k, r, true);
    json_t *body = make_row(k, r, reach, same_key);
    if (rh_dice_chance(k->dice, 20)) {
        json_t *rows = json_array();
        json_array_append_new(rows, body);
        json_array_append(rows, body);
        body = rows;
    }
    const rh_column *unique = any_column(k, r);
    if (unique && rh_dice_chance(k->dice, 10))
        rh_ask_query(k, "on_conflict", unique->name);
    set_body(k, body);
    add_write_headers(k);
}

void rh_ask_change(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 60);
    json_t *body = json_object();
    rh_ask_begin(k, reach ? "reach" : "change", "PATCH");
    rh_ask_segment(k, r->name);
    if (rh_dice_chance(k->dice, 30))
        rh_ask_segment(k, key_value(k, reach ? k->other : k->me, r));
    else
        add_filter(k, r, "", reach);
    json_t *row = make_row(k, r, reach, false);
    for (int i = 0; i < r->n_columns; i++) {
        bool wanted = can_reach(k, r, i) ? reach && rh_dice_chance(k->dice, 40)
                                         : rh_dice_chance(k->dice, 100 / (r->n_columns + 1) + 10);
        if (wanted && json_object_get(row, r->columns[i].name))
            json_object_set(body, r->columns[i].name, json_object_get(row, r->columns[i].name));
    }
    json_decref(row);
    set_body(k, body);
    add_write_headers(k);
}

/* Somebody else's rows mostly, so that there is still something to find at the end. */
void rh_ask_delete(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 85);
    rh_ask_begin(k, reach ? "reach" : "delete", "DELETE");
    rh_ask_segment(k, r->name);
    if (r->n_primary_key == 1) {
        const char *key = key_value(k, reach ? k->other : k->me, r);
        if (rh_dice_chance(k->dice, 50))
            rh_ask_segment(k, key);
        else
            rh_ask_query(k, r->columns[r->primary_key[0]].name, rh_arena_printf(k->a, "eq.%s", key));
    } else {
        for (int i = 0; i < r->n_primary_key; i++) {
            const rh_column *c = &r->columns[r->primary_key[i]];
            rh_ask_query(k, c->name,
                         rh_arena_printf(k->a, "eq.%s", known_value(k, reach ? k->other : k->me, r, c)));
        }
        if (!r->n_primary_key)
            rh_ask_query(k, "limit", "0");
    }
    add_write_headers(k);
}

/* A word or number for an argument of that type: anybody's. */
static const char *argument(rh_asker *k, const rh_argument *arg)
{
    static const char *const words[] = {"%", "", "'", "x"};
    rh_verify_tenant *t = rh_dice_chance(k->dice, 60) ? k->other : k->me;
    const char *type = arg->type.text;
    if (strstr(type, "double") || strcmp(type, "real") == 0 || strcmp(type, "interval") == 0)
        return "0"; /* nobody's id; perhaps how long to sleep */
    if (strstr(type, "int") || strstr(type, "numeric")) {
        const json_t *row = known_row(k, t, writable(k));
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)row, key,
                            value) if (json_is_integer(value) &&
                                       rh_dice_chance(k->dice, 50)) return json_text(k, value);
        return rh_dice_chance(k->dice, 50) ? t->id : "1";
    }
    if (strstr(type, "bool"))
        return "true";
    if (strstr(type, "uuid"))
        return rh_canary_value(t->canary, k->a, RH_CANARY_UUID, rh_dice_int(k->dice, 10));
    if (strstr(type, "date") || strstr(type, "timestamp"))
        return "2026-01-01";
    if (strstr(type, "json"))
        return "{}";
    return rh_dice_chance(k->dice, 50)
               ? RH_DICE_PICK(k->dice, words)
               : rh_canary_value(t->canary, k->a, RH_CANARY_TEXT, rh_dice_int(k->dice, 20));
}

void rh_ask_function(rh_asker *k)
{
    if (!k->n_functions) {
        rh_ask_read(k);
        return;
    }
    const rh_function *f = &k->functions[rh_dice_int(k->dice, k->n_functions)];
    bool get = f->read_only && rh_dice_chance(k->dice, 50);
    json_t *body = json_object();
    rh_ask_begin(k, "function", get ? "GET" : "POST");
    rh_ask_segment(k, "rpc");
    rh_ask_segment(k, f->name);
    for (int i = 0; i < f->n_arguments; i++) {
        const rh_argument *arg = &f->arguments[i];
        if (!*arg->name || (arg->has_default && rh_dice_chance(k->dice, 60)))
            continue;
        const char *value = argument(k, arg);
        if (get)
            rh_ask_query(k, arg->name, value);
        else
            json_object_set_new(body, arg->name, json_string(value));
    }
    if (get)
        json_decref(body);
    else
        set_body(k, body);
    k->ask->writes = !get;
    if (f->returns_relation && rh_dice_chance(k->dice, 40))
        add_select(k, f->returns_relation, true);
}

void rh_ask_broken(rh_asker *k)
{
    static const char *const bodies[] = {
        "{", "[", "[1]", "{\"a\":", "\"x\"", "[{\"a\":1},{\"b\":2}]", "{\"a\":\"\\ud800\"}"};
    static const char *const methods[] = {"POST", "PATCH", "PUT", "OPTIONS", "TRACE", "BREW"};
    static const char *const queries[] = {"select=*(",           "select=a->", "or=(",
                                          "and=(a.eq.1",         "order=",     "limit=99999999999999999999",
                                          "select=*,nothing(*)", "x=y.z"};
    const rh_relation *r = any_relation(k);
    rh_ask_begin(k, "broken", rh_dice_chance(k->dice, 50) ? "GET" : RH_DICE_PICK(k->dice, methods));
    rh_ask_segment(k, rh_dice_chance(k->dice, 15) ? "nothing" : r->name);
    if (rh_dice_chance(k->dice, 70)) {
        const char *query = RH_DICE_PICK(k->dice, queries);
        rh_str_addf(&k->path, "?%s", query);
        rh_str_addf(&k->plain, "?%s", query);
    }
    if (strcmp(k->ask->method, "GET") != 0 && rh_dice_chance(k->dice, 80)) {
        k->ask->body = RH_DICE_PICK(k->dice, bodies);
        rh_ask_header(k, "Content-Type", "application/json");
        k->ask->writes = true;
    }
}
