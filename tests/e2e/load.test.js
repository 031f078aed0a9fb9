// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

let app;
let sql; // operator

before(async () => {
  app = await startApp({ files: makeApp() });
  for (const id of ['1', '2', '3']) await app.ok(['tenant', 'create', `t${id}`, '--id', id]);
  sql = await app.sql('operator');
});
after(() => app?.stop());

const rows = async (text, params) => (await sql.query({ text, values: params, rowMode: 'array' })).rows;
const count = async (table = 'notes') => Number((await rows(`SELECT count(*) FROM ${table}`))[0][0]);
const COLUMNS = 'client_id,id,title,body,stars,tags,extra';
const HEADED = ['notes', '--header'];

/** Loads text that must be refused; nothing of it may stay. Gives what was said. */
async function refused(text, said, { args = ['notes'], status = 1, table = 'notes' } = {}) {
  const before = await count(table);
  const r = await app.run(['load', ...args], { input: text });
  assert.equal(r.status, status, r.stderr);
  assert.match(r.stderr, said);
  assert.match(r.stderr, /\n {2}hint: /, r.stderr);
  assert.equal(r.stdout, '');
  assert.equal(await count(table), before, 'nothing is half-loaded');
  return r.stderr;
}

test('from stdin, all columns in the table\'s order', async () => {
  const r = await app.run(['load', 'notes'], { input: '1,10,"one, two",,5,"{a,""b c""}","{""k"": 1}"\n2,10,"he said ""hi""",\'x\',0,,\n' });
  assert.equal(r.status, 0, r.stderr);
  assert.match(r.stderr, /2 rows into notes in [\d.]+ s \(\d+ rows\/s\)/);
  assert.deepEqual(await rows('SELECT * FROM notes WHERE id = 10 ORDER BY 1'), [
    ['1', '10', 'one, two', null, 5, ['a', 'b c'], { k: 1 }],
    ['2', '10', 'he said "hi"', "'x'", 0, null, null],
  ]);
  assert.deepEqual((await app.http('GET', '/notes?select=title', { tenant: 't2' })).json, [{ title: 'he said "hi"' }]);
});

test('from a file, whose name stands in errors', async () => {
  const file = path.join(app.state, 'some notes.csv');
  fs.writeFileSync(file, '3,20,from a file,,1,,\n');
  assert.equal((await app.run(['load', 'notes', file])).status, 0);
  fs.writeFileSync(file, '3,21,x,,1,,\n3,21,again,,1,,\n');
  await refused('', /some notes\.csv:2: duplicate key value/, { args: ['notes', file] });
  const missing = await app.run(['load', 'notes', '/nowhere.csv']);
  assert.equal(missing.status, 3);
  assert.match(missing.stderr, /cannot open \/nowhere\.csv: No such file/);
  const directory = await app.run(['load', 'notes', app.state]);
  assert.equal(directory.status, 1);
  assert.match(directory.stderr, /cannot read .*: Is a directory/);
});

test('--header: columns in another order, some left to their defaults', async () => {
  await app.ok(['load', ...HEADED], { input: 'title,client_id\nfirst,1\nsecond,2\n' });
  const got = await rows("SELECT client_id, title, stars FROM notes WHERE title IN ('first', 'second') ORDER BY 1");
  assert.deepEqual(got, [['1', 'first', 0], ['2', 'second', 0]]);
  await app.ok(['load', ...HEADED], { input: '"client_id","title"\r\n1,quoted header\r\n' });
  assert.deepEqual(await rows("SELECT client_id FROM notes WHERE title = 'quoted header'"), [['1']]);
  await app.ok(['load', ...HEADED], { input: '\ufeffclient_id,title\n1,after a byte order mark\n' });
});

test('--header: columns that are unknown, twice there, or without the tenant key', async () => {
  await refused('client_id,titel\n1,x\n', /stdin:1: table notes has no column "titel"/, { args: HEADED });
  await refused('title\nx\n', /the file has no column for the tenant key of notes/, { args: HEADED });
  await refused('client_id,title,title\n1,a,b\n', /stdin:1: column "title" is there twice/, { args: HEADED });
  await refused('client_id;title\n1;a\n', /no column "client_id;title"/, { args: HEADED });
  await refused('client_id,title\n1,a,b\n', /stdin:2: 3 columns, but the first line has 2/, { args: HEADED });
});

test('ids that came with the file do not come again', async () => {
  await app.ok(['load', 'notes'], { input: '1,5000,big,,0,,\n2,4000,smaller,,0,,\n' });
  const made = await app.http('POST', '/notes', { tenant: 't1', body: { title: 'after' }, headers: { Prefer: 'return=representation' } });
  assert.equal(made.status, 201);
  assert.equal(made.json[0].id, 5001);
  await app.ok(['load', 'notes'], { input: '1,100,small,,0,,\n' }); // never backwards
  assert.equal((await app.http('POST', '/notes', { tenant: 't1', body: { title: 'after' }, headers: { Prefer: 'return=representation' } })).json[0].id, 5002);
});

test('an unknown tenant is named with its line', async () => {
  await refused('1,30,x,,0,,\n9,30,x,,0,,\n', /stdin:2: there is no tenant "9"/);
  await refused('1,30,x,,0,,\n,31,x,,0,,\n', /stdin:2: there is no tenant ""/);
  await refused('01,30,x,,0,,\n', /stdin:1: there is no tenant "01"/);
  await refused(`${'9'.repeat(100)},30,x,,0,,\n`, /stdin:1: there is no tenant "9+/);
  await refused(' 1,30,x,,0,,\n', /stdin:1: there is no tenant " 1"/);
});

test('a key that PostgreSQL would read as another tenant\'s is not let through', async () => {
  // doubled quotes, NULL words, escapes: what is checked is what is loaded
  await refused('"1""",40,x,,0,,\n', /stdin:1: /);
  await refused('\\N,40,x,,0,,\n', /stdin:1: there is no tenant/);
  await app.ok(['load', 'notes'], { input: '"1",41,quoted key,,0,,\n' });
  assert.deepEqual(await rows('SELECT client_id FROM notes WHERE id = 41'), [['1']]);
});

test('wrong numbers of columns', async () => {
  await refused('1,50,x,,0,\n', /stdin:1: 6 columns, but notes has 7/);
  await refused('1,50,x,,0,,\n1,51,x,,0,,,\n', /stdin:2: 8 columns, but notes has 7/);
  const said = await refused('1,50,a, b,,0,,\n', /stdin:1: 8 columns/);
  assert.match(said, /A text with commas stands in double quotes/);
});

test('bad values: line, column and PostgreSQL\'s message', async () => {
  const said = await refused('1,60,x,,0,,\n1,61,x,,0,,\n1,62,x,,many,,\n', /stdin:3: invalid input syntax for type integer: "many"/);
  assert.match(said, /column stars: "many"/);
  await refused('1,60,x,,-1,,\n', /stdin:1: new row for relation "notes" violates check constraint/);
  await refused('1,60,,,0,,\n', /stdin:1: null value in column "title"/);
  await refused('1,99999999999999999999,x,,0,,\n', /stdin:1: value "99999999999999999999" is out of range for type bigint/);
  await refused('1,60,x,,0,{a,\n', /stdin:1: (malformed array|6 columns)/);
  await refused('1,60,x,,0,,{bad json\n', /stdin:1: invalid input syntax for type json/);
  await refused(Buffer.from('1,60,caf\xe9,,0,,\n', 'latin1'), /stdin:1: invalid byte sequence for encoding "UTF8"/);
  await refused('1,60,nul\0byte,,0,,\n', /stdin:1: /);
});

test('duplicate keys, in the file and against the table', async () => {
  await refused('1,70,x,,0,,\n1,71,x,,0,,\n1,70,y,,0,,\n', /stdin:3: duplicate key value violates unique constraint "notes_pkey"/);
  const said = await refused('1,70,x,,0,,\n1,10,x,,0,,\n', /stdin:2: duplicate key value/);
  assert.match(said, /Key \(client_id, id\)=\(1, 10\) already exists/);
});

test('a foreign key that reaches nothing, or into another tenant', async () => {
  await app.ok(['load', 'tasks'], { input: '1,1,10,"do it",f\n' });
  await refused('1,2,999,"lost",f\n', /insert or update on table "tasks" violates foreign key constraint/, { args: ['tasks'], table: 'tasks' });
  await refused('1,3,20,"note 20 is t3\'s",f\n', /violates foreign key constraint/, { args: ['tasks'], table: 'tasks' });
});

test('quotes that are not closed, or stray', async () => {
  await refused('1,80,x,,0,,\n1,81,"never ends,,0,,\n1,82,x,,0,,\n', /stdin:2: a quote is never closed/);
  await refused('1,80,"',  /stdin:1: a quote is never closed/);
  await refused('1,80,x,,0,,\n1,81,"x"y,,0,,\n', /stdin:2: a quote is out of place in column 3/);
  await refused('1,80,x,,0,,"{}"\r11,80,x,,0,,\n', /stdin:1: a quote is out of place in column 7/); // COPY would read a row of 11, we of 1
  await refused('1,80,x,,0,,\n1,81,a"b,c"d,,0,,\n', /stdin:2: a quote is out of place in column 3/); // COPY would read one field
});

test('line breaks inside quotes: they are kept, and later lines keep their numbers', async () => {
  await app.ok(['load', 'notes'], { input: '1,90,"two\nlines","a\r\nb\n\nc",0,,\n1,91,x,,0,,\n' });
  assert.deepEqual(await rows('SELECT title, body FROM notes WHERE id = 90'), [['two\nlines', 'a\r\nb\n\nc']]);
  await refused('1,92,"two\nlines",,0,,\n1,93,"three\n\nlines",,0,,\n7,94,x,,0,,\n', /stdin:6: there is no tenant "7"/);
  for (const [end, inside] of [['\n', '\n'], ['\r\n', '\n'], ['\r\n', '\r\n'], ['\n', '\r\n']]) {
    const records = ['1,92,"two|lines",,0,,', '1,93,"three||lines",,0,,', '1,94,x,,0,,', '1,95,"two|lines",,many,,', '1,96,x,,0,,'];
    await refused(records.join(end).replaceAll('|', inside), /stdin:7: invalid input syntax for type integer: "many"/);
    await refused(records.join(end).replaceAll('|', inside).replace('many', '0').replace('96,x', '93,x'), /stdin:9: duplicate key/);
  }
  await refused('title,client_id\n"a\nb",1\n"c\nd",1\n,1\n', /stdin:6: null value in column "title"/, { args: HEADED });
});

test('CRLF, no line break at the end, and files without rows', async () => {
  await app.ok(['load', 'notes'], { input: '1,101,crlf,,0,,\r\n1,102,last,,0,,' });
  assert.deepEqual(await rows('SELECT title FROM notes WHERE id IN (101, 102) ORDER BY 1'), [['crlf'], ['last']]);
  for (const [args, input] of [[['notes'], ''], [HEADED, ''], [HEADED, `${COLUMNS}\n`], [HEADED, COLUMNS]]) {
    const r = await app.run(['load', ...args], { input });
    assert.equal(r.status, 0, JSON.stringify(input) + r.stderr);
    assert.match(r.stderr, /0 rows into notes/);
  }
  await refused('1,103,x,,0,,\n\n1,104,x,,0,,\n', /stdin:2: the line is empty/);
  await refused('\n', /stdin:1: the line is empty/);
});

test('PostgreSQL\'s end-of-data mark does not cut a file short', async () => {
  const before = await count();
  await refused('1,110,x,,0,,\n\\.\n1,111,x,,0,,\n', /stdin:2: \\\. ends no CSV file/);
  await refused('name,rgb\n\\.\nblack,#000\n', /stdin:2: \\\. ends no CSV file/, { args: ['colours', '--header'], table: 'reference.colours' });
  await app.ok(['load', ...HEADED], { input: 'client_id,title\n1,"\n\\.\n"\n1,\\.\n' });
  assert.equal(await count(), before + 2);
});

test('a reference table takes rows for all', async () => {
  await app.ok(['load', 'colours'], { input: 'blue,#00f\n"dark, very",#111\n' });
  assert.deepEqual((await app.http('GET', '/colours?name=eq.blue', { tenant: 't1' })).json, [{ name: 'blue', rgb: '#00f' }]);
  await refused('red,#e00\n', /stdin:1: duplicate key value/, { args: ['colours'], table: 'reference.colours' });
});

test('the root table: rows of tenants that are there already', async () => {
  await refused('1,Again,\n', /stdin:1: duplicate key value/, { args: ['clients'], table: 'clients' });
  await refused('77,Unknown,\n', /stdin:1: there is no tenant "77"/, { args: ['clients'], table: 'clients' });
});

test('what is no table', async () => {
  for (const table of ['nothing', 'notes; DROP TABLE notes', 'Notes', 'pg_class', 'rowhouse.applied_migrations', 'applied_migrations'])
    await refused('x\n', /there is no table /, { args: [table], status: 3 });
  await refused('1,1,1,x\n', /there is no table open_tasks/, { args: ['open_tasks'], table: 'tasks', status: 3 });
});

test('many rows, larger than the buffers, with a mistake at the very end', async () => {
  const lines = [];
  for (let i = 0; i < 30000; i++) lines.push(`${(i % 3) + 1},${200000 + i},"title ${i} ${'x'.repeat(i % 97)}",,${i % 5},,\n`);
  const began = Date.now();
  await refused([...lines, '1,999999,x,,many,,\n'].join(''), /stdin:30001: invalid input syntax for type integer/);
  await app.ok(['load', 'notes'], { input: lines.join('') });
  assert.ok(Date.now() - began < 30000);
  assert.deepEqual(await rows('SELECT client_id, count(*)::int FROM notes WHERE id >= 200000 GROUP BY 1 ORDER BY 1'), [['1', 10000], ['2', 10000], ['3', 10000]]);
});

test('kill -9 in the middle leaves nothing', async () => {
  const before = await count();
  const run = app.spawn(['load', 'notes'], { input: null });
  const chunk = Array.from({ length: 20000 }, (_, i) => `1,${900000 + i},${'y'.repeat(100)},,0,,\n`).join('');
  await new Promise((resolve) => run.child.stdin.write(chunk, resolve));
  run.kill('SIGKILL');
  assert.equal((await run.done).signal, 'SIGKILL');
  assert.equal(await count(), before);
});

test('uuid ids, in any spelling', async () => {
  const other = app.sibling({ files: makeApp({ name: 'uload', idType: 'uuid' }) });
  await other.ok(['migrate']);
  const id = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
  await other.ok(['tenant', 'create', 'acme', '--id', id]);
  await other.ok(['load', ...HEADED], { input: `client_id,title\n${id},lower\n${id.toUpperCase()},upper\n` });
  assert.equal(await other.psql('acme', "SELECT string_agg(title, ',' ORDER BY title) FROM notes"), 'lower,upper');
  const r = await other.run(['load', ...HEADED], { input: `client_id,title\n${id.replace('a', 'b')},x\n` });
  assert.match(r.stderr, /stdin:2: there is no tenant "baaaaaaa-/);
});
