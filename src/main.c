/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cmd/cmd.h"

/* A file opened later must not become stdin, stdout or stderr. */
static void open_standard_files(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    rh_cmdline line;
    int status;
    open_standard_files();
    signal(SIGPIPE, SIG_IGN); /* a peer that leaves is an error value, not an end */
    rh_arena *a = rh_arena_new();
    if (rh_cmdline_parse(&line, a, argc, argv, &status))
        status = line.command->run(&line);
    rh_arena_free(a);
    return status;
}
