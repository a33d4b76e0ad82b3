import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FLW_ERR_SECRET_FILE } from '../errors.ts'

export const MIN_SECRET_LENGTH = 32
const OTHERS = 0o077

export interface SecretOptions {
  /** The folder that holds the file `secret`; created if it is missing. */
  dataDir: string
  warn(message: string): void
}

/**
 * The HS256 secret of this data folder, generated at the first start. Processes that start at the same time all get the
 * same secret. Throws FLW_ERR_SECRET_FILE if the file cannot be used.
 */
export async function loadSecret({ dataDir, warn }: SecretOptions): Promise<string> {
  const path = join(dataDir, 'secret')
  try {
    const known = await read(path, warn)
    if (known !== undefined) return known
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await create(path)
    return (await read(path, warn)) ?? fail(path, 'it was removed while the server started')
  } catch (error) {
    if (error instanceof FLW_ERR_SECRET_FILE) throw error
    return fail(path, (error as Error).message)
  }
}

function fail(path: string, reason: string): never {
  throw new FLW_ERR_SECRET_FILE(path, reason)
}

async function read(path: string, warn: (message: string) => void): Promise<string | undefined> {
  let secret: string
  try {
    secret = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (secret.length < MIN_SECRET_LENGTH) {
    fail(path, `it has ${secret.length} characters; at least ${MIN_SECRET_LENGTH} are required`)
  }
  const { mode } = await stat(path)
  if ((mode & OTHERS) !== 0) {
    await chmod(path, 0o600)
    warn(`${path} was readable by other users of this machine (mode ${(mode & 0o777).toString(8)}); it is now 0600`)
  }
  return secret
}

/**
 * A file created with O_EXCL is empty until it is written, and another process could read it in between. So the content
 * is written to a temporary file, and `link` publishes it as a whole; for every later process `link` fails with EEXIST.
 */
async function create(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(48).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
}
