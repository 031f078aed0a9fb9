# SPDX-License-Identifier: Apache-2.0
"""What a kept connection that asks nothing costs the server's memory, and how long a request's head may be."""
import resource
import socket

from procs import Failed, pss_mib
from table import Row, met
from world import FIRST_SMALL, Door, ad_of

CONNECTIONS, HEAD = 10_000, 8192
SPARE_FILES = 200


def ask(connection, request):
    """Sends it and reads one answer with a Content-Length."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            raise Failed(f"the server closed the connection; it had answered {got[:200]!r}")
        got += part
    head, body = got.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head


def request_of(path, token, length=0):
    """A GET; with a length, its head has that many bytes."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    if length:
        head += "X-Long: " + "x" * (length - len(head) - len("X-Long: \r\n\r\n")) + "\r\n"
    return (head + "\r\n").encode()


def idle(bench):
    world = bench.world
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(CONNECTIONS, hard - SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + SPARE_FILES), hard))  # the server inherits it
    path, token = f"/ads/{ad_of(FIRST_SMALL, 0)}", world.token(FIRST_SMALL)
    door = Door(world, [f"data.max_clients={n + SPARE_FILES}", "data.idle_timeout=10m"])
    bench.say(f"{n:,} connections that ask once and stay")
    connections, request = [], request_of(path, token)
    try:
        door.wait_until_ready(path, token)
        before = pss_mib(door.pid)
        for _ in range(n):
            c = socket.create_connection((door.host, door.port), timeout=30)
            connections.append(c)
            if b" 200 " not in ask(c, request):
                raise Failed("a kept connection was not answered with 200")
        each = (pss_mib(door.pid) - before) * 1024 / n
        long = ask(connections[0], request_of(path, token, HEAD)).split(b"\r\n")[0].decode()
    finally:
        for c in connections:
            c.close()
        door.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return [Row(f"{n:,} idle connections, PSS of each", f"{each:.1f} KiB", target="< 16 KiB", met=met(n == CONNECTIONS and each < 16),
                note=f"after one request each; a head of {HEAD} bytes: {long}")]
