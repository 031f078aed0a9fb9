/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static const struct {
    const char *name;
    int exit_status, http;
} codes[] = {
#define X(name, wire, exit_status, http) {wire, exit_status, http},
    RH_ERR_TABLE(X)
#undef X
};

/* SQLSTATE (or its class, first two characters) to HTTP status; the first match counts, so exact codes
 * stand before their class. After PostgREST's table. To add one: a row above its class. */
static const struct {
    const char *state;
    int http;
} sqlstates[] = {
    {"RH001", 500}, /* an unbound statement: our fault, never the client's */
    {"RH002", 409}, /* the id was a dropped tenant's */
    {"08", 503},    {"09", 500},    {"0L", 403},    {"0P", 403}, {"22", 400},    {"23503", 409},
    {"23505", 409}, {"23", 400},    {"25006", 405}, {"25", 500}, {"28", 403},    {"2D", 500},
    {"38", 500},    {"39", 500},    {"3B", 500},    {"40", 500}, {"42501", 403}, {"42883", 404},
    {"42P01", 404}, {"42P17", 500}, {"42", 400},    {"44", 400}, {"53400", 500}, {"53", 503},
    {"54", 500},    {"55006", 409}, {"55P03", 503}, {"55", 500}, {"57014", 504}, {"57P01", 503},
    {"57P02", 503}, {"57P03", 503}, {"57", 500},    {"58", 500}, {"F0", 500},    {"HV", 500},
    {"P0001", 400}, {"P0", 500},    {"XX", 500},
};

const char *rh_code_name(rh_code code)
{
    return codes[code].name;
}

int rh_code_exit(rh_code code)
{
    return codes[code].exit_status;
}

int rh_code_http(rh_code code)
{
    return codes[code].http;
}

bool rh_err_set(rh_err *err, rh_code code, const char *fmt, ...)
{
    va_list ap;
    err->code = code;
    err->retry_after = err->http = 0;
    err->name[0] = 0;
    err->json_detail = err->brief = false;
    err->sqlstate[0] = err->detail[0] = err->hint[0] = 0;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return false;
}

bool rh_err_detail(rh_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->detail, sizeof err->detail, fmt, ap);
    va_end(ap);
    return false;
}

bool rh_err_detail_json(rh_err *err, const char *json)
{
    rh_err_detail(err, "%s", json);
    err->json_detail = strlen(json) < sizeof err->detail;
    return false;
}

bool rh_err_hint(rh_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return false;
}

bool rh_err_context(rh_err *err, const char *fmt, ...)
{
    char context[256], message[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    memcpy(message, err->message, sizeof message);
    snprintf(err->message, sizeof err->message, "%s: %.*s", context,
             (int)(sizeof message - sizeof context - 2), message);
    return false;
}

int rh_err_http(const rh_err *err)
{
    int64_t status;
    if (err->http)
        return err->http;
    if (err->code != RH_E_DB)
        return rh_code_http(err->code);
    if (rh_starts_with(err->sqlstate, "PT")) {
        bool ok = rh_parse_int(err->sqlstate + 2, &status) && status >= 200 && status <= 999;
        return ok ? (int)status : 500;
    }
    if (strcmp(err->sqlstate, "21000") == 0) /* pg-safeupdate's, which is the client's mistake */
        return strstr(err->message, "requires a WHERE clause") ? 400 : 500;
    for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (strncmp(err->sqlstate, sqlstates[i].state, strlen(sqlstates[i].state)) == 0)
            return sqlstates[i].http;
    return 400;
}

static void add_member(rh_str *out, const char *name, const char *value)
{
    rh_str_addf(out, "\"%s\":", name);
    if (*value)
        rh_json_add_string(out, value, strlen(value));
    else
        rh_str_add(out, "null");
}

const char *rh_err_name(const rh_err *err)
{
    return err->name[0] ? err->name : err->sqlstate[0] ? err->sqlstate : rh_code_name(err->code);
}

static void add_help(rh_str *out, const rh_err *err)
{
    rh_str_addc(out, ',');
    if (err->json_detail)
        rh_str_addf(out, "\"details\":%s", err->detail);
    else
        add_member(out, "details", err->detail);
    rh_str_addc(out, ',');
    add_member(out, "hint", err->hint);
}

void rh_err_json(const rh_err *err, rh_str *out)
{
    rh_str_addc(out, '{');
    add_member(out, "code", rh_err_name(err));
    rh_str_addc(out, ',');
    add_member(out, "message", err->message);
    if (!err->brief)
        add_help(out, err);
    rh_str_addc(out, '}');
}

static void print_indented(const char *text)
{
    for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        fprintf(stderr, "  %.*s\n", (int)(end - line), line);
    }
}

void rh_err_print(const rh_err *err)
{
    fprintf(stderr, "rowhouse: %s", err->message);
    if (err->sqlstate[0])
        fprintf(stderr, " (SQLSTATE %s)", err->sqlstate);
    fputc('\n', stderr);
    print_indented(err->detail);
    if (err->hint[0])
        fprintf(stderr, "  hint: %s\n", err->hint);
}
