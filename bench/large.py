# SPDX-License-Identifier: Apache-2.0
"""Large answers: a million rows (--rows) as CSV against psql's COPY TO, 10,000 rows as JSON against json_agg, and the server's memory."""
import os

from procs import cpu_of
from table import Row, median, met, spread, us
from world import FIRST_SMALL, Door, ad_of

TENANT, PAGE, PAGES = FIRST_SMALL, 10_000, 50

MAKE = """
INSERT INTO public.impressions (id, company_id, ad_id, seen_at, site_url, cost_per_impression_usd, user_ip, user_data)
SELECT 100000000 + g, {tenant}, {ad}, timestamp '2026-01-01' + g * interval '1 s', 'https://site.example/' || g, g % 100 / 1000.0,
       '10.0.0.1'::inet + g, jsonb_build_object('n', g) FROM generate_series(1, {rows}) g"""
COPY = "\\copy (SELECT * FROM public.impressions WHERE company_id = {tenant}) TO '/dev/null' (FORMAT csv)"
AGG = "SELECT json_agg(t) FROM (SELECT * FROM public.impressions WHERE company_id = {tenant} ORDER BY id LIMIT {page}) t"


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


class Costs:
    """CPU seconds of each round: the server's or psql's, and PostgreSQL's."""

    def __init__(self):
        self.own, self.postgres = [], []

    def total(self):
        return [a + b for a, b in zip(self.own, self.postgres)]


def by_door(bench, door, costs, times, path, accept):
    argv = ["curl", "-sS", "--fail", "-H", f"Authorization: Bearer {bench.world.token(TENANT)}", "-H", f"Accept: {accept}",
            "-o", os.devnull, door.url + path]
    own, postgres = cpu_of(door.pid), bench.world.postgres_cpu()
    for _ in range(times):
        bench.world.procs.run(argv)
    costs.own.append((cpu_of(door.pid) - own) / times)
    costs.postgres.append((bench.world.postgres_cpu() - postgres) / times)


def by_psql(bench, costs, times, sql):
    argv, env = bench.world.client("psql", "operator", "-XqAt", "-o", os.devnull, *(["-c", sql] * times))
    postgres = bench.world.postgres_cpu()
    _, _, cpu = bench.world.procs.run(argv, env)
    costs.own.append(cpu / times)
    costs.postgres.append((bench.world.postgres_cpu() - postgres) / times)


def rows_of(name, ours, theirs, against, n, target, note):
    ratios = [a / b for a, b in zip(ours.total(), theirs.total())]
    each = [[x / n for x in one] for one in (ours.own, ours.postgres, theirs.own, theirs.postgres)]
    return [Row(name, f"{median(ours.total()):.3f} s", f"{median(theirs.total()):.3f} s", f"{median(ratios):.2f}", spread(ratios),
                f"<= {target}", met(median(ratios) <= target), us(each[0]), us(each[1]), note=note),
            Row(f"  against {against}", f"{median(theirs.total()):.3f} s", postgres=us(each[3]), client=us(each[2]))]


def large(bench):
    world, rows = bench.world, bench.rows
    bench.say(f"{rows:,} rows of one tenant")
    world.operator.query(MAKE.format(tenant=TENANT, ad=ad_of(TENANT, 0), rows=rows))
    world.operator.query("VACUUM ANALYZE public.impressions")
    door = Door(world, ["data.threads=1"])
    csv, copy, page, agg = Costs(), Costs(), Costs(), Costs()
    path = f"/impressions?order=id&limit={PAGE}"
    try:
        door.wait_until_ready("/ads?limit=1", world.token(TENANT))
        before = peak_mib(door.pid)
        for i in range(bench.load_rounds):
            bench.say(f"large answers, round {i + 1} of {bench.load_rounds}")
            by_door(bench, door, csv, 1, "/impressions", "text/csv")
            by_psql(bench, copy, 1, COPY.format(tenant=TENANT))
            by_door(bench, door, page, PAGES, path, "application/json")
            by_psql(bench, agg, PAGES, AGG.format(tenant=TENANT, page=PAGE))
        by_door(bench, door, Costs(), 1, "/impressions", "application/json")
        grown = peak_mib(door.pid) - before
    finally:
        door.stop()
        world.operator.query(f"DELETE FROM public.impressions WHERE company_id = {TENANT}")
    return [*rows_of(f"{rows:,} rows as CSV, CPU", csv, copy, "psql \\copy TO", rows, 1.3, "by COPY, as the server role under row security"),
            *rows_of(f"{PAGE:,} rows as JSON, CPU", page, agg, "psql, json_agg", PAGE, 1, "sorted by the key"),
            Row("  memory for all of them", f"+{grown:.1f} MiB", target="< 64 MiB", met=met(grown < 64),
                note=f"the server's peak; {rows:,} rows as JSON among them")]
