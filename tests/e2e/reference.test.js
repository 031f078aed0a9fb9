// SPDX-License-Identifier: Apache-2.0
//
// Reference tables: every tenant reads the same rows, in every model and over every door, and none can write them;
// what the operator changes at the origin reaches the database homes' copies.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const MODELS = ['shared', 'schema', 'database'];
const FILES = {
  ...makeApp(),
  'reference/0002_places.sql': `CREATE TABLE countries (
  code text PRIMARY KEY,
  name text NOT NULL UNIQUE,
  label text GENERATED ALWAYS AS (code || ': ' || name) STORED
);
CREATE TABLE cities ( -- comes before countries in the alphabet, after them by its foreign key
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  country text NOT NULL REFERENCES countries,
  name text NOT NULL,
  rank integer UNIQUE,
  at point -- has no equality
);
CREATE TABLE words (word text, n integer); -- no primary key
CREATE TABLE streets (name text NOT NULL UNIQUE, note text); -- nor here, but tenants refer to it
CREATE TABLE years (year integer NOT NULL, what text, PRIMARY KEY (year)) PARTITION BY RANGE (year);
CREATE TABLE years_20 PARTITION OF years FOR VALUES FROM (2000) TO (2100);
INSERT INTO countries (code, name) VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO cities (country, name, rank, at) VALUES ('de', 'Berlin', 1, '(52.5,13.4)');
`,
  'tenant/0002_orders.sql': `CREATE TABLE orders (
  client_id bigint NOT NULL,
  id bigint NOT NULL,
  country text NOT NULL REFERENCES countries (code),
  street text REFERENCES streets (name) ON DELETE CASCADE,
  PRIMARY KEY (client_id, id)
);
`,
};

let app, origin, home, database;

before(async () => {
  app = await startApp({ files: FILES });
  for (const model of MODELS) await app.ok(['tenant', 'create', model, '--model', model]);
  origin = await app.sql('operator');
  database = JSON.parse(await app.ok(['tenant', 'show', 'database', '--json'])).home.database;
  home = await app.sql('operator', { database });
});
after(() => app?.stop());

const migrate = async () => {
  const r = await app.run(['migrate']);
  assert.equal(r.status, 0, r.stderr);
  return r.stderr;
};
const all = async (sql, table) => (await sql.query({ text: `SELECT t::text FROM reference.${table} t ORDER BY 1`, rowMode: 'array' })).rows.flat();

/** The copy holds what the origin holds. */
async function same(...tables) {
  for (const table of tables.length ? tables : ['colours', 'countries', 'cities', 'words', 'streets', 'years']) assert.deepEqual(await all(home, table), await all(origin, table), table);
}

describe('reading and writing', () => {
  for (const model of MODELS)
    test(`${model}: rows are read, joined, and never written`, async () => {
      assert.deepEqual((await app.http('GET', '/countries?select=label,cities(name)&code=eq.de', { tenant: model })).json, [{ label: 'de: Germany', cities: [{ name: 'Berlin' }] }]);
      const own = { id: 1, country: 'fr' };
      assert.equal((await app.http('POST', '/orders', { tenant: model, body: own })).status, 201);
      assert.deepEqual((await app.http('GET', '/orders?select=id,countries(name)', { tenant: model })).json, [{ id: 1, countries: { name: 'France' } }]);
      assert.equal((await app.http('POST', '/orders', { tenant: model, body: { id: 2, country: 'xx' } })).status, 409);
      for (const [method, target, body] of [['POST', '/countries', { code: 'xx', name: 'X' }], ['PATCH', '/countries?code=eq.de', { name: 'X' }], ['DELETE', '/countries?code=eq.de'], ['PUT', '/countries?code=eq.de', { code: 'de', name: 'X' }]]) {
        const r = await app.http(method, target, { tenant: model, body });
        assert.ok(r.status >= 400 && r.status < 500, `${method} ${r.status}`);
      }
      assert.equal(await app.psql(model, 'SELECT c.name FROM orders o JOIN countries c ON c.code = o.country'), 'France');
      for (const sql of ["INSERT INTO countries (code, name) VALUES ('xx', 'X')", "UPDATE countries SET name = 'X'", 'DELETE FROM reference.countries', 'TRUNCATE colours', 'SELECT * FROM rowhouse.reference_revisions', "INSERT INTO rowhouse.reference_revisions VALUES ('x', 'x')", "SELECT nextval('reference.cities_id_seq')", 'DROP TABLE colours'])
        await assert.rejects(app.psql(model, sql), /permission denied|must be owner/, sql);
      await same();
    });
});

describe('what the operator changes reaches the copies', () => {
  test('rowhouse load brings the rows at once, and new homes have them', async () => {
    const r = await app.run(['load', 'colours'], { input: 'blue,#00f\n' });
    assert.equal(r.status, 0, r.stderr);
    assert.match(r.stderr, /1 rows into colours/);
    assert.match(r.stderr, /home \d+ \(tiny_h_\d+\): 1 reference table brought, 1 rows came, 0 went/);
    assert.deepEqual((await app.http('GET', '/colours?name=eq.blue', { tenant: 'database' })).json, [{ name: 'blue', rgb: '#00f' }]);
    await app.ok(['tenant', 'create', 'late', '--model', 'database']);
    assert.equal(await app.psql('late', 'SELECT count(*) FROM colours'), '3');
    assert.doesNotMatch(await migrate(), /reference rows/);
  });

  test('plain SQL: inserts, updates, deletes, whatever the column', async () => {
    await origin.query(`INSERT INTO reference.countries (code, name) VALUES ('it', 'Italy'), ('uk', 'United, "Kingdom"\n\t\\N');
      UPDATE reference.countries SET name = 'Deutschland' WHERE code = 'de';
      INSERT INTO reference.cities (country, name, rank, at) VALUES ('it', 'Rome', 2, '(41.9,12.5)'), ('it', 'Pisa', 3, NULL);
      UPDATE reference.cities SET at = '(0,0)' WHERE name = 'Berlin';
      INSERT INTO reference.words VALUES ('twice', 1), ('twice', 1), (NULL, NULL);
      INSERT INTO reference.years VALUES (2026, 'now');
      DELETE FROM reference.colours WHERE name = 'blue'`);
    assert.match(await app.ok(['migrate', 'status']), /reference rows: 2 database homes are behind/);
    const said = await migrate();
    assert.match(said, /home \d+ \(tiny_h_\d+\): 5 reference tables brought/);
    assert.match(said, /reference rows: 2 homes brought forward, 0 failed/);
    await same();
    assert.doesNotMatch(await app.ok(['migrate', 'status']), /reference rows/);
    assert.doesNotMatch(await migrate(), /reference rows/);
  });

  test('unique values change places, rows move to another key, a partition is written to, all goes', async () => {
    await origin.query(`UPDATE reference.cities SET rank = rank + 10;
      UPDATE reference.cities SET rank = CASE name WHEN 'Rome' THEN 3 WHEN 'Pisa' THEN 2 ELSE 1 END;
      INSERT INTO reference.years_20 VALUES (2027, 'next')`);
    await migrate();
    await same();
    await origin.query(`DELETE FROM reference.cities WHERE name = 'Pisa'; UPDATE reference.cities SET country = 'uk' WHERE name = 'Rome';
      DELETE FROM reference.countries WHERE code = 'it'; TRUNCATE reference.words`);
    await migrate();
    await same();
    assert.equal((await home.query("SELECT tgenabled FROM pg_trigger WHERE tgname = 'rowhouse_note' AND tgrelid = 'reference.cities'::regclass")).rows[0].tgenabled, 'O');
  });

  test('a reference migration changes rows in its own way: copies follow, with ids from their sequences', async () => {
    // the home has not seen these yet: without them the migration would collide there
    await origin.query("DELETE FROM reference.colours WHERE name = 'red'; INSERT INTO reference.cities (country, name) VALUES ('fr', 'Paris')");
    app.write({
      'reference/0003_more.sql': `INSERT INTO colours VALUES ('red', '#e00');
INSERT INTO cities (country, name) VALUES ('fr', 'Lyon');
ALTER TABLE countries ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
CREATE TABLE units (unit text PRIMARY KEY);
INSERT INTO units VALUES ('kg');
`,
    });
    assert.match(await migrate(), /reference rows: \d homes? brought forward, 0 failed/);
    await same();
    await same('units');
    assert.doesNotMatch(await migrate(), /reference rows/);
  });

  test("the app's triggers do not run again in a copy", async () => {
    app.write({
      'reference/0004_stamp.sql': `ALTER TABLE units ADD COLUMN at timestamptz;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := clock_timestamp(); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON units FOR EACH ROW EXECUTE FUNCTION stamp();
`,
    });
    await migrate();
    await origin.query("INSERT INTO reference.units VALUES ('m')");
    await migrate();
    await same('units');
  });
});

describe('a row that tenants refer to', () => {
  test('cannot leave: the home is named with its rows, stays as it was, and the others go on', async () => {
    await home.query("INSERT INTO orders (client_id, id, country) SELECT id, 5, 'de' FROM clients");
    await origin.query("DELETE FROM reference.cities; DELETE FROM reference.countries WHERE code = 'de'; INSERT INTO reference.colours VALUES ('pink', '#fcc')");
    const r = await app.run(['migrate']);
    assert.equal(r.status, 1, r.stderr);
    assert.match(r.stderr, new RegExp(`\\(${database}\\): reference rows not brought: rows of reference table countries cannot leave.*\\(code \\(de\\): 1 row of public\\.orders\\)`));
    assert.match(r.stderr, /reference rows: 1 home brought forward, 1 failed/);
    assert.equal(await app.psql('late', "SELECT count(*) FROM colours WHERE name = 'pink'"), '1');
    assert.equal(await app.psql('database', "SELECT count(*) FROM colours WHERE name = 'pink'"), '0', 'all of it or nothing');
    assert.equal(await app.psql('database', 'SELECT count(*) FROM orders o JOIN countries c ON c.code = o.country'), '2');
    await home.query('DELETE FROM orders WHERE id = 5');
    await origin.query("INSERT INTO reference.streets VALUES ('Elm', NULL), ('Oak', NULL)");
    assert.match(await migrate(), /reference rows: 2 homes brought forward, 0 failed/);
    await same();
  });

  test('changes in place', async () => {
    await home.query("INSERT INTO orders SELECT id, n, 'fr', street FROM clients, (VALUES (6, 'Elm'), (7, 'Oak')) s (n, street)");
    await origin.query("UPDATE reference.streets SET note = 'wide' WHERE name = 'Elm'; DELETE FROM reference.streets WHERE name = 'Oak'; INSERT INTO reference.streets VALUES ('Ash')");
    await origin.query("UPDATE reference.countries SET name = 'République' WHERE code = 'fr'");
    await migrate();
    await same('streets', 'countries');
    assert.equal(await app.psql('database', "SELECT string_agg(street, ',') FROM orders"), 'Elm', 'rows go with their street, not with a change of it');
    await home.query('DELETE FROM orders WHERE street IS NOT NULL');
    assert.deepEqual((await app.http('GET', '/orders?select=countries(name)', { tenant: 'database' })).json, [{ countries: { name: 'République' } }]);
  });
});

test('ten thousand rows, cut off between origin and copy: the next migrate brings them', async () => {
  const input = Array.from({ length: 10000 }, (_, i) => `c${i},#${i}\n`).join('');
  for (const step of ['load.committed', 'reference.brought']) {
    await origin.query("DELETE FROM reference.colours WHERE name ~ '^c[0-9]'");
    await migrate();
    const r = await app.run(['load', 'colours'], { input, env: { RH_KILL_AT: step } });
    assert.equal(r.signal, 'SIGKILL', r.stderr);
    assert.match(await migrate(), /reference rows: \d homes? brought forward, 0 failed/);
    await same('colours');
  }
});

test('a copy that is not like its origin is told', async () => {
  const other = app.sibling({ files: { ...FILES, 'rowhouse.conf': FILES['rowhouse.conf'].replace('tiny', 'odd') } });
  await other.ok(['migrate']);
  await other.ok(['tenant', 'create', 'one', '--model', 'database']);
  const copy = await other.sql('operator', { database: 'odd_h_2' });
  await copy.query('ALTER TABLE reference.colours RENAME COLUMN rgb TO hex');
  const r = await other.run(['load', 'colours'], { input: 'blue,#00f\n' });
  assert.equal(r.status, 1);
  assert.match(r.stderr, /reference rows not brought: its reference table colours has other columns/);
  assert.match(r.stderr, /1 rows into colours/, 'the origin has them');
});
