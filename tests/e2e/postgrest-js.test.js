// SPDX-License-Identifier: Apache-2.0
//
// The current postgrest-js, unchanged, over everything it can ask for. The last test counts: a method of the client that was
// not called here fails it, so a newer client brings its own list of what is to be tried.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PostgrestBuilder, PostgrestClient, PostgrestFilterBuilder, PostgrestQueryBuilder, PostgrestTransformBuilder } from '@supabase/postgrest-js';
import { makeApp } from './lib/apps.js';
import { startApp } from './lib/harness.js';

const RICH = `
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE place AS (city text, zip integer);
CREATE TABLE things (
  client_id bigint NOT NULL REFERENCES clients (id),
  id bigserial,
  label text NOT NULL,
  small smallint, whole integer, big bigint, exact numeric(30, 10), float4 real, float8 double precision, cash money,
  yes boolean, letter char(3), short varchar(10),
  day date, at timestamp, at_tz timestamptz, hour time, hour_tz timetz, span interval,
  bytes bytea, key uuid, ip inet, net cidr, mac macaddr, bits bit varying(8),
  plain json, binary_json jsonb, markup xml, words tsvector,
  dot point, how mood, home place,
  numbers integer[], texts text[], grid integer[][], moods mood[],
  ages int4range, during tstzrange, days daterange, holes int4multirange,
  PRIMARY KEY (client_id, id),
  UNIQUE (client_id, label)
);
CREATE TABLE labels (client_id bigint NOT NULL REFERENCES clients (id), id bigint, name text NOT NULL, PRIMARY KEY (client_id, id));
CREATE TABLE things_labels (
  client_id bigint NOT NULL, thing_id bigint, label_id bigint,
  PRIMARY KEY (client_id, thing_id, label_id),
  FOREIGN KEY (client_id, thing_id) REFERENCES things (client_id, id) ON DELETE CASCADE,
  FOREIGN KEY (client_id, label_id) REFERENCES labels (client_id, id) ON DELETE CASCADE
);
CREATE FUNCTION shout(things) RETURNS text LANGUAGE sql STABLE RETURN upper($1.label);
CREATE FUNCTION add(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql IMMUTABLE RETURN a + b;
CREATE FUNCTION all_things() RETURNS SETOF things LANGUAGE sql STABLE
BEGIN ATOMIC SELECT * FROM things; END;
CREATE FUNCTION say_nothing() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION total(numbers integer[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT sum(n) FROM unnest(numbers) n';
`;

const EVERY_TYPE = {
  small: -32768, whole: 2147483647, big: 9007199254740991, exact: 12345.678, float4: 1.5, float8: 1e-7, cash: '$1.50',
  yes: true, letter: 'ab ', short: 'short',
  day: '2024-02-29', at: '2024-02-29T12:34:56.789', at_tz: '2024-02-29T12:34:56.789+00:00', hour: '12:34:56', hour_tz: '12:34:56+02', span: '1 day 02:03:04',
  bytes: '\\x00ff', key: '5f1c9bb8-6dd0-4c52-9f0a-2f6f0a3f3b11', ip: '10.0.0.1', net: '10.0.0.0/8', mac: '08:00:2b:01:02:03', bits: '1010',
  plain: { b: 1, a: [null, true] }, binary_json: { deep: { er: 'x' } }, markup: '<a>b</a>', words: "'fat':2 'rat':3",
  dot: '(1,2)', how: 'glad', home: { city: 'Wien', zip: 1010 },
  numbers: [1, 2, 3], texts: ['a', 'b "c"', null], grid: [[1, 2], [3, 4]], moods: ['sad', 'glad'],
  ages: '[1,10)', during: '["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00")', days: '[2024-01-01,2024-01-31)', holes: '{[1,3),[5,7)}',
};

/** Methods of the client that were not called yet. */
const left = new Set();
for (const cls of [PostgrestClient, PostgrestQueryBuilder, PostgrestFilterBuilder, PostgrestTransformBuilder, PostgrestBuilder]) {
  for (const key of Object.getOwnPropertyNames(cls.prototype)) {
    const original = cls.prototype[key];
    if (key === 'constructor' || typeof original !== 'function') continue;
    left.add(key);
    cls.prototype[key] = function (...args) {
      left.delete(key);
      return original.apply(this, args);
    };
  }
}

let app, db, other;

/** The data of an answer that must be no error. */
async function data(query) {
  const { data, error, status } = await query;
  assert.equal(error, null, `${status} ${JSON.stringify(error)}`);
  return data;
}
/** Status and code of an answer that must be an error. */
async function failure(query) {
  const { status, error } = await query;
  assert.ok(error, 'an error');
  return [status, error.code];
}

before(async () => {
  const files = makeApp();
  files['tenant/0002_rich.sql'] = RICH;
  app = await startApp({ files, settings: ['data.tx_end=commit-allow-override', 'data.aggregates=on'] });
  for (const slug of ['one', 'two']) await app.ok(['tenant', 'create', slug]);
  const client = async (slug) => new PostgrestClient(app.data, { headers: { Authorization: `Bearer ${await app.token(slug)}` } });
  [db, other] = [await client('one'), await client('two')];
});
after(() => app?.stop());

describe('writes', () => {
  test('insert: one, many, columns of all, defaults, count', async () => {
    assert.equal(await data(db.from('things').insert({ id: 1, label: 'first', ...EVERY_TYPE })), null);
    const uneven = await db.from('things').insert([{ id: 2, label: 'second', whole: 2 }, { id: 3, label: 'third' }], { count: 'exact' });
    assert.deepEqual([uneven.status, uneven.count], [201, 2]);
    const filled = await data(db.from('notes').insert([{ id: 1, title: 'a' }, { id: 2, title: 'b', stars: 3 }], { defaultToNull: false }).select('stars').order('id'));
    assert.deepEqual(filled, [{ stars: 0 }, { stars: 3 }]);
    await data(db.from('labels').insert([{ id: 1, name: 'red' }, { id: 2, name: 'round' }]));
    await data(db.from('things_labels').insert([{ thing_id: 1, label_id: 1 }, { thing_id: 1, label_id: 2 }, { thing_id: 2, label_id: 1 }]));
    await data(other.from('things').insert({ id: 1, label: 'first', texts: ['canary'] }));
  });

  test('upsert: by the key, by another constraint, ignoring, with defaults', async () => {
    const merged = await db.from('things').upsert({ id: 3, label: 'third', whole: 3 }).select('id,whole').single();
    assert.deepEqual([merged.status, merged.data], [200, { id: 3, whole: 3 }]);
    assert.deepEqual(await data(db.from('things').upsert({ label: 'third', whole: 33 }, { onConflict: 'client_id,label' }).select('id,whole')), [{ id: 3, whole: 33 }]);
    assert.deepEqual(await data(db.from('things').upsert([{ id: 3, label: 'ignored' }, { id: 4, label: 'fourth' }], { ignoreDuplicates: true }).select('id,label')), [{ id: 4, label: 'fourth' }]);
    const counted = await db.from('notes').upsert([{ id: 2, title: 'b again' }, { id: 3, title: 'c', stars: 1 }], { defaultToNull: false, count: 'exact' });
    assert.deepEqual([counted.error, counted.count], [null, 2]);
    assert.deepEqual(await data(db.from('notes').select('id,title,stars').gte('id', 2).order('id')), [{ id: 2, title: 'b again', stars: 0 }, { id: 3, title: 'c', stars: 1 }]);
  });

  test('update and delete: rows back, counts, at most so many, undone', async () => {
    assert.deepEqual(await data(db.from('things').update({ whole: 4 }).eq('id', 4).select('whole')), [{ whole: 4 }]);
    const counted = await db.from('things').update({ yes: false }, { count: 'exact' }).gt('id', 1);
    assert.deepEqual([counted.status, counted.count, counted.data], [204, 3, null]);
    assert.deepEqual(await failure(db.from('things').update({ yes: true }).gt('id', 1).maxAffected(2)), [400, 'PGRST124']);
    assert.deepEqual(await data(db.from('things').select('id').is('yes', false).order('id')), [{ id: 2 }, { id: 3 }, { id: 4 }]);
    assert.deepEqual(await data(db.from('things').delete().eq('id', 4).rollback().select('id')), [{ id: 4 }]);
    const gone = await db.from('things').delete({ count: 'exact' }).eq('id', 4);
    assert.deepEqual([gone.status, gone.count], [204, 1]);
    assert.deepEqual(await data(db.from('things').delete().eq('id', 4).select()), []);
  });
});

describe('reads', () => {
  const ids = async (build) => (await data(build(db.from('things').select('id')).order('id'))).map((r) => r.id);

  test('every type comes back as JSON knows it', async () => {
    const row = await data(db.from('things').select('*').eq('id', 1).single());
    assert.deepEqual(row, { client_id: 1, id: 1, label: 'first', ...EVERY_TYPE });
  });

  test('comparisons', async () => {
    const tried = [
      [(q) => q.eq('whole', 2), [2]], [(q) => q.neq('id', 1), [2, 3]], [(q) => q.gt('id', 1), [2, 3]], [(q) => q.gte('id', 2), [2, 3]],
      [(q) => q.lt('id', 2), [1]], [(q) => q.lte('id', 2), [1, 2]],
      [(q) => q.like('label', '%ir%'), [1, 3]], [(q) => q.ilike('label', 'F%'), [1]],
      [(q) => q.likeAllOf('label', ['%ir%', 't%']), [3]], [(q) => q.likeAnyOf('label', ['f%', 's%']), [1, 2]],
      [(q) => q.ilikeAllOf('label', ['%IR%', 'T%']), [3]], [(q) => q.ilikeAnyOf('label', ['F%', 'S%']), [1, 2]],
      [(q) => q.regexMatch('label', '^f.+t$'), [1]], [(q) => q.regexIMatch('label', '^F'), [1]],
      [(q) => q.is('whole', null), []], [(q) => q.is('yes', true), [1]],
      [(q) => q.isDistinct('how', 'glad'), [2, 3]],
      [(q) => q.in('label', ['first', 'third', 'no,ne', 'a"b']), [1, 3]], [(q) => q.notIn('label', ['first', 'x(y)']), [2, 3]],
      [(q) => q.match({ id: 2, whole: 2 }), [2]], [(q) => q.not('label', 'like', 'f%'), [2, 3]],
      [(q) => q.or('id.eq.1,and(id.gt.2,label.eq.third)'), [1, 3]], [(q) => q.filter('id', 'in', '(1,2)'), [1, 2]],
    ];
    for (const [build, expected] of tried) assert.deepEqual(await ids(build), expected, String(build));
  });

  test('arrays, ranges, json, full text', async () => {
    const tried = [
      [(q) => q.contains('numbers', [1, 2]), [1]], [(q) => q.contains('binary_json', { deep: { er: 'x' } }), [1]], [(q) => q.contains('ages', '[2,3)'), [1]],
      [(q) => q.containedBy('numbers', [1, 2, 3, 4]), [1]], [(q) => q.containedBy('ages', '[0,100)'), [1]], [(q) => q.overlaps('texts', ['a', 'z']), [1]], [(q) => q.overlaps('ages', '[9,12)'), [1]],
      [(q) => q.rangeGt('ages', '[-5,0)'), [1]], [(q) => q.rangeGte('ages', '[0,5)'), [1]], [(q) => q.rangeLt('ages', '[20,30)'), [1]],
      [(q) => q.rangeLte('ages', '[0,10)'), [1]], [(q) => q.rangeAdjacent('ages', '[10,20)'), [1]],
      [(q) => q.textSearch('words', 'fat & rat'), [1]], [(q) => q.textSearch('words', 'fat rat', { type: 'plain', config: 'english' }), [1]],
      [(q) => q.textSearch('words', 'fat rat', { type: 'phrase' }), [1]], [(q) => q.textSearch('words', 'fat or cat', { type: 'websearch' }), [1]],
      [(q) => q.eq('binary_json->deep->>er', 'x'), [1]], [(q) => q.eq('plain->>b', 1), [1]], [(q) => q.eq('home->>city', 'Wien'), [1]], [(q) => q.eq('numbers->0', 1), [1]],
    ];
    for (const [build, expected] of tried) assert.deepEqual(await ids(build), expected, String(build));
  });

  test('select: names, casts, paths, computed fields, aggregates', async () => {
    const row = await data(db.from('things').select('nr:id,big::text,plain->a,city:home->>city,numbers->1,shout').eq('id', 1).single());
    assert.deepEqual(row, { nr: 1, big: '9007199254740991', a: [null, true], city: 'Wien', numbers: 2, shout: 'FIRST' });
    assert.deepEqual(await data(db.from('things').select('id.count(),id.max(),whole.sum()')), [{ count: 3, max: 3, sum: 2147483647 + 2 + 33 }]);
    assert.deepEqual(await data(db.from('things').select('yes,count()').order('yes')), [{ yes: false, count: 2 }, { yes: true, count: 1 }]);
  });

  test('embeds: to one, to many, many to many, inner, spread, filtered and ordered', async () => {
    const q = () => db.from('things').select('id,labels(name)').order('id').order('name', { referencedTable: 'labels', ascending: false });
    assert.deepEqual(await data(q()), [{ id: 1, labels: [{ name: 'round' }, { name: 'red' }] }, { id: 2, labels: [{ name: 'red' }] }, { id: 3, labels: [] }]);
    assert.deepEqual(await data(q().limit(1, { referencedTable: 'labels' }).eq('id', 1)), [{ id: 1, labels: [{ name: 'round' }] }]);
    assert.deepEqual(await data(q().range(1, 1, { referencedTable: 'labels' }).eq('id', 1)), [{ id: 1, labels: [{ name: 'red' }] }]);
    assert.deepEqual(await data(db.from('things').select('id,labels!inner(name)').eq('labels.name', 'round')), [{ id: 1, labels: [{ name: 'round' }] }]);
    assert.deepEqual(await data(db.from('things').select('id,labels(name)').or('name.eq.red', { referencedTable: 'labels' }).eq('id', 1)), [{ id: 1, labels: [{ name: 'red' }] }]);
    assert.deepEqual(await data(db.from('things').select('id,...labels(names:name)').eq('id', 2)), [{ id: 2, names: ['red'] }]);
    assert.deepEqual(await data(db.from('things').select('id,labels()').not('labels', 'is', null).order('id')), [{ id: 1 }, { id: 2 }]);
  });

  test('order, limit, range, counts, head', async () => {
    const page = await db.from('things').select('id', { count: 'exact' }).order('whole', { ascending: false, nullsFirst: true }).range(1, 2);
    assert.deepEqual([page.status, page.data, page.count], [206, [{ id: 3 }, { id: 2 }], 3]);
    for (const count of ['planned', 'estimated']) assert.equal((await db.from('things').select('*', { count, head: true })).count, 3, 'counted: statistics are of all tenants');
    assert.deepEqual(await data(db.from('things').select('id').order('id').limit(1)), [{ id: 1 }]);
    const beyond = await db.from('things').select('id', { count: 'exact' }).range(10, 12);
    assert.deepEqual([beyond.status, beyond.error?.code], [416, 'PGRST103']);
  });

  test('forms of an answer', async () => {
    assert.deepEqual(await data(db.from('things').select('id').eq('id', 1).single()), { id: 1 });
    assert.deepEqual(await failure(db.from('things').select('id').single()), [406, 'PGRST116']);
    assert.equal(await data(db.from('things').select('id').eq('id', 99).maybeSingle()), null);
    assert.equal(await data(db.from('things').select('id,label,texts').eq('id', 1).csv()), 'id,label,texts\n1,first,"{a,""b \\""c\\"""",NULL}"\n');
    assert.deepEqual(await data(db.from('things').select('id,how,cash').eq('id', 2).stripNulls()), [{ id: 2 }]);
    assert.deepEqual(await failure(db.from('things').select('id').geojson()), [406, 'PGRST107'], 'no PostGIS here');
    assert.deepEqual((await failure(db.from('things').select('id').explain()))[0], 406, 'plans are switched off');
    assert.deepEqual(await data(db.from('things').select('id').eq('id', 1).returns()), [{ id: 1 }]);
    assert.deepEqual(await data(db.from('things').select('id').eq('id', 1).overrideTypes()), [{ id: 1 }]);
  });
});

describe('functions', () => {
  test('scalars, sets, nothing, arrays, by POST, GET and HEAD', async () => {
    assert.equal(await data(db.rpc('add', { a: 1 })), 2);
    assert.equal(await data(db.rpc('add', { a: 1, b: 5 }, { get: true })), 6);
    assert.equal(await data(db.rpc('total', { numbers: [1, 2, 3] }, { get: true })), 6);
    assert.equal(await data(db.rpc('say_nothing')), null);
    const some = await db.rpc('all_things', {}, { count: 'exact' }).select('id,labels(name)').gt('id', 1).order('id', { ascending: false }).limit(1);
    assert.deepEqual([some.data, some.count], [[{ id: 3, labels: [] }], 2]);
    const head = await db.rpc('all_things', {}, { head: true, count: 'exact' });
    assert.deepEqual([head.data, head.count, head.error], [null, 3, null]);
    assert.deepEqual((await data(other.rpc('all_things').select('texts'))), [{ texts: ['canary'] }], 'a tenant\'s own rows');
    assert.deepEqual(await failure(db.rpc('add', { x: 1 })), [404, 'PGRST202']);
  });
});

describe('the client itself', () => {
  test('errors thrown, requests cut off, headers of one request, no retries', async () => {
    await assert.rejects(async () => db.from('nothing').select().throwOnError(), { code: 'PGRST205' });
    const cut = await db.from('things').select('id').abortSignal(AbortSignal.abort());
    assert.match(cut.error.message, /abort/i);
    const nobody = await db.from('things').select('id').setHeader('Authorization', 'Bearer x.y.z').retry(false);
    assert.equal(nobody.status, 401);
  });

  test('nothing of it was left out', () => {
    for (const inner of ['toJSON', 'schema', 'getOpenApiSpec']) left.delete(inner);
    assert.deepEqual([...left], []);
  });
});
