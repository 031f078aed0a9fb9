/* SPDX-License-Identifier: Apache-2.0 */
#include "http/account.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define MAX_NAME 64

/* The relation that a path names, or rpc/function. What is no plain name may be anything, even a token. */
static void name_of(const char *path, char out[2 * MAX_NAME])
{
    size_t n = 0;
    path += *path == '/';
    if (rh_starts_with(path, "rpc/")) {
        memcpy(out, "rpc/", n = 4);
        path += 4;
    }
    for (size_t i = 0; i < MAX_NAME && (isalnum((unsigned char)*path) || (*path && strchr("_-.", *path)));
         i++)
        out[n++] = *path++;
    out[n] = 0;
    if ((*path && *path != '/') || strchr(out, '.') != strrchr(out, '.')) /* a token has two dots */
        memcpy(out, "?", 2);
}

/* A server that fails is always news; one that is busy or cannot reach PostgreSQL says so elsewhere. */
static bool is_failure(const rh_exchange *x)
{
    return x->status >= 500 &&
           (x->status != 503 || (x->code && strcmp(x->code, rh_code_name(RH_E_UNKNOWN_OUTCOME)) == 0));
}

static void write_line(rh_log_level level, const rh_exchange *x, const rh_measured *m)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "?"};
    rh_log_field fields[16];
    char name[2 * MAX_NAME];
    int n = 0;
    name_of(x->path, name);
    if (m->door != rh_door_data)
        fields[n++] = (rh_log_field){"door", m->door, 0};
    fields[n++] = (rh_log_field){"tenant", m->tenant ? m->tenant : "-", 0};
    fields[n++] = (rh_log_field){"id", x->id ? x->id : "-", 0};
    fields[n++] = (rh_log_field){"method", methods[x->method], 0};
    fields[n++] = (rh_log_field){"of", name, 0};
    fields[n++] = (rh_log_field){"status", NULL, (double)m->status};
    if (x->code)
        fields[n++] = (rh_log_field){"code", x->code, 0};
    fields[n++] = (rh_log_field){"ms", NULL, (double)m->us[RH_TIME_WHOLE] / 1000};
    fields[n++] = (rh_log_field){"queue_ms", NULL, (double)m->us[RH_TIME_QUEUE] / 1000};
    fields[n++] = (rh_log_field){"postgresql_ms", NULL, (double)m->us[RH_TIME_POSTGRESQL] / 1000};
    fields[n++] = (rh_log_field){"rendering_ms", NULL, (double)m->us[RH_TIME_RENDERING] / 1000};
    fields[n++] = (rh_log_field){"bytes", NULL, (double)m->bytes};
    if (x->why && level == RH_LOG_ERROR) /* a refusal quotes the request */
        fields[n++] = (rh_log_field){"error", x->why, 0};
    rh_log_fields(level, "request", fields, n);
}

void rh_account_end(const rh_account *a, const rh_exchange *x, rh_measured *what)
{
    what->status = x->status;
    what->code = x->code;
    what->bytes = x->sent;
    what->us[RH_TIME_WHOLE] = rh_now_us() - x->since_us;
    if (a->meter)
        rh_meter_count(a->meter, what);
    if (is_failure(x))
        write_line(RH_LOG_ERROR, x, what);
    else if (a->log_requests && rh_log_wants(RH_LOG_INFO))
        write_line(RH_LOG_INFO, x, what);
}
