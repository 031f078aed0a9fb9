// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp, until } from './lib/harness.js';

let app;

before(async () => {
  app = await startApp({ files: makeApp() });
});
after(() => app?.stop());

const control = (method, target, options) => app.http(method, target, { door: 'control', ...options });

/** As fetch, but with headers that fetch forbids, such as Host. */
function raw(method, target, headers) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.control);
    const req = http.request({ hostname, port, method, path: target, headers, agent: false }, (res) => {
      let text = '';
      res.on('data', (chunk) => (text += chunk)).on('end', () => resolve({ status: res.statusCode, text }));
    });
    req.on('error', reject);
    req.end();
  });
}

test('nothing without the operator\'s token', async () => {
  const token = app.secret('control_token');
  await app.ok(['tenant', 'create', 'first']);
  const wrong = [null, 'x', token.slice(1), token + 'x', token.toUpperCase(), await app.token('first')];
  for (const [method, target] of [['GET', '/tenants'], ['POST', '/tenants'], ['GET', '/tenants/first'], ['POST', '/tenants/first/token'], ['GET', '/nothing'], ['DELETE', '/tenants/first']])
    for (const t of wrong) {
      const r = await raw(method, target, { ...(t ? { Authorization: `Bearer ${t}` } : {}) });
      assert.equal(r.status, 401, `${method} ${target} ${t}`);
      assert.ok(!r.text.includes('first'));
    }
  for (const authorization of [`Basic ${token}`, token, `Bearer  ${token}`, 'Bearer', 'Bearer ']) assert.equal((await raw('GET', '/tenants', { Authorization: authorization })).status, 401, authorization);
  assert.equal((await raw('GET', '/tenants', { Authorization: `bearer ${token}` })).status, 200);
  assert.equal((await raw('GET', '/live', {})).status, 200);
});

test('the operator\'s token opens no tenant\'s door', async () => {
  assert.equal((await app.http('GET', '/clients', { token: app.secret('control_token') })).status, 401);
});

test('Host and Origin are checked: no rebinding, no other site', async () => {
  const { port } = new URL(app.control);
  const auth = { Authorization: `Bearer ${app.secret('control_token')}` };
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) assert.equal((await raw('GET', '/tenants', { ...auth, Host: host })).status, 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost', `localhost:${Number(port) + 1}`, `localhost.evil.example:${port}`, `127.0.0.1.evil.example:${port}`, ' '])
    assert.equal((await raw('GET', '/tenants', { ...auth, Host: host })).status, 403, host);
  assert.equal((await raw('GET', '/tenants', { ...auth, Origin: app.control })).status, 200);
  for (const origin of ['http://evil.example', 'null', `https://127.0.0.1:${port}`, `http://127.0.0.1:${Number(port) + 1}`, 'http://127.0.0.1'])
    assert.equal((await raw('GET', '/tenants', { ...auth, Origin: origin })).status, 403, origin);
  for (const [site, status] of [['same-origin', 200], ['none', 200], ['same-site', 403], ['cross-site', 403], ['', 403]]) // an <img> has no Origin
    assert.equal((await raw('GET', '/tenants', { ...auth, 'Sec-Fetch-Site': site })).status, status, site);
});

test('create, show, list, token; what is created can be used within a second', async () => {
  const made = await control('POST', '/tenants', { body: { slug: 'acme', name: 'Acme "Ω" Corp', plan: 'gold', seats: 3 } });
  assert.equal(made.status, 201, made.text);
  const began = Date.now();
  assert.deepEqual([made.json.slug, made.json.name, made.json.plan, made.json.seats, made.json.state], ['acme', 'Acme "Ω" Corp', 'gold', 3, 'active']);
  const given = await control('POST', '/tenants/acme/token', { body: { ttl: 60 } });
  assert.equal(given.status, 201);
  assert.equal(given.json.expires_in, 60);
  await until(async () => (await app.http('GET', '/clients?select=name,plan', { token: given.json.token })).status === 200, { ms: 1000 });
  assert.ok(Date.now() - began < 1000);
  assert.deepEqual((await app.http('GET', '/clients?select=name,plan', { token: given.json.token })).json, [{ name: 'Acme "Ω" Corp', plan: 'gold' }]);

  const shown = await control('GET', `/tenants/${made.json.id}`);
  assert.equal(shown.status, 200);
  assert.deepEqual(shown.json, made.json);
  assert.deepEqual((await control('GET', '/tenants/acme')).json, shown.json);
  assert.equal((await control('HEAD', '/tenants/acme')).text, '');
});

test('a suspension is known to the data door within a second, and so is its end', async () => {
  const sql = await app.sql('operator', { database: app.catalog });
  await sql.query('SET rowhouse.verb = on'); // as the verbs do
  const status = async () => (await app.http('GET', '/clients', { tenant: 'acme' })).status;
  for (const [state, expected] of [['suspended', 403], ['active', 200], ['moving', 503], ['active', 200]]) {
    await sql.query('UPDATE rowhouse.tenants SET state = $1 WHERE slug = $2', [state, 'acme']);
    await until(async () => (await status()) === expected, { ms: 1000, every: 20, what: `${state}: ${expected}` });
  }
});

test('a tenant that is deleted in the catalog is nobody within a second', async () => {
  await control('POST', '/tenants', { body: { slug: 'brief' } });
  const token = await app.token('brief');
  await until(async () => (await app.http('GET', '/clients', { token })).status === 200, { ms: 1000 });
  const sql = await app.sql('operator', { database: app.catalog });
  await sql.query("DELETE FROM rowhouse.tenants WHERE slug = 'brief'");
  await until(async () => (await app.http('GET', '/clients', { token })).status === 403, { ms: 1000, every: 20 });
  await until(async () => (await control('GET', '/tenants/brief')).status === 404, { what: 'the end of the drop' });
});

test('pages of the list', async () => {
  for (const slug of ['page-c', 'page-a', 'page-b']) assert.equal((await control('POST', '/tenants', { body: { slug } })).status, 201);
  const all = (await control('GET', '/tenants')).json.map((t) => t.slug);
  assert.deepEqual(all, ['acme', 'first', 'page-a', 'page-b', 'page-c']);
  assert.deepEqual((await control('GET', '/tenants?limit=2')).json.map((t) => t.slug), all.slice(0, 2));
  assert.deepEqual((await control('GET', '/tenants?limit=2&after=first')).json.map((t) => t.slug), ['page-a', 'page-b']);
  assert.deepEqual((await control('GET', '/tenants?after=zzz')).json, []);
  for (const limit of ['0', '-1', 'x', '1e3', '10001', '']) assert.equal((await control('GET', `/tenants?limit=${limit}`)).status, 400, limit);
});

test('what cannot be created says why', async () => {
  const cases = [
    [{ slug: 'acme' }, 409, /there is a tenant with the slug acme already/],
    [{ slug: 'Not A Slug' }, 400, /cannot be a slug/],
    [{ slug: 'x', colour: 'red' }, 400, /no profile column \\"colour\\"/],
    [{ slug: 'x', seats: 'many' }, 400, /invalid input syntax for type integer/],
    [{ slug: 'x', plan: { a: 1 } }, 400, /\\"plan\\" is not a text, number, boolean or null/],
    [{ slug: 'x', id: 'seven' }, 400, /\\"seven\\" is not a bigint/],
    [{ slug: 'x', state: 'active' }, 400, /no profile column \\"state\\"/],
    [{ slug: 'x', name: '' }, 400, /the name is empty/],
    [{}, 400, /needs a slug or a name/],
    [[], 400, /a JSON object is expected/],
    ['x', 400, /not JSON|a JSON object is expected/],
    ['{"slug":"x","slug":"y"}', 400, /duplicate/],
    ['', 400, /a JSON object is expected/],
  ];
  for (const [body, status, said] of cases) {
    const r = await control('POST', '/tenants', { body, headers: { 'Content-Type': 'application/json' } });
    assert.equal(r.status, status, `${JSON.stringify(body)}: ${r.text}`);
    assert.match(r.text, said);
    assert.deepEqual(Object.keys(r.json), ['code', 'message', 'details', 'hint']);
  }
  assert.equal((await control('GET', '/tenants/x')).status, 404);
  assert.equal((await control('POST', '/tenants', { body: 'slug=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status, 415);

  // Refused on its head, and the connection is closed: who still writes then may learn no more than that.
  const large = { body: `{"slug":"x","name":"${'y'.repeat(3 << 20)}"}`, headers: { 'Content-Type': 'application/json' } };
  const refused = await control('POST', '/tenants', large).catch((err) => err.cause);
  assert.ok(refused.status === 413 || ['EPIPE', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(refused.code), refused.text ?? refused);
  assert.equal((await control('GET', '/tenants/x')).status, 404);
});

test('what is not there', async () => {
  for (const [method, target, status] of [
    ['GET', '/', 404], ['GET', '/tenants/', 404], ['GET', '/tenants/nobody', 404], ['POST', '/tenants/nobody/token', 404], ['GET', '/tenants/acme/secrets', 404],
    ['DELETE', '/tenants', 405], ['PUT', '/tenants', 405], ['GET', '/tenants/acme/token', 405], ['GET', '/tenants/%ff', 400], ['GET', '/tenants/%00', 400],
    ['GET', '/tenants/..%2f..%2fetc', 404], ['GET', "/tenants/'%20OR%201=1", 404],
  ]) {
    const r = await control(method, target);
    assert.equal(r.status, status, `${method} ${target} ${r.text}`);
  }
  assert.equal((await control('PUT', '/tenants')).headers.get('allow'), 'GET, POST');
  for (const ttl of [0, -1, 'x', 1e12, null]) assert.equal((await control('POST', '/tenants/acme/token', { body: { ttl } })).status, 400, String(ttl));
});

test('many at once: each gets its own', async () => {
  const made = await Promise.all(Array.from({ length: 12 }, (_, i) => control('POST', '/tenants', { body: { slug: `many-${i}` } })));
  assert.deepEqual(made.map((r) => r.status), Array(12).fill(201));
  assert.equal(new Set(made.map((r) => r.json.id)).size, 12);
  const twice = await Promise.all(Array.from({ length: 6 }, (_, i) => control('POST', '/tenants', { body: { slug: 'same', name: `Name ${i}` } })));
  assert.deepEqual(twice.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409]);
});

test('the control door is on loopback only', async () => {
  const r = await app.run(['dev', '--once', '--no-demo', '--set', 'data.port=0', '--set', 'control.port=0', '--set', 'control.listen=0.0.0.0']);
  assert.equal(r.status, 2);
  assert.match(r.stderr, /control\.listen "0\.0\.0\.0" is not a loopback address/);
});
