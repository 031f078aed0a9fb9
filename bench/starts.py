# SPDX-License-Identifier: Apache-2.0
"""How soon a server with 10,000 tenants answers, and how large it is after 10,000 requests of theirs."""
import time

from procs import pss_mib
from rates import write_requests, wrk
from table import Row, median, met, spread
from world import FIRST_SMALL, TENANTS, Door, ad_of

REQUESTS = 10_000
START_TARGET_S, PSS_TARGET_MIB = 1.0, 40


def starts(bench):
    world = bench.world
    tenants = list(range(FIRST_SMALL, TENANTS + 1))
    lines = [(f"/ads?id=eq.{ad_of(t, 0)}", world.token(t)) for t in tenants]
    requests = write_requests(world.directory / "tenants.txt", lines)
    seconds, sizes, fresh = [], [], []
    for i in range(bench.rounds):
        bench.say(f"start and size, round {i + 1} of {bench.rounds}")
        since = time.monotonic()
        door = Door(world)
        door.wait_until_ready(*lines[-1])
        seconds.append(time.monotonic() - since)
        fresh.append(pss_mib(door.pid))
        answered = 0
        while answered < REQUESTS:
            answered += wrk(world.procs, door.url, 2, requests, REQUESTS - answered)[0]
        sizes.append(pss_mib(door.pid))
        door.stop()
    return [Row(f"start to first answer, {TENANTS:,} tenants", f"{median(seconds):.2f} s", range=spread(seconds), target="< 1 s",
                met=met(median(seconds) < START_TARGET_S), note="PostgreSQL is up"),
            Row(f"PSS of the server, {TENANTS:,} tenants", f"{median(sizes):.1f} MiB", range=spread(sizes, "{:.1f}"),
                target="< 40 MiB", met=met(median(sizes) < PSS_TARGET_MIB),
                note=f"after {REQUESTS:,} requests of all tenants in turn; {median(fresh):.1f} MiB when started")]
