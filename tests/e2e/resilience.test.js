// SPDX-License-Identifier: Apache-2.0
//
// What breaks: backends, PostgreSQL, the program itself. Reads recover by themselves, a write is never done twice and
// one that was answered is never lost, the neighbours of what is slow or dead do not notice.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sleep, startApp, until } from './lib/harness.js';
import { addTenant, exchange, isoApp, request, serve, stopWell } from './lib/iso.js';

let app, ant, bee;
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

const door = (tenant, method, path, body, more = {}) => request(app.data, { method, path, token: tenant.token, body, agent, timeout: 20000, ...more });
const retryable = (answer) => answer.status === 503 && answer.headers['retry-after'] !== undefined;

/** The backends of the data door. */
async function doorBackends(admin) {
  const { rows } = await admin.query(`SELECT pid, state, query FROM pg_stat_activity WHERE usename = '${app.name}_server' AND datname = '${app.name}'`);
  return rows;
}

/** Rows by name, as the operator sees them: {name: count}. */
async function counts(pattern) {
  const operator = await app.sql('operator');
  const { rows } = await operator.query('SELECT name, count(*)::int AS n FROM public.people WHERE name LIKE $1 GROUP BY 1', [pattern]);
  await operator.end();
  return Object.fromEntries(rows.map((row) => [row.name, row.n]));
}

/**
 * Reads and writes without pause until stop(). Every write has a name of its own. Gives {stop(): Promise of {reads,
 * writes: [{name, status, code}]}}. A connection to the door that breaks counts as status 0.
 */
function load(mark, width = 8) {
  let on = true;
  let n = 0;
  const reads = [];
  const writes = [];
  const broken = (err) => ({ status: 0, json: { code: err.code ?? err.message }, headers: {} });
  const worker = async (i) => {
    const tenant = i % 2 ? ant : bee;
    while (on) {
      if (i % 4 < 2) {
        const answer = await door(tenant, 'GET', '/people?select=name&limit=3').catch(broken);
        reads.push(answer);
        if (answer.status !== 200) await sleep(5);
      } else {
        const name = `${mark}-${n++}`;
        const slow = i % 4 === 3;
        const answer = await (slow ? door(tenant, 'POST', '/rpc/snooze_and_add', { seconds: 0.02, name }) : door(tenant, 'POST', '/people', { name })).catch(broken);
        writes.push({ name, status: answer.status, code: answer.json?.code, answer });
        if (answer.status >= 400 || answer.status === 0) await sleep(5);
      }
    }
  };
  const workers = Array.from({ length: width }, (_, i) => worker(i));
  return {
    reads,
    writes,
    stop: async () => {
      on = false;
      await Promise.all(workers);
      return { reads, writes };
    },
  };
}

/** What was answered is there once, what was refused unsent is not there, nothing is there twice. */
async function checkWrites(mark, writes) {
  const found = await counts(`${mark}-%`);
  for (const w of writes) {
    const n = found[w.name] ?? 0;
    const told = `${w.name}: ${w.status} ${w.code ?? ''}, ${n} rows`;
    assert.ok(n <= 1, `done twice: ${told}`);
    if (w.status === 201 || w.status === 200) assert.equal(n, 1, `lost: ${told}`);
    else if (w.status === 503 && w.code !== 'unknown_outcome') assert.equal(n, 0, `refused and done: ${told}`);
    else assert.ok(w.code === 'unknown_outcome' || w.status === 0, told);
  }
  return found;
}

before(async () => {
  app = await startApp({ files: isoApp({ name: 'tough' }), settings: ['data.threads=2', 'data.statement_timeout=1s'] });
  ant = await addTenant(app, 'ant');
  bee = await addTenant(app, 'bee');
  for (const t of [ant, bee]) assert.equal((await door(t, 'POST', '/people', { name: `${t.slug} 1` })).status, 201);
});
after(async () => {
  agent.destroy();
  await stopWell(app);
});

describe('a backend that is terminated', () => {
  test('in a read: the read is sent once more and answered', async () => {
    const admin = await app.sql('admin');
    const answer = door(ant, 'GET', '/rpc/doze?seconds=0.4');
    await until(async () => (await doorBackends(admin)).some((b) => b.state === 'active' && b.query.includes('doze')), { every: 10 });
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%doze%' AND usename = '${app.name}_server'`);
    assert.deepEqual([(await answer).status, (await answer).body], [200, '1']);
  });

  test('in a write: 503 unknown_outcome with Retry-After, and it is not sent again', async () => {
    const admin = await app.sql('admin');
    const answer = door(ant, 'POST', '/rpc/snooze_and_add', { seconds: 0.5, name: 'once-only' });
    await until(async () => (await doorBackends(admin)).some((b) => b.state === 'active' && b.query.includes('snooze_and_add')), { every: 10 });
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%snooze_and_add%' AND usename = '${app.name}_server'`);
    assert.deepEqual([(await answer).status, (await answer).json.code], [503, 'unknown_outcome'], (await answer).body);
    assert.match((await answer).json.hint, /before sending it again/);
    await sleep(800);
    assert.deepEqual(await counts('once-only'), {});
  });

  test('under load, again and again: reads go on, no 500, no write is done twice or lost', async () => {
    const admin = await app.sql('admin');
    const running = load('term');
    for (let i = 0; i < 25; i++) {
      await sleep(80);
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${app.name}_server' AND datname = '${app.name}'`);
    }
    await sleep(100);
    const { reads, writes } = await running.stop();
    const statuses = (list) => [...new Set(list.map((a) => a.status))].sort();
    assert.ok(reads.length > 100 && writes.length > 100, `${reads.length} reads, ${writes.length} writes`);
    assert.deepEqual(statuses(reads).filter((s) => s !== 200 && s !== 503), []);
    assert.deepEqual(statuses(writes).filter((s) => ![200, 201, 503].includes(s)), []);
    assert.ok(reads.filter((a) => a.status === 503).every(retryable));
    assert.ok(reads.filter((a) => a.status === 200).length > reads.length / 2, 'reads are tried once more');
    assert.ok(writes.some((w) => w.code === 'unknown_outcome'), 'no write was hit: this test proves nothing');
    await checkWrites('term', writes);
    const answer = await until(async () => { const a = await door(ant, 'GET', '/people?limit=1'); return a.status === 200 && a; });
    assert.equal(answer.json.length, 1);
  });

  test('connections that were lost leave no descriptors behind', async () => {
    const admin = await app.sql('admin');
    const fds = () => fs.readdirSync(`/proc/${app.pid}/fd`).length;
    const cut = async () => {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${app.name}_server' AND datname = '${app.name}'`);
      await until(async () => (await door(ant, 'GET', '/people?limit=1')).status === 200);
      await sleep(150);
    };
    await cut();
    const rest = fds();
    for (let i = 0; i < 5; i++) await cut();
    await until(() => fds() <= rest + 2, { what: `${rest} descriptors again` });
  });
});

describe('statement_timeout', () => {
  test('504 after the time, for reads and writes; what a write did is undone', async () => {
    for (const [method, path, body] of [['GET', '/rpc/doze?seconds=5'], ['POST', '/rpc/snooze', { seconds: 5 }], ['POST', '/rpc/snooze_and_add', { seconds: 5, name: 'too-slow' }]]) {
      const since = Date.now();
      const answer = await door(ant, method, path, body);
      const ms = Date.now() - since;
      assert.equal(answer.status, 504, `${path}: ${answer.status} ${answer.body}`);
      assert.ok(ms >= 900 && ms < 2800, `${ms} ms`);
      assert.ok(answer.json.code && answer.json.message);
    }
    assert.deepEqual(await counts('too-slow'), {});
  });

  test('no backend goes on working for a request that was given up', async () => {
    const admin = await app.sql('admin');
    await Promise.all(Array.from({ length: 4 }, () => door(ant, 'GET', '/rpc/doze?seconds=30')));
    await until(async () => !(await doorBackends(admin)).some((b) => b.state === 'active'), { ms: 15000, what: 'the end of the sleepers' });
  });

  test('the neighbours on the same connection are answered, each with its own rows', async () => {
    const one = await startOne(['data.threads=1', 'data.connections=1']);
    try {
      const slow = request(one.data, { path: '/rpc/doze?seconds=9', token: one.ant.token });
      await sleep(50);
      const others = Array.from({ length: 40 }, (_, i) => request(one.data, i % 4 === 3 ? { method: 'POST', path: '/people', token: one.bee.token, body: { name: `beside-${i}` } } : { path: '/rpc/whoami', token: (i % 2 ? one.ant : one.bee).token }));
      assert.equal((await slow).status, 504);
      for (const [i, answer] of (await Promise.all(others)).entries())
        if (i % 4 === 3) assert.equal(answer.status, 201, answer.body);
        else assert.deepEqual([answer.status, answer.body], [200, (i % 2 ? one.ant : one.bee).id]);
      const { rows } = await one.operator.query("SELECT count(*)::int AS n FROM public.people WHERE name LIKE 'beside-%'");
      assert.equal(rows[0].n, 10);
    } finally {
      await one.app.stop();
    }
  });

  test('slow requests of one tenant do not stop the other while connections are free', async () => {
    const slow = Array.from({ length: 4 }, () => door(ant, 'GET', '/rpc/doze?seconds=0.9'));
    await sleep(100);
    const since = Date.now();
    for (let i = 0; i < 20; i++) assert.equal((await door(bee, 'GET', '/people?limit=1')).status, 200);
    assert.ok(Date.now() - since < 700, `${Date.now() - since} ms`);
    for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
  });
});

/** Another app with settings of its own on the same PostgreSQL: {app, data, ant, bee, operator}. */
async function startOne(settings, name = 'single') {
  const one = app.sibling({ files: isoApp({ name }), settings: ['data.statement_timeout=1s', ...settings] });
  await one.start();
  return { app: one, data: one.data, ant: await addTenant(one, 'ant'), bee: await addTenant(one, 'bee'), operator: await one.sql('operator') };
}

describe('PostgreSQL', () => {
  test('a backend killed with -9, so that PostgreSQL recovers: 503 meanwhile, then as before, nothing lost or twice', async () => {
    const admin = await app.sql('admin');
    const running = load('crash');
    await sleep(300);
    const [victim] = await doorBackends(admin);
    process.kill(victim.pid, 'SIGKILL');
    await until(() => running.reads.some((a) => a.status === 503) || running.writes.some((w) => w.status === 503), { what: 'a 503' });
    await until(() => admin.query('SELECT 1').then(() => false, () => true), { what: 'the end of every session' });
    await until(() => app.sql('admin').catch(() => false), { what: 'the end of the recovery' });
    const at = running.reads.length;
    await until(() => running.reads.slice(at).filter((a) => a.status === 200).length > 50, { what: 'reads again' });
    const writesAt = running.writes.length;
    await until(() => running.writes.length >= writesAt + 10 && running.writes.slice(-10).every((w) => w.status < 300), { what: 'writes again' });
    const { reads, writes } = await running.stop();
    assert.deepEqual([...new Set(reads.map((a) => a.status))].filter((s) => s !== 200 && s !== 503), []);
    assert.deepEqual([...new Set(writes.map((w) => w.status))].filter((s) => ![200, 201, 503].includes(s)), []);
    await checkWrites('crash', writes);
  });

  test('stopped at once and started again: 503 with Retry-After while it is away, then as before by itself', async () => {
    await until(async () => (await door(ant, 'GET', '/ready')).status === 200, { what: 'ready' });
    const running = load('restart');
    await sleep(300);
    process.kill(app.postmaster.pid, 'SIGQUIT'); // immediate
    await until(() => app.postmaster === null, { what: 'its end' });
    await until(async () => (await door(ant, 'GET', '/ready')).status === 503, { what: 'not ready' });
    assert.equal((await door(ant, 'GET', '/live')).status, 200);
    for (const [method, path, body] of [['GET', '/people'], ['POST', '/people', { name: 'restart-away' }], ['DELETE', '/people?id=eq.0'], ['HEAD', '/people']]) {
      const since = Date.now();
      const answer = await door(ant, method, path, body);
      assert.ok(retryable(answer), `${method}: ${answer.status} ${answer.body}`);
      if (method !== 'HEAD') assert.equal(answer.json.code, 'database_unavailable');
      assert.ok(Date.now() - since < 2000, 'waited long for nothing');
    }
    await app.ok(['tenant', 'list']); // any command starts the private server again
    await until(() => running.reads.at(-1)?.status === 200, { what: 'reads again' });
    await until(() => running.writes.slice(-5).every((w) => w.status < 300), { what: 'writes again' });
    await until(async () => (await door(ant, 'GET', '/ready')).status === 200, { what: 'ready' });
    const { reads, writes } = await running.stop();
    assert.deepEqual([...new Set(reads.map((a) => a.status))].filter((s) => s !== 200 && s !== 503), []);
    assert.deepEqual([...new Set(writes.map((w) => w.status))].filter((s) => ![200, 201, 503].includes(s)), []);
    await checkWrites('restart', [...writes, { name: 'restart-away', status: 503, code: 'database_unavailable' }]);
    // the catalog's watch came back too: a tenant made now is served
    const cow = await addTenant(app, 'cow');
    await until(async () => (await door(cow, 'GET', '/rpc/whoami')).body === cow.id, { what: 'the new tenant' });
  });

  test('with fewer connections to give than asked for: those that are there serve, the others are had later', async () => {
    const admin = await app.sql('admin');
    const crowd = (n) => Promise.all(Array.from({ length: n }, (_, i) => door(i % 2 ? ant : bee, 'GET', '/people?limit=1', undefined, { agent: false })));
    await admin.query(`ALTER ROLE ${app.name}_server CONNECTION LIMIT 4`); // one is the catalog's watch
    try {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${app.name}_server' AND datname = '${app.name}'`);
      await until(async () => (await crowd(8)).some((a) => a.status === 200), { what: 'a connection' });
      const answers = await crowd(60); // a loop may be without any: it says so
      assert.deepEqual([...new Set(answers.map((a) => a.status))].filter((s) => s !== 200 && s !== 503), []);
      assert.ok(answers.some((a) => a.status === 200));
      assert.ok(answers.filter((a) => a.status === 503).every(retryable));
    } finally {
      await admin.query(`ALTER ROLE ${app.name}_server CONNECTION LIMIT -1`);
    }
    await until(async () => (await crowd(16)).every((a) => a.status === 200), { what: 'all of them' });
  });
});

describe('the program', () => {
  test('killed with -9 under load: what was answered is there, nothing is there twice, and it starts again', async () => {
    const running = load('nine');
    await sleep(800);
    await app.kill('SIGKILL');
    const { writes } = await running.stop().catch((err) => assert.fail(err));
    const answered = writes.filter((w) => w.status === 201 || w.status === 200);
    assert.ok(answered.length > 20, `${answered.length} writes were answered`);
    await app.start();
    await checkWrites('nine', writes);
    assert.equal((await door(ant, 'GET', '/people?select=name&limit=1')).status, 200);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => door(bee, 'GET', '/people?limit=1').then((a) => a.status)));
    assert.deepEqual([...new Set(statuses)], [200]);
  });

  for (const signal of ['SIGINT', 'SIGTERM'])
    test(`${signal}: running requests are finished, idle clients are let go, new ones refused, status 0`, async () => {
      const one = await startOne(['data.statement_timeout=5s'], signal.toLowerCase());
      const idle = Array.from({ length: 10 }, () => {
        const s = net.connect(Number(new URL(one.data).port), '127.0.0.1');
        s.on('error', () => {});
        s.closed_ = new Promise((resolve) => s.on('close', resolve));
        s.resume();
        s.write('GET /live HTTP/1.1\r\nHost: x\r\n\r\n');
        return s;
      });
      try {
        const read = request(one.data, { path: '/rpc/doze?seconds=0.8', token: one.ant.token });
        const write = request(one.data, { method: 'POST', path: '/rpc/snooze_and_add', token: one.bee.token, body: { seconds: 0.8, name: 'finished' } });
        await sleep(200);
        const since = Date.now();
        const address = one.data;
        const ended = one.app.kill(signal);
        await Promise.all(idle.map((s) => s.closed_));
        assert.ok(Date.now() - since < 500, 'idle clients were kept');
        const late = await exchange(address, 'GET /live HTTP/1.1\r\nHost: x\r\n\r\n', { ms: 3000 });
        assert.deepEqual([late.status, late.closed], [0, true]);
        assert.ok(late.ms < 200, `a new client had to wait ${late.ms} ms for nothing`);
        assert.deepEqual([(await read).status, (await read).body], [200, '1']);
        assert.equal((await read).headers.connection, 'close');
        assert.equal((await write).status, 200, (await write).body);
        assert.equal((await ended).status, 0, (await ended).stderr);
        assert.ok(Date.now() - since < 4000);
        const { rows } = await one.operator.query("SELECT count(*)::int AS n FROM public.people WHERE name = 'finished'");
        assert.equal(rows[0].n, 1);
      } finally {
        for (const s of idle) s.destroy();
        await one.app.stop();
      }
    });

  test('what takes longer than data.stop_timeout is cut off, and the program ends', async () => {
    const one = await startOne(['data.statement_timeout=20s', 'data.stop_timeout=1s'], 'hasty');
    try {
      const slow = request(one.data, { path: '/rpc/doze?seconds=15', token: one.ant.token }).catch((err) => ({ status: 0, err }));
      const write = request(one.data, { method: 'POST', path: '/rpc/snooze_and_add', token: one.bee.token, body: { seconds: 15, name: 'cut' } }).catch((err) => ({ status: 0, err }));
      await sleep(300);
      const since = Date.now();
      const ended = await one.app.kill('SIGINT');
      assert.ok(Date.now() - since < 4000, `${Date.now() - since} ms`);
      assert.equal(ended.status, 0, ended.stderr);
      assert.ok([0, 503].includes((await slow).status));
      assert.ok((await write).status === 0 || (await write).json.code === 'unknown_outcome');
    } finally {
      await one.app.stop();
    }
  });

  test('a second server on a port that is taken says so and ends', async () => {
    for (const [door_, other] of [['data', 'control'], ['control', 'data']]) {
      const { port } = new URL(app[door_]);
      const run = await app.run(['serve', '--set', `${door_}.port=${port}`, '--set', `${other}.port=0`]);
      assert.notEqual(run.status, 0);
      assert.match(run.stderr, new RegExp(port), run.stderr);
      assert.match(run.stderr, /in use|taken/i, run.stderr);
      assert.match(run.stderr, /hint/, run.stderr);
    }
    assert.equal((await door(ant, 'GET', '/people?limit=1')).status, 200, 'the first goes on');
  });

  test('the doors file is gone after the end and right after a start', async () => {
    const server = await serve(app);
    assert.equal((await request(server.data, { path: '/live' })).status, 200);
    const ended = await server.stop();
    assert.equal(ended.status, 0);
    await app.restart();
    assert.equal((await door(ant, 'GET', '/people?limit=1')).status, 200);
  });
});
