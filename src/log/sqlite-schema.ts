import { randomBytes } from 'node:crypto'
import type { Database } from './sqlite-driver.ts'

/** "FLWR": distinguishes our files from other SQLite files. */
export const APPLICATION_ID = 0x464c5752

/**
 * Set on every open, since only WAL is stored in the file. FULL is set explicitly: both drivers run WAL with NORMAL by
 * default, which may lose the last commits on a power loss. The WAL is truncated to 64 MiB after a burst. Checkpoints
 * run every 16 MiB of WAL instead of every 4: an index page that many commits touch is then copied to the file once for
 * all of them, which takes a quarter off every commit.
 */
const PRAGMAS = `
  PRAGMA busy_timeout = 5000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA cache_size = -65536;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA wal_autocheckpoint = 4000;
`

/**
 * Each entry migrates a file from `user_version` = its index to the next. Entries are never edited, only added.
 *
 * Payload columns come last, so that scans that need only the columns before them never touch overflow pages. An
 * event's scope is the first two names of its topic (`agents.a1`): the events of one agent lie under thousands of
 * topics, one per command, and are still found in one index. `meta.head` is stored apart from the events: `$` drafts
 * take a seq without a row, and a seq is never used twice. The columns by which records are filtered are plain ones,
 * filled on write: an index over columns computed from the JSON is not used as a covering one, and the JSON functions
 * refuse payloads that are nested too deeply.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    epoch  TEXT    NOT NULL,
    head   INTEGER NOT NULL, -- the last seq given
    floor  INTEGER NOT NULL, -- the last seq of an event that retention removed
    events INTEGER NOT NULL  -- rows in events
  );
  CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  );
  CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    topic   INTEGER NOT NULL REFERENCES names (id),
    scope   INTEGER NOT NULL REFERENCES names (id),
    task    TEXT,
    type    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    payload TEXT    NOT NULL
  );
  CREATE INDEX events_topic ON events (topic);
  CREATE INDEX events_scope ON events (scope);
  CREATE INDEX events_task ON events (task) WHERE task IS NOT NULL;
  CREATE TABLE records (
    n          INTEGER PRIMARY KEY,
    topic      TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    task       TEXT,
    expires_at INTEGER,
    agent_id   TEXT,
    status     TEXT,
    task_id    TEXT,
    parent_id  TEXT,
    created_at INTEGER,
    payload    TEXT    NOT NULL
  );
  CREATE INDEX records_kind ON records (kind, id, agent_id, status, task_id, parent_id, created_at);
  CREATE INDEX records_agent ON records (kind, agent_id, id, status, created_at) WHERE agent_id IS NOT NULL;
  CREATE INDEX records_status ON records (kind, status, id, agent_id, created_at) WHERE status IS NOT NULL;
  CREATE INDEX records_task ON records (kind, task_id, id) WHERE task_id IS NOT NULL;
  CREATE INDEX records_parent ON records (kind, parent_id, id) WHERE parent_id IS NOT NULL;
  CREATE INDEX records_concern ON records (task, topic) WHERE task IS NOT NULL;
  CREATE INDEX records_expiring ON records (expires_at) WHERE expires_at IS NOT NULL;
  `,
  // The agent of an event whose topic does not name it. Read only together with the payload.
  'ALTER TABLE events ADD COLUMN agent TEXT',
  `
  ALTER TABLE meta ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0; -- of the payloads of events
  ALTER TABLE meta ADD COLUMN believed_at INTEGER; -- the time by which retention went last
  UPDATE meta SET bytes = (SELECT coalesce(sum(octet_length(payload)), 0) FROM events);
  `,
]

export const SCHEMA_VERSION = MIGRATIONS.length

/** Sets up the connection and migrates the file to the current schema; an empty file becomes a new log. */
export function prepareDatabase(db: Database): void {
  db.exec(PRAGMAS)
  for (let version = readPragma(db, 'user_version'); version < SCHEMA_VERSION; version++) migrate(db, version)
  // A copy diverges from its original, whose cursors would name different events in the copy.
  db.prepare("UPDATE meta SET epoch = ? WHERE epoch = ''").run(newEpoch())
}

const newEpoch = (): string => randomBytes(8).toString('hex')

/** Clears the epoch: the process that opens this file, or a copy of it, gives the log a new one. */
export function markCopied(db: Database): void {
  db.exec("UPDATE meta SET epoch = ''")
}

/** One transaction, so that a crash leaves one of the schemas and never something in between. */
function migrate(db: Database, version: number): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    db.exec(MIGRATIONS[version]!)
    if (version === 0) {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      db.prepare('INSERT INTO meta (one, epoch, head, floor, events) VALUES (1, ?, 0, 0, 0)').run(newEpoch())
    }
    db.exec(`PRAGMA user_version = ${version + 1}`)
    db.exec('COMMIT')
  } catch (error) {
    rollback(db)
    throw error
  }
}

/** Rolls back, unless SQLite has already done so, as it does when the disk is full. */
export function rollback(db: Database): void {
  try {
    db.exec('ROLLBACK')
  } catch {}
}

export function readPragma(db: Database, name: 'user_version' | 'application_id'): number {
  return Number((db.prepare(`PRAGMA ${name}`).get() as Record<string, unknown>)[name])
}
