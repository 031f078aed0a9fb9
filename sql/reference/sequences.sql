-- Where the sequences of the reference tables stand. $1 schema of the reference set. Row: array of names, array of last
-- values. PostgreSQL 15 and newer.
SELECT array_agg(sequencename), array_agg(last_value) FROM pg_sequences WHERE schemaname = $1 AND last_value IS NOT NULL
