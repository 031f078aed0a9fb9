// SPDX-License-Identifier: Apache-2.0
//
// The rules themselves are tested by tests/unit/test_lint.c; here: that the command says what a person needs, that
// what it proposes works, and that nothing is migrated before it is content.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { ROOT, prepareApp, rowhouse, startApp } from './lib/harness.js';
import path from 'node:path';

let host;
let count = 0;

before(async () => {
  host = await startApp({ files: makeApp({ name: 'host' }) });
});
after(() => host?.stop());

const newApp = (files) => host.sibling({ files: { ...makeApp({ name: `l${++count}` }), ...files } });

test('an app that keeps its tenants apart gets no findings', async () => {
  for (const app of [prepareApp({ files: makeApp() }), prepareApp({ files: makeApp({ idType: 'uuid' }) })]) {
    const r = await app.run(['lint']);
    assert.equal(r.status, 0, r.stdout + r.stderr);
    assert.doesNotMatch(r.stdout, /error:|warning:/);
    assert.equal(app.postmaster, null, 'it needs no server');
  }
  const ads = await rowhouse(['lint', '--app', path.join(ROOT, 'apps/ads')]);
  assert.equal(ads.status, 0, ads.stdout + ads.stderr);
});

const BAD = `-- A table that forgets whose rows it holds.
CREATE TABLE pins (
  id bigserial PRIMARY KEY,
  note_id bigint NOT NULL
);

CREATE TABLE links (
  client_id bigint NOT NULL,
  id bigserial,
  url text UNIQUE,
  note_id bigint,
  PRIMARY KEY (client_id, id)
);
`;

test('findings: file:line, the offending line, and the SQL that mends it', async () => {
  const app = newApp({ 'tenant/0002_bad.sql': BAD });
  const r = await app.run(['lint']);
  assert.equal(r.status, 1);
  assert.match(r.stdout, /^tenant\/0002_bad\.sql:2:\d+: error: .*pins.*client_id/m);
  assert.match(r.stdout, /^ {4}CREATE TABLE pins \($/m);
  assert.match(r.stdout, /ADD COLUMN client_id bigint NOT NULL/);
  assert.match(r.stdout, /^tenant\/0002_bad\.sql:10:\d+: error: .*unique/im);
  assert.match(r.stdout, /^ {4} {2}url text UNIQUE,$/m);
  assert.match(r.stdout, /UNIQUE \(client_id, url\)/);
  assert.match(r.stdout, /^\d+ errors?, \d+ warnings?$/m);
});

test('it runs before migrate, and nothing is made when it finds errors', async () => {
  const app = newApp({ 'tenant/0002_bad.sql': BAD });
  const r = await app.run(['migrate']);
  assert.equal(r.status, 1);
  assert.match(r.stderr, /tenant\/0002_bad\.sql:2:\d+: error:/);
  assert.match(r.stderr, /rowhouse: lint found \d errors; nothing was migrated/);
  assert.match(r.stderr, /hint: /);
  const admin = await host.sql('admin', { database: 'postgres' });
  assert.equal((await admin.query("SELECT 1 FROM pg_database WHERE datname LIKE $1 || '%'", [app.name])).rowCount, 0);
  assert.equal((await admin.query("SELECT 1 FROM pg_roles WHERE rolname LIKE $1 || '%'", [app.name])).rowCount, 0);
  const dev = await app.run(['dev', '--once', '--no-demo', '--set', 'data.port=0', '--set', 'control.port=0']);
  assert.equal(dev.status, 1);
  assert.match(dev.stderr, /nothing was migrated/);
});

test('what it proposes, taken as it stands, makes it content and works', async () => {
  const app = newApp({
    'tenant/0002_bad.sql': `CREATE TABLE links (
  client_id bigint NOT NULL,
  id bigserial,
  url text UNIQUE,
  PRIMARY KEY (client_id, id)
);
`,
  });
  const r = await app.run(['lint']);
  assert.equal(r.status, 1);
  const fix = /UNIQUE \(client_id, url\)/.exec(r.stdout);
  assert.ok(fix, r.stdout);
  app.write({ 'tenant/0002_bad.sql': `CREATE TABLE links (\n  client_id bigint NOT NULL,\n  id bigserial,\n  url text,\n  ${fix[0]},\n  PRIMARY KEY (client_id, id)\n);\n` });
  assert.equal((await app.run(['lint'])).status, 0);
  await app.ok(['migrate']);
  for (const slug of ['one', 'two']) {
    await app.ok(['tenant', 'create', slug]);
    await app.psql(slug, "INSERT INTO links (url) VALUES ('same')");
  }
});

test('mended by a later file: what counts is the end', async () => {
  const app = newApp({
    'tenant/0002_bad.sql': 'CREATE TABLE late (client_id bigint, id bigserial, note_id bigint);',
    'tenant/0003_mend.sql': 'ALTER TABLE late ALTER COLUMN client_id SET NOT NULL;\nALTER TABLE late ADD PRIMARY KEY (client_id, id);\nALTER TABLE late ADD FOREIGN KEY (client_id, note_id) REFERENCES notes (client_id, id);',
  });
  const r = await app.run(['lint']);
  assert.equal(r.status, 0, r.stdout);
  await app.ok(['migrate']);
});

test('what would let one tenant see or reach another is an error', async () => {
  const key = 'client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id)';
  for (const [what, sql, line] of [
    ['a nullable key', 'CREATE TABLE x (client_id bigint, id bigserial, PRIMARY KEY (id));', 1],
    ['a primary key without it', 'CREATE TABLE x (client_id bigint NOT NULL, id bigserial PRIMARY KEY);', 1],
    ['a foreign key without it', `CREATE TABLE y (${key});\nCREATE TABLE x (${key}, n bigint REFERENCES notes (id));`, 2],
    ['a unique index without it', `CREATE TABLE x (${key}, e text);\nCREATE UNIQUE INDEX ON x (e);`, 2],
    ['the key dropped', 'ALTER TABLE tasks DROP COLUMN client_id;', 1],
    ['not null dropped', 'ALTER TABLE tasks ALTER COLUMN client_id DROP NOT NULL;', 1],
  ]) {
    const app = newApp({ 'tenant/0002_x.sql': sql });
    const r = await app.run(['lint']);
    assert.equal(r.status, 1, `${what}\n${r.stdout}`);
    assert.match(r.stdout, new RegExp(`^tenant/000[12]_\\w+\\.sql:\\d+:\\d+: error: `, 'm'), what);
    assert.match(r.stdout, new RegExp(`^tenant/0002_x\\.sql:${line}:`, 'm'), `${what}\n${r.stdout}`);
  }
});

test('what the fittings put right is a warning, which stops nothing', async () => {
  const app = newApp({ 'tenant/0002_view.sql': 'CREATE VIEW mine AS SELECT client_id, title FROM notes;' });
  const r = await app.run(['lint']);
  assert.equal(r.status, 0);
  assert.match(r.stdout, /tenant\/0002_view\.sql:1:\d+: warning: view mine would run as its owner/);
  assert.match(r.stdout, /fix: ALTER VIEW mine SET \(security_invoker = on\);/);
  await app.ok(['migrate']);
});

test('what it does not understand is said, not guessed', async () => {
  const app = newApp({ 'tenant/0002_new.sql': 'CREATE TABLE x (client_id bigint NOT NULL) NOVEL SYNTAX;' });
  const r = await app.run(['lint']);
  assert.match(r.stdout, /tenant\/0002_new\.sql:1:\d+: (error|warning): .*not understood/);
});
