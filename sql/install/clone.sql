-- What a clone does not take along from its template: the rights on the database itself. Run as the admin, elsewhere.
-- Variables: database, server, operator. PostgreSQL 15 and newer.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"server", :"operator";
