-- Where addresses are. The same for every company, so it stands once in a database and is read only.
CREATE TABLE geo_ips (
  addrs cidr NOT NULL PRIMARY KEY,
  latlon point NOT NULL
    CONSTRAINT geo_ips_latlon_check CHECK (latlon[0] BETWEEN -90 AND 90 AND latlon[1] BETWEEN -180 AND 180)
);

-- Finds the range that holds an address: addrs >> user_ip.
CREATE INDEX geo_ips_addrs ON geo_ips USING gist (addrs inet_ops);
