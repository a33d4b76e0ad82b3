import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** What a node tells the process that started it. */
export type NodeReport =
  | { says: 'listening'; origin: string }
  /** It has become the active node, or ceased to be it. */
  | { says: 'role'; isActive: boolean }

/** What it is told: `greet` prints how people get in; `connection` comes with a socket that it is to serve. */
export type NodeOrder = 'greet' | 'connection'

export interface NodeProcessOptions {
  port: number
  host: string
  dataDir: string
  /** Where clients reach the nodes together. */
  publicOrigin: string
  env: NodeJS.ProcessEnv
  /** Where its output goes: a file descriptor. Default: the output of this process. */
  output?: number
}

/** Runs `fleetwire serve` as a node that ends with this process, however that ends. */
export function forkNode({ port, host, dataDir, publicOrigin, env, output }: NodeProcessOptions): ChildProcess {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
  const where = ['--port', String(port), '--host', host, '--data-dir', dataDir]
  return fork(main, ['serve', ...where, '--with-parent', publicOrigin], {
    env,
    stdio: ['ignore', output ?? 'inherit', output ?? 'inherit', 'ipc'],
  })
}

/** A channel that is gone takes nothing: then the socket is closed, and its client comes back. */
export function tellNode(node: ChildProcess | undefined, order: NodeOrder, socket?: Socket): boolean {
  if (node === undefined || !node.connected) return false
  node.send(order, socket, error => {
    if (error !== null) socket?.destroy()
  })
  return true
}
