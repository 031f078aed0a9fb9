/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands: one table (commands.c) names every command with its options and help; the parser and --help come
 * from it. stdout carries results, stderr talk. A command returns an exit status: 0 done, 1 failed, 2 not
 * understood, 3 refused.
 */
#ifndef RH_CMD_H
#define RH_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"

typedef struct rh_option {
    const char *name;  /* long form without -- */
    const char *value; /* what it takes, for --help; NULL: a switch */
    const char *help;  /* "verb, verb: what" where only some verbs of the command take it */
} rh_option;

typedef struct rh_cmdline {
    rh_arena *a;
    const struct rh_command *command;
    RH_VEC(const char *) args;     /* what stands between the options */
    RH_VEC(const char *) rest;     /* what stands behind -- */
    RH_VEC(const char *) names;    /* options given ... */
    RH_VEC(const char *) values;   /* ... and their values, "" for switches */
    RH_VEC(const char *) settings; /* section.name=value, for rh_conf_load(); NULL at the end */
} rh_cmdline;

typedef struct rh_command {
    const char *name, *args;
    const char *help;         /* the overview shows its first line */
    const rh_option *options; /* ends with a NULL name */
    int min_args, max_args;
    int (*run)(rh_cmdline *line);
} rh_command;

extern const rh_command rh_commands[]; /* ends with a NULL name */

/* NULL when the option was not given; the last one counts. */
const char *rh_cmdline_get(const rh_cmdline *line, const char *name);
/* The i-th use of a repeatable option, NULL past the last. */
const char *rh_cmdline_get_nth(const rh_cmdline *line, const char *name, size_t i);

/* Whether the verb takes every option that was given, by what the options' help says. RH_E_USAGE. */
bool rh_cmdline_fits_verb(const rh_cmdline *line, const char *verb, rh_err *err);

/* Finds the command and parses. NULL command after it said what is wrong (*status is set) or showed help. */
bool rh_cmdline_parse(rh_cmdline *line, rh_arena *a, int argc, char **argv, int *status);

/* Opens the app that --app (or the current directory) names, with --set and the shorthands as settings. */
bool rh_cmdline_open(rh_cmdline *line, rh_app *app, rh_err *err);
bool rh_cmdline_open_dir(rh_cmdline *line, const char *dir, rh_app *app, rh_err *err);
void rh_cmdline_close(rh_app *app);

/* Prints the error and gives its exit status. */
int rh_cmd_fail(const rh_err *err);
/* Of what was shown on stderr: true when the user means it, by --yes or by typing word on a terminal.
 * RH_E_FORBIDDEN. */
bool rh_cmd_confirm(const rh_cmdline *line, const char *word, rh_err *err);
/* Talk on stderr: a progress line. */
void rh_cmd_say(void *unused, const char *line);

int rh_cmd_dev(rh_cmdline *line);
int rh_cmd_serve(rh_cmdline *line);
int rh_cmd_serve_adopted(rh_cmdline *line, const char *source); /* source NULL: the app's rowhouse.conf */
int rh_cmd_migrate(rh_cmdline *line);
int rh_cmd_tenant(rh_cmdline *line);
int rh_cmd_node(rh_cmdline *line);
int rh_cmd_lint(rh_cmdline *line);
int rh_cmd_load(rh_cmdline *line);
int rh_cmd_query(rh_cmdline *line);
int rh_cmd_psql(rh_cmdline *line);
int rh_cmd_verify(rh_cmdline *line);
int rh_cmd_help(rh_cmdline *line);
int rh_cmd_version(rh_cmdline *line);

#endif
