# SPDX-License-Identifier: Apache-2.0
"""Large bodies: a million rows (--rows) of CSV and of JSON by POST, against psql's COPY FROM of the same into the same table as the operator, and the
server's memory."""
import json
import os

from large import Costs, peak_mib, rows_of
from procs import cpu_of
from table import Row, met
from world import FIRST_SMALL, Door, ad_of

TENANT = FIRST_SMALL
COLUMNS = "id, company_id, ad_id, seen_at, site_url, cost_per_impression_usd, user_ip, user_data"
ROWS = """SELECT 100000000 + g AS id, {tenant} AS company_id, {ad} AS ad_id, timestamp '2026-01-01' + g * interval '1 s' AS seen_at,
 'https://site.example/' || g AS site_url, g % 100 / 1000.0 AS cost_per_impression_usd, '10.0.0.1'::inet + g AS user_ip,
 jsonb_build_object('n', g) AS user_data FROM generate_series(1, {rows}) g""".replace("\n", "")
WRITE = "\\copy ({rows}) TO '{file}' (FORMAT csv, HEADER)"
READ = "\\copy public.impressions ({columns}) FROM '{file}' (FORMAT csv, HEADER)"
REMOVE = "DELETE FROM public.impressions WHERE company_id = {tenant}"


def clear(world):
    world.operator.query(REMOVE.format(tenant=TENANT))
    world.operator.query("VACUUM public.impressions")


def by_door(bench, door, costs, file, kind):
    world = bench.world
    argv = ["curl", "-sS", "--fail", "-X", "POST", "-T", file, "-H", f"Authorization: Bearer {world.token(TENANT)}", "-H", f"Content-Type: {kind}",
            "-o", os.devnull, f"{door.url}/impressions"]
    own, postgres = cpu_of(door.pid), world.postgres_cpu()
    world.procs.run(argv)
    costs.own.append(cpu_of(door.pid) - own)
    costs.postgres.append(world.postgres_cpu() - postgres)
    clear(world)


def by_psql(bench, costs, file):
    world = bench.world
    argv, env = world.client("psql", "operator", "-Xq", "-c", READ.format(columns=COLUMNS, file=file))
    postgres = world.postgres_cpu()
    _, _, cpu = world.procs.run(argv, env)
    costs.own.append(cpu)
    costs.postgres.append(world.postgres_cpu() - postgres)
    clear(world)


def write_files(world, csv, array, rows):
    sql = ROWS.format(tenant=TENANT, ad=ad_of(TENANT, 0), rows=rows)
    argv, env = world.client("psql", "operator", "-Xq", "-c", WRITE.format(rows=sql, file=csv))
    world.procs.run(argv, env)
    with open(array, "w", encoding="utf-8") as f:
        for i in range(rows):
            g = i + 1
            f.write(("," if i else "[") + json.dumps({
                "id": 100000000 + g, "ad_id": ad_of(TENANT, 0), "seen_at": f"2026-01-{g % 28 + 1:02}T10:00:00", "site_url": f"https://site.example/{g}",
                "cost_per_impression_usd": g % 100 / 1000, "user_ip": f"10.{g >> 16 & 255}.{g >> 8 & 255}.{g & 255}", "user_data": {"n": g}}))
        f.write("]")


def bodies(bench):
    world, rows = bench.world, bench.rows
    csv, array = world.data / "bodies.csv", world.data / "bodies.json"
    bench.say(f"{rows:,} rows in files")
    write_files(world, csv, array, rows)
    door = Door(world, ["data.threads=1"])
    lines, copy, objects = Costs(), Costs(), Costs()
    try:
        door.wait_until_ready("/ads?limit=1", world.token(TENANT))
        before = peak_mib(door.pid)
        for i in range(bench.load_rounds):
            bench.say(f"large bodies, round {i + 1} of {bench.load_rounds}")
            by_door(bench, door, lines, csv, "text/csv")
            by_psql(bench, copy, csv)
            by_door(bench, door, objects, array, "application/json")
        grown = peak_mib(door.pid) - before
    finally:
        door.stop()
        clear(world)
        csv.unlink()
        array.unlink()
    return [*rows_of(f"POST of {rows:,} rows of CSV, CPU", lines, copy, "psql \\copy FROM", rows, 1.3, "as the server role under row security; keys checked by both"),
            rows_of(f"POST of {rows:,} rows of JSON, CPU", objects, copy, "psql \\copy FROM", rows, 2.5, "against COPY of the CSV")[0],
            Row("  memory for all of them", f"+{grown:.1f} MiB", target="< 16 MiB", met=met(grown < 16), note="the server's peak")]
