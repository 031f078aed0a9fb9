// SPDX-License-Identifier: Apache-2.0
//
// What clients send that they should not: every malformed request is answered with a status of the 400s and a message
// that names the culprit, what is too large or too slow is cut off in time, and others do not notice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { sleep, startApp, until } from './lib/harness.js';
import { addTenant, exchange, inParallel, isoApp, random, request, serve, stopWell } from './lib/iso.js';

const MAX_HEAD = 16 * 1024;
const MAX_BODY = 64 * 1024;

let app, ant, person;
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

const door = (method, target, body, headers) => request(app.data, { method, path: target, token: ant.token, body, headers, agent });

/** The head of a request as bytes, with ant's token. */
const head = (line, ...headers) => [`${line}`, 'Host: x', `Authorization: Bearer ${ant.token}`, ...headers, '', ''].join('\r\n');
const answers = (text) => (text.match(/HTTP\/1\.1 \d{3} /g) ?? []).length;
/** The door works: a request on a new connection is answered quickly. */
async function works() {
  const since = Date.now();
  const answer = await request(app.data, { path: '/people?select=id', token: ant.token, timeout: 5000 });
  assert.equal(answer.status, 200, answer.body);
  assert.ok(Date.now() - since < 2000, 'others had to wait');
}

before(async () => {
  app = await startApp({
    files: isoApp({ name: 'input' }),
    settings: ['data.connections=4', 'data.head_timeout=1s', 'data.body_timeout=1s', 'data.idle_timeout=20s', `data.max_head=${MAX_HEAD}`, `data.max_body=${MAX_BODY}`, 'data.statement_timeout=5s', 'data.max_response=1m'],
  });
  ant = await addTenant(app, 'ant');
  await startAnew();
});

/** The two rows that the tests expect, and no others. */
async function startAnew() {
  assert.equal((await door('DELETE', '/people')).status, 204);
  const one = { name: 'one', email: 'one@x', age: 1, extra: { a: { b: 1 } }, tags: ['x'] };
  const made = await door('POST', '/people', [one, { ...one, name: 'two', email: 'two@x' }], { Prefer: 'return=representation' });
  assert.equal(made.status, 201, made.body);
  person = made.json[0];
}
after(async () => {
  agent.destroy();
  await stopWell(app);
});

describe('requests that are not understood', () => {
  // [method, target, body, status, what the message, details or hint must name]
  const cases = [
    // the URL
    ['GET', '/people?name=eq.%', , 400, /percent/],
    ['GET', '/people?name=eq.%4', , 400, /percent/],
    ['GET', '/people?name=eq.%zz', , 400, /percent/],
    ['GET', '/people?%zz=eq.1', , 400, /percent/],
    ['GET', '/people?name=eq.%00', , 400, /NUL/],
    ['GET', '/people?name=eq.%ff%fe', , 400, /UTF-8/],
    ['GET', '/people?name=eq.%c0%80', , 400, /UTF-8/],
    ['GET', '/people?name=eq.%ed%a0%80', , 400, /UTF-8/],
    ['GET', '/peo%zzple', , 400, /percent/],
    ['GET', '/people/%', , 400, /percent/],
    ['GET', '/people%00', , 400, /NUL/],
    // operators, columns, tables
    ['GET', '/people?name=1', , 400, /filter \(1\)|operator/],
    ['GET', '/people?name=foo.1', , 400, /foo/],
    ['GET', '/people?name=eq', , 400, /eq/],
    ['GET', '/people?name=', , 400, /operator/],
    ['GET', '/people?name', , 400, /operator/],
    ['GET', '/people?name=EQ.1', , 400, /EQ/],
    ['GET', '/people?nope=eq.1', , 400, /nope/],
    ['GET', '/people?select=nope', , 400, /nope/],
    ['GET', '/people?order=nope', , 400, /nope/],
    ['GET', '/people?order=age.up', , 400, /up/],
    ['GET', '/people?or=(nope.eq.1)', , 400, /nope/],
    ['GET', '/people?or=nope', , 400, /nope/],
    ['GET', '/people?or=(age.eq.1', , 400, /age\.eq\.1/],
    ['GET', '/people?or=()', , 400, /\(\)/],
    ['GET', '/people?select=(', , 400, /\(/],
    ['GET', '/people?select=name)', , 400, /name\)/],
    ['GET', '/people?select=name,,age', , 400, /name,,age/],
    ['GET', '/people?select=name::', , 400, /name::/],
    ['GET', '/people?select=name::nope', , 400, /nope/],
    ['GET', '/people?select=nope(*)', , 400, /nope/],
    ['GET', '/people?select=posts(nope)', , 400, /nope/],
    ['GET', '/people?select=posts(*', , 400, /posts/],
    ['GET', '/people?select=id&posts.title=eq.x', , 400, /posts/],
    ['GET', '/people?select=age.sum()', , 400, /aggregate/],
    ['GET', '/people?select=extra->', , 400, /extra->/],
    ['GET', '/people?name=is.maybe', , 400, /maybe/],
    ['GET', '/people?name=in.x', , 400, /in\.x|in/],
    ['GET', '/people?name=in.(x', , 400, /x/],
    ['GET', '/people?age=eq(some).{1}', , 400, /some/],
    ['GET', '/people?name=fts(nope).x', , 400, /nope/],
    ['GET', '/people?limit=x', , 400, /limit.*x/],
    ['GET', '/people?limit=1&limit=2', , 400, /limit/],
    ['GET', '/people?limit=1e3', , 400, /1e3/],
    ['GET', '/people?limit=99999999999999999999', , 400, /99999999999999999999/],
    ['GET', '/people?limit=-1', , 416, /[Ll]imit/],
    ['GET', '/people?offset=x', , 400, /offset.*x/],
    ['GET', '/nope', , 404, /nope/],
    ['GET', '/rpc/nope', , 404, /nope/],
    ['GET', '/rpc/snooze', , 404, /snooze/],
    ['POST', '/rpc/snooze', { minutes: 1 }, 404, /minutes/],
    ['POST', '/rpc/nope', {}, 404, /nope/],
    ['GET', '/people/1/2', , 404, /path/],
    ['GET', '/people/1,2', , 400, /2/],
    ['GET', '/people/x', , 400, /x/],
    ['GET', '/people/999999', , 404, /people/],
    ['PUT', '/people', { name: 'x' }, 405, /primary key/],
    ['POST', '/people/1', { name: 'x' }, 405, /POST/],
    ['DELETE', '/rpc/whoami', , 405, /DELETE/],
    ['PATCH', '/rpc/whoami', {}, 405, /PATCH/],
    ['GET', '/rpc/grow_older', , 405, /read-only/],
    // numbers, dates and the like: PostgreSQL's words, which quote the value
    ['GET', '/people?age=eq.x', , 400, /"x"/],
    ['GET', '/people?age=gt.1.5', , 400, /1\.5/],
    ['GET', '/people?age=eq.99999999999', , 400, /99999999999/],
    ['GET', '/people?age=eq.', , 400, /""/],
    ['GET', '/people?salary=gt.much', , 400, /much/],
    ['GET', '/people?salary=gt.1e400000', , 400, /overflow|1e400000/],
    ['GET', '/people?born=eq.2023-02-30', , 400, /2023-02-30/],
    ['GET', '/people?born=eq.yesterdayish', , 400, /yesterdayish/],
    ['GET', '/posts?at=gt.25:61', , 400, /25:61/],
    ['GET', '/people?address=eq.1.2.3.400', , 400, /1\.2\.3\.400/],
    ['GET', '/people?tags=cs.{x', , 400, /\{x/],
    ['GET', '/people?extra=cs.{x', , 400, /json/],
    ['GET', '/people?name=match.(', , 400, /regular expression/],
    ['GET', '/people?name=like.%5C', , 400, /LIKE/],
    ['GET', '/people?select=name::int', , 400, /"one"|"two"/],
    ['GET', '/people?name=gt.x&age=lt.x', , 400, /"x"/],
    ['GET', '/rpc/find_people', , 404, /find_people/],
    ['GET', '/rpc/snooze?seconds=soon', , 400, /soon/],
    ['POST', '/rpc/snooze', { seconds: 'soon' }, 400, /soon/],
    ['POST', '/rpc/snooze', [1], 400, /array|element/],
    // bodies
    ['POST', '/people', '', 400, /json/i],
    ['POST', '/people', '{', 400, /json/i],
    ['POST', '/people', '{"name": "x"', 400, /json/i],
    ['POST', '/people', '{"name": "x"} x', 400, /json/i],
    ['POST', '/people', "{'name': 'x'}", 400, /json/i],
    ['POST', '/people', '{"name": NaN}', 400, /json/i],
    ['POST', '/people', '{"name": "x",}', 400, /json/i],
    ['POST', '/people', '{"name": "\u0001"}', 400, /json/i],
    ['POST', '/people', '{"name": "\\u0000"}', 400, /json|u0000|NUL/i],
    ['POST', '/people', '{"name": "\\ud800"}', 400, /json|surrogate/i],
    ['POST', '/people', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, /json|UTF-8/i],
    ['POST', '/people', Buffer.from('\ufeff{"name": "x"}'), 400, /json/i],
    ['POST', '/people', 'null', 400, /object|json/i],
    ['POST', '/people', '7', 400, /object|json/i],
    ['POST', '/people', '"x"', 400, /object|json/i],
    ['POST', '/people', '[1]', 400, /element 0/],
    ['POST', '/people', '[{"name": "x"}, null]', 400, /element 1/],
    ['POST', '/people', '[{"name": "x"}, {"name": "y", "age": 1}]', 400, /element 1/],
    ['POST', '/people', '{"name": "x", "name": "y"}', 400, /twice/],
    ['POST', '/people', { nope: 1 }, 400, /nope/],
    ['POST', '/people', { name: 'x', age: 'x' }, 400, /"x"/],
    ['POST', '/people', { name: 'x', age: 1e30 }, 400, /age|integer|out of range/],
    ['POST', '/people', `{"name": "x", "age": 1${'0'.repeat(30)}}`, 400, /age|integer|range/],
    ['POST', '/people', `{"name": "x", "age": 1${'0'.repeat(400)}}`, 400, /age|integer|range|json/i],
    ['POST', '/people', { name: 'x', born: '2023-13-01' }, 400, /2023-13-01/],
    ['POST', '/people', { name: 'x', address: 'home' }, 400, /home/],
    ['POST', '/people', { name: 'x', tags: 'x' }, 400, /"x"/],
    ['POST', '/people', { name: null }, 400, /name/],
    ['POST', '/people', {}, 400, /name/],
    ['POST', '/people', { name: 'x', age: 999 }, 400, /age/],
    ['POST', '/people', { name: 'x', city: 'Nowhere' }, 409, /city/],
    ['POST', '/people', { name: 'x', email: 'two@x' }, 409, /email/],
    ['POST', '/people?columns=nope', { name: 'x' }, 400, /nope/],
    ['POST', '/people?id=eq.1', { name: 'x' }, 400, /filter/],
    ['POST', '/people?limit=1', { name: 'x' }, 400, /limit/],
    ['POST', '/people_by_age', { name: 'x' }, 403, /people_by_age/],
    ['PATCH', '/people?nope=eq.1', { name: 'x' }, 400, /nope/],
    ['PATCH', '/people', [{ age: 1 }, { age: 2 }], 400, /2/],
    ['PATCH', '/people', { nope: 1 }, 400, /nope/],
    ['PATCH', '/people', '', 400, /json/i],
    ['DELETE', '/people?nope=eq.1', , 400, /nope/],
    ['DELETE', '/people?limit=1', , 400, /limit/],
  ];

  test(`${cases.length} malformed requests: each its status and the culprit's name`, async () => {
    const wrong = [];
    for (const [method, target, body, status, culprit] of cases) {
      const headers = typeof body === 'string' || Buffer.isBuffer(body) ? { 'Content-Type': 'application/json' } : {};
      const answer = await door(method, target, body, headers);
      const j = answer.json;
      const told = j ? `${j.message} ${j.details ?? ''} ${j.hint ?? ''}` : answer.body;
      if (answer.status !== status || !j?.code || !culprit.test(told)) wrong.push(`${method} ${target} ${JSON.stringify(body) ?? ''}: ${answer.status} ${answer.body}; wanted ${status} ${culprit}`);
    }
    assert.deepEqual(wrong, []);
    await works();
  });

  test('headers that are not understood', async () => {
    for (const [headers, status, culprit] of [
      [{ Accept: 'text/html' }, 406, /text\/html/],
      [{ Accept: 'image/png;q=0.5' }, 406, /image\/png/],
      [{ Prefer: 'handling=strict,nope=1' }, 400, /nope/],
      [{ Prefer: 'handling=strict,return=everything' }, 400, /everything/],
      [{ Range: '5-2' }, 416, /[Rr]ange/],
    ]) {
      const answer = await door('GET', '/people', undefined, headers);
      assert.equal(answer.status, status, `${JSON.stringify(headers)}: ${answer.status} ${answer.body}`);
      assert.match(answer.body, culprit);
    }
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data', 'application/jsonx', 'x']) {
      const answer = await door('POST', '/people', '{"name": "x"}', { 'Content-Type': type });
      assert.ok([400, 406, 415].includes(answer.status), `${type}: ${answer.status}`);
      assert.match(answer.body, new RegExp(type.replace('/', '.')));
    }
    for (const lax of [{ Prefer: 'nope=1' }, { Prefer: ',,;=' }, { Prefer: 'x'.repeat(3000) }, { Range: 'lines=1-2' }, { Range: 'x' }])
      assert.equal((await door('GET', '/people', undefined, lax)).status, 200, JSON.stringify(lax).slice(0, 60));
  });

  test('3,000 mutated requests: none is answered with a status of the 500s, none hangs', async () => {
    const seed = Number(process.env.RH_SEED ?? Date.now() % 1e9);
    const dice = random(seed);
    const seeds = cases.map(([method, target, body]) => ({ method, target, body: body === undefined || Buffer.isBuffer(body) ? undefined : typeof body === 'string' ? body : JSON.stringify(body) }));
    const parts = ['%', '%00', '%ff', '(', ')', ',', '.', '"', "'", '\\', '->', '->>', '::', 'not.', 'or', 'and', '*', '!inner', '{', '}', '[', ']', '&', '=', '?', '/', 'eq.', 'in.(', 'select=', 'posts', 'people', '%F0%9F%98%80', '-1', '9'.repeat(30), '...', '%20', '$1', ';--', ':', '+', '#'];
    const mutate = (text) => {
      let t = text;
      for (let n = 1 + dice.int(3); n > 0; n--) {
        const at = dice.int(t.length + 1);
        const kind = dice.int(4);
        if (kind === 0) t = t.slice(0, at) + dice.pick(parts) + t.slice(at);
        else if (kind === 1) t = t.slice(0, at) + t.slice(at + 1 + dice.int(4));
        else if (kind === 2) t = t.slice(0, at) + t.slice(dice.int(t.length + 1));
        else t = t.slice(0, at) + String.fromCharCode(33 + dice.int(94)) + t.slice(at + 1);
      }
      return t.slice(0, 4000);
    };
    const bad = [];
    const jobs = Array.from({ length: 3000 }, () => {
      const from = dice.pick(seeds);
      const target = dice.chance(0.8) ? '/' + mutate(from.target.slice(1)).replace(/[^!-~]/g, 'x') : from.target;
      const body = from.body !== undefined && dice.chance(0.7) ? mutate(from.body) : from.body;
      const method = dice.chance(0.9) ? from.method : dice.pick(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);
      // what deletes everything, or waits, is left out
      if (method === 'DELETE' && !target.includes('?')) return async () => {};
      return async () => {
        const answer = await request(app.data, { method, path: target, token: ant.token, body, headers: body === undefined ? {} : { 'Content-Type': 'application/json' }, agent, timeout: 10000 });
        if (answer.status >= 500 || (answer.status >= 400 && method !== 'HEAD' && !answer.json?.message)) bad.push(`${method} ${target} ${body ?? ''}: ${answer.status} ${answer.body}`);
      };
    });
    await inParallel(jobs, 12);
    assert.deepEqual(bad, [], `seed ${seed}`);
    await startAnew(); // some of them were understood
    await works();
  });

  test('bytes that are no HTTP: 400 or the end of the connection, and the door works on', async () => {
    const dice = random(7);
    const noise = Array.from({ length: 300 }, () => String.fromCharCode(dice.int(256))).join('');
    for (const bytes of [
      noise, '\r\n\r\n\r\n', 'GET\r\n\r\n', 'GET /people\r\n\r\n', 'GET  /people HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /people HTTP/9.9\r\nHost: x\r\n\r\n', 'GET /people HTTP/1.1\r\nHost x\r\n\r\n', 'GET /people HTTP/1.1\r\n: x\r\n\r\n',
      'GET /people HTTP/1.1\r\n Host: x\r\n\r\n', 'GET /pe\0ople HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /people HTTP/1.1\r\nHost: x\0y\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET http:// HTTP/1.1\r\nHost: x\r\n\r\n', 'GET * HTTP/1.1\r\nHost: x\r\n\r\n', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET people HTTP/1.1\r\nHost: x\r\n\r\n', `${'X'.repeat(100)} /people HTTP/1.1\r\nHost: x\r\n\r\n`, 'GET /people HTTP/1.1\nHost: x\n\n',
    ]) {
      const got = await exchange(app.data, bytes, { ms: 4000, enough: (t) => /\r\n\r\n/.test(t) });
      assert.ok(got.closed || got.status >= 400, `${JSON.stringify(bytes.slice(0, 40))}: ${got.text}`);
      assert.ok(got.status < 500 || got.status === 505 || got.status === 501, got.text);
    }
    await works();
  });
});

describe('requests that are too large', () => {
  test('a URL or a head beyond data.max_head: 414 or 431 (or 413), then the connection ends', async () => {
    for (const n of [1.25 * MAX_HEAD, 100_000, 1_000_000]) {
      for (const text of [head(`GET /people?name=eq.${'x'.repeat(n)} HTTP/1.1`), head('GET /people HTTP/1.1', `X: ${'x'.repeat(n)}`), head('GET /people HTTP/1.1', ...Array.from({ length: n / 20 }, (_, i) => `X-${i}: abcdefgh`)), head(`GET /${'x'.repeat(n)} HTTP/1.1`)]) {
        const got = await exchange(app.data, text, { ms: 5000 });
        assert.ok([414, 431, 413, 400, 0].includes(got.status), got.text.slice(0, 300));
        assert.ok(got.closed, 'left open');
      }
    }
    const polite = await exchange(app.data, head(`GET /people?name=eq.${'x'.repeat(1.25 * MAX_HEAD)} HTTP/1.1`), { ms: 5000 });
    assert.ok([414, 431].includes(polite.status), polite.text.slice(0, 300));
    await works();
  });

  test('a head just below it is served', async () => {
    const answer = await exchange(app.data, head(`GET /people?select=id&name=eq.${'x'.repeat(MAX_HEAD - 1500)} HTTP/1.1`, 'Connection: close'), { ms: 5000 });
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
  });

  test('a body beyond data.max_body: 413, announced or chunked; one below is taken', async () => {
    const big = `{"name": "${'x'.repeat(MAX_BODY)}"}`;
    const announced = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${big.length}`) + big, { ms: 5000, enough: (t) => t.includes('}') });
    assert.equal(announced.status, 413, announced.text);
    assert.match(announced.text, /too_large/);
    const only = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 99999999999'), { ms: 5000, enough: (t) => t.includes('}') });
    assert.equal(only.status, 413, 'refused before it is sent');
    const expect = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Expect: 100-continue', 'Content-Length: 99999999999'), { ms: 5000, enough: (t) => t.includes('}') });
    assert.equal(expect.status, 413, expect.text);
    const chunk = big.slice(0, 8192);
    const chunks = Array.from({ length: 10 }, () => `2000\r\n${chunk}\r\n`).join('');
    const chunked = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked') + chunks + '0\r\n\r\n', { ms: 5000, enough: (t) => t.includes('}') });
    assert.equal(chunked.status, 413, chunked.text);
    for (const length of ['-1', '1e3', '0x10', '', 'abc', '1, 2', '18446744073709551617', '99999999999999999999999']) {
      const got = await exchange(app.data, head('POST /people HTTP/1.1', `Content-Length: ${length}`) + '{}', { ms: 3000, enough: (t) => /\r\n\r\n/.test(t) });
      assert.ok([400, 413, 0].includes(got.status), `Content-Length ${length}: ${got.text}`);
    }
    const fits = await door('POST', '/people', { name: 'x'.repeat(MAX_BODY - 100) }, { Prefer: 'return=representation' });
    assert.equal(fits.status, 201, fits.body.slice(0, 200));
    assert.equal((await door('DELETE', `/people/${fits.json[0].id}`)).status, 204);
    await works();
  });

  test('an endless chunked body is cut off soon after the bound', async () => {
    let sent = 0;
    const socket = net.connect(Number(new URL(app.data).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked'));
    const piece = Buffer.from(`4000\r\n${'x'.repeat(0x4000)}\r\n`);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    let open = true;
    closed.then(() => (open = false));
    while (open && sent < 100 * MAX_BODY) {
      await new Promise((resolve) => socket.write(piece, () => setImmediate(resolve)));
      sent += piece.length;
    }
    await Promise.race([closed, sleep(3000)]);
    assert.ok(!open, `${sent} bytes were taken`);
    await works();
  });

  test('an answer beyond data.max_response: 413 with a hint, and no half of it', async () => {
    const name = 'x'.repeat(60_000);
    assert.equal((await door('POST', '/people', { name })).status, 201);
    try { // one object is kept until it is whole, rows are sent as they come
      const columns = Array.from('abcdefghijklmnopqrs', (c) => `${c}:name`);
      const answer = await door('GET', `/people?name=like.xxxx*&select=${columns}`, undefined, { Accept: 'application/vnd.pgrst.object+json' });
      assert.deepEqual([answer.status, answer.json?.code], [413, 'too_large'], answer.body.slice(0, 200));
      assert.match(answer.json.hint, /limit/);
    } finally {
      assert.equal((await door('DELETE', '/people?name=like.xxxx*')).status, 204);
    }
  });

  test('deep JSON, deep embeds, deep logic, many filters, many items: 400 that says how much is allowed', async () => {
    const deepJson = `{"name": "x", "extra": ${'['.repeat(20000)}${']'.repeat(20000)}}`;
    assert.equal((await door('POST', '/people', deepJson, { 'Content-Type': 'application/json' })).status, 400);
    const commas = await door('POST', '/people', `name\n${','.repeat(20000)}\n`, { 'Content-Type': 'text/csv' });
    assert.equal(commas.status, 400);
    assert.match(commas.body, /10000 fields/);
    const unclosed = '['.repeat(60000);
    assert.equal((await door('POST', '/people', unclosed, { 'Content-Type': 'application/json' })).status, 400);
    let embed = '*';
    for (let i = 0; i < 10; i++) embed = i % 2 ? `posts(${embed})` : `people(${embed})`;
    const embeds = await door('GET', `/people?select=${embed}`);
    assert.equal(embeds.status, 400);
    assert.match(embeds.body, /8 levels/);
    const logic = await door('GET', `/people?or=${'(or'.repeat(50)}(age.eq.1)${')'.repeat(50)}`);
    assert.equal(logic.status, 400);
    assert.match(logic.body, /16 levels/);
    const open = await door('GET', `/people?or=${'('.repeat(5000)}`);
    assert.equal(open.status, 400);
    const filters = await door('GET', `/people?${Array.from({ length: 300 }, (_, i) => `age=neq.${i}`).join('&')}`);
    assert.equal(filters.status, 400);
    assert.match(filters.body, /256 filters/);
    const nested = await door('GET', `/people?or=(${Array.from({ length: 300 }, (_, i) => `age.neq.${i}`).join(',')})`);
    assert.equal(nested.status, 400);
    assert.match(nested.body, /256 filters/);
    assert.equal((await door('GET', `/people?${Array.from({ length: 200 }, (_, i) => `age=neq.${i}`).join('&')}`)).status, 200);
    const items = await door('GET', `/people?select=${Array.from({ length: 1500 }, () => 'name').join(',')}`);
    assert.equal(items.status, 400);
    assert.match(items.body, /1000 items/);
    const path32 = await door('GET', `/people?select=extra${'->a'.repeat(100)}`);
    assert.equal(path32.status, 400);
    assert.match(path32.body, /32 steps/);
    const list = await door('GET', `/people?id=in.(${Array.from({ length: 2000 }, (_, i) => i).join(',')})`);
    assert.equal(list.status, 200, list.body.slice(0, 200));
    const form = (n) => door('POST', '/rpc/whoami', Array.from({ length: n }, (_, i) => `a${i % 500}`).join('&'), { 'Content-Type': 'application/x-www-form-urlencoded' });
    const fields = await form(10001);
    assert.equal(fields.status, 400);
    assert.match(fields.body, /10000 parameters/);
    assert.equal((await form(9999)).status, 404);
    await works();
  });

  test('a regular expression that explodes ends with statement_timeout, and the others go on', async () => {
    const bomb = door('GET', `/people?name=match.${encodeURIComponent('(((((x*)*)*)*)*)y\\1\\2\\3\\4')}&select=name`);
    await works();
    assert.ok([200, 400, 504].includes((await bomb).status));
  });
});

describe('clients that are too slow', () => {
  const limit = 1000 + 1500; // the deadline, and the sweep's tick

  test('a head in drops is cut off at data.head_timeout, however steadily it drips', async () => {
    const drops = [];
    for (const c of head('GET /people HTTP/1.1')) drops.push(c, 40);
    const got = await exchange(app.data, drops, { ms: 8000 });
    assert.ok(got.closed && got.ms < limit, `${got.ms} ms: ${got.text}`);
    assert.ok([0, 408].includes(got.status), got.text);
  });

  test('a connection that says nothing at all, too', async () => {
    const got = await exchange(app.data, [], { ms: 8000 });
    assert.ok(got.closed && got.ms < limit, `${got.ms} ms`);
  });

  test('a second head on a kept-alive connection, too', async () => {
    const slow = ['GET /people?select=id HTTP/1.1\r\nHost: x\r\n'];
    for (let i = 0; i < 100; i++) slow.push(`X-${i}: y\r\n`, 60);
    const got = await exchange(app.data, [head('GET /people?select=id HTTP/1.1'), 200, ...slow], { ms: 9000 });
    assert.equal(answers(got.text), 1, got.text);
    assert.ok(got.closed && got.ms < limit + 700, `${got.ms} ms`);
  });

  test('a body in drops is cut off at data.body_timeout, announced or chunked', async () => {
    const drops = [head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 1000')];
    for (let i = 0; i < 200; i++) drops.push('x', 40);
    const announced = await exchange(app.data, drops, { ms: 8000 });
    assert.ok(announced.closed && announced.ms < limit, `${announced.ms} ms`);
    const pieces = [head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')];
    for (let i = 0; i < 200; i++) pieces.push('1\r\nx\r\n', 40);
    const chunked = await exchange(app.data, pieces, { ms: 8000 });
    assert.ok(chunked.closed && chunked.ms < limit, `${chunked.ms} ms`);
    const { json } = await door('GET', '/people?name=like.xx*');
    assert.deepEqual(json, []);
  });

  test('one that is slow but in time is served', async () => {
    const text = head('GET /people?select=id HTTP/1.1', 'Connection: close');
    const got = await exchange(app.data, [text.slice(0, 20), 300, text.slice(20, 60), 300, text.slice(60)], { ms: 5000 });
    assert.equal(got.status, 200);
  });

  test('one that does not read its answer holds nobody up', async () => {
    const sockets = Array.from({ length: 20 }, () => {
      const s = net.connect(Number(new URL(app.data).port), '127.0.0.1');
      s.on('error', () => {});
      s.pause();
      s.write(head('GET /people HTTP/1.1').repeat(50));
      return s;
    });
    await sleep(200);
    await works();
    for (const s of sockets) s.destroy();
  });

  test('clients that leave in the middle are forgotten', async () => {
    for (let i = 0; i < 60; i++) {
      const s = net.connect(Number(new URL(app.data).port), '127.0.0.1');
      s.on('error', () => {});
      await new Promise((resolve) => s.on('connect', resolve));
      s.write(i % 3 === 0 ? head('POST /rpc/doze HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 15') + '{"seconds": 0.1' : i % 3 === 1 ? head('GET /rpc/doze?seconds=0.05 HTTP/1.1') : head('GET /people HTTP/1.1').slice(0, 30));
      await sleep(3);
      s.resetAndDestroy?.() ?? s.destroy();
    }
    await works();
    const fds = () => fs.readdirSync(`/proc/${app.pid}/fd`).length;
    const rest = fds();
    await until(() => fds() <= rest);
  });

  test('2,000 idle connections: the others are served, and the places come back', async () => {
    const { port } = new URL(app.data);
    const fds = () => fs.readdirSync(`/proc/${app.pid}/fd`).length;
    const base = fds();
    const sockets = [];
    const since = Date.now();
    await inParallel(
      Array.from({ length: 2000 }, () => () =>
        new Promise((resolve, reject) => {
          const s = net.connect(Number(port), '127.0.0.1');
          sockets.push(s);
          s.on('error', reject);
          s.resume();
          // a whole request first, so that it is kept alive and idle
          s.write('GET /live HTTP/1.1\r\nHost: x\r\n\r\n');
          s.once('data', () => resolve());
        })),
      100,
    );
    assert.ok(Date.now() - since < 15000);
    await until(() => fds() >= base + 1900, { what: '2,000 connections' });
    for (let i = 0; i < 20; i++) await works();
    const answer = await door('POST', '/people', { name: 'in the crowd' }, { Prefer: 'return=representation' });
    assert.equal(answer.status, 201);
    assert.equal((await door('DELETE', `/people/${answer.json[0].id}`)).status, 204);
    for (const s of sockets) s.destroy();
    await until(() => fds() <= base + 20, { what: 'the end of the 2,000' });
  });

  test('settings that ask for more connections than PostgreSQL allows do not start a server', async () => {
    const allowed = Number(await app.psql(null, "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"));
    const start = (n) => app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0', '--set', 'data.threads=2', '--set', 'data.connections=4', '--set', `data.home_connections=${n}`]);
    const none = await start(allowed);
    assert.notEqual(none.status, 0);
    const [, asked, given] = none.stderr.match(/ask for up to (\d+) connections, and PostgreSQL allows (\d+)\n/);
    assert.equal(Number(given), allowed);
    assert.match(none.stderr, new RegExp(`Lower data.home_connections or data.connections by ${asked - given},`));
    const server = await serve(app, ['data.threads=2', 'data.connections=4', `data.home_connections=${allowed - (asked - given)}`]);
    await server.stop();
  });

  test('beyond data.max_clients new ones wait; who was there is served, and a place that is left is taken', async () => {
    const server = await serve(app, ['data.max_clients=20', 'data.threads=1', 'data.connections=2', 'data.idle_timeout=20s']);
    const { port } = new URL(server.data);
    const sockets = [];
    const live = 'GET /live HTTP/1.1\r\nHost: x\r\n\r\n';
    const open = () =>
      new Promise((resolve) => {
        const s = net.connect(Number(port), '127.0.0.1');
        s.on('error', () => {});
        s.answers = 0;
        s.on('data', () => s.answers++);
        s.on('connect', () => resolve(s));
        s.write(live);
        sockets.push(s);
      });
    try {
      for (let i = 0; i < 20; i++) await open();
      await until(() => sockets.every((s) => s.answers === 1), { what: '20 answers' });
      const late = await open();
      await sleep(400);
      assert.equal(late.answers, 0);
      sockets[0].write(live);
      await until(() => sockets[0].answers === 2, { what: 'an answer to one that was there' });
      sockets[1].destroy();
      await until(() => late.answers === 1, { what: 'the place of the one that left' });
    } finally {
      for (const s of sockets) s.destroy();
      await server.stop();
    }
  });
});

describe('HTTP', () => {
  test('an Authorization or Content-Length header that comes twice is refused and the connection ended', async () => {
    for (const twice of ['Authorization: Bearer x', 'Content-Length: 0\r\nContent-Length: 5', 'Content-Length: 5\r\nContent-Length: 5']) {
      const got = await exchange(app.data, head('GET /people HTTP/1.1', twice) + 'xxxxx', { ms: 4000 });
      assert.ok(got.status === 400 || got.status === 0, got.text);
      assert.ok(got.closed, 'left open');
      assert.ok(answers(got.text) <= 1, got.text);
    }
  });

  test('what could smuggle a second request past a proxy is refused, and the second never runs', async () => {
    const smuggled = head('DELETE /people HTTP/1.1');
    const both = head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 6', 'Transfer-Encoding: chunked') + `0\r\n\r\n${smuggled}`;
    const shapes = {
      'Content-Length and Transfer-Encoding': both,
      'Transfer-Encoding and Content-Length': head('POST /people HTTP/1.1', 'Transfer-Encoding: chunked', 'Content-Length: 6') + `0\r\n\r\n${smuggled}`,
      'Transfer-Encoding twice': head('POST /people HTTP/1.1', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity') + `0\r\n\r\n${smuggled}`,
      'another coding': head('POST /people HTTP/1.1', 'Transfer-Encoding: gzip') + `0\r\n\r\n${smuggled}`,
      'chunked, with a tail': head('POST /people HTTP/1.1', 'Transfer-Encoding: chunked, x') + `0\r\n\r\n${smuggled}`,
      'xchunked': head('POST /people HTTP/1.1', 'Transfer-Encoding: xchunked') + `0\r\n\r\n${smuggled}`,
      'a space before the colon': head('POST /people HTTP/1.1', 'Transfer-Encoding : chunked', 'Content-Length: 5') + `0\r\n\r\n${smuggled}`,
      'a tab before the colon': head('POST /people HTTP/1.1', 'Content-Length\t: 5') + `0\r\n\r\n${smuggled}`,
      'a bare CR in a value': head('POST /people HTTP/1.1', 'X: y\rTransfer-Encoding: chunked', 'Content-Length: 5') + `0\r\n\r\n${smuggled}`,
      'a folded header': head('POST /people HTTP/1.1', 'X: y\r\n Transfer-Encoding: chunked', 'Content-Length: 5') + `0\r\n\r\n${smuggled}`,
      'a bad chunk size': head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked') + `zz\r\n{}\r\n0\r\n\r\n${smuggled}`,
      'a negative chunk size': head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked') + `-1\r\n{}\r\n0\r\n\r\n${smuggled}`,
      'a chunk size that wraps': head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked') + `10000000000000002\r\n{}\r\n0\r\n\r\n${smuggled}`,
      'two Content-Lengths': head('POST /people HTTP/1.1', 'Content-Length: 5', 'Content-Length: 500') + `0\r\n\r\n${smuggled}`,
      'a signed Content-Length': head('POST /people HTTP/1.1', 'Content-Length: +5') + `0\r\n\r\n${smuggled}`,
    };
    for (const [name, bytes] of Object.entries(shapes)) {
      const got = await exchange(app.data, bytes, { ms: 3000 });
      const ran = (await door('GET', '/people?select=id')).json.length === 0;
      if (ran) await startAnew();
      assert.ok(!ran, `${name}: the smuggled request ran\n${got.text}`);
      assert.ok(got.status === 0 || (got.status >= 400 && got.status < 500) || got.status === 501, `${name}: ${got.text}`);
    }
    // the test can fail: the same request, sent plainly, is done
    const plain = await exchange(app.data, head('DELETE /people?id=eq.0 HTTP/1.1', 'Connection: close'), { ms: 3000 });
    assert.equal(plain.status, 204);
  });

  test('a Content-Length that is too short makes the rest the next request; one too long waits and is cut off', async () => {
    const short = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 2') + '{}GARBAGE / HTTP/1.1\r\nHost: x\r\n\r\n', { ms: 3000, enough: (t) => answers(t) === 2 && t.endsWith('}') });
    assert.equal(answers(short.text), 2, short.text);
    assert.match(short.text, /HTTP\/1\.1 (405|400|401|501)[^]*$/);
    const long = await exchange(app.data, head('POST /people HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 50') + '{"name": "never"}', { ms: 5000 });
    assert.ok(long.closed && [0, 408].includes(long.status), long.text);
    assert.deepEqual((await door('GET', '/people?name=eq.never')).json, []);
  });

  test('HTTP/1.0 is served and the connection ends', async () => {
    const got = await exchange(app.data, `GET /people?select=id HTTP/1.0\r\nAuthorization: Bearer ${ant.token}\r\n\r\n`, { ms: 3000 });
    assert.equal(got.status, 200);
    assert.ok(got.closed);
  });

  test('HTTP/1.1 without Host, or with two, is 400', async () => {
    assert.equal((await exchange(app.data, 'GET /live HTTP/1.1\r\n\r\n', { ms: 3000 })).status, 400);
    assert.equal((await exchange(app.data, 'GET /live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', { ms: 3000 })).status, 400);
  });

  test('pipelined requests are answered in order, also behind a slow one, also in one packet with a write', async () => {
    const body = '{"name": "pipelined"}';
    const text =
      head('GET /rpc/doze?seconds=0.2 HTTP/1.1') +
      head('GET /people?select=name&name=eq.pipelined HTTP/1.1') +
      head('POST /people HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`) + body +
      head('GET /people?select=name&name=eq.pipelined HTTP/1.1') +
      head('DELETE /people?name=eq.pipelined HTTP/1.1') +
      head('GET /people?select=name&name=eq.pipelined HTTP/1.1', 'Connection: close');
    const got = await exchange(app.data, text, { ms: 5000 });
    assert.deepEqual([...got.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]), ['200', '200', '201', '200', '204', '200'], got.text);
    assert.deepEqual([...got.text.matchAll(/\r\n\r\n(1|\[.*?\])/g)].map((m) => m[1]), ['1', '[]', '[{"name":"pipelined"}]', '[]'], got.text);
    assert.ok(got.closed);
  });

  test('HEAD answers as GET does, without one byte of a body: what comes next in the connection is intact', async () => {
    for (const target of ['/people', '/people?select=id&limit=1', '/rpc/whoami', '/nope', '/people?age=eq.x', '/live', `/people/${person.id}`, '/people?id=eq.0']) {
      const text = head(`HEAD ${target} HTTP/1.1`) + head('GET /rpc/whoami HTTP/1.1', 'Connection: close');
      const got = await exchange(app.data, text, { ms: 3000 });
      const between = /^HTTP\/1\.1 (\d+) [^]*?\r\n\r\n([^]*?)HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n([^]*)$/.exec(got.text);
      assert.ok(between, `${target}: ${JSON.stringify(got.text)}`);
      assert.equal(between[2], '', `${target}: bytes after the head of HEAD's answer`);
      assert.equal(between[3], String(ant.id), target);
      const get = await door('GET', target);
      assert.equal(Number(between[1]), get.status, target);
    }
  });

  test('a connection is used again: 500 requests of all methods, errors among them, over one socket', async () => {
    const one = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set();
    one.on('free', (socket) => sockets.add(socket.localPort));
    try {
      for (let i = 0; i < 500; i++) {
        const [method, target, body, status] = [['GET', '/people?select=id', , 200], ['GET', '/nope', , 404], ['HEAD', '/people', , 200], ['GET', '/people?age=eq.x', , 400], ['PATCH', `/people?id=eq.${person.id}`, { age: i % 100 }, 204], ['OPTIONS', '/people', , 200], ['POST', '/rpc/head_count', {}, 200], ['DELETE', '/people?id=eq.0', , 204]][i % 8];
        const answer = await request(app.data, { method, path: target, token: ant.token, body, agent: one });
        assert.equal(answer.status, status, `${method} ${target}: ${answer.status} ${answer.body}`);
      }
      assert.equal(sockets.size, 1);
    } finally {
      one.destroy();
    }
  });

  test('refusals before the body is read close or drain: the next request on the connection is not its body', async () => {
    const body = head('DELETE /people HTTP/1.1');
    const text = `POST /people HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}` + head('GET /rpc/whoami HTTP/1.1', 'Connection: close');
    const got = await exchange(app.data, text, { ms: 4000 });
    assert.equal(got.status, 401, got.text);
    assert.notEqual((await door('GET', '/people?select=id')).json.length, 0, 'the body was run as a request');
    assert.ok(!/ 204 /.test(got.text), got.text);
  });
});

describe('TLS', () => {
  let dir, server, ca;
  before(async () => {
    dir = path.join(app.state, '..', 'tls');
    fs.mkdirSync(dir);
    for (const name of ['one', 'other'])
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', path.join(dir, `${name}.key`), '-out', path.join(dir, `${name}.pem`)], { stdio: 'ignore' });
    ca = fs.readFileSync(path.join(dir, 'one.pem'));
    server = await serve(app, [`data.tls_cert=${path.join(dir, 'one.pem')}`, `data.tls_key=${path.join(dir, 'one.key')}`, 'data.head_timeout=1s']);
  });
  after(() => server?.stop());

  test('works: the certificate is checked, keep-alive and writes too', async () => {
    assert.match(server.data, /^https:/);
    const keep = new https.Agent({ keepAlive: true, maxSockets: 1, ca });
    for (let i = 0; i < 10; i++) {
      const answer = await request(server.data, { path: '/people?select=id', token: ant.token, agent: keep, ca });
      assert.equal(answer.status, 200);
    }
    const made = await request(server.data, { method: 'POST', path: '/people', token: ant.token, body: { name: 'by TLS' }, headers: { Prefer: 'return=representation' }, ca });
    assert.equal(made.status, 201);
    assert.equal((await request(server.data, { method: 'DELETE', path: `/people/${made.json[0].id}`, token: ant.token, ca })).status, 204);
    const large = await request(server.data, { path: `/people?name=eq.${'x'.repeat(10000)}&select=id`, token: ant.token, ca });
    assert.equal(large.status, 200);
    keep.destroy();
    await assert.rejects(request(server.data, { path: '/live', ca: fs.readFileSync(path.join(dir, 'other.pem')) }), /self.signed|unable to verify/);
  });

  test('plain HTTP is not answered on it', async () => {
    const got = await exchange(server.data.replace('https', 'http'), head('GET /people HTTP/1.1'), { ms: 4000 });
    assert.doesNotMatch(got.text, /200|"id"/);
    assert.ok(got.closed);
  });

  test('old protocols are refused', async () => {
    const { port } = new URL(server.data);
    const error = await new Promise((resolve) => {
      const s = tls.connect({ host: '127.0.0.1', port: Number(port), ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, () => resolve(null));
      s.on('error', resolve);
    });
    assert.ok(error, 'TLS 1.1 was taken');
  });

  test('a handshake that never ends is cut off, and holds nobody up', async () => {
    const stuck = exchange(server.data.replace('https', 'http'), ['\x16\x03\x01'], { ms: 8000 });
    assert.equal((await request(server.data, { path: '/live', ca })).status, 200);
    const got = await stuck;
    assert.ok(got.closed && got.ms < 5000, `${got.ms} ms`);
  });

  test('a certificate and a key that do not belong together, or are not there, do not start a server', async () => {
    for (const [cert, key] of [['one.pem', 'other.key'], ['one.key', 'one.key'], ['none.pem', 'one.key'], ['one.pem', 'none.key']]) {
      const run = await app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0', '--set', `data.tls_cert=${path.join(dir, cert)}`, '--set', `data.tls_key=${path.join(dir, key)}`]);
      assert.notEqual(run.status, 0, `${cert} ${key}`);
      assert.match(run.stderr, /tls|certificate|none\./i);
    }
    for (const one of [`data.tls_cert=${path.join(dir, 'one.pem')}`, `data.tls_key=${path.join(dir, 'one.key')}`]) {
      const run = await app.run(['serve', '--set', 'data.port=0', '--set', 'control.port=0', '--set', one]);
      assert.notEqual(run.status, 0, `only ${one}`);
    }
  });
});
