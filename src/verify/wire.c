/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is one socket with the requests that went out on it, oldest first. All of them are written at once
 * (they are short); answers are cut out of the bytes as they come.
 */
#include "verify/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define ROUND_MS 60000
#define ROUNDS 5 /* a socket that is closed takes what is queued behind with it */
#define ANSWER_MAX ((size_t)64 << 20)
#define READ_BYTES 65536

struct line {
    int fd; /* -1: none */
    rh_str out, in;
    size_t sent, cut; /* bytes of out that went, bytes of in that were understood */
    RH_VEC(size_t) queue;
    size_t done; /* of the queue */
};

struct rh_wire {
    int port, n;
    struct line *lines;
};

rh_wire *rh_wire_new(int port, int sockets)
{
    rh_wire *w = rh_xcalloc(1, sizeof *w);
    w->port = port;
    w->n = sockets;
    w->lines = rh_xcalloc((size_t)sockets, sizeof *w->lines);
    for (int i = 0; i < sockets; i++)
        w->lines[i].fd = -1;
    return w;
}

static void hang_up(struct line *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

void rh_wire_free(rh_wire *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->n; i++)
        hang_up(&w->lines[i]);
    free(w->lines);
    free(w);
}

static bool dial(const rh_wire *w, struct line *l, rh_err *err)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd >= 0 && connect(l->fd, (struct sockaddr *)&to, sizeof to) == 0)
        return true;
    rh_err_set(err, RH_E_UNAVAILABLE, "cannot reach the door on port %d: %s", w->port, strerror(errno));
    hang_up(l);
    return false;
}

static void write_request(const rh_wire *w, const rh_ask *ask, rh_str *out)
{
    rh_str_addf(out, "%s %s HTTP/1.1\r\n", ask->method, ask->path);
    if (ask->host)
        rh_str_addf(out, "Host: %s\r\n", ask->host);
    else
        rh_str_addf(out, "Host: 127.0.0.1:%d\r\n", w->port);
    rh_str_add(out, ask->headers);
    if (ask->body)
        rh_str_addf(out, "Content-Length: %zu\r\n\r\n%s", strlen(ask->body), ask->body);
    else
        rh_str_add(out, "\r\n");
}

/* ---- cutting answers out ---- */

/* The value of a header of the answer's head; NULL when absent. */
static const char *header(const char *head, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = head, *end = head + len; p < end;) {
        const char *next = memchr(p, '\n', (size_t)(end - p));
        next = next ? next + 1 : end;
        if ((size_t)(next - p) > n && strncasecmp(p, name, n) == 0 && p[n] == ':')
            return p + n + 1 + strspn(p + n + 1, " ");
        p = next;
    }
    return NULL;
}

/* How long a body in chunks is, its frames with it; 0 while it has not all come. */
static size_t chunked_len(const char *body, size_t len)
{
    size_t at = 0;
    for (;;) {
        const char *line_end = memmem(body + at, len - at, "\r\n", 2);
        if (!line_end)
            return 0;
        size_t size = (size_t)strtoull(body + at, NULL, 16);
        at = (size_t)(line_end - body) + 2;
        if (size > len || at + size + 2 > len)
            return 0;
        at += size + 2;
        if (size == 0)
            return at;
    }
}

/* One answer from the beginning of the bytes; how many it takes, 0 while it has not all come. */
static size_t cut(const rh_ask *ask, const char *bytes, size_t len, rh_wire_answer *out)
{
    const char *head_end = memmem(bytes, len, "\r\n\r\n", 4), *value;
    if (!head_end)
        return 0;
    size_t head_len = (size_t)(head_end - bytes) + 4, body_len = 0;
    int status = (int)strtol(bytes + (len > 9 ? 9 : 0), NULL, 10);
    bool no_body = strcmp(ask->method, "HEAD") == 0 || status == 204 || status == 304;
    if (!no_body && (value = header(bytes, head_len, "Content-Length")))
        body_len = (size_t)strtoull(value, NULL, 10);
    else if (!no_body && header(bytes, head_len, "Transfer-Encoding")) {
        body_len = chunked_len(bytes + head_len, len - head_len);
        if (!body_len)
            return 0;
    }
    if (head_len + body_len > len)
        return 0;
    *out = (rh_wire_answer){bytes, bytes + head_len, head_len, body_len, status};
    return head_len + body_len;
}

static void cut_answers(struct line *l, rh_arena *a, const rh_ask *asks, rh_wire_answer *answers)
{
    while (l->done < l->queue.len && l->in.len > l->cut) {
        size_t at = l->queue.items[l->done];
        rh_wire_answer one;
        size_t n = cut(&asks[at], l->in.data + l->cut, l->in.len - l->cut, &one);
        if (!n)
            return;
        l->cut += n;
        if (one.status >= 100 && one.status < 200)
            continue;
        one.head = rh_arena_strndup(a, one.head, one.head_len);
        one.body = rh_arena_strndup(a, one.body, one.body_len);
        answers[at] = one;
        l->done++;
    }
}

/* ---- a round ---- */

/* What came is kept even when it is no whole answer: as the head of the request that it would have been for.
 */
static void keep_rest(struct line *l, rh_arena *a, rh_wire_answer *answers)
{
    if (l->done < l->queue.len && l->in.len > l->cut) {
        rh_wire_answer *out = &answers[l->queue.items[l->done]];
        out->head_len = l->in.len - l->cut;
        out->head = rh_arena_strndup(a, l->in.data + l->cut, out->head_len);
    }
}

static bool is_open(const struct line *l)
{
    return l->fd >= 0 && l->done < l->queue.len;
}

/* The client goes away when the first bytes of that answer are there, or when it has sent half of the
 * request. */
static bool wants_away(const struct line *l, const rh_ask *asks)
{
    if (!is_open(l) || !asks[l->queue.items[l->done]].abort)
        return false;
    return l->sent * 2 > l->out.len;
}

static void send_some(struct line *l)
{
    ssize_t n = send(l->fd, l->out.data + l->sent, l->out.len - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        l->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        l->sent = l->out.len; /* the server closed; what it has said is read still */
}

/* False: the line has ended. */
static bool receive(struct line *l)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(l->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        rh_str_addn(&l->in, bytes, (size_t)n);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void serve_line(struct line *l, short events, rh_arena *a, const rh_ask *asks, rh_wire_answer *answers)
{
    bool open = true;
    if (events & POLLOUT)
        send_some(l);
    if (events & (POLLIN | POLLHUP | POLLERR)) {
        open = receive(l) && !l->in.overflow;
        cut_answers(l, a, asks, answers);
    }
    if (!open || wants_away(l, asks)) {
        keep_rest(l, a, answers);
        hang_up(l);
    }
}

static bool wait_for_all(rh_wire *w, rh_arena *a, const rh_ask *asks, rh_wire_answer *answers, rh_err *err)
{
    int64_t end = rh_now_ms() + ROUND_MS;
    struct pollfd *fds = RH_NEW_ARRAY(a, struct pollfd, (size_t)w->n);
    for (;;) {
        int busy = 0;
        for (int i = 0; i < w->n; i++) {
            struct line *l = &w->lines[i];
            bool open = is_open(l);
            fds[i] = (struct pollfd){.fd = open ? l->fd : -1, .events = POLLIN};
            if (l->sent < l->out.len)
                fds[i].events |= POLLOUT;
            busy += open;
        }
        if (!busy)
            return true;
        if (rh_now_ms() > end)
            return rh_err_set(err, RH_E_TIMEOUT, "the door did not answer in %d seconds", ROUND_MS / 1000);
        if (poll(fds, (nfds_t)w->n, 1000) > 0)
            for (int i = 0; i < w->n; i++)
                if (fds[i].fd >= 0 && fds[i].revents)
                    serve_line(&w->lines[i], fds[i].revents, a, asks, answers);
    }
}

/* Puts the request on the line with the fewest. */
static bool enqueue(rh_wire *w, rh_arena *a, const rh_ask *asks, size_t at, rh_err *err)
{
    struct line *l = &w->lines[0];
    for (int i = 1; i < w->n; i++)
        if (w->lines[i].queue.len < l->queue.len)
            l = &w->lines[i];
    if (l->fd < 0 && !dial(w, l, err))
        return false;
    write_request(w, &asks[at], &l->out);
    RH_VEC_PUSH(a, &l->queue, at);
    return true;
}

static void clear_lines(rh_wire *w, rh_arena *a)
{
    for (int i = 0; i < w->n; i++) {
        struct line *l = &w->lines[i];
        int fd = l->fd;
        *l = (struct line){.fd = fd};
        rh_str_init_in(&l->out, a, ANSWER_MAX);
        rh_str_init_in(&l->in, a, ANSWER_MAX);
    }
}

bool rh_wire_ask(rh_wire *w, rh_arena *a, const rh_ask *asks, size_t n, rh_wire_answer *answers, rh_err *err)
{
    for (size_t i = 0; i < n; i++)
        answers[i] = (rh_wire_answer){.body = ""};
    for (int round = 0; round < ROUNDS; round++) {
        bool any = false;
        clear_lines(w, a);
        for (size_t i = 0; i < n; i++) {
            if (answers[i].head || (round && asks[i].abort))
                continue;
            if (!enqueue(w, a, asks, i, err))
                return false;
            any = true;
        }
        if (any && !wait_for_all(w, a, asks, answers, err))
            return false;
    }
    return true;
}
