/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that no source file of Rowhouse may call, each with what to call instead. Included by every
 * file on the compiler's command line (-include), so a use is a compile error. The idea is git's banned.h.
 */
#ifndef RH_BANNED_H
#define RH_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define RH_BANNED(name, instead) sorry_##name##_is_banned_use_##instead

#undef strcpy
#define strcpy(d, s) RH_BANNED(strcpy, rh_str)
#undef strcat
#define strcat(d, s) RH_BANNED(strcat, rh_str)
#undef strncpy
#define strncpy(d, s, n) RH_BANNED(strncpy, snprintf)
#undef strncat
#define strncat(d, s, n) RH_BANNED(strncat, rh_str)
#undef sprintf
#define sprintf(...) RH_BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) RH_BANNED(vsprintf, vsnprintf)
#undef strtok
#define strtok(s, d) RH_BANNED(strtok, strtok_r)
#undef atoi
#define atoi(s) RH_BANNED(atoi, rh_parse_int)
#undef atol
#define atol(s) RH_BANNED(atol, rh_parse_int)
#undef gmtime
#define gmtime(t) RH_BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(t) RH_BANNED(localtime, localtime_r)
#undef ctime
#define ctime(t) RH_BANNED(ctime, strftime)
#undef system
#define system(c) RH_BANNED(system, rh_spawn)

#endif
