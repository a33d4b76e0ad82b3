import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { onCore } from './start-role.ts'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Fleetwire {
  readonly pid: number
  readonly port: number
  readonly url: string
  /** The admin token that the first start mints. */
  readonly token: string
  stop(): Promise<void>
}

export const newDataDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'fleetwire-bench-'))

/**
 * Starts `fleetwire serve` as users do, but with the limits per caller lifted. The server owns the data folder from now
 * on: it is removed when the server stops.
 */
export async function startFleetwire(
  env: Record<string, string> = {},
  filled?: string,
  core?: number,
): Promise<Fleetwire> {
  const dataDir = filled ?? (await newDataDir())
  const [command, ...args] = onCore(core, [process.execPath, ...process.execArgv, main, 'serve'])
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: dataDir,
      FLEETWIRE_PORT: '0',
      FLEETWIRE_DATA_DIR: dataDir,
      FLEETWIRE_REST_RATE: '1000000000',
      FLEETWIRE_QUEUE_LIMIT: '1000000000',
      FLEETWIRE_MAX_CONNECTIONS_PER_PRINCIPAL: '100000',
      ...env,
    },
  })
  const ended = once(child, 'exit')
  let output = ''
  for await (const chunk of child.stdout) {
    output += chunk
    if (output.includes('FLEETWIRE_TOKEN=')) break
  }
  const url = /listens at (http:\S+)/.exec(output)![1]!
  return {
    pid: child.pid!,
    port: Number(new URL(url).port),
    url,
    token: (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim(),
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(dataDir, { recursive: true })
    },
  }
}

export async function mint({ url, token }: Fleetwire, role: string, sub: string, agents = ['*']): Promise<string> {
  const response = await fetch(`${url}/api/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sub, role, agents }),
  })
  return ((await response.json()) as { token: string }).token
}

/** Connects an agent and waits for the server's first frame. */
export const connectAgent = async (fleetwire: Fleetwire, agentId: string): Promise<WebSocket> =>
  connectAgentAt(fleetwire.port, await mint(fleetwire, 'agent', agentId))

export async function connectAgentAt(port: number, token: string): Promise<WebSocket> {
  const headers = { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/agent`, { headers })
  await once(socket, 'open')
  const payload = { bootId: 'bench', capabilities: { kinds: ['prompt'] }, inventory: [] }
  socket.send(JSON.stringify({ type: 'agent:connect', payload }))
  await once(socket, 'message')
  return socket
}
