import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoAgents } from './demo-agents.ts'

const MODEL = fileURLToPath(new URL('../../../examples/demo-project', import.meta.url))

export const foldersIn = (folder: string) => ({
  data: join(folder, 'data'),
  project: join(folder, 'project'),
  scratch: join(folder, 'scratch'),
})

/** Creates a temporary folder with a copy of the project, and a folder for the files of each agent. */
export async function makeWorkplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-demo-'))
  const { project, scratch } = foldersIn(folder)
  await cp(MODEL, project, { recursive: true })
  for (const { agentId } of demoAgents) await mkdir(join(scratch, agentId), { recursive: true })
  return folder
}

/** Several processes may remove the folder at the same time, so a missing folder is not an error. */
export const removeWorkplace = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
