// SPDX-License-Identifier: Apache-2.0
//
// `rowhouse serve --adopt`: a database that PostgREST's users have, with their schemas, roles and policies unchanged.
// The tutorials and the how-to are PostgREST's, word for word.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { after, before, describe, test } from 'node:test';
import { PostgrestClient } from '@supabase/postgrest-js';
import { makeServer, SECRET, serve, sign } from './lib/database.js';
import { rowhouse, until } from './lib/harness.js';
import { freePort } from './lib/node.js';
import { removeDir, tempDir } from './lib/processes.js';

const sh = promisify(execFile);
let server;

before(async () => {
  server = await makeServer();
  await server.sql(`
    create role authenticator noinherit login password 'mysecretpassword';
    create role web_anon nologin; grant web_anon to authenticator;
    create role todo_user nologin; grant todo_user to authenticator;
    create role boss superuser; grant boss to authenticator;
    create role ann; create role bob; grant ann, bob to authenticator;
    create role stranger;`);
});
after(() => server?.stop());

const uri = (database) => `postgres://authenticator:mysecretpassword@localhost:${server.port}/${database}?host=127.0.0.1`;

/** A database with what the SQL makes, served with the settings on top of db-uri. */
async function database(t, name, sql, conf, options = {}) {
  await server.sql(`create database ${name}`);
  await server.sql(sql, name);
  return serve(t, { conf: `db-uri = "${uri(name)}"\njwt-secret = "${SECRET}"\n${conf}`, ...options });
}

function file(dir, conf) {
  const at = path.join(dir, 'postgrest.conf');
  fs.writeFileSync(at, conf);
  return at;
}

const ONE = { args: ['--set', 'data.threads=1', '--set', 'data.connections=1'] }; // everybody in one pipeline

describe('the tutorials', () => {
  const TUT0 = `
    create schema api;
    create table api.todos (
      id serial primary key,
      done boolean not null default false,
      task text not null,
      due timestamptz
    );
    insert into api.todos (task) values
      ('finish tutorial 0'), ('pat self on back');
    grant usage on schema api to web_anon;
    grant select on api.todos to web_anon;`;
  const TUT1 = `
    grant usage on schema api to todo_user;
    grant all on api.todos to todo_user;
    grant usage, select on sequence api.todos_id_seq to todo_user;
    create schema auth;
    grant usage on schema auth to web_anon, todo_user;
    create or replace function auth.check_token() returns void
      language plpgsql
      as $$
    begin
      if current_setting('request.jwt.claims', true)::json->>'email' =
         'disgruntled@mycompany.com' then
        raise insufficient_privilege
          using hint = 'Nope, we are on to you';
      end if;
    end
    $$;`;

  test('0 and 1, with curl', async (t) => {
    const s = await database(t, 'tutorial', TUT0 + TUT1,
      'db-schemas = "api"\ndb-anon-role = "web_anon"\n\n# add this line to tutorial.conf\ndb-pre-request = "auth.check_token"\n');
    const curl = async (...args) => {
      const { stdout } = await sh('curl', ['-s', '-w', '\n%{http_code}', `${s.url}/todos`, ...args]);
      const at = stdout.lastIndexOf('\n');
      return [Number(stdout.slice(at)), stdout.slice(0, at) && JSON.parse(stdout.slice(0, at))];
    };
    const json = ['-H', 'Content-Type: application/json'];
    const TOKEN = ['-H', `Authorization: Bearer ${sign({ role: 'todo_user' })}`];
    assert.deepEqual(await curl(), [200, [
      { id: 1, done: false, task: 'finish tutorial 0', due: null }, { id: 2, done: false, task: 'pat self on back', due: null }]]);
    assert.deepEqual(await curl('-X', 'POST', ...json, '-d', '{"task": "do bad thing"}'),
      [401, { hint: null, details: null, code: '42501', message: 'permission denied for table todos' }]);
    assert.deepEqual(await curl('-X', 'POST', ...TOKEN, ...json, '-d', '{"task": "learn how to auth"}'), [201, '']);
    assert.deepEqual(await curl('-X', 'PATCH', ...TOKEN, ...json, '-d', '{"done": true}'), [204, '']);
    assert.deepEqual((await curl())[1].map((r) => [r.task, r.done]),
      [['finish tutorial 0', true], ['pat self on back', true], ['learn how to auth', true]]);
    const [status, body] = await curl('-H', `Authorization: Bearer ${sign({ role: 'todo_user', exp: Math.floor(Date.now() / 1000) - 300 })}`);
    assert.deepEqual([status, body.message], [401, 'JWT expired']);
    const WAYWARD = ['-H', `Authorization: Bearer ${sign({ role: 'todo_user', email: 'disgruntled@mycompany.com' })}`];
    assert.deepEqual(await curl('-X', 'PATCH', ...WAYWARD, ...json, '-d', '{"task": "AAAHHHH!", "done": false}'),
      [403, { hint: 'Nope, we are on to you', details: null, code: '42501', message: 'insufficient_privilege' }]);
  });

  test('postgrest-js', async (t) => {
    const s = await database(t, 'tutorial_js', TUT0 + TUT1, 'db-schemas = "api"\ndb-anon-role = "web_anon"\n');
    const anybody = new PostgrestClient(s.url, { schema: 'api' });
    const user = new PostgrestClient(s.url, { schema: 'api', headers: { Authorization: `Bearer ${sign({ role: 'todo_user' })}` } });
    assert.equal((await anybody.from('todos').insert({ task: 'x' })).status, 401);
    const { data, error } = await user.from('todos').insert({ task: 'by postgrest-js' }).select('id,task').single();
    assert.deepEqual([error, data], [null, { id: 3, task: 'by postgrest-js' }]);
    assert.equal((await anybody.from('todos').select('*', { count: 'exact', head: true })).count, 3);
    const other = await new PostgrestClient(s.url, { schema: 'public' }).from('todos').select();
    assert.deepEqual([other.status, other.error.code, other.error.message, other.error.hint],
      [406, 'PGRST106', 'Invalid schema: public', 'Only the following schemas are exposed: api']);
  });
});

describe('who asks', () => {
  const TWO = `
    create schema api; grant usage on schema api to ann, bob, web_anon, boss;
    create table api.notes (id serial primary key, owner name default current_user, body text);
    alter table api.notes enable row level security;
    create policy own on api.notes using (owner = current_user) with check (owner = current_user);
    grant all on api.notes to ann, bob; grant usage on sequence api.notes_id_seq to ann, bob;
    insert into api.notes (owner, body) values ('ann', 'canary-of-ann'), ('bob', 'canary-of-bob');
    create function api.me() returns json stable language sql as $$
      select json_build_object('user', current_user, 'session', session_user, 'claims', current_setting('request.jwt.claims', true)::json,
        'path', current_setting('search_path'), 'mine', current_setting('my.own', true), 'secret', current_setting('app.settings.word', true)) $$;
    create function api.stray(how text) returns text language plpgsql as $$ begin
      if how = 'session' then perform set_config('role', 'bob', false);
      elsif how = 'none' then perform set_config('role', 'none', false);
      elsif how = 'reset' then reset role;
      elsif how = 'set' then set role bob;
      end if;
      perform set_config('my.own', 'left by ' || how, false), set_config('search_path', 'pg_catalog', false),
        set_config('request.jwt.claims', '{"role":"bob"}', false), set_config('statement_timeout', '1', false);
      if how = 'fail' then raise exception 'as it was asked to'; end if;
      return current_user;
    end $$;`;
  const CONF = 'db-schemas = "api"\ndb-anon-role = "web_anon"\napp.settings.word = "of the conf"\n';
  const asAnn = { token: sign({ role: 'ann' }) };
  const asBob = { token: sign({ role: 'bob' }) };

  test('a role has its own rows, in one pipeline, whatever the job before has done', async (t) => {
    const s = await database(t, 'two', TWO, CONF, ONE);
    const all = [];
    for (let i = 0; i < 60; i++) {
      const [mine, who] = i % 2 ? [asAnn, 'ann'] : [asBob, 'bob'];
      const how = ['session', 'none', 'reset', 'set', 'fail'][i % 5];
      all.push(s.ask('/rpc/stray', { ...asAnn, json: { how } }).then((r) => assert.equal(r.status, how === 'fail' ? 400 : 200, JSON.stringify(r.body))));
      all.push(s.ask('/notes?select=body', mine).then((r) => assert.deepEqual(r.body, [{ body: `canary-of-${who}` }])));
      all.push(s.ask('/rpc/me', mine).then((r) => assert.deepEqual(r.body, {
        user: who, session: 'authenticator', claims: { role: who }, path: '"api", "public", pg_temp', mine: r.body.mine, secret: 'of the conf' })
        ?? assert.ok(!r.body.mine, r.body.mine)));
      all.push(s.ask('/rpc/me').then((r) => assert.deepEqual([r.body.user, r.body.claims], ['web_anon', { role: 'web_anon' }])));
      if (i % 6 === 0) all.push(s.ask('/notes?select=body', { ...mine, headers: { Accept: 'text/csv' } }).then((r) => assert.equal(r.body.trim(), `body\ncanary-of-${who}`)));
      if (i % 7 === 0) all.push(s.ask('/notes?select=body').then((r) => assert.deepEqual([r.status, r.body.code], [401, '42501'])));
    }
    await Promise.all(all);
    const { rows } = await server.sql("select count(*)::int as n from pg_stat_activity where datname = 'two' and usename = 'authenticator'");
    assert.ok(rows[0].n <= 2); // the pool's one and the watch's
  });

  test('roles that nobody may be', async (t) => {
    const s = await database(t, 'nobody', TWO, CONF);
    const as = async (claims, secret) => {
      const r = await s.ask('/notes', { token: sign(claims, secret) });
      return [r.status, r.body.code];
    };
    assert.deepEqual(await as({ role: 'authenticator' }), [403, 'forbidden']);
    assert.deepEqual(await as({ role: 'none' }), [403, 'forbidden']);
    assert.deepEqual(await as({ role: 'boss' }), [403, 'forbidden']);
    assert.deepEqual(await as({ role: 'stranger' }), [403, '42501']);
    assert.deepEqual(await as({ role: 'nosuch' }), [401, '22023']);
    assert.deepEqual(await as({ role: 'x'.repeat(64) }), [401, 'PGRST303']);
    assert.deepEqual(await as({ role: ['ann'] }), [401, 'PGRST303']);
    assert.deepEqual(await as({ role: 'ann' }, 'another secret of thirty-two bytes'), [401, 'PGRST301']);
    assert.deepEqual(await as({ role: 'ann"; reset role; --' }), [401, '22023']);
    assert.deepEqual(await as({}), [401, '42501']); // a token, but everybody's role
    assert.deepEqual(await as({ role: null }), [401, '42501']);
    assert.deepEqual(await as({ role: 'ann' }), [200, undefined]);
  });

  test('a role that may see less is not served by what was prepared for one that may see more', async (t) => {
    const s = await database(t, 'less', `create schema api; grant usage on schema api to ann;
      create table api.notes as select 'of ann'::text as body; grant select on api.notes to ann, bob`, 'db-schemas = "api"\n', ONE);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual((await s.ask('/notes', asAnn)).body, [{ body: 'of ann' }]);
      assert.deepEqual((await s.ask('/notes', asBob)).body.message, 'permission denied for schema api');
    }
    assert.deepEqual((await s.ask('/notes')).body, { code: 'PGRST302', message: 'Anonymous access is disabled', details: null, hint: null });
  });

  test('temporary tables that a function leaves behind are gone', async (t) => {
    const s = await database(t, 'temporary', `create schema api; grant usage on schema api to ann, todo_user;
      create function api.keep(what text) returns int language plpgsql as $$ begin
        create temp table if not exists basket (item text); insert into basket values (what); return (select count(*) from basket); end $$;
      create function api.kept() returns text language plpgsql as $$ begin return (select string_agg(item, ',') from basket); end $$`, 'db-schemas = "api"\n', ONE);
    const as = (user, target, json) => s.ask(target, { token: sign({ role: 'todo_user', user }), json });
    await Promise.all([...Array(24).keys()].map(async (i) => {
      if (i % 2) assert.deepEqual((await as(i, '/rpc/keep', { what: `canary-${i}` })).body, 1);
      else assert.deepEqual((await as(i, '/rpc/kept')).body.code, '42P01');
    }));
    // a client's words are no news of the session
    const said = await s.ask('/rpc/kept', { token: sign({ role: 'ann' }), headers: { Prefer: 'timezone=rowhouse: a session that was used' } });
    assert.deepEqual([said.status, said.body.code], [400, '22023']);
    assert.deepEqual((await s.ask('/rpc/kept', { token: sign({ role: 'rowhouse: a session that was used' }) })).status, 401);
  });

  test('a large body is loaded as the role that sends it, held to its policies row by row', async (t) => {
    const s = await database(t, 'loads', TWO, 'db-schemas = "api"\n', ONE);
    const load = async (role, rows) => {
      const r = await fetch(`${s.url}/notes`, { method: 'POST', body: `owner,body\n${rows.join('')}`,
        headers: { Authorization: `Bearer ${sign({ role })}`, 'Content-Type': 'text/csv', Prefer: 'count=exact' } });
      return [r.status, r.status === 201 ? r.headers.get('content-range') : (await r.json()).code];
    };
    const seen = async (role) => (await s.ask('/notes?select=owner&owner=neq.x', { token: sign({ role }) })).body.length;
    const rows = (owner) => Array.from({ length: 4000 }, (_, i) => `${owner},${'x'.repeat(40)} ${i}\n`);
    const mixed = rows('ann');
    mixed[3000] = 'bob,x\n';
    assert.deepEqual(await load('ann', mixed), [403, '42501']);
    assert.deepEqual(await load('web_anon', rows('web_anon')), [403, '42501']);
    assert.deepEqual([await seen('ann'), await seen('bob')], [1, 1]);
    assert.deepEqual(await Promise.all([load('ann', rows('ann')), load('bob', rows('bob'))]), [[201, '*/4000'], [201, '*/4000']]);
    assert.deepEqual([await seen('ann'), await seen('bob')], [4001, 4001]);
  });

  test('a tenant is a claim that policies read', async (t) => {
    const s = await database(t, 'claims', `
      create schema api; grant usage on schema api to todo_user;
      create table api.chats (id int primary key, tenant_id text not null default (current_setting('request.jwt.claims', true)::json->>'tenant'), message text);
      insert into api.chats select i, 't' || i % 5, 'canary-t' || i % 5 from generate_series(1, 100) i;
      alter table api.chats enable row level security;
      create policy tenant on api.chats to todo_user
        using (tenant_id = current_setting('request.jwt.claims', true)::json->>'tenant');
      grant select, insert on api.chats to todo_user;`, 'db-schemas = "api"\n', ONE);
    await Promise.all([...Array(100).keys()].map(async (i) => {
      const tenant = `t${i % 6}`; // t5 has nothing
      const { body } = await s.ask('/chats?select=message', { token: sign({ role: 'todo_user', tenant, i: i % 11 }) });
      assert.equal(body.length, i % 6 === 5 ? 0 : 20);
      assert.ok(body.every((r) => r.message === `canary-${tenant}`));
    }));
    assert.deepEqual((await s.ask('/chats', { token: sign({ role: 'todo_user' }) })).body, []);
    const put = await s.ask('/chats', { token: sign({ role: 'todo_user', tenant: 't1' }), json: { id: 900, tenant_id: 't2' } });
    assert.deepEqual([put.status, put.body.code], [403, '42501']);
  });
});

describe('schemas', () => {
  const THREE = ['one', 'two', 'shared'].map((name) => `
    create schema ${name}; grant usage on schema ${name} to web_anon;
    create table ${name}.things (id int primary key, body text); insert into ${name}.things values (1, 'canary-${name}');
    grant all on ${name}.things to web_anon;
    create function ${name}.count_things() returns bigint stable language plpgsql as 'begin return (select count(*) from things); end';`).join('') +
    `create function shared.helper() returns text stable language sql as $$ select 'found' $$; grant execute on function shared.helper to web_anon;
     create function one.uses() returns text stable language plpgsql as $$ begin return helper(); end $$;
     create materialized view one.totals as select count(*) as n from one.things; grant select on one.totals to web_anon;`;

  test('are named by profiles', async (t) => {
    const s = await database(t, 'profiles', THREE, 'db-schemas = "one, two"\ndb-extra-search-path = "shared"\ndb-anon-role = "web_anon"\n', ONE);
    const read = (schema, target = '/things?select=body') => s.ask(target, { headers: schema ? { 'Accept-Profile': schema } : {} });
    for (const [asked, got] of [[null, 'one'], ['one', 'one'], ['two', 'two']]) {
      const r = await read(asked);
      assert.deepEqual([r.body, r.headers.get('content-profile')], [[{ body: `canary-${got}` }], got]);
    }
    const no = await read('shared');
    assert.deepEqual([no.status, no.body.code, no.body.hint], [406, 'PGRST106', 'Only the following schemas are exposed: one, two']);
    const wrote = await s.ask('/things', { json: { id: 2, body: 'x' }, headers: { 'Content-Profile': 'two', 'Accept-Profile': 'one', Prefer: 'return=representation' } });
    assert.deepEqual([wrote.status, wrote.headers.get('content-profile')], [201, 'two']);
    assert.deepEqual([(await read('one', '/rpc/count_things')).body, (await read('two', '/rpc/count_things')).body], [1, 2]);
    assert.equal((await s.ask('/rpc/count_things', { json: {}, headers: { 'Content-Profile': 'two' } })).body, 2);
    assert.equal((await read('one', '/rpc/uses')).body, 'found');
    assert.equal((await read('two', '/rpc/uses')).status, 404);
    assert.deepEqual((await read('one', '/totals')).body, [{ n: 1 }]);
  });

  test('are described to each role as it may use them', async (t) => {
    const SQL = `create schema api; create schema more; grant usage on schema api to ann, bob, web_anon; grant usage on schema more to ann;
      create table api.both (x int); create table api.of_ann (y int); create table more.other (z int); create table api.hidden (w int);
      grant select on api.both to ann, bob; grant all on api.of_ann to ann; grant select on more.other to ann`;
    const s = await database(t, 'described', SQL, 'db-schemas = "api, more"\ndb-anon-role = "web_anon"\n');
    const paths = async (role, headers = {}) => {
      const r = await s.ask('/', { token: role && sign({ role }), headers });
      return r.status === 200 ? Object.keys(r.body.paths).sort() : [r.status, r.body.code];
    };
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await paths('ann'), ['/', '/both', '/of_ann']);
      assert.deepEqual(await paths('bob'), ['/', '/both']);
      assert.deepEqual(await paths(null), ['/']);
      assert.deepEqual(await paths('ann', { 'Accept-Profile': 'more' }), ['/', '/other']);
      assert.deepEqual(await paths('stranger'), [403, '42501']);
      assert.deepEqual(await paths('authenticator'), [403, 'forbidden']);
    }
    await server.sql("grant select on api.of_ann to bob; notify pgrst, 'reload schema'", 'described');
    await until(async () => (await paths('bob')).length === 3, { what: 'what bob may do now' });
  });

  test('are tenants that the token names', async (t) => {
    const s = await database(t, 'by_token', THREE, 'db-schemas = "one, two"\ndb-anon-role = "web_anon"\ntenants = schema\n',
      { args: [...ONE.args, '--set', 'auth.tenant_claim=$.app.schema'] });
    const as = async (schema, headers = {}) => {
      const r = await s.ask('/things?select=body', { token: sign({ app: { schema } }), headers });
      return [r.status, r.body.code ?? r.body[0].body];
    };
    await Promise.all([...Array(30).keys()].map(async (i) => assert.deepEqual(await as(i % 2 ? 'one' : 'two'), [200, i % 2 ? 'canary-one' : 'canary-two'])));
    assert.deepEqual(await as('one', { 'Accept-Profile': 'one' }), [200, 'canary-one']);
    assert.deepEqual(await as('one', { 'Accept-Profile': 'two' }), [403, 'tenant_mismatch']);
    assert.deepEqual(await as('shared'), [403, 'unknown_tenant']);
    assert.deepEqual(await as('pg_catalog'), [403, 'unknown_tenant']);
    assert.equal((await s.ask('/things', { token: sign({ role: 'web_anon' }) })).status, 401);
    assert.equal((await s.ask('/things', { headers: { 'Accept-Profile': 'one' } })).status, 401);
  });
});

describe('settings', () => {
  test('of roles: their timeout, their isolation level, and what else they have', async (t) => {
    await server.sql(`create role slow; create role strict; grant slow, strict to authenticator;
      alter role slow set statement_timeout = '100ms'; alter role slow set work_mem = '5MB';
      alter role ann set statement_timeout = 0; alter role strict set default_transaction_isolation = 'serializable'`);
    const s = await database(t, 'of_roles', `create schema api; grant usage on schema api to slow, strict, ann;
      create function api.now() returns json stable language sql as $$ select json_build_object('timeout', current_setting('statement_timeout'),
        'memory', current_setting('work_mem'), 'isolation', current_setting('transaction_isolation')) $$;
      create function api.sleep() returns void language sql as 'select pg_sleep(5)'`, 'db-schemas = "api"\n', ONE);
    const as = (role, target) => s.ask(target, { token: sign({ role }) });
    const answers = await Promise.all(['slow', 'ann', 'strict', 'ann', 'slow', 'strict'].map((role) => as(role, '/rpc/now')));
    const of = { slow: { timeout: '100ms', memory: '5MB', isolation: 'read committed' }, ann: { timeout: '0', memory: '4MB', isolation: 'read committed' },
      strict: { timeout: '30s', memory: '4MB', isolation: 'serializable' } };
    assert.deepEqual(answers.map((r) => r.body), ['slow', 'ann', 'strict', 'ann', 'slow', 'strict'].map((role) => of[role]));
    await server.sql('alter role ann reset statement_timeout');
    const late = await as('slow', '/rpc/sleep');
    assert.deepEqual([late.status, late.body.code], [504, '57014']);
  });

  test('of tenants: limits of single roles and schemas', async (t) => {
    const SQL = `create schema api; create table api.a as select x from generate_series(1, 9) x; grant usage on schema api to ann, bob, web_anon;
      grant select, insert on api.a to ann, bob, web_anon; create function api.nap() returns void language sql as 'select pg_sleep(5)'`;
    const s = await database(t, 'of_tenants', SQL, `db-schemas = "api"\ndb-anon-role = "web_anon"\ndb-max-rows = 5\ntenants = role
limits.ann.rows = 2\nlimits.ann.body = "10"\nlimits.ann.statement-timeout = "200ms"\nlimits.bob.rate = "2/m"\n`);
    const as = (role, target = '/a', more = {}) => s.ask(target, { token: sign({ role }), ...more });
    const rows = async (role) => (await as(role)).body.length;
    assert.deepEqual([await rows('ann'), await rows('bob'), await rows('web_anon')], [2, 5, 5]);
    const again = await as('bob');
    assert.deepEqual([again.status, again.body.code, (await as('ann')).status], [429, 'too_many_requests', 200]);
    const post = (role) => as(role, '/a', { json: { x: 1234567890 } });
    assert.deepEqual([(await post('ann')).status, (await post('web_anon')).status], [413, 201]);
    assert.equal((await as('ann', '/rpc/nap')).status, 504);
    await server.sql("alter role authenticator in database of_tenants set pgrst.limits.web_anon.rows = '3'; notify pgrst", 'of_tenants');
    await until(async () => (await rows('web_anon')) === 3, { what: 'a limit that the database says' });
    await server.sql("alter role authenticator in database of_tenants set pgrst.limits.ann.speed = '1'; notify pgrst", 'of_tenants');
    await until(() => /there is no limit "speed"/.test(s.stderr), { what: 'a limit that is none' });
    assert.equal(await rows('web_anon'), 3);

    const of = (schema) => ({ token: sign({ tenant: schema }) });
    const two = await database(t, 'of_schemas', ['one', 'two'].map((name) => `create schema ${name}; create table ${name}.things (x int); grant usage on schema ${name} to web_anon; grant select on ${name}.things to web_anon;`).join(''),
      'db-schemas = "one, two"\ndb-anon-role = "web_anon"\ntenants = schema\nlimits.two.rows = 0\nlimits.one.rate = "1/m"\n');
    assert.deepEqual([await two.ask('/things', of('one')), await two.ask('/things', of('one')), await two.ask('/things', of('two')), await two.ask('/things', of('two'))].map((r) => r.status), [200, 429, 200, 200]);
    const wrong = ['limits.three.rate = 1', 'limits.one.rate = "fast"', 'limits.rate = 1', 'limits..rate = 1'];
    for (const line of wrong) {
      const r = await rowhouse(['serve', '--adopt', file(two.dir, `db-uri = "${uri('of_schemas')}"\njwt-secret = "${SECRET}"\ndb-schemas = "one, two"\ntenants = schema\n${line}\n`), '--set', 'data.port=0']);
      assert.notEqual(r.status, 0, line);
      assert.match(r.stderr, /limits\./, line);
    }
  });

  test('of the database go over those of the file, and all are read again when told to', async (t) => {
    const SQL = `create schema one; create schema two; create schema pc;
      grant usage on schema one, two to web_anon, ann; grant usage on schema pc to authenticator;
      create table one.a (x int); create table two.b (y int); grant select on one.a, two.b to web_anon, ann; insert into one.a values (1), (2);
      create function pc.conf() returns void language sql as $$ select set_config('pgrst.db_max_rows', '1', true), set_config('pgrst.db_anon_role', 'ann', true) $$;
      alter role authenticator in database by_database set pgrst.db_schemas = 'one'`;
    const s = await database(t, 'by_database', SQL, 'db-schemas = "two"\ndb-anon-role = "web_anon"\ndb-pre-config = "pc.conf"\n');
    const names = async () => (await s.ask('/a')).status + (await s.ask('/b')).status * 1000;
    assert.deepEqual((await s.ask('/a')).body, [{ x: 1 }]);
    assert.equal(await names(), 404200);
    await server.sql("alter role authenticator in database by_database set pgrst.db_schemas = 'two, one'; notify pgrst, 'reload config'", 'by_database');
    await until(async () => (await names()) === 200404, { what: 'the second schema' });
    await server.sql("create table two.c (z int); grant select on two.c to ann; notify pgrst, 'reload schema'", 'by_database');
    await until(async () => (await s.ask('/c')).status === 200, { what: 'the new table' });
    // a mistake leaves things as they were
    await server.sql("alter role authenticator in database by_database set pgrst.db_schemas = 'nothing'; notify pgrst", 'by_database');
    await until(() => s.stderr.includes('there is no schema "nothing"'), { what: 'the warning' });
    assert.equal(await names(), 200404);
    await server.sql("alter role authenticator in database by_database reset pgrst.db_schemas; create or replace function pc.conf() returns void language sql as ''", 'by_database');
    const another = 'another secret of thirty-two bytes';
    const asAnn = async (secret) => (await s.ask('/a', { token: sign({ role: 'ann' }, secret) })).status;
    assert.deepEqual([await asAnn(SECRET), await asAnn(another)], [404, 401]);
    s.rewrite(`db-uri = "${uri('by_database')}"\njwt-secret = "${another}"\ndb-schemas = "one"\ndb-anon-role = "web_anon"\n`);
    s.signal('SIGHUP');
    await until(async () => (await names()) === 404200, { what: 'the file of now' });
    assert.equal((await s.ask('/a')).body.length, 2);
    assert.deepEqual([await asAnn(SECRET), await asAnn(another)], [401, 200]);
  });

  test('of functions hold for the transaction that calls them', async (t) => {
    const s = await database(t, 'hoisted', `create schema api; grant usage on schema api to ann;
      alter role ann set statement_timeout = '20s';
      create function api.now() returns json stable language sql set statement_timeout = '7s' set default_transaction_isolation = 'repeatable read' as
        $$ select json_build_object('timeout', current_setting('statement_timeout'), 'isolation', current_setting('transaction_isolation')) $$;
      create function api.sleep() returns void language sql set statement_timeout = '100ms' as 'select pg_sleep(5)'`, 'db-schemas = "api"\n', ONE);
    const asAnn = (target) => s.ask(target, { token: sign({ role: 'ann' }) });
    assert.deepEqual((await asAnn('/rpc/now')).body, { timeout: '7s', isolation: 'repeatable read' });
    const late = await asAnn('/rpc/sleep');
    assert.deepEqual([late.status, late.body.code], [504, '57014']);
    await server.sql("alter role authenticator in database hoisted set pgrst.db_hoisted_tx_settings = 'work_mem'; notify pgrst", 'hoisted');
    await until(async () => (await asAnn('/rpc/now')).body.isolation === 'read committed', { what: 'the new list' });
    await server.sql('alter role ann reset statement_timeout');
  });

  test('of tokens are read anew, too', async (t) => {
    const s = await database(t, 'of_tokens', `create schema api; grant usage on schema api to ann;
      create function api.me() returns text stable language sql as 'select current_user::text'; create table api.closed (x int)`,
      'db-schemas = "api"\ndb-anon-role = "web_anon"\njwt-role-claim-key = "$$.roles[?search(@, \'^a\')]"\n');
    const me = async (claims) => { const r = await s.ask('/rpc/me', { token: sign(claims) }); return r.body?.code ?? r.body; };
    const roles = ['bob', 'ann'];
    assert.equal(await me({ roles }), 'ann');
    assert.equal(await me({ roles, aud: [7] }), 'PGRST303');
    assert.equal((await s.ask('/closed', { token: sign({ roles }) })).status, 403);
    assert.equal((await s.ask('/closed', { token: sign({ sub: 'nobody' }) })).status, 401); // a role that everybody has
    await server.sql("alter role authenticator in database of_tokens set pgrst.jwt_aud = 'us'; alter role authenticator in database of_tokens set pgrst.jwt_role_claim_key = '$.roles[1]'; notify pgrst", 'of_tokens');
    await until(async () => (await me({ roles })) === 'PGRST303', { what: 'the audience' });
    assert.equal(await me({ roles: ['x', 'ann'], aud: 'us' }), 'ann');
  });

  test('may hide what helps', async (t) => {
    const s = await database(t, 'brief', 'create schema api; grant usage on schema api to web_anon; create table api.notes (x int); grant select on api.notes to web_anon',
      'db-schemas = "api"\ndb-anon-role = "web_anon"\nclient-error-verbosity = "minimal"\n');
    assert.deepEqual((await s.ask('/note')).body, { code: 'PGRST205', message: "Could not find the table 'api.note' in the schema cache" });
    assert.deepEqual((await s.ask('/notes?x=eq.a')).body, { code: '22P02', message: 'invalid input syntax for type integer: "a"' });
    assert.deepEqual(Object.keys((await s.ask('/notes', { token: 'x' })).body), ['code', 'message']);
  });

  test('of no keys: a token is nobody\'s', async (t) => {
    await server.sql('create database no_keys');
    await server.sql('create schema api; grant usage on schema api to web_anon; create table api.notes (x int); grant select on api.notes to web_anon', 'no_keys');
    const s = await serve(t, { conf: `db-uri = "${uri('no_keys')}"\ndb-schemas = "api"\ndb-anon-role = "web_anon"\n` });
    assert.equal((await s.ask('/notes')).status, 200);
    const r = await s.ask('/notes', { token: sign({ role: 'ann' }) });
    assert.deepEqual([r.status, r.body.code], [500, 'PGRST300']);
  });

  test('say what answers at /, behind the function that runs first', async (t) => {
    const s = await database(t, 'root', `create schema api; create schema gate; grant usage on schema api, gate to web_anon, ann;
      create function api.root() returns json stable language sql as $$ select json_build_object('swagger', '2.0', 'who', current_user) $$;
      create function gate.check() returns void language plpgsql as $$ begin
        if current_setting('request.headers')::json->>'x-block' = 'yes' then raise sqlstate 'PT418' using message = 'no tea'; end if; end $$`,
      'db-schemas = "api"\ndb-anon-role = "web_anon"\ndb-pre-request = "gate.check"\ndb-root-spec = "root"\n');
    const root = await s.ask('/', { headers: { Accept: 'application/openapi+json' } });
    assert.deepEqual([root.status, root.headers.get('content-type'), root.body], [200, 'application/openapi+json; charset=utf-8', { swagger: '2.0', who: 'web_anon' }]);
    assert.equal((await s.ask('/')).headers.get('content-type'), 'application/json; charset=utf-8');
    for (let i = 0; i < 2; i++) { // looked up, and known
      assert.equal((await s.ask('/openapi.json')).status, 200);
      assert.equal((await s.ask('/openapi.json', { headers: { 'X-Block': 'yes' } })).status, 418);
    }
  });

  test('of the request are told to the function that runs first, which may answer with headers of its own', async (t) => {
    const s = await database(t, 'first', `create schema api; create schema gate; grant usage on schema api, gate to web_anon;
      create table api.a (x int); grant select, insert on api.a to web_anon;
      create function gate.check() returns void language plpgsql as $$ declare h json := current_setting('request.headers')::json; begin
        if h->>'x-block' = 'yes' then raise sqlstate 'PT418' using message = 'no tea', hint = 'try coffee'; end if;
        perform set_config('response.headers', json_build_array(json_build_object('X-Seen', concat_ws(' ', current_setting('request.method'),
          current_setting('request.path'), h->>'x-own', current_setting('request.cookies')::json->>'c', current_user)))::text, true);
      end $$`, 'db-schemas = "api"\ndb-anon-role = "web_anon"\ndb-pre-request = "gate.check"\n', ONE);
    const seen = async (target, options) => (await s.ask(target, options)).headers.get('x-seen');
    assert.equal(await seen('/a?x=eq.1', { headers: { 'X-Own': 'mine', Cookie: 'c=d' } }), 'GET /a mine d web_anon');
    assert.equal(await seen('/a', { json: { x: 1 } }), 'POST /a web_anon');
    const blocked = await s.ask('/a', { headers: { 'X-Block': 'yes' }, json: { x: 2 } });
    assert.deepEqual([blocked.status, blocked.body.message, blocked.body.hint], [418, 'no tea', 'try coffee']);
    assert.deepEqual((await s.ask('/a')).body, [{ x: 1 }]);
  });

  test('that are none are refused with the nearest name', async () => {
    const wrong = async (...knobs) => {
      const r = await rowhouse(['serve', '--adopt', 'dbname=nowhere', ...knobs.flatMap((k) => ['--set', `adopt.${k}`])]);
      assert.equal(r.status, 2);
      return r.stderr;
    };
    assert.match(await wrong('db-schemes=api'), /there is no setting "db-schemes" in \[adopt\]\n.*Perhaps you meant db-schemas/s);
    const { status, stderr } = await rowhouse(['serve', '--adopt', 'no-such.conf']);
    assert.deepEqual([status, /there is no file no-such.conf/.test(stderr)], [2, true]);
    assert.match(await wrong('db-schemas=api,pg_catalog'), /"pg_catalog" cannot be exposed/);
    assert.match(await wrong('jwt-role-claim-key=role'), /is not the path of a role/);
    assert.match(await wrong('db-prepared-statements=false'), /db-prepared-statements: "false" is not offered/);
    assert.match(await wrong('db-max-rows=many'), /db-max-rows: data.max_rows: "many" is not a whole number/);
  });

  test('come from the environment as they do for PostgREST', async (t) => {
    await server.sql('create database by_env');
    await server.sql("create schema api; grant usage on schema api to ann; create function api.word() returns text stable language sql as $$ select current_setting('app.settings.word') $$", 'by_env');
    const secret = Buffer.from('a secret that is written in base64!').toString('base64');
    const env = { PGRST_DB_SCHEMAS: 'api', PGRST_JWT_SECRET: secret, PGRST_JWT_SECRET_IS_BASE64: 'true', PGRST_JWT_ROLE_CLAIM_KEY: '.app.roles[1]',
      PGRST_APP_SETTINGS_WORD: 'from outside', PGRST_JWT_AUD: 'me', PGRST_DB_URI: 'dbname=another' };
    const s = await serve(t, { source: uri('by_env'), env });
    const claims = { app: { roles: ['bob', 'ann'] }, aud: 'me' };
    const ask = (c) => s.ask('/rpc/word', { token: sign(c, 'a secret that is written in base64!') });
    assert.equal((await ask(claims)).body, 'from outside');
    assert.equal((await ask({ ...claims, aud: 'you' })).status, 401);
  });

  test('need not be there for a first look', async (t) => {
    await server.sql('create database first_look');
    await server.sql("create table notes as select 'hello'::text as body", 'first_look');
    const s = await serve(t, { source: `host=127.0.0.1 port=${server.port} user=postgres password='${server.password}' dbname=first_look` });
    assert.equal((await s.ask('/notes')).status, 401);
    const [, token, address] = await until(() => /Bearer (\S+)' '([^']+)'/.exec(s.stdout), { what: 'the first command' });
    const r = await fetch(address, { headers: { Authorization: `Bearer ${token}` } });
    assert.deepEqual(await r.json(), [{ body: 'hello' }]);
    assert.deepEqual((await server.sql("select nspname from pg_namespace where nspname ~ '^row|^ref'", 'first_look')).rows, []); // nothing is written
  });
});

test('totals are guessed by the planner where that is asked for, unless they are small', async (t) => {
  const made = `create schema api; grant usage on schema api to web_anon; create table api.many as select g as id from generate_series(1, 30000) g;
    alter table api.many add primary key (id), set (autovacuum_enabled = off); grant select on api.many to web_anon; analyze api.many`;
  const s = await database(t, 'guessed', made, 'db-schemas = "api"\ndb-anon-role = "web_anon"\n');
  const range = async (target, count, method) => {
    const r = await s.ask(target, { method, headers: { Prefer: `count=${count}` } });
    assert.equal(r.headers.get('preference-applied'), `count=${count}`);
    return [r.status, r.headers.get('content-range')];
  };
  for (const count of ['exact', 'planned', 'estimated']) {
    assert.deepEqual(await range('/many?limit=2', count), [206, '0-1/30000'], count);
    assert.deepEqual(await range('/many', count, 'HEAD'), [200, '0-29999/30000'], count);
    assert.deepEqual(await range('/many', count), [200, '0-29999/30000'], count);
  }
  await server.sql('delete from api.many where id > 10; insert into api.many select g from generate_series(11, 9000) g', 'guessed'); // unseen by the planner
  assert.deepEqual(await range('/many?limit=1', 'estimated'), [206, '0-0/9000']);
  assert.notDeepEqual(await range('/many?limit=1', 'planned'), [206, '0-0/9000']);
  const small = await serve(t, { conf: `db-uri = "${uri('guessed')}"\ndb-schemas = "api"\ndb-anon-role = "web_anon"\ndb-max-rows = 100\n` });
  const r = await small.ask('/many', { headers: { Prefer: 'count=estimated' } });
  assert.equal(r.body.length, 100);
  assert.ok(Number(r.headers.get('content-range').split('/')[1]) > 10000, r.headers.get('content-range'));
});

test('the admin door: probes, figures, settings and schemas, and no secret', async (t) => {
  const s = await database(t, 'administered', `create schema api; grant usage on schema api to web_anon; create table api.a (id int primary key, b_id int references api.a);
    grant select on api.a to web_anon; create function api.f(n int default 1) returns int language sql stable as 'select n'`,
  `db-schemas = "api"\ndb-anon-role = "web_anon"\nserver-host = "localhost"\nadmin-server-host = "localhost"\nadmin-server-port = ${await freePort()}\napp.settings.key = "a word to be kept"\n`);
  const admin = await until(() => /admin door on (127\.0\.0\.1:\d+)/.exec(s.stderr)?.[1], { what: 'the admin door' });
  const get = (path, init) => fetch(`http://${admin}${path}`, init);
  await until(async () => (await get('/ready')).status === 200, { what: '/ready' });
  assert.equal((await get('/live')).status, 200);
  assert.equal((await s.ask('/a')).status, 200);
  assert.equal((await s.ask('/metrics')).status, 404);
  const metrics = await (await get('/metrics')).text();
  assert.match(metrics, /^rowhouse_requests_total\{door="data",model="adopted",node="1",status="200"\} 1$/m);
  const config = await (await get('/config')).text();
  for (const line of ['db-schemas = "api"', 'db-anon-role = "web_anon"', 'db-tx-end = "commit"', 'db-aggregates-enabled = false', 'db-uri = "********"', 'jwt-secret = "********"', 'app.settings.key = "********"'])
    assert.ok(config.split('\n').includes(line), `${line} in ${config}`);
  for (const secret of [SECRET, 'mysecretpassword', 'a word to be kept']) assert.ok(!config.includes(secret));
  const { api } = await (await get('/schema_cache')).json();
  assert.deepEqual(api.relations.map((r) => [r.name, r.columns.map((c) => c.name), r.primary_key]), [['a', ['id', 'b_id'], ['id']]]);
  assert.deepEqual(api.foreign_keys.map((k) => [k.from, k.from_columns, k.to]), [['a', ['b_id'], 'a']]);
  assert.deepEqual(api.functions.map((f) => [f.name, f.arguments[0].has_default, f.returns]), [['f', true, 'integer']]);
  assert.equal((await get('/config', { method: 'POST' })).status, 405);
  for (const path of ['/tenants', '/docs', '/nodes', '/a', '/']) assert.equal((await get(path)).status, 404, path);
  const foreign = await new Promise((resolve) => http.get(`http://${admin}/config`, { headers: { Host: 'evil.example' } }, (r) => r.resume() && resolve(r.statusCode)));
  assert.equal(foreign, 403);
});

test('a database that goes away comes back', async (t) => {
  const s = await database(t, 'away', 'create schema api; grant usage on schema api to web_anon; create table api.a (x int); grant select on api.a to web_anon',
    'db-schemas = "api"\ndb-anon-role = "web_anon"\n');
  await until(async () => (await s.ask('/ready')).status === 200, { what: '/ready' });
  await server.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'away'");
  await until(async () => (await s.ask('/a')).status === 200, { what: 'the answer' });
  await until(() => /the database is back/.test(s.stderr), { what: 'the watch' });
  await server.sql("create table api.b (x int); grant select on api.b to web_anon; notify pgrst, 'reload schema'", 'away');
  await until(async () => (await s.ask('/b')).status === 200, { what: 'the new table' });
});

test('a database that is not there yet is waited for', async (t) => {
  const base = tempDir();
  t.after(() => removeDir(base));
  const later = `host=${base} port=5432 user=authenticator password=mysecretpassword dbname=later`;
  await server.sql('create database later');
  await server.sql('create schema api; grant usage on schema api to web_anon; create table api.a (x int); grant select on api.a to web_anon', 'later');
  const s = await serve(t, { conf: `db-uri = "${later}"\njwt-secret = "${SECRET}"\ndb-schemas = "api"\ndb-anon-role = "web_anon"\n` });
  assert.deepEqual([(await s.ask('/live')).status, (await s.ask('/ready')).status, (await s.ask('/a')).status], [200, 503, 503]);
  const link = net.createServer((from) => from.pipe(net.connect(server.port, '127.0.0.1').on('error', () => from.destroy())).pipe(from).on('error', () => {}));
  await new Promise((done) => link.listen(path.join(base, '.s.PGSQL.5432'), done));
  t.after(() => link.close());
  await until(async () => (await s.ask('/ready')).status === 200, { what: '/ready' });
  assert.deepEqual((await s.ask('/a')).body, []);
  // a refusal is no absence
  const refused = await rowhouse(['serve', '--adopt', file(base, `db-uri = "${uri('no_such_database')}"\n`), '--set', 'data.port=0']);
  assert.match(refused.stderr, /database "no_such_database" does not exist/);
});
