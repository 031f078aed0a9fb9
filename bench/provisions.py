# SPDX-License-Identifier: Apache-2.0
"""What a new tenant costs: the verb inside a running server (POST /tenants on its control door), against the bare DDL
that its home needs, sent by a psql that is connected already. And what many short-lived tenants leave behind."""
import http.client
import itertools
import json
import time

from procs import Failed, pss_mib
from table import Row, median, met, spread
from world import Door

SCHEMA_TARGET, DATABASE_TARGET, STANDBY_TARGET_MS = 1.3, 1.3, 10
STANDBY = 4
names = itertools.count(1)


class Control:
    """The control door of a running server, on a connection that is kept."""

    def __init__(self, world, *settings):
        self.door = Door(world, settings)
        self.token = (world.data / "control_token").read_text().strip()
        self.http = http.client.HTTPConnection(self.door.control.removeprefix("http://"), timeout=60)

    def ask(self, method, path, body=None):
        self.http.request(method, path, json.dumps(body) if body else None,
                          {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise Failed(f"{method} {path} is answered {answer.status} {text}")
        return json.loads(text)

    def make(self, model):
        """(seconds, slug)"""
        slug = f"{model}-{next(names)}"
        since = time.monotonic()
        self.ask("POST", "/tenants", {"slug": slug, "model": model})
        return time.monotonic() - since, slug

    def stop(self):
        self.http.close()
        self.door.stop()


def timed(session, sql):
    since = time.monotonic()
    session.query(sql)
    return time.monotonic() - since


class Clock:
    """Seconds and PostgreSQL's CPU seconds of what is measured in turns."""

    def __init__(self, world):
        self.world, self.seconds, self.cpu = world, {}, {}

    def take(self, name, seconds_of):
        before = self.world.postgres_cpu()
        self.seconds.setdefault(name, []).append(seconds_of())
        self.cpu.setdefault(name, []).append(self.world.postgres_cpu() - before)

    def row(self, measurement, ours, bare, target, note):
        ratios = [a / b for a, b in zip(self.seconds[ours], self.seconds[bare])]
        cpu = median([a / b for a, b in zip(self.cpu[ours], self.cpu[bare]) if b > 0] or [0])
        return Row(measurement, f"{median(self.seconds[ours]) * 1e3:.1f} ms", f"{median(self.seconds[bare]) * 1e3:.1f} ms",
                   f"{median(ratios):.2f}", spread(ratios), f"<= {target}" if target else "", met(median(ratios) <= target) if target else "",
                   postgres=f"{median(self.cpu[ours]) * 1e6:.0f}", note=f"{note}; PostgreSQL's CPU {cpu:.2f} times as much")


ROW = "INSERT INTO companies (id, name, created_at, updated_at) VALUES ({id}, 'Bare', now(), now())"


def walls(world):
    """What the fittings come to in a home, with {schema} and {id} to be filled in."""
    text = world.operator.value("SELECT replace(fittings, E'\\n', ' ') FROM rowhouse.home_scripts")
    return text.replace('"rowhouse any home"', "{schema}").replace("'4611686018427380017'", "'{id}'")


def fresh(bench, control):
    """Homes that are made when they are asked for. `walls` and `entered` are what no other way could leave out: row
    security, policies, owner and grants; a session in the clone, and the tenant's row."""
    world, clock = bench.world, Clock(bench.world)
    ddl = "".join(f.read_text() for f in sorted((world.app / "tenant").glob("[0-9]*.sql")))
    begin = "BEGIN; CREATE SCHEMA {schema}{owner}; SET LOCAL search_path = {schema}, reference;\n"
    bare, admin, fittings = world.session("operator"), world.admin(), walls(world).replace("; ", ";\n")
    for i in range(bench.provisions):
        bench.say(f"provision, round {i + 1} of {bench.provisions}")
        named = {"schema": f"bare_{i}", "id": i, "owner": ""}
        also = {"schema": f"walls_{i}", "id": i, "owner": " AUTHORIZATION ads_owner"}
        clock.take("ddl", lambda: timed(bare, begin.format(**named) + ddl + "\nCOMMIT"))
        clock.take("schema", lambda: control.make("schema")[0])
        clock.take("walls", lambda: timed(bare, begin.format(**also) + ddl + "\n" + fittings.format(**also) + "\n" + ROW.format(**also) + ";\nCOMMIT"))
        clock.take("wal_log", lambda: timed(admin, f"CREATE DATABASE bare_{i} TEMPLATE ads_template STRATEGY wal_log"))
        clock.take("database", lambda: control.make("database")[0])
        clock.take("entered", lambda: timed(admin, f"CREATE DATABASE bare_e_{i} TEMPLATE ads_template STRATEGY wal_log;\n\\connect bare_e_{i}\n" + ROW.format(**named)))
        admin.query("\\connect postgres\nSELECT")
        clock.take("file_copy", lambda: timed(admin, f"CREATE DATABASE bare_f_{i} TEMPLATE ads_template STRATEGY file_copy"))
        bare.query(f"DROP SCHEMA bare_{i} CASCADE;\nDROP SCHEMA walls_{i} CASCADE")
        admin.query(f"DROP DATABASE bare_{i};\nDROP DATABASE bare_e_{i};\nDROP DATABASE bare_f_{i}")
    bare.close()
    admin.close()
    return [clock.row("a schema home of 5 tables", "schema", "ddl", SCHEMA_TARGET, "against its migrations in one transaction"),
            clock.row("the same", "schema", "walls", None, "against them with what the fittings come to and the tenant's row, by psql"),
            clock.row("a database home", "database", "wal_log", DATABASE_TARGET, "against CREATE DATABASE ... STRATEGY wal_log"),
            clock.row("the same", "database", "entered", None, "against that, a session in the clone and the tenant's row, by psql"),
            clock.row("the same", "database", "file_copy", None, "against STRATEGY file_copy")]


def wait_for_standby(catalog):
    give_up = time.monotonic() + 120
    while catalog.value("SELECT count(*) FROM rowhouse.standby_homes WHERE state = 'ready'") != str(2 * STANDBY):
        if time.monotonic() > give_up:
            raise Failed("the homes that stand by are not there")
        time.sleep(0.1)


def standby(bench, catalog):
    world, control, rows = bench.world, Control(bench.world, f"provision.standby={STANDBY}"), []
    taken = {"schema": [], "database": []}
    for i in range(max(1, bench.provisions // STANDBY)):
        bench.say(f"standby homes, round {i + 1}")
        wait_for_standby(catalog)
        control.make("shared")  # the door's first request opens its connections
        for model, seconds in taken.items():
            seconds += [control.make(model)[0] for _ in range(STANDBY)]
            wait_for_standby(catalog)
    control.stop()
    for model, seconds in taken.items():
        ms = [s * 1e3 for s in seconds]
        rows.append(Row(f"a {model} home that stood by", f"{median(ms):.1f} ms", range=spread(ms, "{:.1f}"),
                        target=f"< {STANDBY_TARGET_MS} ms", met=met(median(ms) < STANDBY_TARGET_MS),
                        note="with on_create.sql" + (", in a database that nobody was connected to" if model == "database" else "")))
    return rows


SIZES = """SELECT pg_size_pretty(sum(pg_total_relation_size(c.oid))) || ' catalogs, ' || (SELECT sum(n_dead_tup) FROM pg_stat_sys_tables)
|| ' dead rows there, ' || (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') || ' connections'
FROM pg_class c WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'"""


def drop_all(catalog, slugs):
    """As an app's view does: the server's upkeep ends what DELETE begins."""
    quoted = ", ".join(f"'{s}'" for s in slugs)
    catalog.query(f"INSERT INTO rowhouse.drops (tenant, slug, name, keep_dump) SELECT id::text, slug, name, false FROM rowhouse.tenants WHERE slug IN ({quoted});\n"
                  f"DELETE FROM rowhouse.tenants WHERE slug IN ({quoted})")
    give_up = time.monotonic() + 120
    while catalog.value("SELECT count(*) FROM rowhouse.tenants WHERE state = 'dropping'") != "0":
        if time.monotonic() > give_up:
            raise Failed("the drops do not end")
        time.sleep(0.2)


def churn(bench, control, catalog):
    """Tenants that come and go, 20 at a time."""
    world, rows = bench.world, []
    for model, n in (("schema", bench.short_lived), ("database", bench.short_lived // 5)):
        before, sizes, seconds = world.operator.value(SIZES), [pss_mib(control.door.pid)], []
        while len(seconds) < n:
            made = [control.make(model) for _ in range(min(20, n - len(seconds)))]
            drop_all(catalog, [slug for _, slug in made])
            seconds += [took for took, _ in made]
            sizes.append(pss_mib(control.door.pid))
            bench.say(f"{len(seconds)} short-lived {model} homes")
        third = max(1, n // 3)
        first, last = median(seconds[:third]), median(seconds[-third:])
        rows.append(Row(f"{n} {model} homes made and dropped", f"{last * 1e3:.1f} ms", f"{first * 1e3:.1f} ms", f"{last / first:.2f}",
                        note=f"the last third's creations against the first's; server PSS {sizes[0]:.1f}, then {sizes[len(sizes) // 2]:.1f}, "
                             f"{sizes[-1]:.1f} MiB; before: {before}; after: {world.operator.value(SIZES)}"))
    return rows


def provisions(bench):
    world = bench.world
    catalog = world.session("operator", database="ads_catalog")
    catalog.query("SELECT setval(pg_get_serial_sequence('rowhouse.tenants', 'id'), 1000000)")  # the world's were given
    world.procs.run(world.command("tenant", "create", "the-first-database", "--model", "database"))
    world.procs.run(world.command("migrate"))  # makes the template
    control = Control(world)
    drop_all(catalog, [control.make(model)[1] for model in ("schema", "database")])
    rows = fresh(bench, control)
    rows += churn(bench, control, catalog)
    control.stop()
    rows += standby(bench, catalog)
    catalog.close()
    return rows
