// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeApp } from './lib/apps.js';
import { prepareApp, rowhouse, startApp, until } from './lib/harness.js';
import { isAlive, start, tempDir } from './lib/processes.js';

let app;

before(async () => {
  app = await startApp({ files: makeApp() });
});
after(() => app?.stop());

/** pids of processes whose working directory is at or below dir, or whose command line names it. */
function processesOf(dir) {
  return fs.readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || !isAlive(pid)) return false;
    try {
      return fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(dir) || fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

async function takePort() {
  const server = net.createServer().unref();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, free: () => new Promise((resolve) => server.close(resolve)) };
}

test('the summary says what runs where and how to connect', async () => {
  await until(() => app.output.stdout.includes('Ctrl-C ends everything'), { what: 'the end of the summary' });
  const { stdout, stderr } = app.output;
  assert.match(stdout, /tiny is running with 0 tenants/);
  assert.match(stdout, new RegExp(`PostgreSQL +private, version \\d+\\.\\d+, data in ${app.state}/server/data`));
  assert.match(stdout, /databases +tiny \(shared homes\), tiny_catalog \(catalog\)/);
  assert.ok(stdout.includes(`data door     ${app.data}\n`), stdout);
  assert.ok(stdout.includes(`control door  ${app.control}, token in ${app.state}/control_token\n`), stdout);
  for (const hint of ['rowhouse psql', 'rowhouse tenant token', 'rowhouse tenant list']) assert.ok(stdout.includes(hint), hint);
  assert.match(stderr, /making a PostgreSQL .* data directory.*\nstarting PostgreSQL/);
  assert.equal((await app.http('GET', '/live')).status, 200);
  await until(async () => (await app.http('GET', '/ready')).status === 200, { what: '/ready' }); // the first connection may still be on its way
});

test('the commands of the summary work as printed', async () => {
  const { stdout } = app.output;
  await app.ok(['tenant', 'create', 'shown']);
  const commands = [...stdout.matchAll(/^ {2}(.+?) {2,}(\S*rowhouse .*|curl .*)$/gm)].map((m) => [m[1], m[2].replace('TENANT', 'shown')]);
  const answers = { 'psql as the operator': /42/, 'psql as one tenant': /42/, 'a token for a tenant': /^ey/, 'all tenants': /shown/, 'the same over HTTP': /"shown"/ };
  assert.deepEqual(commands.map(([what]) => what), Object.keys(answers), stdout);
  for (const [what, command] of commands) {
    const r = await start('sh', ['-c', command], { input: 'SELECT 42;\n' }).done;
    assert.equal(r.status, 0, `${command}\n${r.stderr}`);
    assert.match(r.stdout, answers[what], command);
  }
});

test('secrets are for the owner\'s eyes', () => {
  for (const name of ['server_password', 'operator_password', 'jwt_secret', 'control_token']) {
    assert.equal(fs.statSync(path.join(app.state, name)).mode & 0o777, 0o600, name);
    assert.ok(app.secret(name).length >= 32, name);
  }
});

test('a second dev for the same app is possible on other ports and leaves the first alone', async () => {
  const other = app.spawn(['dev', '--once', '--no-demo', '--set', 'data.port=0', '--set', 'control.port=0']);
  const r = await other.done;
  assert.equal(r.status, 0, r.stderr);
  assert.equal((await app.http('GET', '/ready')).status, 200);
});

test('a port that is taken is an error that names it', async () => {
  const taken = await takePort();
  for (const setting of ['data.port', 'control.port']) {
    const free = setting === 'data.port' ? 'control.port' : 'data.port';
    const r = await app.run(['dev', '--once', '--no-demo', '--set', `${setting}=${taken.port}`, '--set', `${free}=0`]);
    assert.equal(r.status, 1, r.stderr);
    assert.match(r.stderr, new RegExp(`rowhouse: .*${taken.port}.*in use`), setting);
    assert.match(r.stderr, /hint: Another program listens there\./, setting);
  }
  await taken.free();
  assert.equal((await app.http('GET', '/ready')).status, 200);
});

test('kill -9 of rowhouse, then dev again: the same PostgreSQL goes on, data and secrets are there', async () => {
  await app.ok(['tenant', 'create', 'acme']);
  assert.equal((await app.http('POST', '/notes', { tenant: 'acme', body: { title: 'kept' } })).status, 201);
  const token = await app.token('acme');
  const server = app.postmaster.pid;
  await app.kill('SIGKILL');
  assert.equal(app.postmaster.pid, server);
  await app.start();
  assert.equal(app.postmaster.pid, server);
  assert.doesNotMatch(app.output.stderr, /starting PostgreSQL/);
  assert.deepEqual((await app.http('GET', '/notes?select=title', { token })).json, [{ title: 'kept' }]);
});

test('kill -9 of PostgreSQL as well: what was answered is there', async () => {
  const written = [];
  for (let i = 0; i < 5; i++) {
    const r = await app.http('POST', '/notes', { tenant: 'acme', body: { title: `n${i}` } });
    if (r.status === 201) written.push(`n${i}`);
  }
  assert.equal(written.length, 5);
  process.kill(app.postmaster.pid, 'SIGKILL');
  await app.kill('SIGKILL');
  // its children notice within moments; a new server waits for them
  await until(() => processesOf(path.join(app.state, 'server')).length === 0, { what: 'the end of PostgreSQL\'s children' });
  await app.start();
  const { json } = await app.http('GET', '/notes?select=title&title=like.n*&order=title', { tenant: 'acme' });
  assert.deepEqual(json.map((r) => r.title), written);
});

test('Ctrl-C ends everything, with requests and connections open', async () => {
  const server = app.postmaster.pid;
  const idle = net.connect(Number(new URL(app.data).port), '127.0.0.1');
  idle.on('error', () => {});
  await new Promise((resolve) => idle.on('connect', resolve));
  const ended = await app.kill('SIGINT');
  assert.equal(ended.status, 0, ended.stderr);
  assert.match(ended.stderr, /stopping PostgreSQL/);
  assert.equal(isAlive(server), false);
  assert.equal(app.postmaster, null);
  assert.deepEqual(processesOf(path.dirname(app.state)), []);
  assert.equal(fs.existsSync(path.join(app.state, 'doors.json')), false);
  idle.destroy();
});

test('started again it keeps the data, and SIGTERM ends it as Ctrl-C does', async () => {
  await app.start();
  await until(() => app.output.stdout.includes('tiny is running with 2 tenants'), { what: 'the summary' });
  assert.match(app.output.stderr, /migrated: catalog 0001, reference 0001, tenant 0001/);
  const ended = await app.kill('SIGTERM');
  assert.equal(ended.status, 0, ended.stderr);
  assert.deepEqual(processesOf(path.dirname(app.state)), []);
});

test('commands of a stopped app start PostgreSQL for their own time', async () => {
  assert.equal(app.postmaster, null);
  const r = await app.run(['tenant', 'list']);
  assert.equal(r.status, 0);
  assert.match(r.stdout, /acme/);
  assert.match(r.stderr, /starting PostgreSQL/);
  assert.equal(app.postmaster, null);
});

test('--once, or no terminal, ends by itself', async () => {
  for (const args of [['--once'], []]) {
    const r = await app.run(['dev', '--no-demo', '--set', 'data.port=0', '--set', 'control.port=0', ...args]);
    assert.equal(r.status, 0, r.stderr);
    assert.match(r.stdout, /tiny is running with 2 tenants/);
    assert.doesNotMatch(r.stdout, /Ctrl-C/);
    assert.equal(app.postmaster, null);
  }
});

test('--server uses an existing server; nothing else changes', async () => {
  await app.start();
  const other = app.sibling({ files: makeApp({ name: 'guest' }) });
  await other.start();
  await until(() => /PostgreSQL +the server of server\.conninfo/.test(other.output.stdout), { what: 'the summary' });
  assert.equal(fs.existsSync(path.join(other.state, 'server')), false);
  await other.ok(['tenant', 'create', 'acme', '--name', 'Guest of the house']);
  assert.deepEqual((await other.http('GET', '/clients?select=name', { tenant: 'acme' })).json, [{ name: 'Guest of the house' }]);
  // the same slug there is another tenant: tokens of one app are nothing to the other
  assert.equal((await app.http('GET', '/clients', { token: await other.token('acme') })).status, 401);
  const ended = await other.kill('SIGINT');
  assert.equal(ended.status, 0, ended.stderr);
  assert.doesNotMatch(ended.stderr, /stopping PostgreSQL/);
  assert.equal((await app.http('GET', '/ready')).status, 200);
  await other.stop();
});

test('an app that takes over the name of another on the same server is refused', async () => {
  const admin = await app.sql('admin', { database: 'postgres' });
  await admin.query('CREATE ROLE foreign_owner');
  await admin.query('CREATE DATABASE somebodys');
  const byRole = app.sibling({ files: makeApp({ name: 'foreign' }) });
  const first = await byRole.run(['migrate']);
  assert.equal(first.status, 3, first.stderr);
  assert.match(first.stderr, /role foreign_owner exists and is not this app's/);
  assert.match(first.stderr, /hint: Give the app another name in rowhouse\.conf, or drop the role\./);
  const byDatabase = app.sibling({ files: makeApp({ name: 'somebodys' }) });
  const second = await byDatabase.run(['migrate']);
  assert.equal(second.status, 3, second.stderr);
  assert.match(second.stderr, /database somebodys exists and belongs to postgres/);
});

test('a role of ours that was given more than it may have is refused', async () => {
  const admin = await app.sql('admin', { database: 'postgres' });
  for (const [give, take, said] of [
    ['ALTER ROLE tiny_server SUPERUSER', 'ALTER ROLE tiny_server NOSUPERUSER', /role tiny_server is a superuser/],
    ['ALTER ROLE tiny_server BYPASSRLS', 'ALTER ROLE tiny_server NOBYPASSRLS', /role tiny_server bypasses row security/],
    ['GRANT tiny_operator TO tiny_server', 'REVOKE tiny_operator FROM tiny_server', /role tiny_server is a member of another role/],
  ]) {
    await admin.query(give);
    const r = await app.run(['migrate']);
    await admin.query(take);
    assert.equal(r.status, 3, r.stderr);
    assert.match(r.stderr, said);
    assert.match(r.stderr, /hint: /);
  }
  await app.ok(['migrate']);
});

test('errors of settings and places have hints', async () => {
  const empty = tempDir();
  const data = path.join(empty, 'd');
  const bad = (conf) => prepareApp({ files: { ...makeApp(), 'rowhouse.conf': conf } });
  const good = makeApp()['rowhouse.conf'];
  const foreign = path.join(empty, 'foreign');
  fs.mkdirSync(foreign);
  fs.writeFileSync(path.join(foreign, 'letter.txt'), 'dear');
  const cases = [
    ['no such app', () => rowhouse(['dev', path.join(empty, 'nowhere'), '--data', data]), 2, /nowhere/],
    ['no conf', () => rowhouse(['dev', empty, '--data', data]), 2, /rowhouse\.conf/],
    ['unknown setting', () => bad(good + 'colour = red\n').run(['dev']), 2, /rowhouse\.conf:6: .*colour/],
    ['unknown section', () => bad(good + '[nonsense]\nx = 1\n').run(['dev']), 2, /rowhouse\.conf:\d: .*nonsense/],
    ['bad value', () => bad(good + '[data]\nport = many\n').run(['dev']), 2, /rowhouse\.conf:7: .*many/],
    ['bad id type', () => bad(good.replace('bigint', 'text')).run(['dev']), 2, /app\.id_type "text" is neither bigint nor uuid/],
    ['bad name', () => bad(good.replace('tiny', 'Tiny App')).run(['dev']), 2, /Tiny App/],
    ['bad --set', () => app.run(['dev', '--set', 'data.prot=1']), 2, /data\.prot/],
    ['short secret', () => app.run(['dev', '--once', '--no-demo', '--set', 'auth.secret=short']), 2, /auth\.secret/],
    ['no server', () => app.run(['migrate', '--server', 'host=/nowhere user=postgres']), 1, /cannot connect to the PostgreSQL server/],
    ['bad conninfo', () => app.run(['migrate', '--server', 'hots=x password=seen']), 1, /the connection string was not understood(?!.*seen)/s],
    ['no PostgreSQL there', () => prepareApp({ files: makeApp() }).run(['migrate', '--set', 'server.bin=/nowhere']), 2, /\/nowhere does not hold PostgreSQL's programs/],
    ['the data directory of a server', () => rowhouse(['migrate', '--app', app.dir, '--data', path.join(app.state, 'server', 'data')]), 2, /it is the data directory of a PostgreSQL server/],
    ['a directory of somebody else\'s', () => rowhouse(['migrate', '--app', app.dir, '--data', foreign]), 2, /foreign is not empty and not a directory of rowhouse/],
  ];
  const wrong = [];
  for (const [what, run, status, said] of cases) {
    const r = await run();
    const hinted = /\n {2}hint: \S.*\.\n/.test(r.stderr) || / is neither | is not a /.test(r.stderr); // which says it all
    const fine = said.test(r.stderr) && hinted && r.status === status && r.stdout === '';
    if (!fine) wrong.push(`${what}: expected ${status} and ${said}, got ${r.status}\n${r.stdout}${r.stderr}`);
  }
  assert.equal(wrong.join('\n'), '');
});

test('what is not understood on the command line is said with the usage', async () => {
  for (const [args, said] of [
    [['frobnicate'], /there is no command "frobnicate"/],
    [['dev', '--forever'], /there is no option --forever/],
    [['dev', 'a', 'b'], /the arguments do not fit/],
    [['dev', '--set'], /a value is missing for --set/],
    [['dev', '--once=1'], /no value goes with --once=1/],
    [['load'], /an argument is missing/],
    [['tenant', 'marry'], /./],
  ]) {
    const r = args[0] === 'tenant' ? await app.run(args) : await rowhouse(args);
    assert.equal(r.status, 2, args.join(' '));
    assert.match(r.stderr, said);
    assert.match(r.stderr, /hint: /);
  }
  for (const args of [['help'], ['--help'], ['help', 'dev'], ['dev', '--help'], ['help', 'settings'], ['version'], ['--version']]) {
    const r = await rowhouse(args);
    assert.equal(r.status, 0, args.join(' '));
    assert.notEqual(r.stdout, '');
    assert.equal(r.stderr, '');
  }
});
