/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cluster.h"
#include "catalog/node.h"
#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "cmd/psql_frame.h"

/* As environment, so that psql's own -d and \c keep everything but what they name. */
static void set_environment(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->val && o->envvar)
            setenv(o->envvar, o->val, 1);
    PQconninfoFree(options);
}

/* Where psql goes, and as whom. */
struct place {
    rh_home home;
    const char *ref, *id; /* of the tenant; NULL: the operator's own */
    bool citus;           /* a tenant's, on a Citus coordinator */
    rh_role role;
};

static const char **arguments(rh_cmdline *line, const char *bindir, const char *prompt,
                              const rh_psql_frame *f)
{
    int n = 0;
    const char **argv = RH_NEW_ARRAY(line->a, const char *, line->rest.len + 16);
    argv[n++] = rh_arena_printf(line->a, "%s/psql", bindir);
    argv[n++] = "-v";
    argv[n++] = prompt;
    if (f->enter) {
        argv[n++] = "-v";
        argv[n++] = f->enter;
    }
    if (f->before) {
        argv[n++] = "-f";
        argv[n++] = f->before;
    }
    if (f->reads_stdin) {
        argv[n++] = "-f";
        argv[n++] = "-";
    }
    for (size_t i = 0; i < line->rest.len; i++)
        argv[n++] = line->rest.items[i];
    if (f->after) {
        argv[n++] = "-f";
        argv[n++] = f->after;
    }
    return argv;
}

/* In the child. */
static void become_psql(rh_cmdline *line, const rh_app *app, const struct place *p, const char *conninfo,
                        const rh_psql_frame *f, const char **argv)
{
    sigset_t none;
    set_environment(conninfo);
    setenv("PGPASSWORD", rh_app_password(app, p->role), 1);
    setenv("PGOPTIONS", rh_home_session_options(line->a, &p->home, p->id), 1);
    if (p->id)
        setenv("PGAPPNAME", rh_home_session_name(line->a, p->id), 1);
    if (f->rc)
        setenv("PSQLRC", f->rc, 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execv(argv[0], (char *const *)argv);
    fprintf(stderr, "rowhouse: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* The terminal is psql's meanwhile; we stay to keep the private server running, and ignore Ctrl-C. */
static int run_psql(rh_cmdline *line, const rh_app *app, const struct place *p, rh_err *err)
{
    const char *bindir, *conninfo;
    rh_psql_frame frame = {.fds = {-1, -1}};
    int status;
    if (!(conninfo = rh_app_conninfo(app, p->home.node, line->a, p->role, p->home.database, err)) ||
        !rh_pg_bindir(line->a, app->conf->server_bin, "psql", &bindir, err) ||
        (p->citus && !rh_psql_frame_open(&frame, line->a, line->rest.items, line->rest.len, p->id, err)))
        return -1;
    const char *prompt = rh_arena_printf(line->a, "PROMPT1=%s %s%%R%%x%%# ", app->conf->app_name,
                                         p->ref ? p->ref : "operator");
    const char **argv = arguments(line, bindir, prompt, &frame);
    pid_t child = fork();
    if (child == 0)
        become_psql(line, app, p, conninfo, &frame, argv);
    rh_psql_frame_close(&frame);
    rh_interrupt_ignore(true);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Where psql goes for a tenant: its home, bound. */
static bool find_home(rh_cmdline *line, rh_operator *o, struct place *p, rh_err *err)
{
    p->id = rh_tenant_find(o, line->a, p->ref, err);
    if (!p->id || !rh_tenant_home(o, line->a, p->id, &p->home, err))
        return false;
    if (!p->home.id)
        return rh_err_set(err, RH_E_STATE, "tenant %s has no home yet", p->ref);
    rh_db *shared = rh_operator_shared(o, &p->home, err);
    return shared && rh_cluster_is_citus(shared, &p->citus, err);
}

/* The operator's is the app's database, on the first node or another. */
static bool find_place(rh_cmdline *line, const rh_app *app, struct place *p, rh_err *err)
{
    const char *node = rh_cmdline_get(line, "node");
    rh_operator o;
    if (p->ref && node)
        return rh_err_set(err, RH_E_USAGE, "a tenant is where its home is: leave --node out");
    if (!p->ref && !node)
        return true;
    if (!rh_operator_open(&o, app, err))
        return false;
    bool ok = p->ref ? find_home(line, &o, p, err)
                     : (p->home.node = rh_node_find(&o, line->a, node, NULL, err)) != NULL;
    rh_operator_close(&o);
    return ok;
}

int rh_cmd_psql(rh_cmdline *line)
{
    rh_app app;
    rh_err err;
    struct place p = {.ref = line->args.len ? line->args.items[0] : NULL};
    p.role = p.ref ? RH_ROLE_SERVER : RH_ROLE_OPERATOR;
    if (!rh_cmdline_open(line, &app, &err))
        return rh_cmd_fail(&err);
    p.home = (rh_home){.node = &app.first, .database = app.shared_db, .schema = RH_SHARED_SCHEMA};
    int status = find_place(line, &app, &p, &err) ? run_psql(line, &app, &p, &err) : -1;
    rh_cmdline_close(&app);
    return status < 0 ? rh_cmd_fail(&err) : status;
}
