/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ask.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "catalog/token.h"

#define TOKEN_TTL_S 3600
#define VALUE_MAX 4096

struct rh_asker {
    rh_world *w;
    rh_dice *dice;
    const rh_conf *conf;
    rh_resolve_rules rules;
    rh_jwt_keys *keys, *wrong_keys;
    RH_VEC(const rh_relation *) relations;
    const rh_foreign_key *foreign;
    const rh_function *functions;
    int n_foreign, n_functions;
    rh_arena *a; /* of the request that is being made */
    rh_ask *ask;
    rh_verify_tenant *me, *other;
    rh_str path, plain, headers;
    bool has_query;
};

rh_asker *rh_asker_new(rh_world *w, rh_err *err)
{
    rh_asker *k = RH_NEW(w->a, rh_asker);
    int n;
    const rh_relation *all = rh_relation_all(w->cache, &n);
    k->w = w;
    k->dice = &w->dice;
    k->conf = w->app->conf;
    for (int i = 0; i < n; i++)
        RH_VEC_PUSH(w->a, &k->relations, &all[i]);
    k->foreign = rh_relation_foreign_keys(w->cache, &k->n_foreign);
    k->functions = rh_function_all(w->cache, &k->n_functions);
    rh_token_rules(k->conf, &k->rules);
    const char *secret = rh_app_jwt_secret(w->app, w->a, err), *wrong = rh_random_hex(w->a, 32);
    if (k->relations.len == 0) {
        rh_err_set(err, RH_E_INVALID, "the app has no table that could be asked for");
    } else if (secret && (k->keys = rh_jwt_keys_from_secret(secret, strlen(secret), err)) &&
               (k->wrong_keys = rh_jwt_keys_from_secret(wrong, strlen(wrong), err))) {
        return k;
    }
    rh_asker_free(k);
    return NULL;
}

void rh_asker_free(rh_asker *k)
{
    if (!k)
        return;
    rh_jwt_keys_free(k->keys);
    rh_jwt_keys_free(k->wrong_keys);
}

/* ---- words of a request ---- */

static void add_encoded(rh_str *out, const char *text)
{
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_.~,*()", *text))
            rh_str_addc(out, *text);
        else
            rh_str_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static void add_segment(rh_asker *k, const char *text)
{
    rh_str_addc(&k->path, '/');
    add_encoded(&k->path, text);
    rh_str_addf(&k->plain, "/%s", text);
}

static void add_query(rh_asker *k, const char *name, const char *value)
{
    rh_str_addc(&k->path, k->has_query ? '&' : '?');
    add_encoded(&k->path, name);
    rh_str_addc(&k->path, '=');
    add_encoded(&k->path, value);
    rh_str_addf(&k->plain, "%c%s=%s", k->has_query ? '&' : '?', name, value);
    k->has_query = true;
}

static void add_header(rh_asker *k, const char *name, const char *value)
{
    rh_str_addf(&k->headers, "%s: %s\r\n", name, value);
}

/* A header that tells what is asked; tokens are not told. */
static void add_told_header(rh_asker *k, const char *name, const char *value)
{
    add_header(k, name, value);
    rh_str_addf(&k->plain, " [%s: %s]", name, value);
}

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
        add_query(k, "or", rh_arena_printf(k->a, "(%s.%s,%s.is.null)", field, value, field));
    else
        add_query(k, rh_arena_printf(k->a, "%s%s", prefix, field), value);
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
        rh_str_addf(select, ",%s!%s%s(*", to->name, f->name, rh_dice_chance(k->dice, 20) ? "!inner" : "");
        if (depth < 2)
            put_embeds(k, select, to, depth + 1);
        rh_str_addc(select, ')');
        return;
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
    if (embeds)
        put_embeds(k, &select, r, 0);
    add_query(k, "select", rh_str_cstr(&select));
}

static void add_page(rh_asker *k, const rh_relation *r)
{
    static const char *const limits[] = {"0", "1", "3", "1000", "-1", "x"};
    static const char *const orders[] = {"", ".desc", ".asc.nullsfirst", ".desc.nullslast"};
    const rh_column *c = any_column(k, r);
    if (c && rh_dice_chance(k->dice, 35))
        add_query(k, "order", rh_arena_printf(k->a, "%s%s", c->name, RH_DICE_PICK(k->dice, orders)));
    if (rh_dice_chance(k->dice, 20))
        add_query(k, "limit", RH_DICE_PICK(k->dice, limits));
    if (rh_dice_chance(k->dice, 10))
        add_query(k, "offset", RH_DICE_PICK(k->dice, limits));
}

static void add_read_headers(rh_asker *k)
{
    static const char *const accepts[] = {"application/vnd.pgrst.object+json", "text/csv", "*/*",
                                          "application/vnd.pgrst.plan+json", "application/vnd.pgrst.plan"};
    if (rh_dice_chance(k->dice, 25))
        add_told_header(k, "Prefer", "count=exact");
    if (rh_dice_chance(k->dice, 6))
        add_told_header(k, "Accept", RH_DICE_PICK(k->dice, accepts));
    if (rh_dice_chance(k->dice, 6))
        add_told_header(k, "Range", "0-1");
}

/* Headers that a careless server could take the tenant from; the one that the app trusts is not among them.
 */
static void add_forged_headers(rh_asker *k)
{
    static const char *const names[] = {"X-Tenant", "X-Tenant-Id",      "X-Client",       "X-Forwarded-User",
                                        "Cookie",   "X-Forwarded-Host", "Accept-Profile", "Content-Profile"};
    const char *name = RH_DICE_PICK(k->dice, names), *trusted = k->conf->auth_trusted_header;
    if (!rh_dice_chance(k->dice, 8))
        return;
    if (*trusted && strcasecmp(name, trusted) == 0)
        return;
    if (strstr(name, "Profile"))
        add_told_header(k, name, k->other->home.schema);
    else
        add_told_header(k, name,
                        strcmp(name, "Cookie") == 0 ? rh_arena_printf(k->a, "tenant=%s", k->other->id)
                                                    : k->other->id);
    if (rh_dice_chance(k->dice, 20)) {
        k->ask->host = rh_arena_printf(k->a, "%s.example.com", k->other->slug);
        rh_str_addf(&k->plain, " [Host: %s]", k->ask->host);
    }
}

/* ---- kinds ---- */

static void begin(rh_asker *k, const char *kind, const char *method)
{
    k->ask->kind = kind;
    k->ask->method = method;
    rh_str_addf(&k->plain, "%s ", method);
}

static void ask_read(rh_asker *k)
{
    const rh_relation *r = any_relation(k);
    bool embeds = rh_dice_chance(k->dice, 35) && k->n_foreign, reach = rh_dice_chance(k->dice, 40);
    begin(k, reach ? "reach" : embeds ? "embed" : "read", rh_dice_chance(k->dice, 8) ? "HEAD" : "GET");
    add_segment(k, r->name);
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

static void ask_by_key(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 60);
    begin(k, reach ? "reach" : "key", "GET");
    add_segment(k, r->name);
    add_segment(k, key_value(k, reach ? k->other : k->me, r));
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
    add_header(k, "Content-Type", "application/json");
}

static void add_write_headers(rh_asker *k)
{
    static const char *const prefers[] = {"return=representation", "return=representation",
                                          "return=headers-only", "return=minimal",
                                          "return=representation,tx=rollback"};
    add_told_header(k, "Prefer", RH_DICE_PICK(k->dice, prefers));
    k->ask->writes = true;
}

static void ask_insert(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 35), same_key = rh_dice_chance(k->dice, 20);
    begin(k, reach ? "reach" : "insert", "POST");
    add_segment(k, r->name);
    if (rh_dice_chance(k->dice, 25) && k->n_foreign)
        add_select(k, r, true);
    json_t *body = make_row(k, r, reach, same_key);
    if (rh_dice_chance(k->dice, 20)) {
        json_t *rows = json_array();
        json_array_append_new(rows, body);
        json_array_append(rows, body);
        body = rows;
    }
    set_body(k, body);
    add_write_headers(k);
    if (rh_dice_chance(k->dice, 10))
        add_told_header(k, "Prefer", "resolution=merge-duplicates");
}

static void ask_change(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 60);
    json_t *body = json_object();
    begin(k, reach ? "reach" : "change", "PATCH");
    add_segment(k, r->name);
    if (rh_dice_chance(k->dice, 30))
        add_segment(k, key_value(k, reach ? k->other : k->me, r));
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
static void ask_delete(rh_asker *k)
{
    const rh_relation *r = writable(k);
    bool reach = rh_dice_chance(k->dice, 85);
    begin(k, reach ? "reach" : "delete", "DELETE");
    add_segment(k, r->name);
    if (r->n_primary_key == 1) {
        const char *key = key_value(k, reach ? k->other : k->me, r);
        if (rh_dice_chance(k->dice, 50))
            add_segment(k, key);
        else
            add_query(k, r->columns[r->primary_key[0]].name, rh_arena_printf(k->a, "eq.%s", key));
    } else {
        for (int i = 0; i < r->n_primary_key; i++) {
            const rh_column *c = &r->columns[r->primary_key[i]];
            add_query(k, c->name,
                      rh_arena_printf(k->a, "eq.%s", known_value(k, reach ? k->other : k->me, r, c)));
        }
        if (!r->n_primary_key)
            add_query(k, "limit", "0");
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

static void ask_function(rh_asker *k)
{
    if (!k->n_functions) {
        ask_read(k);
        return;
    }
    const rh_function *f = &k->functions[rh_dice_int(k->dice, k->n_functions)];
    bool get = f->read_only && rh_dice_chance(k->dice, 50);
    json_t *body = json_object();
    begin(k, "function", get ? "GET" : "POST");
    add_segment(k, "rpc");
    add_segment(k, f->name);
    for (int i = 0; i < f->n_arguments; i++) {
        const rh_argument *arg = &f->arguments[i];
        if (!*arg->name || (arg->has_default && rh_dice_chance(k->dice, 60)))
            continue;
        const char *value = argument(k, arg);
        if (get)
            add_query(k, arg->name, value);
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

static void ask_broken(rh_asker *k)
{
    static const char *const bodies[] = {
        "{", "[", "[1]", "{\"a\":", "\"x\"", "[{\"a\":1},{\"b\":2}]", "{\"a\":\"\\ud800\"}"};
    static const char *const methods[] = {"POST", "PATCH", "PUT", "OPTIONS", "TRACE", "BREW"};
    static const char *const queries[] = {"select=*(",           "select=a->", "or=(",
                                          "and=(a.eq.1",         "order=",     "limit=99999999999999999999",
                                          "select=*,nothing(*)", "x=y.z"};
    const rh_relation *r = any_relation(k);
    begin(k, "broken", rh_dice_chance(k->dice, 50) ? "GET" : RH_DICE_PICK(k->dice, methods));
    add_segment(k, rh_dice_chance(k->dice, 15) ? "nothing" : r->name);
    if (rh_dice_chance(k->dice, 70)) {
        const char *query = RH_DICE_PICK(k->dice, queries);
        rh_str_addf(&k->path, "?%s", query);
        rh_str_addf(&k->plain, "?%s", query);
    }
    if (strcmp(k->ask->method, "GET") != 0 && rh_dice_chance(k->dice, 80)) {
        k->ask->body = RH_DICE_PICK(k->dice, bodies);
        add_header(k, "Content-Type", "application/json");
        k->ask->writes = true;
    }
}

/* ---- who asks ---- */

static void bear(rh_asker *k, const char *token)
{
    add_header(k, "Authorization", rh_arena_printf(k->a, "Bearer %s", token));
}

static const char *claim_of(const rh_asker *k, const rh_verify_tenant *t)
{
    return k->conf->claim_is_slug ? t->slug : t->id;
}

static const char *sign(rh_asker *k, const rh_jwt_keys *keys, const char *claim, int64_t now)
{
    rh_err ignored;
    bool integer = !k->conf->claim_is_slug && k->conf->id_type == RH_ID_BIGINT;
    const char *token = rh_jwt_sign(k->a, keys, &k->rules.jwt, claim, integer, now, TOKEN_TTL_S, &ignored);
    return token ? token : "x.y.z";
}

/* The token's payload under a header that asks for no signature. */
static const char *unsigned_token(rh_asker *k, const char *token)
{
    static const char header[] = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
    const char *payload = strchr(token, '.') + 1;
    return rh_arena_printf(k->a, "%s.%.*s.",
                           rh_base64url_encode(k->a, (const unsigned char *)header, sizeof header - 1),
                           (int)strcspn(payload, "."), payload);
}

static void identify(rh_asker *k)
{
    const char *trusted = k->conf->auth_trusted_header;
    bool by_header = *trusted && rh_dice_chance(k->dice, 60);
    if (by_header)
        add_header(k, trusted, claim_of(k, k->me));
    if (!by_header || rh_dice_chance(k->dice, 30))
        bear(k, k->me->token);
}

static rh_verify_tenant *suspended_one(rh_asker *k)
{
    for (int i = 0; i < k->w->n; i++)
        if (k->w->tenants[i].suspended)
            return &k->w->tenants[i];
    return k->other;
}

/* Somebody who must be shown nothing; `me` is whom it pretends to be. */
static void ask_as_nobody(rh_asker *k)
{
    const char *trusted = k->conf->auth_trusted_header, *claim = claim_of(k, k->me), *as;
    int64_t now = rh_wall_s();
    int choice = rh_dice_int(k->dice, *trusted ? 9 : 7);
    switch (choice) {
    case 0:
        as = "no token";
        break;
    case 1:
        as = "a token signed by somebody else";
        bear(k, sign(k, k->wrong_keys, claim, now));
        break;
    case 2:
        as = "a token without signature";
        bear(k, unsigned_token(k, k->me->token));
        break;
    case 3:
        as = "an expired token";
        bear(k, sign(k, k->keys, claim, now - 3 * TOKEN_TTL_S));
        break;
    case 4:
        as = "a token for nobody";
        bear(k, sign(k, k->keys,
                     k->conf->claim_is_slug           ? "zzzz"
                     : k->conf->id_type == RH_ID_UUID ? "00000000-0000-4000-8000-000000000000"
                                                      : "7",
                     now));
        break;
    case 5:
        as = "a broken token";
        bear(k, rh_arena_printf(k->a, "%.*s", (int)strlen(k->me->token) - 3, k->me->token));
        break;
    case 6:
        as = "a suspended tenant's token";
        bear(k, suspended_one(k)->token);
        claim = claim_of(k, suspended_one(k));
        break;
    case 7:
        as = "a token and the trusted header of another";
        bear(k, k->me->token);
        add_header(k, trusted, claim_of(k, k->other));
        rh_str_addf(&k->plain, " [%s]", claim_of(k, k->other));
        break;
    default:
        as = "a broken token and the trusted header";
        bear(k, "x.y.z");
        add_header(k, trusted, claim);
    }
    if (choice) /* what the token or the header names may be named in the refusal */
        rh_str_addf(&k->plain, " [%s for %s]", as, claim);
    else
        rh_str_addf(&k->plain, " [%s]", as);
    k->ask->own = RH_NOBODY;
    k->ask->kind = choice == 6 ? "suspended" : "token";
}

static rh_verify_tenant *one_who_asks(rh_asker *k)
{
    for (;;) {
        rh_verify_tenant *t = &k->w->tenants[rh_dice_int(k->dice, k->w->n)];
        if (!t->still)
            return t;
    }
}

static void start(rh_asker *k, rh_arena *a, rh_ask *out)
{
    *out = (rh_ask){.door = "data"};
    k->a = a;
    k->ask = out;
    k->has_query = false;
    k->me = one_who_asks(k);
    do
        k->other = &k->w->tenants[rh_dice_int(k->dice, k->w->n)];
    while (k->other == k->me);
    rh_str_init_in(&k->path, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&k->plain, a, RH_STR_TEXT_MAX);
    rh_str_init_in(&k->headers, a, RH_STR_TEXT_MAX);
    out->own = (int)(k->me - k->w->tenants);
}

static void finish(rh_asker *k)
{
    k->ask->path = rh_str_cstr(&k->path);
    k->ask->headers = rh_str_cstr(&k->headers);
    if (k->ask->body)
        rh_str_addf(&k->plain, " %s", k->ask->body);
    k->ask->text = rh_str_cstr(&k->plain);
}

/* Of a hundred requests. To add a kind: a row. */
static const struct kind {
    int percent;
    void (*make)(rh_asker *k);
} kinds[] = {{45, ask_read},  {10, ask_by_key},   {12, ask_insert}, {8, ask_change},
             {6, ask_delete}, {14, ask_function}, {5, ask_broken}};

void rh_asker_next(rh_asker *k, rh_arena *a, rh_ask *out)
{
    start(k, a, out);
    int at = rh_dice_int(k->dice, 100);
    const struct kind *kind = kinds;
    while (at >= kind->percent)
        at -= (kind++)->percent;
    kind->make(k);
    if (rh_dice_chance(k->dice, 8)) {
        ask_as_nobody(k);
    } else {
        identify(k);
        add_forged_headers(k);
        out->abort = rh_dice_chance(k->dice, 3);
    }
    finish(k);
}

/* ---- the control door ---- */

bool rh_asker_control(rh_asker *k, rh_arena *a, int i, rh_ask *out)
{
    static const struct {
        const char *method, *path;
    } tries[] = {{"GET", "/tenants"},
                 {"GET", "/tenants/%s"},
                 {"POST", "/tenants/%s/token"},
                 {"POST", "/tenants/%s/resume"},
                 {"POST", "/tenants"},
                 {"DELETE", "/tenants/%s"},
                 {"GET", "/"},
                 {"GET", "/users"},
                 {"GET", "/schools"},
                 {"GET", "/ready"},
                 {"GET", "/live"},
                 {"GET", "/tenants?limit=1000"},
                 {"GET", "/rowhouse.tenants"},
                 {"GET", "/nothing"}};
    int n = (int)(sizeof tries / sizeof *tries);
    if (i >= 4 * n)
        return false;
    start(k, a, out);
    out->door = "control";
    out->own = RH_NOBODY;
    begin(k, "strangers", tries[i % n].method);
    for (const char *p = tries[i % n].path; *p; p++)
        if (*p == '%')
            rh_str_add(&k->path, k->other->id), p++;
        else
            rh_str_addc(&k->path, *p);
    rh_str_add(&k->plain, rh_str_cstr(&k->path));
    if (i / n == 1)
        bear(k, k->me->token);
    else if (i / n == 2)
        bear(k, rh_random_hex(a, 32));
    else if (i / n == 3)
        out->host = rh_arena_printf(a, "%s.example", k->me->slug);
    finish(k);
    return true;
}
