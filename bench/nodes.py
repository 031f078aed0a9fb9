# SPDX-License-Identifier: Apache-2.0
"""What placement costs an app with one plain node: a creation asks one query more (sql/nodes/alone.sql). A request is
routed by comparing a number, which no clock shows."""
import pathlib
import re

from provisions import Control
from table import Row, median, met, spread

ALONE = pathlib.Path(__file__).resolve().parent.parent / "sql/nodes/alone.sql"
EACH = 2000


def latency_us(bench, script):
    argv, env = bench.world.client("pgbench", "operator", "-n", "-M", "prepared", "-t", str(EACH), "-f", str(script), database="ads_catalog")
    said, _, _ = bench.world.procs.run(argv, env)
    return float(re.search(r"latency average = ([0-9.]+) ms", said).group(1)) * 1e3


def nodes(bench):
    world = bench.world
    nothing, alone = world.directory / "nothing.sql", world.directory / "alone.sql"
    nothing.write_text("SELECT 1;\n")
    alone.write_text("".join(line for line in ALONE.read_text().splitlines(True) if not line.startswith("--")) + ";\n")
    catalog = world.session("operator", database="ads_catalog")
    catalog.query("SELECT setval(pg_get_serial_sequence('rowhouse.tenants', 'id'), greatest(2000000, nextval(pg_get_serial_sequence('rowhouse.tenants', 'id'))))")
    catalog.close()
    control, made, asked, bare = Control(world), [], [], []
    control.make("shared")  # the door's first request opens its connections
    for i in range(bench.rounds):
        bench.say(f"placement, round {i + 1} of {bench.rounds}")
        made += [control.make("shared")[0] * 1e6 for _ in range(10)]
        asked.append(latency_us(bench, alone))
        bare.append(latency_us(bench, nothing))
    control.stop()
    parts = [(a - b) / median(made) for a, b in zip(asked, bare)]
    return [Row("placement: one plain node", f"{median(asked):.0f} µs", f"{median(bare):.0f} µs", f"{median(parts):.3f}", spread(parts, "{:.3f}"),
                "<= 0.010", met(median(parts) <= 0.01),
                note=f"the query that a creation asks, against SELECT 1; the ratio is what it takes beyond that, of a shared tenant's creation ({median(made) / 1e3:.1f} ms)")]
