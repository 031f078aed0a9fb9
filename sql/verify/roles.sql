-- Every role but the session's own. Row: name. PostgreSQL 15 and newer.
SELECT rolname FROM pg_roles WHERE rolname <> session_user ORDER BY rolname
