-- As list_json.sql, for people. $1 what list_json.sql gave. Rows. PostgreSQL 15 and newer.
SELECT e ->> 'name' AS name, e ->> 'state' AS state, e ->> 'kind' AS kind, e ->> 'version' AS postgresql,
       (e ->> 'tenants')::bigint AS tenants, pg_size_pretty((e ->> 'bytes')::bigint) AS size,
       (e ->> 'connections') || ' of ' || (e ->> 'max_connections') AS connections,
       CASE WHEN (e ->> 'reachable')::boolean THEN 'yes'
            ELSE 'no, since ' || to_char((e ->> 'away_since')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END AS reachable
FROM jsonb_array_elements($1::jsonb) e
