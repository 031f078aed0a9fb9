// SPDX-License-Identifier: Apache-2.0
//
// apps/ads, set up and asked as Citus' multi-tenant tutorial does it: the tables loaded from CSV files by hand, the
// questions over psql and over HTTP. What the answers must be is worked out here, from the same files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readCsv } from './lib/csv.js';
import { ROOT, prepareApp, startApp } from './lib/harness.js';
import { tempDir } from './lib/processes.js';

const ADS = path.join(ROOT, 'apps/ads');
const COMPANIES = 20;
const COLUMNS = {
  companies: ['id', 'name', 'image_url', 'created_at', 'updated_at'],
  campaigns: ['id', 'company_id', 'name', 'cost_model', 'state', 'monthly_budget', 'blacklisted_site_urls', 'created_at', 'updated_at'],
  ads: ['id', 'company_id', 'campaign_id', 'name', 'image_url', 'target_url', 'impressions_count', 'clicks_count', 'created_at', 'updated_at'],
  clicks: ['id', 'company_id', 'ad_id', 'clicked_at', 'site_url', 'cost_per_click_usd', 'user_ip', 'user_data'],
  impressions: ['id', 'company_id', 'ad_id', 'seen_at', 'site_url', 'cost_per_impression_usd', 'user_ip', 'user_data'],
  geo_ips: ['addrs', 'latlon'],
};
const NUMBERS = ['id', 'company_id', 'campaign_id', 'ad_id', 'monthly_budget', 'impressions_count', 'clicks_count'];

let app;
let csv; // directory of the files
const db = {}; // the files' rows by table

function generate(dir, ...args) {
  execFileSync(path.join(ADS, 'demo/generate'), ['--out', dir, '--companies', String(COMPANIES), '--rows', '20000', '--seed', '7', ...args]);
  return dir;
}

before(async () => {
  app = await startApp({ appDir: ADS });
  csv = generate(path.join(tempDir(), 'csv'));
  for (const table of Object.keys(COLUMNS)) db[table] = readCsv(path.join(csv, `${table}.csv`), COLUMNS[table], NUMBERS);
});
after(() => app?.stop());

const operator = (sql) => app.psql(null, sql);
const file = (table) => path.join(csv, `${table}.csv`);
const of = (company, table) => db[table].filter((r) => r.company_id === company);
const sum = (rows, column) => rows.reduce((total, r) => total + r[column], 0);
const by = (...keys) => (a, b) => keys.reduce((d, k) => d || (a[k] < b[k] ? -1 : a[k] > b[k] ? 1 : 0), 0);

/** psql's answer to a question of a tenant: rows of values as text. */
async function ask(tenant, sql) {
  const out = await app.ok(['psql', ...(tenant ? [String(tenant)] : []), '--', '-XqAt', '-F', '\t', '-v', 'ON_ERROR_STOP=1'], { input: sql });
  return out === '' ? [] : out.trimEnd().split('\n').map((line) => line.split('\t'));
}

/** The door's answer. */
async function get(tenant, target) {
  const r = await app.http('GET', target, { tenant });
  assert.equal(r.status, 200, r.text);
  return r.json;
}

async function post(tenant, target, body) {
  const r = await app.http('POST', target, { tenant, body, headers: { Prefer: 'return=representation' } });
  assert.ok(r.status === 200 || r.status === 201, r.text);
  return r.json;
}

/** How many rows each table has, in all and for a company: what must be there is db. */
async function assertCounts() {
  for (const table of ['campaigns', 'ads', 'clicks', 'impressions']) {
    const rows = await ask(null, `SELECT company_id, count(*) FROM ${table} GROUP BY 1 ORDER BY 1;`);
    const expected = [...new Set(db[table].map((r) => r.company_id))].sort((a, b) => a - b).map((c) => [String(c), String(of(c, table).length)]);
    assert.deepEqual(rows, expected, table);
  }
}

/** Takes a campaign and what hangs on it out of db. */
function forget(company, campaign) {
  const ads = new Set(of(company, 'ads').filter((a) => a.campaign_id === campaign).map((a) => a.id));
  assert.ok(ads.size > 0);
  for (const table of ['clicks', 'impressions']) db[table] = db[table].filter((r) => !(r.company_id === company && ads.has(r.ad_id)));
  db.ads = db.ads.filter((a) => !(a.company_id === company && a.campaign_id === campaign));
  db.campaigns = db.campaigns.filter((c) => !(c.company_id === company && c.id === campaign));
}

test('the generator gives the same files for the same arguments, and others for another seed', () => {
  const again = generate(path.join(tempDir(), 'csv'));
  const other = generate(path.join(tempDir(), 'csv'), '--seed', '8');
  for (const table of Object.keys(COLUMNS)) assert.ok(fs.readFileSync(file(table)).equals(fs.readFileSync(path.join(again, `${table}.csv`))), table);
  assert.ok(!fs.readFileSync(file('ads')).equals(fs.readFileSync(path.join(other, 'ads.csv'))));
  const total = Object.values(db).reduce((n, rows) => n + rows.length, 0);
  assert.equal(total, 20000);
});

test('loading as in the tutorial: companies by \\copy and adopt, the rest by load', async () => {
  const copied = await app.run(['psql', '--', '-X', '-c', `\\copy companies from '${file('companies')}' with csv`]);
  assert.equal(copied.stdout, `COPY ${COMPANIES}\n`, copied.stderr);
  const early = await app.run(['load', 'campaigns', file('campaigns')]);
  assert.equal(early.status, 1);
  assert.match(early.stderr, /campaigns\.csv:1: there is no tenant "5"/);
  assert.match(early.stderr, /hint: .*`rowhouse tenant adopt --from companies`/);
  assert.equal(await app.ok(['tenant', 'adopt', '--from', 'companies']), `${COMPANIES}\n`);
  for (const table of ['geo_ips', 'campaigns', 'ads', 'clicks', 'impressions']) {
    const r = await app.run(['load', table, file(table)]);
    assert.equal(r.status, 0, r.stderr);
    assert.match(r.stderr, new RegExp(`^${db[table].length} rows into ${table} in `));
  }
  await operator('ANALYZE');
  await assertCounts();
  const tenants = JSON.parse(await app.ok(['tenant', 'list', '--json']));
  assert.deepEqual(tenants.map((t) => [t.id, t.name, t.image_url]).sort((a, b) => a[0] - b[0]), db.companies.map((c) => [c.id, c.name, c.image_url]));
});

test('every value arrives as it stood in the files', async () => {
  const rows = await get(5, '/campaigns?select=id,name,cost_model,state,monthly_budget,blacklisted_site_urls,created_at&order=id');
  assert.deepEqual(rows, of(5, 'campaigns').sort(by('id')).map((c) => ({
    id: c.id, name: c.name, cost_model: c.cost_model, state: c.state, monthly_budget: c.monthly_budget,
    blacklisted_site_urls: c.blacklisted_site_urls === '{}' ? [] : JSON.parse(`[${c.blacklisted_site_urls.slice(1, -1)}]`), created_at: c.created_at.replace(' ', 'T'),
  })));
  const clicks = await get(7, '/clicks?select=id,user_ip,user_data,cost_per_click_usd::text&order=id');
  assert.deepEqual(clicks, of(7, 'clicks').sort(by('id')).map((c) => ({ id: c.id, user_ip: c.user_ip, user_data: JSON.parse(c.user_data), cost_per_click_usd: Number(c.cost_per_click_usd).toFixed(10) })));
});

describe('the questions:', () => {
  test('how many companies are there? The operator sees all, a company itself', async () => {
    assert.deepEqual(await ask(null, 'SELECT count(*) from companies;'), [[String(COMPANIES)]]);
    assert.deepEqual(await ask(5, 'SELECT count(*) from companies;'), [['1']]);
    assert.deepEqual(await get(5, '/companies?select=name'), [{ name: db.companies[4].name }]);
    assert.equal((await app.http('GET', '/tenants?limit=1000', { door: 'control' })).json.length, COMPANIES);
  });

  test('company 5: ten campaigns by monthly budget', async () => {
    const expected = of(5, 'campaigns').sort(by('monthly_budget', 'id')).slice(0, 10);
    assert.equal(expected.length, 10);
    const sql = 'SELECT name, cost_model, state, monthly_budget FROM campaigns where company_id = 5 ORDER BY monthly_budget LIMIT 10;';
    const shown = expected.map((c) => [c.name, c.cost_model, c.state, String(c.monthly_budget)]);
    for (const who of [5, null]) assert.deepEqual(await ask(who, sql.replace('monthly_budget LIMIT', 'monthly_budget, id LIMIT')), shown);
    assert.deepEqual((await ask(5, sql)).map((r) => r[3]), shown.map((r) => r[3]));
    assert.deepEqual(await ask(7, sql), [], 'company 7 does not see them');
    const json = await get(5, '/campaigns?select=name,cost_model,state,monthly_budget&order=monthly_budget,id&limit=10');
    assert.deepEqual(json, expected.map(({ name, cost_model, state, monthly_budget }) => ({ name, cost_model, state, monthly_budget })));
  });

  test('company 7: running campaigns with summed impressions and clicks, joined on the campaign too', async () => {
    const expected = of(7, 'campaigns').filter((c) => c.state === 'running').map((c) => {
      const ads = of(7, 'ads').filter((a) => a.campaign_id === c.id);
      return { id: c.id, name: c.name, monthly_budget: c.monthly_budget, total_impressions: sum(ads, 'impressions_count'), total_clicks: sum(ads, 'clicks_count') };
    }).sort(by('total_impressions', 'total_clicks', 'id'));
    assert.ok(expected.length > 1);
    const shown = expected.map((r) => Object.values(r).map(String));
    const sql = `SELECT campaigns.id, campaigns.name, campaigns.monthly_budget, sum(impressions_count) as total_impressions, sum(clicks_count) as total_clicks
      FROM ads, campaigns WHERE ads.company_id = campaigns.company_id AND ads.campaign_id = campaigns.id
      AND campaigns.company_id = 7 AND campaigns.state = 'running'
      GROUP BY campaigns.id, campaigns.name, campaigns.monthly_budget ORDER BY total_impressions, total_clicks, campaigns.id;`;
    assert.deepEqual(await ask(7, sql), shown);
    assert.deepEqual(await ask(null, sql), shown);
    assert.deepEqual(await ask(7, 'SELECT id, name, monthly_budget, total_impressions, total_clicks FROM campaign_report ORDER BY 4, 5, 1;'), shown);
    assert.deepEqual(await get(7, '/campaign_report?select=id,name,monthly_budget,total_impressions,total_clicks&order=total_impressions,total_clicks,id'), expected);
    // as the tutorial has it, on the company only: it runs, and every campaign has the company's sums
    const tutorial = await ask(7, sql.replace(' AND ads.campaign_id = campaigns.id', ''));
    const all = of(7, 'ads');
    assert.deepEqual(tutorial.map((r) => r.slice(3)), shown.map(() => [String(sum(all, 'impressions_count')), String(sum(all, 'clicks_count'))]));
  });

  test('company 5: ads ranked by impressions within their campaigns', async () => {
    const seen = new Map();
    for (const i of of(5, 'impressions')) seen.set(i.ad_id, (seen.get(i.ad_id) ?? 0) + 1);
    const ads = of(5, 'ads').map((a) => ({ campaign_id: a.campaign_id, ad_id: a.id, name: a.name, n_impressions: seen.get(a.id) ?? 0 }));
    const expected = ads.map((a) => ({ ...a, rank: 1 + ads.filter((b) => b.campaign_id === a.campaign_id && b.n_impressions > a.n_impressions).length })).sort(by('campaign_id', 'rank', 'ad_id'));
    for (const a of ads) assert.equal(a.n_impressions, of(5, 'ads').find((b) => b.id === a.ad_id).impressions_count);
    const sql = `SELECT a.campaign_id, RANK() OVER (PARTITION BY a.campaign_id ORDER BY a.campaign_id, count(*) DESC) AS rank, count(*) AS n_impressions, a.id
      FROM ads AS a JOIN impressions AS i ON i.company_id = a.company_id AND i.ad_id = a.id WHERE a.company_id = 5 GROUP BY a.campaign_id, a.id ORDER BY 1, 2, 4;`;
    assert.deepEqual(await ask(5, sql), expected.filter((r) => r.n_impressions).map((r) => [r.campaign_id, r.rank, r.n_impressions, r.ad_id].map(String)));
    assert.deepEqual(await get(5, '/ad_ranks?select=campaign_id,ad_id,name,n_impressions,rank&order=campaign_id,rank,ad_id'), expected);
    assert.deepEqual(await get(5, '/ad_ranks?select=ad_id&rank=eq.1&order=ad_id'), expected.filter((r) => r.rank === 1).map((r) => ({ ad_id: r.ad_id })).sort(by('ad_id')));
  });

  test('company 5: the clicks on its most clicked ad, with the place of their addresses', async () => {
    const [ad] = of(5, 'ads').sort((a, b) => b.clicks_count - a.clicks_count || a.id - b.id);
    const clicks = of(5, 'clicks').filter((c) => c.ad_id === ad.id);
    assert.ok(clicks.length > 1 && clicks.length === ad.clicks_count);
    const expected = clicks.map((c) => {
      const [range] = db.geo_ips.filter((g) => c.user_ip.startsWith(g.addrs.replace('.0.0/16', '.')));
      const [lat, lon] = range.latlon.slice(1, -1).split(',').map(Number);
      return { click_id: c.id, user_ip: c.user_ip, addrs: range.addrs, latlon: `(${lat},${lon})` };
    }).sort(by('click_id'));
    const sql = `SELECT c.id, user_ip, addrs, latlon FROM geo_ips, clicks c WHERE addrs >> user_ip AND c.company_id = 5 AND c.ad_id = ${ad.id} ORDER BY 1;`;
    assert.deepEqual(await ask(5, sql), expected.map((r) => Object.values(r).map(String)));
    assert.deepEqual(await get(5, `/click_locations?select=click_id,user_ip,addrs,latlon&ad_id=eq.${ad.id}&order=click_id`), expected);
  });

  test('company 5: phones against desks, from jsonb; the latest by phone through the partial index', async () => {
    const clicks = of(5, 'clicks').map((c) => ({ ...c, mobile: JSON.parse(c.user_data).is_mobile }));
    const n = (mobile) => String(clicks.filter((c) => c.mobile === mobile).length);
    assert.deepEqual(await ask(5, 'SELECT is_mobile, sum(n_clicks) FROM clicks_by_device GROUP BY 1 ORDER BY 1;'), [['f', n(false)], ['t', n(true)]]);
    assert.deepEqual(await ask(5, "SELECT count(*) FILTER (WHERE user_data->>'is_mobile' = 'true'), count(*) FROM clicks WHERE company_id = 5;"), [[n(true), String(clicks.length)]]);
    const devices = await get(5, '/clicks_by_device?select=is_mobile,n_clicks');
    assert.equal(sum(devices.filter((d) => d.is_mobile), 'n_clicks'), Number(n(true)));
    assert.equal(sum(devices, 'n_clicks'), clicks.length);

    const latest = clicks.filter((c) => c.mobile).sort((a, b) => (a.clicked_at < b.clicked_at ? 1 : -1)).slice(0, 5);
    const json = await get(5, '/clicks?select=id,city:user_data->>location&user_data->>is_mobile=eq.true&order=clicked_at.desc,id.desc&limit=5');
    assert.deepEqual(json, latest.map((c) => ({ id: c.id, city: JSON.parse(c.user_data).location })));
    const plan = await ask(5, "SET enable_seqscan = off; EXPLAIN SELECT id FROM clicks WHERE company_id = 5 AND user_data ->> 'is_mobile' = 'true' ORDER BY clicked_at DESC LIMIT 5;");
    assert.match(plan.join('\n'), /clicks_mobile/);
  });

  test('campaigns with their ads in one request', async () => {
    const expected = of(7, 'campaigns').filter((c) => c.state === 'running').sort(by('id')).map((c) => ({
      name: c.name,
      ads: of(7, 'ads').filter((a) => a.campaign_id === c.id).sort((a, b) => b.clicks_count - a.clicks_count || a.id - b.id).slice(0, 3).map((a) => ({ name: a.name, clicks_count: a.clicks_count })),
    }));
    assert.deepEqual(await get(7, '/campaigns?select=name,ads(name,clicks_count)&state=eq.running&order=id&ads.order=clicks_count.desc,id&ads.limit=3'), expected);
  });
});

describe('the changes:', () => {
  const budget = async (id) => Number((await ask(null, `SELECT monthly_budget FROM campaigns WHERE id = ${id};`))[0][0]);
  const others = () => ask(null, 'SELECT company_id, sum(monthly_budget) FROM campaigns WHERE id <> 1 GROUP BY 1 ORDER BY 1;');

  test('company 5: the budget of campaign 1 doubled, over psql and over HTTP', async () => {
    const [before, rest] = [await budget(1), await others()];
    assert.equal(before, db.campaigns.find((c) => c.id === 1).monthly_budget);
    const sql = 'UPDATE campaigns SET monthly_budget = monthly_budget*2 WHERE id = 1 AND company_id = 5;';
    assert.equal((await app.run(['psql', '5', '--', '-Xc', sql])).stdout, 'UPDATE 1\n');
    assert.equal((await app.run(['psql', '7', '--', '-Xc', sql])).stdout, 'UPDATE 0\n');
    assert.equal(await budget(1), before * 2);
    const [doubled] = await post(5, '/rpc/double_budget', { campaign_id: 1 });
    assert.deepEqual([doubled.id, doubled.monthly_budget], [1, before * 4]);
    assert.deepEqual(await post(7, '/rpc/double_budget', { campaign_id: 1 }), []);
    const patched = await app.http('PATCH', '/campaigns?id=eq.1', { tenant: 5, body: { monthly_budget: before }, headers: { Prefer: 'return=representation' } });
    assert.equal(patched.json[0].monthly_budget, before);
    assert.deepEqual((await app.http('PATCH', '/campaigns?id=eq.1', { tenant: 7, body: { monthly_budget: 0 }, headers: { Prefer: 'return=representation' } })).json, []);
    assert.equal(await budget(1), before);
    assert.deepEqual(await others(), rest, 'nothing else changed');
  });

  test('company 5: campaign 1 and its ads deleted in one transaction, in the tutorial\'s order', async () => {
    const sql = 'BEGIN;\nDELETE from campaigns where id = 1 AND company_id = 5;\nDELETE from ads where campaign_id = 1 AND company_id = 5;\n';
    await ask(7, `${sql}COMMIT;`);
    await ask(5, `${sql}ROLLBACK;`);
    await assertCounts();
    await ask(5, `${sql}COMMIT;`);
    forget(5, 1);
    await assertCounts();
  });

  test('over HTTP: DELETE takes the ads along, and so does the app\'s function', async () => {
    const [first, second] = of(5, 'campaigns').sort(by('id'));
    assert.equal((await app.http('DELETE', `/campaigns?id=eq.${first.id}`, { tenant: 7 })).status, 204);
    await assertCounts();
    assert.equal((await app.http('DELETE', `/campaigns?id=eq.${first.id}`, { tenant: 5 })).status, 204);
    forget(5, first.id);
    await assertCounts();
    assert.deepEqual(await post(7, '/rpc/delete_campaign', { campaign_id: second.id }), []);
    await assertCounts();
    const [gone] = await post(5, '/rpc/delete_campaign', { campaign_id: second.id });
    assert.deepEqual([gone.id, gone.name], [second.id, second.name]);
    forget(5, second.id);
    await assertCounts();
  });

  test('new rows come after the loaded ones and are the company\'s', async () => {
    const at = '2026-01-02 03:04:05';
    const [made] = await post(7, '/campaigns', { name: 'Late', cost_model: 'cost_per_click', state: 'running', monthly_budget: 10, created_at: at, updated_at: at });
    assert.deepEqual([made.company_id, made.id], [7, Math.max(...readCsv(file('campaigns'), COLUMNS.campaigns, NUMBERS).map((c) => c.id)) + 1]);
    const foreign = await app.http('POST', '/ads', { tenant: 5, body: { campaign_id: made.id, name: 'x', created_at: at, updated_at: at } });
    assert.equal(foreign.status, 409, 'another company\'s campaign is none');
  });
});

describe('the demo:', () => {
  const settings = ['data.port=0', 'control.port=0', `demo.generate=demo/generate --companies ${COMPANIES} --rows 4000 --seed 7 --out {dir} --tenants-json {dir}/tenants.json`];

  test('dev loads it, answers the questions in SQL and over HTTP, and ends by itself', async () => {
    const demo = prepareApp({ appDir: ADS, settings });
    const r = await demo.run(['dev', '--once'], { timeout: 120000 });
    assert.equal(r.status, 0, r.stdout + r.stderr);
    for (const said of [/20 tenants created/, /\d+ rows loaded into impressions/]) assert.match(r.stderr + r.stdout, said);
    assert.match(r.stdout, /The questions, in SQL/);
    assert.match(r.stdout, /how many companies are there\?\n +count\n +20\n/);
    assert.match(r.stdout, /The questions, over HTTP/);
    assert.match(r.stdout, /ads is running with 20 tenants/);
    assert.match(r.stdout, /"name":"Demo"/);
    assert.match(r.stdout, /foreign_tenant/);
    assert.equal(demo.postmaster, null);

    const again = await demo.run(['dev', '--once'], { timeout: 120000 });
    assert.equal(again.status, 0, again.stdout + again.stderr);
    assert.doesNotMatch(again.stderr + again.stdout, /rows loaded|tenants created/);
    const kept = await demo.run(['psql', '--', '-XAtc', 'SELECT count(*) FROM companies']);
    assert.equal(kept.stdout, `${COMPANIES}\n`);
    await demo.stop();
  });

  test('an upgrade from the first version to the second keeps the data', async () => {
    const old = app.sibling({ appDir: ADS, files: { 'rowhouse.conf': fs.readFileSync(path.join(ADS, 'rowhouse.conf'), 'utf8').replace('name = ads', 'name = adsold') } });
    const [second] = fs.readdirSync(path.join(ADS, 'tenant')).filter((f) => f.startsWith('0002'));
    old.write({ [`tenant/${second}`]: null });
    await old.ok(['migrate']);
    await old.ok(['tenant', 'create', 'acme', '--id', '7']);
    const rows = fs.readFileSync(file('campaigns'), 'utf8').split('\n').filter((line) => line.split(',')[1] === '7');
    await old.ok(['load', 'campaigns'], { input: rows.join('\n') });
    old.write({ [`tenant/${second}`]: fs.readFileSync(path.join(ADS, 'tenant', second), 'utf8') });
    assert.match((await old.run(['migrate', 'status'])).stdout, /pending:\n {2}tenant\/0002_/);
    await old.ok(['migrate']);
    assert.equal(await old.psql('acme', 'SELECT count(*) FROM campaigns'), String(rows.length));
    assert.equal(await old.psql('acme', 'SELECT count(*) FROM campaign_report'), '0');
  });
});
