// SPDX-License-Identifier: Apache-2.0
// What the peers share: how to reach PostgreSQL (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE), what a list shows.
export const LIST_COLUMNS = [
  'id', 'campaign_id', 'name', 'image_url', 'target_url', 'impressions_count', 'clicks_count', 'created_at',
];

export const connectionOf = () => ({
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
});
