-- A home that stood by is gone. $1 home. No row. PostgreSQL 15 and newer.
DELETE FROM rowhouse.homes h USING rowhouse.standby_homes s WHERE h.id = $1 AND s.home = h.id AND s.state = 'leaving'
