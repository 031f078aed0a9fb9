-- Which reference rows a home has, as a cache. $1 home, $2 the rows in one word. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.homes SET reference_rows = $2 WHERE id = $1 AND reference_rows <> $2
