/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of settings. To add one: add a row; everything else follows from it.
 * X(type, section, name, default as text, help). In rowhouse.conf it stands as `name = value` under
 * [section]; in the environment as ROWHOUSE_<SECTION>_<NAME>; on the command line as --set
 * section.name=value. Durations: 500ms, 30s, 5m, 1h. Sizes: 512, 64k, 10m, 1g. Booleans: on, off.
 */
#ifndef RH_SETTINGS_H
#define RH_SETTINGS_H

/* clang-format off */
#define RH_SETTINGS(X) \
    X(STRING, app, name, "", "the app's name: databases and roles begin with it") \
    X(STRING, app, tenant_key, "", "column that names the tenant in every tenant table, e.g. company_id") \
    X(STRING, app, root, "", "table whose own id is the tenant's id, e.g. companies") \
    X(STRING, app, id_type, "bigint", "type of tenant ids: bigint or uuid") \
    X(STRING, app, model, "shared", "where new tenants live unless told otherwise: shared, schema or database") \
    X(BOOL, app, citus, "off", "lint also finds what a Citus coordinator would refuse; on by itself where the app is on one") \
    X(BOOL, app, platform_env, "off", "DATABASE_URL, PORT and the like hold in the environment too, not in .env only") \
    X(INT, provision, standby, "0", "homes kept ready for new tenants, of each model in use but shared") \
    X(STRING, server, conninfo, "", "an existing PostgreSQL server (libpq conninfo); empty: a private one") \
    X(STRING, server, data, "", "directory of the private server; empty: .rowhouse in the app's directory") \
    X(INT, server, port, "0", "loopback TCP port of the private server; 0: unix socket only") \
    X(STRING, server, bin, "", "directory of PostgreSQL's programs; empty: the newest found") \
    X(STRING, data, listen, "127.0.0.1", "address the data door listens on") \
    X(INT, data, port, "3000", "port of the data door; 0: any free one") \
    X(STRING, data, tls_cert, "", "PEM file of the data door's certificate chain; empty: plain HTTP") \
    X(STRING, data, tls_key, "", "PEM file of its private key") \
    X(INT, data, threads, "0", "loops (one thread each); 0: one for two cores") \
    X(INT, data, connections, "16", "backend connections of the data door in all") \
    X(INT, data, home_connections, "16", "backend connections of the data door to database homes in all") \
    X(INT, data, processors, "0", "processors of a node: one tenant's statements leave some of them to others. 0: as many as this machine has") \
    X(DURATION, data, home_idle, "1m", "time after which connections to a database home, or a node but the first, that nobody uses are closed; 0: never") \
    X(SIZE, data, backend_memory, "64m", "memory of one backend, about: one that has grown past it by serving many homes is replaced") \
    X(BOOL, data, to_workers, "on", "on Citus: requests go straight to the worker that has the tenant") \
    X(INT, data, max_clients, "10000", "client connections at most") \
    X(SIZE, data, max_head, "12k", "request line and headers at most") \
    X(SIZE, data, max_body, "10m", "request body at most") \
    X(SIZE, data, max_load, "4g", "request body at most, of CSV and JSON arrays that are loaded while they come in; 0: none is") \
    X(SIZE, data, max_response, "64m", "response body at most, of answers that are whole before they are sent") \
    X(SIZE, data, stream_from, "64k", "answers of reads that grow past it are sent as their rows come, and bodies of inserts loaded as they come") \
    X(SIZE, data, stream_buffer, "256k", "bytes of such an answer that may wait for the client; further rows wait in PostgreSQL") \
    X(DURATION, data, stream_timeout, "1h", "time the statement of such an answer may take, or the load of such a body") \
    X(BOOL, data, server_timing, "off", "answers have Server-Timing: how long their parts took") \
    X(DURATION, data, stall_timeout, "30s", "time a client may take nothing of what waits for it, or send less than 64k of a body that is loaded") \
    X(INT, data, max_rows, "0", "rows of one answer at most; 0: no limit") \
    X(BOOL, data, aggregates, "off", "sums, counts and the like may be asked for: avg, count, max, min, sum") \
    X(STRING, data, tx_end, "commit", "how requests end: commit, rollback, or either with -allow-override: Prefer: tx= may ask then") \
    X(BOOL, data, plans, "off", "how a request runs may be asked for: Accept: application/vnd.pgrst.plan; of shared tables without numbers") \
    X(STRING, data, request_settings, "auto", "the app is told of request.headers, request.jwt.claims and the like, and asked for response.headers: auto (what it names), on or off") \
    X(DURATION, data, head_timeout, "10s", "time a whole request head may take") \
    X(DURATION, data, body_timeout, "30s", "time a whole request body may take") \
    X(DURATION, data, idle_timeout, "75s", "time a kept-alive connection may be idle") \
    X(DURATION, data, statement_timeout, "30s", "time one statement may take") \
    X(DURATION, data, stop_timeout, "10s", "time running requests get when the server stops") \
    X(STRING, data, cors_allowed_origins, "", "pages that may read answers: origins, * or none; empty: all, or none where a header is trusted") \
    X(STRING, data, openapi_mode, "follow-privileges", "what / and /openapi.json describe: follow-privileges, ignore-privileges, or disabled: nothing") \
    X(BOOL, data, openapi_security_active, "off", "the description at / names the token, too") \
    X(STRING, data, openapi_server_proxy_uri, "", "URL of the data door as clients reach it, for descriptions; empty: what it listens on") \
    X(STRING, data, prefer, "", "the Prefer header of requests that have none") \
    X(INT, limits, concurrency, "0", "statements of one tenant at once; 0: as many as run well, but slow ones on half the connections at most") \
    X(INT, limits, rate, "0", "requests of one tenant a second; 0: no bound") \
    X(INT, limits, waiting, "100", "requests of one tenant that may wait for their turn; more are answered 429") \
    X(DURATION, limits, wait, "5s", "time that a request may wait for its turn") \
    X(INT, limits, bodies, "32", "large request bodies (from 64k) of one tenant at once; more are answered 429") \
    X(STRING, control, listen, "127.0.0.1", "address the control door listens on: loopback") \
    X(INT, control, port, "3001", "port of the control door; 0: any free one") \
    X(BOOL, control, open, "off", "the control door asks for no token: only for an app that runs on one machine") \
    X(STRING, control, migrate_path, "", "path on the control door that runs `rowhouse migrate` by GET or POST; empty: none") \
    X(STRING, auth, secret, "", "secret of HMAC tokens, at least 32 bytes (HS384: 48, HS512: 64); empty: made in development") \
    X(STRING, auth, key_file, "", "instead: file of public keys (PEM, JWK or JWK set), from the app's directory; read at start") \
    X(STRING, auth, jwks_url, "", "instead: address of the identity provider's JWK set, https:// or http://") \
    X(DURATION, auth, jwks_min_interval, "10s", "least time between two fetches, also when tokens name unknown keys") \
    X(DURATION, auth, jwks_max_age, "10m", "time after which it is fetched again anyway") \
    X(STRING, auth, algorithms, "", "algorithms accepted, e.g. RS256, ES256; empty: all that the keys can do") \
    X(STRING, auth, tenant_claim, "tenant", "claim that names the tenant: a name or a path such as $.app.tenant") \
    X(STRING, auth, claim_holds, "id", "what the claim holds: id or slug") \
    X(STRING, auth, audience, "", "required aud claim; empty: not checked") \
    X(STRING, auth, issuer, "", "required iss claim; empty: not checked") \
    X(DURATION, auth, leeway, "30s", "clock difference allowed for exp and nbf") \
    X(STRING, auth, trusted_header, "", "header that names the tenant and is believed; empty: none") \
    X(DURATION, catalog, stale_after, "30s", "time without contact after which tenants are refused") \
    X(STRING, adopt, db_uri, "", "a database to be served as it is, without homes and catalog (libpq conninfo, or @FILE); empty: the app's own") \
    X(STRING, adopt, db_schemas, "public", "its exposed schemas, the first for requests that name none") \
    X(STRING, adopt, db_extra_search_path, "public", "schemas that its functions find names in besides") \
    X(STRING, adopt, db_anon_role, "", "role of requests without a token; empty: they are refused") \
    X(STRING, adopt, db_pre_request, "", "function to be called at the beginning of each request's transaction") \
    X(STRING, adopt, db_root_spec, "", "function that answers at / in place of the description") \
    X(STRING, adopt, db_hoisted_tx_settings, "statement_timeout, plan_filter.statement_cost_limit, default_transaction_isolation", "settings of functions that hold for the whole transaction that calls them") \
    X(STRING, adopt, client_error_verbosity, "verbose", "verbose, or minimal: errors without details and hint") \
    X(BOOL, adopt, url_use_legacy_target_names, "on", "filters may name an embed's relation where it is renamed, with a warning") \
    X(STRING, adopt, jwt_role_claim_key, "$.role", "where a token names the role, such as $.app.roles[0]") \
    X(BOOL, adopt, jwt_secret_is_base64, "off", "the secret is written in base64") \
    X(BOOL, adopt, db_config, "on", "settings pgrst.* of the login role hold as well") \
    X(STRING, adopt, db_pre_config, "", "function that says them by set_config()") \
    X(BOOL, adopt, db_channel_enabled, "on", "NOTIFY says when to read schemas and settings anew") \
    X(STRING, adopt, db_channel, "pgrst", "its channel") \
    X(STRING, adopt, tenants, "database", "what a tenant is: database (it is one), schema (auth.tenant_claim names it) or role") \
    X(INT, adopt, admin_server_port, "0", "port of the admin door: /live, /ready, /metrics, /config, /schema_cache; 0: there is none") \
    X(STRING, adopt, admin_server_host, "127.0.0.1", "address it listens on; it asks nobody who they are") \
    X(BOOL, adopt, privileged_roles, "off", "tokens may name superusers and the login role") \
    X(STRING, demo, generate, "", "program of the app, with arguments, that writes CSV files into {dir}") \
    X(STRING, demo, tenants, "", "JSON file in {dir}: array of tenants with id, slug, name, profile columns") \
    X(STRING, demo, load, "", "tables to load after that, each from {dir}/TABLE.csv, in this order") \
    X(STRING, demo, questions, "", "SQL file of questions to answer: see apps/ads/demo/questions.sql") \
    X(STRING, demo, requests, "", "file of HTTP requests to show: see apps/ads/demo/requests.txt") \
    X(BOOL, metrics, open, "off", "GET /metrics of the control door asks for no token") \
    X(INT, metrics, tenants, "20", "tenants that have series of their own: those that use most; the others are summed") \
    X(BOOL, log, requests, "off", "a line for each request, at level info; errors of the server are told of always") \
    X(STRING, log, level, "info", "debug, info, warn or error") \
    X(BOOL, log, json, "off", "one JSON object a line")
/* clang-format on */

#endif
