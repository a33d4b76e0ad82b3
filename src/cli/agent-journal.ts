import { access, constants, lstat, mkdir, mkdtemp } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from './cli-error.ts'

/** The last resort: temporary files do not survive a reboot, but neither do this agent's commands. */
const temporaryName = () => `fleetwire-${process.getuid?.() ?? 'user'}`

/**
 * Finds a writable folder for the journal. The default is in the home folder. For a user without one (a container's
 * uid, a service account) it is in the folder of temporary files, with a warning.
 */
export async function findJournalFolder(folder: string | undefined, say: (text: string) => void): Promise<string> {
  if (folder !== undefined) {
    const flaw = await writable(folder)
    if (flaw !== undefined) throw new CliError('failed', `The journal cannot be kept in ${folder}: ${flaw}`)
    return folder
  }
  const home = homeFolder()
  const usual = home && join(home, '.fleetwire', 'journal')
  const flaw = usual === undefined ? 'this user has no home folder' : await writable(usual)
  if (usual !== undefined && flaw === undefined) return usual
  const instead = await temporaryFolder()
  say(`${flaw}: the journal is kept in ${instead}; choose another folder with --journal`)
  return instead
}

async function writable(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return `${folder}: ${explain(error)}`
  }
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined ? message : `${code}, as uid ${process.getuid?.() ?? '?'}`
}

/** Undefined if the uid has no user entry and HOME is not set: Node throws in that case. */
function homeFolder(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}

/** The folder of temporary files is world-writable, so trust a folder there only if this user owns it. */
async function temporaryFolder(): Promise<string> {
  const folder = join(tmpdir(), temporaryName())
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const stats = await lstat(folder)
    if (stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0)
      return join(folder, 'journal')
  } catch {}
  return mkdtemp(join(tmpdir(), `${temporaryName()}-`))
}
