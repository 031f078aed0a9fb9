// SPDX-License-Identifier: Apache-2.0
//
// Homes that stand by: made before their tenants, for an id that was drawn, and nobody's until they are given away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp, until } from './lib/harness.js';
import { startNode } from './lib/node.js';

const N = 2;
const MODELS = ['schema', 'database'];
const conf = (n) => `${makeApp()['rowhouse.conf']}[provision]\nstandby = ${n}\n`;
let app, catalog;

before(async () => {
  app = await startApp({ files: { ...makeApp(), 'rowhouse.conf': conf(N) } });
  catalog = await app.sql('operator', { database: app.catalog });
  for (const model of MODELS) await create(`first-${model}`, { model });
});
after(() => app?.stop());

async function create(slug, wishes = {}) {
  const r = await app.http('POST', '/tenants', { door: 'control', body: { slug, plan: 'gold', seats: 3, ...wishes } });
  assert.equal(r.status, 201, r.text);
  return r.json;
}

/** What stands by, by SQL: [{home, tenant, model, state, database, schema, version}]. */
async function standing(model) {
  const { rows } = await catalog.query(`SELECT s.home::integer, s.tenant, s.state, h.model, h.database, h.schema, h.tenant_version AS version
    FROM rowhouse.standby_homes s JOIN rowhouse.homes h ON h.id = s.home ORDER BY s.home`);
  return model ? rows.filter((r) => r.model === model) : rows;
}

const full = () =>
  until(async () => {
    const all = await standing();
    return all.length === N * MODELS.length && all.every((h) => h.state === 'ready') && all;
  }, { ms: 60000, what: 'homes that stand by' });

test('the server keeps them ready; a creation takes the oldest, with its id; then there is another', async () => {
  await full();
  for (const model of MODELS) {
    const [next] = await standing(model);
    const t = await create(`taken-${model}`, { model });
    assert.deepEqual([t.home.number, String(t.id), t.state, t.plan, t.seats], [next.home, next.tenant, 'active', 'gold', 3]);
    await until(async () => (await app.http('GET', '/clients?select=name', { tenant: t.id })).json?.[0]?.name === t.slug, { what: 'its row' });
    assert.equal((await app.http('POST', '/notes', { tenant: t.id, body: { title: 'mine' } })).status, 201);
    await full();
    const listed = JSON.parse(await app.ok(['tenant', 'standby', '--json']));
    assert.equal(listed.length, N * MODELS.length);
    assert.ok(!listed.some((h) => h.home === next.home));
  }
});

test('what stands by is nobody\'s: its id opens no door, its tables show nothing to others', async () => {
  for (const home of await full()) {
    const r = await app.http('GET', '/notes', { token: await app.sign({ tenant: Number(home.tenant) }) });
    assert.equal(r.status, 403, r.text);
    assert.notEqual((await app.run(['psql', home.tenant, '--', '-c', 'SELECT 1'])).status, 0);
    const stranger = await app.sql('server', { tenant: '999999', database: home.database });
    assert.equal((await stranger.query(`SELECT * FROM ${home.schema}.clients`)).rowCount, 0);
    await assert.rejects(stranger.query(`INSERT INTO ${home.schema}.notes (client_id, title) VALUES (999999, 'x')`), /row-level security/);
    await assert.rejects(stranger.query('SELECT * FROM rowhouse.standby_homes'), /permission denied|does not exist/);
    await stranger.end();
  }
});

test('many at once: a home each, whether it stood by or not', async () => {
  await full();
  const made = await Promise.all(Array.from({ length: 3 * N }, (_, i) => create(`crowd-${i}`, { model: 'schema' })));
  assert.equal(new Set(made.map((t) => t.home.number)).size, made.length);
  assert.equal(new Set(made.map((t) => t.id)).size, made.length);
  for (const t of made) assert.equal(await app.psql(t.id, 'SELECT name FROM clients'), t.slug);
});

test('an id or a name that is asked for', async () => {
  await full();
  const [first, second] = await standing('schema');
  const same = await create('same-id', { model: 'schema', id: Number(second.tenant) });
  assert.equal(same.home.number, second.home, 'the home that was prepared for it');
  const elsewhere = await create('elsewhere', { model: 'shared', id: Number(first.tenant) });
  assert.equal(elsewhere.home.model, 'shared');
  await until(async () => !(await standing()).some((h) => h.home === first.home), { what: 'the home to be dropped' });
  const schemas = await (await app.sql()).query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [first.schema]);
  assert.equal(schemas.rowCount, 0);
  const named = await create('named', { model: 'database', home_name: 'a_name_of_its_own' });
  assert.equal(named.home.database, 'a_name_of_its_own');
  await full();
  for (const slug of ['same-id', 'elsewhere', 'named']) assert.equal(await app.psql(slug, 'SELECT name FROM clients'), slug);
});

test('a slug that is taken costs no home', async () => {
  const before_ = await full();
  const r = await app.http('POST', '/tenants', { door: 'control', body: { slug: 'named', model: 'schema' } });
  assert.equal(r.status, 409, r.text);
  assert.deepEqual(await full(), before_);
});

test('a home that was given away is dropped as any other', async () => {
  for (const model of MODELS) {
    const r = await app.run(['tenant', 'drop', `taken-${model}`, '--yes']);
    assert.equal(r.status, 0, r.stderr);
    assert.match(r.stdout, /\.dump$/m);
  }
  await full();
});

test('a migration brings them forward, and one that is behind is not given away', async () => {
  const old = await full();
  app.write({ 'tenant/0002_colour.sql': 'ALTER TABLE notes ADD COLUMN colour text;\n' });
  const early = await create('early', { model: 'schema' }); // its files are newer than what stands by
  assert.ok(!old.some((h) => h.home === early.home.number));
  await app.ok(['migrate']);
  const now = await full();
  assert.deepEqual(now.map((h) => [h.home, h.version]), old.map((h) => [h.home, 2]));
  const t = await create('late', { model: 'schema' });
  assert.ok(old.some((h) => h.home === t.home.number));
  await until(async () => (await app.http('POST', '/notes', { tenant: t.id, body: { title: 'x', colour: 'red' } })).status === 201, { what: 'the new column' });
});

test('on_create.sql that fails keeps the home for the tenant, and the next migrate tries again', async () => {
  await full();
  const good = makeApp()['tenant/on_create.sql'];
  app.write({ 'tenant/on_create.sql': `${good}INSERT INTO notes (client_id, title) VALUES (:id, NULL);\n` });
  const r = await app.http('POST', '/tenants', { door: 'control', body: { slug: 'unlucky', model: 'database' } });
  assert.notEqual(r.status, 201);
  const half = (await app.http('GET', '/tenants/unlucky', { door: 'control' })).json;
  assert.equal(half.state, 'failed');
  app.write({ 'tenant/on_create.sql': good });
  await app.ok(['migrate']);
  const whole = (await app.http('GET', '/tenants/unlucky', { door: 'control' })).json;
  assert.deepEqual([whole.state, whole.home.number, whole.failure], ['active', half.home.number, null]);
});

test('fewer are wished for: the others go', async () => {
  await app.kill('SIGINT');
  app.write({ 'rowhouse.conf': conf(1) });
  await app.ok(['migrate']);
  const left = JSON.parse(await app.ok(['tenant', 'standby', '--json']));
  assert.deepEqual(left.map((h) => h.model).sort(), ['database', 'schema']);
  app.write({ 'rowhouse.conf': conf(0) });
  await app.ok(['migrate']);
  assert.deepEqual(JSON.parse(await app.ok(['tenant', 'standby', '--json'])), []);
});

test('uuid ids; on the node where there is room', async () => {
  let node;
  const uuid = await startApp({ files: makeApp({ name: 'uuids', idType: 'uuid' }), settings: ['provision.standby=1', 'app.model=schema'] });
  try {
    const [home] = JSON.parse(await uuid.ok(['tenant', 'standby', '--json']));
    const t = (await uuid.http('POST', '/tenants', { door: 'control', body: { slug: 'one' } })).json;
    assert.equal(t.home.number, home.home);
    assert.match(t.id, /^[0-9a-f-]{36}$/);
    assert.equal(await uuid.psql('one', 'SELECT id FROM clients'), t.id);
    node = await startNode('standby');
    await uuid.ok(['node', 'add', 'b', `${node.conninfo} password='${node.password}'`]);
    await uuid.ok(['node', 'drain', 'first']);
    for (const model of MODELS) {
      await uuid.ok(['tenant', 'create', `asks-for-${model}`, '--model', model]);
      const there = await until(async () => JSON.parse(await uuid.ok(['tenant', 'standby', '--json'])).find((h) => h.model === model && h.node === 'b' && h.state === 'ready'), { ms: 60000, what: 'a home on the other node' });
      const on = (await uuid.http('POST', '/tenants', { door: 'control', body: { slug: `on-b-${model}`, model } })).json;
      assert.deepEqual([on.home?.number, on.home?.node, on.state], [there.home, 'b', 'active']);
      assert.equal(await uuid.psql(`on-b-${model}`, 'SELECT id FROM clients'), on.id);
    }
    assert.ok(JSON.parse(await uuid.ok(['tenant', 'standby', '--json'])).every((h) => h.node === 'b'), 'a node that drains keeps none');
  } finally {
    await node?.stop();
    await uuid.stop();
  }
});
