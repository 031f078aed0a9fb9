/* SPDX-License-Identifier: Apache-2.0 */
#include "http/etag.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define BYTES 16 /* of the digest: nobody gains from a tag of his own that is another's */

static EVP_MD *digest;

/* Looking an algorithm up by name costs more than the digest of a row. */
__attribute__((constructor)) static void fetch_digest(void)
{
    digest = EVP_MD_fetch(NULL, "SHA256", NULL);
}

__attribute__((destructor)) static void free_digest(void)
{
    EVP_MD_free(digest);
}

void rh_etag_of(int status, const rh_rest_header *headers, int n, const char *body, size_t len,
                char out[RH_ETAG_SIZE])
{
    /* letters that spell no tenant by chance, for those who look for one in an answer */
    static const char digits[] = "ghijklmnopqrstuv";
    unsigned char sum[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_DigestInit_ex2(c, digest, NULL);
    EVP_DigestUpdate(c, &status, sizeof status);
    for (int i = 0; i < n; i++) {
        if (strncasecmp(headers[i].name, "Content-", 8) != 0)
            continue;
        EVP_DigestUpdate(c, headers[i].name, strlen(headers[i].name) + 1);
        EVP_DigestUpdate(c, headers[i].value, strlen(headers[i].value) + 1);
    }
    EVP_DigestUpdate(c, body, len);
    EVP_DigestFinal_ex(c, sum, NULL);
    EVP_MD_CTX_free(c);
    char *to = out;
    memcpy(to, "W/\"", 3);
    to += 3;
    for (int i = 0; i < BYTES; i++) {
        *to++ = digits[sum[i] >> 4];
        *to++ = digits[sum[i] & 15];
    }
    *to++ = '"';
    *to = 0;
}

/* Weak comparison: W/ does not count. */
bool rh_etag_matches(const char *p, const char *etag)
{
    const char *opaque = strchr(etag, '"');
    size_t n = strlen(opaque);
    if (!p)
        return false;
    p += strspn(p, " \t");
    if (strcmp(p, "*") == 0)
        return true;
    while (*p) {
        p += strspn(p, " \t,");
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        if (strncmp(p, opaque, n) == 0)
            return true;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end)
            return false;
        p = end + 1;
    }
    return false;
}
