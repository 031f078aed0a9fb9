/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/pem.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static EVP_PKEY *key_of_certificate(const unsigned char *der, long n)
{
    X509 *certificate = d2i_X509(NULL, &der, n);
    EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return pkey;
}

static rh_key *read_block(const char *name, const unsigned char *der, long n, rh_err *err)
{
    EVP_PKEY *pkey = NULL;
    if (strstr(name, "PRIVATE KEY")) {
        rh_err_set(err, RH_E_INVALID, "there is a private key in it");
        rh_err_hint(err, "Give the public one: openssl pkey -in KEY.pem -pubout");
        return NULL;
    }
    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        pkey = d2i_PUBKEY(NULL, &der, n);
    else if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0)
        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, n);
    else if (strcmp(name, PEM_STRING_X509) == 0)
        pkey = key_of_certificate(der, n);
    if (pkey)
        return rh_key_from_pkey(pkey, err);
    rh_err_set(err, RH_E_INVALID, "the block \"%.40s\" is not a public key or certificate", name);
    return NULL;
}

static bool is_end(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool read_all(BIO *bio, void (*take)(void *ctx, rh_key *key), void *ctx, rh_err *err)
{
    char *name, *header;
    unsigned char *der;
    long n;
    int keys = 0, certificates = 0;
    while (PEM_read_bio(bio, &name, &header, &der, &n)) {
        rh_key *k = read_block(name, der, n, err);
        certificates += strcmp(name, PEM_STRING_X509) == 0;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        if (!k)
            return false;
        take(ctx, k);
        keys++;
    }
    if (!is_end(ERR_peek_last_error()))
        return rh_err_set(err, RH_E_INVALID, "a PEM block in it is malformed");
    if (certificates && keys > 1) {
        rh_err_set(err, RH_E_INVALID, "there is more than one certificate in it");
        return rh_err_hint(err, "Leave only the one whose key signs tokens, or give public keys.");
    }
    return keys > 0 || rh_err_set(err, RH_E_INVALID, "there is no PEM block in it");
}

bool rh_pem_read(const char *text, size_t n, void (*take)(void *ctx, rh_key *key), void *ctx, rh_err *err)
{
    BIO *bio = n <= INT_MAX ? BIO_new_mem_buf(text, (int)n) : NULL;
    if (!bio)
        return rh_err_set(err, RH_E_INVALID, "the text cannot be read");
    ERR_clear_error();
    bool ok = read_all(bio, take, ctx, err);
    ERR_clear_error();
    BIO_free(bio);
    return ok;
}
