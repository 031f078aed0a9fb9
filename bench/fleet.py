# SPDX-License-Identifier: Apache-2.0
"""`rowhouse query` over many schema homes, against the same SQL by psql as one UNION ALL over their schemas."""
from rates import Series
from table import Row, median, met, spread
from world import FIRST_SCHEMA

HOMES = 1000
ASKED = "SELECT count(*), max(id) AS newest FROM {}campaigns"
SCHEMAS = "SELECT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE c.relname = 'campaigns' AND " \
          "n.nspname <> 'rowhouse_template' ORDER BY 1"


def one_round(series, world, argv, env=None):
    postgres = world.postgres_cpu()
    said, took, cpu = world.procs.run(argv, env)
    series.postgres.append((world.postgres_cpu() - postgres) / HOMES)
    series.client.append(cpu / HOMES)
    series.rate.append(took)
    return said


def fleet(bench):
    world = bench.world
    world.place("schema", FIRST_SCHEMA, HOMES)
    schemas = [row[0] for row in world.operator.query(SCHEMAS)]
    union = world.directory / "union.sql"
    union.write_text("\nUNION ALL\n".join(f"SELECT '{s}' AS home, q.* FROM ({ASKED.format(s + '.')}) q" for s in schemas) + ";")
    psql, env = world.client("psql", "operator", "-XqAtf", union)
    ours, theirs = Series(), Series()
    for i in range(bench.load_rounds * 2):
        bench.say(f"fleet query, round {i + 1} of {bench.load_rounds * 2}")
        rows = one_round(ours, world, world.command("query", ASKED.format(""), "--csv")).strip().split("\n")[1:]
        lines = one_round(theirs, world, psql, env).strip().split("\n")
        if sorted(r.split(",", 1)[1].strip() for r in rows) != sorted(line.split("|", 1)[1].replace("|", ",") for line in lines):
            bench.say("fleet query: the two do not agree")
            return [Row("fleet query", note="THE TWO DO NOT AGREE", met="NO")]
    ratios = [a / b for a, b in zip(ours.rate, theirs.rate)]
    return [Row(f"rowhouse query over {len(rows):,} homes", f"{median(ours.rate):.2f} s", f"{median(theirs.rate):.2f} s",
                f"{median(ratios):.2f}", spread(ratios), "<= 1.50", met(median(ratios) <= 1.5), **ours.cells(),
                note="time of the whole command; µs are per home"),
            Row("  against one UNION ALL by psql", f"{median(theirs.rate):.2f} s", **theirs.cells())]
