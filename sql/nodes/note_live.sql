-- Keeps how large a node was, or that it is away. $1 number, $2 bytes or NULL: away. No row. PostgreSQL 15 and newer.
UPDATE rowhouse.nodes SET bytes = coalesce($2::bigint, bytes), measured_at = now(),
    away_since = CASE WHEN $2::bigint IS NULL THEN coalesce(away_since, now()) END
WHERE id = $1
