import { access, constants, lstat, mkdir, mkdtemp } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileJournal } from '@fleetwire/client/node'
import { CliError } from './cli-error.ts'

/** Where nothing better is: it does not outlive the machine, which the commands of this agent do not either. */
const temporaryName = () => `fleetwire-${process.getuid?.() ?? 'user'}`

/**
 * The journal of an agent in its folder, which it must be able to write. Without a folder given it stands in the home
 * folder; a user without one (a container's uid, a service account) has it among the temporary files, and is told so.
 */
export async function openJournal(
  agentId: string,
  folder: string | undefined,
  say: (text: string) => void,
): Promise<FileJournal> {
  if (folder !== undefined) {
    return open(agentId, folder).catch(error => {
      throw new CliError('failed', `The journal cannot be kept in ${folder}: ${explain(error)}`)
    })
  }
  const home = homeFolder()
  const usual = home && join(home, '.fleetwire', 'journal')
  const flaw = usual === undefined ? 'this user has no home folder' : await writable(usual)
  if (usual !== undefined && flaw === undefined) return open(agentId, usual)
  const instead = await temporaryFolder()
  say(`${flaw}: the journal is kept in ${instead}; --journal names another folder`)
  return open(agentId, instead)
}

const open = async (agentId: string, folder: string) => {
  const flaw = await writable(folder)
  if (flaw !== undefined) throw new Error(flaw)
  return FileJournal.open({ folder, agentId })
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

/** Undefined for a uid without an entry among the users and without HOME: Node throws there. */
function homeFolder(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}

/** Anybody may write where temporary files are: a folder there is only ours if nobody else made it. */
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
