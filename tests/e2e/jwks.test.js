// SPDX-License-Identifier: Apache-2.0
//
// Tokens of an identity provider that rotates its keys while traffic runs, goes down, and answers nonsense.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { createHmac } from 'node:crypto';
import { makeApp } from './lib/apps.js';
import { prepareApp, sleep, startApp, until } from './lib/harness.js';
import { Provider, settingsOf } from './lib/provider.js';

const MIN_INTERVAL = 500;
const MAX_AGE = 2000;

let provider;
let app;
let acme;
let globex;

before(async () => {
  provider = await new Provider().start();
  provider.publish(await provider.makeKey());
  app = await startApp({ files: makeApp(), settings: settingsOf(provider) });
  acme = Number(await app.ok(['tenant', 'create', 'acme']));
  globex = Number(await app.ok(['tenant', 'create', 'globex']));
  await until(async () => (await read(acme)).status === 200, { what: 'the first answer' });
});
after(async () => {
  await app?.stop();
  await provider?.stop();
});
beforeEach(() => {
  provider.answer = 'set';
});

async function read(tenant, key, options) {
  return app.http('GET', '/clients?select=id,name', { token: await provider.token(tenant, key, options) });
}

/** The tokens of these keys are known to the server. */
async function settled(...keys) {
  for (const key of keys.length ? keys : [provider.published[0]]) await until(async () => (await read(acme, key)).status === 200, { what: key.kid });
}

async function timed(promise) {
  const begin = Date.now();
  return { ...(await promise), ms: Date.now() - begin };
}

/** A token put together by hand. */
function forge(header, payload, secret) {
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${secret === null ? '' : createHmac('sha256', secret).update(text).digest('base64url')}`;
}

test('each algorithm lets a tenant in to its own rows', async () => {
  for (const alg of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'EdDSA']) {
    const key = provider.publish(await provider.makeKey(alg));
    for (const tenant of [acme, globex]) {
      const r = await read(tenant, key);
      assert.equal(r.status, 200, `${alg}: ${r.text}`);
      assert.deepEqual(r.json.map((c) => c.id), [tenant], alg);
    }
  }
});

test('the claims are checked as with a secret', async () => {
  const cases = { issuer: { iss: 'https://other.example/' }, audience: { aud: 'other' }, 'not yet': { nbf: Math.floor(Date.now() / 1000) + 3600 } };
  for (const [what, claims] of Object.entries(cases)) {
    const r = await read(acme, undefined, { claims });
    assert.equal(r.status, 401, what);
    assert.equal(r.json.code, 'PGRST303', what);
  }
  assert.equal((await read(acme, undefined, { expires: Math.floor(Date.now() / 1000) - 3600 })).status, 401);
  assert.equal((await read(999)).status, 403);
});

test('`tenant token` says that tokens come from elsewhere, on both ways', async () => {
  const r = await app.run(['tenant', 'token', 'acme']);
  assert.equal(r.status, 3);
  assert.match(r.stderr, /no secret to sign tokens with: auth\.jwks_url is set\n.*hint: .*identity provider/s);
  const over = await app.http('POST', '/tenants/acme/token', { door: 'control', body: {} });
  assert.equal(over.status, 409, over.text);
  assert.match(app.output.stdout, /a token for a tenant +from the identity provider whose keys auth\.jwks_url names/);
});

test('keys rotate while traffic runs: no token of a published key fails, a withdrawn key ends', async () => {
  let running = true;
  let key = provider.publish(await provider.makeKey('RS256'));
  const failures = [];
  let served = 0;
  const client = async (tenant) => {
    while (running) {
      const used = key;
      const r = await read(tenant, used);
      if (r.status !== 200 || r.json[0]?.id !== tenant) failures.push(`${used.kid}: ${r.status} ${r.text}`);
      served += 1;
    }
  };
  const clients = [acme, globex, acme, globex].map(client);
  for (const alg of ['ES256', 'EdDSA', 'RS256', 'ES256']) {
    const next = await provider.makeKey(alg);
    await sleep(700);
    provider.publish(next);
    key = next;
  }
  await sleep(700);
  const [newest, old] = provider.published;
  const token = await provider.token(acme, old);
  assert.equal((await app.http('GET', '/clients', { token })).status, 200);
  provider.published = [newest];
  await until(async () => (await app.http('GET', '/clients', { token })).status === 401, { ms: MAX_AGE + 3000, what: 'the end of the old key' });
  running = false;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.ok(served > 50, `${served} requests`);
});

test('a request with a body waits for the key, too', async () => {
  for (const size of [10, 300000]) {
    const key = provider.publish(await provider.makeKey());
    const title = 'x'.repeat(size);
    const r = await app.http('POST', '/notes', { token: await provider.token(acme, key), body: { title }, headers: { Prefer: 'return=representation' } });
    assert.equal(r.status, 201, r.text);
    assert.equal(r.json[0].title.length, size);
    await sleep(MIN_INTERVAL);
  }
});

test('an unknown key is refused after one look, and a flood of them neither floods the provider nor stops the others', async () => {
  await settled();
  const strangers = await Promise.all(Array.from({ length: 20 }, () => provider.makeKey()));
  const before = provider.requests.length;
  const begin = Date.now();
  const slowest = { known: 0, unknown: 0 };
  const flood = strangers.map(async (key) => {
    while (Date.now() < begin + 3000) {
      const r = await timed(read(acme, key));
      assert.equal(r.status, 401);
      assert.equal(r.json.code, 'PGRST301');
      slowest.unknown = Math.max(slowest.unknown, r.ms);
    }
  });
  while (Date.now() < begin + 3000) {
    const r = await timed(read(globex));
    assert.equal(r.status, 200);
    slowest.known = Math.max(slowest.known, r.ms);
    await sleep(20);
  }
  await Promise.all(flood);
  const asked = provider.requests.slice(before);
  const span = Date.now() - begin;
  assert.ok(asked.length <= span / MIN_INTERVAL + 2, `${asked.length} requests in ${span} ms`);
  // over two intervals, since what is noted is when this process got to run
  for (let i = 2; i < asked.length; i++) assert.ok(asked[i] - asked[i - 2] > MIN_INTERVAL, `${asked[i] - asked[i - 2]} ms`);
  assert.ok(slowest.known < 1000, `a known key took ${slowest.known} ms`);
  assert.ok(slowest.unknown < 4000, `an unknown key took ${slowest.unknown} ms`);
});

test('while the provider is down the last good set serves; then new keys come in', async () => {
  await settled();
  const [known] = provider.published;
  const stranger = await provider.makeKey();
  await provider.stop();
  await sleep(MAX_AGE + 500); // longer than a set is good for
  assert.equal((await read(acme, known)).status, 200);
  assert.equal((await app.http('GET', '/ready')).status, 200);
  const r = await timed(read(acme, stranger));
  assert.equal(r.status, 401);
  assert.ok(r.ms < 4000, `${r.ms} ms`);
  provider.publish(stranger);
  await provider.start();
  await settled(stranger, known);
});

const nonsense = {
  garbage: (_, response) => response.end('<html>We are down for maintenance</html>'),
  'half a set': (_, response) => response.end('{"keys":[{"kty":"EC",'),
  'another object': (_, response) => response.end('{"error":"internal"}'),
  'an error': (_, response) => response.writeHead(500).end('{"keys":[]}'),
  'a redirect': (request, response) => response.writeHead(302, { Location: `http://${request.headers.host}/elsewhere` }).end(),
  'a huge answer': (_, response) => response.end(JSON.stringify({ keys: [], padding: 'x'.repeat(8 << 20) })),
  'an endless answer': (_, response) => {
    const more = () => {
      while (response.write('x'.repeat(65536)));
      response.once('drain', more);
    };
    response.on('error', () => {});
    response.on('close', () => response.removeAllListeners('drain'));
    more();
  },
  'too many keys': (_, response) => response.end(JSON.stringify({ keys: Array(100).fill({ kty: 'oct' }) })),
  'a slow answer': () => {},
};

for (const [what, answer] of Object.entries(nonsense)) {
  test(`${what} changes nothing, and nobody with a known key waits`, async () => {
    await settled();
    const [known] = provider.published;
    const stranger = provider.publish(await provider.makeKey());
    const before = provider.requests.length;
    provider.answer = answer;
    const unknown = timed(read(acme, stranger));
    for (let i = 0; i < 10; i++) {
      const r = await timed(read(acme, known));
      assert.equal(r.status, 200, r.text);
      assert.ok(r.ms < 2000, `${r.ms} ms`); // the provider is waited for longer
      await sleep(50);
    }
    const refused = await unknown;
    assert.equal(refused.status, 401, refused.text);
    assert.ok(refused.ms < 4000, `${refused.ms} ms`);
    assert.ok(provider.requests.length > before);
    provider.answer = 'set';
    await settled(stranger, known);
  });
}

test('keys are not confused: nothing but the provider\'s signature counts', async () => {
  const key = provider.publish(await provider.makeKey('RS256'));
  await settled(key);
  const good = JSON.parse(Buffer.from((await provider.token(acme, key)).split('.')[1], 'base64url'));
  const own = await provider.makeKey('RS256', { kid: key.kid });
  const secrets = [key.spki, key.spki.trim(), JSON.stringify(key.jwk), key.jwk.n, Buffer.from(key.jwk.n, 'base64url'), ''];
  const forged = [
    ...secrets.map((secret) => forge({ alg: 'HS256', kid: key.kid }, good, secret)),
    forge({ alg: 'none' }, good, null),
    forge({ alg: 'none', kid: key.kid }, good, null),
    forge({ alg: 'RS256', kid: key.kid }, good, 'x'),
    await provider.token(acme, own),
    await provider.token(acme, own, { header: { jwk: own.jwk } }),
    await provider.token(acme, own, { header: { jku: 'http://127.0.0.1:1/' } }),
    await provider.token(acme, { ...key, privateKey: key.privateKey, alg: 'RS384' }),
    (await provider.token(acme, key)).replace(/\.[^.]*$/, '.'),
    await provider.token(acme, key).then((t) => `${t.split('.')[0]}.${Buffer.from(JSON.stringify({ ...good, extra: 1 })).toString('base64url')}.${t.split('.')[2]}`),
  ];
  for (const [i, token] of forged.entries()) {
    const r = await app.http('GET', '/clients', { token });
    assert.equal(r.status, 401, `${i}: ${r.text}`);
    assert.equal(r.json.code, 'PGRST301', `${i}: ${r.text}`);
  }
});

test('before there were any keys the answer is 503, and Ctrl-C does not wait for those who wait', async () => {
  const late = await new Provider().start();
  await late.stop();
  const other = app.sibling({ files: makeApp({ name: 'late' }), settings: settingsOf(late) });
  try {
    await other.start();
    const tenant = Number(await other.ok(['tenant', 'create', 'one']));
    const key = late.publish(await late.makeKey());
    const ask = async () => other.http('GET', '/clients?select=id', { token: await late.token(tenant, key) });
    const r = await ask();
    assert.equal(r.status, 503, r.text);
    assert.equal(r.json.code, 'keys_unavailable');
    assert.ok(r.headers.get('retry-after'));
    assert.equal((await other.http('GET', '/ready')).status, 503);
    assert.equal((await other.http('GET', '/live')).status, 200);
    assert.equal((await other.http('GET', '/clients')).status, 401);
    await late.start();
    await until(async () => (await other.http('GET', '/ready')).status === 200, { what: '/ready' });
    assert.deepEqual((await ask()).json, [{ id: tenant }]);
    late.answer = () => {}; // no answer, ever
    const stranger = await late.makeKey();
    await sleep(MIN_INTERVAL);
    const waiting = Promise.allSettled(Array.from({ length: 8 }, async () => other.http('GET', '/clients', { token: await late.token(tenant, stranger) })));
    await until(() => late.requests.length > 1, { what: 'the fetch' });
    const begin = Date.now();
    const ended = await other.kill('SIGINT');
    assert.equal(ended.status, 0, ended.stderr);
    assert.ok(Date.now() - begin < 6000, `${Date.now() - begin} ms`);
    for (const { value } of await waiting) if (value) assert.ok([401, 503].includes(value.status), value.text);
  } finally {
    await other.stop();
    await late.stop();
  }
});

test('a client that leaves while it waits harms nobody', async () => {
  await settled();
  const stranger = await provider.makeKey();
  provider.answer = () => {};
  await sleep(MIN_INTERVAL);
  const token = await provider.token(acme, stranger);
  for (let i = 0; i < 10; i++) {
    const request = http.get(`${app.data}/clients`, { headers: { Authorization: `Bearer ${token}` } });
    request.on('error', () => {});
    setTimeout(() => request.destroy(), 50 + i * 20);
  }
  await sleep(2500);
  provider.answer = 'set';
  await settled();
});

test('a file of keys: PEM and JWK set, relative to the app; what cannot be used is said at the start', async () => {
  const [rsa, ec] = [await provider.makeKey('RS256'), await provider.makeKey('ES256')];
  const settings = (file) => [`auth.key_file=${file}`, ...settingsOf(provider).slice(3)];
  const files = {
    ...makeApp({ name: 'filed' }),
    'keys/public.pem': rsa.spki + ec.spki,
    'keys/set.json': JSON.stringify({ keys: [ec.jwk] }),
    'keys/nothing.txt': 'nothing\n',
    'keys/published.json': '{"keys":[{"kty":"EC","crv":"P-256"}]}',
  };
  const other = app.sibling({ files, settings: settings('keys/public.pem') });
  try {
    await other.start();
    const tenant = Number(await other.ok(['tenant', 'create', 'one']).catch((err) => assert.fail(err.message)));
    for (const key of [rsa, ec]) {
      const r = await other.http('GET', '/clients?select=id', { token: await provider.token(tenant, key) });
      assert.deepEqual(r.json, [{ id: tenant }], r.text);
    }
    assert.equal((await other.http('GET', '/clients', { token: forge({ alg: 'HS256' }, { tenant }, rsa.spki) })).status, 401);
    assert.equal((await other.run(['tenant', 'token', 'one'])).status, 3);
  } finally {
    await other.stop();
  }
  const wrong = {
    'keys/nothing.txt': /auth\.key_file: .*nothing\.txt: there is no PEM block/,
    'keys/published.json': /auth\.key_file: .*key 1 of 1: the member x is missing/,
    'keys/absent.pem': /auth\.key_file: .*absent\.pem/,
  };
  for (const [file, message] of Object.entries(wrong)) {
    const broken = app.sibling({ files: { ...files, 'rowhouse.conf': files['rowhouse.conf'] }, settings: settings(file) });
    try {
      const r = await broken.run(['dev', '--once', '--no-demo', '--set', 'data.port=0', '--set', 'control.port=0']);
      assert.notEqual(r.status, 0);
      assert.match(r.stderr, message);
    } finally {
      await broken.stop();
    }
  }
});

test('two sources of keys are an error that names both', async () => {
  const both = prepareApp({ files: makeApp(), settings: settingsOf(provider, [`auth.secret=${'s'.repeat(32)}`]) });
  try {
    const r = await both.run(['tenant', 'list']);
    assert.equal(r.status, 2);
    assert.match(r.stderr, /auth\.secret and auth\.jwks_url cannot both be set/);
  } finally {
    await both.stop();
  }
});
