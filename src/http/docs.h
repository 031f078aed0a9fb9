/* SPDX-License-Identifier: Apache-2.0
 *
 * The page for people at /docs of the control door. It is one file (web/docs.html) with nothing of the app in
 * it, so it is given without a token; what it shows it asks for itself, with the operator's token that its
 * reader types in or brings behind the # of the URL.
 */
#ifndef RH_DOCS_H
#define RH_DOCS_H

#include "http/exchange.h"

#define RH_DOCS_PATH "/docs"

/* By a policy that lets no other script or style run and lets it talk to its own door only. */
void rh_docs_answer(rh_exchange *x);

#endif
