// SPDX-License-Identifier: Apache-2.0
//
// Small apps for tests: {path: text} as startApp() takes them. Spread one and override files to vary it.

const KEY = {
  // notes have ids of their own from a sequence, tasks hang on notes
  bigint: { type: 'bigint', id: 'bigserial' },
  uuid: { type: 'uuid', id: 'uuid DEFAULT gen_random_uuid()' },
};

/**
 * An app with the root `clients`, the tenant tables `notes` and `tasks` (tasks.note_id -> notes), and the reference
 * table `colours`. The tenant key is `client_id`. Tenants have the profile columns `plan` and `seats`.
 */
export function makeApp({ name = 'tiny', idType = 'bigint' } = {}) {
  const key = KEY[idType];
  return {
    'rowhouse.conf': `[app]
name = ${name}
tenant_key = client_id
root = clients
id_type = ${idType}
`,
    'catalog/0001_profile.sql': `ALTER TABLE rowhouse.tenants ADD COLUMN plan text, ADD COLUMN seats integer;
`,
    'reference/0001_colours.sql': `CREATE TABLE colours (
  name text PRIMARY KEY,
  rgb text NOT NULL
);
INSERT INTO colours VALUES ('red', '#f00'), ('green', '#0f0');
`,
    'tenant/0001_notes.sql': `CREATE TABLE clients (
  id ${key.type} PRIMARY KEY,
  name text NOT NULL,
  plan text
);

CREATE TABLE notes (
  client_id ${key.type} NOT NULL REFERENCES clients (id),
  id ${key.id},
  title text NOT NULL,
  body text,
  stars integer DEFAULT 0 CHECK (stars >= 0),
  tags text[],
  extra jsonb,
  PRIMARY KEY (client_id, id)
);

CREATE TABLE tasks (
  client_id ${key.type} NOT NULL,
  id ${key.id},
  note_id ${key.type} NOT NULL,
  title text NOT NULL,
  done boolean NOT NULL DEFAULT false,
  PRIMARY KEY (client_id, id),
  FOREIGN KEY (client_id, note_id) REFERENCES notes (client_id, id) ON DELETE CASCADE
);

CREATE VIEW open_tasks WITH (security_invoker) AS SELECT client_id, id, note_id, title FROM tasks WHERE NOT done;

CREATE FUNCTION finish_task(task ${key.type}) RETURNS SETOF tasks LANGUAGE sql
BEGIN ATOMIC
  UPDATE tasks t SET done = true WHERE t.client_id = rowhouse.tenant_id() AND t.id = finish_task.task RETURNING t.*;
END;
`,
    'tenant/on_create.sql': `INSERT INTO clients (id, name, plan) VALUES (:id, :name, :plan);
`,
  };
}
