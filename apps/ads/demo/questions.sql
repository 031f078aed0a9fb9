-- The tutorial's questions. The line above each says who asks:
--   operator   rowhouse psql           sees all companies
--   tenant N   rowhouse psql N         sees company N only, with or without `company_id = N`
-- A tenant may leave the condition on the company out; the data door never does, so that there are two walls.

-- operator: how many companies are there?
SELECT count(*) FROM companies;

-- tenant 5: ten campaigns, the smallest monthly budget first
SELECT name, cost_model, state, monthly_budget FROM campaigns
WHERE company_id = 5
ORDER BY monthly_budget LIMIT 10;

-- tenant 7: the running campaigns, with what their ads brought
-- The tutorial joins on the company only, which gives every campaign the sums of all. The view campaign_report is this
-- statement.
SELECT campaigns.id, campaigns.name, campaigns.monthly_budget,
       sum(impressions_count) AS total_impressions, sum(clicks_count) AS total_clicks
FROM ads, campaigns
WHERE ads.company_id = campaigns.company_id AND ads.campaign_id = campaigns.id
  AND campaigns.company_id = 7
  AND campaigns.state = 'running'
GROUP BY campaigns.id, campaigns.name, campaigns.monthly_budget
ORDER BY total_impressions, total_clicks;

-- tenant 5: twice the budget for campaign 1
UPDATE campaigns SET monthly_budget = monthly_budget * 2 WHERE id = 1 AND company_id = 5;

-- tenant 5: the same by the app's function, which answers with the campaign
SELECT id, name, monthly_budget FROM double_budget(1);

-- tenant 5: its ads, ranked by impressions within their campaigns
SELECT campaign_id, rank, ad_id, name, n_impressions FROM ad_ranks
WHERE company_id = 5
ORDER BY campaign_id, rank LIMIT 10;

-- tenant 5: where the clicks on its most clicked ad came from
SELECT click_id, clicked_at, user_ip, addrs, latlon FROM click_locations
WHERE company_id = 5 AND ad_id = (SELECT id FROM ads WHERE company_id = 5 ORDER BY clicks_count DESC, id LIMIT 1)
ORDER BY click_id LIMIT 10;

-- tenant 5: phones against desks
SELECT is_mobile, sum(n_clicks) AS clicks FROM clicks_by_device
WHERE company_id = 5
GROUP BY is_mobile ORDER BY is_mobile;

-- tenant 5: the latest clicks by phone, found by the partial index clicks_mobile
SELECT id, ad_id, clicked_at, user_data ->> 'location' AS location FROM clicks
WHERE company_id = 5 AND user_data ->> 'is_mobile' = 'true'
ORDER BY clicked_at DESC LIMIT 5;

-- tenant 5: campaign 1 and its ads go, in one transaction
-- Deleting the campaign takes the ads along already.
BEGIN;
DELETE FROM campaigns WHERE id = 1 AND company_id = 5;
DELETE FROM ads WHERE campaign_id = 1 AND company_id = 5;
COMMIT;

-- tenant 5: another one, by the app's function
SELECT id, name FROM delete_campaign((SELECT max(id) FROM campaigns WHERE company_id = 5));
