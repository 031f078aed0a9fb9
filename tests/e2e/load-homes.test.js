// SPDX-License-Identifier: Apache-2.0
//
// `rowhouse load` into homes of every model: rows that say whose they are, and the file of one tenant.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const MODELS = { 1: 'shared', 2: 'shared', 3: 'schema', 4: 'schema', 5: 'database', 6: 'database' };
const IDS = Object.keys(MODELS);
let app;
const homes = {};

before(async () => {
  app = await startApp({ files: makeApp() });
  for (const id of IDS) {
    await app.ok(['tenant', 'create', `t${id}`, '--id', id, '--model', MODELS[id]]);
    const { home } = JSON.parse(await app.ok(['tenant', 'show', `t${id}`, '--json']));
    homes[id] = { schema: home.schema, sql: await app.sql('operator', { database: home.database }) };
  }
});
after(() => app?.stop());

/** The tenant's notes, as the operator finds them in its home. */
async function notes(id, where = 'true') {
  const { schema, sql } = homes[id];
  return (await sql.query({ text: `SELECT id::int, title FROM ${schema}.notes WHERE client_id = ${id} AND (${where}) ORDER BY 1`, rowMode: 'array' })).rows;
}
/** All notes of all homes. */
const count = async () => {
  let n = 0;
  for (const id of [1, 3, 4, 5, 6]) n += Number((await homes[id].sql.query(`SELECT count(*) FROM ${homes[id].schema}.notes`)).rows[0].count);
  return n;
};
const HEADED = ['load', 'notes', '--header'];

async function refused(input, said, args = ['load', 'notes']) {
  const before = await count();
  const r = await app.run(args, { input });
  assert.notEqual(r.status, 0, r.stderr);
  assert.match(r.stderr, said);
  assert.match(r.stderr, /\n {2}hint: /);
  assert.equal(await count(), before, 'nothing is half-loaded');
  return r.stderr;
}

test('each row goes to its tenant\'s home, whatever the order of the file', async () => {
  const lines = [];
  for (let i = 0; i < 60; i++) lines.push(`${IDS[(i * 5) % 6]},${100 + i},"row ${i}${i % 7 ? '' : '\n\n"",'}",,0,,\n`);
  const r = await app.run(['load', 'notes'], { input: lines.join('').slice(0, -1) });
  assert.equal(r.status, 0, r.stderr);
  assert.match(r.stderr, /60 rows into notes in .*; 4 tenants with a home of their own got some/);
  for (const [n, id] of IDS.entries()) {
    const wanted = [];
    for (let i = 0; i < 60; i++) if ((i * 5) % 6 === n) wanted.push([100 + i, `row ${i}${i % 7 ? '' : '\n\n",'}`]);
    assert.deepEqual(await notes(id), wanted, MODELS[id]);
    assert.equal((await app.http('GET', '/notes?select=id', { tenant: `t${id}` })).json.length, 10);
    const made = await app.http('POST', '/notes', { tenant: `t${id}`, body: { title: 'after' }, headers: { Prefer: 'return=representation' } });
    assert.equal(made.status, 201, `${MODELS[id]}: its sequence has moved on`);
    await app.http('DELETE', '/notes?title=eq.after', { tenant: `t${id}` });
  }
  assert.equal(await count(), 60);
});

test('--header, and files of one model only', async () => {
  await app.ok(HEADED, { input: 'title,client_id\r\nx,5\r\ny,6\r\nz,5\r\n' });
  assert.deepEqual((await notes(5, "title IN ('x', 'y', 'z')")).map((r) => r[1]), ['x', 'z']);
  await app.ok(HEADED, { input: 'client_id,title\n3,only schema\n' });
  assert.equal((await notes(3, "title = 'only schema'")).length, 1);
});

test('one bad row anywhere, and no home has any: its line is named', async () => {
  for (const id of IDS) {
    const lines = IDS.flatMap((other) => [`${other},500,"a\nb",,0,,`, `${other},501,x,,${other === id ? 'many' : 0},,`]);
    const at = 3 * (Number(id) - 1) + 3;
    for (const end of ['\n', '\r\n']) await refused(lines.join(end), new RegExp(`stdin:${at}: .*invalid input syntax for type integer: "many"`));
  }
  await refused('5,500,x,,0,,\n6,500,y,,0,,\n6,500,y,,0,,\n', /stdin:3: home of t6: duplicate key value/);
  await refused('1,500,x,,0,,\n5,500,y,,0,,\n3,500,y,,0,,\n7,1,x,,0,,\n', /stdin:4: there is no tenant "7"/);
  await refused('5,1,999,x,f\n', /stdin.*: home of t5: insert or update on table "tasks" violates foreign key/, ['load', 'tasks']);
});

test('more rows than are kept in memory keep their order, and their lines', async () => {
  const lines = [];
  for (let i = 0; i < 24000; i++) lines.push(`${IDS[i % 6]},${10000 + i},"${'x'.repeat(i % 83)}",,${i % 5},,\n`);
  await refused([...lines, '6,99999,x,,many,,\n', '5,99999,x,,0,,\n'].join(''), /stdin:24001: home of t6: invalid input/);
  await app.ok(['load', 'notes'], { input: lines.join('') });
  for (const id of IDS) assert.equal((await notes(id, 'id >= 10000')).length, 4000);
});

test('a tenant that has no home yet takes no rows', async () => {
  const catalog = await app.sql('operator', { database: app.catalog });
  await catalog.query("INSERT INTO rowhouse.tenants (id, slug, name, model) VALUES (50, 'waiting', 'Waiting', 'database')");
  await refused('1,600,x,,0,,\n50,600,x,,0,,\n', /stdin:2: tenant waiting is pending and takes no rows now/);
  await refused('title\nx\n', /tenant waiting is pending and takes no rows now/, [...HEADED, '--tenant', 'waiting']);
  await catalog.query("DELETE FROM rowhouse.tenants WHERE slug = 'waiting'");
  await app.ok(['migrate']);
});

describe('--tenant', () => {
  for (const id of ['2', '4', '6'])
    test(`${MODELS[id]}: the key is filled, or must be the tenant's`, async () => {
      const args = [...HEADED, '--tenant', `t${id}`];
      await app.ok(args, { input: 'title,id\nfilled,700\n' });
      await app.ok(args, { input: `title,id,client_id\nequal,701,${id}\n` });
      await app.ok(['load', 'notes', '--tenant', id], { input: `${id},702,by position,,0,,\n` });
      assert.deepEqual(await notes(id, 'id BETWEEN 700 AND 702'), [[700, 'filled'], [701, 'equal'], [702, 'by position']]);
      await refused('title,client_id\nx,1\n', new RegExp(`stdin:2: "1" is not the id of t${id}`), args);
      await refused('title,client_id\nx,\n', new RegExp(`stdin:2: "" is not the id of t${id}`), args);
      await refused('x,y\n', /1: 2 columns, but notes has 7/, ['load', 'notes', '--tenant', id]);
      await refused('name\nAgain\n', /the file has no column for the tenant key of clients/, ['load', 'clients', '--header', '--tenant', id]);
      await refused('blue,#00f\n', /colours is a reference table/, ['load', 'colours', '--tenant', id]);
    });

  test('nobody', async () => {
    const r = await app.run([...HEADED, '--tenant', 'nobody'], { input: '' });
    assert.equal(r.status, 3);
    assert.match(r.stderr, /there is no tenant with the id or slug "nobody"/);
  });
});

test('an app without a tenant key: one tenant at a time, and reference tables', async () => {
  const files = makeApp({ name: 'keyless' });
  files['rowhouse.conf'] = '[app]\nname = keyless\nmodel = schema\n';
  files['tenant/0001_notes.sql'] = 'CREATE TABLE notes (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text UNIQUE);\n';
  delete files['tenant/on_create.sql'];
  const other = app.sibling({ files });
  await other.ok(['migrate']);
  await other.ok(['tenant', 'create', 'one']);
  await other.ok(['tenant', 'create', 'two', '--model', 'database']);
  const r = await other.run(['load', 'notes'], { input: '1,x\n' });
  assert.equal(r.status, 1);
  assert.match(r.stderr, /nothing says whose rows of notes these are: the app has no tenant key/);
  for (const slug of ['one', 'two']) {
    await other.ok(['load', 'notes', '--tenant', slug], { input: '7,for ' + slug });
    assert.equal(await other.psql(slug, "INSERT INTO notes (title) VALUES ('next') RETURNING id || ' ' || (SELECT title FROM notes)"), `8 for ${slug}`);
  }
  await other.ok(['load', 'colours'], { input: 'blue,#00f\n' });
  assert.equal(await other.psql('two', 'SELECT count(*) FROM colours'), '3');
});

test('more database homes than are held open: an error says which have their rows', async () => {
  const files = makeApp({ name: 'many' });
  files['rowhouse.conf'] += 'model = database\n';
  const other = app.sibling({ files });
  await other.ok(['migrate']);
  const catalog = await other.sql('operator', { database: other.catalog });
  await catalog.query("INSERT INTO rowhouse.tenants (id, slug, name) SELECT i, 't' || i, 'T' FROM generate_series(1, 17) i");
  await other.ok(['migrate']);
  const lines = Array.from({ length: 17 }, (_, i) => `${i + 1},1,x,,0,,\n`);
  const r = await other.run(['load', 'notes'], { input: [...lines, '17,1,x,,0,,\n'].join('') });
  assert.equal(r.status, 1);
  assert.match(r.stderr, /stdin:18: home of t17: duplicate key/);
  assert.match(r.stderr, /loaded already: t1, t2, .*t16\b/);
  assert.doesNotMatch(r.stderr.split('loaded already')[1], /t17\b/);
  assert.match(r.stderr, /hint: Take the rows of these tenants out of the file/);
  assert.equal(await other.psql('t16', 'SELECT count(*) FROM notes'), '1');
  assert.equal(await other.psql('t17', 'SELECT count(*) FROM notes'), '0');
  await other.ok(['load', 'notes'], { input: lines.slice(16).join('') });
  assert.equal(await other.psql('t17', 'SELECT count(*) FROM notes'), '1');
});
