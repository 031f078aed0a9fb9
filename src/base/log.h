/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: what the program has to say on stderr. Text for people, one JSON object a line for machines
 * (rh_log_json). stdout carries results only. Thread-safe: one line is one write.
 */
#ifndef RH_LOG_H
#define RH_LOG_H

#include <stdbool.h>

#include "base/err.h"

typedef enum rh_log_level { RH_LOG_DEBUG, RH_LOG_INFO, RH_LOG_WARN, RH_LOG_ERROR } rh_log_level;

void rh_log_init(rh_log_level least, bool json);
void rh_log(rh_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line about something that has parts: in JSON members of the object, in text name=value behind it. */
typedef struct rh_log_field {
    const char *name;
    const char *text; /* NULL: the number counts */
    double number;
} rh_log_field;
bool rh_log_wants(rh_log_level level);
void rh_log_fields(rh_log_level level, const char *message, const rh_log_field *fields, int n);
/* "what: message", with detail and hint. */
void rh_log_err(rh_log_level level, const char *what, const rh_err *err);

#endif
