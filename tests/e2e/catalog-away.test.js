// SPDX-License-Identifier: Apache-2.0
//
// The catalog's database goes away while the shared homes' stays. "Away" is made by refusing connections to it and
// ending those there are.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { sleep, startApp, until } from './lib/harness.js';

const STALE_AFTER_MS = 3000;
let app;
let admin; // in database postgres, which stays

before(async () => {
  app = await startApp({ files: makeApp(), settings: [`catalog.stale_after=${STALE_AFTER_MS}ms`] });
  for (const slug of ['one', 'two']) {
    await app.ok(['tenant', 'create', slug]);
    assert.equal((await app.http('POST', '/notes', { tenant: slug, body: { title: slug } })).status, 201);
  }
  admin = await app.sql('admin', { database: 'postgres' });
});
after(() => app?.stop());

const get = (tenant) => app.http('GET', '/notes?select=title', { tenant });

async function takeAway() {
  await admin.query('ALTER DATABASE tiny_catalog WITH ALLOW_CONNECTIONS false');
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tiny_catalog'");
}

const bringBack = () => admin.query('ALTER DATABASE tiny_catalog WITH ALLOW_CONNECTIONS true');

test('an idle server stays in contact', async () => {
  const end = Date.now() + 2 * STALE_AFTER_MS;
  while (Date.now() < end) {
    assert.equal((await get('one')).status, 200);
    await sleep(200);
  }
});

test('without the catalog the doors serve on, until they can no longer vouch for it; then they recover', async () => {
  const began = Date.now();
  await takeAway();
  for (const slug of ['one', 'two', 'one']) {
    const r = await get(slug);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.json, [{ title: slug }]);
  }
  assert.equal((await app.http('POST', '/notes', { tenant: 'one', body: { title: 'while away' } })).status, 201);
  assert.equal((await app.http('GET', '/ready')).status, 200);

  const stale = await until(async () => {
    const r = await get('one');
    return r.status !== 200 && r;
  }, { ms: 12000, what: 'the refusal' });
  assert.equal(stale.status, 503);
  assert.equal(stale.json.code, 'catalog_stale');
  assert.ok(stale.headers.get('retry-after'));
  const after = Date.now() - began;
  assert.ok(after >= STALE_AFTER_MS / 2 && after < STALE_AFTER_MS + 6000, `${after} ms`);
  assert.doesNotMatch(stale.text, /one|two|catalog_password|host=/);
  assert.equal((await app.http('POST', '/notes', { tenant: 'one', body: { title: 'not any more' } })).status, 503);
  assert.equal((await app.http('GET', '/live')).status, 200);
  assert.equal((await app.http('GET', '/tenants', { door: 'control' })).status, 503);
  assert.match(app.output.stderr, /the catalog is away; serving from memory/);

  await bringBack();
  await until(async () => (await get('one')).status === 200, { what: 'the recovery' });
  assert.deepEqual((await get('one')).json, [{ title: 'one' }, { title: 'while away' }]);
  assert.match(app.output.stderr, /the catalog is back/);
});

test('what changed meanwhile is known as soon as it is back', async () => {
  await takeAway();
  await sleep(700); // a reconnect is tried and fails
  await bringBack();
  const sql = await until(() => app.sql('operator', { database: 'tiny_catalog' }).catch(() => null));
  await sql.query('SET rowhouse.verb = on'); // as the verbs do
  await sql.query("UPDATE rowhouse.tenants SET state = 'suspended' WHERE slug = 'two'");
  await until(async () => (await get('two')).status === 403, { ms: 3000 });
  await sql.query("UPDATE rowhouse.tenants SET state = 'active' WHERE slug = 'two'");
  await until(async () => (await get('two')).status === 200, { ms: 3000 });
});

test('a lost connection alone is mended at once', async () => {
  for (let i = 0; i < 3; i++) {
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tiny_catalog'");
    assert.equal((await get('one')).status, 200);
    await sleep(100);
  }
  assert.equal((await app.http('POST', '/tenants', { door: 'control', body: { slug: 'fresh' } })).status, 201);
  await until(async () => (await app.http('GET', '/clients', { tenant: 'fresh' })).status === 200, { ms: 3000 });
});

test('a server does not start without its catalog, and says so', async () => {
  await takeAway();
  const r = await app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0']);
  assert.equal(r.status, 1, r.stderr);
  assert.match(r.stderr, /cannot connect to database tiny_catalog/);
  await bringBack();
});
