-- Reports and actions. Views run as their caller and show company_id, so that Rowhouse can name the company
-- in every statement on them as well. They group by all the columns they show: by a key alone, Citus could not bring
-- them to its workers.

-- Under row security an index is searched only by leakproof comparisons, which ->> is not. Here the key is
-- searched and the comparison is the index's own condition, so clicks by phone are found without reading the
-- others (docs/rls-and-indexes.md in the repository).
CREATE INDEX clicks_mobile ON clicks (company_id, clicked_at) WHERE user_data ->> 'is_mobile' = 'true';

-- The ads of each campaign, the most seen first.
CREATE VIEW ad_ranks WITH (security_invoker) AS
SELECT company_id, campaign_id, id AS ad_id, name, n_impressions,
       rank() OVER (PARTITION BY company_id, campaign_id ORDER BY n_impressions DESC) AS rank
FROM (
  SELECT a.company_id, a.campaign_id, a.id, a.name, count(i.id) AS n_impressions
  FROM ads a LEFT JOIN impressions i ON i.company_id = a.company_id AND i.ad_id = a.id
  GROUP BY a.company_id, a.campaign_id, a.id, a.name
) seen;

-- Where clicks came from. geo_ips is the reference table.
CREATE VIEW click_locations WITH (security_invoker) AS
SELECT c.company_id, c.id AS click_id, c.ad_id, c.clicked_at, c.user_ip, g.addrs, g.latlon
FROM clicks c JOIN geo_ips g ON g.addrs >> c.user_ip;

-- Running campaigns with what their ads brought. Joined on the campaign too: on the company alone, every
-- campaign would show the sums of the whole company.
CREATE VIEW campaign_report WITH (security_invoker) AS
SELECT c.company_id, c.id, c.name, c.monthly_budget,
       sum(a.impressions_count) AS total_impressions, sum(a.clicks_count) AS total_clicks
FROM campaigns c JOIN ads a ON a.company_id = c.company_id AND a.campaign_id = c.id
WHERE c.state = 'running'
GROUP BY c.company_id, c.id, c.name, c.monthly_budget;

-- Phones against desks.
CREATE VIEW clicks_by_device WITH (security_invoker) AS
SELECT company_id, ad_id, user_data ->> 'is_mobile' IS NOT DISTINCT FROM 'true' AS is_mobile,
       count(*) AS n_clicks
FROM clicks
GROUP BY company_id, ad_id, is_mobile;

-- A campaign with all its ads, in one transaction. Gives back the campaign; no row when the company has none. In PL/pgSQL and
-- with the company in a variable, so that Citus finds the one shard that each statement is about.
CREATE FUNCTION delete_campaign(campaign_id bigint) RETURNS SETOF campaigns LANGUAGE plpgsql ROWS 1 AS $$
DECLARE
  company bigint := rowhouse.tenant_id();
BEGIN
  DELETE FROM ads a
  WHERE a.company_id = company AND a.campaign_id = delete_campaign.campaign_id;
  RETURN QUERY DELETE FROM campaigns c
  WHERE c.company_id = company AND c.id = delete_campaign.campaign_id
  RETURNING c.*;
END $$;

-- Twice the budget. Gives back the campaign as it is now.
CREATE FUNCTION double_budget(campaign_id bigint) RETURNS SETOF campaigns LANGUAGE plpgsql ROWS 1 AS $$
DECLARE
  company bigint := rowhouse.tenant_id();
BEGIN
  RETURN QUERY UPDATE campaigns c SET monthly_budget = c.monthly_budget * 2, updated_at = now() AT TIME ZONE 'UTC'
  WHERE c.company_id = company AND c.id = double_budget.campaign_id
  RETURNING c.*;
END $$;
