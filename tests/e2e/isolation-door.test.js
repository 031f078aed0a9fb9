// SPDX-License-Identifier: Apache-2.0
//
// Tenants kept apart, seen from outside: one connection to PostgreSQL for all of them, tokens and headers of every
// kind, and rows, keys and names that reach for somebody else. Every answer is read for canaries of other tenants.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { SignJWT } from 'jose';
import { sleep, startApp, until } from './lib/harness.js';
import { Watchman, addTenant, exchange, inParallel, isoApp, random, request, serve, stopWell } from './lib/iso.js';

// ids that stand nowhere else, so that they are canaries too
const IDS = { ant: '700100100', bee: '700200200', cow: '700300300' };

let app, ant, bee, cow, admin, operator;
const watchman = new Watchman();
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** A request of a tenant whose answer, whatever it is, is read by the watchman. */
async function door(tenant, method, path, body, headers) {
  const answer = await request(app.data, { method, path, token: tenant.token, body, headers, agent });
  assert.ok(answer.status < 500, `${method} ${path}: ${answer.status} ${answer.body}`);
  return watchman.check(tenant.id, answer, `${path} ${JSON.stringify(body ?? '')}`);
}

/** The same, in the representation that came back. */
async function rows(tenant, method, path, body) {
  const answer = await door(tenant, method, path, body, method === 'GET' ? {} : { Prefer: 'return=representation' });
  assert.ok(answer.status === 200 || answer.status === 201, `${method} ${path}: ${answer.status} ${answer.body}`);
  return answer.json;
}

const raw = (address, token, headers = {}, path = '/people?select=id') => request(address, { path, token, headers });

before(async () => {
  app = await startApp({ files: isoApp(), settings: ['data.connections=1', 'data.threads=1'] });
  [ant, bee, cow] = [await addTenant(app, 'ant', { id: IDS.ant }), await addTenant(app, 'bee', { id: IDS.bee }), await addTenant(app, 'cow', { id: IDS.cow })];
  admin = await app.sql('admin');
  operator = await app.sql('operator');
  for (const tenant of [ant, bee, cow]) {
    tenant.canary = `${tenant.slug}-canary-${crypto.randomBytes(6).toString('hex')}`;
    watchman.add(tenant.id, tenant.id, tenant.canary, `${tenant.slug} motto`);
    tenant.people = await rows(tenant, 'POST', '/people', [1, 2, 3].map((i) => ({ name: `${tenant.canary} ${i}`, email: `${i}@${tenant.canary}`, age: i, extra: { c: tenant.canary, n: i } })));
    tenant.posts = await rows(tenant, 'POST', '/posts', tenant.people.map((p) => ({ author: p.id, title: `${tenant.canary} post`, meta: { c: tenant.canary } })));
  }
});
after(async () => {
  agent.destroy();
  await stopWell(app);
});

describe('one connection for all tenants', () => {
  test('a session-wide binding leaks to whoever comes next; a binding of the transaction does not', async () => {
    const shared = await app.sql('server');
    const mine = 'SELECT DISTINCT org::text FROM public.people';
    await shared.query("SELECT set_config('rowhouse.tenant', $1, false)", [bee.id]); // bee's request
    assert.deepEqual((await shared.query(mine)).rows, [{ org: bee.id }]); // the next one forgot to bind: it is bee
    await shared.query("SELECT set_config('rowhouse.tenant', '', false)");
    await shared.query('BEGIN');
    await shared.query("SELECT set_config('rowhouse.tenant', $1, true)", [bee.id]);
    assert.deepEqual((await shared.query(mine)).rows, [{ org: bee.id }]);
    await shared.query('COMMIT');
    await assert.rejects(shared.query(mine), { code: 'RH001' });
  });

  test('is what they have here: every tenant is served by the same backend', async () => {
    const pids = new Set();
    for (let i = 0; i < 12; i++) pids.add((await door([ant, bee, cow][i % 3], 'GET', '/rpc/backend')).body);
    assert.equal(pids.size, 1);
  });

  test('a setting that a function leaves behind in the session decides nothing', async () => {
    for (let i = 0; i < 6; i++) {
      const left = await request(app.data, { method: 'POST', path: '/rpc/leave_behind', token: ant.token, body: { other: bee.id }, agent });
      assert.equal(left.json, bee.id); // it was set, for the rest of the session
      assert.equal((await door(ant, 'GET', '/rpc/whoami')).body, ant.id);
      assert.equal((await door(ant, 'GET', '/rpc/head_count')).body, '3');
      assert.equal((await door(cow, 'GET', '/rpc/whoami')).body, cow.id);
    }
  });

  test('1,000 interleaved requests of all methods, with failures between them, each answered with its own rows only', async () => {
    const dice = random(20261);
    let failed = 0;
    const steps = {
      list: async (t) => assert.ok((await rows(t, 'GET', '/people?order=id')).every((r) => String(r.org) === t.id)),
      one: async (t) => assert.equal((await rows(t, 'GET', `/people/${t.people[0].id}`)).name, t.people[0].name),
      embed: async (t) => assert.ok((await rows(t, 'GET', '/people?select=*,posts(*),orgs(*)')).every((r) => r.posts.every((p) => String(p.org) === t.id) && String(r.orgs.id) === t.id)),
      head: async (t) => {
        const answer = await door(t, 'HEAD', '/people?age=lt.4', undefined, { Prefer: 'count=exact' });
        assert.match(answer.head, /content-range: 0-2\/3\n/i);
        assert.equal(answer.body, '');
      },
      digest: async (t) => assert.ok((await door(t, 'GET', '/rpc/digest?needle=%25canary%25')).json.every((r) => String(r.org) === t.id)),
      who: async (t) => assert.equal((await door(t, 'GET', '/rpc/whoami')).body, t.id),
      post: async (t) => {
        const name = `${t.canary} tmp`;
        const [made] = await rows(t, 'POST', '/people', { name });
        assert.equal(String(made.org), t.id);
        const changed = await rows(t, 'PATCH', `/people/${made.id}`, { age: 77 });
        assert.deepEqual([changed.name, changed.age], [name, 77]);
        assert.equal((await door(t, 'DELETE', `/people/${made.id}`)).status, 204);
        assert.equal((await door(t, 'GET', `/people/${made.id}`)).status, 404);
      },
      patch: async (t) => assert.equal((await rows(t, 'PATCH', `/people?id=eq.${t.people[1].id}`, { tags: [t.canary] }))[0].tags[0], t.canary),
      rpc: async (t) => {
        const [made] = (await door(t, 'POST', '/rpc/add_person', { name: `${t.canary} rpc`, email: null })).json;
        assert.equal(String(made.org), t.id);
        assert.equal((await door(t, 'DELETE', `/people?id=eq.${made.id}`)).status, 204);
      },
      badValue: async (t) => assert.equal((await door(t, 'GET', '/people?age=eq.old')).json.code, '22P02'),
      badCheck: async (t) => assert.equal((await door(t, 'PATCH', `/people/${t.people[0].id}`, { age: 999 })).json.code, '23514'),
      badUnique: async (t) => assert.equal((await door(t, 'POST', '/people', { name: 'x', email: t.people[0].email })).json.code, '23505'),
      badForeign: async (t) => assert.equal((await door(t, 'POST', '/posts', { author: 999999, title: 'x' })).json.code, '23503'),
      badRaise: async (t) => assert.equal((await door(t, 'POST', '/rpc/blow', { message: 'boom', state: 'P0001' })).json.message, 'boom'),
      badMethod: async (t) => assert.equal((await door(t, 'GET', '/rpc/grow_older')).status, 405),
      badColumn: async (t) => assert.equal((await door(t, 'GET', '/people?nothing=eq.1')).status, 400),
    };
    const names = Object.keys(steps);
    const jobs = Array.from({ length: 1000 }, (_, i) => {
      const name = dice.pick(names);
      const tenant = [ant, bee, cow][i % 3];
      return async () => {
        if (name.startsWith('bad')) failed++;
        await steps[name](tenant);
      };
    });
    await inParallel(jobs, 24);
    assert.ok(failed > 200);
    const { rows: left } = await operator.query("SELECT org::text, count(*)::int AS n FROM public.people WHERE name LIKE '%canary%' GROUP BY 1 ORDER BY 1");
    assert.deepEqual(left, [ant, bee, cow].map((t) => ({ org: t.id, n: 3 })));
  });

  test('requests in one TCP connection are told apart: pipelined tokens, each its own answer', async () => {
    const order = Array.from({ length: 40 }, (_, i) => [ant, bee, cow][(i * 7) % 3]);
    const text = order.map((t) => `GET /rpc/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.token}\r\n\r\n`).join('');
    const got = await exchange(app.data, text, { enough: (t) => (t.match(/HTTP\/1\.1 /g) ?? []).length === 40 && /\d{9}$/.test(t) });
    assert.deepEqual([...got.text.matchAll(/\r\n\r\n(\d+)/g)].map((m) => m[1]), order.map((t) => t.id));
  });
});

describe('which tenant', () => {
  test('a header names nobody while none is trusted', async () => {
    for (const header of ['X-Tenant', 'X-Tenant-Id', 'Tenant', 'X-Client', 'Rowhouse-Tenant', 'X-Forwarded-User', 'X-Original-URL', 'Forwarded', 'Cookie', 'rowhouse.tenant']) {
      const alone = await raw(app.data, undefined, { [header]: bee.id });
      assert.deepEqual([alone.status, alone.json.code], [401, 'tenant_required'], header);
      assert.match(alone.headers['www-authenticate'], /^Bearer/);
      const beside = watchman.check(ant.id, await raw(app.data, ant.token, { [header]: bee.id }, '/rpc/whoami'), bee.id);
      assert.deepEqual([beside.status, beside.body], [200, ant.id], header);
    }
  });

  test('nor do host, path, query, user and password, or a second tenant claim', async () => {
    for (const [path, headers] of [
      ['/rpc/whoami', { Host: 'bee.example.com' }],
      [`/rpc/whoami?tenant=eq.${bee.id}`, {}],
      [`/${bee.id}/people`, {}],
      ['/bee/people', {}],
      [`/people?org=eq.${bee.id}`, {}],
    ]) {
      const answer = watchman.check(ant.id, await raw(app.data, ant.token, headers, path), path + JSON.stringify(headers));
      assert.ok([ant.id, '[]'].includes(answer.body) || answer.status >= 400, `${path}: ${answer.body}`);
    }
    for (const authorization of [`Basic ${Buffer.from(`${bee.id}:x`).toString('base64')}`, `Token ${ant.token}`, ant.token, 'Bearer', 'Bearer ', '', `Bearer ${ant.token} ${bee.token}`, `Bearer ${ant.token}, Bearer ${bee.token}`]) {
      const answer = await request(app.data, { path: '/people', headers: { Authorization: authorization } });
      assert.equal(answer.status, 401, authorization);
    }
    const claims = { tenant: Number(ant.id), tenant_id: Number(bee.id), org: Number(bee.id), sub: bee.id, role: 'iso_operator' };
    assert.equal((await raw(app.data, await app.sign(claims), {}, '/rpc/whoami')).body, ant.id);
  });

  test('two Authorization headers, in either order, are refused', async () => {
    for (const [one, other] of [[ant, bee], [bee, ant], [ant, ant]]) {
      const text = `GET /people HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${one.token}\r\nX: y\r\nauthorization: Bearer ${other.token}\r\n\r\n`;
      const got = await exchange(app.data, text, { ms: 3000 });
      assert.equal(got.status, 400, got.text);
      assert.doesNotMatch(got.text, /canary/);
    }
  });

  test('claim and trusted header: agree, disagree, absent', async () => {
    const server = await serve(app, ['auth.trusted_header=X-Tenant']);
    const nobody = await app.sign({ sub: 'a token without the claim' });
    const unknown = await app.sign({ tenant: 5 });
    try {
      const table = [
        // token, header, status, code or who
        [ant.token, undefined, 200, ant.id],
        [ant.token, ant.id, 200, ant.id],
        [ant.token, bee.id, 403, 'tenant_mismatch'],
        [ant.token, '', 403, 'tenant_mismatch'],
        [ant.token, 'ant', 403, 'tenant_mismatch'],
        [ant.token, ` 0${ant.id}`, 403, 'tenant_mismatch'],
        [ant.token, `${ant.id},${bee.id}`, 403, 'tenant_mismatch'],
        [ant.token, '5', 403, 'tenant_mismatch'],
        [undefined, ant.id, 200, ant.id],
        [undefined, undefined, 401, 'tenant_required'],
        [undefined, '', 401, 'tenant_required'],
        [undefined, '5', 403, 'unknown_tenant'],
        [undefined, 'ant', 403, 'unknown_tenant'],
        [undefined, `${ant.id};--`, 403, 'unknown_tenant'],
        [undefined, `+${ant.id}`, 403, 'unknown_tenant'],
        [undefined, `0${ant.id}`, 403, 'unknown_tenant'],
        [undefined, `${ant.id}.0`, 403, 'unknown_tenant'],
        [undefined, '18446744073709551615', 403, 'unknown_tenant'],
        [nobody, undefined, 401, 'tenant_required'],
        [nobody, bee.id, 200, bee.id],
        [unknown, undefined, 403, 'unknown_tenant'],
        [unknown, ant.id, 403, 'tenant_mismatch'],
        ['not.a.token', ant.id, 401, 'PGRST301'],
        [await app.sign({ tenant: Number(ant.id) }, { secret: 'x'.repeat(40) }), ant.id, 401, 'PGRST301'],
        [await app.sign({ tenant: Number(ant.id) }, { expires: Math.floor(Date.now() / 1000) - 3600 }), ant.id, 401, 'PGRST303'],
      ];
      for (const [token, header, status, expected] of table) {
        const answer = await raw(server.data, token, header === undefined ? {} : { 'x-tenant': header }, '/rpc/whoami');
        assert.deepEqual([answer.status, status === 200 ? answer.body : answer.json?.code], [status, expected], `${token ? 'token' : 'no token'}, header ${header}: ${answer.body}`);
      }
      const twice = `GET /rpc/whoami HTTP/1.1\r\nHost: x\r\nX-Tenant: ${ant.id}\r\nX-Tenant: ${bee.id}\r\n\r\n`;
      assert.equal((await exchange(server.data, twice, { ms: 3000 })).status, 400);
    } finally {
      assert.equal((await server.stop()).status, 0);
    }
  });

  test('ids of type uuid and claims that hold slugs: one spelling each, and never one for the other', async () => {
    const sibling = app.sibling({ files: isoApp({ name: 'hive', idType: 'uuid' }), settings: ['data.threads=1', 'data.connections=1'] });
    try {
      await sibling.start();
      const one = await addTenant(sibling, 'one');
      const two = await addTenant(sibling, 'two');
      const who = async (address, tenant) => {
        const answer = await raw(address, await sibling.sign({ tenant }), {}, '/rpc/whoami');
        return answer.status === 200 ? answer.json : answer.json.code;
      };
      assert.match(one.id, /^[0-9a-f]{8}-/);
      assert.equal(await who(sibling.data, one.id), one.id);
      assert.equal(await who(sibling.data, one.id.toUpperCase()), one.id);
      for (const bad of ['one', `{${one.id}}`, one.id.replaceAll('-', ''), `${one.id} `, 7, 'urn:uuid:' + one.id]) assert.equal(await who(sibling.data, bad), 'unknown_tenant', bad);
      const slugs = await serve(sibling, ['auth.claim_holds=slug', 'auth.tenant_claim=$.app.tenant']);
      const nested = async (tenant) => {
        const answer = await raw(slugs.data, await sibling.sign({ tenant: two.id, app: { tenant } }), {}, '/rpc/whoami');
        return answer.status === 200 ? answer.json : answer.json.code;
      };
      assert.equal(await nested('one'), one.id);
      assert.equal(await nested('two'), two.id);
      for (const bad of [one.id, 'One', 'one ', 'öne', "one'--", 'on%65', 'o'.repeat(63)]) assert.equal(await nested(bad), 'unknown_tenant', bad);
      for (const bad of ['', ['one'], { a: 1 }, null, true, 1.5, 'x'.repeat(64), 'one\0']) assert.equal(await nested(bad), 'PGRST303', JSON.stringify(bad));
      await slugs.stop();
    } finally {
      await sibling.stop();
    }
  });
});

describe('tokens', () => {
  const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const now = () => Math.floor(Date.now() / 1000);

  /** A token put together by hand: header and payload as given, the signature by `key` with `hash`. */
  function forge(header, payload, { key = app.secret('jwt_secret'), hash = 'sha256' } = {}) {
    const text = `${b64(header)}.${b64(payload)}`;
    return `${text}.${crypto.createHmac(hash, key).update(text).digest('base64url')}`;
  }
  async function refused(token, code, what, address = app.data) {
    const answer = await raw(address, token);
    assert.deepEqual([answer.status, answer.json?.code], [code === 'unknown_tenant' ? 403 : 401, code], `${what}: ${answer.status} ${answer.body}`);
    if (answer.status === 401) assert.match(answer.headers['www-authenticate'], /^Bearer/, what);
    assert.deepEqual(watchman.find('nobody', answer.head + answer.body, what), [], what);
  }
  const claims = () => ({ tenant: Number(ant.id), exp: now() + 600 });
  const HS256 = { alg: 'HS256', typ: 'JWT' };

  test('one made by hand is taken: the forgeries below differ in one thing only', async () => {
    assert.equal((await raw(app.data, forge(HS256, claims()), {}, '/rpc/whoami')).body, ant.id);
  });

  test('other algorithms than HMACs, and none at all', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'hs256', 'HS384', 'HS512', 'RS256', 'ES256', 'EdDSA', null, 256, ['HS256']]) {
      await refused(forge({ alg, typ: 'JWT' }, claims()), 'PGRST301', `alg ${alg}, signed`);
      await refused(`${b64({ alg, typ: 'JWT' })}.${b64(claims())}.`, 'PGRST301', `alg ${alg}, unsigned`);
    }
    assert.equal((await raw(app.data, forge({ alg: 'HS512' }, claims(), { hash: 'sha512' }), {}, '/rpc/whoami')).body, ant.id, 'HS512: the secret is long enough');
    await refused(forge({ alg: 'HS512' }, claims(), { hash: 'sha384' }), 'PGRST301', 'SHA-384 under the name of HS512');
    await refused(forge(HS256, claims(), { hash: 'sha512' }), 'PGRST301', 'SHA-512 under the name of HS256');
    await refused(forge({ typ: 'JWT' }, claims()), 'PGRST301', 'no alg');
    await refused(forge({ alg: 'HS256', crit: ['x'], x: 1 }, claims()), 'PGRST301', 'crit');
    await refused(forge('{"alg":"none","alg":"HS256"}', claims()), 'PGRST301', 'alg twice');
  });

  test('wrong keys', async () => {
    for (const key of ['', 'secret', 'x'.repeat(64), app.secret('jwt_secret').slice(0, -1), `${app.secret('jwt_secret')}\n`, app.secret('jwt_secret').toUpperCase(), app.secret('control_token')])
      await refused(forge(HS256, claims(), { key }), 'PGRST301', `key ${key.slice(0, 8)}`);
    const swapped = ant.token.split('.');
    swapped[1] = bee.token.split('.')[1];
    await refused(swapped.join('.'), 'PGRST301', "bee's claims under ant's signature");
    await refused(forge({ ...HS256, kid: '../../jwt_secret', jku: 'http://127.0.0.1:1/', jwk: { kty: 'oct', k: 'eA' } }, claims(), { key: 'x' }), 'PGRST301', 'a key that the token brings along');
  });

  test('broken ones: truncated at every byte, bits flipped, parts missing, oversized', async () => {
    const good = forge(HS256, claims());
    const [h, p, s] = good.split('.');
    for (let n = 1; n < good.length; n += n > good.length - 12 ? 1 : 9) await refused(good.slice(0, n), 'PGRST301', `truncated to ${n}`);
    for (let i = 0; i < good.length; i += 5) {
      const flipped = good.slice(0, i) + (good[i] === 'B' ? 'C' : 'B') + good.slice(i + 1);
      await refused(flipped, 'PGRST301', `byte ${i} changed`);
    }
    for (const bad of ['.', '..', '...', 'x', 'a.b.c', `${h}.${p}`, `${h}..${s}`, `.${p}.${s}`, `${good}.`, `${good}=`, `${good}.${s}`, `${h}.${p}.${s}!`, `${h}. ${p}.${s}`, `${h}.${p}=.${s}`, `${h}.${p}.${s}%00`, b64(good)])
      await refused(bad, 'PGRST301', bad.slice(0, 40));
    await refused(`${h}.${b64('x'.repeat(10000))}.${s}`, 'PGRST301', '10 kB');
    await refused('x'.repeat(10000), 'PGRST301', '10 kB of x');
    await refused('.'.repeat(10000), 'PGRST301', '10 kB of dots');
    await refused(forge(HS256, { ...claims(), pad: 'x'.repeat(10000) }), 'PGRST301', '10 kB, rightly signed');
    for (const payload of ['', 'null', '[]', '7', '"x"', '{', '{"tenant":', '{}x', '\xff', '[[[['.repeat(500), '{"tenant":1,"tenant":2}']) await refused(forge(HS256, payload), 'PGRST303', `payload ${payload.slice(0, 20)}`);
  });

  test('times: expired beyond the leeway, not yet valid, issued in the future, of the wrong type', async () => {
    const c = { tenant: Number(ant.id) };
    for (const [times, ok] of [
      [{ exp: now() - 20 }, true],
      [{ exp: now() - 40 }, false],
      [{ exp: 0 }, false],
      [{ exp: -1e30 }, false],
      [{ exp: 1e30 }, true],
      [{ nbf: now() + 20 }, true],
      [{ nbf: now() + 40 }, false],
      [{ nbf: 1e300 }, false],
      [{ iat: now() + 40 }, false],
      [{ exp: String(now() + 600) }, false],
      [{ exp: null }, false],
      [{ exp: [now() + 600] }, false],
      [{ nbf: 'soon' }, false],
      [{ iat: {} }, false],
    ]) {
      const token = forge(HS256, { ...c, ...times });
      if (ok) assert.equal((await raw(app.data, token)).status, 200, JSON.stringify(times));
      else await refused(token, 'PGRST303', JSON.stringify(times));
    }
  });

  test('the claim: missing, foreign, or of a type that names nobody', async () => {
    const make = (tenant) => forge(HS256, { tenant, exp: now() + 600 });
    await refused(forge(HS256, { exp: now() + 600 }), 'tenant_required', 'missing');
    await refused(make(null), 'PGRST303', 'null');
    for (const none of [5, 0, -1, -Number(ant.id), '5', 'ant', `${ant.id} `, ` ${ant.id}`, `0${ant.id}`, `+${ant.id}`, `${ant.id}.0`, `${ant.id}e0`, '0x29BA0CE4', '٧٠٠١٠٠١٠٠', `${ant.id};--`, '9223372036854775808', '9223372036854775807', '-9223372036854775808'])
      await refused(make(none), 'unknown_tenant', `claim ${JSON.stringify(none)}`);
    for (const wrong of [true, [Number(ant.id)], { id: Number(ant.id) }, '', 'x'.repeat(100), 1.5]) await refused(make(wrong), 'PGRST303', JSON.stringify(wrong));
    await refused(forge(HS256, `{"tenant": ${ant.id}.0, "exp": ${now() + 600}}`), 'PGRST303', 'a float');
    await refused(forge(HS256, `{"tenant": "${ant.id}\\u0000", "exp": ${now() + 600}}`), 'PGRST303', 'a NUL');
    assert.equal((await raw(app.data, make(ant.id), {}, '/rpc/whoami')).body, ant.id, 'the id as a string is the same id');
  });

  test('aud and iss are required where they are configured', async () => {
    const server = await serve(app, ['auth.audience=rowhouse', 'auth.issuer=me']);
    try {
      const make = (more) => forge(HS256, { ...claims(), ...more });
      assert.equal((await raw(server.data, make({ aud: 'rowhouse', iss: 'me' }))).status, 200);
      assert.equal((await raw(server.data, make({ aud: ['x', 'rowhouse'], iss: 'me' }))).status, 200);
      for (const more of [{}, { aud: 'rowhouse' }, { iss: 'me' }, { aud: 'x', iss: 'me' }, { aud: 'rowhouse', iss: 'you' }, { aud: [], iss: 'me' }, { aud: 'rowhouse ', iss: 'me' }, { aud: { rowhouse: 1 }, iss: 'me' }, { aud: 'rowhouse', iss: ['me'] }, { aud: null, iss: 'me' }])
        await refused(make(more), 'PGRST303', JSON.stringify(more), server.data);
    } finally {
      await server.stop();
    }
  });

  test('one that was verified before is forgotten when it expires, and is no good under another key', async () => {
    const server = await serve(app, ['auth.leeway=0s', `auth.secret=${'another-secret-of-32-bytes-or-so'}`]);
    try {
      const short = await new SignJWT({ tenant: Number(ant.id) }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(now() + 2).sign(new TextEncoder().encode('another-secret-of-32-bytes-or-so'));
      assert.equal((await raw(server.data, short)).status, 200);
      assert.equal((await raw(server.data, short)).status, 200); // from the cache
      await refused(short, 'PGRST301', 'of the other server');
      await refused(ant.token, 'PGRST301', 'of the other key', server.data);
      await until(async () => (await raw(server.data, short)).status === 401, { what: 'the expiry' });
      await refused(short, 'PGRST303', 'expired in the cache', server.data);
    } finally {
      await server.stop();
    }
  });

  test('a secret shorter than 32 bytes does not start a server', async () => {
    const run = await app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0', '--set', `auth.secret=${'x'.repeat(31)}`]);
    assert.notEqual(run.status, 0);
    assert.match(run.stderr, /32/);
  });
});

describe('tenants that may not be served', () => {
  test('suspended: 403 within a second on every server, also for tokens already verified; active again: 200', async () => {
    const catalog = await app.sql('operator', { database: app.catalog });
    const other = await serve(app);
    await catalog.query('SET rowhouse.verb = on'); // as Rowhouse's verbs say it
    await catalog.query("SELECT pg_advisory_lock(hashtext('rowhouse tenant'), hashtext($1))", [cow.id]); // or a server ends the drop
    const set = (state) => catalog.query('UPDATE rowhouse.tenants SET state = $1 WHERE id = $2', [state, cow.id]);
    try {
      for (const state of ['suspended', 'pending', 'provisioning', 'moving', 'dropping', 'failed']) {
        for (const address of [app.data, other.data]) assert.equal((await raw(address, cow.token)).status, 200);
        await set(state);
        const since = Date.now();
        for (const address of [app.data, other.data])
          await until(async () => (await raw(address, cow.token)).status !== 200, { ms: 1000, every: 20, what: `the refusal of ${state}` });
        assert.ok(Date.now() - since < 1000, state);
        for (const address of [app.data, other.data]) {
          const answer = await raw(address, cow.token);
          if (state === 'suspended') assert.deepEqual([answer.status, answer.json.code], [403, 'tenant_suspended']);
          else assert.ok([403, 503].includes(answer.status), `${state}: ${answer.status}`);
          assert.equal((await raw(address, ant.token)).status, 200, 'the others');
        }
        await set('active');
        for (const address of [app.data, other.data])
          await until(async () => (await raw(address, cow.token)).status === 200, { ms: 1000, every: 20, what: `active again after ${state}` });
      }
    } finally {
      await set('active');
      await catalog.end();
      await other.stop();
    }
  });

  test('a catalog that is away serves from memory until it is stale, then nobody', async () => {
    const server = await serve(app, ['catalog.stale_after=2s']);
    try {
      assert.equal((await raw(server.data, cow.token)).status, 200);
      await admin.query(`ALTER DATABASE ${app.catalog} ALLOW_CONNECTIONS false`);
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${app.catalog}'`);
      assert.equal((await raw(server.data, cow.token)).status, 200, 'served from memory');
      const stale = await until(async () => {
        const answer = await raw(server.data, cow.token);
        return answer.status !== 200 && answer;
      }, { what: 'staleness' });
      assert.deepEqual([stale.status, stale.json.code], [503, 'catalog_stale']);
      assert.ok(stale.headers['retry-after']);
      await admin.query(`ALTER DATABASE ${app.catalog} ALLOW_CONNECTIONS true`);
      await until(async () => (await raw(server.data, cow.token)).status === 200, { what: 'service again' });
    } finally {
      await admin.query(`ALTER DATABASE ${app.catalog} ALLOW_CONNECTIONS true`);
      await server.stop();
    }
  });

  test('one that is deleted from the catalog is unknown within a second', async () => {
    const catalog = await app.sql('operator', { database: app.catalog });
    const dodo = await addTenant(app, 'dodo', { id: '700400400' });
    await until(async () => (await raw(app.data, dodo.token)).status === 200, { ms: 1000, every: 20, what: 'the new tenant' });
    await catalog.query('SET rowhouse.verb = on');
    await catalog.query('DELETE FROM rowhouse.tenants WHERE id = $1', [dodo.id]);
    await until(async () => (await raw(app.data, dodo.token)).status === 403, { ms: 1000, every: 20, what: 'the refusal' });
    assert.equal((await raw(app.data, dodo.token)).json.code, 'unknown_tenant');
  });
});

describe("rows for somebody else", () => {
  const foreign = (t) => [Number(t.id), t.id, null, true, 0, -1, '', ` ${t.id}`, [Number(t.id)], { a: t.id }, Number(ant.id) + 0.5, `${ant.id}.0`, '1e9'];

  test('the key of another tenant, or of none, in a body is 403 foreign_tenant, wherever it stands', async () => {
    for (const value of foreign(bee)) {
      for (const [method, path, body] of [
        ['POST', '/people', { name: 'x', org: value }],
        ['POST', '/people', [{ name: 'x', org: value }]],
        ['POST', '/people', [{ name: 'x', org: Number(ant.id) }, { name: 'y', org: value }]],
        ['POST', '/people?columns=name', { name: 'x', org: value }],
        ['POST', '/people?columns=name,org', { name: 'x', org: value }],
        ['POST', '/people?columns=org,name', { name: 'x', org: value }],
        ['PATCH', '/people', { org: value }],
        ['PATCH', `/people?id=eq.${ant.people[0].id}`, { org: value }],
        ['PATCH', `/people/${ant.people[0].id}`, { age: 1, org: value }],
        ['POST', '/posts', { author: ant.people[0].id, title: 'x', org: value }],
      ]) {
        const answer = await door(ant, method, path, body);
        assert.deepEqual([answer.status, answer.json?.code], [403, 'foreign_tenant'], `${method} ${path} ${JSON.stringify(body)}: ${answer.body}`);
      }
    }
    const escaped = await door(ant, 'POST', '/people', `{"name": "x", "\\u006frg": ${bee.id}}`, { 'Content-Type': 'application/json' });
    assert.equal(escaped.json?.code, 'foreign_tenant', escaped.body);
    const twice = await door(ant, 'POST', '/people', `{"name": "x", "org": ${ant.id}, "org": ${bee.id}}`, { 'Content-Type': 'application/json' });
    assert.equal(twice.status, 400, twice.body);
    const { rows: n } = await operator.query("SELECT count(*)::int AS n FROM public.people WHERE name IN ('x', 'y')");
    assert.equal(n[0].n, 0);
  });

  test("one's own key in a body is fine", async () => {
    for (const value of [Number(ant.id), ant.id]) {
      const [made] = await rows(ant, 'POST', '/people', { name: 'own', org: value });
      assert.equal(String(made.org), ant.id);
      assert.equal((await rows(ant, 'PATCH', `/people/${made.id}`, { org: value, age: 4 })).age, 4);
      assert.equal((await door(ant, 'DELETE', `/people/${made.id}`)).status, 204);
    }
  });

  test("filters that ask for another's rows give none, in every form; asking for all gives one's own", async () => {
    const b = bee.people[0];
    for (const filter of [
      `org=eq.${bee.id}`, `org=in.(${bee.id},${cow.id})`, `org=neq.${ant.id}`, `org=gt.${ant.id}`, `org=not.eq.${ant.id}`, `or=(org.eq.${bee.id},org.eq.${cow.id})`,
      `and=(org.eq.${bee.id})`, `not.or=(org.eq.${ant.id})`, `org=isdistinct.${ant.id}`, `org=is.null`, `org=eq(any).{${bee.id},${cow.id}}`, `id=eq.${b.id}`, `id=in.(${bee.people.map((p) => p.id)})`,
      `name=eq.${encodeURIComponent(b.name)}`, `email=eq.${b.email}`, `name=like.bee*`, `name=match.^bee`, `extra->>c=eq.${bee.canary}`, `extra->>c=like.bee*`, `extra=cs.{"c":"${bee.canary}"}`, `tags=ov.{${bee.canary}}`,
    ]) {
      for (const extra of ['', '&select=*', '&select=org,name,orgs(*)', '&order=org.desc', '&limit=100', '&select=id,posts(*)'])
        assert.deepEqual(await rows(ant, 'GET', `/people?${filter}${extra}`), [], filter + extra);
      const head = await door(ant, 'HEAD', `/people?${filter}`, undefined, { Prefer: 'count=exact' });
      assert.match(head.head, /content-range: \*\/0\n/i, filter);
      assert.deepEqual(await rows(ant, 'PATCH', `/people?${filter}`, { age: 5 }), [], filter);
      assert.deepEqual(await rows(ant, 'DELETE', `/people?${filter}`), [], filter);
    }
    for (const all of ['', 'org=gt.0', 'or=(org.gt.0,org.is.null)', 'id=gt.0', 'name=like.*', `or=(org.eq.${bee.id},org.neq.${bee.id})`, 'not.and=(id.lt.0,id.gt.0)'])
      assert.deepEqual((await rows(ant, 'GET', `/people?${all}&order=id`)).map((r) => r.id), ant.people.map((r) => r.id), all);
    assert.equal((await door(ant, 'GET', `/people/${b.id}`)).status, 404);
    assert.equal((await door(ant, 'PATCH', `/people/${b.id}`, { age: 5 })).status, 404);
    assert.equal((await door(ant, 'DELETE', `/people/${b.id}`)).status, 404);
    const { rows: untouched } = await operator.query('SELECT age FROM public.people WHERE org = $1 ORDER BY id', [bee.id]);
    assert.deepEqual(untouched.map((r) => r.age), [1, 2, 3]);
  });

  test('embeds, filters on embeds and orders by embeds stay inside', async () => {
    for (const path of [
      `/posts?select=*,people(*)&people.org=eq.${bee.id}`,
      `/posts?select=*,people!inner(*)&people.org=eq.${bee.id}`,
      `/people?select=*,posts(*)&posts.or=(org.eq.${bee.id},id.gt.0)`,
      '/people?select=*,posts(*,people(*,posts(*,people(*,orgs(*)))))',
      '/posts?select=*,people(name)&order=people(name).desc',
      `/people?select=*,orgs(*)&orgs.id=eq.${bee.id}`,
      '/orgs?select=*,people(*,posts(*))',
      `/orgs?select=*,people(*)&people.org=gt.0`,
      '/people?select=count:id,c:extra->>c,extra->c,org::text,x:orgs(motto)',
    ])
      await rows(ant, 'GET', path);
    assert.deepEqual(await rows(ant, 'GET', `/posts?select=*,people!inner(*)&people.org=eq.${bee.id}`), []);
    assert.ok((await rows(ant, 'GET', `/people?select=*,orgs(*)&orgs.id=eq.${bee.id}`)).every((r) => r.orgs === null));
  });

  test("upserts and inserts with another's key values make a row of one's own or none", async () => {
    const b = bee.people[0];
    const { rows: before } = await operator.query('SELECT * FROM public.people WHERE org = $1 ORDER BY id', [bee.id]);
    const untouched = async () => assert.deepEqual((await operator.query('SELECT * FROM public.people WHERE org = $1 ORDER BY id', [bee.id])).rows, before);
    const writes = ['resolution=merge-duplicates', 'resolution=ignore-duplicates', 'missing=default', 'return=representation'].map((prefer) => ['POST', '/people?on_conflict=org,id', prefer]);
    for (const [method, path, prefer] of [...writes, ['PUT', `/people?id=eq.${b.id}`, 'return=representation']]) {
      const said = { Prefer: `${prefer},return=representation` };
      const own = await door(ant, method, path, { id: b.id, name: 'ant took it' }, said);
      assert.deepEqual([own.status, own.json.map?.((r) => [String(r.org), r.id, r.name])], [201, [[ant.id, b.id, 'ant took it']]], `${method} ${prefer}: ${own.body}`);
      await untouched();
      assert.equal((await door(ant, 'DELETE', `/people/${b.id}`)).status, 204);
      assert.equal((await door(ant, method, path, { org: Number(bee.id), id: b.id, name: 'ant took it' }, said)).status, 403);
      await untouched();
    }
    // the id of bee's row is free here: it is another row
    const [same] = await rows(ant, 'POST', '/people', { id: b.id, name: 'same id', email: b.email });
    assert.deepEqual([String(same.org), same.id], [ant.id, b.id]);
    assert.equal((await rows(bee, 'GET', `/people/${b.id}`)).name, b.name);
    assert.equal((await door(ant, 'DELETE', `/people/${b.id}`)).status, 204);
    await untouched();
  });

  test("the root: only one's own row is there, and none is made, dropped or renumbered", async () => {
    assert.deepEqual((await rows(ant, 'GET', '/orgs')).map((r) => String(r.id)), [ant.id]);
    assert.deepEqual(await rows(ant, 'GET', `/orgs?id=eq.${bee.id}`), []);
    assert.equal((await door(ant, 'GET', `/orgs/${bee.id}`)).status, 404);
    for (const [method, path, body] of [
      ['POST', '/orgs', { id: 900, name: 'new' }],
      ['POST', '/orgs', { name: 'new' }],
      ['DELETE', '/orgs', undefined],
      ['DELETE', `/orgs/${ant.id}`, undefined],
      ['DELETE', `/orgs?id=eq.${bee.id}`, undefined],
      ['PATCH', '/orgs', { id: Number(bee.id) }],
      ['PATCH', `/orgs/${ant.id}`, { id: 900 }],
    ]) {
      const answer = await door(ant, method, path, body);
      assert.equal(answer.status, 403, `${method} ${path}: ${answer.body}`);
    }
    assert.deepEqual(await rows(ant, 'PATCH', `/orgs?id=eq.${bee.id}`, { motto: 'x' }), []);
    assert.deepEqual((await rows(ant, 'PATCH', '/orgs', { motto: 'ours' })).map((r) => [String(r.id), r.motto]), [[ant.id, 'ours']]);
    const { rows: all } = await operator.query('SELECT id::text, motto FROM public.orgs WHERE id IN ($1, $2) ORDER BY id', [ant.id, bee.id]);
    assert.deepEqual(all, [{ id: ant.id, motto: 'ours' }, { id: bee.id, motto: 'bee motto' }]);
  });

  test("a foreign key to another's row is refused with the same words as one to no row at all", async () => {
    const shape = (answer, id) => ({ status: answer.status, json: JSON.stringify(answer.json).replace(new RegExp(`\\b${id}\\b`, 'g'), 'ID') });
    const missing = 88888888;
    const theirs = bee.people[0].id;
    for (const [method, path, body] of [
      ['POST', '/posts', (author) => ({ title: 'x', author })],
      ['POST', '/posts', (author) => [{ title: 'x', author }, { title: 'y', author }]],
      ['PATCH', `/posts/${ant.posts[0].id}`, (author) => ({ author })],
    ]) {
      const a = await door(ant, method, path, body(theirs), { Prefer: 'return=representation' });
      const b = await door(ant, method, path, body(missing), { Prefer: 'return=representation' });
      assert.deepEqual([a.status, a.json.code], [409, '23503'], a.body);
      assert.deepEqual(shape(a, theirs), shape(b, missing));
    }
  });

  test("a unique violation tells of one's own row only; the same value of another tenant is no violation", async () => {
    const own = await door(ant, 'POST', '/people', { name: 'x', email: ant.people[0].email });
    assert.deepEqual([own.status, own.json.code], [409, '23505']);
    const [made] = await rows(ant, 'POST', '/people', { name: 'x', email: bee.people[0].email });
    assert.equal((await door(ant, 'DELETE', `/people/${made.id}`)).status, 204);
  });

  test('reference tables are read and not written', async () => {
    assert.equal((await rows(ant, 'GET', '/cities')).length, 2);
    for (const [method, path, body] of [['POST', '/cities', { name: 'Linz' }], ['PATCH', '/cities?name=eq.Graz', { name: 'Linz' }], ['DELETE', '/cities', undefined]])
      assert.equal((await door(ant, method, path, body)).status, 403, method);
  });

  test('sequences: ids run on over all tenants, and nothing of them can be read or set', async () => {
    for (const path of ['/people_id_seq', '/people_id_seq?select=last_value', '/rpc/nextval', '/rpc/nextval?regclass=people_id_seq', '/rpc/setval', '/rpc/currval', '/rpc/lastval', '/pg_sequences'])
      assert.equal((await door(ant, 'GET', path)).status, 404, path);
    const [one] = await rows(ant, 'POST', '/people', { name: 'seq' });
    const [two] = await rows(bee, 'POST', '/people', { name: 'seq' });
    assert.ok(two.id > one.id);
    await door(ant, 'DELETE', `/people/${one.id}`);
    await door(bee, 'DELETE', `/people/${two.id}`);
  });
});

describe('names', () => {
  const encoded = (name) => encodeURIComponent(name);
  const hostile = [
    '"people"', "people'", 'people"', 'people;--', 'people; DROP TABLE people', 'people--', 'people/*', 'people%00', 'people\\', 'people\u2028', 'PEOPLE', 'People', ' people', 'people ', 'people\t', 'рeople',
    'people()', '(select 1)', '*', '.', '..', 'public.people', '"public"."people"', 'public', 'iso.public.people', 'pg_class', 'pg_catalog.pg_class', 'pg_authid', 'pg_roles', 'pg_stat_activity', 'pg_settings', 'pg_policies',
    'information_schema.tables', 'tables', 'applied_migrations', 'rowhouse.applied_migrations', 'tenants', 'rowhouse.tenants', 'relation_caches', 'homes', 'pg_temp.people', 'reference.cities', 'people_pkey', 'people_id_seq', 'posts_author',
    'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), 'ü'.repeat(32), 'people' + 'x'.repeat(57), '\u0001', '😀', '$1', '?', '#', '&', 'rpc', 'null', '0', '-1',
  ];

  test('as tables, keys, functions: 404 or 400, never an object that is not of the app', async () => {
    for (const name of hostile) {
      for (const path of [`/${encoded(name)}`, `/${encoded(name)}/1`, `/rpc/${encoded(name)}`]) {
        for (const method of ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE']) {
          const answer = await door(ant, method, path, method === 'POST' || method === 'PATCH' ? { a: 1 } : undefined);
          assert.ok([400, 404, 405].includes(answer.status), `${method} ${path}: ${answer.status} ${answer.body}`);
        }
      }
    }
  });

  test('paths that climb or are written twice lead nowhere', async () => {
    for (const path of ['/../people', '/./people', '/people/../posts', '/people/..', '/%2e%2e/people', '/people%2f..%2fposts', '//people', '/people/', '/people//', '/people/1/2', '/rpc', '/rpc/', '/rpc//whoami', '/rpc/whoami/1', '/people%3forg=eq.1', '/people;x=1', '/people,posts']) {
      const got = await exchange(app.data, `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ant.token}\r\nConnection: close\r\n\r\n`);
      assert.ok([400, 404].includes(got.status), `${path}: ${got.text}`);
      assert.deepEqual(watchman.find(ant.id, got.text), []);
    }
  });

  test('as columns, in every place that takes one: 400 that names it', async () => {
    const columns = [...hostile.filter((n) => !['*', '.', '..', 'null', '(select 1)', 'people()'].includes(n)), 'xmin', 'xmax', 'cmin', 'cmax', 'ctid', 'tableoid', 'oid', 'ORG', 'org; --', 'people', 'org,name) FROM people --'];
    for (const name of columns) {
      const quoted = encoded(`"${name.replace(/[\\"]/g, '\\$&')}"`);
      for (const [method, path, body] of [
        ['GET', `/people?select=${quoted}`],
        ['GET', `/people?${quoted}=eq.1`],
        ['GET', `/people?order=${quoted}`],
        ['GET', `/people?or=(${quoted}.eq.1,org.gt.0)`],
        ['GET', `/people?select=id,posts(${quoted})`],
        ['GET', `/people?select=id,${quoted}(*)`],
        ['GET', `/posts?select=id,people!${quoted}(*)`],
        ['GET', `/posts?select=id,people(*)&order=people(${quoted})`],
        ['POST', `/people?columns=${quoted}`, { name: 'x' }],
        ['POST', '/people', { name: 'x', [name]: 1 }],
        ['PATCH', `/people?id=eq.0`, { [name]: 1 }],
      ]) {
        if (path.includes('people!') && name === 'author') continue;
        if (path === `/people?select=id,${quoted}(*)` && ['posts', 'cities'].includes(name)) continue;
        const answer = await door(ant, method, path, body);
        assert.equal(answer.status, 400, `${method} ${decodeURIComponent(path)}: ${answer.status} ${answer.body}`);
        assert.ok(answer.json.message, path);
      }
    }
  });

  test('as aliases, JSON keys and values they are text, and come back as it', async () => {
    for (const name of ['"; DROP TABLE people; --', "a'b", 'a"b', 'a\\b', '$1', '%s', '\u0001x', 'ü😀', '<script>', '\r\nX-Injected: 1', 'a'.repeat(200)]) {
      const quoted = encoded(`"${name.replace(/[\\"]/g, '\\$&')}"`);
      const [row] = await rows(ant, 'GET', `/people?select=${quoted}:name&limit=1&order=id`);
      assert.deepEqual(row, { [name]: ant.people[0].name });
      const [embedded] = await rows(ant, 'GET', `/people?select=posts(${quoted}:title)&limit=1&order=id`);
      assert.deepEqual(embedded.posts[0], { [name]: ant.posts[0].title });
      assert.deepEqual(await rows(ant, 'GET', `/people?select=extra->${quoted}&limit=1`), [{ [name]: null }]);
      assert.deepEqual(await rows(ant, 'GET', `/people?name=eq.${encoded(name)}`), []);
      assert.deepEqual(await rows(ant, 'GET', `/people?name=in.(${quoted})`), []);
      const [made] = await rows(ant, 'POST', '/people', { name });
      assert.equal(made.name, name);
      assert.equal((await door(ant, 'DELETE', `/people/${made.id}`)).status, 204);
    }
    assert.equal((await rows(ant, 'GET', '/people')).length, 3);
  });

  test('casts take types of a list, not SQL', async () => {
    for (const type of ['regclass', 'oid', 'pg_authid', 'text);--', 'int[]', 'people', 'public.people', 'regrole', 'text FROM people', '"text"', 'numeric(1)', 'pg_lsn', '']) {
      const answer = await door(ant, 'GET', `/people?select=name::${encoded(type)}`);
      assert.equal(answer.status, 400, `${type}: ${answer.body}`);
    }
  });
});

describe('the control door', () => {
  const control = (method, path, { token, headers = {}, body } = {}) => request(app.control, { method, path, token, headers, body });
  const verbs = [['GET', '/tenants'], ['GET', `/tenants/${IDS.bee}`], ['GET', '/tenants/bee'], ['POST', '/tenants', { slug: 'eel', name: 'eel' }], ['POST', '/tenants/bee/token', { ttl: 60 }], ['HEAD', '/tenants'], ['DELETE', '/tenants/bee'], ['PATCH', '/tenants/bee', {}], ['GET', '/people'], ['OPTIONS', '/tenants']];

  test('every verb without the operator\'s token is 401: nobody, a tenant, a wrong token', async () => {
    const operatorToken = app.secret('control_token');
    for (const [method, path, body] of verbs)
      for (const token of [undefined, ant.token, bee.token, 'x', operatorToken.slice(0, -1), `${operatorToken}x`, `${operatorToken.slice(0, -1)}${operatorToken.at(-1) === 'x' ? 'y' : 'x'}`, operatorToken.toUpperCase() === operatorToken ? 'x' : operatorToken.toUpperCase(), app.secret('jwt_secret')]) {
        const answer = await control(method, path, { token, body });
        assert.equal(answer.status, 401, `${method} ${path}: ${answer.body}`);
        assert.doesNotMatch(answer.head.replace(/^X-Request-Id:.*$/m, '') + answer.body, /bee|canary|7002002/);
      }
    assert.equal((await control('GET', '/tenants/eel', { token: operatorToken })).status, 404, 'none of them made it');
  });

  test("the operator's token opens it, and is nothing at the data door", async () => {
    const token = app.secret('control_token');
    assert.equal((await control('GET', '/tenants', { token })).status, 200);
    assert.equal((await raw(app.data, token)).status, 401);
    assert.equal((await control('DELETE', '/tenants/bee', { token })).status, 400, 'without its slug as confirmation');
    assert.equal((await control('PUT', '/tenants/bee', { token })).status, 405);
    assert.equal((await control('GET', '/people', { token })).status, 404);
  });

  test('Host and Origin of others are 403, with the right token too', async () => {
    const token = app.secret('control_token');
    const { port } = new URL(app.control);
    for (const [headers, status] of [
      [{ Host: `127.0.0.1:${port}` }, 200],
      [{ Host: `localhost:${port}` }, 200],
      [{ Host: `localhost:${port}`, Origin: `http://localhost:${port}` }, 200],
      [{ Host: `evil.example:${port}` }, 403],
      [{ Host: `127.0.0.1.evil.example:${port}` }, 403],
      [{ Host: '127.0.0.1' }, 403],
      [{ Host: `127.0.0.1:${Number(port) + 1}` }, 403],
      [{ Host: `127.0.0.1:${port}@evil.example` }, 403],
      [{ Host: `0.0.0.0:${port}` }, 403],
      [{ Origin: 'http://evil.example' }, 403],
      [{ Origin: 'null' }, 403],
      [{ Origin: `https://127.0.0.1:${port}` }, 403],
      [{ Origin: `http://127.0.0.1:${Number(port) + 1}` }, 403],
      [{ Origin: `http://127.0.0.1:${port}.evil.example` }, 403],
      [{ Origin: '' }, 403],
    ])
      assert.equal((await control('GET', '/tenants', { token, headers })).status, status, JSON.stringify(headers));
    const noHost = await exchange(app.control, `GET /tenants HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    assert.equal(noHost.status, 403);
  });

  test('bodies in other types than JSON, which a browser would send unasked, are refused', async () => {
    const token = app.secret('control_token');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp'])
      assert.equal((await control('POST', '/tenants', { token, headers: { 'Content-Type': type }, body: '{"slug": "eel", "name": "eel"}' })).status, 415, type);
  });

  test('names that are hostile make a tenant that works, or a clear refusal; none touches another', async () => {
    const token = app.secret('control_token');
    for (const body of [{ slug: "a'b", name: 'x' }, { slug: 'A', name: 'x' }, { slug: '', name: 'x' }, { slug: '1a', name: 'x' }, { slug: 'a b', name: 'x' }, { slug: '../x', name: 'x' }, { slug: 'x'.repeat(64), name: 'x' }, { slug: 'bee', name: 'again' },
      { slug: 'okay', name: '' }, { slug: 'okay', name: 'x'.repeat(1025) }, { slug: 'okay', name: 'a\0b' }, { slug: 'okay', name: 'x', id: Number(IDS.bee) }, { slug: 'okay', name: 'x', state: 'active' }, { slug: 'okay', name: 'x', home: 1 }, { slug: 'okay', name: 'x', nothing: 1 }, {}, []]) {
      const answer = await control('POST', '/tenants', { token, body });
      assert.ok(answer.status >= 400 && answer.status < 500, `${JSON.stringify(body).slice(0, 80)}: ${answer.status} ${answer.body}`);
      assert.ok(answer.json?.message, answer.body);
    }
    const name = `Robert'); DROP TABLE people; -- "ü😀" :id $1`;
    const made = await control('POST', '/tenants', { token, body: { slug: 'okay', name } });
    assert.equal(made.status, 201, made.body);
    const okay = { id: String(made.json.id), token: (await control('POST', '/tenants/okay/token', { token, body: { ttl: 60 } })).json.token };
    await sleep(100);
    assert.deepEqual((await rows(okay, 'GET', '/orgs')).map((r) => r.name), [name]);
    assert.deepEqual(await rows(okay, 'GET', '/people'), []);
    assert.equal((await rows(bee, 'GET', '/people')).length, 3);
  });

  test('listens on loopback only, and a conf that opens it to the world is refused', async () => {
    const run = await app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0', '--set', 'control.listen=0.0.0.0']);
    assert.notEqual(run.status, 0);
    assert.match(run.stderr, /control\.listen|loopback/);
  });
});
