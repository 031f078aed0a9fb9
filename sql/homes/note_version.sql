-- A migration the app has. $1 set, $2 number, $3 name, $4 checksum. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.versions (set, number, name, checksum) VALUES ($1, $2, $3, $4)
ON CONFLICT (set, number) DO NOTHING
