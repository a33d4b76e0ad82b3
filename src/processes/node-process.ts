import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** What a node reports to the process that started it. */
export type NodeReport =
  | { says: 'listening'; origin: string }
  /** It became the active node, or stopped being it. */
  | { says: 'role'; isActive: boolean }

/** What that process sends to the node: `greet` prints how people get in; `connection` comes with a socket to serve. */
export type NodeOrder = 'greet' | 'connection'

export interface NodeProcessOptions {
  port: number
  host: string
  dataDir: string
  /** The origin at which clients reach all nodes. */
  publicOrigin: string
  env: NodeJS.ProcessEnv
  /** The file descriptor for its output. Default: the output of this process. */
  output?: number
}

/** Runs `fleetwire serve` as a node that ends with this process, however this process ends. */
export function forkNode({ port, host, dataDir, publicOrigin, env, output }: NodeProcessOptions): ChildProcess {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
  const where = ['--port', String(port), '--host', host, '--data-dir', dataDir]
  return fork(main, ['serve', ...where, '--with-parent', publicOrigin], {
    env,
    stdio: ['ignore', output ?? 'inherit', output ?? 'inherit', 'ipc'],
  })
}

/** If the channel turns out to be closed, the socket is closed too, and its client reconnects. */
export function tellNode(node: ChildProcess | undefined, order: NodeOrder, socket?: Socket): boolean {
  if (node === undefined || !node.connected) return false
  node.send(order, socket, error => {
    if (error !== null) socket?.destroy()
  })
  return true
}
