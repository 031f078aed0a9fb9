-- A copy notes what it is a copy of. $1 array of tables, $2 array of revisions. No row. PostgreSQL 15 and newer.
INSERT INTO rowhouse.reference_revisions (name, revision) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (name) DO UPDATE SET revision = excluded.revision
