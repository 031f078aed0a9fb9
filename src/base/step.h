/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps of work that may be cut off: after each, what was done stands and the next has not begun. Tests end
 * the process there, by the environment variable RH_KILL_AT=<name>, as kill -9 would; nothing else reads
 * them.
 *
 * To add one: a call with a name of its own, "<verb>.<what is done>"; tests/e2e/interrupted.test.js finds it
 * in the source and fails until it is killed there too.
 */
#ifndef RH_STEP_H
#define RH_STEP_H

void rh_step(const char *name);

#endif
