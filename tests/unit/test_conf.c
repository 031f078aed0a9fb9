/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/conf.h"

#define APP "[app]\nname = ads\ntenant_key = company_id\nroot = companies\n"
#define MAX_TEXT (1 << 20)

static rh_arena *arena;
static char *dir;
static rh_err err;

static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    const char *temp = getenv("TMPDIR");
    arena = rh_arena_new();
    dir = mkdtemp(rh_arena_printf(arena, "%s/test_conf.XXXXXX", temp ? temp : "/tmp"));
    return dir ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    nftw(dir, forget, 8, FTW_DEPTH | FTW_PHYS);
    rh_arena_free(arena);
    return 0;
}

static void write_file(const char *name, const char *text, size_t n)
{
    assert_true(rh_file_write(rh_arena_printf(arena, "%s/%s", dir, name), text, n, 0600, &err));
}

static rh_conf *load(const char *text, const char *const *flags)
{
    memset(&err, 0, sizeof err);
    write_file("rowhouse.conf", text, strlen(text));
    return rh_conf_load(arena, dir, flags, &err);
}

static void assert_says(const char *part)
{
    if (!strstr(err.message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, err.message);
}

static void assert_refused(const char *text, const char *message)
{
    assert_null(load(text, NULL));
    assert_int_equal(err.code, RH_E_CONF);
    assert_says(message);
    assert_says("rowhouse.conf");
}

static void defaults_fill_what_is_not_said(void **state)
{
    (void)state;
    rh_conf *c = load(APP, NULL);
    assert_non_null(c);
    assert_string_equal(c->app_name, "ads");
    assert_string_equal(c->app_tenant_key, "company_id");
    assert_string_equal(c->auth_tenant_claim, "tenant");
    assert_string_equal(c->auth_trusted_header, "");
    assert_int_equal(c->data_port, 3000);
    assert_int_equal(c->data_max_head, 12 * 1024);
    assert_int_equal(c->auth_leeway, 30000);
    assert_false(c->log_json);
    assert_int_equal(c->id_type, RH_ID_BIGINT);
    assert_false(c->claim_is_slug);
    assert_int_equal(*c->dir, '/');
    assert_true(rh_file_exists(c->file));
}

static void every_type_is_read(void **state)
{
    (void)state;
    rh_conf *c =
        load(APP "id_type = uuid\n[data]\nport = 0\nmax_body = 2G\nhead_timeout = 1500ms\nidle_timeout = 2H\n"
                 "max_head = 512\n[log]\njson = on\n[auth]\nclaim_holds = slug\nleeway=5m\n",
             NULL);
    assert_non_null(c);
    assert_int_equal(c->id_type, RH_ID_UUID);
    assert_true(c->claim_is_slug);
    assert_int_equal(c->data_port, 0);
    assert_true(c->data_max_body == (int64_t)2 << 30);
    assert_int_equal(c->data_head_timeout, 1500);
    assert_int_equal(c->data_idle_timeout, 7200000);
    assert_int_equal(c->data_max_head, 512);
    assert_int_equal(c->auth_leeway, 300000);
    assert_true(c->log_json);
}

static void values_of_a_wrong_type_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"[data]\nport = many", ":6: data.port: \"many\" is not a whole number"},
        {"[data]\nport = -1", "\"-1\" is not a whole number of 0 or more"},
        {"[data]\nport = 3000.5", "is not a whole number"},
        {"[data]\nport =", "\"\" is not a whole number"},
        {"[data]\nport = 99999999999999999999", "is not a whole number"},
        {"[data]\nhead_timeout = 30", "\"30\" is not a duration such as"},
        {"[data]\nhead_timeout = -5s", "is not a duration"},
        {"[data]\nhead_timeout = 5 s", "is not a duration"},
        {"[data]\nhead_timeout = 9999999999999999h", "is not a duration"},
        {"[data]\nmax_body = 10mb", "is not a size"},
        {"[data]\nmax_body = 99999999999999999999", "is not a size"},
        {"[data]\nmax_body = 9223372036854775807k", "is not a size"},
        {"[log]\njson = true", "\"true\" is not on or off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(rh_arena_printf(arena, APP "%s\n", cases[i].line), cases[i].message);
        assert_true(*err.hint != 0);
    }
}

static void values_that_cannot_be_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "app.name \"\""},
        {"[app]\nname = Ads\n", "app.name \"Ads\""},
        {"[app]\nname = _ads\n", "app.name \"_ads\""},
        {"[app]\nname = 1ads\n", "app.name \"1ads\""},
        {"[app]\nname = a-b\n", "app.name \"a-b\""},
        {"[app]\nname = pg_ads\n", "app.name \"pg_ads\""},
        {"[app]\nname = a2345678901234567890123456789012345678901\n", "app.name"},
        {"[app]\nname = ads\n", "app.tenant_key and app.root"},
        {APP "tenant_key = c234567890123456789012345678901234567890123456789012345678901234\n",
         "app.tenant_key"},
        {APP "id_type = int\n", "app.id_type \"int\""},
        {APP "model = galaxy\n", "app.model \"galaxy\""},
        {"[app]\nname = x\n", "shared homes need app.tenant_key"},
        {"[app]\nname = x\nmodel = schema\nroot = r\n", "go together"},
        {APP "[auth]\nclaim_holds = name\n", "auth.claim_holds \"name\""},
        {APP "[auth]\ntenant_claim = $.a..b\n", "auth.tenant_claim: \"$.a..b\""},
        {APP "[auth]\ntenant_claim =\n", "auth.tenant_claim"},
        {APP "[auth]\nsecret = 0123456789012345678901234567890\n", "auth.secret has 31 bytes"},
        {APP "[auth]\nsecret = 01234567890123456789012345678901\nkey_file = k.pem\n",
         "auth.secret and auth.key_file cannot both be set"},
        {APP "[auth]\nkey_file = k.pem\njwks_url = https://idp.example/k\n",
         "auth.key_file and auth.jwks_url cannot both be set"},
        {APP "[auth]\njwks_url = file:///etc/passwd\n", "auth.jwks_url: the address begins with neither"},
        {APP "[auth]\njwks_url = https://u:p@idp.example/k\n", "auth.jwks_url: the address cannot be read"},
        {APP "[auth]\njwks_min_interval = 50ms\n", "auth.jwks_min_interval (ms): 50 is not between"},
        {APP "[auth]\njwks_min_interval = 2m\njwks_max_age = 1m\n",
         "auth.jwks_max_age (ms): 60000 is not between"},
        {APP "[auth]\nalgorithms = RS256, none\n", "auth.algorithms: \"none\" is no algorithm"},
        {APP "[auth]\nalgorithms = RS256\n", "auth.algorithms \"RS256\" accepts no token"},
        {APP "[auth]\njwks_url = https://idp.example/k\nalgorithms = HS256\n", "accepts no token"},
        {APP "[auth]\ntrusted_header = x client\n", "auth.trusted_header"},
        {APP "[auth]\ntrusted_header = Authorization\n", "auth.trusted_header"},
        {APP "[data]\nport = 65536\n", "data.port: 65536 is not between 0 and 65535"},
        {APP "[control]\nport = 70000\n", "control.port"},
        {APP "[server]\nport = 70000\n", "server.port"},
        {APP "[data]\nconnections = 0\n", "data.connections"},
        {APP "[data]\nmax_clients = 0\n", "data.max_clients"},
        {APP "[data]\ntls_cert = a.pem\n", "go together"},
        {APP "[data]\ntls_key = a.pem\n", "go together"},
        {APP "[log]\nlevel = loud\n", "log.level \"loud\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].text, cases[i].message);
    assert_null(strstr(err.message, "0123456789"));
    assert_non_null(load(APP
                         "[auth]\nsecret = 01234567890123456789012345678901\ntenant_claim = $.app.school\n"
                         "trusted_header = x-client\n",
                         NULL));
}

static void the_line_of_an_error_is_named(void **state)
{
    (void)state;
    assert_refused(APP "\n; note\n[data]\nprot = 1\n",
                   "rowhouse.conf:8: there is no setting \"prot\" in section [data]");
    assert_refused("name = ads\n", ":1: there is no setting \"name\" in section []");
    assert_refused(APP "[app\nname = x\n", ":5: not understood");
    assert_refused(APP "nonsense\n", ":5: not understood");
}

/* The first one counts, although the reader goes on after it. */
static void of_two_errors_the_first_is_reported(void **state)
{
    (void)state;
    assert_refused("[app]\nprot = 1\nport = 2\n", ":2: there is no setting \"prot\"");
    assert_refused("[app]\nnonsense\nport = 2\n", ":2: not understood");
    assert_refused("[app]\nport = 2\nnonsense\n", ":2: there is no setting \"port\"");
    assert_refused("[data]\nport = x\nthreads = y\n", ":2: data.port: \"x\"");
}

/* The parser underneath takes an indented line for more of the value above it. */
static void indented_lines_are_settings_of_their_own(void **state)
{
    (void)state;
    rh_conf *c = load(
        "\xef\xbb\xbf[app]\r\n  name = ads\r\n  tenant_key = company_id\r\n\troot = companies\r\n", NULL);
    assert_non_null(c);
    assert_string_equal(c->app_name, "ads");
    assert_string_equal(c->app_tenant_key, "company_id");
    assert_string_equal(c->app_root, "companies");
}

/* The parser underneath cuts long lines and reads on in the middle. */
static void long_lines_are_errors_and_long_comments_are_not(void **state)
{
    (void)state;
    char filler[601];
    memset(filler, 'x', 600);
    filler[600] = 0;
    assert_refused(rh_arena_printf(arena, APP "[server]\nconninfo = host=%s port=5\n", filler),
                   ":6: the line has 623 bytes");
    assert_refused(rh_arena_printf(arena, APP "[server]\nconninfo = %s", filler), ":6: the line has");
    assert_non_null(load(rh_arena_printf(arena, APP "  # %s name = y\n;%s\n", filler, filler), NULL));
    for (int n = 150; n < 220; n++) { /* whole, or not at all */
        rh_conf *c = load(rh_arena_printf(arena, APP "[server]\ndata = %.*s\n", n, filler), NULL);
        if (c)
            assert_int_equal(strlen(c->server_data), n);
    }
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    assert_refused(APP "[auth]\nissuer = \xff\n", "is not UTF-8 text");
    write_file("rowhouse.conf", APP "\0[log]\n", sizeof APP + 6);
    assert_null(rh_conf_load(arena, dir, NULL, &err));
    assert_says("is not UTF-8 text");
}

static void a_missing_app_is_said(void **state)
{
    (void)state;
    assert_null(rh_conf_load(arena, dir, NULL, &err));
    assert_says("there is no file");
    assert_non_null(strstr(err.hint, "--app"));
    assert_null(rh_conf_load(arena, rh_arena_printf(arena, "%s/nowhere", dir), NULL, &err));
    assert_says("nowhere");
    assert_int_equal(err.code, RH_E_CONF);
}

static void the_last_that_speaks_wins(void **state)
{
    (void)state;
    static const char *const flags[] = {"data.port=4", NULL};
    const char *text = APP "[data]\nport = 1\n", *env_file = "ROWHOUSE_DATA_PORT=2\n";
    assert_int_equal(load(text, NULL)->data_port, 1);
    write_file(".env", env_file, strlen(env_file));
    assert_int_equal(load(text, NULL)->data_port, 2);
    setenv("ROWHOUSE_DATA_PORT", "3", 1);
    assert_int_equal(load(text, NULL)->data_port, 3);
    assert_int_equal(load(text, flags)->data_port, 4);
    setenv("ROWHOUSE_DATA_PORT", "x", 1);
    assert_null(load(text, NULL));
    assert_says("environment variable ROWHOUSE_DATA_PORT: data.port: \"x\"");
    unsetenv("ROWHOUSE_DATA_PORT");
}

static void env_files_are_read_as_usual(void **state)
{
    (void)state;
    static const char env_file[] =
        "# comment\r\n\n  export ROWHOUSE_SERVER_CONNINFO = \"host=x dbname='a b' # c\"  # why\n"
        "OTHER=1\nROWHOUSE_DATA_LISTEN='::1'\nROWHOUSE_SERVER_DATA=/a b # comment\n"
        "ROWHOUSE_AUTH_ISSUER=\nROWHOUSE_AUTH_AUDIENCE=a#b=c";
    write_file(".env", env_file, sizeof env_file - 1);
    rh_conf *c = load(APP, NULL);
    assert_non_null(c);
    assert_string_equal(c->server_conninfo, "host=x dbname='a b' # c");
    assert_string_equal(c->data_listen, "::1");
    assert_string_equal(c->server_data, "/a b");
    assert_string_equal(c->auth_issuer, "");
    assert_string_equal(c->auth_audience, "a#b=c");
}

static rh_conf *load_env(const char *env)
{
    write_file(".env", env, strlen(env));
    return load(APP, NULL);
}

static void names_of_other_tools_are_understood(void **state)
{
    (void)state;
    rh_conf *c =
        load_env("NODE_ENV=dev\nPORT=4000\nDATABASE_URL=postgres://me@db.example/x\nAUTH0_DOMAIN=a.example\n"
                 "JWT_ISSUER=\nVITE_x=1\na b=secret\n");
    assert_non_null(c);
    assert_int_equal(c->data_port, 4000);
    assert_string_equal(c->server_conninfo, "postgres://me@db.example/x");
    assert_string_equal(c->auth_jwks_url, "https://a.example/.well-known/jwks.json");
    assert_string_equal(c->auth_issuer, "https://a.example/");
    assert_string_equal(c->unused_env, "NODE_ENV, VITE_x, one that is no name");
    c = load_env(
        "ROWHOUSE_DATA_PORT=5000\nPORT=4000\nROWHOUSE_SERVER_CONNINFO=\nDATABASE_URL=x\nPGHOST=db\n");
    assert_int_equal(c->data_port, 5000);
    assert_string_equal(c->server_conninfo, "");
    assert_string_equal(c->unused_env, "");
    assert_null(load_env("PORT=http\n"));
    assert_says(".env: PORT: data.port: \"http\" is not a whole number");
}

static void parts_complete_a_conninfo(void **state)
{
    (void)state;
    static const struct {
        const char *env, *conf, *conninfo;
    } cases[] = {
        {"PGHOST=\nPGUSER=\n", "", ""},
        {"PGHOST=db\nDB_USER=me\nPGPASSWORD=it's\n", "", "user='me' password='it\\'s' host='db'"},
        {"DATABASE_URL=postgres://db/x\nPGPASSWORD=p\nPGHOST=other\n", "",
         "password='p' dbname='x' host='db'"},
        {"PGPASSWORD=p\nPGHOST=other\n", "[server]\nconninfo = host=db user=me\n",
         "user='me' password='p' host='other'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(".env", cases[i].env, strlen(cases[i].env));
        assert_string_equal(load(rh_arena_printf(arena, APP "%s", cases[i].conf), NULL)->server_conninfo,
                            cases[i].conninfo);
    }
    write_file(".env", "PGPASSWORD=hidden\n", strlen("PGPASSWORD=hidden\n"));
    assert_null(load(APP "[server]\nconninfo = host=db shown=1\n", NULL));
    assert_says("server.conninfo was not understood");
}

static void the_environment_has_them_when_the_conf_says_so(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgres://elsewhere/x", 1);
    setenv("PORT", "4001", 1);
    rh_conf *c = load_env("PORT=4000\n");
    assert_int_equal(c->data_port, 4000);
    assert_string_equal(c->server_conninfo, "");
    c = load(APP "platform_env = on\n", NULL);
    assert_int_equal(c->data_port, 4001);
    assert_string_equal(c->server_conninfo, "postgres://elsewhere/x");
    unsetenv("DATABASE_URL");
    unsetenv("PORT");
}

static void env_files_err_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"\n\nROWHOUSE_DATA_PORT=x\n", ".env:3: data.port: \"x\""},
        {"A=1\nROWHOUSE_DATA_PROT=1\n", ".env:2: there is no setting ROWHOUSE_DATA_PROT"},
        {"ROWHOUSE_DATA_PORT 3000\n", ".env:1: not understood"},
        {"A=\xff\n", ".env is not UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(".env", cases[i].text, strlen(cases[i].text));
        assert_null(load(APP, NULL));
        assert_int_equal(err.code, RH_E_CONF);
        assert_says(cases[i].message);
    }
}

static void flags_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *flag;
        rh_code code;
        const char *message;
    } cases[] = {
        {"data.port", RH_E_USAGE, "--set data.port: not of the form"},
        {"port=1", RH_E_USAGE, "not of the form"},
        {"port=a.b", RH_E_USAGE, "not of the form"},
        {".=", RH_E_USAGE, "there is no such setting"},
        {"data.prot=1", RH_E_USAGE, "there is no such setting"},
        {"data.port=x", RH_E_CONF, "--set: data.port: \"x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *flags[] = {"log.json=on", cases[i].flag, NULL};
        assert_null(load(APP, flags));
        assert_int_equal(err.code, cases[i].code);
        assert_says(cases[i].message);
    }
    const char *flags[] = {"server.conninfo=host=a.b port=5", "auth.issuer=", NULL};
    assert_string_equal(load(APP, flags)->server_conninfo, "host=a.b port=5");
}

/* ---- docs/settings.md ---- */

static rh_conf *adopt(const char *text)
{
    memset(&err, 0, sizeof err);
    write_file("postgrest.conf", text, strlen(text));
    return rh_conf_adopt(arena, rh_arena_printf(arena, "%s/postgrest.conf", dir), NULL, &err);
}

static void files_of_postgrest_are_read_as_they_are(void **state)
{
    setenv("KNOB_TEST", "from outside", 1);
    rh_conf *c =
        adopt("# tutorial.conf\n\n"
              "db-uri = \"postgres://me:a\\\"b\\\\c@localhost:5433/x\" # a comment\n"
              "  db-schemas   =\"api, two\"\r\n"
              "max-rows = 10\ndb-aggregates-enabled=true\nserver-host = \"!4\"\nlog-level = \"crit\"\n"
              "db-pool-max-lifetime = 1800\ndb-prepared-statements = true\n"
              "app.settings.word = \"$(KNOB_TEST) $$1\"\napp.settings.word2 = \"\"");
    unsetenv("KNOB_TEST");
    if (!c)
        fail_msg("%s", err.message);
    assert_true(c->adopted);
    assert_string_equal(c->adopt_db_uri, "postgres://me:a\"b\\c@localhost:5433/x");
    assert_string_equal(c->adopt_db_schemas, "api, two");
    assert_int_equal(c->data_max_rows, 10);
    assert_true(c->data_aggregates);
    assert_string_equal(c->data_listen, "0.0.0.0");
    assert_string_equal(c->log_level, "error");
    assert_int_equal(c->app_settings.len, 2);
    assert_string_equal(c->app_settings.items[0].name, "app.settings.word");
    assert_string_equal(c->app_settings.items[0].value, "from outside $1");
    static const char *const wrong[][2] = {
        {"db-uri = \"x\"\ndb-schemas = \"api", "postgrest.conf:2: a text without its closing quote"},
        {"db-uri", "postgrest.conf:1: not understood"},
        {"db-uri = \"a\" \"b\"", "postgrest.conf:1: not understood: what stands behind the value"},
        {"\ndb-uri = \"$(NO_SUCH_NAME_HERE)\"", "postgrest.conf:2: there is no environment variable"},
        {"db-ury = \"x\"", "postgrest.conf:1: there is no setting \"db-ury\""},
        {"db-uri = \"@/nonexistent\"", "db-uri"},
        {"app.settings.a-b = 1", "cannot be the name of a setting"},
        {"tenants = \"many\"", "is not database, schema or role"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(adopt(wrong[i][0]));
        assert_int_equal(err.code, RH_E_CONF);
        assert_says(wrong[i][1]);
    }
}

static void the_documentation_tells_the_settings_there_are(void **state)
{
    (void)state;
    static const char command[] = "RH_WRITE_DOCS=1 meson test -C build conf";
    const char *root = getenv("RH_SOURCE_ROOT");
    assert_non_null(root); /* meson sets it */
    const char *path = rh_arena_printf(arena, "%s/docs/settings.md", root);
    rh_str text;
    rh_str_init_in(&text, arena, MAX_TEXT);
    rh_conf_reference(&text);
    assert_false(text.overflow);
    if (getenv("RH_WRITE_DOCS")) {
        assert_true(rh_mkdirs(rh_arena_printf(arena, "%s/docs", root), 0755, &err));
        assert_true(rh_file_write(path, rh_str_cstr(&text), text.len, 0644, &err));
    }
    const char *documented = rh_file_read(arena, path, MAX_TEXT, NULL, &err);
    if (!documented || strcmp(documented, rh_str_cstr(&text)) != 0)
        fail_msg("docs/settings.md does not tell what src/conf/settings.h says; write it anew: %s", command);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaults_fill_what_is_not_said),
        TEST(every_type_is_read),
        TEST(values_of_a_wrong_type_are_named),
        TEST(values_that_cannot_be_are_named),
        TEST(the_line_of_an_error_is_named),
        TEST(of_two_errors_the_first_is_reported),
        TEST(indented_lines_are_settings_of_their_own),
        TEST(long_lines_are_errors_and_long_comments_are_not),
        TEST(bytes_that_are_no_text_are_refused),
        TEST(a_missing_app_is_said),
        TEST(the_last_that_speaks_wins),
        TEST(env_files_are_read_as_usual),
        TEST(names_of_other_tools_are_understood),
        TEST(parts_complete_a_conninfo),
        TEST(the_environment_has_them_when_the_conf_says_so),
        TEST(env_files_err_with_their_line),
        TEST(flags_are_checked),
        TEST(files_of_postgrest_are_read_as_they_are),
        TEST(the_documentation_tells_the_settings_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
