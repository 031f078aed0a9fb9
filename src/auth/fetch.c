/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#define ACCEPT "Accept: application/jwk-set+json, application/json"

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool refuse_url(const char *why, rh_err *err)
{
    rh_err_set(err, RH_E_CONF, "the address %s", why);
    return rh_err_hint(err, "For example https://login.example.com/.well-known/jwks.json.");
}

bool rh_fetch_url_ok(const char *url, rh_err *err)
{
    char *scheme = NULL, *host = NULL;
    CURLU *parts = curl_url();
    bool parsed = parts && curl_url_set(parts, CURLUPART_URL, url,
                                        CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    bool ok = true;
    if (!parsed)
        ok = refuse_url("cannot be read, or has a user in it", err);
    else if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
             (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        ok = refuse_url("begins with neither https:// nor http://", err);
    else if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host)
        ok = refuse_url("has no host", err);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return ok;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    rh_str *out = arg;
    rh_str_addn(out, bytes, size * n);
    return out->overflow ? 0 : size * n;
}

static int on_progress(void *stop, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    return atomic_load((const atomic_bool *)stop) ? 1 : 0;
}

static CURLcode set_up(CURL *c, const char *url, int64_t timeout_ms, const atomic_bool *stop, rh_str *out,
                       struct curl_slist *headers, char *why)
{
    CURLcode rc = CURLE_OK;
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(c, CURLOPT_##option, value)
    SET(URL, url);
    SET(PROTOCOLS_STR, "http,https");
    SET(FOLLOWLOCATION, 0L);
    SET(NOSIGNAL, 1L); /* threads */
    SET(TIMEOUT_MS, (long)timeout_ms);
    SET(MAXFILESIZE_LARGE, (curl_off_t)out->max);
    SET(HTTPHEADER, headers);
    SET(USERAGENT, "rowhouse/" RH_VERSION);
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, out);
    SET(NOPROGRESS, 0L);
    SET(XFERINFOFUNCTION, on_progress);
    SET(XFERINFODATA, (void *)stop);
    SET(ERRORBUFFER, why);
#undef SET
    return rc;
}

static bool failed(CURLcode rc, const char *why, const rh_str *out, rh_err *err)
{
    if (rc == CURLE_FILESIZE_EXCEEDED || (rc == CURLE_WRITE_ERROR && out->overflow))
        return rh_err_set(err, RH_E_TOO_LARGE, "the answer is larger than %zu bytes", out->max);
    return rh_err_set(err, rc == CURLE_OPERATION_TIMEDOUT ? RH_E_TIMEOUT : RH_E_IO, "%s",
                      *why ? why : curl_easy_strerror(rc));
}

bool rh_fetch(const char *url, int64_t timeout_ms, const atomic_bool *stop, rh_str *out, rh_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    pthread_once(&once, start_library);
    CURL *c = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, ACCEPT);
    CURLcode rc = c && headers ? set_up(c, url, timeout_ms, stop, out, headers, why) : CURLE_OUT_OF_MEMORY;
    if (rc == CURLE_OK)
        rc = curl_easy_perform(c);
    bool ok = rc == CURLE_OK || failed(rc, why, out, err);
    if (ok && curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status != 200)
        ok = rh_err_set(err, RH_E_IO, "the answer has status %ld", status);
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    return ok;
}
