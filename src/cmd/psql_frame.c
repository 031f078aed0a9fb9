/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/psql_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define BEGIN                                                                                                \
    "\\set rowhouse_quiet :QUIET\n"                                                                          \
    "\\set QUIET on\n"                                                                                       \
    "BEGIN;\n"                                                                                               \
    "SELECT rowhouse.enter(%s) \\g /dev/null\n"                                                              \
    "\\set QUIET :rowhouse_quiet\n"                                                                          \
    "\\unset rowhouse_quiet\n"
/* Nobody is to think that something was kept: a failure is psql's exit status, too. */
#define END                                                                                                  \
    "\\set QUIET on\n"                                                                                       \
    "\\set ON_ERROR_STOP on\n"                                                                               \
    "\\set VERBOSITY terse\n"                                                                                \
    "\\if :ERROR\n"                                                                                          \
    "ROLLBACK;\n"                                                                                            \
    "DO $$ BEGIN RAISE EXCEPTION 'nothing was changed: the transaction was rolled back'; END $$;\n"          \
    "\\else\n"                                                                                               \
    "SET client_min_messages = error;\n"                                                                     \
    "COMMIT;\n"                                                                                              \
    "\\endif\n"

/* psql's options with a value of their own, which may be the next argument. */
static const char with_value[] = "cdfFhLopPRTUv";
static const char *const long_with_value[] = {
    "--command", "--dbname",  "--file", "--field-separator",  "--host",       "--log-file",
    "--output",  "--port",    "--pset", "--record-separator", "--table-attr", "--username",
    "--set",     "--variable"};

static bool is_action(const char *arg)
{
    return rh_starts_with(arg, "--command") || rh_starts_with(arg, "--file") || strcmp(arg, "-l") == 0;
}

/* Whether the arguments say what psql is to run. */
static bool has_action(const char *const *given, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_action(given[i]))
            return true;
        for (size_t w = 0; w < sizeof long_with_value / sizeof *long_with_value; w++)
            if (strcmp(given[i], long_with_value[w]) == 0)
                i++;
        if (i >= n || given[i][0] != '-' || given[i][1] == '-')
            continue;
        const char *option = given[i] + 1;
        while (*option && !strchr(with_value, *option))
            option++;
        if (*option == 'c' || *option == 'f')
            return true;
        if (*option && !option[1])
            i++;
    }
    return false;
}

/* A file that holds the text and is gone when it has been read. */
static const char *make_file(rh_arena *a, const char *text, int *fd, rh_err *err)
{
    int ends[2];
    size_t len = strlen(text);
    if (pipe(ends) < 0) {
        rh_err_set(err, RH_E_IO, "cannot make a pipe: %s", strerror(errno));
        return NULL;
    }
    bool ok = write(ends[1], text, len) == (ssize_t)len; /* far less than a pipe holds */
    close(ends[1]);
    *fd = ends[0];
    if (!ok)
        rh_err_set(err, RH_E_IO, "cannot write to a pipe");
    return ok ? rh_arena_printf(a, "/dev/fd/%d", *fd) : NULL;
}

/* What the user's own file says comes after ours. */
static const char *terminal_script(rh_arena *a, const char *begin)
{
    const char *own = getenv("PSQLRC"), *home = getenv("HOME");
    rh_str text;
    if (!own)
        own = home ? rh_arena_printf(a, "%s/.psqlrc", home) : "";
    rh_str_init_in(&text, a, 4096);
    rh_str_add(&text, begin);
    if (access(own, R_OK) == 0 && !strpbrk(own, "'\\\n"))
        rh_str_addf(&text, "\\i '%s'\n", own);
    return text.overflow ? begin : rh_str_cstr(&text);
}

bool rh_psql_frame_open(rh_psql_frame *f, rh_arena *a, const char *const *given, size_t n, const char *tenant,
                        rh_err *err)
{
    rh_str literal;
    rh_str_init_in(&literal, a, RH_STR_TEXT_MAX);
    rh_str_add_literal(&literal, tenant);
    const char *begin = rh_arena_printf(a, BEGIN, rh_str_cstr(&literal));
    *f = (rh_psql_frame){.fds = {-1, -1}};
    f->enter = rh_arena_printf(a, "enter=BEGIN; SELECT rowhouse.enter(%s);", rh_str_cstr(&literal));
    bool acts = has_action(given, n), ok;
    if (!acts && isatty(STDIN_FILENO)) {
        fputs("A tenant on Citus is bound for a transaction: one is open. COMMIT keeps what it did, :enter "
              "begins the next.\n",
              stderr);
        ok = (f->rc = make_file(a, terminal_script(a, begin), &f->fds[0], err)) != NULL;
    } else {
        f->reads_stdin = !acts;
        ok = (f->before = make_file(a, begin, &f->fds[0], err)) &&
             (f->after = make_file(a, END, &f->fds[1], err));
    }
    if (!ok)
        rh_psql_frame_close(f);
    return ok;
}

void rh_psql_frame_close(rh_psql_frame *f)
{
    for (int i = 0; i < 2; i++)
        if (f->fds[i] >= 0)
            close(f->fds[i]);
    f->fds[0] = f->fds[1] = -1;
}
