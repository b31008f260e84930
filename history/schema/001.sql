-- Steps are seconds, starts are numbers of steps since the Unix epoch.
CREATE TABLE series (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE -- CIDR, or empty for all traffic together
) STRICT;
-- Points of one series in a row.
CREATE TABLE chunks (
  step   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  points BLOB NOT NULL,
  UNIQUE (step, series, start) -- beside the rows, which are long and come in order of time
) STRICT;
-- Points of all series that are in no chunk yet.
CREATE TABLE frames (
  step   INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  points BLOB NOT NULL,
  PRIMARY KEY (step, start)
) STRICT, WITHOUT ROWID;
-- Application protocols of one series in one step.
CREATE TABLE apps (
  step   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  apps   BLOB NOT NULL,
  PRIMARY KEY (step, series, start)
) STRICT, WITHOUT ROWID;
-- Bytes of the blobs of chunks and apps, by step.
CREATE TABLE sizes (
  tbl   TEXT NOT NULL,
  step  INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (tbl, step)
) STRICT, WITHOUT ROWID;
