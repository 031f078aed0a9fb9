// SPDX-License-Identifier: Apache-2.0
//
// What a hand changed, the next migrate mends. Each row below breaks a home in one way, shows that it is broken, and
// lets `rowhouse migrate` put it right.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

let app;
let admin; // superuser, in the shared database
let server; // the data door's role, bound to tenant 1

before(async () => {
  app = await startApp({ files: makeApp() });
  for (const slug of ['one', 'two']) {
    await app.ok(['tenant', 'create', slug]);
    await app.psql(slug, `INSERT INTO notes (id, title) VALUES (1, '${slug}')`);
  }
  admin = await app.sql('admin');
  server = await app.sql('server', { tenant: 1 });
  await server.query('SET search_path = public, reference');
});
after(() => app?.stop());

async function migrate() {
  const r = await app.run(['migrate']);
  assert.equal(r.status, 0, r.stderr);
  return Number(/(\d+) fittings?$/m.exec(r.stderr)[1]);
}

async function value(client, sql) {
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  return rows[0]?.[0];
}

const refused = (client, sql, code = '42501') => assert.rejects(client.query(sql), { code }, sql);
const titles = async () => (await server.query('SELECT title FROM notes ORDER BY 1')).rows.map((r) => r.title);

test('the second migrate has nothing to do', async () => {
  assert.equal(await migrate(), 0);
});

const BREAKS = [
  {
    what: 'a table made by hand',
    by: 'CREATE TABLE handmade (client_id bigint NOT NULL, id bigserial, v text, PRIMARY KEY (client_id, id)); INSERT INTO handmade VALUES (1, 1, $$mine$$), (2, 1, $$yours$$)',
    broken: () => refused(server, 'SELECT * FROM handmade'),
    mended: async () => {
      assert.deepEqual((await server.query('SELECT v FROM handmade')).rows, [{ v: 'mine' }]);
      await server.query("INSERT INTO handmade (id, v) VALUES (7, 'new')");
      assert.equal(await value(admin, 'SELECT client_id FROM handmade WHERE id = 7'), '1');
      await refused(server, "INSERT INTO handmade (client_id, id, v) VALUES (2, 8, 'foreign')");
      assert.equal(await value(admin, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'handmade'"), 'tiny_owner');
      assert.equal((await app.http('GET', '/handmade?select=v&order=id', { tenant: 'one' })).json?.[0]?.v, 'mine');
    },
  },
  {
    what: 'a table without the tenant key made by hand stays closed',
    by: 'CREATE TABLE keyless (id bigint PRIMARY KEY); GRANT ALL ON keyless TO tiny_server',
    broken: () => server.query('SELECT * FROM keyless'),
    mended: async () => {
      await refused(server, 'SELECT * FROM keyless');
      assert.equal((await app.http('GET', '/keyless', { tenant: 'one' })).status, 404);
    },
  },
  {
    what: 'a dropped policy',
    by: 'DROP POLICY rowhouse_tenant ON notes',
    broken: async () => assert.deepEqual(await titles(), ['one', 'two']),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'a policy whose condition was altered',
    by: 'ALTER POLICY rowhouse_tenant ON notes USING (true)',
    broken: async () => assert.deepEqual(await titles(), ['one', 'two']),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'a policy whose check on writes was altered',
    by: 'ALTER POLICY rowhouse_tenant ON tasks WITH CHECK (true); INSERT INTO notes (client_id, id, title) VALUES (2, 99, $$n$$)',
    broken: () => server.query("INSERT INTO tasks (client_id, note_id, title) VALUES (2, 99, 'planted')"),
    mended: () => refused(server, "INSERT INTO tasks (client_id, note_id, title) VALUES (2, 99, 'planted')"),
  },
  {
    what: 'a policy made for other roles only',
    by: 'ALTER POLICY rowhouse_tenant ON notes TO tiny_operator',
    broken: async () => assert.ok((await titles()).includes('two')),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'a policy made anew as a permissive one',
    by: 'DROP POLICY rowhouse_tenant ON notes; CREATE POLICY rowhouse_tenant ON notes USING (client_id = (SELECT rowhouse.tenant_id()))',
    broken: async () => assert.ok((await titles()).includes('two')),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'row security switched off',
    by: 'ALTER TABLE notes DISABLE ROW LEVEL SECURITY',
    broken: async () => assert.ok((await titles()).includes('two')),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'row security not forced on the owner',
    by: 'ALTER TABLE notes NO FORCE ROW LEVEL SECURITY',
    broken: async () => assert.equal(await value(admin, "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'notes'::regclass"), false),
    mended: async () => assert.equal(await value(admin, "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'notes'::regclass"), true),
  },
  {
    what: 'grants to PUBLIC',
    by: 'GRANT SELECT ON notes TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT SELECT ON reference.colours TO PUBLIC',
    broken: async () => assert.equal(await value(admin, "SELECT has_table_privilege('nobody_special', 'notes', 'SELECT')"), true),
    mended: async () => {
      assert.equal(await value(admin, "SELECT has_table_privilege('nobody_special', 'notes', 'SELECT')"), false);
      assert.equal(await value(admin, "SELECT has_table_privilege('nobody_special', 'reference.colours', 'SELECT')"), false);
      assert.equal(await value(admin, "SELECT has_schema_privilege('nobody_special', 'public', 'USAGE')"), false);
    },
  },
  {
    what: 'a column granted to PUBLIC',
    by: 'GRANT SELECT (title) ON notes TO PUBLIC',
    broken: async () => assert.equal(await value(admin, "SELECT has_column_privilege('nobody_special', 'notes', 'title', 'SELECT')"), true),
    mended: async () => assert.equal(await value(admin, "SELECT has_column_privilege('nobody_special', 'notes', 'title', 'SELECT')"), false),
  },
  {
    what: 'a column granted to the server role, and a right that it may pass on',
    by: 'GRANT INSERT (id, name) ON clients TO tiny_server; GRANT SELECT ON tasks TO tiny_server WITH GRANT OPTION',
    broken: async () => {
      assert.equal(await value(admin, "SELECT has_column_privilege('tiny_server', 'clients', 'id', 'INSERT')"), true);
      assert.equal(await value(admin, "SELECT has_table_privilege('tiny_server', 'tasks', 'SELECT WITH GRANT OPTION')"), true);
    },
    mended: async () => {
      assert.equal(await value(admin, "SELECT has_any_column_privilege('tiny_server', 'clients', 'INSERT')"), false);
      assert.equal(await value(admin, "SELECT has_table_privilege('tiny_server', 'tasks', 'SELECT WITH GRANT OPTION')"), false);
      await server.query('SELECT * FROM tasks');
      await server.query("UPDATE clients SET name = 'renamed'");
    },
  },
  {
    what: 'too much for the server role: TRUNCATE, which row security does not stop',
    by: 'GRANT TRUNCATE, REFERENCES, TRIGGER ON tasks TO tiny_server',
    broken: async () => assert.equal(await value(admin, "SELECT has_table_privilege('tiny_server', 'tasks', 'TRUNCATE')"), true),
    mended: async () => {
      await refused(server, 'TRUNCATE tasks');
      assert.equal(await value(admin, "SELECT has_table_privilege('tiny_server', 'tasks', 'TRIGGER')"), false);
      await server.query('SELECT * FROM tasks');
    },
  },
  {
    what: 'writing to a reference table',
    by: 'GRANT INSERT ON reference.colours TO tiny_server',
    broken: () => server.query("INSERT INTO colours VALUES ('mud', '#630')"),
    mended: () => refused(server, "INSERT INTO colours VALUES ('sand', '#fd8')"),
  },
  {
    what: 'too little for the server role',
    by: 'REVOKE UPDATE, SELECT ON notes FROM tiny_server',
    broken: () => refused(server, 'SELECT * FROM notes'),
    mended: async () => assert.deepEqual(await titles(), ['one']),
  },
  {
    what: 'inserting tenants as the server role',
    by: 'GRANT INSERT, DELETE ON clients TO tiny_server',
    broken: async () => assert.equal(await value(admin, "SELECT has_table_privilege('tiny_server', 'clients', 'INSERT')"), true),
    mended: () => refused(server, "INSERT INTO clients (id, name) VALUES (3, 'x')"),
  },
  {
    what: 'a lost default of the tenant key',
    by: 'ALTER TABLE notes ALTER COLUMN client_id DROP DEFAULT',
    broken: () => refused(server, "INSERT INTO notes (title) VALUES ('x')"),
    mended: async () => assert.equal(await value(server, "INSERT INTO notes (title) VALUES ('filled') RETURNING client_id"), '1'),
  },
  {
    what: 'a view that runs as its owner',
    by: 'CREATE VIEW leaky AS SELECT client_id, title FROM notes; GRANT SELECT ON leaky TO tiny_server',
    broken: async () => assert.ok((await server.query('SELECT title FROM leaky')).rows.some((r) => r.title === 'two')),
    mended: async () => assert.ok((await server.query('SELECT title FROM leaky')).rows.every((r) => r.title !== 'two')),
  },
  {
    what: 'a view whose security_invoker was switched off',
    by: 'ALTER VIEW open_tasks SET (security_invoker = off)',
    broken: async () => assert.equal(await value(admin, "SELECT 'security_invoker=off' = ANY (reloptions) FROM pg_class WHERE relname = 'open_tasks'"), true),
    mended: async () => assert.equal(await value(admin, "SELECT 'security_invoker=true' = ANY (reloptions) FROM pg_class WHERE relname = 'open_tasks'"), true),
  },
  {
    what: 'a materialized view is never open: it holds rows of all',
    by: 'CREATE MATERIALIZED VIEW all_titles AS SELECT client_id, title FROM notes; GRANT SELECT ON all_titles TO tiny_server, PUBLIC',
    broken: () => server.query('SELECT * FROM all_titles'),
    mended: () => refused(server, 'SELECT * FROM all_titles'),
  },
  {
    what: 'a function without search_path, open to PUBLIC',
    by: 'CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM notes $$',
    broken: async () => assert.equal(await value(admin, "SELECT proconfig FROM pg_proc WHERE proname = 'how_many'"), null),
    mended: async () => {
      assert.deepEqual(await value(admin, "SELECT proconfig FROM pg_proc WHERE proname = 'how_many'"), ['search_path=public, reference, pg_temp']);
      assert.equal(await value(admin, "SELECT has_function_privilege('nobody_special', 'how_many()', 'EXECUTE')"), false);
      await server.query('SELECT how_many()');
      assert.equal((await app.http('POST', '/rpc/how_many', { tenant: 'one', body: {} })).status, 200);
    },
  },
  {
    what: 'a SECURITY DEFINER function of a superuser\'s hand',
    by: 'CREATE FUNCTION everything() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT title FROM notes $$; GRANT EXECUTE ON FUNCTION everything() TO tiny_server',
    broken: async () => assert.ok((await server.query('SELECT everything() AS t')).rows.some((r) => r.t === 'two')),
    mended: async () => {
      assert.equal(await value(admin, "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'everything'"), 'tiny_owner');
      assert.ok((await server.query('SELECT everything() AS t')).rows.every((r) => r.t !== 'two'));
    },
  },
  {
    what: 'ownership',
    by: `ALTER TABLE notes OWNER TO postgres; ALTER VIEW open_tasks OWNER TO postgres; ALTER FUNCTION finish_task OWNER TO postgres;
      ALTER TABLE reference.colours OWNER TO postgres; CREATE TYPE mood AS ENUM ('calm'); CREATE SEQUENCE loose; ALTER SCHEMA public OWNER TO postgres`,
    broken: async () => assert.equal(await value(admin, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'notes'::regclass"), 'postgres'),
    mended: async () => {
      const { rows } = await admin.query(`
        SELECT c.relname AS name FROM pg_class c WHERE relnamespace IN ('public'::regnamespace, 'reference'::regnamespace) AND pg_get_userbyid(relowner) <> 'tiny_owner'
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'reference'::regnamespace) AND pg_get_userbyid(proowner) <> 'tiny_owner'
        UNION ALL SELECT typname FROM pg_type WHERE typnamespace IN ('public'::regnamespace, 'reference'::regnamespace) AND pg_get_userbyid(typowner) <> 'tiny_owner'
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'reference', 'rowhouse') AND pg_get_userbyid(nspowner) <> 'tiny_owner'`);
      assert.deepEqual(rows, []);
      assert.deepEqual(await titles().then((t) => t.includes('two')), false);
    },
  },
  {
    what: 'tenant_id() replaced by something that believes everybody',
    by: 'CREATE OR REPLACE FUNCTION rowhouse.tenant_id() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 2::bigint $$',
    broken: async () => assert.ok((await titles()).includes('two')),
    mended: async () => assert.ok(!(await titles()).includes('two')),
  },
];

describe('mended by the next migrate:', () => {
  before(() => admin.query('CREATE ROLE nobody_special'));
  for (const b of BREAKS)
    test(b.what, async () => {
      await admin.query(b.by);
      await b.broken();
      await migrate();
      await b.mended();
      assert.equal(await migrate(), 0, 'the next migrate has nothing to do');
    });
});

test('the app\'s own permissive policy cannot widen, its restrictive one narrows', async () => {
  app.write({
    'tenant/0002_policies.sql': `CREATE POLICY everyone ON notes FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY starry ON tasks AS RESTRICTIVE FOR SELECT TO PUBLIC USING (NOT done);
INSERT INTO tasks (client_id, id, note_id, title, done) VALUES (1, 100, 1, 'open', false), (1, 101, 1, 'closed', true);
`,
  });
  await migrate();
  assert.ok(!(await titles()).includes('two'));
  await refused(server, "INSERT INTO notes (client_id, title) VALUES (2, 'planted')");
  const { json } = await app.http('GET', '/tasks?select=title&id=gte.100', { tenant: 'one' });
  assert.deepEqual(json, [{ title: 'open' }]);
  assert.equal(await migrate(), 0);
});

test('an unbound session gets an error, not an empty answer', async () => {
  const unbound = await app.sql('server');
  for (const sql of ['SELECT * FROM public.notes', 'SELECT count(*) FROM public.open_tasks', "UPDATE public.notes SET title = 'x'", 'DELETE FROM public.tasks', "INSERT INTO public.notes (title) VALUES ('x')"])
    await assert.rejects(unbound.query(sql), { code: 'RH001', message: 'no tenant is bound to this session' }, sql);
  await unbound.query("SELECT set_config('rowhouse.tenant', '1', true)"); // gone after the statement
  await assert.rejects(unbound.query('SELECT * FROM public.notes'), { code: 'RH001' });
  assert.equal((await unbound.query('SELECT * FROM reference.colours')).rowCount, 3);
});

test('the server role cannot get out of its place', async () => {
  for (const sql of [
    'CREATE TABLE public.mine (x int)', 'CREATE TEMP TABLE mine (x int)', 'CREATE SCHEMA mine', 'SET ROLE tiny_owner', 'SET ROLE tiny_operator',
    'SET SESSION AUTHORIZATION postgres', 'ALTER TABLE public.notes DISABLE ROW LEVEL SECURITY', 'DROP POLICY rowhouse_tenant ON public.notes',
    'SELECT * FROM rowhouse.applied_migrations', 'COPY public.notes TO PROGRAM $$id$$', 'SELECT pg_read_file($$/etc/passwd$$)',
    'CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', 'ALTER ROLE tiny_server BYPASSRLS',
  ])
    await refused(server, sql);
  await server.query('SET row_security = off');
  await refused(server, 'SELECT * FROM public.notes');
  await server.query('RESET row_security');
});
