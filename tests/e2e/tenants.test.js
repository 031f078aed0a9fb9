// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const apps = {};

before(async () => {
  apps.bigint = await startApp({ files: makeApp() });
  apps.uuid = apps.bigint.sibling({ files: makeApp({ name: 'tinyu', idType: 'uuid' }) });
  await apps.uuid.start();
});
after(async () => {
  await apps.uuid?.stop();
  await apps.bigint?.stop();
});

const show = async (app, ref) => JSON.parse(await app.ok(['tenant', 'show', ref, '--json']));

/** Runs a tenant command that must fail with this status. */
async function refused(app, args, status, said) {
  const r = await app.run(['tenant', ...args]);
  assert.equal(r.status, status, `${args.join(' ')}: ${r.stderr}`);
  assert.match(r.stderr, said, args.join(' '));
  assert.equal(r.stdout, '');
  return r.stderr;
}

for (const idType of ['bigint', 'uuid'])
  describe(`ids of type ${idType}:`, () => {
    let app;
    before(() => (app = apps[idType]));
    const given = { bigint: '9007199254740993', uuid: '0a1b2c3d-0000-4000-8000-00000000abcd' }[idType];

    test('create prints the id; list, show and token know the tenant by id and slug', async () => {
      const id = (await app.ok(['tenant', 'create', 'acme', '--name', 'Acme Corp'])).trim();
      assert.match(id, idType === 'uuid' ? UUID : /^\d+$/);
      for (const ref of [id, 'acme']) {
        const t = await show(app, ref);
        assert.equal(String(t.id), id);
        assert.deepEqual([t.slug, t.name, t.state, t.failure], ['acme', 'Acme Corp', 'active', null]);
        assert.equal(t.home.model, 'shared');
        assert.equal(t.home.tenant_version, 1);
        assert.deepEqual(t.audit.map((a) => a.action), ['state', 'state', 'create']);
        const token = (await app.ok(['tenant', 'token', ref])).trim();
        assert.deepEqual((await app.http('GET', '/clients?select=name', { token })).json, [{ name: 'Acme Corp' }]);
      }
      assert.match(await app.ok(['tenant', 'list']), new RegExp(`^ *${id} .*acme .*Acme Corp .*active`, 'm'));
      const listed = JSON.parse(await app.ok(['tenant', 'list', '--json']));
      assert.deepEqual(listed.map((t) => t.slug), ['acme']);
    });

    test('an id can be given, and later ones do not meet it', async () => {
      assert.equal((await app.ok(['tenant', 'create', 'given', '--id', given])).trim(), given);
      const next = (await app.ok(['tenant', 'create', 'after'])).trim();
      assert.notEqual(next, given);
      if (idType === 'bigint') assert.ok(BigInt(next) > BigInt(given), next);
      assert.deepEqual((await app.http('GET', '/clients?select=name', { tenant: 'given' })).json, [{ name: 'given' }]);
      await refused(app, ['create', 'again', '--id', given], 3, new RegExp(`there is a tenant with the id ${given} already`));
    });

    test('what is no id is refused', async () => {
      const bad = { bigint: ['x', '1.5', '007', '+1', '9223372036854775808', '', '1 '], uuid: ['x', '12', '0a1b2c3d-0000-4000-8000', given + '0'] }[idType];
      for (const id of bad) await refused(app, ['create', 'bad', '--id', id], 1, /is not a (bigint|uuid)/);
    });

    if (idType === 'uuid')
      test('uuids are one in all spellings', async () => {
        const upper = given.toUpperCase();
        assert.equal((await show(app, upper)).slug, 'given');
        await refused(app, ['create', 'again', '--id', upper], 3, /already/);
      });

    test('a duplicate slug is refused and leaves nothing behind', async () => {
      const before = JSON.parse(await app.ok(['tenant', 'list', '--json'])).length;
      const said = await refused(app, ['create', 'acme', '--name', 'Other'], 3, /there is a tenant with the slug acme already/);
      assert.match(said, /hint: /);
      assert.equal(JSON.parse(await app.ok(['tenant', 'list', '--json'])).length, before);
      assert.equal((await show(app, 'acme')).name, 'Acme Corp');
    });

    test('names may be anything', async () => {
      const names = [
        `O'Neill "quoted" \\ back`, "'; DROP TABLE clients; --", '$1 $$ %s %n :name {}', 'Łódź 東京 🚲 ‮rtl', 'x'.repeat(1024), 'ü'.repeat(512),
        ' leading and trailing ', 'tab\tnew\nline', '--name', 'NULL', '"', '<script>alert(1)</script>',
      ];
      for (const [i, name] of names.entries()) {
        const slug = `n${i}`;
        await app.ok(['tenant', 'create', slug, `--name=${name}`]);
        assert.equal((await show(app, slug)).name, name);
        assert.deepEqual((await app.http('GET', '/clients?select=name', { tenant: slug })).json, [{ name }]);
      }
      assert.equal((await app.run(['tenant', 'list'])).status, 0);
      for (const name of ['', 'x'.repeat(1025), 'ü'.repeat(513)]) await refused(app, ['create', 'bad', `--name=${name}`], 1, /the name is empty, longer than 1024 bytes or not UTF-8/);
    });

    test('slugs: SQL words and 63 bytes work, the rest is refused with one that would do', async () => {
      for (const slug of ['select', 'public', 'user', 'null', 'pg_catalog', 'rowhouse', 'template1', 'a', 'a-b_c-9', 's'.repeat(63)]) {
        await app.ok(['tenant', 'create', slug]);
        assert.equal((await show(app, slug)).state, 'active');
        assert.equal(await app.psql(slug, 'SELECT name FROM clients'), slug);
      }
      for (const slug of ['', 'Acme', '7up', '-x', '_x', 'a b', "a'b", 'a"b', 'a;b', 'a/b', '../x', 'ünder', 's'.repeat(64), 'a\nb', '%00', 'a.b']) {
        const said = await refused(app, ['create', slug], 1, /cannot be a slug/);
        assert.match(said, /hint: A slug begins with a letter/);
        const proposed = /`rowhouse tenant create (\S+) --name/.exec(said)[1];
        assert.match(proposed, /^[a-z][a-z0-9_-]{0,62}$/, slug);
      }
    });

    test('profile columns reach on_create.sql; unknown ones are named with those there are', async () => {
      await app.ok(['tenant', 'create', 'rich', '--profile', "plan=gold = 'best'", '--profile', 'seats=12']);
      const t = await show(app, 'rich');
      assert.deepEqual([t.plan, t.seats], ["gold = 'best'", 12]);
      assert.deepEqual((await app.http('GET', '/clients?select=plan', { tenant: 'rich' })).json, [{ plan: "gold = 'best'" }]);
      const said = await refused(app, ['create', 'poor', '--profile', 'colour=red'], 1, /tenants have no profile column "colour"/);
      assert.match(said, /hint: There are: plan, seats\. A migration of the catalog set adds columns/);
      await refused(app, ['create', 'poor', '--profile', 'state=suspended'], 1, /no profile column "state"/);
      await refused(app, ['create', 'poor', '--profile', 'seats=many'], 1, /invalid input syntax for type integer: "many"/);
      await refused(app, ['create', 'poor', '--profile', 'plan'], 2, /not of the form COLUMN=VALUE/);
      await refused(app, ['show', 'poor'], 3, /there is no tenant with the id or slug "poor"/);
    });

    test('what is not there or not understood', async () => {
      for (const ref of ['nobody', '123456', '', "' OR 1=1 --", '🚲']) {
        await refused(app, ['show', ref], 3, /there is no tenant with the id or slug/);
        await refused(app, ['token', ref], 3, /there is no tenant with the id or slug/);
      }
      await refused(app, ['create'], 2, /a tenant needs a slug or a name/);
      await refused(app, ['show'], 2, /which one\?/);
      await refused(app, ['list', '--model', 'schema'], 2, /tenant list takes no --model\n.*hint: /);
      await refused(app, ['suspend', 'acme', '--yes'], 2, /tenant suspend takes no --yes/);
      await refused(app, ['marry', 'x'], 2, /there is no verb "tenant marry"/);
      await refused(app, ['token', 'acme', '--ttl', '-5'], 2, /--ttl -5: not a number of seconds/);
    });

    test('without a slug the name gives one', async () => {
      const id = (await app.ok(['tenant', 'create', '--name', '7 Zürich & Sons, Inc.'])).trim();
      assert.match((await show(app, id)).slug, /^[a-z][a-z0-9_-]*sons-inc$/);
    });

    test('on_create.sql that fails: state failed with the reason, and the next migrate tries again', async () => {
      const good = makeApp()['tenant/on_create.sql'];
      app.write({ 'tenant/on_create.sql': `${good}INSERT INTO notes (title, stars) VALUES ('welcome', -1);\n` });
      const said = await refused(app, ['create', 'unlucky', '--profile', 'plan=late'], 1, /on_create\.sql:2: new row for relation "notes" violates check constraint/);
      assert.match(said, /stars/);
      const t = await show(app, 'unlucky');
      assert.equal(t.state, 'failed');
      assert.match(t.failure, /on_create\.sql:2: new row for relation "notes" violates check constraint/);
      assert.equal(await app.psql(null, "SELECT count(*) FROM clients WHERE name = 'unlucky'"), '0', 'nothing is half-made');
      const door = await app.http('GET', '/notes', { token: await app.sign({ tenant: String(t.id) }) });
      assert.equal(door.status, 503);
      assert.equal(door.json.code, 'tenant_not_ready');

      const still = await app.run(['migrate']);
      assert.equal(still.status, 1);
      assert.match(still.stderr, /tenants given their place: 0, failed: 1/);
      assert.match(still.stderr, /unlucky/);

      app.write({ 'tenant/on_create.sql': `${good}INSERT INTO notes (title) VALUES ('welcome to ' || :name);\n` });
      const mended = await app.run(['migrate']);
      assert.equal(mended.status, 0, mended.stderr);
      assert.match(mended.stderr, /tenants given their place: 1, failed: 0/);
      assert.deepEqual((await show(app, 'unlucky')).state, 'active');
      assert.equal((await show(app, 'unlucky')).failure, null);
      assert.deepEqual((await app.http('GET', '/notes?select=title,clients(plan)', { tenant: 'unlucky' })).json, [{ title: 'welcome to unlucky', clients: { plan: 'late' } }]);
      assert.equal((await app.run(['migrate'])).status, 0);
      app.write({ 'tenant/on_create.sql': good });
    });

    test('on_create.sql with an unknown name, without the root row, or with somebody else\'s', async () => {
      const good = makeApp()['tenant/on_create.sql'];
      const cases = [
        ['INSERT INTO clients (id, name) VALUES (:id, :nmae);\n', /on_create\.sql:1: .*nmae/, 1],
        ['SELECT 1;\n', /on_create\.sql did not insert the row of clients with the tenant's id/, 2],
        ['', /on_create\.sql did not insert the row of clients with the tenant's id/, 2],
        ['INSERT INTO clients (id, name) VALUES (:id, $1);\n', /on_create\.sql:1: .*numbered parameters/, 1],
      ];
      for (const [i, [text, said, status]] of cases.entries()) {
        app.write({ 'tenant/on_create.sql': text });
        await refused(app, ['create', `odd${i}`], status, said);
        assert.equal((await show(app, `odd${i}`)).state, 'failed');
      }
      app.write({ 'tenant/on_create.sql': good });
      assert.match((await app.run(['migrate'])).stderr, /tenants given their place: 4, failed: 0/);
    });

    test('adopt: rows of the root table that were inserted by hand become tenants', async () => {
      const ids = { bigint: ['777001', '777002', '777003'], uuid: ['aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000003'] }[idType];
      const sql = await app.sql('operator');
      await sql.query("INSERT INTO clients (id, name, plan) VALUES ($1, 'By Hand', 'gold'), ($2, 'By Hand', NULL), ($3, '東京', NULL)", ids);
      await sql.query("INSERT INTO notes (client_id, title) VALUES ($1, 'was here before')", [ids[0]]);
      assert.equal((await app.http('GET', '/notes', { token: await app.sign({ tenant: ids[0] }) })).status, 403);

      const r = await app.run(['tenant', 'adopt', '--from', 'clients']);
      assert.equal(r.status, 0, r.stderr);
      assert.equal(r.stdout, '3\n');
      assert.match(r.stderr, /3 rows of clients became tenants/);
      const [first, second, third] = await Promise.all(ids.map((id) => show(app, id)));
      assert.deepEqual([first.slug, first.name, first.plan, first.state], ['by-hand', 'By Hand', 'gold', 'active']);
      assert.notEqual(second.slug, first.slug);
      assert.match(second.slug, /^by-hand-/);
      assert.equal(third.name, '東京');
      assert.deepEqual((await app.http('GET', '/notes?select=title', { tenant: 'by-hand' })).json, [{ title: 'was here before' }]);
      assert.equal(await app.psql(null, "SELECT count(*) FROM clients WHERE name = 'By Hand'"), '2', 'no row was made anew');

      assert.equal(await app.ok(['tenant', 'adopt', '--from', 'clients']), '0\n', 'again: nothing to do');
      await refused(app, ['adopt', '--from', 'notes'], 2, /tenants are the rows of clients, not of notes/);
      await refused(app, ['adopt'], 2, /adopt: what\?/);
    });

    test('tokens end when they should', async () => {
      const token = (await app.ok(['tenant', 'token', 'acme', '--ttl', '1'])).trim();
      const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
      assert.equal(claims.exp - Math.floor(Date.now() / 1000) <= 1, true);
      assert.equal((await app.http('GET', '/clients', { token })).status, 200);
      const expired = await app.sign({ tenant: claims.tenant, exp: Math.floor(Date.now() / 1000) - 3600 }, { expires: null });
      assert.equal((await app.http('GET', '/clients', { token: expired })).status, 401);
    });
  });

test('a row inserted into the catalog by hand gets its place with the next migrate', async () => {
  const app = apps.bigint;
  const sql = await app.sql('operator', { database: app.catalog });
  await sql.query("INSERT INTO rowhouse.tenants (slug, name, plan) VALUES ('waiting', 'Waiting Inc.', 'silver')");
  const r = await app.run(['migrate']);
  assert.match(r.stderr, /tenants given their place: 1, failed: 0/);
  assert.deepEqual((await app.http('GET', '/clients?select=name,plan', { tenant: 'waiting' })).json, [{ name: 'Waiting Inc.', plan: 'silver' }]);
  await assert.rejects(sql.query("INSERT INTO rowhouse.tenants (slug, name) VALUES ('Bad Slug', 'x')"), { code: '23514' });
});

test('claims that hold slugs, when the conf says so', async () => {
  const app = apps.bigint.sibling({ files: makeApp({ name: 'slugs' }), settings: ['auth.claim_holds=slug'] });
  await app.start();
  await app.ok(['tenant', 'create', 'acme']);
  const token = await app.token('acme');
  assert.equal(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).tenant, 'acme');
  assert.deepEqual((await app.http('GET', '/clients?select=name', { token })).json, [{ name: 'acme' }]);
  assert.equal((await app.http('GET', '/clients', { token: await app.sign({ tenant: '1' }) })).status, 403);
  await app.stop();
});

test('a catalog of another version is left alone', async () => {
  const app = apps.bigint.sibling({ files: makeApp({ name: 'aged' }) });
  await app.ok(['migrate']);
  const sql = await app.sql('operator', { database: app.catalog });
  const version = async (shift) => sql.query("UPDATE rowhouse.applied_migrations SET number = number + $1 WHERE set = 'rowhouse' AND number = (SELECT max(number) FROM rowhouse.applied_migrations WHERE set = 'rowhouse')", [shift]);
  await version(1);
  await refused(app, ['create', 'x'], 3, /the catalog has version \d+, and this program is for version \d+\n.*hint: A newer Rowhouse has migrated it/);
  await version(-1);
  const { rows } = await sql.query("DELETE FROM rowhouse.applied_migrations WHERE set = 'rowhouse' AND number > 6 RETURNING number");
  assert.ok(rows.length);
  await refused(app, ['create', 'x'], 3, /hint: `rowhouse migrate` brings it forward/);
  assert.equal((await sql.query('SELECT FROM rowhouse.tenants')).rowCount, 0);
});

test('what another tenant has already is named', async () => {
  const app = apps.bigint.sibling({ files: { ...makeApp({ name: 'taken' }), 'catalog/0002_email.sql': 'ALTER TABLE rowhouse.tenants ADD COLUMN email text UNIQUE;\n' } });
  await app.ok(['migrate']);
  await app.ok(['tenant', 'create', 'one', '--profile', 'email=a@b', '--model', 'schema', '--home', 'first_one']);
  const said = await refused(app, ['create', 'two', '--profile', 'email=a@b'], 3, /duplicate key .*tenants_email_key[\s\S]*Key \(email\)=\(a@b\) already exists/);
  assert.doesNotMatch(said, /slug/);
  await refused(app, ['create', 'two', '--model', 'schema', '--home', 'first_one'], 3, /there is a tenant whose home is named first_one already/);
  await refused(app, ['create', 'two', '--name', '--json'], 2, /a value is missing for --name/);
});

test('without an app migrated there, commands say what to do', async () => {
  const app = apps.bigint.sibling({ files: makeApp({ name: 'bare' }) });
  for (const args of [['tenant', 'list'], ['tenant', 'create', 'x'], ['load', 'notes'], ['psql'], ['serve']]) {
    const r = await app.run(args);
    assert.notEqual(r.status, 0, args.join(' '));
    assert.match(r.stderr, args[0] === 'psql' ? /./ : /hint: .*rowhouse migrate/, args.join(' ') + r.stderr);
  }
});
