-- The tenants of a home. $1 its number. Row: id. PostgreSQL 15 and newer.
SELECT id FROM rowhouse.tenants WHERE home = $1 AND state <> 'dropping'
