// SPDX-License-Identifier: Apache-2.0
//
// What one tenant may use: defaults and its own, by the verb and by the control door; what happens at each bound.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp, until } from './lib/harness.js';

let app;
let other; // with little room

const files = {
  ...makeApp(),
  'tenant/0002_slow.sql': `CREATE FUNCTION nap(seconds double precision) RETURNS double precision LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM pg_sleep(seconds); RETURN seconds; END $$;
`,
};

before(async () => {
  app = await startApp({ files });
  for (const slug of ['ant', 'bee']) await app.ok(['tenant', 'create', slug]);
  const settings = ['limits.bodies=2', 'data.max_clients=40', 'data.threads=1', 'data.home_connections=4', 'data.processors=2'];
  other = await app.sibling({ files: { ...files, 'rowhouse.conf': files['rowhouse.conf'].replace('tiny', 'narrow') }, settings });
  await other.start();
  for (const slug of ['ant', 'bee']) assert.equal((await other.http('POST', '/tenants', { door: 'control', body: { slug } })).status, 201);
});
after(async () => {
  await other?.stop();
  await app?.stop();
});

const verb = async (...args) => JSON.parse(await app.ok(['tenant', 'limit', ...args, '--json']));
const control = (method, target, body) => app.http(method, target, { door: 'control', body });
const limit = async (tenant, changes) => {
  const r = changes ? await control('PATCH', `/tenants/${tenant}/limits`, changes) : await control('DELETE', `/tenants/${tenant}/limits`);
  assert.equal(r.status, 200, r.text);
};
/** The directory follows within a second. */
const soon = (check, what) => until(check, { ms: 1000, every: 20, what });

test('limits are shown and set, by the verb and the control door alike', async () => {
  const defaults = { concurrency: 0, rate: 0, statement_timeout: 30000, rows: 0, body: 10485760, load: 4294967296 };
  assert.deepEqual((await control('GET', '/tenants/ant/limits')).json, { tenant: '1', slug: 'ant', limits: defaults, own: {} });
  const own = { concurrency: 3, rate: 2.5, statement_timeout: 5000, rows: 10, body: 65536 };
  assert.deepEqual((await verb('ant', '--concurrency', '3', '--rate', '150/m', '--statement-timeout', '5s', '--rows', '10', '--body', '64k')).own, own);
  assert.match(await app.ok(['tenant', 'limit', '1']), /^rate +2\.5\/s +its own; the default is 0\n.*^statement_timeout +5s /ms);
  assert.deepEqual((await control('GET', '/tenants/ant/limits')).json, { tenant: '1', slug: 'ant', limits: { ...own, load: 65536 }, own });

  const patched = await control('PATCH', '/tenants/1/limits', { rows: null, body: '1m', rate: 7 });
  assert.equal(patched.status, 200, patched.text);
  assert.deepEqual(patched.json.own, { concurrency: 3, rate: 7, statement_timeout: 5000, body: 1048576 });
  assert.deepEqual((await verb('ant', '--rate', 'default')).own, { concurrency: 3, statement_timeout: 5000, body: 1048576 });
  assert.deepEqual((await verb('ant', '--rows', '5', '--default')).own, { rows: 5 }, 'what is named beside --default is kept');
  const { audit } = (await control('GET', '/tenants/ant')).json;
  assert.deepEqual(audit.filter((e) => e.action === 'limit').map((e) => e.detail)[1], { rate: null });
  assert.deepEqual((await control('DELETE', '/tenants/ant/limits')).json.own, {});
});

test('what is no limit is refused, and nothing is changed', async () => {
  for (const wrong of [['--rate', '1e3'], ['--rows', '-1'], ['--statement-timeout', '25h'], ['--model', 'schema']]) {
    const r = await app.run(['tenant', 'limit', 'ant', ...wrong]);
    assert.equal(r.status, 2, wrong.join(' '));
  }
  assert.equal((await app.run(['tenant', 'limit', 'nobody'])).status, 3);
  for (const wrong of [{ rate: -1 }, { rows: 1.5 }, { speed: 1 }, { body: true }, [], { rate: 'x' }, { rate: '5/h' }, { statement_timeout: 0 }, { body: '0' }, { concurrency: 99999 }]) {
    const r = await control('PATCH', '/tenants/ant/limits', wrong);
    assert.equal(r.status, 400, JSON.stringify(wrong));
  }
  assert.equal((await control('PATCH', '/tenants/nobody/limits', { rate: 1 })).status, 404);
  assert.deepEqual((await control('GET', '/tenants/ant/limits')).json.own, {});
});

test('rows and body', async () => {
  for (let i = 0; i < 4; i++) await app.http('POST', '/notes', { tenant: 'ant', body: { title: `note ${i}` } });
  await limit('ant', { rows: 2, body: 100 });
  await soon(async () => (await app.http('GET', '/notes', { tenant: 'ant' })).json.length === 2, 'two rows at most');
  const large = { title: 'x'.repeat(200) };
  const refused = await app.http('POST', '/notes', { tenant: 'ant', body: large });
  assert.deepEqual([refused.status, refused.json.code], [413, 'too_large']);
  const chunked = await fetch(`${app.data}/notes`, {
    method: 'POST', duplex: 'half', headers: { Authorization: `Bearer ${await app.token('ant')}`, 'Content-Type': 'application/json' },
    body: new Blob([JSON.stringify({ title: 'x'.repeat(120) })]).stream(),
  });
  assert.equal(chunked.status, 413);
  assert.equal((await app.http('POST', '/notes', { tenant: 'bee', body: large })).status, 201, 'others are not bound by it');
  await limit('ant', { body: '20m', rows: null });
  const largest = { title: 'y', body: 'y'.repeat(12 << 20) };
  await soon(async () => (await app.http('POST', '/notes', { tenant: 'ant', body: largest })).status === 201, 'a larger body than the default');
  await limit('ant');
});

test('a statement past its time is 504, another tenant\'s is not', async () => {
  await limit('ant', { statement_timeout: '200ms' });
  const nap = (tenant, seconds) => app.http('GET', `/rpc/nap?seconds=${seconds}`, { tenant });
  await soon(async () => (await nap('ant', 0.4)).status === 504, 'a statement timeout of its own');
  const cut = await nap('ant', 5);
  assert.deepEqual([cut.status, cut.json.code], [504, '57014']);
  const both = await Promise.all([nap('ant', 0.35), nap('bee', 0.35), nap('bee', 0.35), nap('ant', 0.05)]);
  assert.deepEqual(both.map((r) => r.status), [504, 200, 200, 200]);
  const written = await app.http('POST', '/rpc/nap', { tenant: 'ant', body: { seconds: 1 } });
  assert.equal(written.status, 504);
  await limit('ant');
  await soon(async () => (await nap('ant', 0.4)).status === 200, 'the default again');
});

test('past the rate it is 429 with the time to wait, and after that time it is served', async () => {
  const get = (tenant) => app.http('GET', '/notes?limit=0', { tenant });
  await limit('bee', { rate: '30/m' });
  await soon(async () => (await get('bee')).status === 429, 'the rate of its own');
  const refused = await get('bee');
  assert.deepEqual([refused.status, refused.json.code], [429, 'too_many_requests']);
  const wait = Number(refused.headers.get('retry-after'));
  assert.ok(wait >= 1 && wait <= 2, `Retry-After: ${wait}`);
  assert.equal((await get('ant')).status, 200);
  await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  assert.equal((await get('bee')).status, 200, 'after the seconds that were named');
  await limit('bee');
  await soon(async () => (await get('bee')).status === 200 && (await get('bee')).status === 200, 'no bound again');
});

test('large bodies of one tenant are bounded while they come in; small ones and other tenants\' are not', async () => {
  const { hostname, port } = new URL(other.data);
  const sockets = [];
  const upload = async (tenant) => {
    const head = `POST /notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await other.token(tenant)}\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n`;
    const socket = net.connect(Number(port), hostname);
    sockets.push(socket);
    socket.answer = '';
    socket.on('data', (bytes) => (socket.answer += bytes)).on('error', () => {});
    socket.write(`${head}{"title": "`);
    return socket;
  };
  for (let i = 0; i < 2; i++) await upload('ant');
  const third = await upload('ant');
  await until(() => third.answer.startsWith('HTTP/1.1 429 '), { ms: 5000, what: '429' });
  assert.equal((await other.http('POST', '/notes', { tenant: 'ant', body: { title: 'small' } })).status, 201);
  const long = { title: 'x'.repeat(70000) };
  assert.equal((await other.http('POST', '/notes', { tenant: 'bee', body: long })).status, 201);
  sockets[0].destroy();
  await until(async () => (await other.http('POST', '/notes', { tenant: 'ant', body: long })).status === 201, { ms: 5000, what: 'room for another' });

  // connections that ask nothing take all places: who comes gets one after a moment
  const idle = Array.from({ length: 60 }, () => net.connect(Number(port), hostname).on('error', () => {}));
  for (const s of idle) s.write(`GET /live HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const late = await fetch(`${other.data}/live`, { headers: { Connection: 'close' }, signal: AbortSignal.timeout(20000) });
  assert.equal(late.status, 200);
  for (const s of [...sockets, ...idle]) s.destroy();
});

test('slow tenants of database homes leave connections for the others', async () => {
  for (const slug of ['cat', 'dog', 'emu', 'fox', 'gnu', 'hen']) assert.equal((await other.http('POST', '/tenants', { door: 'control', body: { slug, model: 'database' } })).status, 201);
  const quick = async () => (await other.http('GET', '/notes?limit=1', { tenant: 'hen' })).status;
  await soon(async () => (await quick()) === 200, 'the home');
  let pending = 0;
  const slow = ['cat', 'dog', 'emu', 'fox', 'gnu'].flatMap((tenant) =>
    Array.from({ length: 2 }, async () => {
      pending++;
      const { status } = await other.http('GET', '/rpc/nap?seconds=1', { tenant });
      pending--;
      return status;
    }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let i = 0; i < 5; i++) assert.equal(await quick(), 200);
  assert.ok(pending >= 4, `${pending} of the slow ones still wait or run when five quick ones have been answered`);
  assert.ok((await Promise.all(slow)).every((status) => status === 200 || status === 429 || status === 503));
});

/** How many naps PostgreSQL runs just now. */
async function napping(admin, of = app) {
  const { rows } = await admin.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${of.name}_server' AND state = 'active' AND query LIKE '%nap%' AND query NOT LIKE '%pg_stat%'`);
  return rows[0].n;
}

test('concurrency of its own: over all loops, the rest waits', async () => {
  await limit('ant', { concurrency: 2 });
  const admin = await app.sql('admin');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  let most = 0;
  let done = false;
  const naps = Promise.all(Array.from({ length: 12 }, () => app.http('GET', '/rpc/nap?seconds=0.2', { tenant: 'ant' }))).then((all) => ((done = true), all));
  while (!done) most = Math.max(most, await napping(admin));
  assert.deepEqual((await naps).map((r) => r.status), Array(12).fill(200));
  assert.equal(most, 2);
  await limit('ant');
});

test('a flood is 429 for who floods, and its backlog stands in nobody\'s way', async () => {
  const quiet = () => app.http('GET', '/notes?limit=1', { tenant: 'bee' });
  assert.equal((await quiet()).status, 200);
  let pending = 0;
  const flood = Array.from({ length: 300 }, async () => {
    pending++;
    const r = await app.http('GET', '/rpc/nap?seconds=0.5', { tenant: 'ant' });
    pending--;
    return r;
  });
  const refused = await Promise.any(flood.map(async (one) => ((await one).status === 429 ? one : Promise.reject(new Error('served')))));
  assert.deepEqual([refused.status, refused.json.code], [429, 'too_many_requests']);
  const wait = Number(refused.headers.get('retry-after'));
  assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60, `Retry-After: ${wait}`);
  for (let i = 0; i < 20; i++) assert.equal((await quiet()).status, 200);
  assert.ok(pending > 50, `${pending} of the flood still wait when the other has had its 20 answers`);
  const answers = (await Promise.all(flood)).map((r) => r.status);
  const count = (status) => answers.filter((s) => s === status).length;
  assert.equal(count(200) + count(429), 300);
  assert.ok(count(200) >= 16 && count(429) >= 200, `${count(200)} served`);
  assert.equal((await quiet()).status, 200);
});

test('who floods beside others has one slow statement for two processors, alone half of the connections', async () => {
  const admin = await other.sql('admin');
  const most = async (during) => {
    let done = false;
    let seen = 0;
    const end = during.finally(() => (done = true));
    while (!done) seen = Math.max(seen, await napping(admin, other));
    await end;
    return seen;
  };
  const naps = (n, seconds) => Promise.all(Array.from({ length: n }, () => other.http('GET', `/rpc/nap?seconds=${seconds}`, { tenant: 'ant' })));
  await new Promise((resolve) => setTimeout(resolve, 2500)); // who asked before is about no more
  assert.equal(await most(naps(24, 0.05)), 8);
  let quiet = true;
  const asks = (async () => {
    while (quiet) assert.equal((await other.http('GET', '/notes?limit=1', { tenant: 'bee' })).status, 200);
  })();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await most(naps(16, 0.05)), 1);
  quiet = false;
  await asks;
});
