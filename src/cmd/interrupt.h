/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C and SIGTERM. A thread takes them, so that a command ends cleanly wherever it is: the private server
 * is stopped when nobody else uses it, transactions under way are rolled back by PostgreSQL. While doors are
 * open, the signal only ends the waiting and the doors close gracefully.
 */
#ifndef RH_INTERRUPT_H
#define RH_INTERRUPT_H

#include <stdbool.h>

#include "app/app.h"

/* From now on signals are ours. Call before other threads start; once per process. */
void rh_interrupt_start(void);
/* The app to close when a signal comes; NULL: none (any more). */
void rh_interrupt_app(rh_app *app);
/* Signals are ignored while a child has the terminal. */
void rh_interrupt_ignore(bool ignore);
/* From now on the first signal is only noted, for a command that looks for it with rh_interrupt_came() and
 * then cleans up; the second ends the process as ever. */
void rh_interrupt_note(void);
int rh_interrupt_came(void); /* the signal's number, 0: none */
/* From now on SIGHUP, SIGUSR1 and SIGUSR2 call fn(arg), which may only wake somebody up; NULL: they end the
 * process as the others do. */
void rh_interrupt_reload(void (*fn)(void *arg), void *arg);
/* Waits for a signal. */
void rh_interrupt_wait(void);

#endif
