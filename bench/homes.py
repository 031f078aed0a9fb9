# SPDX-License-Identifier: Apache-2.0
"""The same point read in homes of every model: CPU of everything per request against shared homes, the memory of the
backends, what a connection that is not there costs, more homes than connections, and what more tenants cost."""
import os
import random
import time
from dataclasses import dataclass

from floors import Floor, statement_of
from procs import backends_of, own_mib, pss_mib
from rates import CONNECTIONS, Series, http_round, write_requests, wrk
from table import Row, median, met, spread
from world import ADS_EACH, FIRST_DATABASE, FIRST_SCHEMA, FIRST_SMALL, TENANTS, Door, ad_of

FEW, MANY = 100, 1000
MEMORY_TARGET_MIB = 64
BUDGET = 32             # connections, for more homes than there are
LOOPS = (os.cpu_count() + 1) // 2  # of the server; a database home has a connection in each that it is asked for by


@dataclass
class Load:
    """One kind of homes under load: its requests, and what came of them."""
    world: object
    name: str
    first: int
    n: int

    def __post_init__(self):
        self.series, self.memory = Series(), []
        ads = [(t, ad_of(t, k)) for t in range(self.first, self.first + self.n) for k in range(ADS_EACH)]
        random.Random(1).shuffle(ads)
        tokens = {t: self.world.token(t) for t, _ in ads}
        self.file = write_requests(self.world.directory / f"{self.name}-{self.n}.txt",
                                   [(f"/ads?id=eq.{ad}", tokens[t]) for t, ad in ads])

    def ready(self, door):
        door.wait_until_ready(f"/ads?id=eq.{ad_of(self.first, 0)}", self.world.token(self.first))
        return self

    def warm(self, door):
        """Often enough that what a backend keeps of a home is there."""
        wrk(self.world.procs, door.url, 2 + self.n // 250, self.file)

    def round(self, door, seconds):
        http_round(self.series, self.world, door.url, door.pid, seconds, self.file)
        self.memory.append(max(own_mib(pid) for pid in backends_of(self.world.postmaster, "ads_server")))

    def server_and_postgres(self):
        return [a + b for a, b in zip(self.series.rowhouse, self.series.postgres)]


def against(load, base, target, name, note=""):
    """CPU per request of the server and PostgreSQL, against the same of shared homes in the same rounds."""
    ratios = [a / b for a, b in zip(load.server_and_postgres(), base.server_and_postgres())]
    cost, other = (median(x.server_and_postgres()) * 1e6 for x in (load, base))
    return Row(name, f"{cost:.1f} µs", f"{other:.1f} µs", f"{median(ratios):.2f}", spread(ratios), f"<= {target:.2f}",
               met(median(ratios) <= target), **load.series.cells(),
               note=f"against shared homes; p50 {median(load.series.p50_us) / 1000:.1f} ms, p99 "
                    f"{median(load.series.p99_us) / 1000:.1f} ms{note}")


def memory(load, name):
    worst = max(load.memory)
    return Row(name, f"{worst:.1f} MiB", target=f"< {MEMORY_TARGET_MIB} MiB", met=met(worst < MEMORY_TARGET_MIB),
               note="private memory of the largest backend")


def schema_homes(bench):
    """Two sizes of each model, in turns, on the same server."""
    world = bench.world
    world.place("schema", FIRST_SCHEMA, MANY)
    door = Door(world, [f"data.connections={CONNECTIONS}"])
    rows = []
    text = statement_of(world, door)
    for n, target in ((FEW, 1.2), (MANY, 1.5)):
        floors = Floor.shared(world, text, n), Floor.schema(world, text, n)
        shared, schema = (Load(world, name, first, n).ready(door) for name, first in
                          (("shared", FIRST_SMALL), ("schema", FIRST_SCHEMA)))
        schema.warm(door)
        for i in range(bench.rounds):
            bench.say(f"{n} schema homes, round {i + 1} of {bench.rounds}")
            shared.round(door, bench.seconds)
            schema.round(door, bench.seconds)
            for floor in floors:
                floor.round(bench)
        rows.append(against(schema, shared, target, f"point read, {n:,} schema homes"))
        rows.append(floors[1].against(floors[0], "  PostgreSQL alone, each home on one of the connections"))
        rows.append(memory(schema, "  a backend"))
    door.stop()
    return rows


def sessions(world):
    """How many connections to database homes there have been, and are."""
    return int(world.operator.value("SELECT coalesce(sum(sessions), 0) FROM pg_stat_database WHERE datname LIKE 'ads\\_h\\_%'"))


def backends(world):
    return int(world.operator.value("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'ads\\_h\\_%'"))


def database_homes(bench):
    world = bench.world
    world.place("database", FIRST_DATABASE, FEW)
    door = Door(world, [f"data.connections={CONNECTIONS}", f"data.home_connections={FEW * LOOPS}"])
    shared, homes = (Load(world, name, first, FEW).ready(door) for name, first in
                     (("shared", FIRST_SMALL), ("database", FIRST_DATABASE)))
    homes.warm(door)
    text = statement_of(world, door)
    base, backends_alone, floor = (Floor.shared(world, text, FEW), Floor.shared(world, text, FEW, connections=FEW),
                                   Floor.database(world, text, FEW))
    for i in range(bench.rounds):
        bench.say(f"{FEW} database homes, round {i + 1} of {bench.rounds}")
        shared.round(door, bench.seconds)
        homes.round(door, bench.seconds)
        for f in (base, backends_alone, floor):
            f.round(bench)
    door.stop()
    return [against(homes, shared, 1.3, f"point read, {FEW} database homes, a connection each", note=f"; loops: {LOOPS}"),
            floor.against(base, "  PostgreSQL alone, a database each"),
            backends_alone.against(base, f"  PostgreSQL alone, shared homes by {FEW} connections"),
            memory(homes, "  a backend"), *curve(bench, shared)]


def curve(bench, shared):
    """The budget is the loops' in equal shares; homes at random out of n find their connection as often as a share is
    of n, so n chooses the rate."""
    world, rows = bench.world, []
    for percent in (98, 95, 80, 50):
        share = FEW * percent // 100
        door = Door(world, [f"data.connections={CONNECTIONS}", f"data.home_connections={share * LOOPS}"])
        load = Load(world, "database", FIRST_DATABASE, FEW).ready(door)
        load.warm(door)
        bench.say(f"{FEW} database homes, {share} connections a loop")
        for _ in range(max(1, bench.rounds // 3)):
            time.sleep(1.5)  # PostgreSQL counts a session up to a second late
            before = sessions(world)
            load.round(door, bench.seconds)
            time.sleep(1.5)
            made = sessions(world) - before
            requests = load.series.rate[-1] * bench.seconds
        door.stop()
        cost = median(load.server_and_postgres())
        rows.append(Row(f"  {1 - made / requests:.1%} of requests find a connection", f"{cost * 1e6:.1f} µs",
                        f"{median(shared.server_and_postgres()) * 1e6:.1f} µs",
                        f"{cost / median(shared.server_and_postgres()):.1f}", **load.series.cells(),
                        note=f"{share * LOOPS} connections; p50 {median(load.series.p50_us) / 1000:.1f} ms, p99 "
                             f"{median(load.series.p99_us) / 1000:.1f} ms"))
    return rows


def beyond_budget(bench):
    """Every home asked for at random with far fewer connections than homes: none is refused, and the budget is kept."""
    world, n = bench.world, bench.databases
    world.place("database", FIRST_DATABASE, n)
    door = Door(world, [f"data.home_connections={BUDGET}"])
    load, most = Load(world, "database", FIRST_DATABASE, n).ready(door), 0
    for i in range(bench.rounds):
        bench.say(f"{n} database homes, {BUDGET} connections, round {i + 1} of {bench.rounds}")
        load.round(door, bench.seconds)
        most = max(most, backends(world))
    door.stop()
    return [Row(f"{n:,} database homes, {BUDGET} connections", f"{median(load.series.rate):,.0f}/s", target=f"<= {BUDGET}",
                met=met(most <= BUDGET), **load.series.cells(),
                note=f"all answered; at most {most} connections; p50 {median(load.series.p50_us) / 1000:.0f} ms, p99 "
                     f"{median(load.series.p99_us) / 1000:.0f} ms")]


def more_tenants(bench):
    """10 tenants in the catalog, then 10,000: the same server program, each time new."""
    world, sizes, loads = bench.world, {}, {}
    catalog = world.session("operator", database="ads_catalog")
    catalog.query("SET rowhouse.verb = on; CREATE TEMP TABLE others AS SELECT * FROM rowhouse.tenants WHERE id NOT BETWEEN "
                  f"{FIRST_SMALL} AND {FIRST_SMALL + 9}")
    for n in (10, TENANTS):
        if n == 10:
            catalog.query("DELETE FROM rowhouse.tenants t USING others o WHERE t.id = o.id")
        else:
            catalog.query("INSERT INTO rowhouse.tenants SELECT * FROM others")
        door = Door(world, [f"data.connections={CONNECTIONS}"])
        loads[n] = Load(world, "flat", FIRST_SMALL, min(n, TENANTS - FIRST_SMALL)).ready(door)
        for i in range(bench.rounds):
            bench.say(f"{n} tenants, round {i + 1} of {bench.rounds}")
            loads[n].round(door, bench.seconds)
        sizes[n] = pss_mib(door.pid)
        door.stop()
    catalog.close()
    cost = {n: median(load.server_and_postgres()) for n, load in loads.items()}
    p50 = {n: median(load.series.p50_us) / 1000 for n, load in loads.items()}
    return [Row(f"point read, {TENANTS:,} shared tenants against 10", f"{cost[TENANTS] * 1e6:.1f} µs", f"{cost[10] * 1e6:.1f} µs",
                f"{cost[TENANTS] / cost[10]:.2f}", **loads[TENANTS].series.cells(),
                note=f"p50 {p50[10]:.1f} and {p50[TENANTS]:.1f} ms"),
            Row("  PSS of the server", f"{sizes[TENANTS]:.1f} MiB", f"{sizes[10]:.1f} MiB", f"{sizes[TENANTS] / sizes[10]:.2f}")]


def homes(bench):
    return more_tenants(bench) + schema_homes(bench) + database_homes(bench) + beyond_budget(bench)
