import type { DatabaseSync, StatementSync } from 'node:sqlite'

export type Sqlite = typeof import('node:sqlite')
export type Database = DatabaseSync
export type Statement = StatementSync

/** `builtin` if Node has SQLite without a flag (22.13 and later), else the package with the same API. */
export interface Driver {
  name: 'builtin' | 'package'
  open(path: string, options?: { readOnly?: boolean }): Database
}

export async function loadDriver(): Promise<Driver> {
  const builtin = quietly(() => process.getBuiltinModule?.('node:sqlite') as Sqlite | undefined)
  const { DatabaseSync } = builtin ?? ((await import('@photostructure/sqlite')) as unknown as Sqlite)
  return {
    name: builtin === undefined ? 'package' : 'builtin',
    open: (path, options = {}) => new DatabaseSync(path, options),
  }
}

/** Node 22 warns on load that SQLite is experimental, which an operator of Fleetwire cannot act on. */
function quietly<T>(load: () => T): T {
  const { emitWarning } = process
  process.emitWarning = (() => {}) as typeof process.emitWarning
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}

/** The primary result codes of SQLite that the log distinguishes (sqlite.org/rescode.html). */
export const SQLITE = {
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  NOTADB: 26,
} as const

/** The primary result code of an error of the driver; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

const FATAL: ReadonlySet<number> = new Set([
  SQLITE.READONLY,
  SQLITE.IOERR,
  SQLITE.CORRUPT,
  SQLITE.CANTOPEN,
  SQLITE.PROTOCOL,
  SQLITE.NOTADB,
])

/** True if nothing in the file can be relied on any more. All other errors (full, busy) affect only the transaction. */
export function isFatal(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && FATAL.has(code)
}
