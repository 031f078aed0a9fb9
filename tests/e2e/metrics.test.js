// SPDX-License-Identifier: Apache-2.0
//
// GET /metrics, read by a parser of Prometheus' format; the lines of the log, and the ids of requests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp, until } from './lib/harness.js';

let app;

const files = {
  ...makeApp(),
  'tenant/0002_bad.sql': `CREATE FUNCTION burst(secret text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE EXCEPTION 'it was %', secret USING ERRCODE = 'P0004'; END $$;
CREATE FUNCTION raise(kind text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE EXCEPTION 'no' USING ERRCODE = kind; END $$;
`,
};

before(async () => {
  app = await startApp({ files, settings: ['app.model=shared', 'log.requests=on', 'log.json=on', 'metrics.tenants=2'] });
  await app.ok(['tenant', 'create', 'ant']);
  await app.ok(['tenant', 'create', 'bee', '--model', 'schema']);
  await app.ok(['tenant', 'create', 'cow', '--model', 'database']);
});
after(() => app?.stop());

/** Prometheus' own parser, of Debian's python3-prometheus-client. It takes the _total off the names of counters. */
const PARSER = `import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps([[f.name, f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]] for f in parse(sys.stdin.read())]))`;

/** {name: {type, samples: [{name, labels, value}]}} as a scraper sees it. */
async function scrape() {
  const page = await app.http('GET', '/metrics', { door: 'control' });
  assert.equal(page.status, 200, page.text);
  assert.equal(page.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const parsed = spawnSync('/usr/bin/python3', ['-c', PARSER], { input: page.text, encoding: 'utf8' });
  assert.equal(parsed.status, 0, parsed.stderr);
  const families = {};
  for (const [name, type, help, samples] of JSON.parse(parsed.stdout)) {
    assert.ok(!(name in families), `${name} is there once`);
    assert.ok(help && type !== 'unknown', name);
    const series = samples.map(([of, labels]) => JSON.stringify([of, labels]));
    assert.equal(new Set(series).size, series.length, `${name}: each series once`);
    families[name] = { type, samples: samples.map(([of, labels, value]) => ({ name: of, labels, value })) };
  }
  return families;
}

/** Of all series with these labels; of a histogram how many were counted. */
const sum = (family, wanted = {}) =>
  family.samples.filter((s) => (family.type !== 'histogram' || s.name.endsWith('_count')) && Object.entries(wanted).every(([k, v]) => s.labels[k] === v)).reduce((n, s) => n + s.value, 0);

/** The lines of the log that tell of requests with this id; the last one may not be whole yet. */
const linesOf = (id) => app.output.stderr.split('\n').slice(0, -1).filter((l) => l.includes('"message":"request"')).map((l) => JSON.parse(l)).filter((l) => l.id === id);

test('what tenants did, by model, node, status and code', async () => {
  await app.http('GET', '/notes', { tenant: 'ant' });
  const first = await scrape();
  for (let i = 0; i < 5; i++) assert.equal((await app.http('GET', '/notes', { tenant: 'ant' })).status, 200);
  for (const tenant of ['bee', 'cow']) assert.equal((await app.http('POST', '/notes', { tenant, body: { title: 'x' } })).status, 201);
  assert.equal((await app.http('GET', '/nothing', { tenant: 'ant' })).status, 404);
  assert.equal((await app.http('GET', '/notes')).status, 401);
  assert.equal((await app.http('POST', '/notes', { tenant: 'bee', body: { title: 'x', stars: -1 } })).status, 400);
  const second = await scrape();
  const grew = (name, labels) => sum(second[name], labels) - sum(first[name], labels);
  assert.equal(grew('rowhouse_requests', { door: 'data', model: 'shared', node: 'first', status: '200' }), 5);
  assert.equal(grew('rowhouse_requests', { model: 'schema', node: 'first', status: '201' }), 1);
  assert.equal(grew('rowhouse_requests', { model: 'database', node: 'first', status: '201' }), 1);
  assert.equal(grew('rowhouse_requests', { status: '401', model: '' }), 1);
  assert.equal(grew('rowhouse_errors', { door: 'data', model: 'shared', node: 'first', code: 'PGRST205' }), 1);
  assert.equal(grew('rowhouse_errors', { model: 'schema', code: '23514' }), 1);
  for (const time of ['request', 'queue', 'postgresql', 'rendering']) {
    assert.equal(second[`rowhouse_${time}_seconds`].type, 'histogram');
    assert.equal(grew(`rowhouse_${time}_seconds`, { model: 'schema' }), 2, time);
  }
  const shared = second.rowhouse_postgresql_seconds.samples.filter((s) => s.labels.model === 'shared');
  const buckets = shared.filter((s) => s.name.endsWith('_bucket')).map((s) => s.value);
  assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b), 'buckets add up');
  assert.equal(buckets.at(-1), shared.find((s) => s.name.endsWith('_count')).value);
  assert.ok(shared.find((s) => s.name.endsWith('_sum')).value > 0);
  assert.ok(sum(second.rowhouse_statements, { pool: 'main' }) > sum(second.rowhouse_statements_prepared, { pool: 'main' }));
  assert.ok(sum(second.rowhouse_pool_connections_up, { node: 'first', pool: 'main' }) > 0);
  assert.equal(sum(second.rowhouse_database_homes_connected), 1);
  assert.equal(sum(second.rowhouse_tenants), 3);
  assert.ok(sum(second.rowhouse_token_cache_hits) > 0 && sum(second.process_resident_memory_bytes) > 1e6);
});

test('tenants that use most have series of their own, the others are summed; no counter falls', async () => {
  const seen = {};
  for (let round = 0; round < 4; round++) {
    const busy = ['ant', 'bee', 'cow', 'cow'][round];
    for (let i = 0; i < 40; i++) await app.http('GET', '/notes', { tenant: busy });
    const { rowhouse_tenant_requests: family, rowhouse_requests: all } = await scrape();
    const own = family.samples.map((s) => s.labels.tenant);
    assert.ok(own.includes('other') && own.length <= 3, own.join());
    for (const s of family.samples) {
      assert.ok(s.value >= (seen[s.labels.tenant] ?? 0) || s.labels.tenant !== 'other', `${s.labels.tenant} has not fallen`);
      seen[s.labels.tenant] = s.value;
    }
    assert.ok(sum(family) <= sum(all));
  }
  assert.ok(Object.keys(seen).includes('3'), 'who came last and asked most is shown');
});

test('errors of a tenant by code, and of no more codes than there is room for', async () => {
  const first = await scrape();
  assert.equal((await app.http('GET', '/nothing', { tenant: 'cow' })).status, 404);
  for (const query of ['x=1', 'x=1', 'nope=eq.1', 'id=eq.x', 'select=nope(id)', 'limit=-1', 'order=nope.upward']) await app.http('GET', `/notes?${query}`, { tenant: 'cow' });
  for (const kind of ['X0001', 'X0002', 'X0003']) await app.http('GET', `/rpc/raise?kind=${kind}`, { tenant: 'cow' });
  const second = await scrape();
  const own = second.rowhouse_tenant_errors.samples.filter((s) => s.labels.tenant === '3');
  assert.equal(own.find((s) => s.labels.code === 'PGRST205')?.value, 1, JSON.stringify(own));
  assert.ok(own.length <= 6 && own.some((s) => s.labels.code === 'other'), JSON.stringify(own));
  assert.equal(sum(second.rowhouse_tenant_errors, { tenant: '3' }) - sum(first.rowhouse_tenant_errors, { tenant: '3' }), 11);
  assert.equal(sum(second.rowhouse_errors, { code: 'X0003' }), 1);
});

test('the control door counts and logs its own requests, and what is kept is told', async () => {
  await app.http('GET', '/', { tenant: 'ant' });
  const first = await scrape();
  assert.equal((await app.http('GET', '/tenants/ant', { door: 'control', headers: { 'X-Request-Id': 'control-1' } })).status, 200);
  assert.equal((await app.http('GET', '/tenants/nobody', { door: 'control' })).status, 404);
  assert.equal((await app.http('GET', '/', { tenant: 'ant' })).status, 200);
  const second = await scrape();
  const grew = (name, labels) => sum(second[name], labels) - sum(first[name], labels);
  assert.equal(grew('rowhouse_requests', { door: 'control', status: '404', node: '', model: '' }), 1);
  assert.equal(grew('rowhouse_requests', { door: 'control', status: '200' }), 2, 'one, and the first scrape');
  assert.equal(grew('rowhouse_errors', { door: 'control', code: 'not_found' }), 1);
  assert.equal(grew('rowhouse_request_seconds', { door: 'control' }), 3);
  assert.deepEqual([grew('rowhouse_descriptions_asked'), grew('rowhouse_descriptions_made')], [1, 0]);
  assert.ok(sum(second.rowhouse_descriptions) >= 1 && sum(second.rowhouse_relation_caches) >= 1 && sum(second.rowhouse_relation_cache_bytes) > 1000);
  const [line] = await until(() => linesOf('control-1').length && linesOf('control-1'), { what: 'the line' });
  assert.deepEqual([line.door, line.of, line.status, line.tenant], ['control', 'tenants', 200, '-']);
});

test('only for the operator, unless the conf says otherwise', async () => {
  for (const token of ['x', await app.token('ant')]) assert.equal((await app.http('GET', '/metrics', { door: 'control', token })).status, 401);
  assert.equal((await fetch(`${app.control}/metrics`)).status, 401);
  assert.equal((await app.http('GET', '/metrics', { tenant: 'ant' })).status, 404, 'the data door has none');
});

test('a request\'s id is the client\'s where it is fit to be one, and stands in answer and log', async () => {
  const given = await app.http('GET', '/notes?title=eq.hush&limit=1', { tenant: 'ant', headers: { 'X-Request-Id': 'abc-123:x' } });
  assert.equal(given.headers.get('x-request-id'), 'abc-123:x');
  const [line] = await until(() => linesOf('abc-123:x').length && linesOf('abc-123:x'), { what: 'the line' });
  assert.deepEqual([line.level, line.tenant, line.method, line.of, line.status], ['info', '1', 'GET', 'notes', 200]);
  assert.ok(line.ms >= line.postgresql_ms && line.postgresql_ms > 0 && line.bytes === 2);
  const made = new Set();
  for (const id of [undefined, 'two words', 'x'.repeat(129), 'a"b', '<script>', ''])
    made.add((await app.http('GET', '/notes', { tenant: 'ant', headers: id === undefined ? {} : { 'X-Request-Id': id } })).headers.get('x-request-id'));
  assert.equal(made.size, 6);
  for (const id of made) assert.match(id, /^[g-v]{16}$/);
  assert.match((await app.http('GET', '/live')).headers.get('x-request-id'), /^[g-v]{16}$/);
});

test('errors of the server are told of, without values, keys or tokens', async () => {
  const failed = await app.http('GET', '/rpc/burst?secret=geheim', { tenant: 'ant', headers: { 'X-Request-Id': 'burst-1' } });
  assert.equal(failed.status, 500);
  const [line] = await until(() => linesOf('burst-1').length && linesOf('burst-1'), { what: 'the line' });
  assert.deepEqual([line.level, line.of, line.status, line.code, line.error], ['error', 'rpc/burst', 500, 'P0004', undefined]);
  const token = await app.token('ant');
  await app.http('GET', '/notes/8471100935?select=id', { tenant: 'ant', headers: { 'X-Request-Id': 'key-1' } });
  await app.http('GET', `/${token}`, { tenant: 'ant', headers: { 'X-Request-Id': 'path-1' } });
  assert.equal((await until(() => linesOf('key-1').length && linesOf('key-1'), { what: 'the line' }))[0].of, 'notes');
  assert.equal((await until(() => linesOf('path-1').length && linesOf('path-1'), { what: 'the line' }))[0].of, '?');
  for (const secret of ['geheim', 'hush', '8471100935', token, token.split('.')[2]]) assert.ok(!app.output.stderr.includes(secret), secret);
});
