/* SPDX-License-Identifier: Apache-2.0
 *
 * PEM to keys: any number of public keys (PUBLIC KEY, RSA PUBLIC KEY), or one certificate, of which only the
 * key counts. Private keys are refused: nothing here signs with them, so they have no business in the file.
 * So is a chain of certificates: who could sign the certificate must not be able to sign tokens.
 */
#ifndef RH_PEM_H
#define RH_PEM_H

#include "auth/key.h"

/* take(ctx, key) gets each key and owns it. False at the first block that makes no key (RH_E_INVALID), and
 * when there is none; what was taken before stays taken. */
bool rh_pem_read(const char *text, size_t n, void (*take)(void *ctx, rh_key *key), void *ctx, rh_err *err);

#endif
