-- The shared home of a node. $1 node. Row: its number. No row: nothing has been migrated yet. PostgreSQL 15 and newer.
SELECT id FROM rowhouse.homes WHERE model = 'shared' AND node = $1 ORDER BY id LIMIT 1
