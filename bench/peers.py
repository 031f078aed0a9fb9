# SPDX-License-Identifier: Apache-2.0
"""The data door beside what teams write today, on the same rows: Express + Knex and Nest + MikroORM (bench/peers), and
pgbench, which is the limit. Read, list, report and insert, in turns."""
import json
import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass

from procs import Failed
from rates import CONNECTIONS, Series, http_round, pgbench_round, wrk, write_requests
from table import Row, median, met, spread
from world import ADS_EACH, FIRST_AD, FIRST_SMALL, Door, ad_of, parameters_in

HERE = os.path.dirname(os.path.abspath(__file__))
COMPANIES, LIST = 100, 100  # companies that have so many ads that a list of LIST is one
COMPANIES_WRITING = 8
EXTRA_AD, NEW_AD = 20_000_000, 1_000
COLUMNS = "id,campaign_id,name,image_url,target_url,impressions_count,clicks_count,created_at"
MAKE_MORE = f"""
INSERT INTO public.ads (id, company_id, campaign_id, name, image_url, target_url, created_at, updated_at)
SELECT {EXTRA_AD} + g * {LIST} + k, g, {FIRST_AD} + g, 'Ad #' || k, 'https://img.example/ads/' || g || '.png',
       'https://shop.example/' || g || '?from=ad', now(), now()
FROM generate_series({FIRST_SMALL}, {FIRST_SMALL + COMPANIES - 1}) g, generate_series(1, {LIST}) k
ON CONFLICT DO NOTHING"""


@dataclass
class Work:
    """One kind of request. paths: {contestant: (path, body)} as functions of a company."""
    name: str
    paths: dict
    sql: str = ""  # what pgbench's statement has in it; "": it does not take part
    has_body: bool = False


class Peer:
    """A program of bench/peers, running."""

    def __init__(self, world, script):
        argv, env = world.client("psql", "operator")
        env = {"PGHOST": world.socket, "PGPORT": world.port, "PGUSER": argv[argv.index("-U") + 1], "PGDATABASE": argv[-1],
               **env, "PEER_SECRET": world.secret, "PEER_CONNECTIONS": str(CONNECTIONS), "NODE_ENV": "production"}
        self.procs = world.procs
        self.process = self.procs.start(["node", f"{HERE}/peers/{script}"], env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().strip()
        if not line:
            raise Failed(f"bench/peers/{script} did not start")
        self.pid, self.url = self.process.pid, f"http://127.0.0.1:{int(line)}"

    def stop(self):
        self.process.stdin.close()
        self.procs.stop(self.process, 0)


def install(procs):
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Failed(f"{program} is not installed; scripts/install-deps.sh bench installs what is missing")
    if not os.path.exists(f"{HERE}/peers/node_modules/.package-lock.json"):
        procs.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=f"{HERE}/peers")


def new_ad(company):
    return json.dumps({"campaign_id": FIRST_AD + company, "name": "A new ad", "image_url": "https://img.example/new.png",
                       "target_url": "https://shop.example/", "created_at": "2026-01-01T00:00:00",
                       "updated_at": "2026-01-01T00:00:00"}, separators=(",", ":"))


def works():
    def same(path, *names):
        return {name: path for name in names}

    def read(c):
        return f"/ads/{ad_of(c, 3)}", ""

    def report(c):
        return "/campaign_report?select=id,name,monthly_budget,total_impressions,total_clicks" \
               "&order=total_impressions,total_clicks", ""

    def insert(c):
        return "/ads", new_ad(c)

    return [
        Work("read", same(read, "rowhouse", "express", "nest")),
        Work("list", {"rowhouse": lambda c: (f"/ads?select={COLUMNS}&order=id&limit={LIST}", ""),
                      "json_agg": lambda c: (f"/campaigns?select=ads({COLUMNS})&id=eq.{FIRST_AD + c}&ads.order=id&ads.limit={LIST}", ""),
                      **same(lambda c: ("/ads", ""), "express", "nest")}),
        Work("report", {"rowhouse": report, "express": lambda c: ("/report", "")}, '"public"."campaign_report"'),
        Work("insert", same(insert, "rowhouse", "express"), 'INTO "public"."ads"', True),
    ]


def check(name, work, url, world, n_rows):
    """Everybody answers the same question, or the figures mean nothing."""
    path, body = work.paths[name](FIRST_SMALL)
    argv = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {world.token(FIRST_SMALL)}", url + path]
    if body:
        argv += ["-H", "Content-Type: application/json", "-H", "Prefer: return=representation", "-d", body]
    said, _, _ = world.procs.run(argv)
    found = json.loads(said)
    if name == "json_agg":
        found = found[0]["ads"]
    got = len(found) if isinstance(found, list) else 1
    if got != n_rows:
        raise Failed(f"{name}, {work.name}: {got} rows instead of {n_rows}: {said[:300]}")


def pgbench_arguments(world, work, companies):
    """The data door's own text, with variables in place of its parameters: the company, then a body. A body is known for
    one company only, and each script is prepared apart: so few companies then."""
    text = world.statement_like(work.sql)
    if parameters_in(text) > 2:
        raise Failed(f"the statement has other parameters than the company and a body: {text}")
    scripts = [(f"random({companies[0]}, {companies[-1]})", "")]
    if work.has_body:
        scripts = [(c, f"[{new_ad(c)}]") for c in companies]
    arguments = []
    for i, (company, body) in enumerate(scripts):
        script = world.directory / f"{work.name}-{i}.sql"
        script.write_text(f"\\set c {company}\n" + re.sub(r"\$1\b", ":c", re.sub(r"\$2\b", f":body{i}", text)) + ";\n")
        arguments += ["-f", str(script), *(["-D", f"body{i}={body}"] if body else [])]
    return arguments


def measure(bench, work, servers):
    """{contestant: Series}, pgbench's among them where it takes part."""
    world = bench.world
    rng = random.Random(1)
    companies = range(FIRST_SMALL, FIRST_SMALL + (COMPANIES_WRITING if work.has_body else COMPANIES))
    series, files = {}, {}
    n_rows = {"list": LIST}.get(work.name, 1)
    for name, path in work.paths.items():
        url = servers[name].url
        check(name, work, url, world, n_rows)
        lines = [(path(c)[0], " ".join(filter(None, (world.token(c), path(c)[1])))) for c in companies]
        rng.shuffle(lines)
        files[name] = write_requests(world.directory / f"{work.name}-{name}.txt", lines)
        series[name] = Series()
        wrk(world.procs, url, 1, files[name])
    arguments = []
    if work.sql:
        check("rowhouse", work, servers["rowhouse"].url, world, n_rows)
        arguments, series["pgbench"] = pgbench_arguments(world, work, companies), Series()
    for i in range(bench.rounds):
        bench.say(f"{work.name} beside peers, round {i + 1} of {bench.rounds}")
        for name in work.paths:
            http_round(series[name], world, servers[name].url, servers[name].pid, bench.seconds, files[name])
        if arguments:
            pgbench_round(series["pgbench"], world, bench.seconds, *arguments)
    if work.name == "insert":
        world.operator.query("DELETE FROM public.ads WHERE name = 'A new ad'")
    return series


TITLES = {"read": "point read", "list": f"list of {LIST} rows x 8 columns", "report": "the report of a company",
          "insert": "insert of one row, returned"}
PEERS = {"express": "Express + Knex", "nest": "Nest + MikroORM on Fastify", "pgbench": "pgbench -M prepared",
         "json_agg": "json_agg, through the same door"}
AT_LEAST = {("read", "express"): 15, ("list", "express"): 10, ("list", "nest"): 20}
CPU_AT_MOST = {("report", "pgbench"): 1.15, ("insert", "pgbench"): 1.3, ("list", "json_agg"): 1.0}


def cpu_of_round(s, i):
    """CPU seconds of everything but an HTTP client; pgbench's client is part of its work."""
    return (s.rowhouse[i] if s.rowhouse else s.client[i]) + s.postgres[i]


def row_of(work, name, ours, theirs):
    rate = [a / b for a, b in zip(ours.rate, theirs.rate)]
    cpu = [cpu_of_round(ours, i) / cpu_of_round(theirs, i) for i in range(len(ours.rate))]
    key, title = (work.name, name), f"{TITLES[work.name]}, against {PEERS[name]}"
    if key in CPU_AT_MOST:
        limit = CPU_AT_MOST[key]
        mine, other = (median([cpu_of_round(s, i) for i in range(len(s.rate))]) for s in (ours, theirs))
        return Row(f"{title}: CPU", f"{mine * 1e6:.1f} µs", f"{other * 1e6:.1f} µs", f"{median(cpu):.2f}", spread(cpu),
                   f"<= {limit:.2f}", met(median(cpu) <= limit), **ours.cells(), note=f"rate {median(rate):.2f}")
    least = AT_LEAST.get(key)
    return Row(title, f"{median(ours.rate):,.0f}/s", f"{median(theirs.rate):,.0f}/s", f"{median(rate):.1f}",
               spread(rate, "{:.1f}"), f">= {least}" if least else "", met(median(rate) >= least) if least else "",
               **ours.cells(), note=f"CPU {1 / median(cpu):.1f} times less" if median(cpu) < 1 else "")


def peers(bench):
    world = bench.world
    install(world.procs)
    world.operator.query(MAKE_MORE)
    world.operator.query("VACUUM ANALYZE public.ads")
    door = Door(world, [f"data.connections={CONNECTIONS}"])
    door.wait_until_ready(f"/ads/{ad_of(FIRST_SMALL, 0)}", world.token(FIRST_SMALL))
    servers = {"rowhouse": door, "json_agg": door, "express": Peer(world, "express.mjs"), "nest": Peer(world, "nest.cjs")}
    rows = []
    for work in works():
        series = measure(bench, work, servers)
        rows += [row_of(work, name, series["rowhouse"], s) for name, s in series.items() if name != "rowhouse"]
        rows += [Row(f"  {PEERS[name]}, {work.name}", f"{median(s.rate):,.0f}/s", **s.cells())
                 for name, s in series.items() if name in ("express", "nest")]
    for server in ("nest", "express", "rowhouse"):
        servers[server].stop()
    return rows
