/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

#define LINE_MAX_BYTES 8192

static rh_log_level least_level = RH_LOG_INFO;
static bool as_json;

void rh_log_init(rh_log_level least, bool json)
{
    least_level = least;
    as_json = json;
}

/* A client's bytes may stand in a message: they must neither begin a line nor move the cursor. */
static void add_printable(rh_str *line, const char *text, size_t max)
{
    for (size_t i = 0; text[i] && i < max; i++) {
        unsigned char c = (unsigned char)text[i];
        rh_str_addc(line, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

static void add_fields(rh_str *line, const rh_log_field *fields, int n)
{
    for (int i = 0; i < n; i++) {
        rh_str_addf(line, as_json ? ",\"%s\":" : " %s=", fields[i].name);
        if (!fields[i].text)
            rh_str_addf(line, "%.10g", fields[i].number);
        else if (as_json)
            rh_json_add_string(line, fields[i].text, strnlen(fields[i].text, LINE_MAX_BYTES / 16));
        else
            add_printable(line, fields[i].text, LINE_MAX_BYTES / 16);
    }
}

static void write_line(rh_log_level level, const char *message, const rh_log_field *fields, int n_fields)
{
    static const char *names[] = {"debug", "info", "warn", "error"};
    struct timespec now;
    struct tm tm;
    char stamp[32];
    rh_str line;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    rh_str_init(&line, LINE_MAX_BYTES);
    if (as_json) {
        rh_str_addf(&line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":", stamp,
                    now.tv_nsec / 1000000, names[level]);
        size_t n = strlen(message);
        rh_json_add_string(&line, message, n < LINE_MAX_BYTES / 8 ? n : LINE_MAX_BYTES / 8);
        add_fields(&line, fields, n_fields);
        rh_str_add(&line, "}");
    } else {
        rh_str_addf(&line, "%s.%03ldZ %-5s ", stamp, now.tv_nsec / 1000000, names[level]);
        add_printable(&line, message, LINE_MAX_BYTES / 2);
        add_fields(&line, fields, n_fields);
    }
    rh_str_addc(&line, '\n');
    ssize_t ignored = write(STDERR_FILENO, rh_str_cstr(&line), line.len);
    (void)ignored;
    rh_str_release(&line);
}

void rh_log(rh_log_level level, const char *fmt, ...)
{
    if (level < least_level)
        return;
    rh_str message;
    va_list ap;
    rh_str_init(&message, LINE_MAX_BYTES);
    va_start(ap, fmt);
    rh_str_vaddf(&message, fmt, ap);
    va_end(ap);
    write_line(level, rh_str_cstr(&message), NULL, 0);
    rh_str_release(&message);
}

bool rh_log_wants(rh_log_level level)
{
    return level >= least_level;
}

void rh_log_fields(rh_log_level level, const char *message, const rh_log_field *fields, int n)
{
    if (rh_log_wants(level))
        write_line(level, message, fields, n);
}

void rh_log_err(rh_log_level level, const char *what, const rh_err *err)
{
    rh_log(level, "%s: %s%s%s%s%s", what, err->message, err->detail[0] ? "; " : "", err->detail,
           err->hint[0] ? "; hint: " : "", err->hint);
}
