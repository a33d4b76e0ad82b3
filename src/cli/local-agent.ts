import { type ChildProcess, fork } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface LocalAgentOptions {
  id: string
  url: string
  token: string
  /**
   * The server's data folder. It also holds the agent's journal: two servers of one user would share the default one.
   */
  dataDir: string
}

/**
 * Runs `fleetwire agent exec` next to the server in a separate process, so that its commands cannot slow the server
 * down. The channel between the two closes when the server ends, however it ends, and then the agent stops.
 */
export function startLocalAgent({ id, url, token, dataDir }: LocalAgentOptions): ChildProcess {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  const journal = join(resolve(dataDir), 'journal')
  return fork(main, ['agent', 'exec', '--id', id, '--journal', journal, '--with-parent'], {
    env: { ...withoutSettings(process.env), FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

/** Removes the server's settings from the agent's environment, so that one process fewer holds the secrets. */
export const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('FLEETWIRE_') || AGENT_SETTINGS.has(name)))

const AGENT_SETTINGS = new Set(['FLEETWIRE_RUN_TIMEOUT'])
