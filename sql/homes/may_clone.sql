-- Whether a database of a home can be cloned from the template as it is. $1 its name, $2 the template, $3 the app's owner.
-- Row: nothing of that name is there, the template is, and databases of single tenants may be here. PostgreSQL 15 and newer.
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)
   AND EXISTS (SELECT FROM pg_database WHERE datname = $2 AND pg_get_userbyid(datdba) = $3)
   AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')
