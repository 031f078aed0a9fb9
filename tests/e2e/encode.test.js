// SPDX-License-Identifier: Apache-2.0
//
// Codings, entity tags and times of answers, as decoders and clients that are not ours see them.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { startApp } from './lib/harness.js';
import { addTenant, stopWell } from './lib/iso.js';

let app, ant;

const files = {
  'rowhouse.conf': '[app]\nname = coded\ntenant_key = org\nroot = orgs\n[data]\nserver_timing = on\n',
  'tenant/0001_coded.sql': `CREATE TABLE orgs (id bigint PRIMARY KEY, name text NOT NULL);
CREATE VIEW rows WITH (security_invoker) AS
SELECT o.id AS org, g AS n, o.name || ' ' || g || ' ' || md5(g::text) AS label FROM orgs o, generate_series(1, 30000) g;
`,
  'tenant/on_create.sql': 'INSERT INTO orgs (id, name) VALUES (:id, :name);\n',
};

/** {status, headers, raw: bytes as they came}. */
function get(path, headers = {}) {
  return new Promise((resolve, reject) => {
    const req = http.get(app.data + path, { headers: { Authorization: `Bearer ${ant.token}`, ...headers }, agent: false }, (res) => {
      const parts = [];
      res.on('data', (part) => parts.push(part));
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, raw: Buffer.concat(parts) }));
    });
    req.on('error', reject);
  });
}

const decoders = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };

describe('answers', () => {
  before(async () => {
    app = await startApp({ files });
    ant = await addTenant(app, 'ant');
  });
  after(() => stopWell(app));

  for (const [coding, decode] of Object.entries(decoders))
    for (const [what, path, accept] of [['whole', '/rows?order=n&limit=200', 'application/json'], ['streamed', '/rows?order=n', 'application/json'], ['CSV', '/rows?order=n', 'text/csv']])
      test(`${coding}, ${what}`, async () => {
        const plain = await get(path, { Accept: accept });
        const coded = await get(path, { Accept: accept, 'Accept-Encoding': coding });
        assert.equal(plain.headers['content-encoding'], undefined);
        assert.equal(coded.headers['content-encoding'], coding);
        for (const answer of [plain, coded]) assert.match(answer.headers.vary, /Accept-Encoding/);
        assert.ok(coded.raw.length < plain.raw.length * 0.75, `${coded.raw.length} of ${plain.raw.length}`);
        assert.ok(decode(coded.raw).equals(plain.raw));
      });

  test('small answers and errors are not encoded', async () => {
    const small = await get('/rows?limit=1', { 'Accept-Encoding': 'gzip, br' });
    assert.equal(small.headers['content-encoding'], undefined);
    assert.equal(JSON.parse(small.raw).length, 1);
    const refused = await get('/rows?limit=1&nothing=eq.1', { 'Accept-Encoding': 'gzip, br' });
    assert.equal(refused.status, 400);
    assert.equal(JSON.parse(refused.raw).code, '42703');
  });

  test('an entity tag saves what the client has', async () => {
    const first = await get('/rows?limit=50&order=n');
    assert.match(first.headers.etag, /^W\/"[g-v]{32}"$/);
    for (const path of ['/rows?limit=50&order=n', '/rows?order=n&limit=50']) {
      const again = await get(path, { 'If-None-Match': `"other", ${first.headers.etag}`, 'Accept-Encoding': 'gzip' });
      assert.deepEqual([again.status, again.raw.length, again.headers.etag], [304, 0, first.headers.etag]);
    }
    const other = await get('/rows?limit=51&order=n', { 'If-None-Match': first.headers.etag });
    assert.equal(other.status, 200);
    assert.notEqual(other.headers.etag, first.headers.etag);
    assert.equal((await get('/rows', { 'Accept-Encoding': 'identity' })).headers.etag, undefined, 'one that is sent as it comes has none');
  });

  test('descriptions go out packed or plain, whole, and not again to who has them', async () => {
    for (const path of ['/', '/openapi.json']) {
      const plain = await get(path);
      const packed = await get(path, { 'Accept-Encoding': 'br, gzip;q=0.5' });
      assert.deepEqual([plain.headers['content-encoding'], packed.headers['content-encoding']], [undefined, 'gzip']);
      assert.equal(Number(plain.headers['content-length']), plain.raw.length);
      assert.ok(zlib.gunzipSync(packed.raw).equals(plain.raw) && JSON.parse(plain.raw).paths);
      for (const { headers } of [plain, packed]) assert.match(headers.vary, /Accept-Encoding/);
      assert.equal((await get(path, { 'Accept-Encoding': 'br' })).raw.length, plain.raw.length);
      const again = await get(path, { 'If-None-Match': plain.headers.etag, 'Accept-Encoding': 'gzip' });
      assert.deepEqual([again.status, again.raw.length, again.headers.etag], [304, 0, packed.headers.etag]);
    }
  });

  test('Server-Timing names the parts', async () => {
    const { headers } = await get('/rows?limit=1');
    assert.match(headers['server-timing'], /^jwt;dur=[\d.]+, plan;dur=[\d.]+, transaction;dur=[\d.]+, response;dur=[\d.]+$/);
    assert.match((await get('/rows')).headers['server-timing'], /^jwt;dur=[\d.]+, plan;dur=[\d.]+$/);
  });
});
