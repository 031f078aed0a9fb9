/* SPDX-License-Identifier: Apache-2.0 */
#include "http/docs.h"

#include <openssl/rand.h>
#include <string.h>

#define NONCE "{{nonce}}" /* where it belongs in the page */
#define MAX_PAGE ((size_t)1 << 20)

extern const char rh_docs_page[];
extern const size_t rh_docs_page_len;

/* Known to this answer alone: what somebody smuggled into the page could not name it. */
static bool make_nonce(char out[33])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[32] = 0;
    return true;
}

static void fill_page(rh_str *page, const char *nonce)
{
    const char *from = rh_docs_page, *mark;
    rh_str_init(page, MAX_PAGE);
    for (; (mark = strstr(from, NONCE)); from = mark + sizeof NONCE - 1) {
        rh_str_addn(page, from, (size_t)(mark - from));
        rh_str_add(page, nonce);
    }
    rh_str_add(page, from);
}

void rh_docs_answer(rh_exchange *x)
{
    rh_err err;
    rh_str page;
    size_t len;
    char nonce[33];
    if (!make_nonce(nonce)) {
        rh_err_set(&err, RH_E_INTERNAL, "no random bytes");
        rh_exchange_refuse(x, &err, NULL);
        return;
    }
    const char *policy = rh_arena_printf(
        x->arena,
        "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        nonce, nonce);
    const rh_rest_header headers[] = {
        {"Content-Type", "text/html; charset=utf-8"},  {"Content-Security-Policy", policy},
        {"X-Content-Type-Options", "nosniff"},         {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"}, {"Cache-Control", "no-store"}};
    fill_page(&page, nonce);
    char *body = rh_str_take(&page, &len);
    rh_exchange_answer(x, 200, headers, sizeof headers / sizeof *headers, body, len);
}
