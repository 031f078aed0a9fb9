/* SPDX-License-Identifier: Apache-2.0
 *
 * constant [PORT [THREADS]]: answers GET /constant with a fixed JSON text through the server's own loops,
 * with no tenant and no database. What it costs is the floor that `make bench` compares the data door with.
 * Prints the port, serves until SIGINT or SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "http/listen.h"
#include "http/loop.h"

#define MAX_THREADS 64
#define MAX_CLIENTS 1024
#define TEXT "[{\"id\":1,\"name\":\"constant\"}]"

static void on_request(void *ctx, rh_exchange *x)
{
    static const rh_rest_header header = {"Content-Type", "application/json; charset=utf-8"};
    rh_err err;
    if (strcmp(x->path, "/constant") == 0) {
        rh_exchange_answer(x, 200, &header, 1, rh_xstrdup(TEXT), strlen(TEXT));
        return;
    }
    rh_err_set(&err, RH_E_NO_PATH, "there is nothing at this path");
    rh_exchange_refuse(x, &err, NULL);
}

static rh_loop *make_loop(rh_acceptor *socket, rh_err *err)
{
    rh_loop_settings settings = {.acceptor = socket,
                                 .max_head = 16384,
                                 .head_timeout_ms = 10000,
                                 .body_timeout_ms = 30000,
                                 .idle_timeout_ms = 75000,
                                 .stop_timeout_ms = 1000};
    return rh_loop_new(&settings, err);
}

static bool serve(rh_loop **loops, int n, rh_err *err)
{
    rh_door door = {.max_body = 1024, .on_request = on_request};
    for (int i = 0; i < n; i++)
        if (!rh_loop_start(loops[i], &door, err))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    rh_loop *loops[MAX_THREADS];
    rh_err err;
    int64_t port = 0, threads = 1;
    int bound, got, n = 0;
    sigset_t ends;
    if ((argc > 1 && !rh_parse_int(argv[1], &port)) || (argc > 2 && !rh_parse_int(argv[2], &threads)) ||
        threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: constant [PORT [THREADS]]\n");
        return 2;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before the threads, which inherit it */
    signal(SIGPIPE, SIG_IGN);
    int fd = rh_listen("constant", "127.0.0.1", (int)port, &bound, &err);
    rh_acceptor *socket = fd >= 0 ? rh_acceptor_new(fd, MAX_CLIENTS) : NULL;
    while (socket && n < threads && (loops[n] = make_loop(socket, &err)))
        n++;
    bool ok = socket && n == threads && serve(loops, n, &err);
    if (ok) {
        printf("%d\n", bound);
        fflush(stdout);
        sigwait(&ends, &got);
    } else {
        rh_err_print(&err);
    }
    for (int i = 0; i < n; i++)
        rh_loop_stop(loops[i]);
    for (int i = 0; i < n; i++)
        rh_loop_join(loops[i]);
    rh_acceptor_free(socket);
    return !ok;
}
