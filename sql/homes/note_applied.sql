-- A migration is applied. $1 home, $2 set, $3 number, $4 name, $5 checksum. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.applied_migrations (home, set, number, name, checksum) VALUES ($1, $2, $3, $4, $5)
