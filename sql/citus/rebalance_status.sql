-- How far a rebalance is. $1 job. Row: state, moves done, moves in all, what the last failed one said or NULL. Citus 12 and newer.
SELECT s.state::text, coalesce((s.details -> 'task_state_counts' ->> 'done')::integer, 0),
       (SELECT count(*) FROM pg_catalog.pg_dist_background_task t WHERE t.job_id = s.job_id),
       (SELECT t.message FROM pg_catalog.pg_dist_background_task t
        WHERE t.job_id = s.job_id AND t.status::text IN ('error', 'unscheduled') AND t.message IS NOT NULL ORDER BY t.task_id LIMIT 1)
FROM pg_catalog.citus_rebalance_status() s WHERE s.job_id = $1
