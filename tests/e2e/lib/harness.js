// SPDX-License-Identifier: Apache-2.0
//
// Apps under test. startApp() runs `rowhouse dev` on a private PostgreSQL of its own; app.sibling() makes another app
// on the same PostgreSQL (by --server), without doors until its start() is called: cheap enough for one a test.
//
// The binary is $ROWHOUSE_BIN, else build/rowhouse. Whatever is started is ended with the test process.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import pg from 'pg';
import { findPostmaster, isAlive, removeDir, start, tempDir } from './processes.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.resolve(HERE, '../../..');
export const BIN = path.resolve(HERE, '..', process.env.ROWHOUSE_BIN ?? '../../build/rowhouse');
const START_MS = 60000;

/** The environment without what would change rowhouse, psql or libpq. */
function cleanEnv(extra) {
  const env = { ...process.env, ...extra };
  for (const name of Object.keys(env)) if (/^(ROWHOUSE_|PG)/.test(name) && !(extra && name in extra)) delete env[name];
  return env;
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Calls check() until it gives something true, and gives that; fails after ms. */
export async function until(check, { ms = 30000, every = 50, what = 'the condition' } = {}) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what} did not come true in ${ms} ms`);
    await sleep(every);
  }
}

/** Writes {path: text} below dir; a text of null removes the file. */
export function writeFiles(dir, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(dir, name);
    if (text === null) {
      fs.rmSync(file, { force: true });
    } else {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    }
  }
}

/** Runs rowhouse as it is called, without --app and --data. */
export function rowhouse(args, options = {}) {
  return start(BIN, args, { ...options, env: cleanEnv(options.env) }).done;
}

class App {
  #base; // temporary directory, removed by stop()
  #process = null; // of `rowhouse dev`
  #settings;
  #args;
  #env;
  #server; // conninfo of an existing server, or null
  #tokens = new Map();
  #clients = new Set();
  #name = null;
  #hasty = false;

  constructor({ appDir, files = {}, settings = [], args = [], env, server = null }) {
    this.#base = tempDir();
    this.dir = path.join(this.#base, 'app');
    this.state = path.join(this.#base, 'd'); // --data: short, it holds unix sockets
    if (appDir) fs.cpSync(appDir, this.dir, { recursive: true, filter: (from) => path.basename(from) !== '.rowhouse' });
    else fs.mkdirSync(this.dir);
    writeFiles(this.dir, files);
    this.#settings = settings;
    this.#args = args;
    this.#env = env;
    this.#server = server;
    this.data = this.control = null; // addresses of the doors while they are open
  }

  /** The app's name in rowhouse.conf. */
  get name() {
    return (this.#name ??= /^\s*name\s*=\s*(\w+)/m.exec(fs.readFileSync(path.join(this.dir, 'rowhouse.conf'), 'utf8'))[1]);
  }

  /** pid of `rowhouse dev`. */
  get pid() {
    return this.#process?.pid;
  }

  /** What `rowhouse dev` said on stdout and stderr so far. */
  get output() {
    return { stdout: this.#process?.stdout() ?? '', stderr: this.#process?.stderr() ?? '' };
  }

  /** {pid, port, socketDir} of the private server, null when it does not run or there is none. */
  get postmaster() {
    return findPostmaster(this.state);
  }

  /** How others reach this app's PostgreSQL as its admin. */
  get conninfo() {
    if (this.#server) return this.#server;
    const server = this.postmaster;
    if (!server) throw new Error('the private server does not run');
    return `host=${server.socketDir} port=${server.port} user=postgres`;
  }

  write(files) {
    writeFiles(this.dir, files);
  }

  #common() {
    const common = ['--app', this.dir, '--data', this.state, ...this.#settings.flatMap((s) => ['--set', s])];
    return this.#server ? [...common, '--server', this.#server] : common;
  }

  /** Starts a rowhouse command for this app: see start() in processes.js. */
  spawn(args, options = {}) {
    const at = args.indexOf('--');
    const own = at < 0 ? args : args.slice(0, at);
    const rest = at < 0 ? [] : args.slice(at);
    return start(BIN, [...own, ...this.#common(), ...rest], { ...options, env: cleanEnv({ ...this.#env, ...options.env }) });
  }

  /** Runs one to its end: {status, signal, stdout, stderr}. options: input, cwd, env, timeout. */
  run(args, options) {
    return this.spawn(args, options).done;
  }

  /** Runs one that must succeed; gives its stdout. */
  async ok(args, options) {
    const r = await this.run(args, options);
    if (r.status !== 0) throw new Error(`rowhouse ${args.join(' ')} ended with ${r.status ?? r.signal}\n${r.stdout}${r.stderr}`);
    return r.stdout;
  }

  /** psql for the operator (tenant null) or a tenant: unaligned tuples as text, without the last line break. */
  async psql(tenant, sql) {
    const out = await this.ok(['psql', ...(tenant ? [String(tenant)] : []), '--', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql]);
    return out.replace(/\n$/, '');
  }

  /** Runs `rowhouse dev --stay --no-demo` (and the args given to startApp) and waits for the doors. */
  async start() {
    if (isAlive(this.pid)) await this.kill(); // of a test that failed half-way; nobody would end it any more
    const file = path.join(this.state, 'doors.json');
    const settings = ['--set', 'data.port=0', '--set', 'control.port=0'];
    this.#process = this.spawn(['dev', '--stay', '--no-demo', ...settings, ...this.#args], { timeout: Infinity });
    let ended = null;
    this.#process.done.then((r) => (ended = r), (err) => (ended = err));
    const doors = await until(
      () => {
        if (ended) throw new Error(`rowhouse dev ended: ${ended.status ?? ended.signal ?? ended}\n${ended.stdout}${ended.stderr}`);
        try {
          const read = JSON.parse(fs.readFileSync(file, 'utf8'));
          return read.pid === this.#process.pid && read;
        } catch {
          return false;
        }
      },
      { ms: START_MS, every: 30, what: 'doors.json' },
    );
    this.data = doors.data;
    this.control = doors.control;
    if (this.postmaster && !this.#hasty) await this.#makeHasty();
    return this;
  }

  /** The private server no longer waits for the disk: what tests kill are processes, and the machine stays up. */
  async #makeHasty() {
    const admin = await this.sql('admin', { database: 'postgres' });
    for (const setting of ['fsync', 'full_page_writes']) await admin.query(`ALTER SYSTEM SET ${setting} = off`);
    await admin.query('SELECT pg_reload_conf()');
    await admin.end();
    this.#clients.delete(admin);
    this.#hasty = true;
  }

  /** Sends a signal to `rowhouse dev` and waits for its end. */
  async kill(signal = 'SIGKILL') {
    this.#process.kill(signal);
    const ended = await this.#process.done;
    this.data = this.control = null;
    return ended;
  }

  /** Ctrl-C and start again on the same data. */
  async restart() {
    await this.#closeClients();
    if (isAlive(this.pid)) await this.kill('SIGINT');
    return this.start();
  }

  async #closeClients() {
    await Promise.all([...this.#clients].map((c) => c.end().catch(() => {})));
    this.#clients.clear();
  }

  /** Ends everything and removes the files. Gives how `rowhouse dev` ended, null when it did not run. */
  async stop() {
    await this.#closeClients();
    const ended = this.#process && isAlive(this.pid) ? await this.kill('SIGINT') : null;
    const server = this.postmaster;
    if (server) {
      process.kill(server.pid, 'SIGINT');
      await until(() => !isAlive(server.pid), { what: 'the end of the private server' });
    }
    removeDir(this.#base);
    return ended;
  }

  secret(name) {
    return fs.readFileSync(path.join(this.state, name), 'utf8').trim();
  }

  /** A token as `rowhouse tenant token` makes it; asked for once a tenant. */
  async token(tenant) {
    if (!this.#tokens.has(tenant)) this.#tokens.set(tenant, (await this.ok(['tenant', 'token', String(tenant)])).trim());
    return this.#tokens.get(tenant);
  }

  /** A token with any claims, signed with the app's secret or another. */
  sign(claims, { secret = this.secret('jwt_secret'), alg = 'HS256', expires = '1h' } = {}) {
    const jwt = new SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' });
    if (expires) jwt.setExpirationTime(expires);
    return jwt.sign(new TextEncoder().encode(secret));
  }

  /**
   * A request to a door. tenant: whose token to send (or token itself); body: sent as JSON unless it is a string;
   * door: 'data' or 'control' (the operator's token is sent there unless headers or token say otherwise).
   * Gives {status, headers, text, json}.
   */
  async http(method, target, { tenant, token, headers = {}, body, door = 'data' } = {}) {
    const bearer = token ?? (tenant !== undefined ? await this.token(tenant) : door === 'control' ? this.secret('control_token') : null);
    const all = { ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}), ...headers };
    const plain = body === undefined || typeof body === 'string';
    if (!plain && !('Content-Type' in all)) all['Content-Type'] = 'application/json';
    const response = await fetch(this[door] + target, { method, headers: all, body: plain ? body : JSON.stringify(body) });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  /**
   * A connected pg.Client over the unix socket. role: 'server', 'operator' or 'admin' (postgres); tenant: binds the
   * session to that id; database: default the shared homes'. Closed by stop().
   */
  async sql(role = 'operator', { tenant, database = this.name } = {}) {
    const info = Object.fromEntries(this.conninfo.split(' ').map((pair) => pair.split('=')));
    const client = new pg.Client({
      host: info.host,
      port: Number(info.port),
      database,
      user: role === 'admin' ? 'postgres' : `${this.name}_${role}`,
      password: role === 'admin' ? undefined : this.secret(`${role}_password`),
    });
    client.on('error', () => {}); // tests end backends; the next query says so
    await client.connect();
    this.#clients.add(client);
    if (tenant !== undefined) await client.query("SELECT set_config('rowhouse.tenant', $1, false)", [String(tenant)]);
    return client;
  }

  /** The catalog database's name. */
  get catalog() {
    return `${this.name}_catalog`;
  }

  /** Another app on the same PostgreSQL. Its name in rowhouse.conf must be its own. Not started. */
  sibling(options) {
    return new App({ ...options, server: this.conninfo });
  }
}

/** A second server of a running app: {data, stop()}. */
export async function secondServer(app) {
  const state = tempDir();
  for (const name of ['rowhouse.state', 'server_password', 'operator_password', 'jwt_secret', 'control_token'])
    if (fs.existsSync(path.join(app.state, name))) fs.copyFileSync(path.join(app.state, name), path.join(state, name));
  const server = start(BIN, ['serve', '--app', app.dir, '--data', state, '--server', app.conninfo, '--set', 'data.port=0', '--set', 'control.port=0'], { timeout: Infinity });
  const doors = path.join(state, 'doors.json');
  await until(() => fs.existsSync(doors), { what: 'doors.json of the second server' });
  return {
    data: JSON.parse(fs.readFileSync(doors)).data,
    async stop() {
      server.kill('SIGINT');
      await server.done;
      removeDir(state);
    },
  };
}

/** An app that is not started: run() works, on a private server that every command starts and stops. */
export function prepareApp(options) {
  return new App(options);
}

/** {appDir} is copied, or {files: {path: text}} written. settings: 'section.name=value'; args: more for `dev`. */
export async function startApp(options) {
  const app = new App(options);
  await app.start();
  return app;
}
