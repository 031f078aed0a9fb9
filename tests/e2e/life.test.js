// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { BIN, secondServer, sleep, startApp, until } from './lib/harness.js';
import { start } from './lib/processes.js';

const MODELS = ['shared', 'schema', 'database'];
const SECOND = 1000; // within which servers follow
let app;

before(async () => {
  app = await startApp({ files: makeApp() });
});
after(() => app?.stop());

const show = async (ref, on = app) => JSON.parse(await on.ok(['tenant', 'show', ref, '--json']));

async function refused(args, status, said, on = app) {
  const r = await on.run(['tenant', ...args]);
  assert.equal(r.status, status, `${args.join(' ')}: ${r.stderr}`);
  assert.match(r.stderr, said, args.join(' '));
}

let serial = 0;
/** A tenant with a note and a task: {id, slug, database, schema}. */
async function make(model, on = app) {
  const slug = `${model}-${++serial}`;
  const id = (await on.ok(['tenant', 'create', slug, '--model', model, '--profile', 'plan=gold'])).trim();
  const { home } = await show(slug, on);
  const sql = await on.sql('operator', { database: home.database });
  await sql.query(`INSERT INTO ${home.schema}.notes (client_id, id, title, tags, extra) VALUES ($1, 7, $2, '{a,"b c"}', '{"k": null}')`, [id, `tab\tline\n\\. ${slug}`]);
  await sql.query(`INSERT INTO ${home.schema}.tasks (client_id, id, note_id, title) VALUES ($1, 9, 7, 'do')`, [id]);
  return { id, slug, database: home.database, schema: home.schema };
}

/** What a request to a data door gives: [status, code]. */
async function ask(door, token, target = '/notes') {
  const r = await fetch(door + target, { headers: { Authorization: `Bearer ${token}` } });
  const json = await r.json();
  return [r.status, json.code ?? null];
}

test('suspend: 403 within a second on every server, in every model; resume: served again', async () => {
  const other = await secondServer(app);
  const doors = [app.data, other.data];
  for (const model of MODELS) {
    const { slug, id } = await make(model);
    const token = await app.token(slug);
    for (const door of doors) assert.deepEqual(await ask(door, token), [200, null], model);
    await app.ok(['tenant', 'suspend', slug, '--reason', 'unpaid']);
    const since = Date.now();
    for (const door of doors)
      await until(async () => (await ask(door, token)).join() === '403,tenant_suspended', { ms: SECOND - (Date.now() - since), every: 10, what: '403' });
    await app.ok(['tenant', 'suspend', slug]); // again: fine
    const t = await show(id);
    assert.equal(t.state, 'suspended');
    assert.deepEqual(t.audit[0].detail, { from: 'active', to: 'suspended', reason: 'unpaid' });
    assert.equal(t.audit.filter((a) => a.detail.to === 'suspended').length, 1);
    for (const round of [1, 2]) {
      const out = JSON.parse(await app.ok(['tenant', 'resume', slug, '--json']));
      assert.equal(out.state, 'active', `round ${round}`);
    }
    for (const door of doors) await until(async () => (await ask(door, token))[0] === 200, { ms: SECOND, every: 10 });
  }
  await other.stop();
});

describe('suspend ends what is under way', () => {
  for (const model of MODELS)
    test(`in a ${model} home: the statement is gone, the client gets 403, others wait on and get theirs`, async () => {
      const [victim, ...others] = [await make(model), await make(model), await make('shared')];
      const locks = [];
      for (const t of [victim, ...others]) {
        const sql = await app.sql('operator', { database: t.database });
        await sql.query('BEGIN');
        await sql.query(`LOCK TABLE ${t.schema}.notes IN ACCESS EXCLUSIVE MODE`);
        locks.push(sql);
        if (model === 'shared') break; // they have one table
      }
      const get = (t) => app.token(t.slug).then((token) => ask(app.data, token));
      const post = (t) => app.http('POST', '/notes', { tenant: t.slug, body: { title: 'late' } });
      const victims = [get(victim), post(victim).then((r) => [r.status, r.json?.code])];
      const patient = others.map(get);
      await app.token(victim.slug);
      await sleep(300);
      await app.ok(['tenant', 'suspend', victim.slug]);
      const since = Date.now();
      assert.deepEqual(await Promise.all(victims), [[403, 'tenant_suspended'], [403, 'tenant_suspended']]);
      assert.ok(Date.now() - since < 2 * SECOND, `${Date.now() - since} ms`);
      const admin = await app.sql('admin', { database: victim.database });
      const waiting = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'tiny_server' AND wait_event_type = 'Lock' AND datname = current_database()";
      await until(async () => (await admin.query(waiting)).rows[0].n === (model === 'database' ? 0 : 2), { what: 'the end of its statements, and only of those' });
      for (const sql of locks) await sql.query('COMMIT');
      for (const answer of await Promise.all(patient)) assert.deepEqual(answer, [200, null]);
      assert.equal(await app.psql(null, `SELECT 1`), '1');
      const rows = await locks[0].query(`SELECT title FROM ${victim.schema}.notes WHERE client_id = $1 AND title = 'late'`, [victim.id]);
      assert.equal(rows.rowCount, 0, 'what was refused was not done');
    });

  test('with one connection for all: what stands behind it is done, whatever was hit', async () => {
    const narrow = app.sibling({ files: makeApp({ name: 'narrow' }), settings: ['data.connections=1', 'data.threads=1'] });
    await narrow.start();
    for (const slug of ['bad', 'good']) await narrow.ok(['tenant', 'create', slug]);
    const tokens = { bad: await narrow.token('bad'), good: await narrow.token('good') };
    const lock = await narrow.sql('operator');
    for (let round = 0; round < 5; round++) {
      await lock.query('BEGIN');
      await lock.query('LOCK TABLE notes IN ACCESS EXCLUSIVE MODE');
      const send = (slug, i) => narrow.http('POST', '/notes', { token: tokens[slug], body: { title: `${round}-${i}` } }).then((r) => [slug, r.status]);
      const sent = Array.from({ length: 16 }, (_, i) => send(i % 2 ? 'good' : 'bad', i));
      await sleep(150);
      await narrow.ok(['tenant', 'suspend', 'bad']);
      await sleep(400);
      await lock.query('COMMIT');
      const answers = await Promise.all(sent);
      assert.deepEqual(answers.filter(([slug]) => slug === 'good').map((a) => a[1]), Array(8).fill(201));
      const done = answers.filter(([slug, status]) => slug === 'bad' && status === 201).length;
      assert.ok(answers.some(([slug, status]) => slug === 'bad' && status === 403));
      for (const [, status] of answers) assert.ok([201, 403].includes(status), String(status));
      const { rows } = await lock.query("SELECT c.name, count(n.*)::int AS n FROM clients c LEFT JOIN notes n ON n.client_id = c.id AND n.title LIKE $1 GROUP BY 1 ORDER BY 1", [`${round}-%`]);
      assert.deepEqual(rows, [{ name: 'bad', n: done }, { name: 'good', n: 8 }], 'each write is there once, or was refused');
      await narrow.ok(['tenant', 'resume', 'bad']);
      await until(async () => (await ask(narrow.data, tokens.bad))[0] === 200);
    }
    await narrow.stop();
  });
});

test('suspend and resume know the states they may come from', async () => {
  const sql = await app.sql('operator', { database: app.catalog });
  await sql.query("INSERT INTO rowhouse.tenants (slug, name) VALUES ('early', 'early')");
  await refused(['suspend', 'early'], 3, /is pending\n.*hint: Only a tenant that is active can become suspended/);
  await refused(['resume', 'early'], 3, /is pending\n.*hint: Only a tenant that is suspended can become active/);
  for (const verb of ['suspend', 'resume', 'rename', 'drop']) {
    await refused([verb], 2, /which one\?/);
    await refused([verb, 'nobody', ...(verb === 'rename' ? ['x'] : verb === 'drop' ? ['--yes'] : [])], 3, /there is no tenant with the id or slug "nobody"/);
  }
  await refused(['suspend', 'early', 'late'], 2, /what is late\?/);
  await app.ok(['tenant', 'drop', 'early', '--yes']);
});

describe('rename', () => {
  test('slug and name; the old slug is refused within a second and is free', async () => {
    const by = app.sibling({ files: makeApp({ name: 'byslug' }), settings: ['auth.claim_holds=slug'] });
    await by.start();
    for (const model of MODELS) {
      const slug = `old-${model}`, next = `new-${model}`;
      const id = (await by.ok(['tenant', 'create', slug, '--model', model])).trim();
      const token = await by.token(slug);
      assert.deepEqual(await ask(by.data, token), [200, null]);
      await by.ok(['tenant', 'rename', slug, next, '--name', 'Neu & Söhne']);
      await until(async () => (await ask(by.data, token)).join() === '403,unknown_tenant', { ms: SECOND, every: 10, what: '403 for the old slug' });
      assert.deepEqual(await ask(by.data, await by.token(next)), [200, null]);
      const t = await show(next, by);
      assert.deepEqual([String(t.id), t.name, t.state], [id, 'Neu & Söhne', 'active']);
      assert.deepEqual(t.audit[0].detail, { from: slug, to: next, from_name: slug, to_name: 'Neu & Söhne' });
      await by.ok(['tenant', 'rename', slug, next]); // again, by a slug that is gone: done already
      await by.ok(['tenant', 'rename', id, next]);
      assert.equal((await show(id, by)).audit.length, t.audit.length, 'nothing was done twice');
      await by.ok(['tenant', 'create', slug]);
      await refused(['rename', next, slug], 3, /there is a tenant with the slug old-\w+ already/, by);
    }
    await by.stop();
  });

  test('what cannot be a slug or a name is refused', async () => {
    const { slug } = await make('shared');
    await refused(['rename', slug], 2, /to which slug or name\?/);
    await refused(['rename', slug, 'Bad Slug'], 1, /cannot be a slug/);
    await refused(['rename', slug, '--name', ''], 1, /the name is empty/);
    await app.ok(['tenant', 'rename', slug, '--name', "O'Neill 東京"]);
    assert.equal((await show(slug)).name, "O'Neill 東京");
  });
});

/** psql or pg_restore as the admin on a database; must succeed. */
async function tool(name, args, on = app) {
  const r = await start(name, args.map((a) => a.replace('$CONN', on.conninfo))).done;
  assert.equal(r.status, 0, `${name}: ${r.stderr}`);
  return r.stdout.trim();
}

describe('drop', () => {
  for (const model of MODELS)
    test(`of a ${model} home: sessions ended, home gone, nobody else touched, and the dump brings it back`, async () => {
      const t = await make(model), neighbour = await make(model);
      const token = await app.token(t.slug);
      await app.token(neighbour.slug);
      const contents = async () => [
        (await app.http('GET', '/clients?select=id,name,plan', { token })).json,
        (await app.http('GET', '/notes?select=*', { token })).json,
        (await app.http('GET', '/tasks?select=*', { token })).json,
      ];
      const had = await contents();
      assert.equal(had[1].length, 1);
      const session = app.spawn(['psql', t.slug, '--', '-c', 'SELECT pg_sleep(60)']);
      const admin = await app.sql('admin', { database: app.catalog });
      await until(async () => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [`rowhouse psql ${t.id}`])).rowCount === 1);

      const r = await app.run(['tenant', 'drop', t.slug, '--yes']);
      assert.equal(r.status, 0, r.stderr);
      assert.notEqual((await session.done).status, 0, 'its psql was ended');
      const dump = r.stdout.trim();
      assert.equal(path.dirname(dump), path.join(app.state, 'dumps'));
      assert.match(path.basename(dump), new RegExp(`^${t.slug}-${t.id}-\\d{8}T\\d{6}Z\\.(sql|dump)$`));
      assert.equal(fs.statSync(dump).mode & 0o777, 0o600);
      assert.deepEqual(fs.readdirSync(path.dirname(dump)).filter((f) => f.endsWith('.part')), []);
      assert.deepEqual(await ask(app.data, token), [403, 'unknown_tenant']);
      await refused(['show', t.slug], 3, /there is no tenant/);
      assert.equal((await app.http('GET', '/notes', { tenant: neighbour.slug })).json.length, 1);
      const { rows: audit } = await admin.query('SELECT action, detail FROM rowhouse.audit WHERE tenant = $1 ORDER BY id DESC LIMIT 3', [t.id]);
      assert.deepEqual(audit.map((a) => a.action), ['drop', 'dump', 'state']);
      assert.deepEqual([audit[0].detail.slug, audit[0].detail.dump, audit[0].detail.model], [t.slug, dump, model]);
      assert.equal((await admin.query('SELECT 1 FROM rowhouse.homes WHERE database = $1 AND schema = $2', [t.database, t.schema])).rowCount, model === 'shared' ? 1 : 0);

      if (model === 'shared') {
        assert.equal(await app.psql(null, `SELECT (SELECT count(*) FROM clients WHERE id = ${t.id}) + (SELECT count(*) FROM notes WHERE client_id = ${t.id})`), '0');
        await tool('psql', ['-Xq', '-d', `$CONN dbname=${app.name}`, '-f', dump]);
        assert.equal(await app.ok(['tenant', 'adopt', '--from', 'clients']), '1\n');
        await until(async () => (await ask(app.data, token))[0] === 200, { ms: SECOND });
        assert.deepEqual(await contents(), had, 'brought back, under its id');
      } else if (model === 'schema') {
        assert.equal(await app.psql(null, `SELECT count(*) FROM pg_namespace WHERE nspname = '${t.schema}'`), '0');
        await tool('pg_restore', ['--exit-on-error', '-d', `$CONN dbname=${app.name}`, dump]);
        assert.equal(await app.psql(null, `SELECT title FROM ${t.schema}.notes`), had[1][0].title);
        assert.equal(await app.psql(null, `SELECT count(*) FROM ${t.schema}.open_tasks`), '1');
        await app.psql(null, `DROP SCHEMA ${t.schema} CASCADE`);
      } else {
        assert.equal((await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [t.database])).rowCount, 0);
        await admin.query('CREATE DATABASE restored');
        await tool('pg_restore', ['--exit-on-error', '-d', '$CONN dbname=restored', dump]);
        assert.equal(await tool('psql', ['-XqAt', '-d', '$CONN dbname=restored', '-c', "SELECT n.title || t.title FROM notes n JOIN tasks t ON t.note_id = n.id"]), `${had[1][0].title}do`);
        await admin.query('DROP DATABASE restored');
      }
    });

  test('--no-dump keeps nothing', async () => {
    for (const model of MODELS) {
      const t = await make(model);
      const before = fs.existsSync(path.join(app.state, 'dumps')) ? fs.readdirSync(path.join(app.state, 'dumps')).length : 0;
      const out = JSON.parse(await app.ok(['tenant', 'drop', t.slug, '--yes', '--no-dump', '--json']));
      assert.deepEqual([String(out.id), out.slug, out.state, out.dump], [t.id, t.slug, 'dropped', null]);
      assert.equal(fs.existsSync(path.join(app.state, 'dumps')) ? fs.readdirSync(path.join(app.state, 'dumps')).length : 0, before);
    }
  });

  test('asks for the slug on a terminal, and refuses to guess without one', async () => {
    const t = await make('schema');
    await refused(['drop', t.slug], 3, new RegExp(`Tenant ${t.slug} .* will be gone; a dump is kept.\n.*nobody can be asked whether that is meant\n.*--yes`));
    const typed = async (text) => {
      const command = [BIN, 'tenant', 'drop', t.id, '--app', app.dir, '--data', app.state].map((w) => `'${w}'`).join(' ');
      const pty = start('script', ['-qec', command, '/dev/null'], { input: null });
      await until(() => new RegExp(`Type ${t.slug} to go on: $`).test(pty.stdout()), { what: 'the question' });
      pty.child.stdin.write(`${text}\n`);
      return pty.done;
    };
    const no = await typed('yes');
    assert.equal(no.status, 3);
    assert.match(no.stdout, /not confirmed; nothing was done/);
    assert.equal((await show(t.slug)).state, 'active');
    const yes = await typed(t.slug);
    assert.equal(yes.status, 0, yes.stdout);
    await refused(['show', t.slug], 3, /there is no tenant/);
  });

  test('the slug is free again, the id never: old tokens open nothing', async () => {
    for (const model of MODELS) {
      const t = await make(model);
      const old = await app.token(t.slug);
      await app.ok(['tenant', 'drop', t.id, '--yes', '--no-dump']);
      const next = (await app.ok(['tenant', 'create', t.slug, '--model', model])).trim();
      assert.notEqual(next, t.id);
      assert.deepEqual(await ask(app.data, old), [403, 'unknown_tenant']);
      await refused(['create', 'again', '--id', t.id], 3, /the id \d+ was a tenant's that was dropped/);
      const r = await app.run(['tenant', 'drop', t.id, '--yes']);
      assert.match(r.stderr, /was dropped before; there is no dump/);
      assert.equal(r.status, 0, 'again: done already');
      assert.equal((await show(next)).slug, t.slug, 'and its successor is not touched');
    }
  });

  test('rows of the catalog set that hold the tenant are found before anything is lost', async () => {
    const held = app.sibling({
      files: { ...makeApp({ name: 'held' }), 'catalog/0002_bills.sql': 'CREATE TABLE public.bills (tenant bigint NOT NULL REFERENCES rowhouse.tenants (id), amount integer);\n' },
    });
    await held.ok(['migrate']);
    await held.ok(['tenant', 'create', 'debtor', '--model', 'schema']);
    const sql = await held.sql('operator', { database: held.catalog });
    await sql.query("INSERT INTO public.bills SELECT id, 5 FROM rowhouse.tenants WHERE slug = 'debtor'");
    await refused(['drop', 'debtor', '--yes'], 3, /violates foreign key constraint[\s\S]*hint: Tables of the catalog set refer to the tenant/, held);
    const t = await show('debtor', held);
    assert.equal(t.state, 'active');
    assert.equal(await held.psql(null, `SELECT count(*) FROM ${t.home.schema}.clients`), '1');
    await sql.query('DELETE FROM public.bills');
    await held.ok(['tenant', 'drop', 'debtor', '--yes']);
    await held.stop();
  });

  test('a dump that cannot be made stops the drop; --no-dump goes on', async () => {
    const t = await make('database');
    const dumps = path.join(app.state, 'dumps');
    fs.rmSync(dumps, { recursive: true, force: true });
    fs.writeFileSync(dumps, 'in the way');
    await refused(['drop', t.slug, '--yes'], 1, /dump of tenant|dumps/);
    assert.equal((await show(t.slug)).state, 'dropping');
    await refused(['rename', t.slug, 'other'], 3, /is being dropped/);
    await app.ok(['tenant', 'drop', t.slug, '--yes', '--no-dump']);
    fs.rmSync(dumps);
    const admin = await app.sql('admin', { database: app.catalog });
    assert.equal((await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [t.database])).rowCount, 0);
  });
});

describe('a home that has the name of something else', () => {
  test('is refused, and its drop leaves that alone', async () => {
    const admin = await app.sql('admin', { database: app.name });
    await admin.query('CREATE SCHEMA precious; CREATE TABLE precious.t AS SELECT 1 AS a');
    await (await app.sql('admin', { database: app.catalog })).query('CREATE DATABASE precious');
    const cases = [['schema', 'precious', /schema precious exists and is not this home's/], ['database', 'precious', /database precious exists and/], ['database', app.catalog, /database tiny_catalog exists and is not this home's/]];
    for (const [model, home, said] of cases) {
      await refused(['create', 'thief', '--model', model, '--home', home], 3, said);
      const t = await show('thief');
      assert.equal(t.state, 'failed');
      assert.match(t.failure, said);
      assert.equal((await app.run(['migrate'])).status, 1, 'tried again, and failed again');
      await app.ok(['tenant', 'drop', 'thief', '--yes']);
    }
    assert.equal((await admin.query('SELECT a FROM precious.t')).rowCount, 1);
    assert.equal((await admin.query("SELECT 1 FROM pg_database WHERE datname IN ('precious', 'tiny_catalog')")).rowCount, 2);
    assert.equal((await app.run(['migrate'])).status, 0);
    await admin.query('DROP SCHEMA precious CASCADE');
    await (await app.sql('admin', { database: app.catalog })).query('DROP DATABASE precious');
  });
});

test('a provision that fails is kept with its reason and retried, in every model', async () => {
  const good = makeApp()['tenant/on_create.sql'];
  for (const model of MODELS) {
    app.write({ 'tenant/on_create.sql': `${good}SELECT 1 / 0;\n` });
    await refused(['create', `unlucky-${model}`, '--model', model], 1, /on_create\.sql:2: division by zero/);
    const t = await show(`unlucky-${model}`);
    assert.equal(t.state, 'failed');
    assert.match(t.failure, /on_create\.sql:2: division by zero/);
    const still = await app.run(['migrate']);
    assert.equal(still.status, 1);
    assert.match(still.stderr, /tenants given their place: 0, failed: 1/);
    app.write({ 'tenant/on_create.sql': good });
    assert.match((await app.run(['migrate'])).stderr, /tenants given their place: 1, failed: 0/);
    const mended = await show(`unlucky-${model}`);
    assert.deepEqual([mended.state, mended.failure, mended.home.number], ['active', null, t.home.number]);
    assert.equal((await app.http('GET', '/clients', { tenant: `unlucky-${model}` })).json.length, 1);
    await app.ok(['tenant', 'drop', `unlucky-${model}`, '--yes', '--no-dump']);
  }
});

test('list: model, node, version, size and state, for people and as JSON, on the command line and the control door', async () => {
  const made = {};
  for (const model of MODELS) made[model] = await make(model);
  const lists = [JSON.parse(await app.ok(['tenant', 'list', '--json'])), (await app.http('GET', '/tenants?limit=10000', { door: 'control' })).json];
  for (const list of lists)
    for (const model of MODELS) {
      const t = list.find((one) => one.slug === made[model].slug);
      assert.deepEqual([t.model, t.node, t.version, t.state], [model, 'first', 1, 'active']);
      if (model === 'shared') assert.equal(t.size, null, 'its tables are many tenants\'');
      else assert.ok(t.size > 50000 && t.size < 100e6, `${model}: ${t.size}`);
    }
  const catalog = await app.sql('operator', { database: app.name });
  const total = Number((await catalog.query("SELECT sum(pg_total_relation_size(c)) FROM unnest('{clients,notes,tasks}'::regclass[]) c")).rows[0].sum);
  const shared = JSON.parse(await app.ok(['tenant', 'list', '--json', '--sizes'])).filter((t) => t.model === 'shared');
  const sum = shared.reduce((n, t) => n + t.size, 0);
  assert.ok(Math.abs(sum - total) < shared.length, `${sum} of ${total} bytes`);
  await catalog.query("INSERT INTO notes (client_id, id, title) SELECT $1, i, repeat('x', 1000) FROM generate_series(1001, 1500) i", [made.shared.id]);
  const after = JSON.parse(await app.ok(['tenant', 'list', '--json', '--sizes'])).find((t) => t.slug === made.shared.slug);
  assert.ok(after.size > 500000 && after.size < 1e6, String(after.size));
  const table = await app.ok(['tenant', 'list']);
  assert.match(table, /^ *id +slug +name +state +model +node +version +size +created/);
  assert.match(table, new RegExp(`^ *${made.schema.id} +${made.schema.slug} .* active +schema +first +1 +\\d+ kB +20`, 'm'));
});

describe('the control door', () => {
  const control = (method, target, body) => app.http(method, target, { door: 'control', body });

  test('suspend, resume, rename and drop', async () => {
    for (const model of MODELS) {
      const t = await make(model);
      const token = await app.token(t.slug);
      let r = await control('POST', `/tenants/${t.slug}/suspend`, { reason: 'unpaid' });
      assert.deepEqual([r.status, r.json.state, r.json.audit[0].detail.reason], [200, 'suspended', 'unpaid']);
      await until(async () => (await ask(app.data, token)).join() === '403,tenant_suspended', { ms: SECOND, every: 10 });
      r = await control('POST', `/tenants/${t.id}/resume`);
      assert.deepEqual([r.status, r.json.state], [200, 'active']);
      r = await control('POST', `/tenants/${t.slug}/rename`, { slug: `${t.slug}-x`, name: 'X' });
      assert.deepEqual([r.status, r.json.slug, r.json.name], [200, `${t.slug}-x`, 'X']);
      for (const body of [undefined, {}, { confirm: t.slug }, { confirm: t.id }, { confirm: 7 }, { confirm: `${t.slug}-x`, dump: 'no' }]) {
        r = await control('DELETE', `/tenants/${t.slug}-x`, body);
        assert.equal(r.status, 400, JSON.stringify(body));
      }
      r = await control('DELETE', `/tenants/${t.slug}-x`, { confirm: `${t.slug}-x` });
      assert.deepEqual([r.status, r.json.state, r.json.slug], [200, 'dropped', `${t.slug}-x`]);
      assert.ok(fs.existsSync(r.json.dump));
      r = await control('DELETE', `/tenants/${t.slug}-x`, { confirm: `${t.slug}-x` });
      assert.equal(r.status, 200, 'again: done already');
      assert.equal((await control('GET', `/tenants/${t.slug}-x`)).status, 404);
    }
  });

  test('what is not there, not understood or in the way', async () => {
    const t = await make('shared');
    for (const [method, target, body, status] of [
      ['POST', '/tenants/nobody/suspend', undefined, 404], ['POST', '/tenants/nobody/resume', undefined, 404],
      ['POST', '/tenants/nobody/rename', { slug: 'x' }, 404], ['DELETE', '/tenants/nobody', { confirm: 'nobody' }, 404],
      ['POST', `/tenants/${t.slug}/suspend`, { reason: 5 }, 400], ['POST', `/tenants/${t.slug}/suspend`, [], 400],
      ['POST', `/tenants/${t.slug}/rename`, {}, 400], ['POST', `/tenants/${t.slug}/rename`, { slug: 'A B' }, 400],
      ['GET', `/tenants/${t.slug}/suspend`, undefined, 405], ['PUT', `/tenants/${t.slug}`, {}, 405],
    ])
      assert.equal((await control(method, target, body)).status, status, `${method} ${target} ${JSON.stringify(body)}`);
    assert.equal((await app.http('DELETE', `/tenants/${t.slug}`, { door: 'control', token: 'wrong', body: { confirm: t.slug } })).status, 401);
    assert.equal((await show(t.slug)).state, 'active');
  });
});
