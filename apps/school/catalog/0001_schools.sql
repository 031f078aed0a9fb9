-- The catalog in the school's own words. INSERT INTO schools (school_name, school_database) makes a tenant that waits for
-- its database; `rowhouse migrate` makes the database and brings it to the newest version. school_database may be left
-- out: it is then named by the home's number.
CREATE VIEW schools AS
SELECT id AS school_id, name AS school_name, home_name AS school_database
FROM rowhouse.tenants;
