// SPDX-License-Identifier: Apache-2.0
//
// The school app, as the article goes: one school's old database, a .env, a catalog with a view of schools, INSERT INTO
// schools and migrate, tokens of an identity provider that say which school. The PostgreSQL server is somebody else's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { ROOT, prepareApp, startApp, until } from './lib/harness.js';
import { Provider } from './lib/provider.js';

const APP = path.join(ROOT, 'apps/school');
const CLAIM = 'https://schools.example/school';
const AUDIENCE = 'https://api.schools.example';

let host, provider, app, admin;

before(async () => {
  host = await startApp({ files: makeApp() });
  provider = await new Provider().start();
  provider.publish(await provider.makeKey('RS256'));
  admin = await host.sql('admin', { database: 'postgres' });
  const [, socket, port] = /^host=(\S+) port=(\d+)/.exec(host.conninfo);
  const filled = { PGHOST: socket, PGPORT: port, PGUSER: 'postgres', JWKS_URI: provider.url, JWT_ISSUER: 'https://schools.eu.example/', JWT_AUDIENCE: AUDIENCE };
  const env = fs.readFileSync(path.join(APP, '.env.example'), 'utf8').replace(/^(\w+)=$/gm, (line, name) => `${name}=${filled[name] ?? ''}`);
  app = prepareApp({ appDir: APP, files: { '.env': `${env}\nNODE_ENV=development\nROWHOUSE_AUTH_JWKS_MIN_INTERVAL=500ms\n` } });
});
after(async () => {
  await app?.stop();
  await provider?.stop();
  await host?.stop();
});

async function on(database, sql) {
  const client = await host.sql('admin', { database });
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const token = (school, key = provider.published[0], claims = {}) =>
  provider.token('unused', key, { claims: { [CLAIM]: school, iss: 'https://schools.eu.example/', aud: AUDIENCE, ...claims } });
const http = async (school, method, target, body) => app.http(method, target, { token: await token(school), body, headers: { Prefer: 'return=representation' } });

test('the migrate script: the catalog, a database for each school, and nothing the second time', async () => {
  const made = await app.run(['migrate']);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stderr, /names in \S+\/\.env that are no settings: NODE_ENV\n/);
  await on('school_catalog', "INSERT INTO schools (school_name, school_database) VALUES ('North High', 'north_high'), ('South', NULL)");
  for (const name of ['Mixed', 'postgres'])
    await assert.rejects(on('school_catalog', `INSERT INTO schools (school_name, school_database) VALUES ('x', '${name}')`), { code: '23514' });
  const first = await app.run(['migrate']);
  assert.match(first.stderr, /tenant north-high: has its place\ntenant south: has its place\n/);
  const second = await app.run(['migrate']);
  assert.deepEqual([second.status, /place|brought|dropped/.test(second.stderr)], [0, false], second.stderr);
  assert.deepEqual(await on('school_catalog', 'SELECT school_name, school_database FROM schools ORDER BY 1'), [
    { school_name: 'North High', school_database: 'north_high' }, { school_name: 'South', school_database: 'school_h_2' }]);
  assert.deepEqual(await on('north_high', "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"),
    ['courses', 'enrolments', 'students', 'teachers'].map((relname) => ({ relname })));
});

test('the old database of the one school there was becomes a tenant', async () => {
  await admin.query('CREATE DATABASE old_school');
  const sql = fs.readFileSync(path.join(APP, 'tenant/0001_school.sql'), 'utf8');
  await on('old_school', `${sql} CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255));
    INSERT INTO teachers (name) VALUES ('Mr Old'); INSERT INTO courses (title, teacher_id) VALUES ('Latin', 1); INSERT INTO students (name) VALUES ('Zoe'); INSERT INTO enrolments VALUES (1, 1, '2020-01-01', 5.5)`);
  await on('school_catalog', "INSERT INTO schools (school_name, school_database) VALUES ('Old School', 'old_school')");
  const refused = await app.run(['migrate']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /tenant old-school: failed: database old_school exists and is not this home's.*`rowhouse tenant adopt old_school`/);
  const view = await app.run(['tenant', 'adopt', 'old_school']);
  assert.match(view.stdout, /view course_list: is missing\n +CREATE VIEW course_list AS/);
  await app.ok(['tenant', 'adopt', 'old_school', '--version', '1']);
  assert.deepEqual(await on('old_school', 'SELECT title, teacher FROM course_list'), [{ title: 'Latin', teacher: 'Mr Old' }]);
  assert.equal((await app.run(['migrate'])).status, 0);
});

test('a token says which school, and a request reaches that one only', async () => {
  await app.start();
  for (const [school, teacher] of [['north-high', 'Ms Ito'], ['south', 'Mr Gray']]) {
    assert.equal((await http(school, 'POST', '/teachers', { name: teacher })).status, 201);
    assert.equal((await http(school, 'POST', '/courses', [{ title: 'Math', teacher_id: 1 }, { title: 'Art', teacher_id: 1 }])).status, 201);
    assert.equal((await http(school, 'POST', '/students', [{ name: `${school} A` }, { name: `${school} B` }])).status, 201);
    assert.equal((await http(school, 'POST', '/enrolments', [{ student_id: 1, course_id: 1, grade: 5 }, { student_id: 2, course_id: 1, grade: null }, { student_id: 1, course_id: 2, grade: null }])).status, 201);
  }
  const north = await http('north-high', 'GET', '/students?select=name,enrolments(grade,courses(title,teachers(name)))&order=id&enrolments.order=course_id');
  assert.deepEqual(north.json, [
    { name: 'north-high A', enrolments: [{ grade: 5.0, courses: { title: 'Math', teachers: { name: 'Ms Ito' } } }, { grade: null, courses: { title: 'Art', teachers: { name: 'Ms Ito' } } }] },
    { name: 'north-high B', enrolments: [{ grade: null, courses: { title: 'Math', teachers: { name: 'Ms Ito' } } }] }]);
  assert.deepEqual((await http('old-school', 'GET', '/course_list')).json, [{ id: 1, title: 'Latin', teacher: 'Mr Old', seats_left: 29, mean_grade: 5.5 }]);
  const full = await http('south', 'GET', '/courses?select=title,enrolments(student_id)&enrolments.student_id=eq.2&title=eq.Math');
  assert.deepEqual(full.json, [{ title: 'Math', enrolments: [{ student_id: 2 }] }]);
  assert.equal((await http('south', 'POST', '/enrolments', { student_id: 99, course_id: 1 })).status, 409);
  for (const school of ['north-high', 'south', 'old-school'])
    for (const table of ['students', 'teachers', 'courses?select=*,teachers(*)', 'course_list', 'enrolments?select=*,students(*)']) {
      const { text } = await http(school, 'GET', `/${table}`);
      for (const [other, mark] of [['north-high', /north-high [AB]|Ms Ito/], ['south', /south [AB]|Mr Gray/], ['old-school', /Zoe|Mr Old|Latin/]])
        if (other !== school) assert.doesNotMatch(text, mark, `${school} ${table}`);
    }
});

test('tokens of others, and of no school, are refused; the provider may change its keys', async () => {
  const get = async (text) => (await app.http('GET', '/teachers', { token: text })).status;
  assert.equal(await get(await token('nowhere')), 403);
  assert.equal(await get(await token('1')), 403, 'the claim holds slugs, not ids');
  assert.equal(await get(await token('south', undefined, { aud: 'https://other.example' })), 401);
  assert.equal(await get(await token('south', undefined, { iss: 'https://other.example/' })), 401);
  const stranger = { ...(await provider.makeKey('RS256')), kid: provider.published[0].kid };
  assert.equal(await get(await token('south', stranger)), 401);
  assert.equal((await app.http('GET', '/teachers', {})).status, 401);
  const next = await provider.makeKey('RS256');
  assert.equal(await get(await token('south', next)), 401, 'not published yet');
  provider.publish(next);
  await until(async () => (await get(await token('south', next))) === 200, { what: 'the new key' });
});

test('a claim that holds the id', async () => {
  app.write({ 'rowhouse.conf': fs.readFileSync(path.join(APP, 'rowhouse.conf'), 'utf8').replace('claim_holds = slug', 'claim_holds = id') });
  await app.restart();
  await until(async () => (await http(2, 'GET', '/teachers')).status === 200, { what: 'the keys' });
  assert.deepEqual((await http(2, 'GET', '/teachers?select=name')).json, [{ name: 'Mr Gray' }]);
  assert.equal((await http('south', 'GET', '/teachers')).status, 403);
});
