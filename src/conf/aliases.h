/* SPDX-License-Identifier: Apache-2.0
 *
 * Names under which other tools know what a setting says, in .env and, with app.platform_env, in the
 * environment. To add one: a row; a setting may have several. X(name, section, setting, how the value becomes
 * the setting's: %s stands for it). P(name, keyword): a part of server.conninfo, by libpq's keyword.
 */
#ifndef RH_ALIASES_H
#define RH_ALIASES_H

/* clang-format off */
#define RH_ALIASES(X) \
    X(DATABASE_URL, server, conninfo, "%s") \
    X(PORT, data, port, "%s") \
    X(JWT_SECRET, auth, secret, "%s") \
    X(JWKS_URI, auth, jwks_url, "%s") \
    X(JWT_ISSUER, auth, issuer, "%s") \
    X(JWT_AUDIENCE, auth, audience, "%s") \
    X(AUTH0_DOMAIN, auth, jwks_url, "https://%s/.well-known/jwks.json") \
    X(AUTH0_DOMAIN, auth, issuer, "https://%s/") \
    X(AUTH0_AUDIENCE, auth, audience, "%s")

#define RH_CONNINFO_PARTS(P) \
    P(PGHOST, host)         P(DB_HOST, host)         P(DATABASE_HOST, host) \
    P(PGPORT, port)         P(DB_PORT, port)         P(DATABASE_PORT, port) \
    P(PGUSER, user)         P(DB_USER, user)         P(DATABASE_USER, user) \
    P(PGPASSWORD, password) P(DB_PASSWORD, password) P(DATABASE_PASSWORD, password) \
    P(PGDATABASE, dbname)   P(PGSSLMODE, sslmode)
/* clang-format on */

#endif
