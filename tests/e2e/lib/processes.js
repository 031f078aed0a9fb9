// SPDX-License-Identifier: Apache-2.0
//
// Everything that a test starts is ended by its pid when the test process ends, however it ends: the rowhouse
// processes, the private PostgreSQL servers below our data directories, and the directories themselves.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const children = new Set(); // of spawn(), still running
const dirs = new Set(); // made by tempDir(), not yet removed

/** A new directory that the user of a private server can pass through, also when the tests run as root. */
export function tempDir() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rh-'));
  fs.chmodSync(dir, 0o755);
  dirs.add(dir);
  return dir;
}

export function removeDir(dir) {
  dirs.delete(dir);
  fs.rmSync(dir, { recursive: true, force: true });
}

/** True while the process runs; one that ended and waits for its parent does not. */
export function isAlive(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !'ZX'.includes(stat[stat.lastIndexOf(')') + 2]);
  } catch {
    return false;
  }
}

/** The private server of a data directory: {pid, port, socketDir}, or null when none runs. */
export function findPostmaster(data) {
  const cluster = path.join(data, 'server', 'data');
  try {
    const lines = fs.readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    if (!isAlive(pid) || fs.readlinkSync(`/proc/${pid}/cwd`) !== fs.realpathSync(cluster)) return null;
    return { pid, port: Number(lines[3]), socketDir: lines[4] };
  } catch {
    return null;
  }
}

/** Starts a program. {pid, child, stdout(), stderr(), kill(signal), done: Promise of {status, signal, stdout, stderr}} */
export function start(file, args, { cwd, env, uid, gid, input, timeout = 60000 } = {}) {
  const child = spawn(file, args, { cwd, env, uid, gid, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  children.add(child);
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.stdin.on('error', () => {}); // the program may end without reading
  if (input !== null) child.stdin.end(input ?? ''); // null: stdin stays open, the caller writes
  const done = new Promise((resolve, reject) => {
    const expire = () => {
      child.kill('SIGKILL');
      reject(new Error(`${path.basename(file)} ${args.join(' ')} did not end in ${timeout} ms\n${stdout}${stderr}`));
    };
    const timer = timeout === Infinity ? undefined : setTimeout(expire, timeout);
    child.on('error', (err) => {
      clearTimeout(timer);
      children.delete(child);
      reject(err);
    });
    child.on('exit', () => children.delete(child));
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stdout, stderr });
    });
  });
  done.catch(() => {}); // whoever awaits it still sees the failure
  return { pid: child.pid, child, done, stdout: () => stdout, stderr: () => stderr, kill: (signal) => child.kill(signal) };
}

function killAll() {
  for (const child of children) child.kill('SIGKILL');
  for (const dir of dirs) {
    for (const name of ['.', ...fs.readdirSync(dir)]) {
      const server = findPostmaster(path.join(dir, name));
      if (!server) continue;
      process.kill(server.pid, 'SIGQUIT'); // immediate: the data is thrown away
      const until = Date.now() + 5000;
      while (isAlive(server.pid) && Date.now() < until) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
    removeDir(dir);
  }
}

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
