# SPDX-License-Identifier: Apache-2.0
"""What is measured: apps/ads on a private PostgreSQL in a directory of its own, with 10,000 tenants.

Companies 1 to 100 and their rows come from the app's own generator, so that texts and sizes are as in the demo. The
others are made by SQL, ten ads each, so that any of their ads can be named by arithmetic (ad_of).
"""
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import secrets
import subprocess
import time

from procs import Failed, cpu_of_family

TENANTS, BIG_TENANTS, ADS_EACH = 10_000, 100, 10
FIRST_SMALL, FIRST_AD = BIG_TENANTS + 1, 10_000_000
FIRST_SCHEMA, FIRST_DATABASE = 20_001, 30_001  # tenants with homes of their own, made when they are needed
MAX_CONNECTIONS = 400
QUIET = ["-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1"]

MAKE_TENANTS = """
SET rowhouse.verb = on;
INSERT INTO rowhouse.tenants (id, slug, name, home, state)
SELECT g, 'company-' || g, 'Company ' || g, (SELECT min(id) FROM rowhouse.homes WHERE model = 'shared'), 'active'
FROM generate_series(1, {tenants}) g"""
MAKE_ROWS = """
INSERT INTO public.companies (id, name, created_at, updated_at)
SELECT g, 'Company ' || g, now(), now() FROM generate_series({small}, {tenants}) g;
INSERT INTO public.campaigns (id, company_id, name, cost_model, state, created_at, updated_at)
SELECT {ad} + g, g, 'Campaign', 'cost_per_click', 'running', now(), now() FROM generate_series({small}, {tenants}) g;
INSERT INTO public.ads (id, company_id, campaign_id, name, image_url, target_url, created_at, updated_at)
SELECT {ad} + g * {each} + k, g, {ad} + g, 'Ad #' || k, 'https://img.example/ads/' || g || '.png',
       'https://shop.example/' || g || '?from=ad', now(), now()
FROM generate_series({small}, {tenants}) g, generate_series(0, {each} - 1) k"""

ASK_FOR_HOMES = """
INSERT INTO rowhouse.tenants (id, slug, name, model)
SELECT g, '{model}-' || g, 'Company ' || g, '{model}' FROM generate_series({first}, {last}) g
ON CONFLICT DO NOTHING"""
HOMES_OF = """
SELECT t.id, h.database, h.schema FROM rowhouse.tenants t JOIN rowhouse.homes h ON h.id = t.home
WHERE t.id BETWEEN {first} AND {last} AND t.state = 'active' ORDER BY t.id"""
MAKE_HOME_ROWS = """
INSERT INTO {schema}.campaigns (id, company_id, name, cost_model, state, created_at, updated_at)
VALUES ({ad} + {id}, {id}, 'Campaign', 'cost_per_click', 'running', now(), now());
INSERT INTO {schema}.ads (id, company_id, campaign_id, name, image_url, target_url, created_at, updated_at)
SELECT {ad} + {id} * {each} + k, {id}, {ad} + {id}, 'Ad #' || k, 'https://img.example/ads/{id}.png',
       'https://shop.example/{id}?from=ad', now(), now() FROM generate_series(0, {each} - 1) k;
ANALYZE {schema}.campaigns, {schema}.ads;"""


def ad_of(tenant, k):
    return FIRST_AD + tenant * ADS_EACH + k


class Session:
    """psql kept open: query() gives the rows as lists of texts."""

    def __init__(self, procs, argv, env=None):
        self.procs, self.marks = procs, itertools.count(1)
        self.psql = procs.start(argv, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.query("SET client_min_messages = warning")

    def query(self, sql):
        mark, lines = f"--{next(self.marks)}--", []
        try:
            self.psql.stdin.write(f"{sql};\n\\echo {mark}\n".encode())
            self.psql.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.psql.stdout:
            text = line.decode().rstrip("\n")
            if text == mark:
                return [row.split("\t") for row in lines]
            lines.append(text)
        raise Failed(f"{sql.strip()[:200]}\nended psql:\n" + "\n".join(lines))

    def value(self, sql):
        return "\n".join(row[0] for row in self.query(sql))

    def close(self):
        self.psql.stdin.close()
        self.procs.stop(self.psql, 0)


class Door:
    """A running `rowhouse serve`."""

    def __init__(self, world, settings=()):
        flags = [f for s in ("data.port=0", "control.port=0", "log.level=warn", *settings) for f in ("--set", s)]
        self.procs = world.procs
        self.process = self.procs.start([*world.command("serve"), *flags], {"ROWHOUSE_AUTH_SECRET": world.secret},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.url, self.control = self._wait(world.data / "doors.json")
        self.host, port = self.url.removeprefix("http://").split(":")
        self.port = int(port)

    def _wait(self, doors):
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                break
            try:
                found = json.loads(doors.read_text())
                if found["pid"] == self.pid:
                    return found["data"], found["control"]
            except (OSError, ValueError):
                pass
            time.sleep(0.002)
        raise Failed("`rowhouse serve` opened no door")

    def get(self, path, token):
        """(status, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as e:
            return 0, str(e)
        finally:
            connection.close()

    def wait_until_ready(self, path, token):
        give_up = time.monotonic() + 30
        while (answer := self.get(path, token))[0] != 200:
            if time.monotonic() > give_up:
                raise Failed(f"{path} is answered {answer}")
            time.sleep(0.002)
        return answer[1]

    def stop(self):
        self.procs.stop(self.process)


class World:
    def __init__(self, procs, rowhouse, app, directory, say):
        self.procs, self.rowhouse, self.app, self.directory, self.say = procs, rowhouse, app, directory, say
        self.data, self.csv, self.secret = directory / "data", directory / "csv", secrets.token_hex(32)
        say(f"a private PostgreSQL in {directory}")
        procs.run(self.command("migrate"))
        with open(self.data / "server/data/postgresql.auto.conf", "a", encoding="ascii") as f:
            f.write(f"max_connections = {MAX_CONNECTIONS}\n")
        # the last command out stops the server: this one stays
        self.operator = Session(procs, [*self.command("psql"), "--", *QUIET])
        lines = (self.data / "server/data/postmaster.pid").read_text().split("\n")
        self.postmaster, self.port, self.socket = int(lines[0]), lines[3], lines[4]
        self.programs = os.path.dirname(os.readlink(f"/proc/{self.postmaster}/exe"))

    def command(self, name, *args):
        return [self.rowhouse, name, *args, "--app", self.app, "--data", self.data]

    def client(self, program, role, *args, database="ads"):
        """(argv, environment) of a PostgreSQL program that connects as a role of the app."""
        argv = [f"{self.programs}/{program}", "-h", self.socket, "-p", self.port, "-U", f"ads_{role}", *args, database]
        return argv, {"PGPASSWORD": (self.data / f"{role}_password").read_text()}

    def session(self, role, options="", database="ads"):
        argv, env = self.client("psql", role, *QUIET, database=database)
        return Session(self.procs, argv, {**env, "PGOPTIONS": options})

    def admin(self):
        return Session(self.procs, [f"{self.programs}/psql", "-h", self.socket, "-p", self.port, "-U", "postgres", *QUIET, "postgres"])

    def postgres_cpu(self):
        return cpu_of_family(self.postmaster)

    def postgres_runs(self):
        try:
            return os.readlink(f"/proc/{self.postmaster}/exe") == f"{self.programs}/postgres"
        except OSError:
            return False

    def token(self, tenant):
        """What `rowhouse tenant token` would sign, for thousands of tenants at once."""
        def part(raw):
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        now = int(time.time())
        head = part(b'{"alg":"HS256","typ":"JWT"}')
        head += "." + part(json.dumps({"tenant": str(tenant), "iat": now, "exp": now + 86400}).encode())
        return head + "." + part(hmac.new(self.secret.encode(), head.encode(), hashlib.sha256).digest())

    def fill(self, rows):
        self.say(f"{rows:,} rows of the demo's data, {TENANTS:,} tenants")
        self.procs.run([self.app / "demo/generate", "--companies", BIG_TENANTS, "--rows", rows, "--out", self.csv])
        catalog = self.session("operator", database="ads_catalog")
        catalog.query(MAKE_TENANTS.format(tenants=TENANTS))
        catalog.close()
        for table in ("companies", "campaigns", "ads"):
            self.operator.query(f"\\copy public.{table} FROM '{self.csv}/{table}.csv' (FORMAT csv)\nSELECT")
        self.operator.query(MAKE_ROWS.format(small=FIRST_SMALL, tenants=TENANTS, ad=FIRST_AD, each=ADS_EACH))
        self.operator.query("VACUUM ANALYZE")
        self.operator.query("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA reference")

    def place(self, model, first, n):
        """Tenants first to first + n - 1, each with a home of that model and ten ads; those that are there stay."""
        self.say(f"{n} tenants with {model} homes")
        numbers = {"model": model, "first": first, "last": first + n - 1}
        catalog = self.session("operator", database="ads_catalog")
        there = {row[0] for row in catalog.query(HOMES_OF.format(**numbers))}
        catalog.query(ASK_FOR_HOMES.format(**numbers))
        self.procs.run(self.command("migrate"))
        homes = [row for row in catalog.query(HOMES_OF.format(**numbers)) if row[0] not in there]
        catalog.close()
        if len(homes) + len(there) != n:
            raise Failed(f"{len(homes) + len(there)} of {n} {model} homes were made")
        session, database = self.session("operator"), "ads"
        for tenant, of, schema in homes:
            change = f"\\connect {of}\n" if of != database else ""
            session.query(change + MAKE_HOME_ROWS.format(schema=schema, id=tenant, ad=FIRST_AD, each=ADS_EACH))
            database = of
        session.close()

    def statement_of(self, door, path, token, pattern):
        """(text, answer): the statement that the data door runs for a request, as PostgreSQL has it."""
        answer = door.wait_until_ready(path, token)
        return self.statement_like(pattern), answer

    def statement_like(self, pattern):
        """The newest statement with that in it that the data door ran, as PostgreSQL has it."""
        server = self.session("server")
        texts = server.query("SELECT regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_activity WHERE usename = "
                             f"current_user AND pid <> pg_backend_pid() AND query LIKE '%{pattern}%' "
                             "ORDER BY query_start DESC LIMIT 1")
        server.close()
        if not texts:
            raise Failed(f"PostgreSQL shows no statement with {pattern}")
        return texts[0][0]


def parameters_in(text):
    return max(map(int, re.findall(r"\$(\d+)", text)), default=0)
