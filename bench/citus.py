# SPDX-License-Identifier: Apache-2.0
"""On Citus: the point read at the worker that has the company, through the coordinator, and on plain PostgreSQL; a load.

Only where ROWHOUSE_TEST_CITUS names a coordinator, whose nodes run on this machine: their CPU is read from /proc.
"""
import os
import random
import re
import shutil

from loads import compare
from procs import cpu_of_family
from rates import COMPANIES, CONNECTIONS, Series, http_round, write_requests
from table import Row, median, met, spread
from world import ADS_EACH, FIRST_SMALL, MAKE_ROWS, MAKE_TENANTS, QUIET, Door, Session, World, ad_of

NAME = "adsbench"
NODES = "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"


class CitusWorld(World):
    """The same tenants and rows in an app of its own on the cluster."""

    def __init__(self, plain, conninfo):
        self.procs, self.rowhouse, self.directory, self.say = plain.procs, plain.rowhouse, plain.directory, plain.say
        self.secret, self.programs, self.conninfo = plain.secret, plain.programs, conninfo
        self.csv = plain.csv
        self.admin_of = dict(pair.split("=") for pair in conninfo.split())
        self.app, self.data = self.directory / NAME, self.directory / "citus"
        shutil.copytree(plain.app, self.app, ignore=shutil.ignore_patterns(".rowhouse"))
        conf = self.app / "rowhouse.conf"
        conf.write_text(conf.read_text().replace("name = ads", f"name = {NAME}"))
        self.nodes = [(self.admin_of["host"], self.admin_of["port"])]
        self.nodes = [tuple(row) for row in self.ask(self.nodes[0], self.admin_of["dbname"], NODES)]
        self.clean()
        self.postmasters = [self.postmaster_of(node) for node in self.nodes]
        self.procs.run(self.command("migrate"))
        self.operator = Session(self.procs, [*self.command("psql"), "--", *QUIET])

    def ask(self, node, database, sql):
        argv = [f"{self.programs}/psql", "-h", node[0], "-p", node[1], "-U", self.admin_of["user"], *QUIET, database]
        session = Session(self.procs, argv)
        rows = [session.query(one) for one in sql.split(";")][-1]
        session.close()
        return rows

    def clean(self):
        drop = (["SET citus.enable_ddl_propagation = off"]
                + [f"DROP DATABASE IF EXISTS {d} WITH (FORCE)" for d in (NAME, f"{NAME}_catalog")]
                + [f"DROP ROLE IF EXISTS {NAME}_{r}" for r in ("server", "operator", "owner")])
        for node in self.nodes:
            self.ask(node, self.admin_of["dbname"], ";".join(drop))

    def postmaster_of(self, node):
        port = node[1]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                data = os.readlink(f"/proc/{pid}/cwd")
                lines = open(f"{data}/postmaster.pid", encoding="ascii").read().split("\n")
            except OSError:
                continue
            if lines[3:4] == [str(port)]:
                return int(lines[0])
        raise RuntimeError(f"no postmaster on port {port} of this machine")

    def command(self, name, *args):
        return [self.rowhouse, name, *args, "--app", self.app, "--data", self.data, "--server", self.conninfo]

    def client_at(self, node, program, *args):
        argv = [f"{self.programs}/{program}", "-h", node[0], "-p", node[1], "-U", f"{NAME}_operator", *args, NAME]
        return argv, {"PGPASSWORD": (self.data / "operator_password").read_text()}

    def postgres_cpu(self):
        return sum(cpu_of_family(pid) for pid in self.postmasters)

    def fill(self, rows):
        del rows  # they are in the plain world's files
        argv = [f"{self.programs}/psql", "-h", self.nodes[0][0], "-p", self.nodes[0][1], "-U", f"{NAME}_operator", *QUIET, f"{NAME}_catalog"]
        catalog = Session(self.procs, argv, {"PGPASSWORD": (self.data / "operator_password").read_text()})
        catalog.query(MAKE_TENANTS.format(tenants=FIRST_SMALL + COMPANIES))
        catalog.close()
        self.operator.query(MAKE_ROWS.format(small=FIRST_SMALL, tenants=FIRST_SMALL + COMPANIES, ad=10_000_000, each=ADS_EACH))
        for table in ("companies", "campaigns", "ads"):
            self.operator.query(f"\\copy public.{table} FROM '{self.csv}/{table}.csv' (FORMAT csv)\nSELECT")
        self.operator.query("ANALYZE")


def bare_round(series, procs, cpu, argv, env):
    """The bare statement, prepared, without binding and row security."""
    before = cpu()
    said, _, _ = procs.run(argv, env)
    n = int(re.search(r"transactions actually processed: (\d+)", said).group(1))
    series.postgres.append((cpu() - before) / n)


def citus(bench):
    conninfo = os.environ.get("ROWHOUSE_TEST_CITUS")
    if not conninfo:
        return [Row("point read on Citus", note="skipped: needs ROWHOUSE_TEST_CITUS")]
    plain, world = bench.world, CitusWorld(bench.world, conninfo)
    try:
        return measure(bench, plain, world) + load(bench, world)
    finally:
        world.operator.close()
        world.clean()


def load(bench, world):
    psql, env = world.client_at(world.nodes[0], "psql", "-Xq")
    return compare(bench, world, psql, env, where=" on Citus", note="distributed table, through the coordinator")


def doors_of(plain, world):
    settings = [f"data.connections={CONNECTIONS}"]
    return [(plain, Door(plain, settings)), (world, Door(world, settings)), (world, Door(world, [*settings, "data.to_workers=off"]))]


def measure(bench, plain, world):
    world.fill(0)
    tenants = range(FIRST_SMALL, FIRST_SMALL + COMPANIES)
    tokens = {t: world.token(t) for t in tenants}
    ads = [(t, ad_of(t, k)) for t in tenants for k in range(ADS_EACH)]
    random.Random(1).shuffle(ads)
    file = write_requests(world.directory / "citus.txt", [(f"/ads?id=eq.{ad}", tokens[t]) for t, ad in ads])
    series = [Series(), Series(), Series()]  # plain, owner, coordinator
    bare = [Series(), Series()]  # plain, worker
    owner = world.nodes[1]
    mine = owned(world, owner, tenants)
    company = "0"
    for k, tenant in enumerate(mine):
        company = f"case when :i = {k} then {tenant} else {company} end"
    script = world.directory / "bare.sql"
    script.write_text(f"\\set i random(0, {len(mine) - 1})\n\\set c {company}\n\\set k random(0, {ADS_EACH - 1})\n"
                      f"\\set id {ad_of(0, 0)} + :c * {ADS_EACH} + :k\n"
                      "SELECT t0.* FROM public.ads AS t0 WHERE t0.company_id = :c AND t0.id = :id;\n")
    bench_args = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", str(bench.seconds), "-f", str(script)]
    doors = doors_of(plain, world)
    for of, door in doors:
        http_round(Series(), of, door.url, door.pid, 2 * bench.seconds, file)  # who is where, and each tenant's statement
    for i in range(bench.rounds):
        bench.say(f"point reads on Citus, round {i + 1} of {bench.rounds}")
        for s, (of, door) in zip(series, doors):
            http_round(s, of, door.url, door.pid, bench.seconds, file)
        bare_round(bare[0], plain.procs, plain.postgres_cpu, *plain.client("pgbench", "operator", *bench_args))
        bare_round(bare[1], world.procs, world.postgres_cpu, *world.client_at(owner, "pgbench", *bench_args))
    for _, door in doors:
        door.stop()
    return rows_of(series, bare)


def owned(world, owner, tenants, n=20):
    """Companies whose rows the worker has."""
    mine = []
    for t in tenants:
        rows = world.operator.query(
            "SELECT n.nodename, n.nodeport FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid) "
            f"WHERE p.shardid = get_shard_id_for_distribution_column('public.companies', {t}::bigint)")
        mine += [t] if tuple(rows[0]) == owner else []
        if len(mine) == n:
            break
    return mine


def rows_of(series, bare):
    plain, owner, coordinator = series
    rates = [a / b for a, b in zip(owner.rate, coordinator.rate)]
    cost = [sum(pair) * 1e6 for pair in zip(owner.rowhouse, owner.postgres)]
    plain_cost = [sum(pair) * 1e6 for pair in zip(plain.rowhouse, plain.postgres)]
    more = (median(bare[1].postgres) - median(bare[0].postgres)) * 1e6
    bound = 1.5 * median(plain_cost) + more
    return [
        Row("Citus: point read at the worker that has it", f"{median(owner.rate):,.0f}/s", f"{median(coordinator.rate):,.0f}/s",
            f"{median(rates):.2f}", spread(rates), ">= 2.50", met(median(rates) >= 2.5), **owner.cells(), note="against the way through the coordinator"),
        Row("  through the coordinator", f"{median(coordinator.rate):,.0f}/s", **coordinator.cells()),
        Row("  on plain PostgreSQL", f"{median(plain.rate):,.0f}/s", **plain.cells()),
        Row("Citus: CPU of server and worker", f"{median(cost):.0f} µs", f"{bound:.0f} µs", f"{median(cost) / bound:.2f}", "", "<= 1.00",
            met(median(cost) <= bound), note=f"against 1.5 x {median(plain_cost):.0f} on plain PostgreSQL + {more:.0f}, what the bare statement costs more on a worker"),
    ]
