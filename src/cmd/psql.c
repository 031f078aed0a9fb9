/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/node.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"

/* As environment, so that psql's own -d and \c keep everything but what they name. */
static void set_environment(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->val && o->envvar)
            setenv(o->envvar, o->val, 1);
    PQconninfoFree(options);
}

/* The terminal is psql's meanwhile; we stay to keep the private server running, and ignore Ctrl-C. */
static int run_psql(rh_cmdline *line, const rh_app *app, const char *conninfo, rh_role role, const char *id,
                    const char *prompt, const char *options, rh_err *err)
{
    const char *bindir;
    int status, n = 0;
    if (!rh_pg_bindir(line->a, app->conf->server_bin, "psql", &bindir, err))
        return -1;
    const char **argv = RH_NEW_ARRAY(line->a, const char *, line->rest.len + 8);
    argv[n++] = rh_arena_printf(line->a, "%s/psql", bindir);
    argv[n++] = "-v";
    argv[n++] = prompt;
    for (size_t i = 0; i < line->rest.len; i++)
        argv[n++] = line->rest.items[i];
    pid_t child = fork();
    if (child == 0) {
        set_environment(conninfo);
        setenv("PGPASSWORD", rh_app_password(app, role), 1);
        setenv("PGOPTIONS", options, 1);
        if (id)
            setenv("PGAPPNAME", rh_home_session_name(line->a, id), 1);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        execv(argv[0], (char *const *)argv);
        fprintf(stderr, "rowhouse: cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    rh_interrupt_ignore(true);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Where psql goes for a tenant: its home, bound. */
static bool find_home(rh_cmdline *line, rh_operator *o, const char *ref, rh_home *home, const char **id,
                      rh_err *err)
{
    *id = rh_tenant_find(o, line->a, ref, err);
    if (!*id || !rh_tenant_home(o, line->a, *id, home, err))
        return false;
    return home->id || rh_err_set(err, RH_E_STATE, "tenant %s has no home yet", ref);
}

/* The operator's is the app's database, on the first node or another. */
static bool find_place(rh_cmdline *line, const rh_app *app, const char *ref, rh_home *home, const char **id,
                       rh_err *err)
{
    const char *node = rh_cmdline_get(line, "node");
    rh_operator o;
    if (ref && node)
        return rh_err_set(err, RH_E_USAGE, "a tenant is where its home is: leave --node out");
    if (!ref && !node)
        return true;
    if (!rh_operator_open(&o, app, err))
        return false;
    bool ok = ref ? find_home(line, &o, ref, home, id, err)
                  : (home->node = rh_node_find(&o, line->a, node, NULL, err)) != NULL;
    rh_operator_close(&o);
    return ok;
}

int rh_cmd_psql(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    int status = -1;
    const char *ref = line->args.len ? line->args.items[0] : NULL, *id = NULL;
    rh_role role = ref ? RH_ROLE_SERVER : RH_ROLE_OPERATOR;
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    rh_home home = {.node = &app.first, .database = app.shared_db, .schema = RH_SHARED_SCHEMA};
    if (find_place(line, &app, ref, &home, &id, &err)) {
        const char *options = rh_home_session_options(line->a, &home, id);
        const char *conninfo = rh_app_conninfo(&app, home.node, line->a, role, home.database, &err);
        const char *prompt =
            rh_arena_printf(line->a, "PROMPT1=%s %s%%R%%x%%# ", app.conf->app_name, ref ? ref : "operator");
        if (conninfo)
            status = run_psql(line, &app, conninfo, role, id, prompt, options, &err);
    }
    rh_cmdline_close(&app);
    return status < 0 ? rh_cmd_fail(&err) : status;
}
