# SPDX-License-Identifier: Apache-2.0
"""Requests a second and CPU per request: the data door, pgbench with the same statement, a constant answer."""
import os
import random
import re
import subprocess
from dataclasses import dataclass, field

from procs import Failed, cpu_of
from table import Row, median, met, spread, us
from world import ADS_EACH, FIRST_SMALL, Door, ad_of, parameters_in

CLIENTS, COMPANIES, CONNECTIONS = 64, 1000, 16
PIPELINED = 16  # statements a pipeline
HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Series:
    """One contestant's rounds: units a second, CPU seconds per unit of each process."""
    rate: list = field(default_factory=list)
    rowhouse: list = field(default_factory=list)
    postgres: list = field(default_factory=list)
    client: list = field(default_factory=list)
    p50_us: list = field(default_factory=list)
    p99_us: list = field(default_factory=list)

    def cpu(self):
        """CPU seconds per unit of everything together."""
        return sum(median(v) for v in (self.rowhouse, self.postgres, self.client) if v)

    def cells(self):
        return {k: us(v) for k, v in (("rowhouse", self.rowhouse), ("postgres", self.postgres), ("client", self.client)) if v}


def write_requests(path, lines):
    path.write_text("".join(f"{p} {token}\n" for p, token in lines))
    return path


def wrk(procs, url, seconds, requests, count=None):
    """(answers, seconds, CPU seconds of wrk, p50 and p99 in µs)"""
    said, _, cpu = procs.run(["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", f"{HERE}/requests.lua", url, "--", requests]
                             + ([count] if count else []))
    n, took_us, errors, p50, p99 = map(int, re.search(r"^BENCH (.*)$", said, re.M).group(1).split())
    if errors or not n:
        raise Failed(f"wrk: {errors} errors in {n} answers\n{said}")
    return n, took_us / 1e6, cpu, p50, p99


def http_round(series, world, url, pid, seconds, requests):
    server, postgres = cpu_of(pid), world.postgres_cpu()
    n, took, cpu, p50, p99 = wrk(world.procs, url, seconds, requests)
    series.rowhouse.append((cpu_of(pid) - server) / n)
    series.postgres.append((world.postgres_cpu() - postgres) / n)
    series.client.append(cpu / n)
    series.rate.append(n / took)
    series.p50_us.append(p50)
    series.p99_us.append(p99)


def pgbench_round(series, world, seconds, *scripts, statements=1):
    """statements: how many a script has."""
    argv, env = world.client("pgbench", "operator", "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", str(os.cpu_count()),
                             "-T", str(seconds), *scripts)
    postgres = world.postgres_cpu()
    said, _, cpu = world.procs.run(argv, env)
    n = int(re.search(r"transactions actually processed: (\d+)", said).group(1)) * statements
    series.postgres.append((world.postgres_cpu() - postgres) / n)
    series.client.append(cpu / n)
    series.rate.append(float(re.search(r"^tps = ([0-9.]+)", said, re.M).group(1)) * statements)


def pgbench_scripts(world, door, path):
    """The data door's own text, with the company and the ad as variables in place of its parameters."""
    tenant = FIRST_SMALL
    text, answer = world.statement_of(door, path.format(ad_of(tenant, 0)), world.token(tenant), '"public"."ads"')
    if f'"id":{ad_of(tenant, 0)},' not in answer:
        raise Failed(f"{path} is answered {answer}")
    if parameters_in(text) != 2:
        raise Failed(f"the statement has other parameters than the company and the ad: {text}")
    text = (f"\\set c random({tenant}, {tenant + COMPANIES - 1})\n\\set k random(0, {ADS_EACH - 1})\n"
                      f"\\set id {ad_of(0, 0)} + :c * {ADS_EACH} + :k\n"
                      + re.sub(r"\$1\b", ":c", re.sub(r"\$2\b", ":id", text)) + ";\n")
    single, pipeline = world.directory / "point.sql", world.directory / "pipeline.sql"
    single.write_text(text)
    pipeline.write_text("\\startpipeline\n" + text * PIPELINED + "\\endpipeline\n")
    return str(single), str(pipeline)


def start_constant(procs, program):
    child = procs.start([program, 0, os.cpu_count()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return child, f"http://127.0.0.1:{int(child.stdout.readline())}"


def point_reads(bench):
    world, say = bench.world, bench.say
    door = Door(world, [f"data.connections={CONNECTIONS}"])
    rng = random.Random(1)
    tenants = range(FIRST_SMALL, FIRST_SMALL + COMPANIES)
    tokens = {t: world.token(t) for t in tenants}
    ads = [(t, ad_of(t, k)) for t in tenants for k in range(ADS_EACH)]
    rng.shuffle(ads)
    forms = ["/ads?id=eq.{}", "/ads/{}"]
    files = [write_requests(world.directory / f"point{i}.txt", [(form.format(ad), tokens[t]) for t, ad in ads])
             for i, form in enumerate(forms)]
    single, pipeline = pgbench_scripts(world, door, forms[0])
    constant, constant_url = start_constant(world.procs, bench.constant)
    constant_file = write_requests(world.directory / "constant.txt", [("/constant", tokens[FIRST_SMALL])])
    reads, direct, pipelined, fixed = [Series(), Series()], Series(), Series(), Series()

    wrk(world.procs, door.url, 1, files[0])
    for i in range(bench.rounds):
        say(f"point reads, round {i + 1} of {bench.rounds}")
        http_round(reads[0], world, door.url, door.pid, bench.seconds, files[0])
        pgbench_round(direct, world, bench.seconds, "-f", single)
        http_round(reads[1], world, door.url, door.pid, bench.seconds, files[1])
        pgbench_round(pipelined, world, bench.seconds, "-f", pipeline, statements=PIPELINED)
        http_round(fixed, world, constant_url, constant.pid, bench.seconds, constant_file)
    world.procs.stop(constant)
    door.stop()
    return rate_rows(forms, reads, direct, pipelined) + cpu_rows(forms, reads, direct) + cost_rows(forms, reads, fixed)


def rate_rows(forms, reads, direct, pipelined):
    rows = []
    for form, s in zip(forms, reads):
        ratios = [a / b for a, b in zip(s.rate, direct.rate)]
        rows.append(Row(f"point read GET {form.format('N')}, token, RLS", f"{median(s.rate):,.0f}/s", f"{median(direct.rate):,.0f}/s",
                        f"{median(ratios):.2f}", spread(ratios), ">= 0.60", met(median(ratios) >= 0.6), **s.cells(),
                        note=f"CPU in all {s.cpu() * 1e6:.1f} against {direct.cpu() * 1e6:.1f} µs: {direct.cpu() / s.cpu():.2f}; "
                             f"{CLIENTS} clients, p50 {median(s.p50_us) / 1000:.1f} ms, p99 {median(s.p99_us) / 1000:.1f} ms"))
    rows.append(Row("  against pgbench -M prepared, no RLS", f"{median(direct.rate):,.0f}/s", **direct.cells(),
                    note=f"the same text as operator, {CONNECTIONS} clients"))
    rows.append(Row(f"  pgbench, {PIPELINED} statements a pipeline", f"{median(pipelined.rate):,.0f}/s", **pipelined.cells(),
                    note="the same, as fast as it goes"))
    return rows


def cpu_rows(forms, reads, direct):
    """Server and backends, against pgbench and its backends."""
    rows = []
    for form, s in zip(forms, reads):
        ours = [a + b for a, b in zip(s.rowhouse, s.postgres)]
        theirs = [a + b for a, b in zip(direct.client, direct.postgres)]
        ratios = [a / b for a, b in zip(ours, theirs)]
        rows.append(Row(f"CPU of server and PostgreSQL, GET {form.format('N')}", us(ours) + " µs", us(theirs) + " µs",
                        f"{median(ratios):.2f}", spread(ratios), "<= 1.40", met(median(ratios) <= 1.4),
                        note="per request, against pgbench and PostgreSQL"))
    return rows


def cost_rows(forms, reads, fixed):
    rows = []
    for form, s in zip(forms, reads):
        ratios = [a / b for a, b in zip(s.rowhouse, fixed.rowhouse)]
        rows.append(Row(f"CPU of the server, GET {form.format('N')}", us(s.rowhouse) + " µs", us(fixed.rowhouse) + " µs",
                        f"{median(ratios):.2f}", spread(ratios), "<= 3.00", met(median(ratios) <= 3), note="per request"))
    rows.append(Row("  against a constant answer, same loops", f"{median(fixed.rate):,.0f}/s", rowhouse=us(fixed.rowhouse),
                    client=us(fixed.client)))
    return rows
