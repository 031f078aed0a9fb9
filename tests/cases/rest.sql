-- The world of rest.txt and rest_rows.txt: the ads app with what else the dialect engine must cope with. Rows of
-- the tenants 5 and 7; everything that only tenant 7 has is called canary.
CREATE SCHEMA reference;
CREATE ROLE rest_server LOGIN;
CREATE TYPE mood AS ENUM ('glad', 'sad');

CREATE TABLE companies (id bigserial PRIMARY KEY, name text NOT NULL);
CREATE TABLE campaigns (
    id bigserial, company_id bigint REFERENCES companies (id), name text NOT NULL,
    state text NOT NULL DEFAULT 'running', monthly_budget bigint, blacklisted_site_urls text[], parent_id bigint,
    created_at timestamp NOT NULL DEFAULT '2020-01-02 03:04:05',
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, parent_id) REFERENCES campaigns (company_id, id));
CREATE TABLE ads (
    id bigserial, company_id bigint, campaign_id bigint, backup_id bigint, name text NOT NULL,
    impressions_count bigint DEFAULT 0, clicks_count bigint DEFAULT 0,
    PRIMARY KEY (company_id, id),
    CONSTRAINT ads_campaign FOREIGN KEY (company_id, campaign_id) REFERENCES campaigns (company_id, id) ON DELETE CASCADE,
    CONSTRAINT ads_backup FOREIGN KEY (company_id, backup_id) REFERENCES campaigns (company_id, id));
CREATE TABLE clicks (
    id bigserial, company_id bigint, ad_id bigint, clicked_at timestamptz NOT NULL DEFAULT '2020-01-02 03:04:05+00',
    user_ip inet NOT NULL DEFAULT '1.2.3.4', user_data jsonb NOT NULL DEFAULT '{}', cost numeric(20, 10),
    PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE);
CREATE TABLE details (
    company_id bigint, ad_id bigint, note text, PRIMARY KEY (company_id, ad_id),
    FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE);
CREATE TABLE forms (
    company_id bigint, id bigint, d double precision, f boolean, j json, ts timestamp, tz timestamptz, iv interval,
    da date, b bytea, a int[], num numeric, m mood, twice bigint GENERATED ALWAYS AS (id * 2) STORED,
    "odd ""name" text, PRIMARY KEY (company_id, id));
CREATE TABLE tags (company_id bigint, id bigint, label text NOT NULL, PRIMARY KEY (company_id, id), UNIQUE (company_id, label));
CREATE TABLE ads_tags (
    company_id bigint, ad_id bigint, tag_id bigint, weight int DEFAULT 1, PRIMARY KEY (company_id, ad_id, tag_id),
    FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE,
    FOREIGN KEY (company_id, tag_id) REFERENCES tags (company_id, id));
CREATE TABLE unkeyed (id int PRIMARY KEY, secret text);
CREATE VIEW running WITH (security_invoker) AS SELECT id, company_id, name FROM campaigns WHERE state = 'running';
CREATE VIEW leaky AS SELECT id, name FROM campaigns;
-- keys of views: by another name, none where rows are not a table's, or the key is not the table's
CREATE VIEW renamed WITH (security_invoker) AS SELECT name AS title, company_id, id AS "the no" FROM campaigns;
CREATE VIEW joined WITH (security_invoker) AS SELECT a.id, a.company_id, c.name FROM ads a JOIN campaigns c ON c.company_id = a.company_id AND c.id = a.campaign_id;
CREATE VIEW nameless WITH (security_invoker) AS SELECT company_id, name FROM campaigns;
CREATE VIEW looked_up WITH (security_invoker) AS SELECT (SELECT max(id) FROM ads) AS id, company_id, name FROM campaigns;
CREATE TABLE reference.geo_ips (addrs cidr NOT NULL PRIMARY KEY, country text);

CREATE FUNCTION add_them(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION top_ads(n int) RETURNS SETOF ads LANGUAGE sql STABLE AS 'SELECT * FROM public.ads ORDER BY id LIMIT n';
CREATE FUNCTION one_ad() RETURNS ads LANGUAGE sql STABLE AS 'SELECT * FROM public.ads ORDER BY id LIMIT 1';
CREATE FUNCTION ranked() RETURNS TABLE (ad bigint, rank bigint) LANGUAGE sql STABLE
    AS 'SELECT id, rank() OVER (ORDER BY impressions_count DESC, id) FROM public.ads';
CREATE FUNCTION ids() RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT id FROM public.ads ORDER BY id';
CREATE FUNCTION moods(m mood[]) RETURNS mood[] LANGUAGE sql IMMUTABLE AS 'SELECT m';
CREATE FUNCTION bump(ad bigint) RETURNS SETOF ads LANGUAGE sql
    AS 'UPDATE public.ads SET clicks_count = clicks_count + 1 WHERE id >= ad RETURNING *';
-- computed fields and relationships
CREATE FUNCTION shout(ads) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1.name)';
CREATE FUNCTION title_length(renamed) RETURNS int LANGUAGE sql STABLE AS 'SELECT length($1.title)';
CREATE FUNCTION name_parts(ads) RETURNS text[] LANGUAGE sql STABLE AS 'SELECT regexp_split_to_array($1.name, '''')';
CREATE FUNCTION rows_siblings(ads) RETURNS SETOF ads LANGUAGE sql STABLE
    AS 'SELECT * FROM public.ads a WHERE a.campaign_id = $1.campaign_id AND a.id <> $1.id';
CREATE FUNCTION rows_backup(ads) RETURNS SETOF campaigns ROWS 1 LANGUAGE sql STABLE
    AS 'SELECT * FROM public.campaigns c WHERE c.id = $1.backup_id';
CREATE FUNCTION rows_first(ad ads) RETURNS clicks LANGUAGE sql STABLE
    AS 'SELECT * FROM public.clicks c WHERE c.ad_id = $1.id ORDER BY id LIMIT 1';
-- a column of each kind that operators are about, for rest_words.txt
CREATE TABLE samples (
    company_id bigint, id bigint, n int, t text, ok boolean, tags text[], span int4range, doc tsvector, note text, j jsonb,
    day date, at timestamptz, amount numeric(8, 2), host inet, kind mood, PRIMARY KEY (company_id, id));
CREATE TABLE parts (
    company_id bigint, id bigint, sample_id bigint, label text, size int, PRIMARY KEY (company_id, id),
    FOREIGN KEY (company_id, sample_id) REFERENCES samples (company_id, id) ON DELETE CASCADE);
CREATE FUNCTION doubled(samples) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.n * 2';
CREATE FUNCTION samples_over(above int, upto int DEFAULT 1000) RETURNS SETOF samples LANGUAGE sql STABLE
    AS 'SELECT * FROM public.samples WHERE n > above AND n <= upto ORDER BY id';
CREATE TABLE seats (
    company_id bigint, id bigint, place int, PRIMARY KEY (company_id, id),
    CONSTRAINT seats_place UNIQUE (company_id, place) DEFERRABLE INITIALLY DEFERRED);
CREATE SCHEMA kinds;
CREATE DOMAIN kinds."text/x-note" AS text;
CREATE FUNCTION a_note(text) RETURNS kinds."text/x-note" LANGUAGE sql IMMUTABLE AS $$SELECT ('note: ' || $1)::kinds."text/x-note"$$;
-- views over views, and a view that shows a column twice
CREATE TABLE plots (company_id bigint, id bigint, name text, beside bigint, PRIMARY KEY (company_id, id),
    CONSTRAINT plots_beside FOREIGN KEY (company_id, beside) REFERENCES plots (company_id, id));
CREATE TABLE plants (company_id bigint, id bigint, kind text, plot_id bigint, tag bigint, PRIMARY KEY (company_id, id), UNIQUE (company_id, tag),
    CONSTRAINT plants_plot FOREIGN KEY (company_id, plot_id) REFERENCES plots (company_id, id));
CREATE TABLE plant_tags (company_id bigint, no bigint, PRIMARY KEY (company_id, no));
ALTER TABLE plants ADD CONSTRAINT plants_tag FOREIGN KEY (company_id, tag) REFERENCES plant_tags (company_id, no);
CREATE VIEW plants_seen WITH (security_invoker) AS SELECT kind, id, plot_id, company_id FROM plants;
CREATE VIEW plants_seen_again WITH (security_invoker) AS SELECT company_id, id AS plant, kind, plot_id AS plot FROM plants_seen;
CREATE VIEW plots_seen WITH (security_invoker) AS SELECT * FROM plots;
CREATE VIEW plants_twice WITH (security_invoker) AS SELECT company_id, id, plot_id AS here, plot_id AS there FROM plants;
CREATE VIEW plants_ruled WITH (security_invoker) AS SELECT a.company_id, a.id, a.kind FROM plants a JOIN plots b ON b.company_id = a.company_id;
CREATE RULE no_insert AS ON INSERT TO plants_ruled DO INSTEAD NOTHING;
CREATE RULE no_update AS ON UPDATE TO plants_ruled DO INSTEAD NOTHING;
CREATE RULE no_delete AS ON DELETE TO plants_ruled DO INSTEAD NOTHING;
CREATE VIEW plants_ruled_again WITH (security_invoker) AS SELECT company_id, id, kind FROM plants_ruled;
CREATE VIEW plots_beside WITH (security_invoker) AS SELECT a.company_id, a.id, b.id AS middle, b.beside AS far
    FROM plots a JOIN plots b ON b.company_id = a.company_id AND b.id = a.beside;
-- ways to take arguments
CREATE FUNCTION sum_of(VARIADIC n int[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT sum(v) FROM unnest(n) v';
CREATE FUNCTION whole(json) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
CREATE FUNCTION whole(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION whole(bytea) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1)';
CREATE FUNCTION whole(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION pick(a int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'int'$$;
CREATE FUNCTION pick(a date) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'date'$$;
CREATE FUNCTION pick(a text, b int DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'text'$$;
CREATE FUNCTION pick(north int, south int, depth int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'three'$$;
CREATE FUNCTION by_place(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT $1$$;
CREATE FUNCTION join_all(sep text, VARIADIC parts text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT array_to_string(parts, sep)$$;
CREATE DOMAIN known_plot AS plots CHECK ((VALUE).id IS NOT NULL);
CREATE FUNCTION plot_named(wanted text) RETURNS known_plot LANGUAGE sql STABLE AS $$SELECT p::known_plot FROM public.plots p WHERE p.name = wanted$$;
CREATE TYPE extent AS (x int, y int);
CREATE DOMAIN wide_extent AS extent CHECK ((VALUE).x > 0);
CREATE FUNCTION extents(n int) RETURNS SETOF wide_extent LANGUAGE sql IMMUTABLE AS $$SELECT (i, i * 2)::extent::wide_extent FROM generate_series(1, n) i$$;
-- the head of the answer, as the app sets it
CREATE FUNCTION set_head(headers text, status text DEFAULT '') RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('response.headers', headers, true), set_config('response.status', status, true);
    RETURN 1;
END $$;

-- what is told of them: comments, types of the app's own
COMMENT ON SCHEMA public IS E'Ads\nAll that there is to click on.';
COMMENT ON TABLE ads IS E'What is shown\n\nTo people.';
COMMENT ON COLUMN ads.name IS 'Over the picture';
COMMENT ON FUNCTION top_ads IS E'The best\nof them';
CREATE DOMAIN short_text AS varchar(10) NOT NULL DEFAULT 'none';
COMMENT ON DOMAIN short_text IS 'Short';
CREATE DOMAIN shorter AS short_text CHECK (length(VALUE) < 5);
CREATE DOMAIN moody AS mood;
CREATE DOMAIN color AS int;
CREATE FUNCTION color_json(color) RETURNS json LANGUAGE sql IMMUTABLE AS $$SELECT to_json('#' || lpad(to_hex($1::int), 6, '0'))$$;
CREATE FUNCTION color(json) RETURNS color LANGUAGE sql IMMUTABLE AS $$SELECT color($1 #>> '{}')$$;
CREATE FUNCTION color(text) RETURNS color LANGUAGE sql IMMUTABLE AS $$SELECT ('x' || lpad(ltrim($1, '#'), 8, '0'))::bit(32)::int::color$$;
CREATE CAST (color AS json) WITH FUNCTION color_json(color) AS IMPLICIT;
CREATE CAST (json AS color) WITH FUNCTION color(json) AS IMPLICIT;
CREATE CAST (text AS color) WITH FUNCTION color(text) AS IMPLICIT;
CREATE TYPE point3 AS (x int, y int, m mood);
CREATE TABLE painted (
    company_id bigint, id bigint, c color DEFAULT 255, label shorter, kind varchar(3) DEFAULT 'a', m moody DEFAULT 'sad',
    all_m mood[], at point3, PRIMARY KEY (company_id, id));
CREATE DOMAIN "text/shout" AS text;
CREATE FUNCTION shout_one(text, ads) RETURNS "text/shout" LANGUAGE sql IMMUTABLE AS $$SELECT $1 || upper($2.name)$$;
CREATE AGGREGATE shout_ads(ads) (SFUNC = shout_one, STYPE = "text/shout", INITCOND = '');
CREATE FUNCTION slow() RETURNS "text/shout" LANGUAGE sql SET statement_timeout = '4s' SET work_mem = '64kB' AS $$SELECT 'SLOW'::"text/shout"$$;
-- more media types: of any row, of any type, of bytes; a stand-in for PostGIS
CREATE DOMAIN "application/vnd.count" AS text;
CREATE FUNCTION count_one(text, anyelement) RETURNS "application/vnd.count" LANGUAGE sql IMMUTABLE AS $$SELECT $1 || 'x'$$;
CREATE AGGREGATE count_any(anyelement) (SFUNC = count_one, STYPE = "application/vnd.count", INITCOND = '');
CREATE DOMAIN "*/*" AS bytea;
CREATE FUNCTION any_media() RETURNS "*/*" LANGUAGE sql IMMUTABLE AS $$SELECT '\x616263'::bytea$$;
CREATE FUNCTION any_one(bytea, nameless) RETURNS "*/*" LANGUAGE sql IMMUTABLE AS $$SELECT coalesce($1, '') || convert_to($2.name, 'UTF8')$$;
CREATE AGGREGATE any_nameless(nameless) (SFUNC = any_one, STYPE = "*/*");
CREATE DOMAIN "image/png" AS bytea;
CREATE FUNCTION picture() RETURNS "image/png" LANGUAGE sql IMMUTABLE AS $$SELECT '\x69'::bytea$$;
CREATE FUNCTION st_asgeojson(record) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN json_build_object('type', 'Feature', 'properties', to_json($1)); END$$;
CREATE FUNCTION shade(n int) RETURNS color LANGUAGE sql IMMUTABLE AS $$SELECT n::color$$;
CREATE FUNCTION raise_it(state text, message text, detail text DEFAULT '') RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE USING ERRCODE = state, MESSAGE = message, DETAIL = detail;
END $$;

GRANT USAGE ON SCHEMA reference, kinds TO rest_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rest_server;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rest_server;
GRANT SELECT ON ALL TABLES IN SCHEMA reference TO rest_server;

INSERT INTO companies VALUES (5, 'Five'), (7, 'canary company');
INSERT INTO campaigns (id, company_id, name, state, monthly_budget, blacklisted_site_urls, parent_id) VALUES
    (1, 5, 'spring', 'running', 100, '{a,"b c"}', NULL), (2, 5, 'summer', 'paused', 200, NULL, 1),
    (3, 5, 'autumn', 'running', NULL, '{}', 1), (1, 7, 'canary campaign', 'running', 999, NULL, NULL);
INSERT INTO ads (id, company_id, campaign_id, backup_id, name, impressions_count, clicks_count) VALUES
    (1, 5, 1, 2, 'one', 10, 1), (2, 5, 1, NULL, 'two', 30, 2), (3, 5, 2, NULL, 'th"ree', 20, 3),
    (1, 7, 1, NULL, 'canary ad', 99, 9);
INSERT INTO clicks (id, company_id, ad_id, user_ip, user_data, cost) VALUES
    (1, 5, 1, '10.0.0.1', '{"is_mobile": true, "tags": ["x", "y"]}', 0.5), (2, 5, 1, '10.0.0.2', '{"is_mobile": false}', 1),
    (3, 5, 2, '10.1.0.1', '{}', NULL), (1, 7, 1, '10.0.0.9', '{"canary": 1}', 7);
INSERT INTO details VALUES (5, 1, 'first'), (7, 1, 'canary detail');
INSERT INTO tags VALUES (5, 1, 'red'), (5, 2, 'blue'), (5, 3, 'green'), (7, 1, 'canary tag'), (7, 9, 'canary only');
INSERT INTO ads_tags VALUES (5, 1, 1, 3), (5, 1, 2, 1), (5, 2, 2, 1), (7, 1, 1, 9), (7, 1, 9, 9);
INSERT INTO forms VALUES
    (5, 1, 'NaN', true, '{"a" : [1]}', '2020-01-02 03:04:05.5', '2020-01-02 03:04:05+00', '1 day', '2020-02-03', '\x00ff',
     '{1,NULL}', 1.50, 'glad', DEFAULT, E'a"b\n'),
    (5, 2, '-Infinity', false, NULL, 'infinity', '0044-03-15 00:00:00+00 BC', NULL, '-infinity', NULL, NULL, 'NaN', NULL,
     DEFAULT, NULL);
INSERT INTO painted (company_id, id, c, label, m, all_m, at) VALUES
    (5, 1, 255, 'sea', 'glad', '{glad,sad}', '(1,2,sad)'), (5, 2, 16711680, 'fire', 'sad', NULL, NULL), (7, 1, 1, 'x', 'sad', NULL, NULL);
INSERT INTO samples VALUES
    (5, 1, 10, 'alpha', true, '{red,blue}', '[1,5)', to_tsvector('english', 'fat cats ate rats'), 'fat cats ate rats',
     '{"a": {"b": 1}, "tags": ["x", "y"], "s": "one"}', '2024-01-01', '2024-01-01 12:00+00', 1.50, '10.0.0.1', 'glad'),
    (5, 2, 20, 'beta', false, '{red}', '[5,10)', to_tsvector('english', 'the cat sat'), 'the cat sat',
     '{"a": {"b": 2}, "tags": [], "s": "two"}', '2024-02-01', '2024-02-01 12:00+00', 20.25, '10.0.0.2', 'sad'),
    (5, 3, 30, 'Alphabet', NULL, '{}', '[3,7)', to_tsvector('english', 'dogs and foxes'), 'dogs and foxes',
     '{"a": null}', '2024-03-01', NULL, 0, '10.1.0.1', 'sad'),
    (5, 4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (7, 1, 10, 'alpha canary', true, '{red,canary}', '[1,5)', to_tsvector('english', 'fat cats canary'), 'canary',
     '{"a": {"b": 1}, "canary": 1}', '2024-01-01', '2024-01-01 12:00+00', 1.50, '10.0.0.1', 'glad');
INSERT INTO seats VALUES (5, 1, 1), (5, 2, 2), (7, 1, 1);
INSERT INTO parts VALUES (5, 1, 1, 'lid', 3), (5, 2, 1, 'base', 9), (5, 3, 2, 'lid', 4), (7, 1, 1, 'canary part', 1);
INSERT INTO plots VALUES (5, 1, 'south', NULL), (5, 2, 'north', 1), (5, 3, 'east', 2), (7, 1, 'canary plot', NULL);
INSERT INTO plant_tags VALUES (5, 11), (5, 12), (7, 11);
INSERT INTO plants VALUES (5, 1, 'fern', 1, 11), (5, 2, 'moss', 1, NULL), (5, 3, 'reed', 2, 12), (7, 1, 'canary plant', 1, 11);
INSERT INTO unkeyed VALUES (1, 'canary secret');
INSERT INTO reference.geo_ips VALUES ('10.0.0.0/24', 'AT'), ('10.1.0.0/16', 'DE');
SELECT setval('ads_id_seq', 100), setval('campaigns_id_seq', 100);
DO $$ -- what fittings do to shared homes
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{campaigns,ads,clicks,details,forms,tags,ads_tags,painted,plots,plants,plant_tags,samples,parts,seats}'::text[] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY p ON %I USING (company_id = current_setting(''rowhouse.tenant'')::bigint)', t);
    END LOOP;
END $$;
