// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { sleep, startApp, until } from './lib/harness.js';

let host; // its PostgreSQL serves the apps of all tests here
let count = 0;

before(async () => {
  host = await startApp({ files: makeApp({ name: 'host' }) });
});
after(() => host?.stop());

/** A new app on the host's server with these tenant migrations beside the usual ones; migrated when asked for. */
async function newApp(files = {}, { migrated = true, settings } = {}) {
  const app = host.sibling({ files: { ...makeApp({ name: `m${++count}` }), ...files }, settings });
  if (migrated) await app.ok(['migrate']);
  return app;
}

/** Runs `rowhouse migrate`, which must fail; gives what it said. */
async function failed(app) {
  const r = await app.run(['migrate']);
  assert.equal(r.status, 1, r.stderr);
  assert.equal(r.stdout, '');
  return r.stderr;
}

async function applied(app, set = 'tenant') {
  const sql = await app.sql('operator');
  const { rows } = await sql.query('SELECT number FROM rowhouse.applied_migrations WHERE set = $1 ORDER BY 1', [set]);
  return rows.map((r) => r.number);
}

async function exists(app, relation) {
  const sql = await app.sql('operator');
  return (await sql.query('SELECT to_regclass($1) IS NOT NULL AS yes', [relation])).rows[0].yes;
}

test('files are applied in the order of their numbers, gaps allowed, whatever the order in the directory', async () => {
  const app = await newApp({
    'tenant/0010_b.sql': "INSERT INTO steps (step) VALUES ('10');",
    'tenant/0002_table.sql': `CREATE TABLE steps (client_id bigint NOT NULL DEFAULT 0, n bigserial, step text NOT NULL, PRIMARY KEY (client_id, n));
ALTER TABLE steps ALTER COLUMN client_id DROP DEFAULT, ALTER COLUMN client_id SET DEFAULT 1;`,
    'tenant/0009_a.sql': "INSERT INTO steps (step) VALUES ('9');",
    'tenant/0100_c.sql': "INSERT INTO steps (step) VALUES ('100');",
  });
  assert.equal(await app.psql(null, 'SELECT string_agg(step, $$,$$ ORDER BY n) FROM steps'), '9,10,100');
  assert.deepEqual(await applied(app), [1, 2, 9, 10, 100]);
  const again = await app.run(['migrate']);
  assert.equal(again.status, 0);
  assert.match(again.stderr, /catalog 0001 \(0 new\), reference 0001 \(0 new\), tenant 0100 \(0 new\), 0 fittings/);
});

test('an applied file that was changed is named, and nothing is done', async () => {
  const app = await newApp();
  app.write({
    'tenant/0001_notes.sql': makeApp()['tenant/0001_notes.sql'] + '\n-- changed afterwards\n',
    'tenant/0002_more.sql': 'CREATE TABLE more (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));',
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0001_notes\.sql has changed since it was applied/);
  assert.match(said, /hint: Restore it as it was, and put the change into a new migration/);
  assert.equal(await exists(app, 'public.more'), false);
});

for (const [set, file] of [['catalog', 'catalog/0001_profile.sql'], ['reference', 'reference/0001_colours.sql']]) {
  test(`a changed file of the set ${set} is named too`, async () => {
    const app = await newApp();
    app.write({ [file]: makeApp()[file] + '-- x\n' });
    assert.match(await failed(app), new RegExp(`${file.replace('.', '\\.')} has changed since it was applied`));
  });
}

test('an applied file that is gone is named', async () => {
  const app = await newApp({ 'tenant/0002_gone.sql': 'COMMENT ON TABLE notes IS $$x$$;' });
  app.write({ 'tenant/0002_gone.sql': null });
  const said = await failed(app);
  assert.match(said, /migration tenant\/0002_gone is applied but its file is gone/);
  assert.match(said, /hint: Bring the file back/);
});

test('a file older than what is applied is refused', async () => {
  const app = await newApp({ 'tenant/0005_five.sql': 'COMMENT ON TABLE notes IS $$x$$;' });
  app.write({ 'tenant/0003_late.sql': 'COMMENT ON TABLE notes IS $$late$$;' });
  const said = await failed(app);
  assert.match(said, /tenant\/0003_late\.sql is older than migration 0005, which is applied already/);
  assert.match(said, /hint: Give it a number above 5/);
  assert.deepEqual(await applied(app), [1, 5]);
});

test('file names that do not fit are errors', async () => {
  for (const name of ['2_short.sql', '0002-dash.sql', '0002_Upper Case.sql', '0001_twice.sql', '0000_zero.sql']) {
    const app = await newApp({ [`tenant/${name}`]: 'SELECT 1;' }, { migrated: false });
    const said = await failed(app);
    assert.match(said, new RegExp(name.replaceAll('.', '\\.')), name);
  }
});

test('all pending files are one transaction: when the second fails, the first is not applied', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_first.sql': 'CREATE TABLE first (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));',
    'tenant/0003_second.sql': 'CREATE TABLE second (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));\nSELECT 1 / 0;\n',
  });
  assert.match(await failed(app), /tenant\/0003_second\.sql:2: division by zero/);
  assert.deepEqual(await applied(app), [1]);
  assert.equal(await exists(app, 'public.first'), false);

  app.write({ 'tenant/0003_second.sql': 'COMMENT ON TABLE first IS $$mended$$;' });
  await app.ok(['migrate']);
  assert.deepEqual(await applied(app), [1, 2, 3]);
  const sql = await app.sql('operator', { database: app.catalog });
  const { rows } = await sql.query("SELECT state, from_version, to_version, error FROM rowhouse.run_steps WHERE set = 'tenant' ORDER BY run");
  assert.deepEqual(rows.map((r) => [r.state, r.from_version, r.to_version]), [['done', 0, 1], ['failed', 1, 3], ['done', 1, 3]]);
  assert.match(rows[1].error, /0003_second\.sql:2/);
});

test('no-transaction files run outside, the files around them in transactions of their own', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_column.sql': 'ALTER TABLE notes ADD COLUMN colour text;',
    'tenant/0003_index.sql': '-- Fast by colour.\n-- rowhouse: no-transaction\nCREATE INDEX CONCURRENTLY notes_colour ON notes (client_id, colour);\n',
    'tenant/0004_after.sql': 'COMMENT ON INDEX notes_colour IS $$used$$;',
  });
  assert.match(await app.ok(['migrate', 'status']), /tenant +version 0001 of 0004, pending:\n {2}tenant\/0002_column\.sql\n {2}tenant\/0003_index\.sql \(no transaction\)\n {2}tenant\/0004_after\.sql/);
  await app.ok(['migrate']);
  assert.equal(await exists(app, 'public.notes_colour'), true);
  assert.deepEqual(await applied(app), [1, 2, 3, 4]);

  app.write({
    'tenant/0005_ok.sql': 'ALTER TABLE notes ADD COLUMN kept text;',
    'tenant/0006_bad.sql': '-- rowhouse: no-transaction\nCREATE INDEX CONCURRENTLY nope ON notes (client_id, nothing);\n',
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0006_bad\.sql:2: column "nothing" does not exist/);
  assert.match(said, /hint: .*outside a transaction/s);
  assert.deepEqual(await applied(app), [1, 2, 3, 4, 5]);
});

test('a new table has its walls even when a no-transaction file after it fails', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_table.sql': 'CREATE TABLE late (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));',
    'tenant/0003_bad.sql': '-- rowhouse: no-transaction\nSELECT 1 / 0;\n',
  });
  assert.match(await failed(app), /0003_bad\.sql:2: division by zero/);
  const sql = await app.sql('operator');
  const { rows } = await sql.query("SELECT relforcerowsecurity AS forced, (SELECT count(*)::int FROM pg_policy WHERE polrelid = c.oid) AS policies FROM pg_class c WHERE oid = 'public.late'::regclass");
  assert.deepEqual(rows, [{ forced: true, policies: 2 }]);
});

test('a table made by a no-transaction file is never open, also when the file fails after it', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_alone.sql': `-- rowhouse: no-transaction
CREATE TABLE alone (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));
SELECT 1 / 0;
`,
  });
  assert.match(await failed(app), /0002_alone\.sql:3: division by zero/);
  assert.equal(await exists(app, 'public.alone'), true);
  const server = await app.sql('server', { tenant: 1 });
  await assert.rejects(server.query('SELECT * FROM public.alone'), { code: '42501' });
});

test('an unknown directive is an error that names the file', async () => {
  const app = await newApp({ 'tenant/0002_x.sql': '-- rowhouse: no-transactions\nSELECT 1;\n' }, { migrated: false });
  assert.match(await failed(app), /tenant\/0002_x\.sql.*no-transactions/s);
});

test('an error in the third statement: file, line, the statement, PostgreSQL\'s message, detail and hint', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_bad.sql': `-- Three statements.
ALTER TABLE notes ADD COLUMN a integer;

ALTER TABLE notes ADD COLUMN b integer;

SELECT
  note_id,
  titel
FROM tasks;
`,
  });
  const said = await failed(app);
  assert.match(said, /^rowhouse: tenant\/0002_bad\.sql:8: column "titel" does not exist \(SQLSTATE 42703\)$/m);
  assert.match(said, /^ {2}SELECT\n {4}note_id,\n {4}titel\n {2}FROM tasks$/m); // the statement
  assert.match(said, /hint: Perhaps you meant to reference the column "tasks\.title"\./);
});

test('an error\'s detail is shown, and the line is the statement\'s where PostgreSQL names none', async () => {
  const app = await newApp();
  const id = (await app.ok(['tenant', 'create', 'acme'])).trim();
  app.write({
    'tenant/0002_bad.sql': `INSERT INTO notes (client_id, id, title) VALUES (${id}, 1, 'a');


INSERT INTO notes (client_id, id, title) VALUES (${id}, 1, 'b');
`,
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_bad\.sql:4: duplicate key value violates unique constraint "notes_pkey"/);
  assert.match(said, new RegExp(`Key \\(client_id, id\\)=\\(${id}, 1\\) already exists`));
  assert.match(said, /INSERT INTO notes \(client_id, id, title\) VALUES \(\d+, 1, 'b'\)/);
  assert.equal(await app.psql(null, 'SELECT count(*) FROM notes'), '0');
});

test('an error in a function body is found on its line', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_function.sql': `-- one; two
SELECT 'a;b', $$ ; $$;
CREATE FUNCTION broken() RETURNS bigint LANGUAGE sql
BEGIN ATOMIC
  SELECT count(*) FROM notes;
  SELECT count(*) FROM notez;
END;
`,
  });
  assert.match(await failed(app), /tenant\/0002_function\.sql:6: relation "notez" does not exist/);

  app.write({
    'tenant/0002_function.sql': `CREATE FUNCTION broken() RETURNS bigint LANGUAGE plpgsql AS $f$
BEGIN
  RETURN 1;
  RETRUN 2;
END $f$;
`,
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_function\.sql:\d: syntax error at or near "RETRUN"/);
  assert.match(said, /tenant\/0002_function\.sql:4:/);
});

test('an error raised inside a function that a migration calls says where', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_raise.sql': `CREATE FUNCTION checks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'not today' USING DETAIL = 'it is closed', HINT = 'Come tomorrow.';
END $$;

SELECT checks();
`,
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_raise\.sql:6: not today/);
  assert.match(said, /it is closed/);
  assert.match(said, /PL\/pgSQL function .*checks\(\) line 3 at RAISE/);
  assert.match(said, /SELECT checks\(\)/);
  assert.match(said, /hint: Come tomorrow\./);
});

test('a syntax error is found on its line', async () => {
  const app = await newApp();
  app.write({ 'tenant/0002_typo.sql': 'ALTER TABLE notes ADD COLUMN a integer;\n\nCREATE TABEL x ();\n' });
  assert.match(await failed(app), /tenant\/0002_typo\.sql:3: syntax error at or near "TABEL"/);
});

test('a backfill over all tenants works under forced row security, and a foreign key can be added', async () => {
  const app = await newApp();
  for (const slug of ['one', 'two']) {
    await app.ok(['tenant', 'create', slug]);
    await app.psql(slug, "INSERT INTO notes (id, title) VALUES (1, 'n1'), (2, 'n2'); INSERT INTO tasks (note_id, title) VALUES (1, 't')");
  }
  app.write({
    'tenant/0002_backfill.sql': `ALTER TABLE notes ADD COLUMN shout text;
UPDATE notes SET shout = upper(title) || client_id;
ALTER TABLE notes ALTER COLUMN shout SET NOT NULL;
CREATE TABLE pins (client_id bigint NOT NULL, id bigserial, note_id bigint NOT NULL, PRIMARY KEY (client_id, id));
INSERT INTO pins (client_id, note_id) SELECT client_id, id FROM notes;
ALTER TABLE pins ADD FOREIGN KEY (client_id, note_id) REFERENCES notes (client_id, id);
`,
  });
  await app.ok(['migrate']);
  assert.equal(await app.psql(null, "SELECT string_agg(shout, ',' ORDER BY shout) FROM notes"), 'N11,N12,N21,N22');
  assert.equal(await app.psql('two', 'SELECT count(*), min(client_id), max(client_id) FROM pins'), '2|2|2');
  // the next one hands over tables that belong to the owner by now
  app.write({ 'tenant/0003_again.sql': 'UPDATE pins SET note_id = 1;\nALTER TABLE pins ADD COLUMN why text;' });
  await app.ok(['migrate']);
  assert.equal(await app.psql(null, 'SELECT count(*) FROM pins WHERE note_id = 1'), '4');
});

test('an upgrade keeps data, and the doors that are open serve what is new', async () => {
  const app = await newApp();
  await app.start();
  await app.ok(['tenant', 'create', 'acme']);
  const made = await app.http('POST', '/notes', { tenant: 'acme', body: { title: 'kept' } });
  assert.equal(made.status, 201);
  assert.equal((await app.http('GET', '/notes?select=mood', { tenant: 'acme' })).status, 400);
  app.write({ 'tenant/0002_mood.sql': "ALTER TABLE notes ADD COLUMN mood text NOT NULL DEFAULT 'calm';" });
  await app.ok(['migrate']);
  const seen = await until(async () => {
    const r = await app.http('GET', '/notes?select=title,mood', { tenant: 'acme' });
    return r.status === 200 && r.json;
  }, { ms: 3000 });
  assert.deepEqual(seen, [{ title: 'kept', mood: 'calm' }]);
  await app.stop();
});

test('of two runs at once the second waits, or says who is running', async () => {
  const app = await newApp();
  app.write({ 'tenant/0002_slow.sql': 'SELECT pg_sleep(2.5);\nALTER TABLE notes ADD COLUMN slow text;' });
  const first = app.spawn(['migrate']);
  await until(() => first.stderr().includes('tenant: 1 migration'), { what: 'the first run\'s migration' });
  const [impatient, patient] = [app.spawn(['migrate', '--wait', '0']), app.spawn(['migrate'])];
  const refused = await impatient.done;
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, new RegExp(`another run is at work: migrate \\(process ${first.pid} on .*, since `));
  assert.match(refused.stderr, /hint: Wait for it to end/);
  assert.equal((await first.done).status, 0);
  const second = await patient.done;
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stderr, new RegExp(`waiting for another run: migrate \\(process ${first.pid} on `));
  assert.match(second.stderr, /tenant 0002 \(0 new\)/);
});

test('kill -9 in the middle of a run: the next one does it all', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_first.sql': 'ALTER TABLE notes ADD COLUMN first text;',
    'tenant/0003_slow.sql': 'SELECT pg_sleep(30);\nALTER TABLE notes ADD COLUMN slow text;',
  });
  const run = app.spawn(['migrate']);
  const admin = await app.sql('admin');
  const sleeping = () => admin.query("SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'SELECT pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()", [app.name]);
  const { rows } = await until(async () => {
    const r = await sleeping();
    return r.rowCount && r;
  }, { what: 'the sleeping migration' });
  run.kill('SIGKILL');
  assert.equal((await run.done).signal, 'SIGKILL');
  // PostgreSQL notices a client that is gone when the statement ends: shorten that, as time would
  await admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  assert.deepEqual(await applied(app), [1]);
  app.write({ 'tenant/0003_slow.sql': 'ALTER TABLE notes ADD COLUMN slow text;' });
  const again = await app.run(['migrate']);
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual(await applied(app), [1, 2, 3]);
  const catalog = await app.sql('operator', { database: app.catalog });
  const outcomes = await catalog.query('SELECT outcome FROM rowhouse.runs ORDER BY id');
  assert.deepEqual(outcomes.rows.map((r) => r.outcome), ['done', 'interrupted', 'done']);
});

test('Ctrl-C in the middle of a run rolls it back', async () => {
  const app = await newApp();
  app.write({ 'tenant/0002_slow.sql': 'ALTER TABLE notes ADD COLUMN slow text;\nSELECT pg_sleep(30);' });
  const run = app.spawn(['migrate']);
  await until(() => run.stderr().includes('tenant: 1 migration'), { what: 'the migration' });
  await sleep(200);
  run.kill('SIGINT');
  const ended = await run.done;
  assert.equal(ended.status, 130);
  assert.match(ended.stderr, /interrupted/);
  const admin = await app.sql('admin');
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()", [app.name]);
  app.write({ 'tenant/0002_slow.sql': 'ALTER TABLE notes ADD COLUMN slow text;' });
  await app.ok(['migrate']);
  assert.deepEqual(await applied(app), [1, 2]);
});

test('status says what each set has and what is pending, and changes nothing', async () => {
  const app = await newApp({}, { migrated: false });
  const before = await app.run(['migrate', 'status']);
  assert.equal(before.status, 0, before.stderr);
  assert.equal(before.stdout, `catalog    version 0000 of 0001, pending:
  catalog/0001_profile.sql
reference  version 0000 of 0001, pending:
  reference/0001_colours.sql
tenant     version 0000 of 0001, pending:
  tenant/0001_notes.sql
`);
  const admin = await host.sql('admin', { database: 'postgres' });
  assert.equal((await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [app.name])).rowCount, 0);
  await app.ok(['migrate']);
  assert.equal(await app.ok(['migrate', 'status']), 'catalog    version 0001 of 0001\nreference  version 0001 of 0001\ntenant     version 0001 of 0001\n');
});

test('new makes the next file of a set, and never overwrites one', async () => {
  const app = await newApp({ 'tenant/0041_x.sql': 'SELECT 1;' }, { migrated: false });
  assert.equal(await app.ok(['migrate', 'new', 'tenant', 'add_colour']), 'tenant/0042_add_colour.sql\n');
  const text = fs.readFileSync(path.join(app.dir, 'tenant/0042_add_colour.sql'), 'utf8');
  assert.ok(text.split('\n').every((line) => line === '' || line.startsWith('--')), text);
  assert.equal(await app.ok(['migrate', 'new', 'tenant', 'add_colour']), 'tenant/0043_add_colour.sql\n');
  assert.equal(await app.ok(['migrate', 'new', 'reference', 'more']), 'reference/0002_more.sql\n');
  const status = JSON.parse(await app.ok(['migrate', 'status', '--json']));
  assert.deepEqual(status.tenant, { version: 0, newest: 43, pending: ['tenant/0001_notes.sql', 'tenant/0041_x.sql', 'tenant/0042_add_colour.sql', 'tenant/0043_add_colour.sql'] });
  assert.deepEqual(JSON.parse(await app.ok(['migrate', 'new', 'tenant', 'gone', '--json'])), { file: 'tenant/0044_gone.sql' });
  fs.rmSync(path.join(app.dir, 'tenant/0044_gone.sql'));
  const early = await app.run(['migrate']); // applied now, they could not be written any more
  assert.equal(early.status, 1);
  assert.match(early.stderr, /reference\/0002_more\.sql holds no statement yet\n.*hint: Write the migration, or remove the file/);
  for (const file of ['reference/0002_more', 'tenant/0042_add_colour', 'tenant/0043_add_colour']) fs.appendFileSync(path.join(app.dir, `${file}.sql`), 'SELECT 1;\n');
  app.write({ 'tenant/0044_nothing.sql': '-- left empty on purpose\n' });
  const { tenant_version, tenants_failed } = JSON.parse(await app.ok(['migrate', '--json']));
  assert.deepEqual([tenant_version, tenants_failed], [44, 0]);
  assert.deepEqual(await applied(app), [1, 41, 42, 43, 44]);
  for (const args of [['new', 'tenant'], ['new', 'nowhere', 'x'], ['new', 'tenant', 'Bad Name'], ['new', 'tenant', '../x'], ['sideways']]) {
    const r = await app.run(['migrate', ...args]);
    assert.equal(r.status, 2, args.join(' ') + r.stderr);
    assert.match(r.stderr, /hint: /, args.join(' '));
  }
});

test('the catalog is the app\'s to extend: columns and views of its own', async () => {
  const app = await newApp({
    'catalog/0002_view.sql': `CREATE VIEW customers AS SELECT id, slug, name, plan FROM rowhouse.tenants WHERE state = 'active';
CREATE TABLE plans (name text PRIMARY KEY, price integer NOT NULL);
`,
  });
  await app.ok(['tenant', 'create', 'acme', '--profile', 'plan=gold']);
  const sql = await app.sql('operator', { database: app.catalog });
  assert.deepEqual((await sql.query('SELECT slug, plan FROM public.customers')).rows, [{ slug: 'acme', plan: 'gold' }]);
  const owners = await sql.query("SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relname IN ('customers', 'plans')");
  assert.deepEqual(owners.rows, [{ owner: `${app.name}_owner` }]);
});

test('COPY from the client in a migration is refused by name', async () => {
  const app = await newApp();
  app.write({ 'tenant/0002_copy.sql': 'SELECT 1;\nCOPY notes FROM STDIN;\n' });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_copy\.sql:2: COPY from or to the client cannot stand in a migration/);
});

test('BEGIN and COMMIT inside a migration do not break the one transaction', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_commit.sql': 'ALTER TABLE notes ADD COLUMN c1 text;\nCOMMIT;\nALTER TABLE notes ADD COLUMN c2 text;\n',
    'tenant/0003_fails.sql': 'SELECT 1 / 0;\n',
  });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_commit\.sql:2/);
  assert.deepEqual(await applied(app), [1]);
  const sql = await app.sql('operator');
  const { rows } = await sql.query("SELECT attname FROM pg_attribute WHERE attrelid = 'notes'::regclass AND attname IN ('c1', 'c2')");
  assert.deepEqual(rows, []);
});

test('a migration does not leave its settings to the files after it', async () => {
  const app = await newApp();
  app.write({
    'tenant/0002_path.sql': "SET search_path = reference;\nSELECT set_config('search_path', '', false);\nSET LOCAL work_mem = '64kB';",
    'tenant/0003_table.sql': `CREATE TABLE here (client_id bigint NOT NULL, id bigserial, PRIMARY KEY (client_id, id));
DO $$ BEGIN ASSERT current_setting('work_mem') <> '64kB'; END $$;
`,
    'tenant/0004_alone.sql': "-- rowhouse: no-transaction\nSET search_path = reference;\nSELECT 1;\n",
    'tenant/0005_alone.sql': '-- rowhouse: no-transaction\nCREATE INDEX CONCURRENTLY here_index ON here (client_id);\n',
  });
  await app.ok(['migrate']);
  assert.equal(await exists(app, 'public.here'), true);
  assert.deepEqual(await applied(app), [1, 2, 3, 4, 5]);
});

test('migrations cannot become another role', async () => {
  const app = await newApp({ 'tenant/0002_role.sql': 'SET ROLE postgres;' }, { migrated: false });
  const said = await failed(app);
  assert.match(said, /tenant\/0002_role\.sql:1/);
});

test('two first runs at once make one app', async () => {
  const app = await newApp({}, { migrated: false });
  const runs = await Promise.all([app.run(['migrate']), app.run(['migrate']), app.run(['migrate'])]);
  for (const r of runs) assert.equal(r.status, 0, r.stderr);
  assert.equal(runs.filter((r) => /tenant 0001 \(1 new\)/.test(r.stderr)).length, 1);
});
