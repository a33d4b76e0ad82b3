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

/** A temporary folder with a copy of the project for the agents, and a place for what each makes. */
export async function makeWorkplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-demo-'))
  const { project, scratch } = foldersIn(folder)
  await cp(MODEL, project, { recursive: true })
  for (const { agentId } of demoAgents) await mkdir(join(scratch, agentId), { recursive: true })
  return folder
}

/** Several processes may do it at the same time: the last one to end finds nothing left. */
export const removeWorkplace = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
