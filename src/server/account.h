/* SPDX-License-Identifier: Apache-2.0
 *
 * The account: the system user that the private server runs as and that owns its files. Ours, unless we
 * are root. What root does in directories of that user it does as that user (rh_account_run), so that a
 * link planted there leads nowhere the user could not go by itself.
 */
#ifndef RH_ACCOUNT_H
#define RH_ACCOUNT_H

#include <sys/types.h>

#include "base/err.h"
#include "base/spawn.h"

typedef struct rh_account {
    uid_t uid;
    gid_t gid;
    char name[64];
    bool other; /* we are root and become it */
} rh_account;

void rh_account_self(rh_account *out);
bool rh_account_by_uid(uid_t uid, rh_account *out, rh_err *err);         /* as root */
bool rh_account_by_name(const char *name, rh_account *out, rh_err *err); /* as root */

/* Calls fn as the account's user: in a forked child when that is not us, so fn's only effects that last are
 * those on files, its result and err. */
bool rh_account_run(const rh_account *acc, bool (*fn)(void *arg, rh_err *err), void *arg, rh_err *err);

/* Makes the program run as the account's user. */
void rh_account_apply(const rh_account *acc, rh_spawn *spawn);

/* The name of a uid for messages, "uid 1234" when it has none; in the arena. */
const char *rh_account_uid_name(rh_arena *a, uid_t uid);

#endif
