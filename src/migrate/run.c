/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/run.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/life.h"
#include "catalog/node.h"
#include "catalog/reference.h"
#include "catalog/standby.h"
#include "home/home.h"
#include "migrate/apply.h"
#include "migrate/ledger.h"
#include "migrate/script.h"
#include "app/install.h"
#include "base/json.h"
#include "sql.h"

#define REFERENCE_PATH RH_REFERENCE_SCHEMA ", pg_temp"
#define CATALOG_PATH "public, rowhouse, pg_temp"

/* One `rowhouse migrate` at work. */
struct run {
    rh_app *app;
    rh_arena *a;
    const rh_migrate_options *options;
    rh_migrate_report *report;
    rh_sets sets;
    rh_db *catalog, *shared; /* on the first node */
    rh_nodes *nodes;
    rh_home home;
    bool fresh_passwords; /* made in this run: no node knows them */
    int64_t id;           /* in the ledger; 0 before there is one */
};

/* ---- the files ---- */

static bool load_and_lint(struct run *r, rh_err *err)
{
    int errors, warnings;
    rh_conf conf = *r->app->conf;
    conf.app_citus = conf.app_citus || r->app->first_is_citus;
    if (!rh_sets_load(r->app->conf, r->a, &r->sets, err) ||
        !rh_sets_lint(&conf, r->a, &r->sets, r->options->lint_out, &errors, &warnings, err))
        return false;
    if (!errors)
        return true;
    rh_err_set(err, RH_E_LINT, "lint found %d error%s; nothing was migrated", errors, errors == 1 ? "" : "s");
    return rh_err_hint(err, "Each finding above says which SQL mends it; `rowhouse lint` shows them again.");
}

/* Our own catalog migrations as a set, their variables filled in. The checksum is of the file as shipped. */
static rh_migration_set *own_catalog_set(struct run *r, rh_err *err)
{
    bool uuid = r->app->conf->id_type == RH_ID_UUID;
    const rh_script_var vars[] = {
        {"id_type", uuid ? "uuid" : "bigint"}, {"server", r->app->server}, {NULL, NULL}};
    size_t n = 0;
    while (rh_sql_catalog_migrations[n].number)
        n++;
    rh_migration_set *set = RH_NEW(r->a, rh_migration_set);
    set->name = "rowhouse";
    set->items = RH_NEW_ARRAY(r->a, rh_migration, n);
    for (; set->n < n; set->n++) {
        const rh_sql_migration *from = &rh_sql_catalog_migrations[set->n];
        rh_migration *m = &set->items[set->n];
        rh_str text;
        rh_str_init_in(&text, r->a, RH_STR_TEXT_MAX);
        if (!rh_script_expand(&text, from->text, vars, err))
            return NULL;
        m->number = from->number;
        m->name = from->name;
        m->path = rh_arena_printf(r->a, "(Rowhouse's own) catalog/%04d_%s.sql", from->number, from->name);
        m->text = rh_str_cstr(&text);
        m->len = text.len;
        if (!rh_set_checksum(m, from->text, strlen(from->text), err))
            return NULL;
    }
    return set;
}

/* Applied while it is empty, it could never be written. */
static bool check_written(const rh_migration_set *set, size_t from, rh_err *err)
{
    for (size_t i = from; i < set->n; i++)
        if (rh_set_is_unwritten(&set->items[i])) {
            rh_err_set(err, RH_E_INVALID, "%s holds no statement yet", set->items[i].path);
            return rh_err_hint(err, "Write the migration, or remove the file.");
        }
    return true;
}

/* ---- one set into one place, with its step in the ledger ---- */

static bool apply_set(struct run *r, const rh_apply_target *t, const rh_migration_set *set, int *applied,
                      int *version, rh_err *err)
{
    size_t from;
    rh_err ignored;
    if (!rh_apply_state(t, set, version, &from, err) || !check_written(set, from, err))
        return false;
    *applied = (int)(set->n - from);
    bool record = *applied && r->id;
    if (*applied && r->options->tell)
        r->options->tell(r->options->arg, rh_arena_printf(r->a, "%s: %d migration%s, %04d to %04d", set->name,
                                                          *applied, *applied == 1 ? "" : "s",
                                                          set->items[from].number, rh_set_newest(set)));
    if (record &&
        !rh_ledger_step_begin(r->catalog, r->id, t->home, set->name, *version, rh_set_newest(set), err))
        return false;
    bool ok = rh_apply_run(t, set, from, err);
    if (record && !rh_ledger_step_end(r->catalog, r->id, t->home, set->name, ok ? NULL : err->message,
                                      ok ? err : &ignored))
        return false;
    if (ok)
        *version = rh_set_newest(set);
    return ok;
}

/* ---- the catalog ---- */

static bool fit_catalog(void *arg, rh_err *err)
{
    struct run *r = arg;
    rh_arena *a = rh_arena_new();
    bool ok = rh_db_exec(r->catalog, "SET LOCAL search_path = pg_catalog", err);
    PGresult *res = ok ? rh_db_query(r->catalog, a, rh_sql_fittings_catalog, 1, &r->app->owner, err) : NULL;
    ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++)
        ok = rh_db_exec(r->catalog, PQgetvalue(res, i, 0), err) ||
             rh_err_context(err, "%s", PQgetvalue(res, i, 0));
    rh_arena_free(a);
    return ok;
}

static bool migrate_catalog(struct run *r, rh_err *err)
{
    int own, version;
    rh_apply_target t = {r->catalog, 0, CATALOG_PATH, fit_catalog, r, false};
    rh_migration_set *set = own_catalog_set(r, err);
    return set && rh_home_prepare_database(r->app, r->catalog, err) &&
           apply_set(r, &t, set, &own, &version, err) &&
           rh_ledger_begin(r->catalog, "migrate", &r->id, err) &&
           apply_set(r, &t, r->sets.catalog, &r->report->catalog, &r->report->catalog_version, err);
}

static bool note_kind(struct run *r, rh_err *err)
{
    const char *params[] = {rh_arena_printf(r->a, "%d", RH_FIRST_NODE),
                            r->app->first_is_citus ? "true" : "false"};
    return rh_db_query(r->catalog, r->a, rh_sql_citus_note_kind, 2, params, err) != NULL;
}

/* ---- the shared homes, or a template in their place ---- */

/* The home that every other one follows: the shared one, or in an app without a tenant key an empty schema.
 */
static bool find_first_home(struct run *r, rh_err *err)
{
    const char *node = rh_arena_printf(r->a, "%d", RH_FIRST_NODE),
               *params[] = {r->app->shared_db, RH_SHARED_SCHEMA, node};
    r->home = (rh_home){.model = RH_MODEL_SHARED,
                        .node = &r->app->first,
                        .database = r->app->shared_db,
                        .schema = RH_SHARED_SCHEMA};
    if (!r->app->conf->keyed) {
        r->home.model = RH_MODEL_SCHEMA;
        r->home.schema = RH_TEMPLATE_SCHEMA;
        return rh_home_make(r->app, &r->home, r->shared, err);
    }
    const char *id = rh_db_query(r->catalog, r->a, rh_sql_homes_enter, 3, params, err)
                         ? rh_db_value(r->catalog, r->a, rh_sql_homes_shared, 1, &node, err)
                         : NULL;
    return id && rh_parse_int(id, &r->home.id);
}

static bool fit_home(void *arg, rh_err *err)
{
    struct run *r = arg;
    rh_home_fitted fitted = {0};
    if (!rh_home_fit(r->app, &r->home, r->shared, &fitted, err))
        return false;
    r->report->fittings += fitted.n;
    return true;
}

static bool migrate_first(struct run *r, rh_err *err)
{
    rh_apply_target reference = {r->shared, 0, REFERENCE_PATH, NULL, NULL, false};
    rh_apply_target tenant = {r->shared, r->home.id, rh_home_search_path(r->a, &r->home), fit_home, r, false};
    return apply_set(r, &reference, r->sets.reference, &r->report->reference, &r->report->reference_version,
                     err) &&
           apply_set(r, &tenant, r->sets.tenant, &r->report->tenant, &r->report->tenant_version, err);
}

/* ---- homes of one tenant ---- */

static bool note_versions_of(struct run *r, const rh_home *home, const rh_home_versions *v, rh_err *err)
{
    const char *params[] = {rh_arena_printf(r->a, "%lld", (long long)home->id),
                            rh_arena_printf(r->a, "%d", v->reference),
                            rh_arena_printf(r->a, "%d", v->tenant)};
    return rh_db_query(r->catalog, r->a, rh_sql_homes_versions, 3, params, err) != NULL;
}

/* One home, with its step in the ledger; what failed is told and the run goes on. */
static bool migrate_home(struct run *r, const rh_home *home, rh_err *err)
{
    rh_home_versions versions = {0};
    int to = r->report->tenant_version;
    if (!rh_ledger_step_begin(r->catalog, r->id, home->id, "tenant", 0, to, err))
        return false;
    rh_err failure;
    rh_db *shared = rh_nodes_shared(r->nodes, home->node, &failure),
          *db = shared ? rh_home_enter(r->app, home, shared, &failure) : NULL;
    bool ok = db && rh_home_migrate(r->app, home, db, &r->sets, NULL, &versions, &failure);
    rh_home_leave(db, shared);
    if (!rh_ledger_step_end(r->catalog, r->id, home->id, "tenant", ok ? NULL : failure.message, err))
        return false;
    if (ok)
        ++r->report->homes;
    else
        ++r->report->homes_failed;
    if (r->options->tell)
        r->options->tell(r->options->arg,
                         rh_arena_printf(r->a, "home %lld (%s %s): %s", (long long)home->id,
                                         rh_model_name(home->model),
                                         home->model == RH_MODEL_DATABASE ? home->database : home->schema,
                                         ok ? "brought to the newest version" : failure.message));
    return !ok || note_versions_of(r, home, &versions, err);
}

static bool migrate_homes(struct run *r, rh_err *err)
{
    const char *params[] = {rh_arena_printf(r->a, "%d", r->report->reference_version),
                            rh_arena_printf(r->a, "%d", r->report->tenant_version)};
    PGresult *res = rh_db_query(r->catalog, r->a, rh_sql_homes_behind, 2, params, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_home home = {.node = rh_node_of_row(r->app, r->a, res, i, 5),
                        .database = PQgetvalue(res, i, 2),
                        .schema = PQgetvalue(res, i, 3),
                        .tenant = PQgetvalue(res, i, 4)};
        rh_parse_int(PQgetvalue(res, i, 0), &home.id);
        if (rh_nodes_given_up(r->nodes, home.node))
            r->report->homes_behind++;
        else if (!rh_model_parse(PQgetvalue(res, i, 1), &home.model) || !migrate_home(r, &home, err))
            return false;
    }
    return res != NULL;
}

/* ---- what the catalog keeps of it ---- */

static bool note_versions(struct run *r, const rh_migration_set *set, rh_err *err)
{
    for (size_t i = 0; i < set->n; i++) {
        const rh_migration *m = &set->items[i];
        const char *params[] = {set->name, rh_arena_printf(r->a, "%d", m->number), m->name, m->checksum};
        if (!rh_db_query(r->catalog, r->a, rh_sql_homes_note_version, 4, params, err))
            return false;
    }
    return true;
}

/* The relation cache first, then the home's versions: a server never sees a version without its cache. */
static bool note_home(struct run *r, rh_err *err)
{
    const char *content = rh_home_introspect(r->app, &r->home, r->shared, r->a, err);
    if (!content)
        return false;
    const char *params[] = {rh_arena_printf(r->a, "%d", r->report->reference_version),
                            rh_arena_printf(r->a, "%d", r->report->tenant_version), content};
    rh_home_versions versions = {r->report->reference_version, r->report->tenant_version};
    return rh_db_query(r->catalog, r->a, rh_sql_homes_note_cache, 3, params, err) &&
           note_versions_of(r, &r->home, &versions, err);
}

/* The verbs' view of the run. */
static rh_operator operator_of(const struct run *r)
{
    return (rh_operator){.app = r->app,
                         .arena = r->a,
                         .catalog = r->catalog,
                         .shared = r->shared,
                         .nodes = r->nodes,
                         .home = r->home,
                         .sets = r->sets};
}

/* ---- reference rows ---- */

static bool bring_rows(struct run *r, rh_err *err)
{
    rh_reference_fleet fleet;
    rh_operator o = operator_of(r);
    bool ok = rh_reference_bring_homes(&o, r->options->tell, r->options->arg, &fleet, err);
    r->report->copies += fleet.brought;
    r->report->copies_failed += fleet.failed;
    return ok;
}

/* Reference migrations may insert and update rows, in every copy as in the origin: so that they meet there
 * what they met here, copies are brought to the origin's rows before the origin is migrated. */
static bool bring_rows_before(struct run *r, rh_err *err)
{
    rh_apply_target t = {.db = r->shared};
    size_t from;
    int version;
    if (!rh_home_prepare_database(r->app, r->shared, err) ||
        !rh_apply_state(&t, r->sets.reference, &version, &from, err))
        return false;
    return from == 0 || from == r->sets.reference->n || bring_rows(r, err);
}

/* ---- other nodes ---- */

/* The admin first: a node that is away is found out once. */
static bool bring_node(struct run *r, rh_operator *o, const rh_node *node, rh_home *home, rh_err *err)
{
    rh_err failure;
    rh_home_versions versions;
    bool renew = r->fresh_passwords;
    if (!rh_install_node(r->app, node, renew, err))
        return false;
    if (!rh_nodes_shared(r->nodes, node, &failure)) {
        rh_nodes_reset(r->nodes, node);
        if (!rh_install_node(r->app, node, true, err)) /* a role that does not know its password */
            return false;
    }
    if (!rh_node_shared_home(o, r->a, node, home, err) ||
        !rh_ledger_step_begin(r->catalog, r->id, home->id, "tenant", 0, r->report->tenant_version, err))
        return false;
    bool ok = rh_node_migrate(o, r->a, home, &versions, &failure);
    if (!rh_ledger_step_end(r->catalog, r->id, home->id, "tenant", ok ? NULL : failure.message, err))
        return false;
    if (!ok)
        *err = failure;
    return ok;
}

/* A node that fails is told, and left behind with what is on it; the run goes on. */
static bool migrate_nodes(struct run *r, rh_operator *o, rh_err *err)
{
    rh_err failure;
    PGresult *res = rh_db_query(r->catalog, r->a, rh_sql_nodes_others, 0, NULL, err);
    for (int i = 0; res && i < PQntuples(res); i++) {
        rh_home home;
        const rh_node *node = rh_node_of_row(r->app, r->a, res, i, 0);
        bool joining = strcmp(PQgetvalue(res, i, 3), "joining") == 0;
        if (!joining && bring_node(r, o, node, &home, &failure))
            continue;
        if (joining)
            rh_err_set(&failure, RH_E_STATE, "node %s has not joined yet: `rowhouse node add` again ends it",
                       node->name);
        else if (PQstatus(rh_db_conn(r->catalog)) != CONNECTION_OK)
            return rh_err_set(err, RH_E_UNAVAILABLE, "the catalog is away");
        rh_nodes_give_up(r->nodes, node, &failure);
        r->report->nodes_behind += !joining;
        if (r->options->tell)
            r->options->tell(r->options->arg,
                             joining ? failure.message
                                     : rh_arena_printf(r->a, "left behind: %s%s%s", failure.message,
                                                       *failure.hint ? "; " : "", failure.hint));
    }
    return res != NULL;
}

/* ---- tenants ---- */

/* Creations and drops that wait, or were interrupted; then the homes that stand by. */
static bool place_tenants(struct run *r, rh_operator *o, rh_err *err)
{
    rh_standby_work standby = {.tell = r->options->tell, .arg = r->options->arg, .wait = true};
    /* migrations of the catalog set have reset the session since it was opened */
    if (!rh_operator_announce(r->catalog, err) ||
        !rh_tenant_provision_waiting(o, r->options->tell, r->options->arg, &r->report->tenants_placed,
                                     &r->report->tenants_failed, err) ||
        !rh_tenant_drop_waiting(o, r->options->tell, r->options->arg, &r->report->drops_ended,
                                &r->report->drops_failed, err) ||
        !rh_standby_keep(o, &standby, err))
        return false;
    r->report->standby_failed = standby.failed;
    return true;
}

/* What follows the first node's own: templates, other nodes, homes of one tenant, tenants that wait. */
static bool go_round(struct run *r, rh_err *err)
{
    rh_operator o = operator_of(r);
    bool ok = rh_node_migrate_template(&o, r->a, &r->app->first, err) &&
              rh_node_keep_script(&o, r->a, &r->app->first, err) && migrate_nodes(r, &o, err) &&
              migrate_homes(r, err) && bring_rows(r, err) && place_tenants(r, &o, err);
    rh_cloner_close(&o.cloner); /* all else of it is the run's */
    rh_home_script_release(&o.script);
    return ok;
}

/* ---- the place ---- */

/* One at a time per app and server, for as long as it takes to find out or to make the first databases. */
#define INSTALL_LOCK "SELECT pg_advisory_lock(hashtext('rowhouse install'), hashtext($1))"

static bool open_catalog(struct run *r, rh_err *err)
{
    const char *params[] = {r->app->conf->app_name};
    rh_db *admin = rh_app_connect(r->app, &r->app->first, RH_ROLE_ADMIN, NULL, err);
    bool ok = admin && rh_db_query(admin, r->a, INSTALL_LOCK, 1, params, err);
    r->catalog =
        ok ? rh_app_connect(r->app, &r->app->first, RH_ROLE_OPERATOR, r->app->catalog_db, err) : NULL;
    if (ok && !r->catalog && rh_install(r->app, err))
        r->catalog = rh_app_connect(r->app, &r->app->first, RH_ROLE_OPERATOR, r->app->catalog_db, err);
    rh_db_close(admin);
    return r->catalog != NULL;
}

/* What install does collides with what another run's open transaction did, so it waits for the lock too. */
static bool open_databases(struct run *r, rh_err *err)
{
    const rh_migrate_options *options = r->options;
    return open_catalog(r, err) &&
           rh_ledger_lock(r->catalog, options->lock_wait_ms, options->tell, options->arg, err) &&
           rh_install(r->app, err) &&
           (r->shared = rh_app_connect(r->app, &r->app->first, RH_ROLE_OPERATOR, r->app->shared_db, err));
}

bool rh_migrate(rh_app *app, const rh_migrate_options *options, rh_migrate_report *report, rh_err *err)
{
    struct run r = {.app = app,
                    .a = rh_arena_new(),
                    .options = options,
                    .report = report,
                    .fresh_passwords = app->fresh_passwords};
    bool ok = false;
    rh_err ignored;
    *report = (rh_migrate_report){0};
    if (!load_and_lint(&r, err) || !open_databases(&r, err))
        goto out;
    r.nodes = rh_nodes_new(app, r.shared);
    ok = migrate_catalog(&r, err) && note_kind(&r, err) && find_first_home(&r, err) &&
         bring_rows_before(&r, err) && migrate_first(&r, err) && note_versions(&r, r.sets.catalog, err) &&
         note_versions(&r, r.sets.reference, err) && note_versions(&r, r.sets.tenant, err) &&
         note_home(&r, err) && go_round(&r, err);
    if (r.id && !rh_ledger_end(r.catalog, r.id, ok, ok ? err : &ignored))
        ok = false;
out:
    rh_nodes_free(r.nodes);
    rh_db_close(r.shared);
    rh_db_close(r.catalog);
    rh_arena_free(r.a);
    return ok;
}

void rh_migrate_report_json(const rh_migrate_report *r, rh_str *out)
{
    const struct {
        const char *name;
        int value;
    } members[] = {
        {"catalog_version", r->catalog_version}, {"reference_version", r->reference_version},
        {"tenant_version", r->tenant_version},   {"homes", r->homes},
        {"homes_failed", r->homes_failed},       {"copies", r->copies},
        {"copies_failed", r->copies_failed},     {"tenants", r->tenants_placed},
        {"tenants_failed", r->tenants_failed},   {"dropped", r->drops_ended},
        {"drops_failed", r->drops_failed},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        rh_str_addf(out, "%s\"%s\":%d", i ? "," : "", members[i].name, members[i].value);
}

/* ---- status ---- */

struct status {
    const char *set;
    int version, newest;
    const rh_migration_set *files;
    size_t from; /* the first pending file */
};

static bool read_set(const rh_apply_target *t, const rh_migration_set *set, struct status *out, rh_err *err)
{
    *out = (struct status){.set = set->name, .newest = rh_set_newest(set), .files = set};
    return !t->db || rh_apply_state(t, set, &out->version, &out->from, err);
}

static void print_set(const struct status *s, FILE *out)
{
    fprintf(out, "%-10s version %04d of %04d%s\n", s->set, s->version, s->newest,
            s->from == s->files->n ? "" : ", pending:");
    for (size_t i = s->from; i < s->files->n; i++)
        fprintf(out, "  %s%s\n", s->files->items[i].path,
                s->files->items[i].no_transaction ? " (no transaction)" : "");
}

static void add_set(const struct status *s, rh_str *out)
{
    rh_str_addf(out, "\"%s\":{\"version\":%d,\"newest\":%d,\"pending\":[", s->set, s->version, s->newest);
    for (size_t i = s->from; i < s->files->n; i++) {
        const char *path = s->files->items[i].path;
        rh_str_add(out, i > s->from ? "," : "");
        rh_json_add_string(out, path, strlen(path));
    }
    rh_str_add(out, "]},");
}

/* behind: database homes whose copies of reference rows are; only what the catalog knows, no home is asked.
 */
static void print_status(const struct status sets[3], int behind, bool json, FILE *out)
{
    rh_str text;
    rh_str_init(&text, RH_STR_TEXT_MAX);
    for (int i = 0; i < 3; i++)
        if (json)
            add_set(&sets[i], &text);
        else
            print_set(&sets[i], out);
    if (json)
        fprintf(out, "{%s\"copies_behind\":%d}\n", rh_str_cstr(&text), behind);
    else if (behind)
        fprintf(out, "reference rows: %d database home%s behind, `rowhouse migrate` brings them\n", behind,
                behind == 1 ? " is" : "s are");
    rh_str_release(&text);
}

/* A database with its applied table, or NULL where nothing has been migrated yet. */
static rh_db *open_migrated(rh_app *app, const char *database, rh_arena *a)
{
    rh_err ignored;
    rh_db *db = rh_app_connect(app, &app->first, RH_ROLE_OPERATOR, database, &ignored);
    const char *there =
        db ? rh_db_value(db, a, "SELECT to_regclass('rowhouse.applied_migrations')", 0, NULL, &ignored)
           : NULL;
    if (there && *there)
        return db;
    rh_db_close(db);
    return NULL;
}

bool rh_migrate_status(rh_app *app, bool json, FILE *out, rh_err *err)
{
    struct status status[3];
    int behind = 0;
    rh_arena *a = rh_arena_new();
    rh_sets sets;
    int64_t home = 0;
    const char *node = rh_arena_printf(a, "%d", RH_FIRST_NODE);
    rh_db *catalog = open_migrated(app, app->catalog_db, a), *shared = open_migrated(app, app->shared_db, a);
    bool ok = rh_sets_load(app->conf, a, &sets, err);
    if (ok && catalog && shared) {
        const char *id = rh_db_value(catalog, a, rh_sql_homes_shared, 1, &node, err);
        ok = id && (!*id || rh_parse_int(id, &home));
    }
    rh_apply_target c = {.db = catalog, .home = 0}, s = {.db = shared, .home = 0},
                    t = {.db = home || !app->conf->keyed ? shared : NULL, .home = home};
    ok = ok && read_set(&c, sets.catalog, &status[0], err) && read_set(&s, sets.reference, &status[1], err) &&
         read_set(&t, sets.tenant, &status[2], err) &&
         (!catalog || !shared || rh_reference_behind(catalog, shared, &behind, err) ||
          strncmp(err->sqlstate, "42", 2) == 0); /* the catalog is of an older Rowhouse: not known yet */
    if (ok)
        print_status(status, behind, json, out);
    rh_db_close(shared);
    rh_db_close(catalog);
    rh_arena_free(a);
    return ok;
}
