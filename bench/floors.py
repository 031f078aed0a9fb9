# SPDX-License-Identifier: Apache-2.0
"""What the point read of homes costs PostgreSQL itself: bench/direct sends the door's own statement and binding on bare
pipelines, as many at a time as there are clients, so that no pool of ours is in the figure."""
import random
import re
import subprocess

from procs import Failed
from rates import CLIENTS, CONNECTIONS
from table import Row, median, spread
from world import ADS_EACH, FIRST_DATABASE, FIRST_SCHEMA, FIRST_SMALL, HOMES_OF, ad_of


def statement_of(world, door):
    text, _ = world.statement_of(door, f"/ads?id=eq.{ad_of(FIRST_SMALL, 0)}", world.token(FIRST_SMALL), '"public"."ads"')
    return text


def homes_of(world, model, first, n):
    catalog = world.session("operator", database="ads_catalog")
    found = {int(row[0]): row[1:] for row in catalog.query(HOMES_OF.format(model=model, first=first, last=first + n - 1))}
    catalog.close()
    return found


class Floor:
    def __init__(self, world, databases, statements, reads):
        """reads: (connection, statement, tenant, ad)"""
        self.world, self.costs = world, []
        password = (world.data / "server_password").read_text().strip()
        random.Random(1).shuffle(reads)
        lines = [f"C\thost={world.socket} port={world.port} user=ads_server password={password} dbname={d}" for d in databases]
        lines += [f"S\t{s}" for s in statements]
        lines += [f"R\t{c}\t{s}\t{t}\t{t}\t{ad}" for c, s, t, ad in reads]
        self.list = "\n".join(lines) + "\n\n"

    @classmethod
    def shared(cls, world, text, n, connections=CONNECTIONS):
        """Of each tenant some reads on every connection."""
        rng = random.Random(2)
        return cls(world, ["ads"] * connections, [text],
                   [(rng.randrange(connections), 0, t, ad_of(t, k)) for t in range(FIRST_SMALL, FIRST_SMALL + n)
                    for k in range(ADS_EACH)])

    @classmethod
    def schema(cls, world, text, n):
        homes = homes_of(world, "schema", FIRST_SCHEMA, n)
        return cls(world, ["ads"] * CONNECTIONS, [text.replace('"public"', f'"{schema}"') for _, schema in homes.values()],
                   [(i % CONNECTIONS, i, t, ad_of(t, k)) for i, t in enumerate(homes) for k in range(ADS_EACH)])

    @classmethod
    def database(cls, world, text, n):
        homes = homes_of(world, "database", FIRST_DATABASE, n)
        return cls(world, [database for database, _ in homes.values()], [text],
                   [(i, 0, t, ad_of(t, k)) for i, t in enumerate(homes) for k in range(ADS_EACH)])

    def round(self, bench):
        child = self.world.procs.start([bench.constant.with_name("direct"), bench.seconds, CLIENTS], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        child.stdin.write(self.list)
        child.stdin.flush()
        if child.stdout.readline() != "ready\n":
            raise Failed("bench/direct ended before it was ready")
        before = self.world.postgres_cpu()
        child.stdin.write("go\n")
        child.stdin.flush()
        said = re.match(r"(\d+) (\d+)$", child.stdout.readline())
        if not said:
            raise Failed("bench/direct ended in the middle")
        self.costs.append((self.world.postgres_cpu() - before) / int(said.group(1)))
        self.world.procs.stop(child, 0)

    def against(self, base, name):
        ratios = [a / b for a, b in zip(self.costs, base.costs)]
        cost, other = (f"{median(x.costs) * 1e6:.1f} µs" for x in (self, base))
        return Row(name, cost, other, f"{median(ratios):.2f}", spread(ratios),
                   note="PostgreSQL only, by bare pipelines without the server: about what its part can come to")
