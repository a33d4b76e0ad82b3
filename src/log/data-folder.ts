import { accessSync, chmodSync, constants, mkdirSync, type Stats, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Files in a data folder that are opened at startup. */
const FILES = ['fleetwire.db', 'fleetwire.db-wal', 'fleetwire.db-shm', 'fleetwire.lock', 'fleetwire.pid', 'secret']
const DENIED = ['EACCES', 'EPERM', 'EROFS']

/**
 * Creates the folder if it is missing and checks access to it and its files. Returns why it cannot be used: SQLite
 * reports only that it cannot open a file, while people need to know who owns it and which user runs this process.
 * Access by other users of the machine is removed, since the folder holds everything that agents and people said.
 */
export function prepareFolder(dir: string): string | undefined {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    for (const name of FILES) {
      const path = join(dir, name)
      if (statSync(path, { throwIfNoEntry: false }) !== undefined) accessSync(path, constants.R_OK | constants.W_OK)
    }
    tighten(dir, 0o700)
    for (const name of FILES) tighten(join(dir, name), 0o600)
    return undefined
  } catch (error) {
    const { code = '', message, path = dir } = error as NodeJS.ErrnoException
    return DENIED.includes(code) ? denied(code, resolve(path), dir) : message
  }
}

/** The permissions of a folder that another user owns, such as a shared volume, are left to that user. */
function tighten(path: string, mode: number): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && (stats.mode & 0o077) !== 0 && stats.uid === process.getuid?.()) chmodSync(path, mode)
}

function denied(code: string, path: string, dir: string): string {
  const [name, stats] = nearest(path)
  const whose = stats === undefined ? name : `${name} belongs to uid ${stats.uid} (mode ${octal(stats.mode)})`
  const uid = process.getuid?.()
  return code === 'EROFS'
    ? `EROFS: ${name} is on a file system that is mounted read-only; set FLEETWIRE_DATA_DIR to a folder that is not`
    : `${code}: ${whose}, this process runs as uid ${uid}; chown -R ${uid} ${dir}, or set FLEETWIRE_DATA_DIR to a folder of its own`
}

/** The nearest existing parent of a path that could not be created or reached. */
function nearest(path: string): [name: string, stats: Stats | undefined] {
  for (let name = path; ; name = dirname(name)) {
    try {
      return [name, statSync(name)]
    } catch {
      if (name === dirname(name)) return [name, undefined]
    }
  }
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')
