// SPDX-License-Identifier: Apache-2.0
//
// Tenants of every model on three PostgreSQL servers: the app's own and two nodes, b and c, which are cut off and come
// back. Passwords of nodes are found nowhere but in the one file.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { ROOT, startApp, until } from './lib/harness.js';
import { startNode } from './lib/node.js';

const MODELS = ['shared', 'schema', 'database'];
const PASSWORD = { b: "it's a \\ hunter-b-7351", c: 'hunter-c-9247' };
const ADD = ['node.kept', 'node.entered', 'node.installed', 'node.migrated'];
const OTHER = ['node.drained', 'node.removed'];

let app, b, c;
const said = []; // everything that commands on nodes printed
const tenants = {}; // slug -> {id, node}

before(async () => {
  [app, b, c] = await Promise.all([startApp({ files: makeApp(), settings: ['data.home_idle=2s'], env: { ROWHOUSE_NODE_C_PASSWORD: PASSWORD.c } }), startNode(PASSWORD.b), startNode(PASSWORD.c)]);
});
after(() => Promise.all([app, b, c].map((x) => x?.stop())));

async function run(args, options) {
  const r = await app.run(args, options);
  said.push(r.stdout, r.stderr);
  return r;
}

async function ok(args, options) {
  const r = await run(args, options);
  assert.equal(r.status, 0, `${args[0]} ${args[1]}\n${r.stderr}`);
  return r;
}

async function refused(args, message, status, options) {
  const r = await run(args, options);
  assert.match(r.stderr, message);
  assert.equal(r.status, status, r.stderr);
  assert.equal(r.stdout, '');
  return r;
}

const escape = (text) => text.replace(/[\\']/g, '\\$&');
const withPassword = (node, password = node.password) => `${node.conninfo} password='${escape(password)}'`;
const nodes = async () => Object.fromEntries(JSON.parse((await ok(['node', 'list', '--json'])).stdout).map((n) => [n.name, n]));
const show = async (ref) => JSON.parse(await app.ok(['tenant', 'show', ref, '--json']));

async function create(slug, ...args) {
  await ok(['tenant', 'create', slug, ...args]);
  const { id, home } = await show(slug);
  return (tenants[slug] = { id, node: home.node, model: home.model, home });
}

const get = (slug, target = '/notes?select=title') => app.http('GET', target, { tenant: slug });

/** Each tenant sees its own note, and only that. */
async function checkServed(slugs) {
  for (const slug of slugs) {
    const r = await get(slug);
    assert.deepEqual([r.status, r.json], [200, [{ title: `canary of ${slug}` }]], `${slug}: ${r.text}`);
  }
}

async function note(slug) {
  const r = await app.http('POST', '/notes', { tenant: slug, body: { title: `canary of ${slug}` } });
  assert.equal(r.status, 201, r.text);
}

const on = (...names) => Object.keys(tenants).filter((slug) => names.includes(tenants[slug].node));

describe('node add', () => {
  test('refuses what cannot be a node, in words without a password, and changes nothing', async () => {
    const first = `host=${app.postmaster.socketDir} port=${app.postmaster.port} user=postgres`;
    for (const [name, conninfo, message, status] of [
      ['B', b.conninfo, /"B" cannot be the name of a node/, 1],
      ['first', b.conninfo, /node first is the app's own server/, 3],
      ['b', 'host=127.0.0.1 hunter-x-1', /the connection string was not understood/, 1],
      ['b', 'postgresql://postgres:hunter-x-1%zz@127.0.0.1/', /the connection string was not understood/, 1],
      ['b', 'user=postgres password=hunter-x-1', /names no host/, 1],
      ['b', `${b.conninfo} sslpassword=hunter-x-1`, /a node's sslpassword cannot be kept/, 1],
      ['b', 'host=127.0.0.1 port=1 user=postgres password=hunter-x-1', /node b: connection to server at "127.0.0.1", port 1 failed/, 1],
      ['b', b.conninfo, /no password supplied[^]*ROWHOUSE_NODE_B_PASSWORD/, 1],
      ['b', withPassword(b, 'hunter-x-1'), /password authentication failed for user "postgres"/, 1],
      ['b', first, /node b: the server is node first already, or a copy of it/, 3],
    ])
      await refused(['node', 'add', name, conninfo], message, status);
    assert.doesNotMatch(said.join(), /hunter-x-1/);
    assert.deepEqual(Object.keys(await nodes()), ['first']);
    assert.ok(!fs.existsSync(path.join(app.state, 'nodes')));
  });

  test('is taken up where it was killed', async () => {
    for (const step of ADD) {
      const r = await run(['node', 'add', 'b', withPassword(b)], { env: { RH_KILL_AT: step } });
      assert.equal(r.signal, 'SIGKILL', `came past ${step}\n${r.stderr}`);
      if (step === 'node.kept') continue;
      assert.equal((await nodes()).b.state, 'joining');
      await refused(['tenant', 'create', 'early', '--node', 'b'], /node b is joining: it takes no new homes/, 3);
      await refused(['node', 'drain', 'b'], /node b has not joined yet/, 3);
    }
    await ok(['node', 'add', 'b', withPassword(b)]);
    await ok(['tenant', 'drop', 'early', '--yes', '--no-dump']);
  });

  test('takes the password from the environment', async () => {
    await ok(['node', 'add', 'c', `postgresql://postgres@127.0.0.1:${c.port}/?connect_timeout=2`]);
    await refused(['node', 'add', 'd', withPassword(c)], /the server is node c already/, 3);
    await refused(['node', 'add', 'c', withPassword(b)], /there is a node c, and it is another server/, 3);
    assert.ok(!fs.existsSync(path.join(app.state, 'nodes', 'c.password')));
    const list = await nodes();
    for (const name of ['b', 'c']) {
      assert.deepEqual([list[name].state, list[name].kind, list[name].tenants, list[name].reachable, list[name].max_connections], ['active', 'plain', 0, true, 60]);
      assert.match(list[name].version, /^\d+\.\d+/);
    }
    assert.match((await ok(['node', 'list'])).stdout, /^b +active +plain .* yes\s*$/m);
  });

  test('refuses a server of another installation of the app', async () => {
    const other = app.sibling({ files: makeApp({ name: 'tiny2' }) });
    await other.ok(['migrate']);
    await b.sql(`CREATE DATABASE tiny2; `);
    await b.sql('CREATE SCHEMA rowhouse; CREATE TABLE rowhouse.applied_migrations (home bigint)', 'tiny2');
    const r = await other.run(['node', 'add', 'b', withPassword(b)]);
    assert.match(r.stderr, /database tiny2 on that server belongs to another installation/);
    assert.equal((await b.sql("SELECT 1 FROM pg_roles WHERE rolname = 'tiny2_owner'")).rowCount, 0);
    await b.sql('DROP DATABASE tiny2');
    await other.stop();
  });
});

describe('placement', () => {
  test('goes where the least is, or where it is told', async () => {
    for (const n of [1, 2, 3]) await create(`least-${n}`, '--model', 'schema');
    assert.ok(on('b').length && on('c').length && !on('first').length, 'the first node has the catalog beside');
    const wanted = ['first', 'b', 'c'].flatMap((node) => MODELS.map((model) => [node, model]));
    await Promise.all(wanted.map(async ([node, model]) => assert.equal((await create(`${node}-${model}`, '--model', model, '--node', node)).node, node)));
    await refused(['tenant', 'create', 'nowhere', '--node', 'moon'], /there is no node "moon"/, 3);
    const r = await app.http('POST', '/tenants', { door: 'control', body: { slug: 'posted', model: 'schema', node: 'c' } });
    assert.deepEqual([r.status, r.json.home.node], [201, 'c'], r.text);
    tenants.posted = { id: r.json.id, node: 'c', model: 'schema', home: r.json.home };
    const list = await nodes();
    for (const name of ['first', 'b', 'c']) assert.equal(list[name].tenants, on(name).length);
  });

  test('homes are served wherever they are, each to its own', async () => {
    await Promise.all(Object.keys(tenants).map(note));
    await checkServed(Object.keys(tenants));
    await Promise.all(MODELS.map(async (model) => assert.equal(await app.psql(`b-${model}`, 'SELECT title FROM notes'), `canary of b-${model}`)));
    assert.match(await app.ok(['psql', '--node', 'b', '--', '-XqAt', '-c', 'SELECT title FROM notes']), /^canary of b-shared$/m);
    const sizes = Object.fromEntries(JSON.parse(await app.ok(['tenant', 'list', '--json'])).map((t) => [t.slug, t.size]));
    const asked = JSON.parse(await app.ok(['query', 'SELECT title FROM notes ORDER BY 1', '--json']));
    for (const { tenant, title } of asked) assert.ok(tenant.startsWith('(shared') || title === `canary of ${tenant}`, `${tenant}: ${title}`);
    assert.deepEqual(asked.map((r) => r.title).sort(), Object.keys(tenants).map((slug) => `canary of ${slug}`).sort());
    assert.ok(asked.some((r) => r.tenant === '(shared on c)'));
    for (const node of ['first', 'b', 'c']) assert.ok(sizes[`${node}-schema`] > 0 && sizes[`${node}-database`] > 1e6 && sizes[`${node}-shared`] === null, node);
  });

  test('a drop cleans up on the node, and keeps a dump', async () => {
    const dropOne = async (model) => {
      const slug = `gone-${model}`;
      const { home } = await create(slug, '--model', model, '--node', 'b');
      await note(slug);
      const dump = (await ok(['tenant', 'drop', slug, '--yes'])).stdout.trim();
      assert.ok(fs.statSync(dump).size > 100);
      assert.equal((await b.sql('SELECT 1 FROM pg_database WHERE datname = $1', 'postgres', [home.database])).rowCount, model === 'database' ? 0 : 1);
      if (model === 'schema') assert.equal((await b.sql('SELECT 1 FROM pg_namespace WHERE nspname = $1', 'tiny', [home.schema])).rowCount, 0);
      if (model === 'shared') assert.equal((await b.sql('SELECT 1 FROM notes WHERE title = $1', 'tiny', [`canary of ${slug}`])).rowCount, 0);
      delete tenants[slug];
    };
    await Promise.all(MODELS.map(dropOne));
  });
});

describe('a node that is cut off', () => {
  /** Its tenants are refused at once, in words that name no server; all others are served meanwhile. */
  async function checkAway(node, ...others) {
    const away = on(node).slice(0, 3);
    await until(async () => (await get(away[0])).status === 503, { what: `503 for tenants of ${node}` });
    const began = Date.now();
    const answers = await Promise.all([...away, ...away, ...away].map((slug) => get(slug)));
    assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
    for (const r of answers) {
      assert.deepEqual([r.status, r.json.code, r.headers.get('retry-after')], [503, 'database_unavailable', '1'], r.text);
      assert.doesNotMatch(r.text, new RegExp(`node|127|${c.port}|${b.port}`));
    }
    await checkServed(on(...others));
  }

  /** Each thread of the data door and each pool dials for itself, once a second: all are back when none was refused for two. */
  async function checkBack(node) {
    let since = null;
    await until(
      async () => {
        const served = (await Promise.all(on(node).map((slug) => get(slug)))).every((r) => r.status === 200);
        since = served ? (since ?? Date.now()) : null;
        return since && Date.now() - since > 2000;
      },
      { ms: 20000, what: `the return of ${node}` },
    );
    await checkServed(on(node));
  }

  test('takes its tenants along and nobody else; commands say so', async () => {
    await checkServed(on('c'));
    await c.crash();
    await checkAway('c', 'first', 'b');
    const { c: gone, b: here } = await nodes();
    assert.deepEqual([gone.reachable, here.reachable, gone.tenants], [false, true, on('c').length]);
    assert.match(gone.error, /node c: connection to server .* refused/);
    assert.match((await ok(['node', 'list'])).stdout, /^c .* no, since \d{4}-/m);
    await refused(['tenant', 'create', 'late', '--model', 'schema', '--node', 'c'], /node c: connection to server/, 1);
    assert.notEqual((await create('elsewhere', '--model', 'schema')).node, 'c');
    await note('elsewhere');
    assert.equal((await app.run(['tenant', 'list'])).status, 0);
    const query = await app.run(['query', 'SELECT 1 AS one', '--csv']);
    assert.equal(query.status, 1);
    assert.match(query.stdout, /^\(shared on b\),1\r$/m);
    assert.doesNotMatch(query.stdout, /^c-/m);
    for (const model of ['schema', 'database']) assert.match(query.stderr, new RegExp(`^c-${model}: node c`, 'm'));
  });

  test('that hangs does not keep anybody waiting for long, and is served again by itself', async () => {
    await checkServed(on('b'));
    b.freeze(true);
    try {
      const began = Date.now();
      const first = await Promise.all(on('b').map((slug) => get(slug)));
      for (const r of first) assert.equal(r.status, 503, r.text);
      assert.ok(Date.now() - began < 15000, `${Date.now() - began} ms`);
      await checkAway('b', 'first');
    } finally {
      b.freeze(false);
    }
    await checkBack('b');
  });

  test('is left behind by migrate, served at its own version when it is back, and brought along later', async () => {
    app.write({ 'tenant/0002_colour.sql': 'ALTER TABLE notes ADD COLUMN colour text;\n', 'reference/0002_more.sql': "INSERT INTO colours VALUES ('blue', '#00f');\n" });
    const r = await run(['migrate']);
    assert.equal(r.status, 1, r.stderr);
    assert.match(r.stderr, /^left behind: node c: connection to server/m);
    assert.match(r.stderr, new RegExp(`nodes left behind: 1, with ${on('c').filter((s) => tenants[s].model !== 'shared').length} homes`));
    const seen = async (slug) => [(await get(slug, '/notes?select=colour')).status, (await get(slug, '/colours?select=name&name=eq.blue')).json];
    for (const slug of on('first', 'b')) await until(async () => (await get(slug, '/notes?select=colour')).status === 200, { what: `${slug} at the new version` });
    for (const model of MODELS) assert.deepEqual(await seen(`b-${model}`), [200, [{ name: 'blue' }]], model);
    await c.start();
    await checkBack('c');
    assert.deepEqual(await seen('c-schema'), [400, []], 'at the old version');
    await refused(['tenant', 'create', 'too-new', '--model', 'schema', '--node', 'c'], /node c is not at the newest version/, 3);
    const again = await run(['migrate']);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stderr, /tenant late: has its place/);
    for (const model of MODELS) await until(async () => (await seen(`c-${model}`))[0] === 200, { what: `c-${model} at the new version` });
    for (const model of MODELS) assert.deepEqual(await seen(`c-${model}`), [200, [{ name: 'blue' }]], model);
    for (const slug of ['late', 'too-new']) {
      await ok(['tenant', 'drop', slug, '--yes', '--no-dump']);
      delete tenants[slug];
    }
  });
});

test('every step on nodes is killed at here', () => {
  const files = fs.readdirSync(path.join(ROOT, 'src'), { recursive: true }).filter((f) => f.endsWith('.c'));
  const found = files.flatMap((f) => [...fs.readFileSync(path.join(ROOT, 'src', f), 'utf8').matchAll(/rh_step\("(node\.[^"]+)"\)/g)].map((m) => m[1]));
  assert.deepEqual(found.sort(), [...ADD, ...OTHER].sort());
});

describe('drain and remove', () => {
  const killed = async (step, args) => assert.equal((await run(args, { env: { RH_KILL_AT: step } })).signal, 'SIGKILL');

  test('a node that drains gets no new homes', async () => {
    await killed('node.drained', ['node', 'drain', 'c']);
    await ok(['node', 'drain', 'c']);
    assert.equal((await nodes()).c.state, 'draining');
    await ok(['node', 'drain', 'b']);
    assert.equal((await create('left', '--model', 'schema')).node, 'first');
    await ok(['node', 'undrain', 'b']);
    await refused(['tenant', 'create', 'pinned', '--node', 'c'], /node c is draining: it takes no new homes/, 3);
    await checkServed(on('c').slice(0, 3));
    await ok(['tenant', 'drop', 'pinned', '--yes', '--no-dump']);
    await ok(['tenant', 'drop', 'left', '--yes', '--no-dump']);
    delete tenants.left;
  });

  test('a node with homes stays; without, it goes and may come back', async () => {
    await refused(['node', 'remove', 'first'], /node first has the catalog and stays/, 3);
    await refused(['node', 'remove', 'c'], /node c has tenants: \d+ with a home there/, 3);
    await refused(['node', 'remove', 'moon'], /there is no node "moon"/, 3);
    await Promise.all(on('c').map((slug) => ok(['tenant', 'drop', slug, '--yes', '--no-dump'])));
    for (const slug of on('c')) delete tenants[slug];
    await killed('node.removed', ['node', 'remove', 'c']);
    assert.deepEqual(Object.keys(await nodes()), ['first', 'b']);
    const held = async () => (await c.sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname ~ '^tiny'")).rows[0].n;
    await until(async () => (await held()) === 0, { what: 'the server to leave the node' });
    await ok(['node', 'add', 'c', c.conninfo]);
    await create('back', '--node', 'c');
    await note('back');
    await checkServed(['back']);
  });
});

test('verify asks on every node, and leaves nothing there', async () => {
  const r = await run(['verify', '--json', '--models', 'schema,database', '--tenants', '3', '--requests', '150', '--seed', '7'], { timeout: 200000 });
  const report = JSON.parse(r.stdout || assert.fail(r.stderr));
  assert.equal(report.nodes, 'first, b, c');
  assert.deepEqual([r.status, report.leaks, report.not_covered], [0, [], []]);
  const catalogs = report.tried.find((t) => t.kind === 'catalogs');
  assert.ok(catalogs.no_error > 0);
  for (const node of [b, c])
    assert.deepEqual((await node.sql("SELECT datname FROM pg_database WHERE datname ~ '_verify_' UNION ALL SELECT rolname FROM pg_roles WHERE rolname ~ '_verify_'")).rows, []);
});

test('passwords stand in one file of mode 0600 and nowhere else', async () => {
  const file = path.join(app.state, 'nodes', 'b.password');
  assert.equal(fs.readFileSync(file, 'utf8'), PASSWORD.b);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['b.password']);
  const catalog = await app.sql('operator', { database: app.catalog });
  const { rows } = await catalog.query("SELECT (SELECT string_agg(to_jsonb(n)::text, ' ') FROM rowhouse.nodes n) || (SELECT string_agg(to_jsonb(e)::text, ' ') FROM rowhouse.audit e) AS all");
  const everything = [...said, rows[0].all, app.output.stdout, app.output.stderr, b.log, c.log].join('\n');
  assert.ok(everything.includes('node add'));
  assert.doesNotMatch(everything, /hunter/);
});
