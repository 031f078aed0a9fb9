/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys from outside and the tokens they may verify: auth/{alg,key,jwk,pem,keys}.c below rh_jwt_verify().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "auth/jwt.h"
#include "auth/resolve.h"
#include "base/clock.h"
#include "make_key.h"

#define NOW TEST_NOW
#define PAYLOAD "{\"tenant\":5}"
#define BAD_ALG "Wrong or unsupported encoding algorithm"
#define BAD_KEY "No suitable key or wrong key type"

static rh_arena *arena;
static EVP_PKEY *rsa, *other_rsa, *p256, *p384, *ed;
static rh_err err;
static rh_jwt_claims claims;
static const rh_jwt_rules plain = {.tenant_claim = "tenant", .audience = "", .issuer = "", .leeway_s = 30};

static int set_up(void **state)
{
    (void)state;
    arena = rh_arena_new();
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return rsa && other_rsa && p256 && p384 && ed ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {rsa, other_rsa, p256, p384, ed};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        EVP_PKEY_free(keys[i]);
    rh_arena_free(arena);
    return 0;
}

/* ---- short words ---- */

static rh_jwt_keys *read_from(const char *text, rh_keys_from from)
{
    memset(&err, 0, sizeof err);
    return rh_jwt_keys_read(text, strlen(text), from, &err);
}

/* The set of a file; the test fails when there is none. */
static rh_jwt_keys *keys_of(const char *text)
{
    rh_jwt_keys *k = read_from(text, RH_KEYS_FROM_FILE);
    if (!k)
        fail_msg("%s: %s", err.message, text);
    return k;
}

static char *set_of(const char *jwks)
{
    return rh_arena_printf(arena, "{\"keys\":[%s]}", jwks);
}

static bool verify(const rh_jwt_keys *k, const rh_jwt_rules *rules, const char *token)
{
    memset(&err, 0, sizeof err);
    return rh_jwt_verify(k, rules, token, strlen(token), NOW, arena, &claims, &err);
}

static bool accepts(const char *keys_text, const char *token)
{
    rh_jwt_keys *k = keys_of(keys_text);
    bool ok = verify(k, &plain, token);
    rh_jwt_keys_free(k);
    return ok;
}

static void assert_refused(bool ok, const char *message)
{
    assert_false(ok);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, RH_E_JWT);
}

static void assert_unreadable(const char *text, const char *part)
{
    rh_jwt_keys *k = read_from(text, RH_KEYS_FROM_FILE);
    if (k)
        fail_msg("accepted: %s", text);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" is not in \"%s\" (%s)", part, err.message, text);
}

/* ---- the examples of the RFCs ---- */

#define RFC_PAYLOAD                                                                                          \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"                                       \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC_NOW 1300819380

static const char rfc7515_rsa[] =
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"
    "4qPCJrcS2mJ"
    "PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
    "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";
static const char rfc7515_ec[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

static void the_tokens_of_rfc_7515_are_verified(void **state)
{
    (void)state;
    static const char rs256[] = "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD
                                ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-"
                                "0Qc_lF5YKt_O8W2Fp5jujGbds9"
                                "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
                                "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
                                "eSN9383LcOLn6_dO--xi12jzDwusC-"
                                "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt"
                                "5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    static const char es256[] =
        "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    rh_jwt_rules joe = plain;
    joe.issuer = "joe";
    rh_jwt_keys *k = keys_of(set_of(rh_arena_printf(arena, "%s,%s", rfc7515_rsa, rfc7515_ec)));
    assert_true(rh_jwt_verify(k, &joe, rs256, strlen(rs256), RFC_NOW, arena, &claims, &err));
    assert_true(claims.expires == RFC_NOW);
    assert_true(rh_jwt_verify(k, &joe, es256, strlen(es256), RFC_NOW, arena, &claims, &err));
    rh_jwt_keys_free(k);
}

static void the_signature_of_rfc_8037_is_verified(void **state)
{
    (void)state;
    static const char signed_part[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    static const char signature[] =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    size_t n;
    rh_jwt_keys *k = keys_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                             "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
    unsigned char *raw = rh_base64url_decode(arena, signature, strlen(signature), &n);
    const rh_alg *eddsa = rh_alg_find("EdDSA");
    assert_int_equal(rh_jwt_keys_verify(k, eddsa, NULL, signed_part, strlen(signed_part), raw, n),
                     RH_KEYS_GOOD);
    raw[63] ^= 1;
    assert_int_equal(rh_jwt_keys_verify(k, eddsa, NULL, signed_part, strlen(signed_part), raw, n),
                     RH_KEYS_UNKNOWN);
    rh_jwt_keys_free(k);
}

/* Appendix A.1: an EC key for encryption, and an RSA key. */
static void the_set_of_rfc_7517_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"use\":\"enc\",\"kid\":\"1\"},"
        "{\"kty\":\"RSA\",\"n\":"
        "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
        "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"
        "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":"
        "\"RS256\","
        "\"kid\":\"2011-04-29\"}]}";
    rh_err why;
    rh_jwt_keys *k = keys_of(text);
    assert_int_equal(rh_jwt_keys_count(k), 1);
    assert_int_equal(rh_jwt_keys_algs(k), rh_alg_find("RS256")->bit);
    assert_int_equal(rh_jwt_keys_left_out(k, &why), 1);
    assert_string_equal(why.message, "key 1 of 2: the key's use is not sig");
    rh_jwt_keys_free(k);
}

/* ---- every algorithm, every kind of file ---- */

static const struct {
    const char *alg, *digest;
    EVP_PKEY **pkey;
} public_algs[] = {
    {"RS256", "SHA256", &rsa},  {"RS384", "SHA384", &rsa},  {"RS512", "SHA512", &rsa},
    {"ES256", "SHA256", &p256}, {"ES384", "SHA384", &p384}, {"EdDSA", NULL, &ed},
};
#define N_PUBLIC (sizeof public_algs / sizeof *public_algs)

static char *token_of(size_t i, const char *kid)
{
    char *header = rh_arena_printf(arena, kid ? "{\"alg\":\"%s\",\"kid\":\"%s\"}" : "{\"alg\":\"%s\"}",
                                   public_algs[i].alg, kid);
    return sign_token(arena, *public_algs[i].pkey, public_algs[i].digest, header, PAYLOAD);
}

static void every_algorithm_verifies_with_jwk_and_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PUBLIC; i++) {
        EVP_PKEY *pkey = *public_algs[i].pkey;
        char *token = token_of(i, NULL);
        assert_true(accepts(make_jwk(arena, pkey, ""), token));
        assert_string_equal(claims.tenant, "5");
        assert_true(accepts(set_of(make_jwk(arena, pkey, "")), token));
        assert_true(accepts(make_pem(arena, pkey), token));
        assert_true(
            accepts(rh_arena_printf(arena, "the key of %s:\n%s", "us", make_pem(arena, pkey)), token));
        if (pkey != ed)
            assert_true(accepts(make_certificate(arena, pkey), token));
        /* one bit of the signature, one of the payload */
        char *bad = rh_arena_strdup(arena, token);
        size_t at = strlen(bad) - 20;
        bad[at] = bad[at] == 'A' ? 'B' : 'A';
        assert_refused(accepts(make_pem(arena, pkey), bad), BAD_KEY);
        bad = rh_arena_strdup(arena, token);
        at = (size_t)(strchr(bad, '.') - bad) + 8;
        bad[at] = bad[at] == 'A' ? 'B' : 'A';
        assert_refused(accepts(make_pem(arena, pkey), bad), BAD_KEY);
    }
}

static void longer_hmacs_want_longer_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *alg;
        const EVP_MD *(*digest)(void);
        size_t bytes;
    } cases[] = {{"HS256", EVP_sha256, 32}, {"HS384", EVP_sha384, 48}, {"HS512", EVP_sha512, 64}};
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (size_t i = 0; i < 3; i++)
        for (size_t len = 32; len <= 64; len += 16) {
            char *text = rh_arena_strndup(arena, secret, len);
            char *token = make_token(arena, cases[i].digest(), text,
                                     rh_arena_printf(arena, "{\"alg\":\"%s\"}", cases[i].alg), PAYLOAD);
            rh_jwt_keys *k = rh_jwt_keys_from_secret(text, len, &err);
            bool ok = verify(k, &plain, token);
            if (len >= cases[i].bytes)
                assert_true(ok);
            else
                assert_refused(ok, BAD_ALG);
            rh_jwt_keys_free(k);
        }
}

static void pem_files_of_other_kinds_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), *p521 = EVP_EC_gen("P-521"),
             *k256 = EVP_EC_gen("secp256k1"), *small = EVP_RSA_gen(1024);
    char *pem = make_pem(arena, rsa);
    assert_unreadable(make_private_pem(arena, rsa), "there is a private key in it");
    assert_unreadable(rh_arena_printf(arena, "%s%s", pem, make_private_pem(arena, p256)), "private key");
    assert_unreadable(make_pem(arena, ed448), "not supported");
    assert_unreadable(make_pem(arena, p521), "not supported");
    assert_unreadable(make_pem(arena, k256), "not supported");
    assert_unreadable(make_pem(arena, small), "1024 bits");
    assert_unreadable("", "no PEM block");
    assert_unreadable("a secret of a kind that has no form", "no PEM block");
    assert_unreadable("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key");
    assert_unreadable("-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----\n", "malformed");
    assert_unreadable(rh_arena_strndup(arena, pem, strlen(pem) / 2), "malformed");
    char *certificate = make_certificate(arena, rsa);
    assert_unreadable(rh_arena_printf(arena, "%s%s", certificate, make_certificate(arena, p256)),
                      "more than one certificate");
    rh_jwt_keys *k = keys_of(rh_arena_printf(arena, "%s%s", pem, make_pem(arena, other_rsa)));
    assert_int_equal(rh_jwt_keys_count(k), 2); /* an old and a new one, while keys are changed */
    rh_jwt_keys_free(k);
    EVP_PKEY_free(ed448);
    EVP_PKEY_free(p521);
    EVP_PKEY_free(k256);
    EVP_PKEY_free(small);
}

static void jwks_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *jwk, *part;
    } cases[] = {
        {"{", "it is not JSON"},
        {"[]", "kty"},
        {"{}", "kty"},
        {"{\"kty\":\"rsa\"}", "kty"},
        {"{\"kty\":\"RSA\\u0000\"}", "it is not JSON"},
        {"{\"kty\":\"RSA\"}", "the member n is missing"},
        {"{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}", "the member n is missing"},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ""},
        {"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "the curve"},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "the curve"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "32 bytes each"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
         "do not make a public key"}, /* not on the curve */
        {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AQAB\"}", "not Ed25519"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
         "not Ed25519"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}", "32 bytes"},
        {"{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}", "5 bytes"},
        {"{\"keys\":{}}", "not an array"},
        {"{\"keys\":[]}", "no key in it"},
        {"{\"keys\":[7]}", "kty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_unreadable(cases[i].jwk, cases[i].part);
    assert_unreadable(make_jwk(arena, rsa, ",\"e\":\"AQAB\""), "it is not JSON"); /* a member twice */
    /* e = 1, where every text is its own signature; e even; e of 9 bytes */
    char *n = number_member(arena, rsa, "n", 0);
    static const char *const exponents[] = {"AQ", "Ag", "AQAAAAAAAAAB"};
    for (size_t i = 0; i < 3; i++)
        assert_unreadable(
            rh_arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n, exponents[i]), "");
}

static void members_of_a_key_narrow_it(void **state)
{
    (void)state;
    char *rs256 = token_of(0, NULL), *rs384 = token_of(1, NULL);
    assert_true(accepts(make_jwk(arena, rsa, ",\"alg\":\"RS256\""), rs256));
    assert_refused(accepts(make_jwk(arena, rsa, ",\"alg\":\"RS256\""), rs384), BAD_ALG);
    assert_true(accepts(make_jwk(arena, rsa, ",\"use\":\"sig\",\"key_ops\":[\"verify\"]"), rs256));
    static const struct {
        const char *more, *part;
    } cases[] = {
        {",\"use\":\"enc\"", "use is not sig"},
        {",\"use\":7", "use is not sig"},
        {",\"key_ops\":[\"encrypt\"]", "key_ops"},
        {",\"key_ops\":[]", "key_ops"},
        {",\"key_ops\":\"verify\"", "key_ops"},
        {",\"alg\":\"ES256\"", "alg is not"},
        {",\"alg\":\"HS256\"", "alg is not"},
        {",\"alg\":\"PS256\"", "alg is not"},
        {",\"alg\":\"RSA-OAEP\"", "alg is not"},
        {",\"alg\":7", "alg is not"},
        {",\"alg\":\"none\"", "alg is not"},
        {",\"kid\":7", "kid is not"},
        {",\"d\":\"AQAB\"", "private"},
        {",\"d\":null", "private"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_unreadable(make_jwk(arena, rsa, cases[i].more), cases[i].part);
        /* in a set it is left out, and the rest is good */
        char *set = set_of(
            rh_arena_printf(arena, "%s,%s", make_jwk(arena, rsa, cases[i].more), make_jwk(arena, p256, "")));
        rh_jwt_keys *k = keys_of(set);
        assert_int_equal(rh_jwt_keys_count(k), 1);
        assert_false(verify(k, &plain, rs256));
        assert_true(verify(k, &plain, token_of(3, NULL)));
        rh_jwt_keys_free(k);
    }
}

/* ---- confusion ---- */

static char *hmac_token(const char *alg, const char *secret)
{
    return make_token(arena, EVP_sha256(), secret, rh_arena_printf(arena, "{\"alg\":\"%s\"}", alg), PAYLOAD);
}

static void a_public_key_is_never_a_secret(void **state)
{
    (void)state;
    char *pem = make_pem(arena, rsa), *jwk = make_jwk(arena, rsa, "");
    char *der_like = number_member(arena, rsa, "n", 0);
    static const char *const forms[] = {"HS256", "HS384", "HS512"};
    for (size_t i = 0; i < 3; i++) {
        assert_refused(accepts(pem, hmac_token(forms[i], pem)), BAD_ALG);
        assert_refused(accepts(jwk, hmac_token(forms[i], jwk)), BAD_ALG);
        assert_refused(accepts(jwk, hmac_token(forms[i], der_like)), BAD_ALG);
    }
    /* nor can it be made one by mistake */
    assert_null(rh_jwt_keys_from_secret(pem, strlen(pem), &err));
    assert_int_equal(err.code, RH_E_JWT_SECRET);
    assert_null(rh_jwt_keys_from_secret(jwk, strlen(jwk), &err));
    char *set = set_of(jwk);
    assert_null(rh_jwt_keys_from_secret(set, strlen(set), &err));
    char *oct = rh_arena_printf(arena, "{\"kty\":\"oct\",\"k\":\"%s\"}",
                                rh_base64url_encode(arena, pem, strlen(pem)));
    assert_unreadable(oct, "the text of a key");
}

static void an_algorithm_fits_its_own_kind_of_key_only(void **state)
{
    (void)state;
    for (size_t key = 0; key < N_PUBLIC; key++) {
        char *pem = make_pem(arena, *public_algs[key].pkey);
        for (size_t alg = 0; alg < N_PUBLIC; alg++) {
            if (*public_algs[alg].pkey == *public_algs[key].pkey)
                continue;
            assert_refused(accepts(pem, token_of(alg, NULL)), BAD_ALG);
            /* the right key's signature under the wrong name */
            char *swapped =
                sign_token(arena, *public_algs[key].pkey, public_algs[key].digest,
                           rh_arena_printf(arena, "{\"alg\":\"%s\"}", public_algs[alg].alg), PAYLOAD);
            assert_refused(accepts(pem, swapped), BAD_ALG);
        }
    }
    static const char *const others[] = {"none",  "None",  "",       "rs256", "RS256 ",
                                         "PS256", "ES512", "ES256K", "RS1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(accepts(make_pem(arena, rsa),
                               sign_token(arena, rsa, "SHA256",
                                          rh_arena_printf(arena, "{\"alg\":\"%s\"}", others[i]), PAYLOAD)),
                       BAD_ALG);
}

static void keys_that_a_token_brings_along_are_not_looked_at(void **state)
{
    (void)state;
    char *own = make_jwk(arena, other_rsa, "");
    char *pem = make_pem(arena, rsa);
    static const char *const members[] = {"jwk", "x5c", "jku", "x5u"};
    for (size_t i = 0; i < 4; i++) {
        const char *value = i == 0 ? own : i == 1 ? "[\"AAAA\"]" : "\"http://127.0.0.1:1/\"";
        char *header = rh_arena_printf(arena, "{\"alg\":\"RS256\",\"%s\":%s}", members[i], value);
        assert_refused(accepts(pem, sign_token(arena, other_rsa, "SHA256", header, PAYLOAD)), BAD_KEY);
        assert_true(accepts(pem, sign_token(arena, rsa, "SHA256", header, PAYLOAD)));
    }
}

static void crit_and_a_malformed_kid_are_refused(void **state)
{
    (void)state;
    char *pem = make_pem(arena, rsa);
    assert_refused(accepts(pem, sign_token(arena, rsa, "SHA256",
                                           "{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", PAYLOAD)),
                   "JWT has critical header parameters");
    assert_refused(accepts(pem, sign_token(arena, rsa, "SHA256", "{\"alg\":\"RS256\",\"kid\":7}", PAYLOAD)),
                   "JWT couldn't be decoded");
    assert_refused(
        accepts(pem, sign_token(arena, rsa, "SHA256", "{\"alg\":\"RS256\",\"kid\":\"a\\u0000\"}", PAYLOAD)),
        "JWT couldn't be decoded");
}

static void signatures_of_a_wrong_length_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PUBLIC; i++) {
        EVP_PKEY *pkey = *public_algs[i].pkey;
        char *token = token_of(i, NULL), *pem = make_pem(arena, pkey);
        size_t n, head = (size_t)(strrchr(token, '.') - token);
        unsigned char *sig = rh_base64url_decode(arena, token + head + 1, strlen(token + head + 1), &n);
        unsigned char *longer = rh_arena_zalloc(arena, n + 2);
        memcpy(longer + 1, sig, n);
        const struct {
            const unsigned char *bytes;
            size_t n;
        } forms[] = {{sig, n - 1}, {sig, 1}, {longer, n + 1}, {longer + 1, n + 1}};
        for (size_t f = 0; f < 4; f++)
            assert_refused(
                accepts(pem, rh_arena_printf(arena, "%.*s.%s", (int)head, token,
                                             rh_base64url_encode(arena, forms[f].bytes, forms[f].n))),
                BAD_KEY);
        assert_refused(accepts(pem, rh_arena_printf(arena, "%.*s.", (int)head, token)), BAD_KEY);
        /* r = s = 0, which verified anything in some implementations; DER, as other formats have it */
        char *zeros = rh_base64url_encode(arena, rh_arena_zalloc(arena, n), n);
        assert_refused(accepts(pem, rh_arena_printf(arena, "%.*s.%s", (int)head, token, zeros)), BAD_KEY);
    }
    unsigned char der[256];
    size_t n = sizeof der;
    char *signed_part = rh_arena_printf(arena, "%s.%s", rh_base64url_encode(arena, "{\"alg\":\"ES256\"}", 15),
                                        rh_base64url_encode(arena, PAYLOAD, strlen(PAYLOAD)));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, p256, NULL);
    EVP_DigestSign(ctx, der, &n, (unsigned char *)signed_part, strlen(signed_part));
    EVP_MD_CTX_free(ctx);
    assert_refused(accepts(make_pem(arena, p256),
                           rh_arena_printf(arena, "%s.%s", signed_part, rh_base64url_encode(arena, der, n))),
                   BAD_KEY);
}

static void the_rules_narrow_what_keys_can_do(void **state)
{
    (void)state;
    rh_jwt_rules only = plain;
    rh_jwt_keys *k = keys_of(make_pem(arena, rsa));
    assert_true(rh_algs_parse("RS512, ES256", &only.algorithms, &err));
    assert_refused(verify(k, &only, token_of(0, NULL)), BAD_ALG);
    assert_string_equal(err.detail, "Tokens must be signed with RS512.");
    assert_false(claims.unknown_key);
    assert_true(verify(k, &only, token_of(2, NULL)));
    rh_jwt_keys_free(k);
    uint32_t set;
    assert_true(rh_algs_parse("", &set, &err));
    assert_int_equal(set, 0);
    assert_true(rh_algs_parse(" HS256,EdDSA  ES384 ", &set, &err));
    assert_string_equal(rh_algs_text(arena, set), "HS256, ES384, EdDSA");
    assert_false(rh_algs_parse("RS256, none", &set, &err));
    assert_string_equal(err.message, "\"none\" is no algorithm for tokens");
    assert_false(rh_algs_parse("rs256", &set, &err));
}

/* ---- which key of a set ---- */

static void the_kid_says_which_key(void **state)
{
    (void)state;
    char *set = set_of(rh_arena_printf(arena, "%s,%s", make_jwk(arena, rsa, ",\"kid\":\"a\""),
                                       make_jwk(arena, other_rsa, ",\"kid\":\"b\"")));
    rh_jwt_keys *k = keys_of(set);
    assert_true(verify(k, &plain, token_of(0, "a")));
    assert_refused(verify(k, &plain, token_of(0, "b")), BAD_KEY); /* another's kid */
    assert_false(claims.unknown_key);
    assert_refused(verify(k, &plain, token_of(0, "c")), BAD_KEY);
    assert_true(claims.unknown_key);
    assert_true(verify(k, &plain, token_of(0, NULL))); /* all are tried */
    char *foreign = sign_token(arena, p256, "SHA256", "{\"alg\":\"ES256\",\"kid\":\"c\"}", PAYLOAD);
    assert_refused(verify(k, &plain, foreign), BAD_ALG); /* may come with the next set */
    assert_true(claims.unknown_key);
    foreign = sign_token(arena, p256, "SHA256", "{\"alg\":\"ES256\",\"kid\":\"a\"}", PAYLOAD);
    assert_refused(verify(k, &plain, foreign), BAD_ALG);
    assert_refused(verify(k, &plain, hmac_token("HS256", "c")), BAD_ALG); /* never will */
    assert_false(claims.unknown_key);
    rh_jwt_keys_free(k);
    assert_refused(accepts(make_jwk(arena, rsa, ",\"kid\":\"a\""), token_of(0, "b")), BAD_KEY);
    assert_true(accepts(make_jwk(arena, rsa, ""), token_of(0, "b"))); /* a key without a name */
    assert_true(accepts(make_pem(arena, rsa), token_of(0, "b")));
}

static void keys_may_share_a_kid(void **state)
{
    (void)state;
    char *set = set_of(rh_arena_printf(arena, "%s,%s,%s", make_jwk(arena, p256, ",\"kid\":\"a\""),
                                       make_jwk(arena, other_rsa, ",\"kid\":\"a\""),
                                       make_jwk(arena, rsa, ",\"kid\":\"a\"")));
    assert_true(accepts(set, token_of(0, "a")));
    assert_true(accepts(set, token_of(3, "a")));
    assert_refused(accepts(set, token_of(4, "a")), BAD_ALG);
}

/* n keys, of which the last one is rsa. */
static char *crowd(int n)
{
    rh_str text;
    rh_str_init_in(&text, arena, RH_STR_TEXT_MAX);
    for (int i = 0; i < n; i++)
        rh_str_addf(
            &text, "%s%s", i ? "," : "",
            make_jwk(arena, i == n - 1 ? rsa : other_rsa, rh_arena_printf(arena, ",\"kid\":\"%d\"", i)));
    return set_of(rh_str_cstr(&text));
}

static void in_a_crowd_the_kid_must_say_which_key(void **state)
{
    (void)state;
    assert_true(accepts(crowd(RH_KEYS_TRIES), token_of(0, NULL)));
    assert_refused(accepts(crowd(RH_KEYS_TRIES + 1), token_of(0, NULL)), BAD_KEY);
    assert_non_null(strstr(err.detail, "kid must say"));
    assert_true(accepts(crowd(RH_KEYS_MAX), token_of(0, rh_arena_printf(arena, "%d", RH_KEYS_MAX - 1))));
}

static void a_set_is_bounded(void **state)
{
    (void)state;
    rh_str pems;
    assert_unreadable(crowd(RH_KEYS_MAX + 1), "65 keys, more than 64");
    rh_str_init_in(&pems, arena, RH_STR_TEXT_MAX);
    for (int i = 0; i <= RH_KEYS_MAX; i++)
        rh_str_add(&pems, make_pem(arena, p256));
    assert_unreadable(rh_str_cstr(&pems), "65 keys, more than 64");
    char *large = rh_arena_zalloc(arena, RH_KEYS_TEXT_MAX + 2);
    memset(large, ' ', RH_KEYS_TEXT_MAX + 1);
    assert_unreadable(large, "larger than");
    char *long_kid = rh_arena_zalloc(arena, RH_KID_MAX_BYTES + 2);
    memset(long_kid, 'k', RH_KID_MAX_BYTES + 1);
    assert_unreadable(make_jwk(arena, rsa, rh_arena_printf(arena, ",\"kid\":\"%s\"", long_kid)),
                      "kid is not");
    char *digits = rh_arena_zalloc(arena, 1401);
    memset(digits, '_', 1400); /* 8400 bits, all of them 1 */
    assert_unreadable(rh_arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", digits),
                      "8400 bits");
}

static void what_is_published_is_no_secret(void **state)
{
    (void)state;
    static const char oct[] = "{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}";
    assert_true(accepts(oct, hmac_token("HS256", TEST_SECRET)));
    assert_null(read_from(oct, RH_KEYS_FROM_URL));
    char *set = set_of(rh_arena_printf(arena, "%s,%s", oct, make_jwk(arena, rsa, "")));
    rh_jwt_keys *k = read_from(set, RH_KEYS_FROM_URL);
    assert_int_equal(rh_jwt_keys_count(k), 1);
    assert_refused(verify(k, &plain, hmac_token("HS256", TEST_SECRET)), BAD_ALG);
    rh_jwt_keys_free(k);
    k = read_from("{\"keys\":[]}", RH_KEYS_FROM_URL); /* the provider's word */
    assert_int_equal(rh_jwt_keys_count(k), 0);
    assert_refused(verify(k, &plain, token_of(0, "a")), BAD_ALG);
    assert_true(claims.unknown_key);
    rh_jwt_keys_free(k);
    assert_null(read_from(make_pem(arena, rsa), RH_KEYS_FROM_URL));
    assert_null(read_from("<html>", RH_KEYS_FROM_URL));
}

static void without_keys_the_answer_is_to_come_again(void **state)
{
    (void)state;
    assert_false(verify(NULL, &plain, token_of(0, "a")));
    assert_int_equal(err.code, RH_E_NO_KEYS);
    assert_int_equal(rh_err_http(&err), 503);
    assert_true(claims.unknown_key);
    assert_refused(verify(NULL, &plain, hmac_token("HS256", TEST_SECRET)), BAD_ALG);
    assert_refused(verify(NULL, &plain, "a.b"), "Expected 3 parts in JWT; got 2");
}

static void only_secrets_sign(void **state)
{
    (void)state;
    rh_jwt_keys *k = keys_of(make_pem(arena, rsa));
    assert_null(rh_jwt_sign(arena, k, &plain, "5", true, NOW, 60, &err));
    assert_non_null(strstr(err.message, "no secret to sign"));
    rh_jwt_keys_free(k);
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    rh_jwt_rules only = plain;
    only.algorithms = rh_alg_find("HS512")->bit;
    k = rh_jwt_keys_from_secret(secret, 64, &err);
    char *token = rh_jwt_sign(arena, k, &only, "5", true, NOW, 60, &err);
    assert_true(verify(k, &only, token));
    rh_jwt_keys_free(k);
}

/* ---- with the resolver, between threads, in time ---- */

static void the_resolver_says_when_newer_keys_may_help(void **state)
{
    (void)state;
    rh_resolve_rules rules = {.jwt = plain, .trusted_header = ""};
    rh_identity who;
    rh_jwt_keys *old_keys = keys_of(make_jwk(arena, other_rsa, ",\"kid\":\"old\"")),
                *new_keys = keys_of(make_jwk(arena, rsa, ",\"kid\":\"new\""));
    char *old_token = sign_token(arena, other_rsa, "SHA256", "{\"alg\":\"RS256\",\"kid\":\"old\"}", PAYLOAD);
    char *bearer = rh_arena_printf(arena, "Bearer %s", token_of(0, "new"));
    char *old_bearer = rh_arena_printf(arena, "Bearer %s", old_token);
    rh_resolver *r = rh_resolver_new(&rules, NULL);
    assert_false(rh_resolve(r, bearer, NULL, NOW, &who, &err));
    assert_int_equal(err.code, RH_E_NO_KEYS);
    assert_true(who.retry_after_fetch);
    assert_false(rh_resolve(r, NULL, NULL, NOW, &who, &err));
    assert_int_equal(err.code, RH_E_NO_TENANT);
    assert_false(who.retry_after_fetch);
    rh_resolver_set_keys(r, old_keys);
    assert_true(rh_resolve(r, old_bearer, NULL, NOW, &who, &err));
    assert_false(rh_resolve(r, bearer, NULL, NOW, &who, &err));
    assert_true(who.retry_after_fetch);
    rh_resolver_set_keys(r, new_keys);
    assert_true(rh_resolve(r, bearer, NULL, NOW, &who, &err));
    assert_false(who.retry_after_fetch);
    assert_string_equal(who.ref, "5");
    assert_false(rh_resolve(r, old_bearer, NULL, NOW, &who, &err)); /* forgotten, though it was verified */
    assert_true(who.retry_after_fetch);
    rh_resolver_free(r);
    rh_jwt_keys_free(old_keys);
    rh_jwt_keys_free(new_keys);
}

struct worker {
    pthread_t thread;
    rh_jwt_keys *keys;
    const char *tokens[N_PUBLIC];
    int good;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    rh_arena *a = rh_arena_new();
    rh_jwt_claims out;
    rh_err e;
    for (int i = 0; i < 200; i++) {
        const char *token = w->tokens[i % (int)N_PUBLIC];
        w->good += rh_jwt_verify(w->keys, &plain, token, strlen(token), NOW, a, &out, &e);
        rh_arena_clear(a);
    }
    rh_arena_free(a);
    rh_jwt_keys_free(w->keys);
    return NULL;
}

static void threads_share_keys(void **state)
{
    (void)state;
    struct worker workers[4] = {0};
    rh_jwt_keys *k = keys_of(
        set_of(rh_arena_printf(arena, "%s,%s,%s,%s", make_jwk(arena, rsa, ""), make_jwk(arena, p256, ""),
                               make_jwk(arena, p384, ""), make_jwk(arena, ed, ""))));
    for (size_t t = 0; t < 4; t++) {
        workers[t].keys = rh_jwt_keys_retain(k);
        for (size_t i = 0; i < N_PUBLIC; i++)
            workers[t].tokens[i] = token_of(i, NULL);
        assert_int_equal(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
    }
    rh_jwt_keys_free(k); /* the last of the threads ends it */
    for (size_t t = 0; t < 4; t++) {
        pthread_join(workers[t].thread, NULL);
        assert_int_equal(workers[t].good, 200);
    }
}

static void what_a_verification_costs_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PUBLIC; i++) {
        rh_jwt_keys *k = keys_of(make_pem(arena, *public_algs[i].pkey));
        char *token = token_of(i, NULL);
        rh_arena *a = rh_arena_new();
        int64_t begin = rh_now_us();
        int n = 0;
        for (; n < 200; n++) {
            assert_true(rh_jwt_verify(k, &plain, token, strlen(token), NOW, a, &claims, &err));
            rh_arena_clear(a);
        }
        print_message("%s: %.0f us\n", public_algs[i].alg, (double)(rh_now_us() - begin) / n);
        rh_arena_free(a);
        rh_jwt_keys_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tokens_of_rfc_7515_are_verified),
        cmocka_unit_test(the_signature_of_rfc_8037_is_verified),
        cmocka_unit_test(the_set_of_rfc_7517_is_read),
        cmocka_unit_test(every_algorithm_verifies_with_jwk_and_pem),
        cmocka_unit_test(longer_hmacs_want_longer_secrets),
        cmocka_unit_test(pem_files_of_other_kinds_are_refused),
        cmocka_unit_test(jwks_that_are_none_are_refused),
        cmocka_unit_test(members_of_a_key_narrow_it),
        cmocka_unit_test(a_public_key_is_never_a_secret),
        cmocka_unit_test(an_algorithm_fits_its_own_kind_of_key_only),
        cmocka_unit_test(keys_that_a_token_brings_along_are_not_looked_at),
        cmocka_unit_test(crit_and_a_malformed_kid_are_refused),
        cmocka_unit_test(signatures_of_a_wrong_length_are_refused),
        cmocka_unit_test(the_rules_narrow_what_keys_can_do),
        cmocka_unit_test(the_kid_says_which_key),
        cmocka_unit_test(keys_may_share_a_kid),
        cmocka_unit_test(in_a_crowd_the_kid_must_say_which_key),
        cmocka_unit_test(a_set_is_bounded),
        cmocka_unit_test(what_is_published_is_no_secret),
        cmocka_unit_test(without_keys_the_answer_is_to_come_again),
        cmocka_unit_test(only_secrets_sign),
        cmocka_unit_test(the_resolver_says_when_newer_keys_may_help),
        cmocka_unit_test(threads_share_keys),
        cmocka_unit_test(what_a_verification_costs_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
