import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Runs `fleetwire agent exec` beside the server, as a process of its own: what its commands do cannot slow the server.
 * The channel between them ends with the server, however that ends, and the agent stops with it.
 */
export function startLocalAgent({ id, url, token }: { id: string; url: string; token: string }): ChildProcess {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  return fork(main, ['agent', 'exec', '--id', id, '--with-parent'], {
    env: { ...process.env, FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}
