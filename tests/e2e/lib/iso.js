// SPDX-License-Identifier: Apache-2.0
//
// What the tests of isolation and of bad input share: an app that offers many ways to reach for other tenants' rows,
// requests whose every byte is kept, bare sockets, and a watchman that reads each answer for what it must not hold.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { until } from './harness.js';

const BIG = { type: 'bigint', id: 'bigserial' };
const UUID = { type: 'uuid', id: 'uuid DEFAULT gen_random_uuid()' };

/**
 * An app with the key `org` and the root `orgs`. Its functions have no predicate of their own. Where they give rows of
 * a tenant table, the door adds it; head_count, names and digest give none, so that there the policies alone keep
 * tenants apart.
 */
export function isoApp({ name = 'iso', idType = 'bigint' } = {}) {
  const k = idType === 'uuid' ? UUID : BIG;
  return {
    'rowhouse.conf': `[app]\nname = ${name}\ntenant_key = org\nroot = orgs\nid_type = ${idType}\n`,
    'reference/0001_cities.sql': `CREATE TABLE cities (
  name text PRIMARY KEY,
  spot point
);
INSERT INTO cities VALUES ('Graz', '(47.07,15.43)'), ('Wien', '(48.2,16.37)');
`,
    'tenant/0001_world.sql': `CREATE TABLE orgs (
  id ${k.type} PRIMARY KEY,
  name text NOT NULL,
  motto text
);

CREATE TABLE people (
  org ${k.type} NOT NULL REFERENCES orgs (id),
  id ${k.id},
  name text NOT NULL,
  email text,
  age integer CHECK (age BETWEEN 0 AND 200),
  salary numeric(30,4),
  address inet,
  tags text[],
  extra jsonb,
  born date,
  city text REFERENCES cities (name),
  PRIMARY KEY (org, id),
  UNIQUE (org, email)
);

CREATE TABLE posts (
  org ${k.type} NOT NULL,
  id ${k.id},
  author ${k.type} NOT NULL,
  title text NOT NULL,
  body text,
  meta jsonb,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, author) REFERENCES people (org, id) ON DELETE CASCADE
);
CREATE INDEX posts_author ON posts (org, author);

CREATE VIEW people_by_age WITH (security_invoker) AS
SELECT org, id, name, age, rank() OVER (ORDER BY age DESC NULLS LAST) AS rank, count(*) OVER () AS n FROM people;

CREATE VIEW post_list WITH (security_invoker) AS
SELECT o.org, o.id, o.title, p.name AS author FROM posts o JOIN people p ON p.id = o.author AND p.org = o.org;
`,
    'tenant/0002_functions.sql': `CREATE FUNCTION whoami() RETURNS ${k.type} LANGUAGE sql STABLE
RETURN rowhouse.tenant_id();

CREATE FUNCTION backend() RETURNS integer LANGUAGE sql STABLE
RETURN pg_backend_pid();

CREATE FUNCTION everybody() RETURNS SETOF people LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT * FROM people ORDER BY id;
END;

CREATE FUNCTION everybody_by_plan() RETURNS SETOF people LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY SELECT * FROM people;
END $$;

CREATE FUNCTION everybody_of_owner() RETURNS SETOF people LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, reference, pg_temp
BEGIN ATOMIC
  SELECT * FROM people;
END;

CREATE FUNCTION head_count() RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT count(*) FROM people;
END;

CREATE FUNCTION names() RETURNS TABLE (name text, motto text) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT p.name, o.motto FROM people p JOIN orgs o ON o.id = p.org;
END;

CREATE FUNCTION digest(needle text DEFAULT '%') RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT jsonb_agg(to_jsonb(p) || jsonb_build_object('posts', (SELECT jsonb_agg(to_jsonb(o)) FROM posts o WHERE o.author = p.id)))
  FROM people p WHERE p.name ILIKE needle;
END;

CREATE FUNCTION find_people(needle text) RETURNS SETOF people LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT * FROM people WHERE name ILIKE needle OR email ILIKE needle OR extra::text ILIKE needle;
END;

CREATE FUNCTION add_person(name text, email text) RETURNS SETOF people LANGUAGE sql ROWS 1
BEGIN ATOMIC
  INSERT INTO people (name, email) VALUES (name, email) RETURNING *;
END;

CREATE FUNCTION grow_older() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  UPDATE people SET age = age + 1 WHERE age < 150;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;

CREATE FUNCTION snooze(seconds double precision) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(seconds);
  RETURN 1;
END $$;

CREATE FUNCTION doze(seconds double precision) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM pg_sleep(seconds);
  RETURN 1;
END $$;

CREATE FUNCTION snooze_and_add(seconds double precision, name text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO people (name) VALUES (snooze_and_add.name);
  PERFORM pg_sleep(seconds);
  RETURN 1;
END $$;

CREATE FUNCTION blow(message text, state text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = message, ERRCODE = state;
END $$;

-- What a malicious function does: the setting would outlive its request. Written so that the check after a migration,
-- which refuses functions that name the setting, does not see it.
CREATE FUNCTION leave_behind(other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  got text;
BEGIN
  EXECUTE 'SELECT set_' || 'config(''rowhouse.'' || ''tenant'', $1, false)' INTO got USING other;
  RETURN got;
END $$;
`,
    'tenant/on_create.sql': `INSERT INTO orgs (id, name, motto) VALUES (:id, :name, :name || ' motto');
`,
  };
}

/** Makes a tenant; gives {id, slug, name, token}. */
export async function addTenant(app, slug, { id, name = slug } = {}) {
  const made = await app.ok(['tenant', 'create', slug, '--name', name, ...(id ? ['--id', String(id)] : [])]);
  return { id: made.trim(), slug, name, token: await app.token(slug) };
}

/**
 * One request, by node:http(s), with the path as it is given (fetch would clean it). Gives {status, headers, head,
 * body, json}: head holds the status line and the headers, and head + body every byte that came.
 */
export function request(address, { method = 'GET', path: target = '/', token, headers = {}, body, agent = false, ca, timeout = 30000 } = {}) {
  const url = new URL(address);
  const json = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const payload = json ? JSON.stringify(body) : body;
  const all = {
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(json ? { 'Content-Type': 'application/json' } : {}),
    ...(payload !== undefined ? { 'Content-Length': Buffer.byteLength(payload) } : {}),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const req = (url.protocol === 'https:' ? https : http).request(
      { host: url.hostname, port: url.port, method, path: target, headers: all, agent, ca, timeout },
      (res) => {
        const parts = [];
        res.on('data', (part) => parts.push(part));
        res.on('error', reject);
        res.on('end', () => resolve(answerOf(res, Buffer.concat(parts).toString('utf8'))));
      },
    );
    req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${target.slice(0, 200)} in ${timeout} ms`)));
    req.on('error', reject);
    req.end(payload);
  });
}

function answerOf(res, body) {
  let head = `${res.statusCode} ${res.statusMessage}\n`;
  for (let i = 0; i < res.rawHeaders.length; i += 2) head += `${res.rawHeaders[i]}: ${res.rawHeaders[i + 1]}\n`;
  let json;
  try {
    json = JSON.parse(body);
  } catch {
    json = undefined;
  }
  return { status: res.statusCode, headers: res.headers, head, body, json };
}

/**
 * Sends bytes over a bare socket and reads until the other side closes, `enough(text)` is true, or `ms` have passed.
 * bytes: a text, or an array of texts and numbers, where a number is a pause in ms. Gives {text, closed, ms, status}:
 * status is of the first answer, 0 when none came.
 */
export function exchange(address, bytes, { ms = 5000, enough } = {}) {
  const url = new URL(address);
  const began = Date.now();
  return new Promise((resolve) => {
    const socket = net.connect(Number(url.port), url.hostname);
    let text = '';
    let over = false;
    const end = (closed) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
      resolve({ text, closed, ms: Date.now() - began, status });
    };
    const timer = setTimeout(() => end(false), ms);
    socket.setEncoding('latin1');
    socket.on('data', (part) => {
      text += part;
      if (enough?.(text)) end(false);
    });
    socket.on('end', () => end(true));
    socket.on('close', () => end(true));
    socket.on('error', () => end(true));
    socket.on('connect', async () => {
      for (const part of Array.isArray(bytes) ? bytes : [bytes]) {
        if (over) return;
        if (typeof part === 'number') await new Promise((r) => setTimeout(r, part));
        else socket.write(part, 'latin1');
      }
    });
  });
}

/**
 * Knows texts that belong to one tenant only (its canaries) and reads what others get for them. A text that stood in
 * the request may come back in the answer: it tells nothing.
 */
export class Watchman {
  #canaries = []; // {tenant, text}
  read = 0;

  add(tenant, ...texts) {
    for (const text of texts) this.#canaries.push({ tenant: String(tenant), text: String(text) });
  }

  /** The foreign canaries in `text`: an array, empty when all is well. */
  find(tenant, text, asked = '') {
    this.read++;
    return this.#canaries.filter((c) => c.tenant !== String(tenant) && text.includes(c.text) && !asked.includes(c.text));
  }

  /** Throws when an answer to `tenant` holds a foreign canary. */
  check(tenant, answer, asked = '') {
    const found = this.find(tenant, answer.head + answer.body, asked);
    if (found.length)
      throw new Error(
        `tenant ${tenant} got "${found[0].text}" of tenant ${found[0].tenant}\nasked: ${asked}\nanswer: ${answer.head}${answer.body.slice(0, 2000)}`,
      );
    return answer;
  }
}

/** A small generator of numbers with a seed, so that a failure can be seen again. */
export function random(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (n) => Math.floor(next() * n);
  return { next, int, pick: (list) => list[int(list.length)], chance: (p) => next() < p };
}

/** Runs jobs (functions that give promises), at most `width` at the same time; gives their results in order. */
export async function inParallel(jobs, width) {
  const results = new Array(jobs.length);
  let at = 0;
  const worker = async () => {
    while (at < jobs.length) {
      const i = at++;
      results[i] = await jobs[i]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, worker));
  return results;
}

/** Stops an app that a test file has used to the end: it must have lived so long, and end well. */
export async function stopWell(app) {
  const ended = await app?.stop();
  if (app && ended?.status !== 0) throw new Error(`rowhouse ended with ${ended?.status ?? ended?.signal ?? 'an early death'}\n${app.output.stderr.slice(-6000)}`);
}

/**
 * A second server for the app's tenants: `rowhouse serve` with more settings (the app's own come after and win), on
 * ports of its own. Gives {data, control, stop()}. The address of app itself stays what it was.
 */
export async function serve(app, settings = []) {
  const all = ['data.port=0', 'control.port=0', ...settings].flatMap((s) => ['--set', s]);
  const server = app.spawn(['serve', ...all], { timeout: Infinity });
  const doors = await until(
    () => {
      try {
        const read = JSON.parse(fs.readFileSync(path.join(app.state, 'doors.json'), 'utf8'));
        return read.pid === server.pid && read;
      } catch {
        return false;
      }
    },
    { ms: 60000, what: `the doors of serve (${server.stderr()})` },
  );
  return {
    ...doors,
    stop: () => {
      server.kill('SIGINT');
      return server.done;
    },
  };
}
