/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t parse_address(const char *text, int port, union address *out)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        return sizeof out->v6;
    }
    return 0;
}

bool rh_address_is_loopback(const char *address)
{
    union address a;
    if (!parse_address(address, 0, &a))
        return false;
    if (a.any.sa_family == AF_INET)
        return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

static void explain(const char *what, const char *address, int port, rh_err *err)
{
    int cause = errno;
    rh_err_set(err, RH_E_IO, "%s cannot listen on %s port %d: %s", what, address, port, strerror(cause));
    if (cause == EADDRINUSE)
        rh_err_hint(err, "Another program listens there. Stop it, or choose another port.");
    else if (cause == EACCES)
        rh_err_hint(err, "Ports below 1024 need privileges. Choose a higher port.");
    else if (cause == EADDRNOTAVAIL)
        rh_err_hint(err, "The address does not belong to this machine.");
}

int rh_listen(const char *what, const char *address, int port, int *bound, rh_err *err)
{
    union address a;
    socklen_t len = port >= 0 && port <= 65535 ? parse_address(address, port, &a) : 0;
    int on = 1;
    if (!len) {
        rh_err_set(err, RH_E_CONF, "%s cannot listen on '%s' port %d: not a numeric address and port", what,
                   address, port);
        rh_err_hint(err, "Write an address such as 127.0.0.1, 0.0.0.0 or ::1 and a port from 0 to 65535.");
        return -1;
    }
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, &a.any, len) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, &a.any, &len) != 0) {
        explain(what, address, port, err);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *bound = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
    return fd;
}
