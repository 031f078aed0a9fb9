// SPDX-License-Identifier: Apache-2.0
//
// What the doors tell of the API itself: Swagger and OpenAPI as validators and generators of types read them, OPTIONS and
// CORS as browsers do, the page for people in Chromium.
import SwaggerParser from '@apidevtools/swagger-parser';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const SQL = `
COMMENT ON TABLE notes IS E'What people write down\\n\\nEach note has a title.';
COMMENT ON COLUMN notes.title IS 'Shown <b>first</b>';
COMMENT ON VIEW open_tasks IS 'What is still to be done';
COMMENT ON FUNCTION finish_task IS E'Ends a task\\nand gives it back';
CREATE TYPE weight AS ENUM ('light', 'heavy');
CREATE DOMAIN short AS varchar(20);
CREATE TYPE spot AS (x int, y int);
CREATE TABLE "odd/name ~ of {it}" (
  client_id bigint NOT NULL REFERENCES clients (id), "a b" bigint, "select" text, "q""uote" short, kind weight NOT NULL DEFAULT 'light',
  spots spot[], made timestamptz NOT NULL DEFAULT now(), num numeric(10, 2), id uuid, doc jsonb, PRIMARY KEY (client_id, "a b"));
COMMENT ON TABLE "odd/name ~ of {it}" IS '<img src=x onerror="document.title=1"><script>document.title=2</script>';
CREATE TABLE hidden_log (client_id bigint NOT NULL REFERENCES clients (id), id bigint, PRIMARY KEY (client_id, id));
CREATE TABLE stamps (client_id bigint NOT NULL REFERENCES clients (id), at timestamp NOT NULL, token uuid NOT NULL, PRIMARY KEY (client_id, at));
CREATE FUNCTION add_up(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION spots(w weight) RETURNS TABLE (x int, y int) LANGUAGE sql IMMUTABLE AS 'SELECT 1, 2';
CREATE FUNCTION shout(notes) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1.title)';
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS 'SELECT 1';
`;
const ODD = '/odd%2Fname%20~%20of%20%7Bit%7D';

let app;

before(async () => {
  const files = makeApp();
  app = await startApp({ files: { ...files, 'tenant/0002_described.sql': SQL }, settings: ['data.cors_allowed_origins=https://a.example, https://b.example'] });
  for (const slug of ['ant', 'bee']) await app.ok(['tenant', 'create', slug]);
});
after(() => app?.stop());

const ask = (target, headers, method = 'GET') => app.http(method, target, { tenant: 'ant', headers });

test('Swagger at /: valid, of what a tenant may use, the same for every tenant', async () => {
  const root = await ask('/', { Accept: 'application/openapi+json' });
  assert.deepEqual([root.status, root.headers.get('content-type')], [200, 'application/openapi+json; charset=utf-8']);
  assert.equal(root.text, (await app.http('GET', '/', { tenant: 'bee' })).text);
  const api = await SwaggerParser.validate(root.json);
  assert.equal(api.host, new URL(app.data).host);
  assert.deepEqual(Object.keys(api.paths['/notes']).sort(), ['delete', 'get', 'patch', 'post']);
  assert.deepEqual(Object.keys(api.paths['/colours']), ['get']);
  assert.deepEqual(Object.keys(api.definitions).sort(), ['clients', 'colours', 'hidden_log', 'notes', 'odd/name ~ of {it}', 'open_tasks', 'stamps', 'tasks']);
  assert.deepEqual(Object.keys(api.paths).filter((p) => p.startsWith('/rpc/')).sort(), ['/rpc/add_up', '/rpc/finish_task', '/rpc/nothing', '/rpc/spots']);
  assert.match(api.definitions.tasks.properties.note_id.description, /Foreign Key to `notes\.id`\.<fk table='notes' column='id'\/>/);
  assert.match(api.definitions.open_tasks.properties.note_id.description, /<fk table='notes' column='id'\/>/);
  const head = await ask('/', {}, 'HEAD');
  assert.deepEqual([head.status, head.text, head.headers.get('content-type')], [200, '', 'application/openapi+json; charset=utf-8']);
});

test('OpenAPI 3.1 at /openapi.json: valid, and its types are what rows are, to postgrest-js too', async () => {
  const described = await ask('/openapi.json');
  await SwaggerParser.validate(structuredClone(described.json));
  const types = astToString(await openapiTS(structuredClone(described.json)));
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rh-types-'));
  try {
    fs.writeFileSync(path.join(dir, 'api.ts'), types);
    fs.writeFileSync(path.join(dir, 'use.ts'), `import type { components } from './api';
type S = components['schemas'];
const note: S['notes'] = { client_id: 1, id: 2, title: 'x', body: null, stars: 0, tags: ['a', null], extra: { a: 1 } };
const fresh: S['notes.new'] = { title: 'x' };
const change: S['notes.change'] = { stars: 3 };
// @ts-expect-error a title is needed
const titleless: S['notes.new'] = { stars: 3 };
// @ts-expect-error and is never null
const nulled: S['notes'] = { ...note, title: null };
const odd: S['odd.2Fname.20.7E.20of.20.7Bit.7D']['kind'] = 'heavy';
export { note, fresh, change, titleless, nulled, odd };
`);
    fs.writeFileSync(path.join(dir, 'client.ts'), `import { PostgrestClient } from '@supabase/postgrest-js';
import type { components } from './api';
type S = components['schemas'];
type Table<Name extends 'notes' | 'tasks'> = { Row: S[Name]; Insert: S[\`\${Name}.new\`]; Update: S[\`\${Name}.change\`]; Relationships: [] };
type Database = { public: { Tables: { notes: Table<'notes'>; tasks: Table<'tasks'> }; Views: { open_tasks: { Row: S['open_tasks']; Relationships: [] } }; Functions: {} } };
const db = new PostgrestClient<Database>('http://localhost');
export async function use() {
  const { data } = await db.from('notes').select('id,title,stars').eq('title', 'x').single();
  const title: string | undefined = data?.title, stars: number | null | undefined = data?.stars;
  await db.from('notes').insert({ title: 'x', tags: ['a', null] });
  await db.from('notes').update({ stars: 3 }).eq('id', 1);
  // @ts-expect-error a title is needed
  await db.from('notes').insert({ stars: 3 });
  // @ts-expect-error there is no such table
  await db.from('nothing').select();
  // @ts-expect-error a title is a text
  const wrong: number | undefined = data?.title;
  return { title, stars, wrong };
}
`);
    const client = fileURLToPath(new URL('./node_modules/@supabase/postgrest-js/dist/index.d.mts', import.meta.url));
    const program = ts.createProgram([path.join(dir, 'use.ts'), path.join(dir, 'client.ts')], { strict: true, noEmit: true, types: [], skipLibCheck: true, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], paths: { '@supabase/postgrest-js': [client] }, moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext });
    assert.deepEqual(ts.getPreEmitDiagnostics(program).map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')), []);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});

test('what it says can be asked: each path by GET, each row it lets one make', async () => {
  const { json: api } = await ask('/openapi.json');
  for (const name of Object.keys(api.paths)) {
    if (!api.paths[name].get || name.includes('{')) continue;
    const needed = api.paths[name].get.parameters.filter((p) => p.required).map((p) => `${p.name}=${p.schema.type === 'integer' ? 1 : 'light'}`);
    const got = await ask(`${name}${needed.length ? `?${needed.join('&')}` : ''}`);
    assert.equal(got.status, 200, `${name}: ${got.text}`);
  }
  const made = await app.http('POST', ODD, { tenant: 'ant', body: { 'a b': 1 }, headers: { Prefer: 'return=representation' } });
  assert.deepEqual([made.status, made.json?.[0].kind], [201, 'light'], made.text);
});

test('OPTIONS tells what may be done; nobody without a tenant is told', async () => {
  for (const [target, allow] of [['/notes', 'OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE'], ['/notes/1', 'OPTIONS,GET,HEAD,PUT,PATCH,DELETE'], ['/colours', 'OPTIONS,GET,HEAD'],
    ['/open_tasks', 'OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE'], [ODD, 'OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE'], ['/rpc/add_up', 'OPTIONS,GET,HEAD,POST'], ['/rpc/finish_task', 'OPTIONS,POST'], ['/', 'OPTIONS,GET,HEAD']]) {
    const got = await ask(target, {}, 'OPTIONS');
    assert.deepEqual([got.status, got.headers.get('allow'), got.text], [200, allow, ''], target);
  }
  assert.equal((await ask('/nothing', {}, 'OPTIONS')).json.code, 'PGRST205');
  for (const [method, target] of [['OPTIONS', '/notes'], ['GET', '/'], ['GET', '/openapi.json']]) assert.equal((await app.http(method, target)).status, 401, target);
});

test('pages of the origins that the conf names, and no others, may read answers', async () => {
  const preflight = (origin) => app.http('OPTIONS', '/notes', { headers: { Origin: origin, 'Access-Control-Request-Method': 'PATCH', 'Access-Control-Request-Headers': 'authorization,prefer' } });
  const allowed = await preflight('https://b.example');
  assert.deepEqual([allowed.status, ...['allow-origin', 'allow-credentials', 'allow-methods', 'allow-headers', 'max-age'].map((h) => allowed.headers.get(`access-control-${h}`))],
    [200, 'https://b.example', 'true', 'GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD', 'Authorization, authorization, prefer, Accept, Accept-Language, Content-Language', '86400']);
  for (const origin of ['https://evil.example', 'https://b.example.evil', 'https://a.example, https://b.example', 'null', 'HTTPS://B.EXAMPLE']) {
    for (const got of [await preflight(origin), await ask('/notes', { Origin: origin })])
      assert.deepEqual([...got.headers.keys()].filter((h) => h.startsWith('access-control')), [], origin);
  }
  const read = await ask('/notes', { Origin: 'https://a.example' });
  assert.deepEqual([read.status, read.headers.get('access-control-allow-origin')], [200, 'https://a.example']);
  assert.match(read.headers.get('vary'), /\bOrigin\b/);
  assert.match(read.headers.get('access-control-expose-headers'), /Content-Range/);
  const refused = await app.http('GET', '/notes', { headers: { Origin: 'https://a.example' } });
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, 'https://a.example']);
});

test('who asks for the reference tables changes nobody else\'s description', async () => {
  const reference = (await ask('/', { 'Accept-Profile': 'reference' })).json;
  assert.deepEqual([!!reference.paths['/colours'], !!reference.paths['/notes']], [true, false]);
  assert.ok((await ask('/', {})).json.paths['/notes']);
});

test('the page for people, in Chromium', async () => {
  const page = await fetch(`${app.control}/docs`);
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  assert.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'nonce-[0-9a-f]{32}'/);
  const text = await page.text();
  assert.ok(!/https?:\/\//.test(text.replaceAll('http://localhost', '')) && !text.includes('notes'), 'it needs nobody else and tells nothing');
  assert.equal((await fetch(`${app.control}/docs/openapi.json`)).status, 401);
  assert.equal((await fetch(`${app.control}/docs`, { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status, 403);
  const dom = await inChromium(`${app.control}/docs#token=${app.secret('control_token')}`);
  assert.match(dom, /<body data-ready="yes">/, dom);
  assert.match(dom, /<title>tiny<\/title>/);
  for (const seen of [/id="relation-notes"/, />What people write down\s+Each note has a title\.</, /Shown &lt;b&gt;first&lt;\/b&gt;/, /→ notes\.id/, />light</, /&lt;script&gt;document\.title=2/, />function</, /curl -H "Authorization: Bearer \$TOKEN"/, /<option>ant<\/option>/, /-d '\{"at":"2026-01-31","token":"00000000-0000-4000-8000-000000000000"\}' '[^']*\/stamps'/])
    assert.match(dom, seen);
  assert.ok(!dom.includes(app.secret('control_token')));
  const asked = await inChromium(`${app.control}/docs#token=wrong`);
  assert.match(asked, /<form id="enter"><label/);
  assert.match(asked, /operator's token is missing or wrong/);
  assert.ok(!asked.includes('data-ready'));
});

/** The page after its scripts ran. */
async function inChromium(url) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rh-chromium-'));
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', `--user-data-dir=${dir}`, '--virtual-time-budget=10000', '--dump-dom', url];
  try {
    return (await promisify(execFile)('chromium', args, { timeout: 60000, maxBuffer: 1 << 24 })).stdout;
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}
