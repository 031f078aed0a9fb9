-- The adoption that a tenant's creation is. $1 tenant. Row: version at which the database was taken over. No row: the home
-- is made, not taken over. PostgreSQL 15 and newer.
SELECT version FROM rowhouse.adoptions WHERE tenant = $1
