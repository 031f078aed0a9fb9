-- Companies run campaigns, campaigns have ads, ads have clicks and impressions.
--
-- Every primary and foreign key begins with the company: uniqueness is promised within one company only, and
-- no row can refer to another company's. Deleting a campaign deletes what hangs on it.
CREATE TABLE companies (
  id bigserial PRIMARY KEY,
  name text NOT NULL,
  image_url text,
  created_at timestamp without time zone NOT NULL,
  updated_at timestamp without time zone NOT NULL
);

CREATE TABLE campaigns (
  id bigserial,
  company_id bigint NOT NULL REFERENCES companies (id),
  name text NOT NULL,
  cost_model text NOT NULL,
  state text NOT NULL,
  monthly_budget bigint,
  blacklisted_site_urls text[],
  created_at timestamp without time zone NOT NULL,
  updated_at timestamp without time zone NOT NULL,
  PRIMARY KEY (company_id, id)
);

CREATE TABLE ads (
  id bigserial,
  company_id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  name text NOT NULL,
  image_url text,
  target_url text,
  impressions_count bigint DEFAULT 0,
  clicks_count bigint DEFAULT 0,
  created_at timestamp without time zone NOT NULL,
  updated_at timestamp without time zone NOT NULL,
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, campaign_id) REFERENCES campaigns (company_id, id) ON DELETE CASCADE
);

CREATE TABLE clicks (
  id bigserial,
  company_id bigint NOT NULL,
  ad_id bigint NOT NULL,
  clicked_at timestamp without time zone NOT NULL,
  site_url text NOT NULL,
  cost_per_click_usd numeric(20,10),
  user_ip inet NOT NULL,
  user_data jsonb NOT NULL,
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE
);

CREATE TABLE impressions (
  id bigserial,
  company_id bigint NOT NULL,
  ad_id bigint NOT NULL,
  seen_at timestamp without time zone NOT NULL,
  site_url text NOT NULL,
  cost_per_impression_usd numeric(20,10),
  user_ip inet NOT NULL,
  user_data jsonb NOT NULL,
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, ad_id) REFERENCES ads (company_id, id) ON DELETE CASCADE
);

-- The ads of a campaign, the clicks and impressions of an ad, newest last; the cascades use them too.
CREATE INDEX ads_campaign ON ads (company_id, campaign_id);
CREATE INDEX clicks_ad ON clicks (company_id, ad_id, clicked_at);
CREATE INDEX impressions_ad ON impressions (company_id, ad_id, seen_at);
