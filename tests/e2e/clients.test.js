// SPDX-License-Identifier: Apache-2.0
//
// Clients that people use, unchanged: postgrest-js against the data door; knex and pg against the database, as the
// operator's own programs and as a tenant's session.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PostgrestClient } from '@supabase/postgrest-js';
import knexModule from 'knex';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const sh = promisify(execFile);

let app;

before(async () => {
  app = await startApp({ files: makeApp() });
  for (const slug of ['one', 'two']) await app.ok(['tenant', 'create', slug, '--profile', `plan=${slug}s`]);
});
after(() => app?.stop());

describe('postgrest-js', () => {
  const clients = {};
  before(async () => {
    for (const slug of ['one', 'two']) clients[slug] = new PostgrestClient(app.data, { headers: { Authorization: `Bearer ${await app.token(slug)}` } });
  });

  /** The data of an answer that must be no error. */
  async function data(query) {
    const { data, error, status } = await query;
    assert.equal(error, null, JSON.stringify(error) + status);
    return data;
  }

  test('insert one and many, with and without the rows back', async () => {
    const one = await data(clients.one.from('notes').insert({ id: 1, title: 'first', tags: ['a', 'b'], extra: { colour: 'red', n: [1, 2] } }).select());
    assert.deepEqual(one, [{ client_id: 1, id: 1, title: 'first', body: null, stars: 0, tags: ['a', 'b'], extra: { colour: 'red', n: [1, 2] } }]);
    assert.equal(await data(clients.one.from('notes').insert([{ id: 2, title: 'second', stars: 3 }, { id: 3, title: 'third', stars: 5 }])), null);
    const two = await data(clients.two.from('notes').insert([{ id: 1, title: 'of two' }]).select('id,title').single());
    assert.deepEqual(two, { id: 1, title: 'of two' });
    await data(clients.one.from('tasks').insert([{ id: 1, note_id: 1, title: 'write', done: false }, { id: 2, note_id: 1, title: 'read', done: true }]));
    await data(clients.one.from('tasks').insert({ id: 3, note_id: 2, title: 'think' }));
    // the client names the columns of all rows, and one that a row leaves out is null
    const uneven = await clients.one.from('tasks').insert([{ note_id: 1, title: 'x' }, { note_id: 1, title: 'y', done: true }]);
    assert.deepEqual([uneven.status, uneven.error.code], [400, '23502']);
  });

  test('select: columns, renames, casts, json paths', async () => {
    assert.deepEqual(await data(clients.one.from('notes').select('nr:id,title,stars::text,extra->colour,first:extra->n->>0').eq('id', 1)), [{ nr: 1, title: 'first', stars: '0', colour: 'red', first: '1' }]);
  });

  test('schemas are what every app has, whatever the tenant\'s is called', async () => {
    const at = (schema) => clients.one.schema(schema);
    assert.deepEqual(await data(at('public').from('notes').select('id').eq('id', 1)), [{ id: 1 }]);
    assert.deepEqual(await data(at('public').from('colours').select('name').limit(1)), await data(at('reference').from('colours').select('name').limit(1)));
    const tenant = await at('reference').from('notes').select();
    assert.deepEqual([tenant.status, tenant.error.code], [404, 'PGRST205']);
    assert.equal((await at('reference').from('notes').insert({ id: 99, title: 'x' })).status, 404);
    for (const hidden of ['rowhouse', 'h_1', 'pg_catalog']) {
      const { status, error } = await at(hidden).from('notes').select();
      assert.deepEqual([status, error.code, error.hint], [406, 'PGRST106', 'Only the following schemas are exposed: public, reference']);
    }
  });

  test('filters', async () => {
    const ids = async (build) => (await data(build(clients.one.from('notes').select('id')).order('id'))).map((r) => r.id);
    assert.deepEqual(await ids((q) => q.gt('stars', 2)), [2, 3]);
    assert.deepEqual(await ids((q) => q.in('id', [1, 3, 99])), [1, 3]);
    assert.deepEqual(await ids((q) => q.like('title', '%ir%')), [1, 3]);
    assert.deepEqual(await ids((q) => q.ilike('title', 'SEC%')), [2]);
    assert.deepEqual(await ids((q) => q.is('body', null)), [1, 2, 3]);
    assert.deepEqual(await ids((q) => q.not('stars', 'eq', 0)), [2, 3]);
    assert.deepEqual(await ids((q) => q.or('stars.eq.5,title.eq.first')), [1, 3]);
    assert.deepEqual(await ids((q) => q.contains('tags', ['a'])), [1]);
    assert.deepEqual(await ids((q) => q.contains('extra', { colour: 'red' })), [1]);
    assert.deepEqual(await ids((q) => q.eq('extra->>colour', 'red')), [1]);
    assert.deepEqual(await ids((q) => q.match({ stars: 3, title: 'second' })), [2]);
    assert.deepEqual(await ids((q) => q.eq('title', `"quoted", (strange) 'text' \\ & = #`)), []);
  });

  test('order, limit, range, count', async () => {
    const { data: page, count } = await clients.one.from('notes').select('id', { count: 'exact' }).order('stars', { ascending: false }).range(0, 1);
    assert.deepEqual([page.map((r) => r.id), count], [[3, 2], 3]);
    const head = await clients.one.from('notes').select('*', { count: 'exact', head: true });
    assert.deepEqual([head.data, head.count], [null, 3]);
    assert.deepEqual(await data(clients.one.from('notes').select('id').order('id').limit(1)), [{ id: 1 }]);
    assert.equal(await data(clients.one.from('notes').select('id').eq('id', 99).maybeSingle()), null);
    const none = await clients.one.from('notes').select('id').eq('id', 99).single();
    assert.deepEqual([none.status, none.error.code], [406, 'PGRST116']);
  });

  test('embedding to-many and to-one', async () => {
    assert.deepEqual(await data(clients.one.from('notes').select('title,tasks(title,done)').order('id').order('id', { referencedTable: 'tasks' })), [
      { title: 'first', tasks: [{ title: 'write', done: false }, { title: 'read', done: true }] },
      { title: 'second', tasks: [{ title: 'think', done: false }] },
      { title: 'third', tasks: [] },
    ]);
    assert.deepEqual(await data(clients.one.from('tasks').select('title,notes(title,clients(name,plan))').eq('id', 3).single()), { title: 'think', notes: { title: 'second', clients: { name: 'one', plan: 'ones' } } });
    assert.deepEqual(await data(clients.two.from('notes').select('title,tasks(title)')), [{ title: 'of two', tasks: [] }]);
  });

  test('update and delete reach only what is theirs', async () => {
    assert.deepEqual(await data(clients.one.from('notes').update({ stars: 4 }).eq('id', 1).select('id,stars')), [{ id: 1, stars: 4 }]);
    assert.deepEqual(await data(clients.two.from('notes').select('id,stars')), [{ id: 1, stars: 0 }]);
    assert.deepEqual(await data(clients.two.from('notes').delete().in('id', [1, 2, 3]).select('title')), [{ title: 'of two' }]);
    assert.equal((await data(clients.one.from('notes').select('id'))).length, 3);
    assert.deepEqual(await data(clients.two.from('notes').update({ title: 'mine now' }).eq('client_id', 1).select()), []);
  });

  test('another tenant\'s key is refused, in a row and in an update', async () => {
    for (const query of [clients.two.from('notes').insert({ client_id: 1, title: 'planted' }), clients.two.from('notes').insert([{ title: 'ok' }, { client_id: 1, title: 'planted' }]), clients.one.from('notes').update({ client_id: 2 }).eq('id', 3)]) {
      const { status, error } = await query;
      assert.equal(status, 403);
      assert.equal(error.code, 'foreign_tenant');
    }
    assert.deepEqual(await data(clients.two.from('notes').select('id')), []);
    assert.equal((await clients.two.from('notes').insert({ client_id: 2, title: 'my own' })).status, 201);
  });

  test('upsert merges or ignores what is there, of one\'s own rows only', async () => {
    const rows = [{ id: 3, title: 'merged' }, { id: 50, title: 'new' }];
    const merged = await clients.two.from('notes').upsert(rows).select('id,title').order('id');
    assert.deepEqual([merged.status, merged.data], [201, rows], 'tenant one has a note 3 of its own');
    assert.equal((await clients.two.from('notes').upsert(rows)).status, 200);
    assert.deepEqual(await data(clients.two.from('notes').upsert([{ id: 3, title: 'no' }, { id: 51, title: 'yes' }], { ignoreDuplicates: true }).select('id')), [{ id: 51 }]);
    await data(clients.two.from('notes').delete().neq('title', 'my own'));
    assert.deepEqual(await data(clients.two.from('notes').insert([{ title: 'a' }, { title: 'b', stars: 3 }], { defaultToNull: false }).select('title,stars').order('title')), [{ title: 'a', stars: 0 }, { title: 'b', stars: 3 }]);
    assert.deepEqual(await data(clients.one.from('notes').select('title').eq('id', 3)), [{ title: 'third' }]);
    await data(clients.two.from('notes').delete().neq('title', 'my own'));
  });

  test('rpc, by POST and by GET', async () => {
    assert.deepEqual(await data(clients.one.rpc('finish_task', { task: 1 })), [{ client_id: 1, id: 1, note_id: 1, title: 'write', done: true }]);
    assert.deepEqual(await data(clients.two.rpc('finish_task', { task: 3 })), [], 'another tenant\'s task');
    assert.deepEqual(await data(clients.one.from('open_tasks').select('title')), [{ title: 'think' }]);
    const missing = await clients.one.rpc('no_such', {});
    assert.deepEqual([missing.status, missing.error.code], [404, 'PGRST202']);
    const byGet = await clients.one.rpc('finish_task', { task: 3 }, { get: true });
    assert.equal(byGet.status, 405, 'a function that writes is not for GET');
  });

  test('errors arrive as the client expects them', async () => {
    const cases = [
      [clients.one.from('nothing').select(), 404, 'PGRST205'],
      [clients.one.from('notes').select('nothing'), 400, '42703'],
      [clients.one.from('notes').select('colours(name)'), 400, 'PGRST200'],
      [clients.one.from('notes').insert({ title: null }), 400, '23502'],
      [clients.one.from('notes').insert({ id: 1, title: 'again' }), 409, '23505'],
      [clients.one.from('notes').insert({ title: 'x', stars: -1 }), 400, '23514'],
      [clients.one.from('tasks').insert({ id: 100, note_id: 999, title: 'x' }), 409, '23503'],
      [clients.one.from('colours').insert({ name: 'x', rgb: 'y' }), null, null],
      [clients.one.from('clients').delete().eq('id', 1), null, null],
    ];
    for (const [i, [query, status, code]] of cases.entries()) {
      const r = await query;
      assert.ok(r.error, String(i));
      if (status) assert.deepEqual([r.status, r.error.code], [status, code], `${i}: ${JSON.stringify(r.error)}`);
      else assert.ok(r.status >= 400 && r.status < 500, `${i}: ${r.status}`);
      assert.deepEqual(Object.keys(r.error).filter((k) => !['name', 'stack'].includes(k)).sort(), ['code', 'details', 'hint', 'message']);
    }
    assert.equal((await data(clients.one.from('colours').select('name').order('name'))).length, 2);
  });

  test('without a token, or with one of nobody\'s', async () => {
    for (const token of [null, 'x.y.z', await app.sign({ tenant: '1' }, { secret: 'x'.repeat(32) }), await app.sign({})]) {
      const client = new PostgrestClient(app.data, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
      const { status, data } = await client.from('notes').select();
      assert.deepEqual([status, data], [401, null]);
    }
    const unknown = new PostgrestClient(app.data, { headers: { Authorization: `Bearer ${await app.sign({ tenant: '4711' })}` } });
    assert.equal((await unknown.from('notes').select()).status, 403);
  });
});

describe('knex', () => {
  const open = [];
  after(() => Promise.all(open.map((k) => k.destroy())));

  /** A pool of one as the role; tenant: bound when the connection is made. */
  function connect(role, tenant) {
    const server = app.postmaster;
    const k = knexModule({
      client: 'pg',
      connection: { host: server.socketDir, port: server.port, database: app.name, user: `${app.name}_${role}`, password: app.secret(`${role}_password`) },
      pool: {
        min: 0,
        max: 1,
        afterCreate: (conn, done) => conn.query(`SET search_path = public, reference; SELECT set_config('rowhouse.tenant', '${tenant ?? ''}', false)`, (err) => done(err, conn)),
      },
    });
    open.push(k);
    return k;
  }

  test('a report over all tenants, as the operator', async () => {
    const rows = await connect('operator')('notes').join('clients', 'clients.id', 'notes.client_id').select('clients.name').count('* as n').groupBy('clients.name').orderBy('clients.name');
    assert.deepEqual(rows, [{ name: 'one', n: '3' }, { name: 'two', n: '1' }]);
  });

  test('a tenant\'s session: its rows, its key, transactions', async () => {
    const db = connect('server', 2);
    assert.deepEqual(await db('notes').pluck('title'), ['my own']);
    const [made] = await db('notes').insert({ title: 'by knex', extra: JSON.stringify({ a: 1 }) }).returning(['client_id', 'title']);
    assert.deepEqual(made, { client_id: '2', title: 'by knex' });
    await assert.rejects(
      db.transaction(async (trx) => {
        await trx('notes').update({ title: 'gone' });
        await trx('notes').insert({ client_id: 1, title: 'planted' });
      }),
      { code: '42501' },
    );
    assert.deepEqual(await db('notes').orderBy('title').pluck('title'), ['by knex', 'my own']);
    assert.equal(await db('notes').where({ client_id: 1 }).del(), 0);
    await assert.rejects(db.schema.createTable('mine', (t) => t.increments()), { code: '42501' });
  });

  test('a session that forgot to say whose it is', async () => {
    await assert.rejects(connect('server')('notes').select(), { code: 'RH001' });
  });
});

describe('curl, with psql as the oracle', () => {
  /** What the same tenant is told by its own SQL. */
  const QUESTIONS = [
    ['/notes?order=id', 'SELECT * FROM notes ORDER BY id'],
    ['/notes?select=id,title,stars&or=(stars.gt.3,stars.is.null)&order=title.desc', 'SELECT id, title, stars FROM notes WHERE stars > 3 OR stars IS NULL ORDER BY title DESC'],
    ['/notes?select=title,n:extra->n,tags&tags=ov.{a,z}', "SELECT title, extra -> 'n' AS n, tags FROM notes WHERE tags && '{a,z}'"],
    ['/tasks?select=title,...notes(note:title)&order=id&limit=2&offset=1', 'SELECT t.title, n.title AS note FROM tasks t JOIN notes n ON n.id = t.note_id ORDER BY t.id LIMIT 2 OFFSET 1'],
    ['/open_tasks?title=ilike.*i*', "SELECT * FROM open_tasks WHERE title ILIKE '%i%'"],
    ['/colours?order=name', 'SELECT * FROM reference.colours ORDER BY name'],
    ['/notes?title=eq.nothing', "SELECT * FROM notes WHERE title = 'nothing'"],
  ];
  /** The outputs of one command for each question. */
  const psql = async (slug, command) => (await app.ok(['psql', slug, '--', '-XqAt', ...QUESTIONS.flatMap(([, sql]) => ['-c', command(sql), '-c', '\\echo ----'])])).split('----\n');

  test('values and CSV are those of psql, for each tenant', async () => {
    for (const slug of ['one', 'two']) {
      const token = await app.token(slug);
      const curl = async (path, accept) => (await sh('curl', ['-gsS', '--fail', '-H', `Authorization: Bearer ${token}`, '-H', `Accept: ${accept}`, app.data + path])).stdout;
      const values = await psql(slug, (sql) => `SELECT coalesce(json_agg(q), '[]') FROM (${sql}) q`);
      const csv = await psql(slug, (sql) => `\\copy (${sql}) TO STDOUT (FORMAT csv, HEADER)`);
      for (const [i, [path]] of QUESTIONS.entries()) {
        assert.deepEqual(JSON.parse(await curl(path, 'application/json')), JSON.parse(values[i]), `${slug} ${path}`);
        assert.equal(await curl(path, 'text/csv'), csv[i], `${slug} ${path} as CSV`);
      }
    }
  });
});

describe('pg', () => {
  test('prepared statements are not another tenant\'s, when the session\'s tenant changes', async () => {
    const client = await app.sql('server', { tenant: 1 });
    const query = { name: 'titles', text: 'SELECT client_id FROM public.notes GROUP BY 1' };
    for (let i = 0; i < 8; i++) {
      const tenant = String((i % 2) + 1);
      await client.query("SELECT set_config('rowhouse.tenant', $1, false)", [tenant]);
      assert.deepEqual((await client.query(query)).rows, [{ client_id: tenant }]);
    }
    await client.query("SELECT set_config('rowhouse.tenant', '', false)");
    await assert.rejects(client.query(query), { code: 'RH001' });
    await client.query("SELECT set_config('rowhouse.tenant', 'x', false)");
    await assert.rejects(client.query(query), { code: '22P02' });
  });
});
