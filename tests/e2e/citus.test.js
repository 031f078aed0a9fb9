// SPDX-License-Identifier: Apache-2.0
//
// apps/ads on a Citus cluster: the tutorial of multi-tenant Citus, the questions of its lab, requests that go straight to the
// worker that has the company, shards that move while they come. Needs a Citus coordinator with two workers or more:
//   ROWHOUSE_TEST_CITUS='host=127.0.0.1 port=9700 user=postgres dbname=postgres'
// names it (key=value pairs; the admin is let in without a password, on the workers too). docs/citus.md says how one is set up.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { prepareApp, ROOT, sleep, until } from './lib/harness.js';

const CITUS = process.env.ROWHOUSE_TEST_CITUS;
const NEEDS = CITUS ? false : 'needs ROWHOUSE_TEST_CITUS';
const NAME = 'adsc'; // of the app: its roles and databases are removed before and after
const COMPANIES = [3, 5, 7, 11];

function infoOf(conninfo) {
  return Object.fromEntries(conninfo.split(' ').map((pair) => pair.split('=')));
}

async function connect({ host, port, database, user, password }) {
  const client = new pg.Client({ host, port: Number(port), database, user, password });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs fn with a client of the admin in a database of one node. */
async function asAdmin(node, database, fn) {
  const info = infoOf(CITUS);
  const client = await connect({ ...info, ...node, database, user: info.user, password: info.password });
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

async function workersOf() {
  const rows = await asAdmin({}, infoOf(CITUS).dbname, (c) =>
    c.query("SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE groupid <> 0 AND noderole = 'primary' AND isactive ORDER BY groupid").then((r) => r.rows));
  assert.ok(rows.length >= 2, 'the coordinator has two workers');
  return rows;
}

/** Takes away what an earlier run left. */
async function clean(name = NAME) {
  for (const node of [{}, ...(await workersOf())]) {
    await asAdmin(node, infoOf(CITUS).dbname, async (c) => {
      await c.query('SET citus.enable_ddl_propagation = off');
      for (const database of [name, `${name}_catalog`, `${name}_before`]) await c.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      for (const role of ['server', 'operator', 'owner']) await c.query(`DROP ROLE IF EXISTS ${name}_${role}`);
    });
  }
}

describe('apps/ads on Citus', { skip: NEEDS }, () => {
  let app, operator, workers;

  const campaign = (name, more = {}) => ({ name, cost_model: 'cost_per_click', state: 'running', monthly_budget: 100, created_at: '2026-01-01', updated_at: '2026-01-01', ...more });
  const ownerOf = async (company) =>
    (await operator.query(
      `SELECT n.nodeport AS port FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
       WHERE p.shardid = get_shard_id_for_distribution_column('public.companies', $1::bigint)`, [company])).rows[0].port;
  /** The ports of the nodes that have run anything for the server role since fn was called, but for Citus' own work. */
  const workedFor = async (fn) => {
    const nodes = [{ port: infoOf(CITUS).port }, ...workers];
    const busy = [];
    const since = await Promise.all(nodes.map((node) => asAdmin(node, NAME, async (c) => (await c.query('SELECT clock_timestamp()::text AS t')).rows[0].t)));
    await fn();
    for (const [i, node] of nodes.entries())
      await asAdmin(node, NAME, async (c) => {
        const { rows } = await c.query("SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND datname = $2 AND query_start > $3", [`${NAME}_server`, NAME, since[i]]);
        if (rows.length) busy.push(Number(node.port));
      });
    return busy;
  };
  /** Only the company's worker is asked; the map is asked for anew twice a minute, so a second look is allowed. */
  const isServedBy = async (company, port) => {
    const get = async () => {
      for (let i = 0; i < 20; i++) assert.equal((await app.http('GET', '/campaigns?select=id&limit=1', { tenant: company })).status, 200);
    };
    await get();
    const first = await workedFor(get);
    assert.deepEqual(first.length === 1 ? first : await workedFor(get), [Number(port)]);
  };

  before(async () => {
    workers = await workersOf();
    await clean();
    app = prepareApp({ appDir: path.join(ROOT, 'apps/ads'), server: CITUS, settings: ['data.threads=1', 'data.connections=4'] });
    app.write({ 'rowhouse.conf': fs.readFileSync(path.join(app.dir, 'rowhouse.conf'), 'utf8').replace('name = ads', `name = ${NAME}`).replace('--companies 100 --rows 500000', '--companies 20 --rows 12000') });
    await app.ok(['dev', '--once', '--set', 'data.port=0', '--set', 'control.port=0']);
    await app.start();
    operator = await app.sql('operator');
  });

  after(async () => {
    await app?.stop();
    await clean();
  });

  test('the tables are distributed by the company, side by side, geo_ips is a reference table', async () => {
    const { rows } = await operator.query('SELECT table_name::text AS name, citus_table_type AS type, distribution_column AS key, colocation_id AS beside FROM citus_tables ORDER BY 1');
    assert.deepEqual(rows.map((r) => [r.name, r.type, r.key]), [
      ['public.ads', 'distributed', 'company_id'],
      ['public.campaigns', 'distributed', 'company_id'],
      ['public.clicks', 'distributed', 'company_id'],
      ['public.companies', 'distributed', 'id'],
      ['public.impressions', 'distributed', 'company_id'],
      ['reference.geo_ips', 'reference', '<none>'],
    ].map(([name, ...rest]) => [name.replace('public.', ''), ...rest]));
    assert.equal(new Set(rows.filter((r) => r.type === 'distributed').map((r) => r.beside)).size, 1);
    const { stderr } = await app.run(['migrate']);
    assert.match(stderr, /0 fittings/);
  });

  test('every shard has row security and one policy, which no other can widen', async () => {
    for (const node of workers)
      await asAdmin(node, NAME, async (c) => {
        await c.query('SET citus.override_table_visibility = off');
        const { rows } = await c.query(
          `SELECT c.relname, c.relrowsecurity AS forced, array_agg(p.polname || ' ' || pg_get_expr(p.polqual, p.polrelid)) AS policies
           FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.oid`);
        assert.ok(rows.length > 50);
        for (const r of rows) {
          assert.equal(r.forced, true, r.relname);
          assert.match(r.policies.join(), /^rowhouse_tenant \((company_id|id) = rowhouse\.tenant_id\(\)\)$/, r.relname);
        }
      });
    // neither by a migration nor by hand
    app.write({ 'tenant/0003_own.sql': 'CREATE POLICY mine ON ads USING (true);' });
    assert.match((await app.run(['migrate'])).stderr, /\[citus\]/);
    app.write({ 'tenant/0003_own.sql': null });
    for (const [make, drop, message] of [
      ['CREATE POLICY mine ON public.ads USING (true)', 'DROP POLICY mine ON public.ads', /policy mine/],
      ['CREATE FUNCTION public.n() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT count(*) FROM ads $$', 'DROP FUNCTION public.n()', /SECURITY DEFINER/],
    ]) {
      await operator.query(make);
      const refused = await app.run(['migrate']);
      await operator.query(drop);
      assert.notEqual(refused.status, 0);
      assert.match(refused.stderr, message);
    }
  });

  describe('the tutorial', () => {
    test('how many companies', async () => {
      assert.equal(await app.psql(null, 'SELECT count(*) FROM companies'), '20');
    });

    test('ten campaigns of company 5', async () => {
      const { json } = await app.http('GET', '/campaigns?select=name,cost_model,state,monthly_budget&order=monthly_budget&limit=10', { tenant: 5 });
      const { rows } = await operator.query('SELECT name, cost_model, state, monthly_budget::int FROM campaigns WHERE company_id = 5 ORDER BY monthly_budget LIMIT 10');
      assert.ok(rows.length > 3);
      assert.deepEqual(json, rows);
    });

    test('the running campaigns of company 7, with what their ads brought', async () => {
      const { json } = await app.http('GET', '/campaign_report?select=id,name,total_impressions,total_clicks&order=id', { tenant: 7 });
      const { rows } = await operator.query(
        `SELECT c.id::int, c.name, sum(impressions_count)::int AS total_impressions, sum(clicks_count)::int AS total_clicks
         FROM ads a, campaigns c WHERE a.company_id = c.company_id AND a.campaign_id = c.id AND c.company_id = 7 AND c.state = 'running'
         GROUP BY c.id, c.name ORDER BY c.id`);
      assert.ok(rows.length > 0);
      assert.deepEqual(json, rows);
    });

    test('twice the budget, by statement and by function', async () => {
      const [made] = (await app.http('POST', '/campaigns', { tenant: 5, body: campaign('Double'), headers: { Prefer: 'return=representation' } })).json;
      assert.equal((await app.http('PATCH', `/campaigns?id=eq.${made.id}`, { tenant: 5, body: { monthly_budget: 200 } })).status, 204);
      assert.equal((await app.http('POST', '/rpc/double_budget', { tenant: 5, body: { campaign_id: made.id } })).json[0].monthly_budget, 400);
    });

    test('a campaign and its ads go in one transaction', async () => {
      const { rows: [{ id }] } = await operator.query('SELECT campaign_id AS id FROM ads WHERE company_id = 7 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1');
      await operator.query('BEGIN');
      await operator.query('DELETE FROM campaigns WHERE id = $1 AND company_id = 7', [id]);
      await operator.query('DELETE FROM ads WHERE campaign_id = $1 AND company_id = 7', [id]);
      await operator.query('COMMIT');
      assert.deepEqual((await app.http('GET', `/ads?campaign_id=eq.${id}`, { tenant: 7 })).json, []);
    });
  });

  describe('the lab', () => {
    test('a reference table is joined on every worker', async () => {
      for (const company of COMPANIES) {
        const { json } = await app.http('GET', '/click_locations?select=click_id&order=click_id', { tenant: company });
        const { rows } = await operator.query('SELECT c.id::int AS click_id FROM clicks c JOIN reference.geo_ips g ON g.addrs >> c.user_ip WHERE c.company_id = $1 ORDER BY 1', [company]);
        assert.deepEqual(json, rows);
      }
    });

    test('RANK() over the impressions', async () => {
      const { json } = await app.http('GET', '/ad_ranks?select=campaign_id,rank,ad_id,n_impressions&order=campaign_id,rank,ad_id&limit=20', { tenant: 5 });
      const { rows } = await operator.query(
        `SELECT a.campaign_id::int, rank() OVER (PARTITION BY a.campaign_id ORDER BY count(i.id) DESC)::int AS rank, a.id::int AS ad_id, count(i.id)::int AS n_impressions
         FROM ads a LEFT JOIN impressions i ON i.company_id = a.company_id AND i.ad_id = a.id WHERE a.company_id = 5
         GROUP BY a.campaign_id, a.id ORDER BY 1, 2, 3 LIMIT 20`);
      assert.equal(json.length, 20);
      assert.deepEqual(json, rows);
    });

    test('what one tenant keeps in jsonb', async () => {
      const { json } = await app.http('GET', '/clicks?select=id&user_data->>is_mobile=eq.true&order=id', { tenant: 5 });
      const { rows } = await operator.query("SELECT id::int FROM clicks WHERE company_id = 5 AND user_data ->> 'is_mobile' = 'true' ORDER BY 1");
      assert.ok(rows.length > 1);
      assert.deepEqual(json, rows);
    });
  });

  test('every kind of write: rows back or none, several at once, an embed, a guard', async () => {
    const many = await app.http('POST', '/campaigns', { tenant: 3, body: [campaign('m1'), campaign('m2')] });
    assert.equal(many.status, 201);
    const back = await app.http('POST', '/campaigns?select=id,name,blacklisted_site_urls', { tenant: 3, body: campaign('m3', { blacklisted_site_urls: ['a', 'b'] }), headers: { Prefer: 'return=representation' } });
    assert.deepEqual(back.json.map((r) => [r.name, r.blacklisted_site_urls]), [['m3', ['a', 'b']]]);
    const location = await app.http('POST', '/campaigns', { tenant: 3, body: campaign('m4'), headers: { Prefer: 'return=headers-only' } });
    assert.match(location.headers.get('location'), /^\/campaigns\?.*id=eq\.\d+$/);
    const patched = await app.http('PATCH', '/campaigns?name=like.m*&select=name,ads(id)&order=name', { tenant: 3, body: { state: 'paused' }, headers: { Prefer: 'return=representation' } });
    assert.deepEqual(patched.json, ['m1', 'm2', 'm3', 'm4'].map((name) => ({ name, ads: [] })));
    const guarded = await app.http('DELETE', '/campaigns?name=like.m*', { tenant: 3, headers: { Prefer: 'handling=strict, max-affected=2' } });
    assert.equal(guarded.status, 400);
    assert.equal((await app.http('GET', '/campaigns?name=like.m*&select=name', { tenant: 3 })).json.length, 4);
    assert.equal((await app.http('DELETE', '/campaigns?name=like.m*', { tenant: 3 })).status, 204);
    assert.deepEqual((await app.http('GET', '/campaigns?name=like.m*', { tenant: 3 })).json, []);
  });

  test('requests go straight to the worker that has the company', async () => {
    for (const company of COMPANIES) await isServedBy(company, await ownerOf(company));
  });

  test('no company reaches another one, by whatever way', async () => {
    for (const company of COMPANIES) {
      const other = COMPANIES[(COMPANIES.indexOf(company) + 1) % COMPANIES.length];
      for (const target of ['/companies?select=id', '/campaigns?select=company_id', '/ads?select=company_id&limit=50', '/ad_ranks?select=company_id&limit=50']) {
        const { json } = await app.http('GET', target, { tenant: company });
        assert.ok(json.length > 0 && json.every((r) => (r.company_id ?? r.id) === company), target);
        assert.deepEqual((await app.http('GET', `${target}&${target.startsWith('/companies') ? 'id' : 'company_id'}=eq.${other}`, { tenant: company })).json, []);
      }
      assert.equal((await app.http('POST', '/campaigns', { tenant: company, body: campaign('x', { company_id: other }) })).status, 403);
    }
    // the server role itself: on each node, bound to 5, with and without the key
    const [{ n: mine }] = (await operator.query('SELECT count(*)::int AS n FROM campaigns WHERE company_id = 5')).rows;
    for (const node of [{ port: infoOf(CITUS).port }, ...workers]) {
      const server = await connect({ ...infoOf(CITUS), ...node, database: NAME, user: `${NAME}_server`, password: app.secret('server_password') });
      try {
        await assert.rejects(server.query('SELECT count(*) FROM public.campaigns'), { code: 'RH001' });
        await server.query('BEGIN');
        await server.query("SELECT rowhouse.enter('5')");
        assert.equal((await server.query('SELECT count(*)::int AS n FROM public.campaigns')).rows[0].n, mine);
        assert.equal((await server.query('SELECT count(*)::int AS n FROM public.campaigns WHERE company_id = 7')).rows[0].n, 0);
        assert.equal((await server.query('UPDATE public.campaigns SET name = name WHERE company_id = 7')).rowCount, 0);
        await assert.rejects(server.query("INSERT INTO public.campaigns (company_id, name, cost_model, state, created_at, updated_at) VALUES (7, 'x', 'x', 'x', now(), now())"), { code: '42501' });
        await server.query('ROLLBACK');
      } finally {
        await server.end();
      }
    }
  });

  test('psql of a tenant is one transaction, bound on every node', async () => {
    const [{ n }] = (await operator.query('SELECT count(*)::int AS n FROM ads WHERE company_id = 5')).rows;
    assert.equal(await app.psql(5, 'SELECT count(*) FROM ads'), String(n));
    const run = (args, options) => app.run(['psql', '5', '--', '-X', ...args], options);
    assert.match(await app.psql(5, "INSERT INTO campaigns (name, cost_model, state, created_at, updated_at) VALUES ('typed', 'm', 's', now(), now()) RETURNING company_id"), /^5/);
    const piped = await run(['-At'], { input: "UPDATE campaigns SET name = 'piped' WHERE name = 'typed';\nSELECT count(*) FROM campaigns WHERE name = 'piped';\n" });
    assert.deepEqual([piped.status, piped.stdout], [0, 'UPDATE 1\n1\n'], piped.stderr);
    const failed = await run(['-c', "UPDATE campaigns SET name = 'x'", '-c', 'SELECT nothing']);
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /rolled back/);
    const other = await run(['-Atc', 'SELECT count(*) FROM ads WHERE company_id = 7']);
    assert.equal(other.stdout, '0\n');
    assert.equal((await run(['-qc', 'COMMIT', '-Atc', 'SELECT count(*) FROM ads'])).status, 3); // nobody is bound any more
    assert.equal(await app.psql(5, "DELETE FROM campaigns WHERE name = 'piped' RETURNING name"), 'piped');
  });

  test('errors name no shard and no worker', async () => {
    const [{ id }] = (await app.http('GET', '/campaigns?select=id&limit=1', { tenant: 5 })).json;
    const answers = [
      await app.http('POST', '/campaigns', { tenant: 5, body: campaign('again', { id }) }),
      await app.http('POST', '/ads', { tenant: 5, body: { campaign_id: 1e9, name: 'x', created_at: '2026-01-01', updated_at: '2026-01-01' } }),
      await app.http('POST', '/campaigns', { tenant: 5, body: { name: 'x' } }),
      await app.http('POST', '/rpc/double_budget', { tenant: 5, body: { campaign_id: 'x' } }),
    ];
    assert.deepEqual(answers.map((a) => a.json.code), ['23505', '23503', '23502', '22P02']);
    assert.match(answers[0].json.message, /"campaigns_pkey"$/);
    const beyond = await app.http('POST', '/rpc/double_budget?select=id,ads(id)', { tenant: 5, body: { campaign_id: id } });
    assert.deepEqual([beyond.status, beyond.json.code], [400, 'PGRST127'], beyond.text);
    answers.push(beyond);
    for (const { text } of answers) {
      assert.doesNotMatch(text, /_1\d{5}/);
      assert.doesNotMatch(text, /127\.0\.0\.1|executing command|97\d\d|worker|shard/i);
    }
  });

  test('a shard moves while requests come: none fails, and they follow it', async () => {
    const company = 5;
    const from = await ownerOf(company);
    const to = workers.find((w) => Number(w.port) !== Number(from));
    const host = workers.find((w) => Number(w.port) === Number(from)).host;
    const { rows: [{ shard }] } = await operator.query("SELECT get_shard_id_for_distribution_column('public.companies', 5::bigint) AS shard");
    let going = true, reads = 0, writes = 0;
    const bad = [];
    const traffic = (async () => {
      while (going) {
        const read = await app.http('GET', '/campaigns?select=id&order=id&limit=5', { tenant: company });
        const write = await app.http('POST', '/campaigns', { tenant: company, body: campaign('moving') });
        if (read.status === 200 && read.json.length) reads++; else bad.push(read.text);
        if (write.status === 201) writes++; else bad.push(write.text);
      }
    })();
    await sleep(300);
    await asAdmin({}, NAME, (c) => c.query("SELECT citus_move_shard_placement($1, $2, $3, $4, $5, 'force_logical')", [shard, host, from, to.host, to.port]));
    await sleep(500);
    going = false;
    await traffic;
    assert.deepEqual(bad, []);
    assert.ok(reads > 5 && writes > 5);
    assert.equal(Number(await ownerOf(company)), Number(to.port));
    const { json } = await app.http('GET', '/campaigns?select=id&name=eq.moving', { tenant: company });
    assert.equal(json.length, writes);
    await isServedBy(company, to.port);
  });

  test('node rebalance moves shards until the workers are even, and tells', async () => {
    // three shard groups to one worker, so that it has more
    const { rows } = await operator.query(
      `SELECT s.shardid AS shard, n.nodename AS host, n.nodeport AS port FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
       WHERE s.logicalrelid = 'public.companies'::regclass ORDER BY 1`);
    const [to] = workers;
    const others = rows.filter((r) => Number(r.port) !== Number(to.port)).slice(0, 4);
    for (const r of others)
      await asAdmin({}, NAME, (c) => c.query("SELECT citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')", [r.shard, r.host, r.port, to.host, to.port]));
    const moved = await app.run(['node', 'rebalance', 'first', '--json'], { timeout: 90000 });
    assert.equal(moved.status, 0, moved.stderr);
    assert.ok(JSON.parse(moved.stdout).moves >= 1, moved.stdout);
    assert.match(moved.stderr, /\d of \d moves done/);
    assert.equal((await app.run(['node', 'rebalance', 'first', '--json'])).stdout, '{"moves": 0}\n');
    for (const company of COMPANIES) assert.equal((await app.http('GET', '/companies', { tenant: company })).json.length, 1);
  });

  test('tenant isolate gives a company shards of its own', async () => {
    const before = (await app.http('GET', '/campaigns?select=id&order=id', { tenant: 7 })).json;
    const worker = (await app.ok(['tenant', 'isolate', '7'])).trim();
    assert.match(worker, /^[\w.]+:\d+$/);
    const { rows } = await operator.query(
      `SELECT shardminvalue = shardmaxvalue AS alone FROM pg_dist_shard WHERE shardid = get_shard_id_for_distribution_column('public.ads', 7::bigint)`);
    assert.deepEqual(rows, [{ alone: true }]);
    assert.deepEqual((await app.http('GET', '/campaigns?select=id&order=id', { tenant: 7 })).json, before);
    assert.equal((await app.ok(['tenant', 'isolate', '7'])).trim(), worker);
    const plain = await app.run(['tenant', 'isolate', 'nobody']);
    assert.notEqual(plain.status, 0);
  });

  test('a home of a schema is a distributed schema, on one worker', async () => {
    const id = (await app.ok(['tenant', 'create', 'own', '--model', 'schema'])).trim();
    const made = await app.http('POST', '/campaigns', { tenant: 'own', body: campaign('mine'), headers: { Prefer: 'return=representation' } });
    assert.equal(made.status, 201);
    assert.equal(made.json[0].company_id, Number(id));
    assert.deepEqual((await app.http('GET', '/campaigns?select=name', { tenant: 'own' })).json, [{ name: 'mine' }]);
    const { rows } = await operator.query('SELECT count(*)::int AS n FROM citus_schemas');
    assert.equal(rows[0].n, 1);
    assert.equal((await app.http('POST', '/rpc/double_budget', { tenant: 'own', body: { campaign_id: made.json[0].id } })).json[0].monthly_budget, 200);
    const sizes = JSON.parse(await app.ok(['tenant', 'list', '--json', '--sizes']));
    for (const t of sizes) assert.ok(t.size > 0, JSON.stringify(t));
    assert.ok(sizes.find((t) => t.slug === 'own').size > 100000); // indexes of five tables
  });

  test('a fleet query asks the cluster once for all companies, and each home of its own', async () => {
    const rows = JSON.parse(await app.ok(['query', '--json', 'SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM companies']));
    const all = (await operator.query('SELECT count(*)::int AS n FROM public.companies')).rows[0].n;
    assert.deepEqual(rows[0], { tenant: '(shared)', n: all, ids: all });
    for (const row of rows.slice(1)) assert.deepEqual([row.n, row.ids], [1, 1], row.tenant);
    const apart = await app.run(['query', '--apart', 'SELECT count(*) FROM companies']);
    assert.equal(apart.status, 1);
    assert.match(apart.stderr, /cannot be asked apart/); // no policy would hold the operator there
    const done = await app.run(['query', '--write', '--yes', 'UPDATE companies SET image_url = image_url']);
    assert.equal(done.status, 0, done.stderr);
    const refused = await app.run(['query', "WITH w AS (DELETE FROM companies RETURNING 1) SELECT count(*) FROM w"]);
    assert.match(refused.stderr, /read-only/);
    assert.equal((await operator.query('SELECT count(*)::int AS n FROM public.companies')).rows[0].n, all);
  });

  test('no home of a database stands on a coordinator', async () => {
    const { status, stderr } = await app.run(['tenant', 'create', 'alone', '--model', 'database']);
    assert.notEqual(status, 0);
    assert.match(stderr, /Citus/);
    await app.ok(['tenant', 'drop', 'alone', '--yes', '--no-dump']);
  });

  test('a migration that adds a table adds it to the cluster', async () => {
    app.write({
      'tenant/0003_notes.sql': `ALTER TABLE ads ADD COLUMN colour text;
CREATE TABLE notes (company_id bigint NOT NULL, id bigserial, ad_id bigint, note text, PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE);
CREATE VIEW noted_ads WITH (security_invoker) AS SELECT a.company_id, a.id, n.note FROM ads a JOIN notes n ON n.company_id = a.company_id AND n.ad_id = a.id;
`,
    });
    await app.ok(['migrate']);
    const [{ id }] = (await app.http('GET', '/ads?select=id,colour&limit=1', { tenant: 5 })).json;
    const answer = await until(async () => {
      const r = await app.http('POST', '/notes', { tenant: 5, body: { ad_id: id, note: 'n' } });
      return r.status === 201 && r;
    }, { what: 'the new table' });
    assert.equal(answer.status, 201);
    assert.deepEqual((await app.http('GET', '/noted_ads?select=note', { tenant: 5 })).json, [{ note: 'n' }]);
    assert.match((await app.run(['migrate'])).stderr, /0 fittings/);
  });

  test('load fills distributed tables and moves their sequences', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${900000 + i},${COMPANIES[i % 4]},l${i},m,s,1,,2026-01-01,2026-01-01`);
    fs.writeFileSync(path.join(app.dir, 'more.csv'), `${lines.join('\n')}\n`);
    await app.ok(['load', 'campaigns', path.join(app.dir, 'more.csv')]);
    assert.equal(await app.psql(null, 'SELECT count(*) FROM campaigns WHERE id >= 900000 AND id < 1000000'), '5000');
    const { rows } = await operator.query("SELECT nextval('campaigns_id_seq')::int AS n");
    assert.equal(rows[0].n, 905000);
  });

  test('a tenant that is dropped leaves no row', async () => {
    await app.ok(['tenant', 'drop', '11', '--yes']);
    for (const table of ['campaigns', 'ads', 'clicks', 'impressions']) assert.equal(await app.psql(null, `SELECT count(*) FROM ${table} WHERE company_id = 11`), '0');
    assert.equal((await app.http('GET', '/companies', { token: app.sign({ tenant: 11 }) })).status, 401);
  });

  test('every SQL file for Citus is understood', async () => {
    const dir = path.join(ROOT, 'sql/citus');
    for (const file of fs.readdirSync(dir).filter((f) => f.endsWith('.sql') && f !== 'tenant_id.sql')) {
      const database = file === 'note_kind.sql' ? `${NAME}_catalog` : NAME;
      await asAdmin({}, database, (c) => c.query(`PREPARE s AS ${fs.readFileSync(path.join(dir, file), 'utf8')}`)).catch((err) => assert.fail(`${file}: ${err.message}`));
    }
  });
});

describe('a server that becomes a coordinator', { skip: NEEDS }, () => {
  const name = 'adsd', before = `${name}_before`;
  let app;

  after(async () => {
    await app?.stop();
    await clean(name);
  });

  test('its rows go to the workers, and none stays behind', async () => {
    await clean(name);
    await asAdmin({}, infoOf(CITUS).dbname, async (c) => {
      await c.query('SET citus.enable_ddl_propagation = off');
      await c.query(`CREATE DATABASE ${before}`); // without the extension: a plain server
    });
    app = prepareApp({ appDir: path.join(ROOT, 'apps/ads') });
    const conf = fs.readFileSync(path.join(app.dir, 'rowhouse.conf'), 'utf8').replace('name = ads', `name = ${name}`).replace(/^\[demo\][^]*/m, '');
    const at = (dbname) => app.write({ 'rowhouse.conf': `${conf}\n[server]\nconninfo = ${CITUS.replace(/dbname=\S+/, `dbname=${dbname}`)}\n` });
    at(before);
    await app.ok(['migrate']);
    for (const slug of ['one', 'two']) {
      await app.ok(['tenant', 'create', slug]);
      await app.psql(slug, "INSERT INTO campaigns (name, cost_model, state, created_at, updated_at) SELECT g, 'm', 's', now(), now() FROM generate_series(1, 50) g");
    }
    at(infoOf(CITUS).dbname);
    await app.ok(['migrate']);
    const { rows } = await asAdmin({}, name, (c) => c.query("SELECT count(*)::int AS tables, sum(pg_relation_size(table_name))::int AS bytes FROM citus_tables"));
    assert.deepEqual(rows, [{ tables: 6, bytes: 0 }]);
    for (const slug of ['one', 'two']) assert.equal(await app.psql(slug, 'SELECT count(*) FROM campaigns'), '50');
    assert.equal(await app.psql(null, 'SELECT count(*) FROM campaigns'), '100');
    assert.match((await app.run(['migrate'])).stderr, /0 fittings/);
  });
});

describe('a cluster beside a plain server', { skip: NEEDS }, () => {
  const name = 'adse';
  let app;

  after(async () => {
    await app?.stop();
    await clean(name);
  });

  test('becomes a node, with the reference rows of the first; they follow', async () => {
    await clean(name);
    app = prepareApp({ appDir: path.join(ROOT, 'apps/ads'), settings: ['data.threads=1'] });
    app.write({ 'rowhouse.conf': fs.readFileSync(path.join(app.dir, 'rowhouse.conf'), 'utf8').replace('name = ads', `name = ${name}`) });
    await app.start();
    await app.psql(null, "INSERT INTO reference.geo_ips (addrs, latlon) VALUES ('10.0.0.0/8', '(1,2)'), ('11.0.0.0/8', '(1,3)')");
    await app.ok(['node', 'add', 'cluster', CITUS]);
    const rows = () => app.ok(['psql', '--node', 'cluster', '--', '-XqAt', '-c', 'SELECT addrs, latlon FROM reference.geo_ips ORDER BY 1']);
    assert.equal(await rows(), '10.0.0.0/8|(1,2)\n11.0.0.0/8|(1,3)\n');
    await app.psql(null, "UPDATE reference.geo_ips SET latlon = '(5,5)' WHERE addrs = '10.0.0.0/8'; DELETE FROM reference.geo_ips WHERE addrs = '11.0.0.0/8'");
    await app.ok(['migrate']);
    assert.equal(await rows(), '10.0.0.0/8|(5,5)\n');
    for (const [slug, model] of [['far', 'shared'], ['own', 'schema']]) {
      await app.ok(['tenant', 'create', slug, '--node', 'cluster', '--model', model]);
      await until(async () => (await app.http('GET', '/companies?select=id', { tenant: slug })).status === 200, { what: slug });
      assert.equal((await app.http('GET', '/companies?select=id', { tenant: slug })).json.length, 1);
      assert.ok(fs.existsSync(JSON.parse(await app.ok(['tenant', 'drop', slug, '--yes', '--json'])).dump));
    }
    await app.ok(['node', 'remove', 'cluster']);
  });
});
