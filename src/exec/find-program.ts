import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'

/** Finds a program's file by its path, or by its name in `path`; undefined if there is no executable one. */
export async function findProgram(name: string, path = '/usr/local/bin:/usr/bin:/bin'): Promise<string | undefined> {
  const candidates = name.includes('/') ? [resolve(name)] : path.split(delimiter).map(folder => resolve(folder, name))
  for (const file of candidates) {
    try {
      await access(file, constants.X_OK)
      if ((await stat(file)).isFile()) return file
    } catch {}
  }
  return undefined
}
