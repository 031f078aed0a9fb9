// SPDX-License-Identifier: Apache-2.0
//
// Homes of every model: the ads app in all three at once, schools with a database each.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { ROOT, prepareApp, startApp } from './lib/harness.js';

const MODELS = ['shared', 'schema', 'database'];

describe('one app, three models', () => {
  let app;
  before(async () => {
    app = await startApp({ appDir: path.join(ROOT, 'apps/ads') });
    for (const model of MODELS) await app.ok(['tenant', 'create', model, '--model', model, '--name', 'Same']);
  });
  after(() => app?.stop());

  const campaign = { name: 'Spring', cost_model: 'cost_per_click', state: 'running', monthly_budget: 9, created_at: '2026-01-01', updated_at: '2026-01-01' };

  /** The answer without what must differ: the tenant's id, times, and ids from sequences that shared homes share. */
  async function ask(tenant, method, target, body) {
    const r = await app.http(method, target, { tenant, body, headers: { Prefer: 'return=representation' } });
    return [r.status, r.text.replace(/"company_id":\d+/g, '"company_id":_').replace(/"(created|updated)_at":"[^"]*"/g, '"$1_at":_')];
  }

  test('the same requests get the same answers', async () => {
    const requests = [
      ['POST', '/campaigns', campaign],
      ['GET', '/campaigns'],
      ['GET', '/campaigns?select=id,name,ads(name)&monthly_budget=gt.5&order=name'],
      ['POST', '/ads', { campaign_id: 1, name: 'A', created_at: '2026-01-01', updated_at: '2026-01-01' }],
      ['GET', '/campaigns/1?select=name,ads(name)'],
      ['GET', '/ad_ranks'],
      ['POST', '/rpc/double_budget', { campaign_id: 1 }],
      ['PATCH', '/ads?id=eq.1', { name: 'B' }],
      ['POST', '/campaigns', { ...campaign, company_id: 99 }],
      ['POST', '/ads', { campaign_id: 12345, name: 'X', created_at: '2026-01-01', updated_at: '2026-01-01' }],
      ['GET', '/geo_ips?limit=1'],
      ['GET', '/nothing'],
      ['DELETE', '/campaigns?id=eq.1'],
      ['GET', '/ads'],
    ];
    for (const request of requests) {
      const answers = [];
      for (const model of MODELS) answers.push(await ask(model, ...request));
      assert.deepEqual(answers[1], answers[0], `schema: ${request.slice(0, 2)}`);
      assert.deepEqual(answers[2], answers[0], `database: ${request.slice(0, 2)}`);
    }
  });

  test('a home of one tenant shows nothing to a session bound to another', async () => {
    await ask('schema', 'POST', '/campaigns', campaign);
    await ask('database', 'POST', '/campaigns', campaign);
    const operator = await app.sql('operator', { database: app.catalog });
    const { rows } = await operator.query("SELECT t.slug, t.id, h.database, h.schema FROM rowhouse.tenants t JOIN rowhouse.homes h ON h.id = t.home WHERE h.model <> 'shared'");
    assert.equal(rows.length, 2);
    for (const home of rows) {
      const count = async (tenant) => {
        const client = await app.sql('server', { database: home.database, tenant });
        return Number((await client.query(`SELECT count(*) FROM "${home.schema}".campaigns`)).rows[0].count);
      };
      assert.equal(await count(home.id), 1, home.slug);
      assert.equal(await count(home.id === '1' ? '2' : '1'), 0, home.slug);
      const unbound = await app.sql('server', { database: home.database });
      await assert.rejects(unbound.query(`SELECT * FROM "${home.schema}".campaigns`), { code: 'RH001' });
    }
  });

  test('the planner guesses totals in homes of their own, and in shared ones they are counted', async () => {
    for (const model of MODELS)
      for (const method of ['GET', 'HEAD']) { // of a key there is one row at most, says the planner
        const r = await app.http(method, '/campaigns?id=eq.4711&limit=3', { tenant: model, headers: { Prefer: 'count=planned' } });
        assert.deepEqual([r.status, r.headers.get('content-range'), r.headers.get('preference-applied')], model === 'shared' ? [200, '*/0', 'count=exact'] : [206, '*/1', 'count=planned'], `${model} ${method}`);
      }
  });

  test('psql shows each tenant its home', async () => {
    for (const model of ['schema', 'database']) {
      assert.equal(await app.psql(model, 'SELECT count(*) FROM campaigns'), '1');
      assert.match(await app.psql(model, '\\dt'), /campaigns/);
    }
  });

  test('a migration reaches homes of every model, and nothing is left to do afterwards', async () => {
    app.write({ 'tenant/0003_colour.sql': "ALTER TABLE campaigns ADD COLUMN colour text NOT NULL DEFAULT 'red';\n" });
    const { status, stderr } = await app.run(['migrate']);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /homes of one tenant: 2 brought forward, 0 failed/);
    for (const model of MODELS) {
      const r = await app.http('GET', '/campaigns?select=colour', { tenant: model });
      assert.equal(r.status, 200, model);
      if (model !== 'shared') assert.deepEqual(r.json, [{ colour: 'red' }]);
    }
    assert.doesNotMatch((await app.run(['migrate'])).stderr, /homes of one tenant/);
  });

  test('a home that fails is told and left as it was; the others go on', async () => {
    const client = await app.sql('operator');
    const schema = (await (await app.sql('operator', { database: app.catalog })).query("SELECT schema FROM rowhouse.homes WHERE model = 'schema'")).rows[0].schema;
    await client.query(`CREATE TABLE "${schema}".in_the_way (id int)`);
    app.write({ 'tenant/0004_more.sql': 'CREATE TABLE in_the_way (company_id bigint NOT NULL, id bigint, PRIMARY KEY (company_id, id));\n' });
    const first = await app.run(['migrate']);
    assert.equal(first.status, 1);
    assert.match(first.stderr, /already exists/);
    assert.match(first.stderr, /1 brought forward, 1 failed/);
    assert.equal((await app.http('GET', '/campaigns?select=colour', { tenant: 'schema' })).status, 200, 'served at its own version');
    await client.query(`DROP TABLE "${schema}".in_the_way`);
    assert.match((await app.run(['migrate'])).stderr, /1 brought forward, 0 failed/);
  });

  test('names asked for are checked', async () => {
    await app.ok(['tenant', 'create', 'named', '--model', 'database', '--home', 'ads_named']);
    assert.equal((await app.run(['tenant', 'create', 'again', '--model', 'database', '--home', 'ads_named'])).status !== 0, true);
    for (const name of ['Mixed', 'postgres', 'ads', 'public', 'pg_x'])
      assert.notEqual((await app.run(['tenant', 'create', `n-${name.toLowerCase().replace('_', '-')}`, '--model', 'database', '--home', name])).status, 0, name);
  });
});

test('an app without a tenant key: shared homes are refused with the reason', async () => {
  const files = makeApp();
  files['rowhouse.conf'] = '[app]\nname = keyless\nmodel = schema\n';
  files['tenant/0001_notes.sql'] = 'CREATE TABLE notes (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text UNIQUE);\n';
  delete files['tenant/on_create.sql'];
  const app = prepareApp({ files });
  try {
    await app.ok(['migrate']);
    await app.ok(['tenant', 'create', 'one']);
    const r = await app.run(['tenant', 'create', 'two', '--model', 'shared']);
    assert.equal(r.status !== 0, true);
    assert.match(r.stderr, /no tenant key/);
  } finally {
    await app.stop();
  }
});
