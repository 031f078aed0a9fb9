// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

let app;

before(async () => {
  app = await startApp({ files: makeApp() });
  for (const slug of ['one', 'two']) {
    await app.ok(['tenant', 'create', slug]);
    await app.psql(slug, `INSERT INTO notes (id, title, body) VALUES (1, '${slug}-a', 'with, comma'), (2, '${slug}-b', NULL)`);
  }
});
after(() => app?.stop());

const run = (tenant, args, options) => app.run(['psql', ...(tenant ? [tenant] : []), '--', '-X', ...args], options);

test('the operator sees all tenants and says whose rows it writes', async () => {
  assert.equal(await app.psql(null, 'SELECT client_id, title FROM notes ORDER BY 2'), '1|one-a\n1|one-b\n2|two-a\n2|two-b');
  const tables = await run(null, ['-Atc', '\\dt']);
  for (const table of ['public|clients|', 'public|notes|', 'public|tasks|', 'reference|colours|']) assert.ok(tables.stdout.includes(table), table + tables.stdout);
  await app.psql(null, "INSERT INTO notes (client_id, id, title) VALUES (2, 3, 'by the operator')");
  const r = await run(null, ['-c', "INSERT INTO notes (id, title) VALUES (3, 'whose?')"]);
  assert.equal(r.status, 1);
  assert.match(r.stderr, /no tenant is bound to this session/);
  assert.match(r.stderr, /HINT:.*rowhouse psql TENANT/);
  await app.psql(null, 'DELETE FROM notes WHERE id = 3');
});

test('the operator is no superuser', async () => {
  for (const sql of ['CREATE ROLE x', "COPY (SELECT 1) TO PROGRAM 'id'", "SELECT pg_read_file('/etc/passwd')", 'ALTER ROLE tiny_operator SUPERUSER', 'SET ROLE postgres'])
    assert.notEqual((await run(null, ['-c', sql])).status, 0, sql);
});

test('a tenant, by slug or id, sees its own world', async () => {
  for (const ref of ['two', '2']) assert.equal(await app.psql(ref, 'SELECT * FROM notes ORDER BY id'), '2|1|two-a|with, comma|0||\n2|2|two-b||0||');
  assert.equal(await app.psql('one', 'SELECT * FROM clients'), '1|one|');
  assert.equal(await app.psql('one', 'SELECT count(*) FROM colours'), '2');
  const r = await run('two', ['-At'], { input: '\\dt\n\\d notes\nSELECT count(*) FROM notes;\n' });
  assert.equal(r.status, 0, r.stderr);
  for (const seen of ['|notes|', '|tasks|', '|colours|', '2\n']) assert.ok(r.stdout.includes(seen), seen);
  assert.ok(!r.stdout.includes('applied_migrations'));
});

test('INSERT fills the key, and refuses another', async () => {
  assert.equal(await app.psql('two', "INSERT INTO notes (id, title) VALUES (10, 'filled') RETURNING client_id"), '2');
  for (const sql of ["INSERT INTO notes (client_id, id, title) VALUES (1, 11, 'x')", 'UPDATE notes SET client_id = 1', "INSERT INTO clients (id, name) VALUES (9, 'x')", 'DELETE FROM clients']) {
    const r = await run('two', ['-c', sql]);
    assert.equal(r.status, 1, sql);
    assert.match(r.stderr, /row-level security policy|permission denied/, sql);
  }
  assert.equal((await run('two', ['-c', 'DELETE FROM notes WHERE id = 10'])).stdout, 'DELETE 1\n');
  assert.equal((await run('two', ['-c', "UPDATE notes SET body = 'y' WHERE client_id = 1"])).stdout, 'UPDATE 0\n');
});

test('\\copy in both directions shows and takes only the tenant\'s rows', async () => {
  const file = path.join(app.state, 'out.csv');
  const out = await run('one', ['-c', `\\copy notes TO '${file}' WITH (FORMAT csv)`]);
  assert.equal(out.status, 0, out.stderr);
  assert.deepEqual(fs.readFileSync(file, 'utf8').trim().split('\n').sort(), ['1,1,one-a,"with, comma",0,,', '1,2,one-b,,0,,']);
  const stdout = await run('two', ['-c', '\\copy (SELECT title FROM notes ORDER BY 1) TO STDOUT']);
  assert.equal(stdout.stdout, 'two-a\ntwo-b\n');
  // COPY FROM is not for roles under row security: PostgreSQL says so, and INSERT or `rowhouse load` do it
  const into = await run('one', ['-c', '\\copy notes (id, title) FROM STDIN'], { input: '20\tx\n' });
  assert.equal(into.status, 1);
  assert.match(into.stderr, /COPY FROM not supported with row-level security/);
});

test('\\copy by the operator loads rows of many tenants', async () => {
  const file = path.join(app.state, 'in.csv');
  fs.writeFileSync(file, '1,30,copied,,0,,\n2,30,copied,,0,,\n');
  const r = await run(null, ['-c', `\\copy notes FROM '${file}' WITH (FORMAT csv)`]);
  assert.equal(r.status, 0, r.stderr);
  assert.equal(r.stdout, 'COPY 2\n');
  assert.equal(await app.psql('two', 'SELECT title FROM notes WHERE id = 30'), 'copied');
});

test('the exit status is psql\'s', async () => {
  assert.equal((await run('one', ['-c', 'SELECT 1'])).status, 0);
  assert.equal((await run('one', ['-c', 'SELECT nonsense'])).status, 1);
  assert.equal((await run('one', ['-v', 'ON_ERROR_STOP=1'], { input: 'SELECT nonsense;\n' })).status, 3);
  assert.equal((await run('one', ['--no-such-option'])).status, 1);
  assert.equal((await run('one', ['-f', '/nowhere.sql'])).status, 1);
});

test('everything after -- is psql\'s, whatever it looks like', async () => {
  const r = await app.run(['psql', 'one', '--', '-X', '-A', '-t', '-F', '--', '--set=x=y', '-c', 'SELECT 1, 2', '-c', '\\echo :x', '--app'], { input: '' });
  assert.equal(r.status, 1, '--app is not psql\'s');
  const fine = await app.run(['psql', 'one', '--', '-X', '-A', '-t', '-F', '--', '--set=x=y', '-c', 'SELECT 1, 2', '-c', '\\echo :x']);
  assert.equal(fine.status, 0, fine.stderr);
  assert.equal(fine.stdout, '1--2\ny\n');
  const file = path.join(app.state, 'script.sql');
  fs.writeFileSync(file, 'SELECT title FROM notes WHERE id = 1;\n\\echo done\n');
  assert.equal((await run('two', ['-Atf', file])).stdout, 'two-a\ndone\n');
});

test('another database is on the same server, as the same role', async () => {
  const r = await run(null, ['-d', app.catalog, '-Atc', 'SELECT current_database(), current_user']);
  assert.equal(r.stdout, `${app.catalog}|${app.name}_operator\n`, r.stderr);
});

test('stdin is a script', async () => {
  const r = await run('two', ['-At'], { input: 'BEGIN;\nDELETE FROM notes WHERE id = 2;\nSELECT count(*) FROM notes WHERE id < 10;\nROLLBACK;\nSELECT count(*) FROM notes WHERE id < 10;\n' });
  assert.equal(r.status, 0, r.stderr);
  assert.equal(r.stdout, 'BEGIN\nDELETE 1\n1\nROLLBACK\n2\n');
});

test('unknown tenants, and names that try to be more than a name', async () => {
  for (const ref of ['nobody', '99', "one' -c rowhouse.tenant=2", '2 -c x=y', '--', '']) {
    const r = await app.run(ref === '--' ? ['psql', 'x', '--', '-c', 'SELECT 1'] : ['psql', ref, '--', '-c', 'SELECT 1']);
    assert.equal(r.status, 3, ref);
    assert.match(r.stderr, /there is no tenant with the id or slug/);
    assert.match(r.stderr, /hint: `rowhouse tenant list` shows them\./);
  }
});

test('the user\'s own PG variables do not lead elsewhere', async () => {
  const env = {
    PGHOST: '/nowhere', PGHOSTADDR: '192.0.2.1', PGPORT: '1', PGUSER: 'postgres', PGDATABASE: 'postgres', PGOPTIONS: '-c rowhouse.tenant=1',
    PGPASSWORD: 'x', PGSERVICE: 'nowhere', PGREQUIREPEER: 'nobody', PGTARGETSESSIONATTRS: 'read-only', PGSSLMODE: 'verify-full', PGCONNECT_TIMEOUT: 'x',
  };
  const r = await run('two', ['-Atc', 'SELECT current_user, current_database(), rowhouse.tenant_id()'], { env });
  assert.equal(r.stdout, 'tiny_server|tiny|2\n', r.stderr);
});

test('a suspended tenant\'s rows are still the operator\'s to look at', async () => {
  await app.ok(['tenant', 'suspend', 'two']);
  assert.equal(await app.psql('two', 'SELECT count(*) FROM notes WHERE id < 10'), '2');
  await app.ok(['tenant', 'resume', 'two']);
});
