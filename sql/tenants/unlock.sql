-- Gives back what lock.sql took. $1 id. Row: whether it was held. PostgreSQL 15 and newer.
SELECT pg_advisory_unlock(hashtext('rowhouse tenant'), hashtext($1))
