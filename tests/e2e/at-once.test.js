// SPDX-License-Identifier: Apache-2.0
//
// Homes that are made at once (src/home/at_once.h) are what the long way makes, to the last word of pg_dump; and whose a
// database is, no tenant can change.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';
import { start } from './lib/processes.js';

/** One of each that PostgreSQL makes, with owners, rights, comments and settings of their own. */
const MORE = `
CREATE TYPE mood AS ENUM ('fine', 'so so');
CREATE DOMAIN grade AS integer CHECK (VALUE BETWEEN 1 AND 6);
CREATE SEQUENCE odd START 7 INCREMENT 2;
CREATE TABLE moods (client_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY (START 10), mood mood, grade grade,
  colour text REFERENCES colours, twice integer GENERATED ALWAYS AS (grade * 2) STORED, gone integer, "Odd Name" text DEFAULT 'x',
  PRIMARY KEY (client_id, id), UNIQUE (client_id, mood) DEFERRABLE) WITH (fillfactor = 70);
ALTER TABLE moods DROP COLUMN gone, ALTER COLUMN "Odd Name" SET STATISTICS 500;
CREATE INDEX moods_low ON moods (client_id, lower("Odd Name")) WHERE grade > 3;
CREATE STATISTICS moods_more ON client_id, grade FROM moods;
COMMENT ON TABLE moods IS 'of the day -- don''t; "quote" me';
COMMENT ON COLUMN moods.grade IS '$1 \\ %s';
CREATE TABLE days (client_id bigint NOT NULL, day date NOT NULL, PRIMARY KEY (client_id, day)) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."Odd Name" := 'touched; "rowhouse home"'; RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON moods FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY fine_only ON moods FOR SELECT USING (mood = 'fine');
CREATE VIEW happy AS SELECT m.client_id, m.id, c.rgb FROM moods m JOIN colours c ON c.name = m.colour;
CREATE FUNCTION total(mood) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM moods WHERE mood = $1';
INSERT INTO moods (client_id, mood, grade) VALUES (0, 'fine', 1);
ALTER TABLE moods ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- the last line is a comment without an end`;

let app, operator;

before(async () => {
  const files = makeApp();
  app = await startApp({ files: { ...files, 'tenant/0002_more.sql': MORE } });
  operator = await app.sql('operator');
  for (const model of ['schema', 'database']) await make(`first-${model}`, model);
  await app.ok(['migrate']); // the template, and the script
});
after(() => app?.stop());

async function make(slug, model) {
  const r = await app.http('POST', '/tenants', { door: 'control', body: { slug, model, plan: 'gold' } });
  assert.equal(r.status, 201, r.text);
  return r.json;
}

/** What pg_dump says of a home, without what is its own. */
async function dumped({ id, home }) {
  const only = home.model === 'schema' ? ['-n', home.schema] : [];
  const { stdout, stderr, status } = await start('pg_dump', ['--schema-only', ...only, '-d', `${app.conninfo} dbname=${home.database}`]).done;
  assert.equal(status, 0, stderr);
  const own = [[/\bh_\d+\b/g, 'HOME'], [new RegExp(`'${id}'::bigint`, 'g'), 'ID'], [/'rowhouse home \d+'/g, 'MARK'], [/^\\(un)?restrict .*$/gm, '']];
  return own.reduce((text, [from, to]) => text.replace(from, to), stdout);
}

test('a schema by its script, and step by step', async () => {
  const { rows } = await operator.query('SELECT fittings, as_owner FROM rowhouse.home_scripts');
  assert.ok(rows[0]?.fittings && rows[0].as_owner, 'the script was tried and found to be exact');
  const fast = await make('fast-schema', 'schema');
  await operator.query('DELETE FROM rowhouse.home_scripts');
  const slow = JSON.parse(await app.ok(['tenant', 'create', 'slow-schema', '--model', 'schema', '--json']).then(() => app.ok(['tenant', 'show', 'slow-schema', '--json'])));
  assert.equal((await operator.query('SELECT fittings FROM rowhouse.home_scripts')).rows[0]?.fittings, rows[0].fittings, 'kept by the one that missed it');
  const text = await dumped(fast);
  assert.match(text, /CREATE POLICY rowhouse_tenant ON HOME\.moods AS RESTRICTIVE/);
  assert.equal(text, await dumped(slow));
});

test('a script that would leave other rows behind is not used', async () => {
  // as the owner, who is under the forced row security of the file before, it would find none
  app.write({ 'tenant/0003_grades.sql': "UPDATE moods SET grade = 2 WHERE mood = 'fine';\n" });
  await app.ok(['migrate']);
  const { rows } = await operator.query('SELECT fittings, as_owner FROM rowhouse.home_scripts');
  assert.ok(rows[0].fittings && !rows[0].as_owner, 'as the operator, who is under none');
  const { home } = await make('graded', 'schema');
  assert.deepEqual((await operator.query(`SELECT grade FROM ${home.schema}.moods`)).rows, [{ grade: 2 }]);
});

test('a database as a clone, and step by step', async () => {
  const fast = await make('fast-database', 'database');
  const template = await app.sql('admin', { database: `${app.name}_template` });
  await template.query('DROP FUNCTION rowhouse.home_tenant() CASCADE'); // a clone has to be fitted: not at once
  await template.end();
  const slow = await make('slow-database', 'database');
  const text = await dumped(fast);
  assert.match(text, /CREATE FUNCTION rowhouse\.home_tenant\(\) RETURNS bigint\n.*IMMUTABLE.*\n.*RETURN ID/);
  assert.equal(text, await dumped(slow));
  await app.ok(['migrate']);
});

test('whose a database is, nobody but the owner says', async () => {
  const [mine, other] = [await make('mine', 'database'), await make('other', 'database')];
  const server = await app.sql('server', { tenant: mine.id, database: mine.home.database });
  assert.deepEqual((await server.query('SELECT name FROM public.clients')).rows, [{ name: 'mine' }]);
  for (const sql of ['CREATE OR REPLACE FUNCTION rowhouse.home_tenant() RETURNS bigint LANGUAGE sql RETURN 1', 'DROP FUNCTION rowhouse.home_tenant() CASCADE', 'ALTER FUNCTION rowhouse.home_tenant() RENAME TO gone'])
    await assert.rejects(server.query(sql), /must be owner|permission denied/, sql);
  const plan = (await server.query('EXPLAIN SELECT * FROM public.notes WHERE client_id = $1 AND id = $2', [mine.id, 1])).rows.map((r) => r['QUERY PLAN']).join('\n');
  assert.match(plan, new RegExp(`One-Time Filter: \\(.* = '${mine.id}'::bigint\\)`), 'inlined, and asked once a statement');
  const stranger = await app.sql('server', { tenant: other.id, database: mine.home.database });
  assert.deepEqual((await stranger.query('SELECT * FROM public.clients')).rows, []);
  await assert.rejects(stranger.query(`INSERT INTO public.notes (client_id, title) VALUES (${other.id}, 'x')`), /row-level security/);
  await Promise.all([server.end(), stranger.end()]);
  const nobodys = await app.sql('server', { tenant: mine.id, database: `${app.name}_template` }).catch((err) => err);
  if (nobodys.query) {
    assert.deepEqual((await nobodys.query('SELECT * FROM public.clients')).rows, []);
    await nobodys.end();
  }
});
