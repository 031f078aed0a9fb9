// SPDX-License-Identifier: Apache-2.0
//
// What a running server goes on with by itself: drops that others began.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { secondServer, startApp, until } from './lib/harness.js';

const MODELS = ['shared', 'schema', 'database'];
let app, catalog;

before(async () => {
  app = await startApp({ files: makeApp() });
  catalog = await app.sql('operator', { database: app.catalog });
});
after(() => app?.stop());

const show = (ref) => app.http('GET', `/tenants/${ref}`, { door: 'control' });
const gone = (slug, ms = 15000) => until(async () => (await show(slug)).status === 404, { ms, what: `the end of ${slug}` });

async function make(slug, model) {
  const r = await app.http('POST', '/tenants', { door: 'control', body: { slug, model } });
  assert.equal(r.status, 201, r.text);
  return r.json;
}

const dumps = (slug) => fs.readdirSync(path.join(app.state, 'dumps')).filter((f) => f.startsWith(`${slug}-`));

test('a drop that was begun by SQL ends by itself, once, whatever servers there are', async () => {
  const other = await secondServer(app);
  try {
    const made = await Promise.all(MODELS.map((model) => make(`gone-${model}`, model)));
    await catalog.query("DELETE FROM rowhouse.tenants WHERE slug LIKE 'gone-%'");
    for (const t of made) {
      await gone(t.slug);
      const { rows } = await catalog.query('SELECT dump FROM rowhouse.drops WHERE tenant = $1 AND ended_at IS NOT NULL', [String(t.id)]);
      assert.ok(fs.existsSync(rows[0].dump));
      const audit = await catalog.query("SELECT 1 FROM rowhouse.audit WHERE tenant = $1 AND action IN ('dump', 'drop')", [String(t.id)]);
      assert.equal(audit.rowCount, 2, t.slug);
    }
    assert.equal((await catalog.query("SELECT 1 FROM rowhouse.homes WHERE model <> 'shared'")).rowCount, 0);
  } finally {
    await other.stop();
  }
});

test('what fails is kept with the tenant, told once, and tried again', async () => {
  await make('stuck', 'schema');
  const dir = path.join(app.state, 'dumps');
  fs.renameSync(dir, `${dir}.away`);
  fs.writeFileSync(dir, 'in the way');
  await catalog.query("DELETE FROM rowhouse.tenants WHERE slug = 'stuck'");
  const failure = await until(async () => (await show('stuck')).json.failure, { what: 'the failure' });
  assert.match(failure, /dumps/);
  fs.rmSync(dir);
  fs.renameSync(`${dir}.away`, dir);
  await gone('stuck');
  assert.equal(dumps('stuck').length, 1);
  assert.equal(app.output.stderr.split('\n').filter((l) => l.includes('drop of tenant') && l.includes(failure)).length, 1);
});

test('a server that stops leaves a long dump, and the next one makes it', async () => {
  const { home } = await make('long', 'schema');
  const holder = await app.sql('operator');
  await holder.query(`BEGIN; LOCK TABLE ${home.schema}.notes`);
  await catalog.query("DELETE FROM rowhouse.tenants WHERE slug = 'long'");
  const waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'";
  await until(async () => (await catalog.query(waits)).rowCount === 1, { what: 'the dump' });
  const since = Date.now();
  await app.restart(); // ends the holder's session, too
  assert.ok(Date.now() - since < 30000, 'pg_dump would have waited for a minute');
  catalog = await app.sql('operator', { database: app.catalog });
  await gone('long');
  assert.equal(dumps('long').length, 1);
});
