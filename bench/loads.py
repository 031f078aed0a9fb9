# SPDX-License-Identifier: Apache-2.0
"""A CSV file into impressions, with its keys and indexes: `rowhouse load` against psql's \\copy."""
from rates import Series
from table import Row, median, met, spread


def one_round(series, world, rows, argv, env=None):
    world.operator.query("TRUNCATE public.impressions")
    postgres = world.postgres_cpu()
    _, took, cpu = world.procs.run(argv, env)
    series.postgres.append((world.postgres_cpu() - postgres) / rows)
    series.client.append(cpu / rows)
    series.rate.append(rows / took)


def loads(bench):
    return compare(bench, bench.world, *bench.world.client("psql", "operator", "-Xq"), where="", note="whole command, foreign key and two indexes")


def compare(bench, world, psql, env, where, note):
    """`rowhouse load` against \\copy by that psql, in turns."""
    file = bench.world.csv / "impressions.csv"
    with open(file, "rb") as f:
        rows = sum(1 for _ in f)
    copy = [*psql, "-c", f"\\copy public.impressions FROM '{file}' (FORMAT csv)"]
    ours, theirs = Series(), Series()
    for i in range(bench.load_rounds):
        bench.say(f"load{where}, round {i + 1} of {bench.load_rounds}")
        one_round(ours, world, rows, world.command("load", "impressions", file))
        one_round(theirs, world, rows, copy, env)
    ratios = [a / b for a, b in zip(ours.rate, theirs.rate)]
    return [Row(f"rowhouse load{where}, {rows:,} rows of CSV", f"{median(ours.rate):,.0f}/s", f"{median(theirs.rate):,.0f}/s",
                f"{median(ratios):.2f}", spread(ratios), ">= 0.80", met(median(ratios) >= 0.8), **ours.cells(), note=note),
            Row("  against psql \\copy", f"{median(theirs.rate):,.0f}/s", **theirs.cells())]
