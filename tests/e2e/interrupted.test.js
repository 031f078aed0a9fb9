// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at every step of a tenant's life (src/base/step.h) and at random moments: each verb can be repeated, or left to
// `rowhouse migrate`, and ends well.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { ROOT, sleep, startApp, until } from './lib/harness.js';
import { start } from './lib/processes.js';

const MODELS = ['shared', 'schema', 'database'];
const CREATE = { 'create.entered': MODELS, 'create.assigned': MODELS, 'create.database': ['database'], 'create.made': MODELS, 'create.settled': MODELS };
const DROP = { 'drop.begun': MODELS, 'drop.sessions': MODELS, 'drop.dumped': MODELS, 'drop.noted': MODELS, 'drop.home': MODELS, 'drop.ended': MODELS };
const ROWS = ['load.committed', 'reference.brought']; // killed at in reference.test.js
const VERIFY = ['verify.marked', 'verify.filled']; // killed at in verify.test.js
// what a database home's creation goes through when the database is there already
const ADOPT = ['create.entered', 'create.assigned', 'adopt.taken', 'create.database', 'adopt.prepared', 'adopt.moved_in', 'create.made', 'create.settled'];
const STANDBY = ['standby.entered', 'standby.made', 'standby.migrated', 'standby.ready'];
const LEAVE = ['standby.leaving', 'standby.dropped'];
const GIVE = ['create.given'];
const CHANGE = ['suspend.changed', 'resume.changed', 'rename.changed'];

let host, app, catalog, shared, lastId = 0;
const neighbours = []; // [slug, tenant's session, its notes]: kept open, since a check comes after every step

before(async () => {
  host = await startApp({ files: makeApp() });
  const files = makeApp({ name: 'cut' }), text = files['tenant/0001_notes.sql'], at = text.indexOf('CREATE FUNCTION');
  files['tenant/0001_notes.sql'] = text.slice(0, at); // a database from before has nothing of Rowhouse's in it
  files['tenant/0002_finish.sql'] = text.slice(at);
  app = host.sibling({ files }); // no server watches it, so drops need not wait for one
  app.oldTables = files['tenant/0001_notes.sql'];
  await app.ok(['migrate']);
  catalog = await app.sql('operator', { database: app.catalog });
  shared = await app.sql('operator');
  for (const model of MODELS) {
    const { id, slug, home } = await make(`neighbour-${model}`, model);
    neighbours.push([slug, await app.sql('server', { tenant: id, database: home.database }), `${home.schema}.notes`]);
  }
});
after(async () => {
  await app?.stop();
  await host?.stop();
});

async function make(slug, model) {
  await app.ok(['tenant', 'create', slug, '--model', model]);
  return note(slug);
}

const show = async (ref) => JSON.parse(await app.ok(['tenant', 'show', ref, '--json']));

async function note(slug) {
  const t = await show(slug), { id, home } = t;
  const sql = await app.sql('operator', { database: home.database });
  await sql.query(`INSERT INTO ${home.schema}.notes (client_id, title) VALUES ($1, $2)`, [id, `kept by ${slug}`]);
  await sql.end();
  return t;
}

/** Runs the command and has it killed at a step. */
async function killAt(step, args) {
  const r = await app.run(args, { env: { RH_KILL_AT: step } });
  assert.equal(r.signal, 'SIGKILL', `${args.join(' ')} came past ${step}\n${r.stderr}`);
}

/** Nothing is left over, nobody lacks anything: homes, schemas and databases are those of the tenants. */
async function check() {
  const { rows } = await catalog.query('SELECT t.id, t.slug, t.state, h.model, h.database, h.schema FROM rowhouse.tenants t LEFT JOIN rowhouse.homes h ON h.id = t.home ORDER BY t.id');
  for (const t of rows) assert.equal(t.state, 'active', t.slug);
  const of = (model) => rows.filter((t) => t.model === model);
  const homes = await catalog.query("SELECT model, database, schema FROM rowhouse.homes WHERE model <> 'shared' ORDER BY id");
  assert.equal(homes.rowCount, rows.length - of('shared').length, 'a home for each, and no more');
  const schemas = await shared.query("SELECT nspname FROM pg_namespace WHERE nspname ~ '^h_' ORDER BY 1");
  assert.deepEqual(schemas.rows.map((r) => r.nspname), of('schema').map((t) => t.schema).sort());
  const databases = await shared.query("SELECT datname FROM pg_database WHERE datname ~ '^cut_h_' ORDER BY 1");
  assert.deepEqual(databases.rows.map((r) => r.datname), of('database').map((t) => t.database).sort());
  const clients = await shared.query('SELECT id FROM clients ORDER BY id');
  assert.deepEqual(clients.rows.map((r) => r.id), of('shared').map((t) => t.id));
  const applied = await shared.query("SELECT DISTINCT home FROM rowhouse.applied_migrations WHERE home <> 0 AND set = 'tenant'");
  assert.equal(applied.rowCount, 1 + of('schema').length);
  for (const [slug, session, notes] of neighbours) assert.deepEqual((await session.query(`SELECT title FROM ${notes}`)).rows, [{ title: `kept by ${slug}` }]);
  // a backend ends a moment after its client
  await until(async () => (await catalog.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).rowCount === 0, { what: 'the end of all locks' });
}

/** The dumps of a tenant; each can be read. */
async function dumps(slug) {
  const dir = path.join(app.state, 'dumps');
  const files = fs.existsSync(dir) ? fs.readdirSync(dir).filter((f) => f.startsWith(`${slug}-`)) : [];
  for (const file of files)
    if (file.endsWith('.dump')) {
      const listed = await start('pg_restore', ['-l', path.join(dir, file)]).done;
      assert.equal(listed.status, 0, listed.stderr);
      assert.match(listed.stdout, /TABLE DATA \S+ notes/);
    } else {
      assert.match(file, /\.sql$/, 'nothing half-written is left');
      const text = fs.readFileSync(path.join(dir, file), 'utf8');
      assert.ok(text.includes(`kept by ${slug}`) && text.endsWith('COMMIT;\n'));
    }
  return files;
}

test('every step of the source is killed at here', () => {
  const files = fs.readdirSync(path.join(ROOT, 'src'), { recursive: true }).filter((f) => f.endsWith('.c'));
  const found = files.flatMap((f) => [...fs.readFileSync(path.join(ROOT, 'src', f), 'utf8').matchAll(/rh_step\("([^"]+)"\)/g)].map((m) => m[1]));
  const own = found.filter((step) => !step.startsWith('node.')); // nodes.test.js has those
  assert.deepEqual([...new Set(own)].sort(), [...new Set([...Object.keys(CREATE), ...Object.keys(DROP), ...ADOPT, 'adopt.compared', ...STANDBY, ...LEAVE, ...GIVE, ...CHANGE, ...ROWS, ...VERIFY])].sort());
});

describe('create', () => {
  for (const [step, models] of Object.entries(CREATE))
    for (const model of models)
      test(`of a ${model} home, killed at ${step}`, async () => {
        for (const [how, args] of [['again', ['tenant', 'create', 'cut-again', '--model', model]], ['migrate', ['migrate']]]) {
          const slug = `cut-${how}`;
          if (how === 'migrate') await shared.query('DELETE FROM rowhouse.home_scripts'); // a schema is made step by step
          await killAt(step, ['tenant', 'create', slug, '--model', model]);
          const half = await show(slug);
          assert.ok(['pending', 'provisioning'].includes(half.state), half.state);
          await app.ok(args);
          const t = await show(slug);
          assert.deepEqual([t.id, t.state, t.home.model], [half.id, 'active', model]);
          assert.equal(await app.psql(slug, 'SELECT name FROM clients'), slug);
          await check();
          await app.ok(['tenant', 'drop', slug, '--yes', '--no-dump']);
        }
        await check();
      });

  test('an interrupted one is taken up by the same wishes only', async () => {
    await killAt('create.entered', ['tenant', 'create', 'half', '--model', 'schema', '--profile', 'plan=gold', '--name', 'Half']);
    for (const other of [[], ['--model', 'database'], ['--model', 'schema'], ['--model', 'schema', '--name', 'Half', '--profile', 'plan=silver'], ['--model', 'schema', '--name', 'Half', '--id', '99']]) {
      const r = await app.run(['tenant', 'create', 'half', ...other]);
      assert.equal(r.status, 3, other.join(' '));
      assert.match(r.stderr, /there is a tenant with the slug half already/);
    }
    const id = (await app.ok(['tenant', 'create', 'half', '--model', 'schema', '--profile', 'plan=gold', '--name', 'Half'])).trim();
    assert.equal(String((await show('half')).id), id);
    assert.equal((await app.run(['tenant', 'create', 'half', '--model', 'schema', '--profile', 'plan=gold', '--name', 'Half'])).status, 3, 'one that ended is there already');
    await app.ok(['tenant', 'drop', 'half', '--yes', '--no-dump']);
  });

  test('a given id is not met again after an interruption', async () => {
    const { rows } = await catalog.query('SELECT max(id)::bigint + 1 AS next FROM rowhouse.tenants');
    const id = String(BigInt(rows[0].next) + 1000n);
    await killAt('create.entered', ['tenant', 'create', 'given', '--id', id]);
    const next = (await app.ok(['tenant', 'create', 'after-given'])).trim();
    assert.ok(BigInt(next) > BigInt(id), next);
    await app.ok(['migrate']);
    for (const slug of ['given', 'after-given']) await app.ok(['tenant', 'drop', slug, '--yes', '--no-dump']);
    await check();
  });
});

describe('drop', () => {
  for (const [step, models] of Object.entries(DROP))
    for (const model of models)
      test(`of a ${model} home, killed at ${step}`, async () => {
        for (const [how, args] of [['again', ['tenant', 'drop', `${step.replace('.', '-')}-${model}-again`, '--yes']], ['migrate', ['migrate']]]) {
          const slug = `${step.replace('.', '-')}-${model}-${how}`;
          const { id } = await make(slug, model);
          await killAt(step, ['tenant', 'drop', slug, '--yes']);
          if (step !== 'drop.ended') assert.equal((await show(slug)).state, 'dropping');
          await app.ok(args);
          assert.equal((await app.run(['tenant', 'show', slug])).status, 3);
          assert.equal((await dumps(slug)).length, 1);
          await check();
          const kept = await catalog.query('SELECT dump, ended_at FROM rowhouse.drops WHERE tenant = $1', [String(id)]);
          assert.ok(kept.rows[0].ended_at && fs.existsSync(kept.rows[0].dump));
          const audit = await catalog.query("SELECT 1 FROM rowhouse.audit WHERE tenant = $1 AND action = 'drop'", [String(id)]);
          assert.equal(audit.rowCount, 1);
        }
      });

  test('without a dump stays without one, whoever ends it', async () => {
    for (const model of MODELS) {
      await make(`plain-${model}`, model);
      await killAt('drop.begun', ['tenant', 'drop', `plain-${model}`, '--yes', '--no-dump']);
      assert.match((await app.run(['migrate'])).stderr, /tenants dropped: 1, failed: 0/);
      assert.deepEqual(await dumps(`plain-${model}`), []);
    }
    await check();
  });

  test('one that is not dropping any more when it is its turn stays', async () => {
    const { id } = await make('back', 'schema');
    const holder = await app.sql('operator', { database: app.catalog });
    const set = (state) => holder.query('UPDATE rowhouse.tenants SET state = $1 WHERE id = $2', [state, id]);
    await holder.query('SET rowhouse.verb = on');
    await holder.query("SELECT pg_advisory_lock(hashtext('rowhouse tenant'), hashtext($1))", [String(id)]);
    await set('dropping');
    const run = app.spawn(['migrate']);
    await until(async () => (await catalog.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).rowCount, { what: 'the wait for the lock' });
    await set('active');
    await holder.end();
    assert.equal((await run.done).status, 0, run.stderr());
    assert.equal(await app.psql('back', 'SELECT title FROM notes'), 'kept by back');
    await check();
    await app.ok(['tenant', 'drop', 'back', '--yes', '--no-dump']);
  });

  test('a row that was deleted by hand is a drop, too', async () => {
    await make('by-hand', 'schema');
    await catalog.query("DELETE FROM rowhouse.tenants WHERE slug = 'by-hand'");
    assert.match((await app.run(['migrate'])).stderr, /tenant by-hand is dropped/);
    assert.equal((await dumps('by-hand')).length, 1);
    await check();
  });
});

describe('adopt', () => {
  /** A database as it was before Rowhouse, with a table that the app does not know. */
  async function old(database, id) {
    const admin = await app.sql('admin', { database: 'postgres' });
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.end();
    const sql = await app.sql('admin', { database });
    await sql.query(app.oldTables + `INSERT INTO clients VALUES (${id}, 'before'); INSERT INTO notes (client_id, title) VALUES (${id}, 'kept by ${database}'); CREATE TABLE odd ()`);
    await sql.end();
  }

  for (const step of ADOPT)
    test(`killed at ${step}`, async () => {
      const how = ADOPT.indexOf(step) % 2 ? 'again' : 'migrate', slug = `cut-${how}`, database = `cut_h_${how}`, id = 900 + (lastId += 1);
      await old(database, id);
      const args = ['tenant', 'adopt', database, '--id', String(id), '--slug', slug, '--version', '1'];
      await killAt(step, args);
      assert.ok(['pending', 'provisioning'].includes((await show(slug)).state));
      await app.ok(how === 'again' ? args : ['migrate']);
      const t = await show(slug);
      assert.deepEqual([t.id, t.state, t.home.database, t.home.tenant_version], [id, 'active', database, 2]);
      assert.equal(await app.psql(slug, 'SELECT title FROM notes'), `kept by ${database}`);
      await check();
      assert.equal(await app.ok(args), `${id}\n`, 'and again, when there is nothing to do');
      await app.ok(['tenant', 'drop', slug, '--yes', '--no-dump']);
      await check();
    });

  test('killed while it compares', async () => {
    const compared = async () => (await shared.query("SELECT 1 FROM pg_database WHERE datname = 'rowhouse_check_cut'")).rowCount;
    await old('cut_h_looked', 898);
    const args = ['tenant', 'adopt', 'cut_h_looked', '--id', '898', '--version', '1'];
    await killAt('adopt.compared', [...args, '--dry-run']);
    assert.equal(await compared(), 1);
    await app.ok(args);
    assert.equal(await compared(), 0);
    await app.ok(['tenant', 'drop', 'cut-h-looked', '--yes', '--no-dump']);
    await check();
  });

  test('a tenant that is dropped before its database was taken over leaves that alone', async () => {
    await old('cut_h_left', 899);
    await killAt('create.assigned', ['tenant', 'adopt', 'cut_h_left', '--id', '899', '--version', '1']);
    await app.ok(['tenant', 'drop', 'cut-h-left', '--yes']);
    const sql = await app.sql('admin', { database: 'cut_h_left' });
    assert.equal((await sql.query('SELECT title FROM notes')).rows[0].title, 'kept by cut_h_left');
    await sql.end();
    const admin = await app.sql('admin', { database: 'postgres' });
    await admin.query('DROP DATABASE cut_h_left');
    await check();
  });
});

test('suspend, resume and rename, killed when they are done, can be repeated', async () => {
  for (const model of MODELS) {
    const slug = `changed-${model}`;
    await make(slug, model);
    for (const [step, args, state] of [['suspend.changed', ['suspend', slug], 'suspended'], ['resume.changed', ['resume', slug], 'active'], ['rename.changed', ['rename', slug, `${slug}-x`], 'active']]) {
      await killAt(step, ['tenant', ...args]);
      await app.ok(['tenant', ...args]);
      assert.equal((await show(step === 'rename.changed' ? `${slug}-x` : slug)).state, state);
    }
    await app.ok(['tenant', 'drop', `${slug}-x`, '--yes', '--no-dump']);
  }
  await check();
});

describe('homes that stand by', () => {
  const keep = (n) => ['migrate', '--set', `provision.standby=${n}`];
  const standing = async () => JSON.parse(await app.ok(['tenant', 'standby', '--json']));

  test('making and dropping them, killed at each step, is gone on with', async () => {
    for (const [i, step] of STANDBY.entries()) {
      await killAt(step, keep(1));
      await app.ok(keep(1));
      assert.deepEqual((await standing()).map((h) => [h.model, h.state, h.failure]).sort(), [['database', 'ready', null], ['schema', 'ready', null]], step);
      await killAt(LEAVE[i % LEAVE.length], keep(0));
      await app.ok(keep(0));
      assert.deepEqual(await standing(), []);
      await check();
    }
  });

  for (const model of ['schema', 'database'])
    test(`a ${model} home is given away once, killed when it is given or settled`, async () => {
      for (const step of [...GIVE, 'create.settled'])
        for (const [how, args] of [['again', ['tenant', 'create', 'given-again', '--model', model]], ['migrate', ['migrate']]]) {
          await app.ok(keep(1));
          const home = (await standing()).find((h) => h.model === model);
          const slug = `given-${how}`;
          await killAt(step, ['tenant', 'create', slug, '--model', model, '--set', 'provision.standby=1']);
          const half = await show(slug);
          assert.deepEqual([half.state, half.home.number], ['provisioning', home.home]);
          await app.ok(args);
          const t = await show(slug);
          assert.deepEqual([t.id, t.state, t.home.number], [half.id, 'active', home.home]);
          assert.equal(await app.psql(slug, 'SELECT name FROM clients'), slug);
          await app.ok(['tenant', 'drop', slug, '--yes', '--no-dump']);
        }
      await app.ok(keep(0));
      await check();
    });
});

test('at random moments', async () => {
  const cut = async (args, ms) => {
    const p = app.spawn(args);
    await sleep(ms);
    p.kill('SIGKILL');
    await p.done;
  };
  for (const model of MODELS)
    for (let i = 0; i < Number(process.env.RH_RANDOM_KILLS ?? 4); i++) {
      const slug = `random-${model}-${i}`;
      await cut(['tenant', 'create', slug, '--model', model], 20 + Math.random() * 250);
      await app.run(['migrate']);
      await app.run(['tenant', 'create', slug, '--model', model]); // when it was cut before it began
      await note(slug);
      await check();
      await cut(['tenant', 'drop', slug, '--yes'], 20 + Math.random() * 300);
      await app.ok(i % 2 ? ['migrate'] : ['tenant', 'drop', slug, '--yes']);
      await app.ok(['tenant', 'drop', slug, '--yes']);
      assert.equal((await dumps(slug)).length, 1);
      await check();
    }
});

test('two at once on the same tenant: one does it, the other finds it done', async () => {
  for (const model of MODELS) {
    const slug = `twice-${model}`;
    await killAt('create.entered', ['tenant', 'create', slug, '--model', model]);
    const made = await Promise.all([app.run(['tenant', 'create', slug, '--model', model]), app.run(['migrate']), app.run(['tenant', 'create', slug, '--model', model])]);
    assert.equal(made[1].status, 0, made[1].stderr);
    for (const r of [made[0], made[2]]) assert.ok(r.status === 0 || /already/.test(r.stderr), r.stderr);
    await check();
    const gone = await Promise.all([1, 2, 3].map(() => app.run(['tenant', 'drop', slug, '--yes', '--no-dump'])));
    for (const r of gone) assert.equal(r.status, 0, r.stderr);
    await check();
  }
});
