# SPDX-License-Identifier: Apache-2.0
"""What a tenant that floods does to a quiet one: the quiet one's p99 alone and beside it, in turns."""
import re
import shutil
import signal
import socket
import subprocess
import time

from procs import Failed
from rates import HERE, write_requests
from table import Row, median, met, spread
from world import Door, ad_of

QUIET, FLOODER = 500, 501  # companies; each flood has a flooder of its own, so that none waits behind another's backlog
FLOOD_CONNECTIONS, PAUSE_S = 200, 0.004

MIGRATION = """CREATE FUNCTION nap(seconds double precision) RETURNS double precision LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM pg_sleep(seconds); RETURN seconds; END $$;
CREATE FUNCTION toil(n integer) RETURNS bigint LANGUAGE sql STABLE RETURN (SELECT count(*) FROM generate_series(1, n) g WHERE g % 7 = 3);
CREATE FUNCTION many(n integer) RETURNS SETOF ads LANGUAGE sql STABLE ROWS 20000
BEGIN ATOMIC SELECT a.* FROM ads a, generate_series(1, n) g; END;
"""
FLOODS = (("200 connections of point reads", None), ("200 connections, 50 ms asleep each", "/rpc/nap?seconds=0.05"),
          ("200 connections, 30 ms of CPU each", "/rpc/toil?n=200000"), ("200 connections, answers of 5 MB", "/rpc/many?n=2000"))


def quiet_p99(door, path, token, seconds):
    """µs of the 99th percentile of one client that asks, waits and pauses."""
    ask = f"GET {path} HTTP/1.1\r\nHost: {door.host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    took = []
    with socket.create_connection((door.host, door.port), timeout=30) as s:
        end = time.monotonic() + seconds
        while (begun := time.monotonic()) < end:
            s.sendall(ask)
            answer = s.recv(65536)
            took.append(time.monotonic() - begun)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise Failed(f"the quiet tenant was answered {answer[:200]!r}")
            time.sleep(PAUSE_S)
    took.sort()
    return took[int(len(took) * 0.99)] * 1e6


def yield_to_all(pid):
    """Where a session has its own share of the processors (sched(7), autogroup), nice counts inside of it only."""
    try:
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as f:
            f.write("19")
    except OSError:
        pass


def flood(bench, door, requests, seconds):
    """The flooder's client would be another machine's: it gets what the others leave of this one."""
    child = bench.world.procs.start(["nice", "-n", "19", "wrk", "-t1", f"-c{FLOOD_CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "-s",
                                     f"{HERE}/requests.lua", door.url, "--", requests],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    yield_to_all(child.pid)
    return child


def end_of(bench, child):
    """Ends a flood: how many of its requests a second were served."""
    child.send_signal(signal.SIGINT)
    said = child.stdout.read().decode()
    child.stdout.close()
    bench.world.procs.stop(child)
    found = re.search(r"^BENCH (\d+) (\d+) (\d+)", said, re.M)
    if not found or int(found[2]) == 0:
        raise Failed(f"the flood's client says nothing of its end:\n{said}")
    return (int(found[1]) - int(found[3])) / (int(found[2]) / 1e6)


def wait_until_idle(world):
    """The end of what the flood has left behind: nothing has run for a while."""
    server, give_up, quiet = world.session("server"), time.monotonic() + 20, 0
    while time.monotonic() < give_up and quiet < 5:
        n = server.value("SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND state = 'active' AND pid <> pg_backend_pid()")
        quiet = quiet + 1 if n == "0" else 0
        time.sleep(0.06)
    server.close()


def with_more_functions(world):
    app = world.directory / "fair-app"
    shutil.copytree(world.app, app, ignore=shutil.ignore_patterns(".rowhouse"))
    (app / "tenant/0900_fair.sql").write_text(MIGRATION)
    world.app = app
    world.procs.run(world.command("migrate"))


def fair(bench):
    world = bench.world
    before = world.app
    with_more_functions(world)
    door = Door(world)
    read, quiet_token = f"/ads?select=id,name,target_url&id=eq.{ad_of(QUIET, 3)}", world.token(QUIET)
    door.wait_until_ready(read, quiet_token)
    rows, rounds, seconds = [], min(bench.rounds, 3), min(bench.seconds, 2)
    for k, (name, path) in enumerate(FLOODS):
        flooder = FLOODER + k
        paths = [path] if path else [f"/ads?select=id,name,target_url&id=eq.{ad_of(flooder, i)}" for i in range(10)]
        requests = write_requests(world.directory / f"flood-{k}.txt", [(p, world.token(flooder)) for p in paths])
        ratios, alone, beside, served = [], [], [], []
        for i in range(rounds):
            bench.say(f"fairness, {name}, round {i + 1} of {rounds}")
            alone.append(quiet_p99(door, read, quiet_token, seconds))
            child = flood(bench, door, requests, seconds + 2)
            time.sleep(1)
            beside.append(quiet_p99(door, read, quiet_token, seconds))
            served.append(end_of(bench, child))
            wait_until_idle(world)
            ratios.append(beside[-1] / alone[-1])
        rows.append(Row(f"quiet tenant's p99 beside {name}", f"{median(beside):,.0f} µs", f"{median(alone):,.0f} µs", f"{median(ratios):.2f}",
                        spread(ratios), "< 2", met(median(ratios) < 2), note=f"of the flood {median(served):,.0f} a second were served"))
    door.stop()
    world.app = before
    return rows
