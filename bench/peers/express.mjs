// SPDX-License-Identifier: Apache-2.0
// The ads as seed 003's author would serve them: Express and Knex, the tenant from the token's claim. Every query names
// the company by hand; there is no row security. Prints its port; ends with its standard input.
import express from 'express';
import jwt from 'jsonwebtoken';
import knex from 'knex';
import { LIST_COLUMNS, connectionOf } from './common.mjs';

const db = knex({ client: 'pg', connection: connectionOf(), pool: { min: 0, max: Number(process.env.PEER_CONNECTIONS) } });
const app = express();
app.disable('x-powered-by');
app.set('etag', false);

app.use((req, res, next) => {
  try {
    const token = (req.headers.authorization || '').replace(/^Bearer /, '');
    req.company = jwt.verify(token, process.env.PEER_SECRET, { algorithms: ['HS256'] }).tenant;
    next();
  } catch {
    res.status(401).json({ message: 'the token is not valid' });
  }
});

app.get('/ads', async (req, res) => {
  res.json(await db('ads').select(LIST_COLUMNS).where({ company_id: req.company }).orderBy('id').limit(100));
});

app.get('/ads/:id', async (req, res) => {
  const ad = await db('ads').where({ company_id: req.company, id: req.params.id }).first();
  if (ad) res.json(ad);
  else res.status(404).json({ message: 'there is no such ad' });
});

app.get('/report', async (req, res) => {
  res.json(
    await db('campaigns as c')
      .join('ads as a', { 'a.company_id': 'c.company_id', 'a.campaign_id': 'c.id' })
      .where({ 'c.company_id': req.company, 'c.state': 'running' })
      .groupBy('c.id', 'c.name', 'c.monthly_budget')
      .select('c.id', 'c.name', 'c.monthly_budget')
      .sum({ total_impressions: 'a.impressions_count', total_clicks: 'a.clicks_count' })
      .orderBy(['total_impressions', 'total_clicks']),
  );
});

app.post('/ads', express.json(), async (req, res) => {
  const [ad] = await db('ads').insert({ ...req.body, company_id: req.company }).returning('*');
  res.status(201).json(ad);
});

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
