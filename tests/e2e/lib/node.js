// SPDX-License-Identifier: Apache-2.0
//
// Bare PostgreSQL servers, for `rowhouse node add`: on a port of 127.0.0.1, with a password, ended with the test process.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { until } from './harness.js';
import { findPostmaster, isAlive, removeDir, start, tempDir } from './processes.js';

const BIN = execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim();

/** PostgreSQL's programs refuse to run as root. */
function account() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export class Node {
  #base = tempDir(); // as a private server's data directory, so that processes.js ends what runs there
  #account = account();

  constructor(password) {
    this.password = password;
    this.data = path.join(this.#base, 'server', 'data');
  }

  /** How the admin reaches it, without the password. */
  get conninfo() {
    return `host=127.0.0.1 port=${this.port} user=postgres connect_timeout=2`;
  }

  /** One query as the admin, on a connection of its own. */
  async sql(text, database = 'postgres', values = undefined) {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: 'postgres', password: this.password, database });
    await client.connect();
    try {
      return await client.query(text, values);
    } finally {
      await client.end();
    }
  }

  get pid() {
    return findPostmaster(this.#base)?.pid;
  }

  async #program(name, args) {
    const r = await start(path.join(BIN, name), args, { ...this.#account, cwd: this.#base, env: { ...process.env, LC_ALL: 'C.UTF-8' } }).done;
    if (r.status !== 0) throw new Error(`${name} ended with ${r.status}\n${r.stdout}${r.stderr}`);
  }

  async create() {
    fs.mkdirSync(path.dirname(this.data), { recursive: true });
    if (this.#account.uid) for (const d of [this.#base, path.dirname(this.data)]) fs.chownSync(d, this.#account.uid, this.#account.gid);
    const file = path.join(this.#base, 'pw');
    fs.writeFileSync(file, this.password);
    if (this.#account.uid) fs.chownSync(file, this.#account.uid, this.#account.gid);
    await this.#program('initdb', ['-D', this.data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', file, '-N', '-E', 'UTF8', '--locale=C']);
    this.port = await freePort();
    return this.start();
  }

  async start() {
    const settings = [`port=${this.port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${this.#base}`, 'fsync=off', 'max_connections=60'];
    await this.#program('pg_ctl', ['-D', this.data, '-w', '-s', '-l', path.join(this.#base, 'log'), '-o', settings.map((s) => `-c ${s}`).join(' '), 'start']);
    return this;
  }

  /** What the server's log holds. */
  get log() {
    return fs.readFileSync(path.join(this.#base, 'log'), 'utf8');
  }

  /** kill -9 of the whole server, as a machine that loses power. */
  async crash() {
    const { pid } = this;
    const all = [pid, ...this.#backends(pid)]; // the postmaster first: it would start backends anew
    for (const p of all) this.#signal(p, 'SIGKILL');
    await until(() => !all.some(isAlive), { what: 'the end of the server' });
    // they name a process that is in the way until somebody reaps it
    for (const file of [path.join(this.data, 'postmaster.pid'), path.join(this.#base, `.s.PGSQL.${this.port}.lock`)]) fs.rmSync(file, { force: true });
  }

  #backends(pid) {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  }

  /** Answers nobody any more, or again, as a machine that hangs. */
  freeze(on) {
    const { pid } = this;
    for (const p of [pid, ...this.#backends(pid)]) this.#signal(p, on ? 'SIGSTOP' : 'SIGCONT');
  }

  #signal(pid, signal) {
    try {
      process.kill(pid, signal);
    } catch {} // a backend that has just ended
  }

  async stop() {
    const { pid } = this;
    if (pid) {
      this.freeze(false);
      process.kill(pid, 'SIGQUIT');
      await until(() => !isAlive(pid), { what: 'the end of the server' });
    }
    removeDir(this.#base);
  }
}

export function startNode(password) {
  return new Node(password).create();
}
