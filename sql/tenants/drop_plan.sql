-- What a drop that is under way still has to know. $1 id. Row: slug, whether a dump is still to be made, its stamp.
-- PostgreSQL 15 and newer.
SELECT slug, keep_dump AND dump IS NULL, to_char(begun_at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"')
FROM rowhouse.drops WHERE tenant = $1
