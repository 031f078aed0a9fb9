-- The company's own row, made together with the tenant. :id and :name are the tenant's; :image_url is a
-- column that catalog/ added.
INSERT INTO companies (id, name, image_url, created_at, updated_at)
VALUES (:id, :name, :image_url, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC');
