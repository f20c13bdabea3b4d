-- The stand-in's own tables. Applied at every start; every statement may run again.
-- Limits of texts are at the end.
-- A namespace is known by its name; all else has a generated id.

CREATE TABLE IF NOT EXISTS namespaces (
  name        text PRIMARY KEY,
  owner       text NOT NULL,
  description text,
  hidden      boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL
);

-- Jobs ------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS jobs (
  id              uuid PRIMARY KEY,
  namespace       text NOT NULL REFERENCES namespaces (name),
  name            text NOT NULL,  -- with the names of its parents: dag.task
  simple_name     text NOT NULL,
  parent_id       uuid REFERENCES jobs (id),
  type            text NOT NULL,
  description     text,
  location        text,
  inputs          jsonb NOT NULL,
  current_version uuid,
  current_run     uuid,
  hidden          boolean NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  UNIQUE (namespace, name)
);

CREATE TABLE IF NOT EXISTS job_versions (
  id         uuid PRIMARY KEY,
  version    uuid NOT NULL UNIQUE,
  job_id     uuid NOT NULL REFERENCES jobs (id),
  location   text,
  latest_run uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS job_versions_of_job ON job_versions (job_id);

CREATE TABLE IF NOT EXISTS job_version_io (
  version_id uuid NOT NULL REFERENCES job_versions (id),
  dataset_id uuid NOT NULL,
  direction  text NOT NULL CHECK (direction IN ('INPUT', 'OUTPUT')),
  job_id     uuid NOT NULL,
  current    boolean NOT NULL,
  position   bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (version_id, dataset_id, direction)
);
CREATE INDEX IF NOT EXISTS job_version_io_of_job ON job_version_io (job_id) WHERE current;
CREATE INDEX IF NOT EXISTS job_version_io_of_dataset ON job_version_io (dataset_id);

-- Runs ------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS runs (
  id              uuid PRIMARY KEY,
  parent_run      uuid,
  job_id          uuid NOT NULL REFERENCES jobs (id),
  job_version     uuid REFERENCES job_versions (id),
  namespace       text NOT NULL,  -- as first reported; the job may differ for a reused run id
  job_name        text NOT NULL,
  args            jsonb NOT NULL,
  state           text,
  nominal_start   timestamptz,
  nominal_end     timestamptz,
  started_at      timestamptz,
  ended_at        timestamptz,
  transitioned_at timestamptz,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_of_job ON runs (job_id);
CREATE INDEX IF NOT EXISTS runs_of_name ON runs (namespace, job_name);

-- Datasets --------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS datasets (
  id               uuid PRIMARY KEY,
  namespace        text NOT NULL REFERENCES namespaces (name),
  name             text NOT NULL,
  physical_name    text NOT NULL,
  type             text NOT NULL,
  source           text NOT NULL,
  description      text,
  current_version  uuid,
  last_modified_at timestamptz,
  deleted          boolean NOT NULL DEFAULT false,
  hidden           boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS datasets_by_name ON datasets (namespace, name);

-- A dataset answers to its primary name and to every symlink.
CREATE TABLE IF NOT EXISTS dataset_names (
  namespace  text NOT NULL REFERENCES namespaces (name),
  name       text NOT NULL,
  dataset_id uuid NOT NULL,
  is_primary boolean NOT NULL,
  type       text,
  PRIMARY KEY (namespace, name)
);
CREATE INDEX IF NOT EXISTS dataset_names_of_dataset ON dataset_names (dataset_id);

CREATE OR REPLACE VIEW visible_datasets AS
  SELECT d.id, n.namespace, n.name, n.is_primary, d.physical_name, d.type, d.source,
         d.description, d.current_version, d.last_modified_at, d.deleted,
         d.created_at, d.updated_at
  FROM datasets d
  JOIN dataset_names n ON n.dataset_id = d.id
  WHERE NOT d.hidden;

CREATE TABLE IF NOT EXISTS dataset_fields (
  id          uuid PRIMARY KEY,
  dataset_id  uuid NOT NULL REFERENCES datasets (id),
  name        text NOT NULL,
  type        text,
  description text,
  UNIQUE (dataset_id, name, type)
);

CREATE SEQUENCE IF NOT EXISTS dataset_version_touches;

CREATE TABLE IF NOT EXISTS dataset_versions (
  id              uuid PRIMARY KEY,
  version         uuid NOT NULL UNIQUE,
  dataset_id      uuid NOT NULL REFERENCES datasets (id),
  schema_version  uuid,
  run_id          uuid,
  namespace       text NOT NULL,
  name            text NOT NULL,
  fields          jsonb,
  lifecycle_state text,
  created_at      timestamptz NOT NULL,
  -- when it became its run's: of two versions that a run wrote, the later one counts
  touched         bigint NOT NULL DEFAULT nextval('dataset_version_touches')
);
CREATE INDEX IF NOT EXISTS dataset_versions_of_run ON dataset_versions (run_id);
CREATE INDEX IF NOT EXISTS dataset_versions_of_dataset ON dataset_versions (dataset_id);
CREATE INDEX IF NOT EXISTS dataset_versions_by_name ON dataset_versions (namespace, name);

CREATE TABLE IF NOT EXISTS dataset_version_fields (
  version_id uuid NOT NULL REFERENCES dataset_versions (id),
  field_id   uuid NOT NULL REFERENCES dataset_fields (id),
  position   bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (version_id, field_id)
);
CREATE INDEX IF NOT EXISTS dataset_version_fields_of_field ON dataset_version_fields (field_id);

CREATE TABLE IF NOT EXISTS run_inputs (
  run_id     uuid NOT NULL,
  version_id uuid NOT NULL REFERENCES dataset_versions (id),
  position   bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (run_id, version_id)
);

CREATE TABLE IF NOT EXISTS column_mappings (
  output_version uuid NOT NULL REFERENCES dataset_versions (id),
  output_field   uuid NOT NULL REFERENCES dataset_fields (id),
  input_version  uuid NOT NULL REFERENCES dataset_versions (id),
  input_field    uuid NOT NULL REFERENCES dataset_fields (id),
  description    text,
  type           text,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  PRIMARY KEY (output_version, output_field, input_version, input_field)
);
CREATE INDEX IF NOT EXISTS column_mappings_of_output ON column_mappings (output_field);
CREATE INDEX IF NOT EXISTS column_mappings_of_input ON column_mappings (input_field);

-- Facets and events -----------------------------------------------------------

CREATE TABLE IF NOT EXISTS run_facets (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id     uuid NOT NULL,
  name       text NOT NULL,
  body       jsonb NOT NULL,
  event_time timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS run_facets_of_run ON run_facets (run_id);

CREATE SEQUENCE IF NOT EXISTS job_facet_links;

CREATE TABLE IF NOT EXISTS job_facets (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id         uuid NOT NULL,
  run_id         uuid,
  job_version_id uuid,
  linked         bigint,  -- when it was last linked to a version: later ones win
  name           text NOT NULL,
  body           jsonb NOT NULL,
  event_time     timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS job_facets_of_run ON job_facets (run_id);
CREATE INDEX IF NOT EXISTS job_facets_of_version ON job_facets (job_version_id);

CREATE TABLE IF NOT EXISTS dataset_facets (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dataset_id uuid NOT NULL,
  version_id uuid NOT NULL,
  run_id     uuid,
  kind       text NOT NULL CHECK (kind IN ('DATASET', 'INPUT', 'OUTPUT', 'UNKNOWN')),
  name       text NOT NULL,
  body       jsonb NOT NULL,
  event_time timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS dataset_facets_of_version ON dataset_facets (version_id);
CREATE INDEX IF NOT EXISTS dataset_facets_of_run ON dataset_facets (run_id);

CREATE TABLE IF NOT EXISTS events (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('RUN', 'DATASET', 'JOB')),
  event_time timestamptz NOT NULL,
  body       jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (event_time);

-- Limits ----------------------------------------------------------------------

-- Of the real server, which refuses longer texts. Set here, and not above, so that a database
-- of floe-local 0.1.0, which had none, gets them too.
DO $$
DECLARE part record;
BEGIN
  FOR part IN SELECT known.* FROM (VALUES
    ('jobs', 'location', 255),
    ('dataset_names', 'type', 64),
    ('dataset_fields', 'name', 255),
    ('dataset_versions', 'lifecycle_state', 63),
    ('column_mappings', 'type', 255),
    ('run_facets', 'name', 255),
    ('job_facets', 'name', 255),
    ('dataset_facets', 'name', 255)
  ) AS known (holder, field, size)
  JOIN information_schema.columns c
    ON c.table_schema = current_schema AND c.table_name = holder AND c.column_name = field
  WHERE c.data_type = 'text'
  LOOP
    EXECUTE format('ALTER TABLE %1$I ALTER %2$I TYPE varchar(%3$s) USING left(%2$I, %3$s)',
                   part.holder, part.field, part.size);
  END LOOP;
END $$;
