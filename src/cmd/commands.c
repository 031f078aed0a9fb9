/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/interrupt.h"

/* Options that every command takes. */
static const rh_option common[] = {
    {"app", "DIR", "the app's directory (default: this one)"},
    {"set", "SECTION.NAME=VALUE", "a setting, over rowhouse.conf and the environment; repeatable"},
    {"server", "CONNINFO", "an existing PostgreSQL server: short for --set server.conninfo=..."},
    {"data", "DIR", "where the private server and secrets are kept: short for --set server.data=..."},
    {"help", NULL, "what the command does and takes"},
    {NULL, NULL, NULL},
};

static const rh_option dev_options[] = {
    {"once", NULL, "end after the summary (also when started without a terminal)"},
    {"stay", NULL, "keep serving even without a terminal"},
    {"no-demo", NULL, "do not make the demo's tenants and data"},
    {NULL, NULL, NULL},
};
static const rh_option migrate_options[] = {
    {"wait", "SECONDS", "how long to wait for another run (default 60)"},
    {"json", NULL, "JSON on stdout"},
    {NULL, NULL, NULL},
};
static const rh_option tenant_options[] = {
    {"name", "TEXT", "create, adopt, rename: the tenant's name (default: the slug)"},
    {"id", "ID", "create, adopt: the tenant's id (default: the catalog gives one)"},
    {"model", "MODEL", "create: shared, schema or database (default: app.model)"},
    {"home", "NAME", "create: name of the schema or database (default: by number)"},
    {"node", "NAME", "create: where its home is to be (default: the node with the least on it)"},
    {"profile", "COLUMN=VALUE", "create, adopt: a profile column of the app; repeatable"},
    {"from", "TABLE", "adopt rows: the root table, each of whose rows becomes a tenant"},
    {"slug", "SLUG", "adopt a database: the tenant's slug (default: from the name)"},
    {"version", "N", "adopt a database: its tables are as migration N leaves them"},
    {"dry-run", NULL, "adopt a database: say whether it fits, and do nothing"},
    {"ttl", "SECONDS", "token: how long it is good for (default 86400)"},
    {"reason", "TEXT", "suspend: why, for the audit"},
    {"sizes", NULL, "list: sizes in shared homes, too, by counting every row"},
    {"concurrency", "N", "limit: statements at once; 0: as the server finds it"},
    {"rate", "N/s", "limit: requests a second, or N/m; 0: no bound"},
    {"statement-timeout", "TIME", "limit: time a statement may take, e.g. 5s"},
    {"rows", "N", "limit: rows of one answer; 0: no bound"},
    {"body", "SIZE", "limit: a request's body, e.g. 1m"},
    {"load", "SIZE", "limit: a body that is loaded while it comes in, e.g. 1g"},
    {"default", NULL, "limit: all as rowhouse.conf says (one: --rows default)"},
    {"yes", NULL, "drop: do not ask"},
    {"no-dump", NULL, "drop: keep nothing of what the tenant has"},
    {"json", NULL, "JSON on stdout"},
    {NULL, NULL, NULL},
};
static const rh_option load_options[] = {
    {"header", NULL, "the first line names the columns"},
    {"tenant", "TENANT", "the rows are this tenant's; the key's column may be left out (with --header)"},
    {NULL, NULL, NULL},
};
static const rh_option query_options[] = {
    {"reduce", "SQL", "a second statement over the union of all rows, as table `rows`"},
    {"apart", NULL, "ask each tenant of shared homes by itself"},
    {"write", NULL, "the statement may write: shows what will be done where and asks"},
    {"yes", NULL, "with --write: do not ask"},
    {"csv", NULL, "CSV on stdout, with a header line"},
    {"json", NULL, "a JSON array on stdout"},
    {"jobs", "N", "connections at a time (default 4)"},
    {NULL, NULL, NULL},
};
static const rh_option verify_options[] = {
    {"tenants", "N", "tenants of each model, 3 to 20 (default 4)"},
    {"models", "MODEL,...", "which models (default: those that the app's tenants use)"},
    {"requests", "N", "requests at the data door (default 2000)"},
    {"seed", "N", "asks what a run with that seed asked (default: by chance)"},
    {"before", "FILE.sql", "run in every home as the operator before anybody asks"},
    {"strict", NULL, "a table that could not be covered is a failure"},
    {"json", NULL, "JSON on stdout"},
    {NULL, NULL, NULL},
};
static const rh_option node_options[] = {
    {"json", NULL, "JSON on stdout"},
    {NULL, NULL, NULL},
};
static const rh_option psql_options[] = {
    {"node", "NAME", "the operator's: on which node (default: the first)"},
    {NULL, NULL, NULL},
};
static const rh_option serve_options[] = {
    {"adopt", "CONNINFO|FILE", "serve a database as it is, as PostgREST would; FILE: a postgrest.conf"},
    {NULL, NULL, NULL},
};
static const rh_option no_options[] = {{NULL, NULL, NULL}};

/* To add a command: a row here, its function in a file of its own name, its prototype in cmd.h. */
const rh_command rh_commands[] = {
    {"dev", "[DIR]", "run an app on this machine: private PostgreSQL, catalog, migrations, demo data, doors",
     dev_options, 0, 1, rh_cmd_dev},
    {"serve", "", "open the doors of a migrated app, or of a database as it is", serve_options, 0, 0,
     rh_cmd_serve},
    {"migrate", "[status | new SET NAME]", "bring the catalog and every home to the newest version",
     migrate_options, 0, 3, rh_cmd_migrate},
    {"tenant",
     "create SLUG | list | standby | show TENANT | token TENANT | suspend TENANT | resume TENANT | "
     "rename TENANT [SLUG] | drop TENANT | adopt DATABASE | adopt --from TABLE | isolate TENANT | limit "
     "TENANT",
     "the tenants of an app", tenant_options, 1, 3, rh_cmd_tenant},
    {"node", "add NAME CONNINFO | list | drain NAME | undrain NAME | remove NAME | rebalance NAME",
     "the PostgreSQL servers that homes are on", node_options, 1, 3, rh_cmd_node},
    {"lint", "", "check the migrations: does every table keep tenants apart?", no_options, 0, 0, rh_cmd_lint},
    {"load", "TABLE [FILE.csv]",
     "load CSV rows: of many tenants, of one, or into a reference table (without FILE: from stdin)\n\n"
     "All rows are loaded or none. Only where a file has rows for more than 16 database homes, or a "
     "connection\n"
     "is lost between two commits, can an error leave some homes with theirs; it says which.",
     load_options, 1, 2, rh_cmd_load},
    {"query", "SQL", "ask all tenants at once: one statement over every home, the tenant beside each row",
     query_options, 1, 1, rh_cmd_query},
    {"psql", "[TENANT] [-- PSQL ARGUMENTS]", "psql as the operator, or bound to one tenant", psql_options, 0,
     1, rh_cmd_psql},
    {"verify", "",
     "look for leaks between tenants in a scratch copy of the app: 0 none found, 1 a leak, 2 not run",
     verify_options, 0, 0, rh_cmd_verify},
    {"help", "[settings | COMMAND]", "this text, or every setting with its default", no_options, 0, 1,
     rh_cmd_help},
    {"version", "", "which version this is", no_options, 0, 0, rh_cmd_version},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

static const rh_command *find_command(const char *name)
{
    for (const rh_command *c = rh_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static void print_options(const rh_option *options)
{
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        printf("  %-26s %s\n", left, options->help);
    }
}

static void print_command(const rh_command *c)
{
    printf("usage: rowhouse %s %s\n\n%s\n\n", c->name, c->args, c->help);
    print_options(c->options);
    print_options(common);
}

static void print_overview(void)
{
    printf(
        "usage: rowhouse COMMAND [ARGUMENTS]\n\nOne application schema for many tenants on PostgreSQL.\n\n");
    for (const rh_command *c = rh_commands; c->name; c++)
        printf("  %-9s %.*s\n", c->name, (int)strcspn(c->help, "\n"), c->help);
    printf("\n`rowhouse help COMMAND` says more; `rowhouse help settings` lists the settings.\n");
}

int rh_cmd_help(rh_cmdline *line)
{
    if (line->args.len == 0) {
        print_overview();
        return 0;
    }
    if (strcmp(line->args.items[0], "settings") == 0) {
        rh_str text;
        rh_str_init_in(&text, line->a, RH_STR_TEXT_MAX);
        rh_conf_reference(&text);
        fputs(rh_str_cstr(&text), stdout);
        return 0;
    }
    const rh_command *c = find_command(line->args.items[0]);
    if (!c) {
        fprintf(stderr, "rowhouse: there is no command \"%s\"\n  hint: `rowhouse help` lists them.\n",
                line->args.items[0]);
        return 2;
    }
    print_command(c);
    return 0;
}

int rh_cmd_version(rh_cmdline *line)
{
    (void)line;
    printf("rowhouse %s\n", RH_VERSION);
    return 0;
}

const char *rh_cmdline_get_nth(const rh_cmdline *line, const char *name, size_t i)
{
    for (size_t k = 0; k < line->names.len; k++)
        if (strcmp(line->names.items[k], name) == 0 && i-- == 0)
            return line->values.items[k];
    return NULL;
}

const char *rh_cmdline_get(const rh_cmdline *line, const char *name)
{
    const char *found = NULL, *next;
    for (size_t i = 0; (next = rh_cmdline_get_nth(line, name, i)); i++)
        found = next;
    return found;
}

static const rh_option *find_option(const rh_option *options, const char *name, size_t len)
{
    for (; options->name; options++)
        if (strlen(options->name) == len && memcmp(options->name, name, len) == 0)
            return options;
    return NULL;
}

/* "create, adopt a database: text": the words before the colon begin with the verbs. */
static bool takes(const rh_option *o, const char *verb)
{
    size_t n = strcspn(o->help, ":"), len = strlen(verb);
    if (!o->help[n])
        return true;
    for (const char *p = o->help; p < o->help + n; p += strspn(p, ", ")) {
        if (strncmp(p, verb, len) == 0 && strchr(" ,:", p[len]))
            return true;
        p += strcspn(p, ",:");
    }
    return false;
}

bool rh_cmdline_fits_verb(const rh_cmdline *line, const char *verb, rh_err *err)
{
    for (size_t i = 0; i < line->names.len; i++) {
        const char *name = line->names.items[i];
        const rh_option *o = find_option(line->command->options, name, strlen(name));
        if (o && !takes(o, verb)) {
            rh_err_set(err, RH_E_USAGE, "%s %s takes no --%s", line->command->name, verb, name);
            return rh_err_hint(err, "`rowhouse help %s` says which verbs take it.", line->command->name);
        }
    }
    return true;
}

static int usage(const rh_command *c, const char *what, const char *which)
{
    fprintf(stderr, "rowhouse: %s%s%s\n  usage: rowhouse %s %s\n  hint: `rowhouse help %s` says more.\n",
            what, *which ? " " : "", which, c->name, c->args, c->name);
    return 2;
}

/* One --option; *i moves past its value. False when it was not understood. */
static bool parse_option(rh_cmdline *line, int argc, char **argv, int *i, int *status)
{
    const char *text = argv[*i] + 2, *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const rh_option *o = find_option(line->command->options, text, len);
    if (!o)
        o = find_option(common, text, len);
    if (!o) {
        *status = usage(line->command, "there is no option", argv[*i]);
        return false;
    }
    const char *value = "";
    if (o->value && equals) {
        value = equals + 1;
    } else if (o->value) {
        if (++*i >= argc) {
            *status = usage(line->command, "a value is missing for", argv[*i - 1]);
            return false;
        }
        value = argv[*i];
        if (strncmp(value, "--", 2) == 0) { /* --name --data DIR: the name was forgotten */
            *status = usage(line->command, "a value is missing for", argv[*i - 1]);
            return false;
        }
    } else if (equals) {
        *status = usage(line->command, "no value goes with", argv[*i]);
        return false;
    }
    RH_VEC_PUSH(line->a, &line->names, o->name);
    RH_VEC_PUSH(line->a, &line->values, value);
    return true;
}

static void collect_settings(rh_cmdline *line)
{
    static const struct {
        const char *option, *setting;
    } shorthands[] = {{"server", "server.conninfo"}, {"data", "server.data"}};
    const char *value;
    for (size_t i = 0; i < sizeof shorthands / sizeof *shorthands; i++)
        if ((value = rh_cmdline_get(line, shorthands[i].option)))
            RH_VEC_PUSH(line->a, &line->settings,
                        rh_arena_printf(line->a, "%s=%s", shorthands[i].setting, value));
    for (size_t i = 0; (value = rh_cmdline_get_nth(line, "set", i)); i++)
        RH_VEC_PUSH(line->a, &line->settings, value);
    RH_VEC_PUSH(line->a, &line->settings, NULL);
}

bool rh_cmdline_parse(rh_cmdline *line, rh_arena *a, int argc, char **argv, int *status)
{
    *line = (rh_cmdline){.a = a};
    *status = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview();
        *status = argc < 2 ? 2 : 0;
        return false;
    }
    line->command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!line->command) {
        fprintf(stderr, "rowhouse: there is no command \"%s\"\n  hint: `rowhouse help` lists them.\n",
                argv[1]);
        *status = 2;
        return false;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < argc; i++)
                RH_VEC_PUSH(a, &line->rest, argv[i]);
        } else if (strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(line, argc, argv, &i, status))
                return false;
        } else {
            RH_VEC_PUSH(a, &line->args, argv[i]);
        }
    }
    if (rh_cmdline_get(line, "help")) {
        print_command(line->command);
        return false;
    }
    if ((int)line->args.len < line->command->min_args || (int)line->args.len > line->command->max_args) {
        *status =
            usage(line->command, line->args.len ? "the arguments do not fit" : "an argument is missing", "");
        return false;
    }
    collect_settings(line);
    return true;
}

bool rh_cmdline_open(rh_cmdline *line, rh_app *app, rh_err *err)
{
    const char *dir = rh_cmdline_get(line, "app");
    return rh_cmdline_open_dir(line, dir ? dir : ".", app, err);
}

bool rh_cmdline_open_dir(rh_cmdline *line, const char *dir, rh_app *app, rh_err *err)
{
    rh_interrupt_start();
    if (!rh_app_open(line->a, dir, line->settings.items, rh_cmd_say, NULL, app, err))
        return false;
    if (*app->conf->unused_env)
        fprintf(stderr, "rowhouse: names in %s/.env that are no settings: %s\n", app->conf->dir,
                app->conf->unused_env);
    rh_interrupt_app(app);
    return true;
}

void rh_cmdline_close(rh_app *app)
{
    rh_interrupt_app(NULL);
    rh_app_close(app);
}

int rh_cmd_fail(const rh_err *err)
{
    rh_err_print(err);
    return rh_code_exit(err->code) ? rh_code_exit(err->code) : 1;
}

bool rh_cmd_confirm(const rh_cmdline *line, const char *word, rh_err *err)
{
    char typed[128] = "";
    if (rh_cmdline_get(line, "yes"))
        return true;
    if (!isatty(STDIN_FILENO)) {
        rh_err_set(err, RH_E_FORBIDDEN, "nobody can be asked whether that is meant");
        return rh_err_hint(err, "With --yes nobody is asked.");
    }
    fprintf(stderr, "Type %s to go on: ", word);
    if (fgets(typed, sizeof typed, stdin))
        typed[strcspn(typed, "\n")] = 0;
    return strcmp(typed, word) == 0 || rh_err_set(err, RH_E_FORBIDDEN, "not confirmed; nothing was done");
}

void rh_cmd_say(void *unused, const char *line)
{
    (void)unused;
    fprintf(stderr, "%s\n", line);
}
