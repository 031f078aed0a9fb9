/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/shell.h"
#include "base/spawn.h"
#include "catalog/token.h"
#include "demo/demo.h"

#define MAX_FILE ((size_t)1 << 20)
#define TOKEN_TTL_S 86400
#define SHOWN 600 /* bytes of an answer */

struct request {
    const char *tenant, *method, *path, *body; /* body NULL: none */
};

static char *next_word(char **p)
{
    char *word = *p + strspn(*p, " \t");
    *p = word + strcspn(word, " \t");
    if (**p)
        *(*p)++ = 0;
    return word;
}

static bool parse(char *line, struct request *r)
{
    r->tenant = next_word(&line);
    r->method = next_word(&line);
    r->path = next_word(&line);
    line += strspn(line, " \t");
    r->body = *line ? line : NULL;
    return *r->path == '/';
}

/* A shell variable for a tenant's token: TOKEN_5. */
static const char *variable(rh_arena *a, const char *tenant)
{
    char *name = rh_arena_printf(a, "TOKEN_%s", tenant);
    for (char *p = name; *p; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    return name;
}

/* The arguments of curl for a request, but for the token: the same ones are shown and run. */
static size_t curl_arguments(const struct request *r, const char *url, const char **argv)
{
    size_t n = 0;
    if (strcmp(r->method, "GET") != 0) {
        argv[n++] = "-X";
        argv[n++] = r->method;
    }
    if (r->body) {
        argv[n++] = "-H";
        argv[n++] = "Content-Type: application/json";
        argv[n++] = "-H";
        argv[n++] = "Prefer: return=representation";
        argv[n++] = "-d";
        argv[n++] = r->body;
    }
    argv[n++] = url;
    return n;
}

static void print_curl(rh_arena *a, const struct request *r, const char *url, FILE *out)
{
    const char *argv[16];
    size_t n = curl_arguments(r, url, argv);
    fprintf(out, "    curl -s -H \"Authorization: Bearer $%s\"", variable(a, r->tenant));
    for (size_t i = 0; i < n; i++)
        fprintf(out, " %s", rh_shell_word(a, argv[i]));
    fputc('\n', out);
}

static bool run_curl(rh_arena *a, const struct request *r, const char *url, const char *token, FILE *out,
                     rh_err *err)
{
    rh_spawn_result result;
    const char *argv[32] = {"curl",
                            "-sS",
                            "-k",
                            "-m",
                            "20",
                            "-w",
                            "  [%{http_code}]",
                            "-H",
                            rh_arena_printf(a, "Authorization: Bearer %s", token)};
    curl_arguments(r, url, argv + 9);
    rh_spawn program = {.argv = argv};
    if (!rh_spawn_run(a, &program, &result, err))
        return false;
    if (result.status != 0) {
        rh_err_set(err, RH_E_UNAVAILABLE, "curl %s ended with status %d", r->path, result.status);
        return rh_err_detail(err, "%s", result.output);
    }
    size_t n = strlen(result.output);
    if (n > SHOWN)
        fprintf(out, "    -> %.*s ...%s\n", SHOWN, result.output, result.output + n - 7);
    else
        fprintf(out, "    -> %s\n", result.output);
    return true;
}

/* Prints TOKEN_x=... for each tenant that the file names, once. */
static bool print_tokens(rh_operator *o, rh_arena *a, const char *text, FILE *out, rh_err *err)
{
    char *save = NULL, *copy = rh_arena_strdup(a, text);
    RH_VEC(const char *) seen = {0};
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct request r;
        bool known = *line == '#' || !parse(line, &r);
        for (size_t i = 0; !known && i < seen.len; i++)
            known = strcmp(seen.items[i], r.tenant) == 0;
        if (known)
            continue;
        RH_VEC_PUSH(a, &seen, r.tenant);
        const char *token = rh_tenant_token(o, a, r.tenant, TOKEN_TTL_S, err);
        if (!token)
            return false;
        fprintf(out, "    %s=%s\n", variable(a, r.tenant), token);
    }
    return true;
}

bool rh_demo_requests(rh_operator *o, int port, bool tls, bool run, FILE *out, rh_err *err)
{
    const rh_conf *conf = o->app->conf;
    if (!*conf->demo_requests)
        return true;
    rh_arena *a = rh_arena_new();
    const char *path = rh_arena_printf(a, "%s/%s", conf->dir, conf->demo_requests),
               *base = rh_arena_printf(a, "http%s://127.0.0.1:%d", tls ? "s" : "", port);
    char *text = rh_file_read(a, path, MAX_FILE, NULL, err), *save = NULL;
    bool ok = text && print_tokens(o, a, text, out, err);
    for (char *line = ok ? strtok_r(text, "\n", &save) : NULL; ok && line;
         line = strtok_r(NULL, "\n", &save)) {
        struct request r;
        if (*line == '#') {
            fprintf(out, "\n  %s\n", line + 1 + (line[1] == ' '));
        } else if (!parse(line, &r)) {
            ok = rh_err_set(err, RH_E_INVALID, "%s: not of the form TENANT METHOD /PATH [BODY]: %s",
                            conf->demo_requests, line);
        } else {
            const char *url = rh_arena_printf(a, "%s%s", base, r.path);
            print_curl(a, &r, url, out);
            const char *token = run ? rh_tenant_token(o, a, r.tenant, TOKEN_TTL_S, err) : NULL;
            ok = !run || (token && run_curl(a, &r, url, token, out, err));
        }
    }
    rh_arena_free(a);
    return ok;
}
