/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "cmd/cmd.h"

int main(int argc, char **argv)
{
    rh_cmdline line;
    int status;
    signal(SIGPIPE, SIG_IGN); /* a peer that leaves is an error value, not an end */
    rh_arena *a = rh_arena_new();
    if (rh_cmdline_parse(&line, a, argc, argv, &status))
        status = line.command->run(&line);
    rh_arena_free(a);
    return status;
}
