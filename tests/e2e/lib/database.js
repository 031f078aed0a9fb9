// SPDX-License-Identifier: Apache-2.0
//
// A database that Rowhouse did not make, and `rowhouse serve --adopt` of it.
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BIN, until } from './harness.js';
import { Node } from './node.js';
import { start, tempDir, removeDir } from './processes.js';

export const SECRET = 'reallyreallyreallyreallyverysafe';

/** A token as jwt.io makes it: nothing but what is said. */
export function sign(payload, secret = SECRET) {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Environment without what would change rowhouse or libpq. */
function cleanEnv(extra = {}) {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ROWHOUSE_|PG)/.test(name))), ...extra };
}

class Serving {
  #process;
  #base = tempDir();

  get stdout() { return this.#process.stdout(); }
  get stderr() { return this.#process.stderr(); }
  get dir() { return this.#base; }

  /** conf: the text of a postgrest.conf; or source: what --adopt gets. */
  async start({ conf, source, args = [], env }) {
    const file = path.join(this.#base, 'postgrest.conf');
    if (conf) fs.writeFileSync(file, conf);
    const all = ['serve', ...(source === null ? [] : ['--adopt', source ?? file]), '--data', this.#base, '--set', 'data.port=0', ...args];
    this.#process = start(BIN, all, { env: cleanEnv(env), cwd: this.#base, timeout: Infinity });
    let ended = null;
    this.#process.done.then((r) => (ended = r));
    const doors = await until(() => {
      if (ended) throw new Error(`rowhouse serve ended: ${ended.status ?? ended.signal}\n${ended.stdout}${ended.stderr}`);
      try {
        return JSON.parse(fs.readFileSync(path.join(this.#base, 'doors.json'), 'utf8'));
      } catch {
        return false;
      }
    }, { what: 'doors.json', every: 30 });
    this.url = doors.data;
    return this;
  }

  /** {status, headers, body}; options: token, json (a body), headers, method. */
  async ask(target, { token, json, headers = {}, method } = {}) {
    const r = await fetch(this.url + target, {
      method: method ?? (json === undefined ? 'GET' : 'POST'),
      headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(json !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
    const text = await r.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch { /* no JSON */ }
    return { status: r.status, headers: r.headers, body };
  }

  rewrite(conf) { fs.writeFileSync(path.join(this.#base, 'postgrest.conf'), conf); }
  signal(name) { this.#process.kill(name); }

  async stop() {
    this.#process?.kill('SIGTERM');
    const ended = await this.#process?.done;
    removeDir(this.#base);
    return ended;
  }
}

/** A PostgreSQL server for a test file. */
export async function makeServer() {
  const node = new Node('a password of the admin');
  await node.create();
  return node;
}

/** Serves until the test is over. */
export async function serve(t, options) {
  const s = new Serving();
  t.after(() => s.stop());
  return s.start(options);
}
