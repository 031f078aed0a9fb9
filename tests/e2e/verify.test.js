// SPDX-License-Identifier: Apache-2.0
//
// `rowhouse verify`: finds nothing in the apps as they are, and the leak when a wall is taken down: a policy or a grant by
// --before, the binding, the claim check and the signature in a program built for it (src/base/sabotage.h).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, ROOT, startApp, until } from './lib/harness.js';
import { isoApp } from './lib/iso.js';
import { start } from './lib/processes.js';

const SABOTAGED = path.join(path.dirname(BIN), 'tests', 'rowhouse-sabotaged');
const SHORT = ['--tenants', '3', '--requests', '400', '--seed', '7'];
const LIMIT_MS = 300000; // a run makes up to nine homes; machines may be busy

let host; // its PostgreSQL is everybody's
before(async () => {
  host = await startApp({ files: isoApp({ name: 'host' }) });
});
after(() => host?.stop());

/** {status, report, stderr} of a verify of the app; wall: taken down in the sabotaged program. */
async function verify(app, args = [], { wall } = {}) {
  const all = ['verify', '--json', ...SHORT, ...args];
  const r = await (wall
    ? start(SABOTAGED, [...all, '--app', app.dir, '--data', app.state, '--server', host.conninfo], { env: { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ROWHOUSE_|PG)/.test(name))), RH_SABOTAGE: wall }, timeout: LIMIT_MS }).done
    : app.run(all, { timeout: LIMIT_MS }));
  let report = null;
  try {
    report = JSON.parse(r.stdout);
  } catch {
    assert.equal(r.stdout, '', r.stderr);
  }
  return { status: r.status, report, stderr: r.stderr, signal: r.signal };
}

/** What scratch copies have left on the server and in the app's state directory. */
async function leftovers(app) {
  const admin = await host.sql('admin', { database: 'postgres' });
  const { rows } = await admin.query("SELECT datname AS name FROM pg_database WHERE datname ~ '_verify_' UNION ALL SELECT rolname FROM pg_roles WHERE rolname ~ '_verify_'");
  await admin.end();
  const dir = path.join(app.state, 'verify');
  return [...rows.map((r) => r.name), ...(fs.existsSync(dir) ? fs.readdirSync(dir) : [])];
}

const tried = (report, door, kind) => report.tried.find((t) => t.door === door && t.kind === kind) ?? { requests: 0 };
const told = (r) => JSON.stringify(r.report ? { ...r.report, tried: undefined, covered: undefined } : r.stderr, null, 1).slice(0, 4000);

describe('the apps as they are', () => {
  test('ads in all three models: nothing found, everything covered, nothing left behind', async () => {
    const app = host.sibling({ appDir: path.join(ROOT, 'apps/ads') });
    const r = await verify(app, ['--models', 'shared,schema,database', '--strict']);
    assert.equal(r.status, 0, told(r));
    const { report } = r;
    assert.equal(report.leaks_found, 0);
    assert.deepEqual(report.not_covered, []);
    for (const model of ['shared', 'schema', 'database'])
      assert.deepEqual(report.covered.filter((c) => c.model === model).map((c) => c.table).sort(), ['ads', 'campaigns', 'clicks', 'companies', 'impressions']);
    for (const [door, kind] of [['data', 'read'], ['data', 'reach'], ['data', 'embed'], ['data', 'insert'], ['data', 'key'], ['data', 'function'], ['sql', 'tables']])
      assert.ok(tried(report, door, kind).no_error > 0, `${door} ${kind}: ${JSON.stringify(report.tried)}`);
    for (const [door, kind] of [['data', 'token'], ['data', 'suspended'], ['sql', 'roles']]) {
      assert.ok(tried(report, door, kind).requests > 0, kind);
      assert.equal(tried(report, door, kind).no_error, 0, kind);
    }
    assert.ok(tried(report, 'data', 'read').with_rows > 0);
    assert.deepEqual(await leftovers(app), []);
    await app.stop();
  });

  test('school: a database each, claims that hold slugs; then the models that its tenants use, whose homes stay as they are', async () => {
    const app = host.sibling({ appDir: path.join(ROOT, 'apps/school') });
    let r = await verify(app);
    assert.equal(r.status, 0, told(r));
    assert.equal(r.report.models, 'database');
    await app.ok(['migrate']);
    await app.ok(['tenant', 'create', 'graz', '--model', 'schema']);
    await app.psql('graz', "INSERT INTO students (name) VALUES ('Ada')");
    r = await verify(app);
    assert.equal(r.status, 0, told(r));
    assert.equal(r.report.models, 'schema');
    assert.equal(await app.psql('graz', 'SELECT count(*) FROM students'), '1');
    assert.equal(JSON.parse(await app.ok(['tenant', 'list', '--json'])).length, 1);
    await app.stop();
  });

  test('inventory: a schema each; the open control door is told, not tried', async () => {
    const app = host.sibling({ appDir: path.join(ROOT, 'apps/inventory') });
    const r = await verify(app);
    assert.equal(r.status, 0, told(r));
    assert.equal(tried(r.report, 'control', 'strangers').requests, 0);
    assert.match(r.report.notes.join('\n'), /control\.open is on/);
    await app.stop();
  });
});

describe('a wall is down', () => {
  let app;
  before(() => {
    app = host.sibling({ files: isoApp({ name: 'oracle' }) });
  });
  after(() => app?.stop());

  const leaksOf = async (args, options) => {
    const r = await verify(options?.app ?? app, args, options);
    assert.equal(r.status, 1, told(r));
    assert.ok(r.report.leaks_found > 0);
    assert.deepEqual(await leftovers(app), []);
    return r.report.leaks;
  };
  const before_ = (sql) => {
    app.write({ 'before.sql': sql });
    return ['--before', path.join(app.dir, 'before.sql')];
  };

  test('a policy', async () => {
    const leaks = await leaksOf(before_('ALTER TABLE people DISABLE ROW LEVEL SECURITY; -- of :"schema"\n'));
    assert.ok(leaks.some((l) => l.door === 'data' && l.asked.includes('/rpc/')), 'functions without a predicate');
    assert.ok(leaks.some((l) => l.door === 'sql' && l.kind === 'tables'));
    const leak = leaks[0];
    assert.notEqual(leak.asked_as, leak.canary_of);
    assert.ok(leak.excerpt.toLowerCase().includes(leak.canary), JSON.stringify(leak));
  });

  test('a grant: a view and a function that run as the operator', async () => {
    const leaks = await leaksOf(
      before_(`CREATE VIEW slip AS SELECT name FROM people;
GRANT SELECT ON slip TO :"server";
ALTER FUNCTION names() OWNER TO :"operator";
ALTER FUNCTION names() SECURITY DEFINER;
`),
    );
    assert.ok(leaks.some((l) => l.door === 'sql' && l.asked.includes('slip')));
    assert.ok(leaks.some((l) => l.door === 'data' && l.asked.includes('/rpc/names')), 'over HTTP');
    assert.ok(leaks.every((l) => /slip|names/.test(l.asked)), 'and nothing else');
  });

  test('a writer in another home is found by what became of it', async () => {
    const leaks = await leaksOf(
      before_(`CREATE OR REPLACE FUNCTION grow_older() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = :"schema" AS $$
DECLARE n bigint;
BEGIN
  UPDATE people SET age = age + 1 WHERE age < 150;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
ALTER FUNCTION grow_older() OWNER TO :"operator";
`),
    );
    assert.deepEqual([...new Set(leaks.map((l) => `${l.door} ${l.where} ${l.canary}`))], ['homes table people']);
  });

  test('the binding', async () => {
    const leaks = await leaksOf([], { wall: 'binding' });
    assert.ok(leaks.some((l) => l.door === 'data' && l.asked.includes('/rpc/')));
  });

  test('the signature of tokens', async () => {
    const leaks = await leaksOf(['--requests', '1600'], { wall: 'signature' });
    assert.ok(leaks.some((l) => l.kind === 'token' && l.asked_as === 'nobody'));
  });

  test('the claim check: a trusted header that contradicts the token', async () => {
    const inventory = host.sibling({ appDir: path.join(ROOT, 'apps/inventory') });
    const leaks = await leaksOf(['--requests', '2400'], { wall: 'claim', app: inventory });
    assert.ok(leaks.every((l) => l.kind === 'token'), JSON.stringify(leaks[0]));
    await inventory.stop();
  });
});

describe('what is covered', () => {
  test('columns of many types and checks; what takes no row or carries no canary is told', async () => {
    const app = host.sibling({
      files: {
        'rowhouse.conf': '[app]\nname = wide\nmodel = schema\n',
        'tenant/0001_wide.sql': `CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@]+@[^@]+[.][a-z]+$');
CREATE TABLE people (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  boss uuid REFERENCES people,
  number integer GENERATED ALWAYS AS IDENTITY,
  mail email NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('new', 'old')),
  feels mood NOT NULL,
  felt mood[] NOT NULL,
  codes varchar(4)[] NOT NULL,
  code varchar(10) NOT NULL UNIQUE,
  tags text[] NOT NULL CHECK (cardinality(tags) > 0),
  extra jsonb NOT NULL CHECK (jsonb_typeof(extra) = 'array'),
  raw bytea NOT NULL,
  address inet NOT NULL,
  card macaddr NOT NULL,
  price numeric(12,2) NOT NULL CHECK (price > 0),
  age integer NOT NULL CHECK (age BETWEEN 0 AND 150),
  during tstzrange NOT NULL,
  low integer NOT NULL,
  high integer NOT NULL,
  spot point,
  twice text GENERATED ALWAYS AS (state || state) STORED,
  CHECK (low < high)
);
CREATE TABLE flags (person uuid REFERENCES people, lit boolean NOT NULL);
CREATE TABLE shut (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE bare (id smallint PRIMARY KEY, lit boolean);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nobody comes in'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON shut FOR EACH ROW EXECUTE FUNCTION refuse();
`,
      },
    });
    const r = await verify(app, ['--strict']);
    assert.equal(r.status, 2, told(r));
    assert.equal(r.report.leaks_found, 0);
    assert.deepEqual(r.report.not_covered.map((c) => [c.table, c.reason]).sort(), [['bare', 'none of its columns can carry a canary'], ['shut', 'nobody comes in']]);
    const people = r.report.covered.find((c) => c.table === 'people');
    assert.equal(people.rows, 6);
    assert.ok(people.columns >= 10, JSON.stringify(people));
    await app.stop();
  });

  test('what cannot be run is said, with status 2', async () => {
    const app = host.sibling({ files: { 'rowhouse.conf': '[app]\nname = none\nmodel = schema\n', 'tenant/0001_a.sql': 'CREATE TABLE a (lit boolean);\n', 'bad.sql': 'SELECT 1/0' } });
    for (const [args, why] of [
      [['--tenants', '2'], /not a number from 3/],
      [['--models', 'castle'], /castle is not/],
      [['--models', 'shared'], /cannot share tables/],
      [['--before', path.join(app.dir, 'bad.sql')], /--before.*division by zero/],
      [[], /no answer of the data door held a row/],
    ]) {
      const r = await verify(app, args);
      assert.equal(r.status, 2, told(r));
      assert.match(r.stderr, why);
    }
    assert.deepEqual(await leftovers(app), []);
    await app.stop();
  });

  test('Ctrl-C leaves nothing behind; what a kill -9 leaves, the next run removes', async () => {
    const app = host.sibling({ files: isoApp({ name: 'cut' }) });
    const run = app.spawn(['verify', '--requests', '1000000'], { timeout: LIMIT_MS });
    await until(async () => (await leftovers(app)).some((name) => /^cut_verify_.*_catalog$/.test(name)), { ms: 30000, what: 'the scratch copy' });
    run.kill('SIGINT');
    const ended = await run.done;
    assert.equal(ended.status, 130, ended.stderr);
    assert.deepEqual(await leftovers(app), []);
    for (const step of ['verify.marked', 'verify.filled']) {
      const killed = await app.run(['verify', ...SHORT], { env: { RH_KILL_AT: step }, timeout: LIMIT_MS });
      assert.equal(killed.signal, 'SIGKILL', killed.stderr);
      assert.notDeepEqual(await leftovers(app), []);
    }
    const marks = async () => (await leftovers(app)).filter((name) => name.endsWith('_scratch'));
    const [dead] = await marks();
    const bystander = app.spawn(['verify', '--requests', '1000000'], { timeout: LIMIT_MS });
    await until(async () => (await marks()).length === 1 && !(await marks()).includes(dead), { ms: 30000, what: 'the sweep' });
    const r = await verify(app); // finds nothing in the app of the tests above, and leaves alone what somebody works with
    assert.equal(r.status, 0, told(r));
    assert.equal((await marks()).length, 1);
    bystander.kill('SIGTERM');
    assert.equal((await bystander.done).status, 143);
    assert.deepEqual(await leftovers(app), []);
    await app.stop();
  });
});
