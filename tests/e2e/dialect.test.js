// SPDX-License-Identifier: Apache-2.0
//
// What of the dialect needs real HTTP: what the app is told of a request and says of the answer's head.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const SETTINGS = `
CREATE FUNCTION told() RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object('headers', current_setting('request.headers')::json, 'cookies', current_setting('request.cookies')::json,
    'claims', current_setting('request.jwt.claims')::json, 'method', current_setting('request.method'), 'path', current_setting('request.path'))
$$;
CREATE FUNCTION say(headers text, status text, local boolean DEFAULT true) RETURNS text LANGUAGE sql AS $$
  SELECT set_config('response.headers', headers, local) || set_config('response.status', status, local)
$$;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE FUNCTION feel(m mood) RETURNS mood LANGUAGE sql IMMUTABLE AS 'SELECT m';
CREATE FUNCTION refuse() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE SQLSTATE 'PGRST' USING MESSAGE = '{"code": "mine", "message": "no"}', DETAIL = '{"status": 402, "headers": {"X-Price": "7"}}';
END $$;
`;

let app;

before(async () => {
  app = await startApp({ files: { ...makeApp(), 'tenant/0002_settings.sql': SETTINGS }, settings: ['data.connections=1', 'data.threads=1', 'data.plans=on'] });
  for (const slug of ['one', 'two']) await app.ok(['tenant', 'create', slug]);
  for (const model of ['schema', 'database']) await app.ok(['tenant', 'create', model, '--model', model]);
});
after(() => app?.stop());

test('the app is told of the request', async () => {
  const token = await app.token('one');
  const told = (await app.http('GET', '/rpc/told?', { token, headers: { 'X-Odd': 'a"b\\', Cookie: 'first=1; second=two' } })).json;
  assert.equal(told.headers['x-odd'], 'a"b\\');
  assert.equal(told.headers.authorization, `Bearer ${token}`);
  assert.equal(told.headers.cookie, undefined);
  assert.deepEqual(told.cookies, { first: '1', second: 'two' });
  assert.deepEqual(told.claims, JSON.parse(Buffer.from(token.split('.')[1], 'base64url')));
  assert.deepEqual([told.method, told.path], ['GET', '/rpc/told']);
  const other = (await app.http('POST', '/rpc/told', { tenant: 'two' })).json;
  assert.deepEqual([other.method, other.cookies, other.headers['x-odd']], ['POST', {}, undefined]);
  assert.notDeepEqual(other.claims, told.claims);
});

test('the app sets status and headers, of this answer only', async () => {
  const headers = '[{"X-Mine": "of one"}, {"Set-Cookie": "a=1"}, {"Set-Cookie": "b=2"}]';
  for (const local of [true, false]) { // false: for the session, which another tenant's request has next
    const said = await app.http('POST', '/rpc/say', { tenant: 'one', body: { headers, status: '202', local } });
    assert.deepEqual([said.status, said.headers.get('x-mine'), said.headers.getSetCookie()], [202, 'of one', ['a=1', 'b=2']]);
    const next = await app.http('GET', '/notes', { tenant: 'two' });
    assert.deepEqual([next.status, next.headers.get('x-mine'), next.headers.getSetCookie()], [200, null, []]);
  }
  const varied = await app.http('POST', '/rpc/say', { tenant: 'one', body: { headers: '[{"Vary": "X-Own"}]', status: '200' } });
  assert.match(varied.headers.get('vary'), /Authorization/, 'what a cache must not mix stays');
  assert.match(varied.headers.get('vary'), /X-Own/);
});

test('plans show the numbers of tables that nobody else has', async () => {
  const ask = (tenant, options) => app.http('GET', '/notes', { tenant, headers: { Accept: `application/vnd.pgrst.plan+json${options}` } });
  for (const tenant of ['schema', 'database']) {
    const plan = await ask(tenant, ';options=analyze|buffers');
    assert.equal(plan.status, 200);
    assert.equal(plan.headers.get('content-type'), 'application/vnd.pgrst.plan+json; for="application/json"; options=analyze|buffers; charset=utf-8');
    assert.equal(plan.json[0].Plan['Actual Rows'], 0);
  }
  assert.equal((await ask('one', ';options=analyze')).status, 403);
  const shared = await ask('one', '');
  assert.equal(shared.status, 200);
  assert.ok(shared.json[0].Plan['Node Type']);
  assert.doesNotMatch(shared.text, /Cost|Rows|Width|Buffers/);
});

test('an error of the app brings its status and headers', async () => {
  const refused = await app.http('POST', '/rpc/refuse', { tenant: 'one' });
  assert.deepEqual([refused.status, refused.headers.get('x-price'), refused.headers.get('proxy-status')], [402, '7', 'rowhouse; error=mine']);
  assert.deepEqual(refused.json, { code: 'mine', message: 'no', details: null, hint: null });
});

test('types of the app are the same in every home, and so are messages about them', async () => {
  for (const tenant of ['one', 'schema', 'database']) {
    assert.deepEqual((await app.http('GET', '/rpc/feel?m=glad', { tenant })).json, 'glad');
    assert.deepEqual((await app.http('GET', '/notes?select=title::mood', { tenant })).json, []);
    const wrong = await app.http('GET', '/rpc/feel?m=h_1.x', { tenant });
    assert.deepEqual([wrong.status, wrong.json.message], [400, 'invalid input value for enum public.mood: "h_1.x"']);
  }
});
