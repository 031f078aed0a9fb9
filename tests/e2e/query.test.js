// SPDX-License-Identifier: Apache-2.0
//
// `rowhouse query`: one statement over homes of every model.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp } from './lib/harness.js';

const files = {
  'rowhouse.conf': '[app]\nname = asked\ntenant_key = owner_id\nroot = owners\n',
  'reference/0001_countries.sql': "CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);\nINSERT INTO countries VALUES ('at', 'Austria');\n",
  'tenant/0001_items.sql': `CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE owners (id bigint PRIMARY KEY);
CREATE TABLE items (
    owner_id bigint NOT NULL REFERENCES owners, id bigint NOT NULL, name text NOT NULL, price numeric(8,2), made timestamptz,
    tags text[], doc jsonb, ok boolean, size size DEFAULT 'small', PRIMARY KEY (owner_id, id)
);
`,
  'tenant/on_create.sql': `INSERT INTO owners (id) VALUES (:id);
INSERT INTO items (owner_id, id, name, price, made, tags, doc, ok)
VALUES (:id, 1, E'a, "b"\\nc', 1.50, '2026-01-02 03:04:05+00', '{x,y}', '{"k": [1]}', true), (:id, 2, '', NULL, NULL, NULL, NULL, NULL);
`,
};

describe('query', () => {
  let app;
  before(async () => {
    app = await startApp({ files });
    for (const [slug, model] of [['one', 'shared'], ['two', 'shared'], ['three', 'schema'], ['four', 'database'], ['five', 'schema']])
      await app.ok(['tenant', 'create', slug, '--model', model]);
  });
  after(() => app?.stop());

  const query = (...args) => app.run(['query', ...args]);
  const json = async (...args) => JSON.parse(await app.ok(['query', '--json', ...args]));

  test('a shared home is asked once, the others each, in a steady order', async () => {
    const rows = await json('SELECT count(*)::int AS n FROM items');
    assert.deepEqual(rows, [{ tenant: '(shared)', n: 4 }, { tenant: 'five', n: 2 }, { tenant: 'three', n: 2 }, { tenant: 'four', n: 2 }]);
    const out = await app.ok(['query', 'SELECT count(*)::int AS n FROM items']);
    assert.equal(out, 'tenant    n\n(shared)  4\nfive      2\nthree     2\nfour      2\n');
  });

  test('--apart asks each tenant of a shared home by itself, under row security', async () => {
    const rows = await json('--apart', 'SELECT count(*)::int AS n, rowhouse.tenant_id() = min(owner_id) AS own FROM items');
    assert.deepEqual(rows.map((r) => r.tenant), ['one', 'two', 'five', 'three', 'four']);
    assert.ok(rows.every((r) => r.n === 2 && r.own === true));
  });

  test('JSON has the values as they are, CSV quotes what must be and tells NULL from an empty text', async () => {
    const sql = 'SELECT name, price, made, tags, doc, ok, size FROM items ORDER BY owner_id, id';
    const [first, second] = await json('--apart', sql);
    assert.deepEqual(first, { tenant: 'one', name: 'a, "b"\nc', price: 1.5, made: '2026-01-02T03:04:05+00:00', tags: '{x,y}', doc: { k: [1] }, ok: true, size: 'small' });
    assert.deepEqual(second, { tenant: 'one', name: '', price: null, made: null, tags: null, doc: null, ok: null, size: 'small' });
    const csv = await app.ok(['query', '--apart', '--csv', 'SELECT name, price FROM items ORDER BY owner_id, id']);
    assert.ok(csv.startsWith('tenant,name,price\r\none,"a, ""b""\nc",1.50\r\none,"",\r\n'), csv);
  });

  test('--reduce asks the union, beside the app\'s own tables', async () => {
    const rows = await json('--apart', 'SELECT price, size, (SELECT code FROM countries) AS code FROM items',
      '--reduce', 'SELECT count(*)::int AS n, sum(price) AS price, count(DISTINCT tenant)::int AS tenants, min(c.name) AS country, max(size) AS size FROM rows JOIN countries c USING (code)');
    assert.deepEqual(rows, [{ n: 10, price: 7.5, tenants: 5, country: 'Austria', size: 'small' }]);
    const twice = await query('--reduce', 'SELECT 1 FROM rows', 'SELECT 1 AS a, 2 AS a');
    assert.equal(twice.status, 1);
    assert.match(twice.stderr, /every column needs a name of its own/);
  });

  test('many rows come through in their order', async () => {
    const rows = await json("SELECT i, repeat('x', 1000) AS x FROM generate_series(1, 20000) i", '--reduce', 'SELECT tenant, count(*)::int AS n, sum(length(x))::int AS x FROM rows GROUP BY 1 ORDER BY 1');
    assert.equal(rows.length, 4);
    assert.ok(rows.every((r) => r.n === 20000 && r.x === 20000000));
    const ordered = (await app.ok(['query', '--csv', 'SELECT i FROM generate_series(1, 5000) i'])).trim().split('\r\n').slice(1);
    assert.deepEqual(ordered, ['(shared)', 'five', 'three', 'four'].flatMap((t) => Array.from({ length: 5000 }, (_, i) => `${t},${i + 1}`)));
  });

  test('only reads, unless a write is meant', async () => {
    for (const [sql, why] of [
      ['UPDATE items SET price = 2', /UPDATE writes/],
      ['WITH w AS (DELETE FROM items RETURNING 1) SELECT * FROM w', /read-only transaction/],
      ["SELECT set_config('transaction_read_only', 'off', true), (SELECT count(*) FROM items)", /read-write mode must be set before any query/],
      ['CREATE TABLE mine ()', /no statement to ask of a fleet/],
      ['SELECT * INTO mine FROM items', /no statement to ask of a fleet/],
      ['COPY items TO STDOUT', /no statement to ask of a fleet/],
      ['COMMIT', /no statement to ask of a fleet/],
      ['SELECT 1; SELECT 2', /one statement/],
      ['', /one statement/],
      ['SELEC', /syntax error/],
    ]) {
      const r = await query(sql);
      assert.notEqual(r.status, 0, sql);
      assert.match(r.stderr, why, sql);
      assert.doesNotMatch(r.stdout, /\(shared\)/, sql);
    }
    const asked = await query('--write', 'UPDATE items SET price = 2');
    assert.equal(asked.status, 3);
    assert.match(asked.stderr, /1 shared home as a whole, 2 schema homes, 1 database home \(5 tenants in all\)/);
    assert.deepEqual(await json('SELECT count(*)::int AS n FROM items WHERE price = 2'), ['(shared)', 'five', 'three', 'four'].map((tenant) => ({ tenant, n: 0 })));
    const done = await json('--write', '--yes', 'UPDATE items SET price = 2 WHERE id = 1');
    assert.deepEqual(done.map((r) => [r.tenant, r.affected]), [['(shared)', 2], ['five', 1], ['three', 1], ['four', 1]]);
    assert.deepEqual((await json('SELECT count(*)::int AS n FROM items WHERE price = 2')).map((r) => r.n), [2, 1, 1, 1]);
    const operator = await app.sql('operator', { database: app.catalog });
    const { rows } = await operator.query("SELECT detail->>'sql' AS sql FROM rowhouse.audit WHERE action = 'query'");
    assert.deepEqual(rows, [{ sql: 'UPDATE items SET price = 2 WHERE id = 1' }]);
  });

  test('what commits in between stays in its home, and its tenant', async () => {
    const where = "coalesce(nullif(current_setting('rowhouse.tenant', true), ''), 'nobody') || current_user";
    await app.ok(['query', '--write', '--yes', '--apart', `DO $$ BEGIN COMMIT; UPDATE items SET name = ${where} WHERE id = 2; COMMIT; END $$`]);
    const rows = await json('--apart', 'SELECT name FROM items WHERE id = 2');
    assert.deepEqual(rows, [['one', '1asked_owner'], ['two', '2asked_owner'], ['five', '5asked_operator'], ['three', '3asked_operator'], ['four', '4asked_operator']].map(([tenant, name]) => ({ tenant, name })));
    await app.ok(['query', '--write', '--yes', 'DO $$ BEGIN COMMIT; UPDATE items SET name = upper(name) WHERE id = 2; END $$']);
    assert.deepEqual((await json('SELECT min(name) AS name FROM items WHERE id = 2')).map((r) => r.name), ['1ASKED_OWNER', '5ASKED_OPERATOR', '3ASKED_OPERATOR', '4ASKED_OPERATOR']);
  });

  test('what fails in one home is told at the end and hinders no other', async () => {
    const r = await query('--csv', "SELECT 1 / (CASE WHEN rowhouse.tenant_id() = 3 THEN 0 ELSE 1 END) AS n, 'x' AS x", '--apart');
    assert.equal(r.status, 1);
    assert.deepEqual(r.stdout.trim().split('\r\n').map((l) => l.split(',')[0]), ['tenant', 'one', 'two', 'five', 'four']);
    assert.match(r.stderr, /^three: division by zero$/m);
    assert.match(r.stderr, /1 home failed/);
    const undone = await query('--write', '--yes', 'UPDATE items SET price = 1 / (owner_id - 3)', '--apart');
    assert.match(undone.stderr, /^three: division by zero$/m);
    assert.match(undone.stdout, /^four +2$/m);
  });

  test('a home with other columns is told, not mixed in', async () => {
    const operator = await app.sql('operator');
    const home = (await (await app.sql('operator', { database: app.catalog })).query("SELECT schema FROM rowhouse.homes h JOIN rowhouse.tenants t ON t.home = h.id WHERE t.slug = 'five'")).rows[0].schema;
    await operator.query(`ALTER TABLE "${home}".items ADD COLUMN odd int`);
    const r = await query('--csv', 'SELECT * FROM items WHERE false');
    assert.equal(r.status, 1);
    assert.match(r.stderr, /^five: its columns \(.*odd\) are not those of the first home/m);
    await operator.query(`ALTER TABLE "${home}".items DROP COLUMN odd`);
  });
});
