/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claim.h"

#include <ctype.h>
#include <string.h>

#include "auth/jwt.h"

#define PATH_MAX_BYTES 255

struct step {
    const char *name;
    size_t len;
};

/* Length of the name that may follow a dot: letters, digits, _, - and whatever is not ASCII. */
static size_t bare_name(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-' || (unsigned char)p[n] >= 0x80)
        n++;
    return n;
}

/* Reads the step at *p and moves behind it. */
static bool read_step(const char **p, struct step *s)
{
    if (**p == '.') {
        *s = (struct step){*p + 1, bare_name(*p + 1)};
        *p += 1 + s->len;
        return s->len > 0;
    }
    if (**p != '[' || ((*p)[1] != '"' && (*p)[1] != '\''))
        return false;
    const char *name = *p + 2, *end = strchr(name, (*p)[1]);
    if (!end || end[1] != ']')
        return false;
    *s = (struct step){name, (size_t)(end - name)};
    *p = end + 2;
    return s->len > 0;
}

/* Number of steps, 0 when the path is malformed. */
static int parse(const char *path, struct step steps[RH_CLAIM_STEPS])
{
    size_t len = strlen(path);
    int n = 0;
    if (len == 0 || len > PATH_MAX_BYTES || !rh_is_utf8(path, len))
        return 0;
    for (const char *p = path; *p; p++)
        if (iscntrl((unsigned char)*p) || *p == '\\')
            return 0;
    if (*path != '$') {
        steps[0] = (struct step){path, len};
        return 1;
    }
    for (const char *p = path + 1; *p;)
        if (n == RH_CLAIM_STEPS || !read_step(&p, &steps[n++]))
            return 0;
    return n;
}

/* A claim that means something else already can name no tenant. */
static bool is_a_time(const struct step *s)
{
    return s->len == 3 && (memcmp(s->name, "exp", 3) == 0 || memcmp(s->name, "nbf", 3) == 0 ||
                           memcmp(s->name, "iat", 3) == 0);
}

bool rh_jwt_claim_path_ok(const char *path, rh_err *err)
{
    struct step steps[RH_CLAIM_STEPS];
    if (parse(path, steps) > 0 && !is_a_time(&steps[0]))
        return true;
    rh_err_set(err, RH_E_CONF, "\"%s\" is not the path of a claim", path);
    return rh_err_hint(
        err,
        "Write a name, or a path such as $.app.tenant or $[\"https://example.com/tenant\"].id, "
        "of at most %d steps.",
        RH_CLAIM_STEPS);
}

bool rh_claim_find(const json_t *payload, const char *path, json_t **value)
{
    struct step steps[RH_CLAIM_STEPS];
    int n = parse(path, steps);
    *value = NULL;
    for (int i = 0; i < n; i++) {
        if (!json_is_object(payload))
            return false;
        payload = json_object_getn(payload, steps[i].name, steps[i].len);
        if (!payload)
            return true;
    }
    *value = (json_t *)payload;
    return n > 0;
}

/* The object under the name, made when there is nothing; NULL when something else stands there. */
static json_t *object_at(json_t *parent, const struct step *s)
{
    json_t *child = json_object_getn(parent, s->name, s->len);
    if (!child) {
        child = json_object();
        if (json_object_setn_new(parent, s->name, s->len, child) < 0)
            return NULL;
    }
    return json_is_object(child) ? child : NULL;
}

bool rh_claim_put(json_t *payload, const char *path, json_t *value)
{
    struct step steps[RH_CLAIM_STEPS];
    int n = parse(path, steps);
    for (int i = 0; payload && i < n - 1; i++)
        payload = object_at(payload, &steps[i]);
    if (payload && n > 0)
        return json_object_setn_new(payload, steps[n - 1].name, steps[n - 1].len, value) == 0;
    json_decref(value);
    return false;
}
