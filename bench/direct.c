/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of `make bench` for homes: what PostgreSQL itself costs. The door's transaction (binding,
 * statement, Sync) on bare libpq pipelines, with so many under way at any time, each of them chosen at random
 * from a list. One thread, no HTTP, no pool.
 *
 *   direct SECONDS UNDER_WAY < list
 *
 * list, one item a line, fields by tabs:
 *   C conninfo                          a connection, numbered from 0
 *   S text                              a statement, numbered from 0; prepared where it is first used
 *   R connection statement tenant p...  a read
 * It goes round once to prepare, says "ready", waits for a line, measures, and says how many reads in how
 * many µs.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define MAX_VALUES 4
#define MAX_DEPTH 8
#define BIND                                                                                                 \
    "SELECT pg_catalog.set_config('rowhouse.tenant', $1, true), "                                            \
    "pg_catalog.set_config('transaction_read_only', 'on', true)"

struct connection {
    PGconn *pg;
    int under_way;
    bool *prepared; /* by statement */
};

struct one_read {
    int connection, statement, n;
    const char *tenant, *values[MAX_VALUES];
};

static struct connection *connections;
static struct one_read *reads;
static char **statements;
static int n_connections, n_reads, n_statements, epoll_fd;

static void fail(const char *what, const PGconn *pg)
{
    fprintf(stderr, "direct: %s: %s\n", what, pg ? PQerrorMessage(pg) : "");
    exit(1);
}

static void *grown(void *items, int n, size_t size)
{
    if (n & (n - 1))
        return items;
    items = realloc(items, (n ? (size_t)n * 2 : 1) * size);
    if (!items)
        fail("memory", NULL);
    return items;
}

static void add_connection(const char *conninfo)
{
    PGconn *pg = PQconnectdb(conninfo);
    if (PQstatus(pg) != CONNECTION_OK)
        fail("connecting", pg);
    PQclear(PQprepare(pg, "bind", BIND, 0, NULL));
    PQsetnonblocking(pg, 1);
    PQenterPipelineMode(pg);
    connections = grown(connections, n_connections, sizeof *connections);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)n_connections};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, PQsocket(pg), &event);
    connections[n_connections++] = (struct connection){.pg = pg};
}

static void add_read(char *fields)
{
    struct one_read r = {0};
    char *field = strtok(fields, "\t");
    for (int i = 0; field; field = strtok(NULL, "\t"), i++)
        if (i == 0)
            r.connection = (int)strtol(field, NULL, 10);
        else if (i == 1)
            r.statement = (int)strtol(field, NULL, 10);
        else if (i == 2)
            r.tenant = strdup(field);
        else if (r.n < MAX_VALUES)
            r.values[r.n++] = strdup(field);
    reads = grown(reads, n_reads, sizeof *reads);
    reads[n_reads++] = r;
}

static void read_list(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0 && line[0] != '\n') {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 'C') {
            add_connection(line + 2);
        } else if (line[0] == 'S') {
            statements = grown(statements, n_statements, sizeof *statements);
            statements[n_statements++] = strdup(line + 2);
        } else if (line[0] == 'R') {
            add_read(line + 2);
        }
    }
    free(line);
    for (int i = 0; i < n_connections; i++)
        connections[i].prepared = calloc((size_t)n_statements, 1);
}

static void send_read(const struct one_read *r)
{
    struct connection *c = &connections[r->connection];
    char name[16];
    snprintf(name, sizeof name, "s%d", r->statement);
    if (!c->prepared[r->statement] && !PQsendPrepare(c->pg, name, statements[r->statement], 0, NULL))
        fail("sending", c->pg);
    c->prepared[r->statement] = true;
    if (!PQsendQueryPrepared(c->pg, "bind", 1, &r->tenant, NULL, NULL, 0) ||
        !PQsendQueryPrepared(c->pg, name, r->n, r->values, NULL, NULL, 0) || !PQpipelineSync(c->pg) ||
        PQflush(c->pg) < 0)
        fail("sending", c->pg);
    c->under_way++;
}

/* How many reads have ended on it. */
static int take_results(struct connection *c)
{
    int ended = 0;
    if (!PQconsumeInput(c->pg) || PQflush(c->pg) < 0)
        fail("reading", c->pg);
    while (c->under_way && !PQisBusy(c->pg)) {
        PGresult *res = PQgetResult(c->pg);
        ExecStatusType status = PQresultStatus(res);
        if (res && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC)
            fail("a read", c->pg);
        if (status == PGRES_PIPELINE_SYNC) {
            c->under_way--;
            ended++;
        }
        PQclear(res);
    }
    return ended;
}

static int wait_for_results(void)
{
    struct epoll_event events[64];
    int n = epoll_wait(epoll_fd, events, 64, 1000), ended = 0;
    for (int i = 0; i < n; i++)
        ended += take_results(&connections[events[i].data.u32]);
    return ended;
}

/* NULL: none was found on a connection that has room. */
static const struct one_read *any_read(void)
{
    for (int i = 0; i < 32; i++) {
        const struct one_read *r = &reads[random() % n_reads];
        if (connections[r->connection].under_way < MAX_DEPTH)
            return r;
    }
    return NULL;
}

static long long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    long long seconds = strtol(argv[1], NULL, 10), count = 0;
    int most = (int)strtol(argv[2], NULL, 10), under_way = 0;
    epoll_fd = epoll_create1(0);
    read_list();
    /* six times: PostgreSQL makes a plan for the values five times before it keeps one */
    for (int i = 0; i < n_reads * 6; i++) {
        while (connections[reads[i % n_reads].connection].under_way == MAX_DEPTH)
            under_way -= wait_for_results();
        send_read(&reads[i % n_reads]);
        under_way++;
    }
    while (under_way)
        under_way -= wait_for_results();
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF)
        return 1;
    long long since = now_us(), until = since + seconds * 1000000;
    while (now_us() < until) {
        const struct one_read *r;
        for (; under_way < most && (r = any_read()); under_way++)
            send_read(r);
        int ended = wait_for_results();
        under_way -= ended;
        count += ended;
    }
    printf("%lld %lld\n", count, now_us() - since);
    return 0;
}
