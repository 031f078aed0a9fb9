# SPDX-License-Identifier: Apache-2.0
"""What row security costs filters whose operators are not leakproof: such a filter may not use an index for the role
that is under it (docs/rls-and-indexes.md). The data door's own statement runs as the server role bound to a company, and as
the operator, who is not under row security; without an index and with one that ought to help."""
import json

from procs import Failed
from table import Row, median, spread
from world import Door, parameters_in

# (filter, its parameters in the order of the text, [(what the index is, its definition on impressions)])
FILTERS = [
    ("user_data->>location=eq.Lima", ["location", "Lima"], [
        ("btree (key, expression)", "(company_id, (user_data ->> 'location'))"),
        ("partial, key leads", "(company_id, seen_at) WHERE user_data ->> 'location' = 'Lima'")]),
    ('user_data=cs.{"location":"Lima","agent":"tv"}', ['{"location":"Lima","agent":"tv"}'], [
        ("gin (user_data)", "USING gin (user_data jsonb_path_ops)")]),
    ("site_url=ilike.*news17.*", ["%news17.%"], [
        ("gin, trigrams", "USING gin (site_url reference.gin_trgm_ops)")]),
    ("user_ip=sl.59.100.0.0/16", ["59.100.0.0/16"], [
        ("gist (user_ip)", "USING gist (user_ip inet_ops)"),
        ("btree (key, user_ip)", "(company_id, user_ip)")]),
]
SHORT = {"Bitmap Heap Scan": "heap", "Bitmap Index Scan": "bitmap", "Index Scan": "index scan", "Seq Scan": "seq scan",
         "Index Only Scan": "index only scan", "BitmapAnd": "and"}


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def summary(plan):
    """The plan's scans, the indexes they use and how many rows were read in vain; what stands in brackets is inside the
    node before it."""
    name = SHORT.get(plan["Node Type"], plan["Node Type"].lower())
    if "Index Name" in plan:
        name += " " + plan["Index Name"].removeprefix("impressions_")
    if plan.get("Rows Removed by Filter"):
        name += f" -{plan['Rows Removed by Filter']}"
    inner = [summary(p) for p in plan.get("Plans", []) if p.get("Parent Relationship") != "InitPlan"]
    return f"{name}({', '.join(inner)})" if inner else name


def explain(session, values):
    text = session.value(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE read({', '.join(map(literal, values))})")
    found = json.loads(text)[0]
    return found["Execution Time"], summary(found["Plan"]), found["Plan"]["Actual Rows"]


def compare(bench, name, index, text, values, n_rows):
    """One row of the table: the statement under row security (result) and without (against)."""
    options = f"-c search_path=pg_catalog,pg_temp -c rowhouse.tenant={values[0]} -c max_parallel_workers_per_gather=0"
    sessions = [bench.world.session(role, options) for role in ("server", "operator")]
    times, plans = ([], []), ["", ""]
    for s in sessions:
        s.query(f"PREPARE read AS {text}")
        explain(s, values)
    for _ in range(bench.explains):
        for i, s in enumerate(sessions):
            took, plans[i], got = explain(s, values)
            times[i].append(took)
            if got != n_rows:
                raise Failed(f"{name}: {got} rows, but {n_rows} over HTTP")
    for s in sessions:
        s.close()
    ratios = [a / b for a, b in zip(*times)]
    note = plans[0] if plans[0] == plans[1] else f"{plans[0]}; without RLS: {plans[1]}"
    return Row(f"{name} [{index}]", f"{median(times[0]):.2f} ms", f"{median(times[1]):.2f} ms", f"{median(ratios):.1f}",
               spread(ratios, "{:.1f}"), note=note)


def filters(bench):
    world = bench.world
    if not int(world.operator.value("SELECT count(*) FROM (SELECT FROM public.impressions LIMIT 1) x")):
        world.operator.query(f"\\copy public.impressions FROM '{world.csv}/impressions.csv' (FORMAT csv)\nSELECT")
    world.operator.query("VACUUM ANALYZE public.impressions")
    tenant, n = world.operator.query("SELECT company_id, count(*) FROM public.impressions GROUP BY 1 ORDER BY 2 DESC LIMIT 1")[0]
    token, door = world.token(tenant), Door(world)
    statements = []
    for name, values, indexes in FILTERS:
        path = "/impressions?select=id&" + name.replace("%", "%25").replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
        text, answer = world.statement_of(door, path.replace(">", "%3E"), token, '"public"."impressions"')
        if parameters_in(text) != len(values) + 1:
            raise Failed(f"{name}: other parameters than expected: {text}")
        statements.append((name, text, [tenant, *values], len(json.loads(answer)), indexes))
    door.stop()

    rows = []
    for name, text, values, n_rows, indexes in statements:
        bench.say(f"filter {name}")
        what = f"{name}: {n_rows} of {int(n):,}"
        rows.append(compare(bench, what, "no index", text, values, n_rows))
        for label, definition in indexes:
            world.operator.query(f"CREATE INDEX bench_index ON public.impressions {definition}")
            world.operator.query("VACUUM ANALYZE public.impressions")
            rows.append(compare(bench, what, label, text, values, n_rows))
            world.operator.query("DROP INDEX public.bench_index")
    return rows
