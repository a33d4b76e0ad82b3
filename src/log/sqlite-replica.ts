import { readFileSync } from 'node:fs'
import type { Database, Statement } from './sqlite-driver.ts'
import type { AppliedCommits, Refusal, ReplicaCommit, ReplicaState } from './sqlite-messages.ts'
import { unpackAppends } from './sqlite-packing.ts'
import type { LogWriter, RetainResult, WriteAccess } from './sqlite-writer.ts'

/**
 * A replica is a log whose order is kept elsewhere: commits that it loses are read from there again, so its commits do
 * not wait for the disk. Its file survives a crash of this process. A crash of the machine may damage it without a
 * sign, so the file records during which boot of the machine it was last open, and that it was closed.
 */
const TABLE = `
  CREATE TABLE replica (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL, -- of the last commit that is in here
    term     INTEGER NOT NULL, -- how often the writer changed
    leader   TEXT    NOT NULL, -- who writes, as JSON
    at       INTEGER NOT NULL, -- the time of the last append
    boot     TEXT              -- the start of the machine on which it is open; null: it was closed
  )`

/**
 * Turns an empty log into a replica, or reopens one. Returns why it cannot be used: only a CORRUPT one can be replaced.
 */
export function prepareReplica(db: Database, path: string, epoch: string): Refusal | undefined {
  const corrupt = (why: string): Refusal => ({ code: 'FLW_ERR_LOG_CORRUPT', args: [path, why] })
  const boot = bootId()
  db.exec('PRAGMA synchronous = OFF')
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'replica'").get() === undefined) {
    const { head, records } = db
      .prepare('SELECT head, (SELECT count(*) FROM records) AS records FROM meta')
      .get() as unknown as { head: number; records: number }
    if (head > 0 || records > 0) {
      return { code: 'FLW_ERR_LOG_OPEN', args: [path, 'it is an independent log, not a replica'] }
    }
    db.exec(TABLE)
    db.prepare('UPDATE meta SET epoch = ?').run(epoch)
    db.prepare("INSERT INTO replica VALUES (1, 0, 0, 'null', 0, ?)").run(boot)
    return undefined
  }
  const replica = db.prepare('SELECT boot FROM replica').get() as { boot: string | null }
  const { epoch: found } = db.prepare('SELECT epoch FROM meta').get() as { epoch: string }
  if (found !== epoch) return corrupt(`it is a replica of ${found}, not of ${epoch}`)
  if (replica.boot !== null && replica.boot !== boot) return corrupt('the machine went down while it was open')
  db.prepare('UPDATE replica SET boot = ?').run(boot)
  return undefined
}

/** Marks a replica as closed, once everything else is on disk. */
export function closeReplica(db: Database): void {
  db.exec('PRAGMA synchronous = FULL; UPDATE replica SET position = position; PRAGMA wal_checkpoint(TRUNCATE)')
  db.exec('UPDATE replica SET boot = NULL')
}

/** Changes with each boot of the machine; empty if the system does not provide it. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

/** Applies commits that were made elsewhere. */
export class ReplicaWriter {
  readonly #writer: LogWriter
  readonly #save: Statement
  #state: ReplicaState

  constructor(db: Database, writer: LogWriter) {
    this.#writer = writer
    this.#save = db.prepare('UPDATE replica SET position = ?, term = ?, leader = ?, at = ?')
    this.#state = db.prepare('SELECT position, term, leader, at FROM replica').get() as unknown as ReplicaState
  }

  get state(): ReplicaState {
    return this.#state
  }

  /** Applies these commits in one transaction. Throws if they do not continue this replica. */
  apply(commits: readonly ReplicaCommit[]): AppliedCommits {
    const applied = this.#writer.transact(access => {
      const state = { ...this.#state }
      const results = commits.map(commit => change(access, state, commit))
      this.#save.run(state.position, state.term, state.leader, state.at)
      return { results, state }
    })
    this.#state = applied.state
    return { results: applied.results, believedAt: this.#writer.believedAt }
  }
}

function change(access: WriteAccess, state: ReplicaState, { position, change }: ReplicaCommit): RetainResult | null {
  state.position = position
  if (change.kind === 'retain') return access.retain(change.step)
  if (change.kind === 'lead') {
    state.term = change.term
    state.leader = change.leader
    return null
  }
  if (change.first !== access.head + 1) {
    throw new Error(`the commit at ${position} begins at ${change.first}, but this replica is at ${access.head}`)
  }
  for (const op of unpackAppends(change.packed)) {
    access.append(op)
    state.at = Math.max(state.at, op.at)
  }
  return null
}
