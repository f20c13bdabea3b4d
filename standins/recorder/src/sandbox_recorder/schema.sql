-- The recorder's tables. Applied at every start; every statement may run again.

CREATE TABLE IF NOT EXISTS requests (
  number       INTEGER PRIMARY KEY,
  at           TEXT NOT NULL,
  method       TEXT NOT NULL,
  path         TEXT NOT NULL,
  status       INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  encoding     TEXT NOT NULL,
  bytes        INTEGER NOT NULL,
  credential   TEXT,
  signal       TEXT,
  items        INTEGER NOT NULL,
  reason       TEXT,
  outcome      TEXT NOT NULL
);

-- One span, data point, log record or event.
CREATE TABLE IF NOT EXISTS items (
  id      INTEGER PRIMARY KEY,
  request INTEGER NOT NULL,
  signal  TEXT NOT NULL,
  decoder TEXT NOT NULL,
  packed  BLOB NOT NULL
);

-- What items are found by. In the order of the items, so that new ones go to the end, and the
-- oldest are together when they are dropped.
CREATE TABLE IF NOT EXISTS keys (
  item INTEGER NOT NULL,
  key  TEXT NOT NULL,
  PRIMARY KEY (item, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_by_key ON keys (key);

CREATE TABLE IF NOT EXISTS counts (
  name  TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) WITHOUT ROWID;
