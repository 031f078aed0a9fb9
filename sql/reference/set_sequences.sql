-- Sequences of a copy go where the origin's stand, so that migrations which insert rows give them the same ids. $1 schema of
-- the reference set, $2 array of names, $3 array of last values. Row: how many. PostgreSQL 15 and newer.
SELECT count(setval(format('%I.%I', s.schemaname, s.sequencename)::regclass, o.last))
FROM unnest($2::text[], $3::bigint[]) AS o (name, last) JOIN pg_sequences s ON s.schemaname = $1 AND s.sequencename = o.name
WHERE s.last_value IS DISTINCT FROM o.last
