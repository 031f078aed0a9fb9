-- Moves a sequence past a number, never back. $1 sequence, $2 number. Row: the number, or none. PostgreSQL 15 and newer.
SELECT setval($1::regclass, $2::bigint)
WHERE $2::bigint > coalesce(pg_sequence_last_value($1::regclass), 0)
