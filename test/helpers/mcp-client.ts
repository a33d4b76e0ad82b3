import { fileURLToPath } from 'node:url'
import type { Role } from '@fleetwire/protocol'
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Test } from 'tap'
import type { BareAgent } from './bare-agent.ts'
import { startApp, type TokenOptions } from './build.ts'

/** The clients in use: version 1 of the SDK, and version 2 with the protocols of 2025 and 2026. */
export const generations = ['sdk 1', 'sdk 2, protocol 2025', 'sdk 2, protocol 2026'] as const
export type Generation = (typeof generations)[number]

export type Wire =
  | { url: string; token?: string | undefined; headers?: Record<string, string> }
  | { args?: string[]; env: Record<string, string>; cwd: string }

export interface Progress {
  progress: number
  message?: string | undefined
}

export interface Called<T> {
  isError: boolean
  text: string
  data: T
}

/** A connected client of any generation, with one interface for tests. */
export interface McpClient {
  call<T = Record<string, never>>(
    name: string,
    args?: object,
    options?: { onprogress?: (progress: Progress) => void; signal?: AbortSignal; timeout?: number },
  ): Promise<Called<T>>
  /** The underlying client, limited to what all generations share. */
  readonly raw: Pick<
    Client1,
    | 'listTools'
    | 'listResources'
    | 'listPrompts'
    | 'readResource'
    | 'complete'
    | 'getPrompt'
    | 'listResourceTemplates'
    | 'ping'
  >
  /** Subscribes to changes of these resources. A client of 2026 is notified how the subscription ended. */
  subscribe(uris: string[]): Promise<{ closed?: Promise<string> }>
  /** The URIs of all updates received. */
  readonly updates: string[]
  /** Resolves with the next update of a resource. */
  updated(uri: string): Promise<void>
  /** What the process has printed to stderr. */
  stderr(): string
  readonly pid: number | undefined
  sessionId(): string | undefined
  close(): Promise<void>
}

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export async function mcpClient(t: Test, wire: Wire, generation: Generation = 'sdk 1'): Promise<McpClient> {
  const updates: string[] = []
  const waiting = new Set<() => void>()
  const told = (uri: string) => {
    updates.push(uri)
    for (const look of waiting) look()
  }
  const isOld = generation === 'sdk 1'
  const info = { name: 'fleetwire-tests', version: '1.0.0' }
  const client = isOld
    ? new Client1(info)
    : new Client2(info, { versionNegotiation: { mode: generation.endsWith('2026') ? 'auto' : 'legacy' } })
  const transport = transportOf(wire, isOld)
  const old = client as Client1
  if (isOld) old.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params: { uri } }) => told(uri))
  else (client as Client2).setNotificationHandler('notifications/resources/updated', ({ params: { uri } }) => told(uri))
  let stderr = ''
  if ('stderr' in transport) transport.stderr?.on('data', chunk => (stderr += chunk))
  t.teardown(() => client.close())
  await old.connect(transport as Stdio1)

  return {
    raw: old,
    updates,
    stderr: () => stderr,
    get pid() {
      return 'pid' in transport ? (transport.pid ?? undefined) : undefined
    },
    sessionId: () => ('sessionId' in transport ? transport.sessionId : undefined),
    async call<T>(name: string, args: object = {}, options: Parameters<McpClient['call']>[2] = {}) {
      const request = { name, arguments: args as Record<string, unknown> }
      const result = isOld
        ? await old.callTool(request, undefined, options)
        : await (client as Client2).callTool(request, options)
      const [content] = result.content as { type: string; text: string }[]
      return { isError: result.isError === true, text: content?.text ?? '', data: result.structuredContent as T }
    },
    async subscribe(uris) {
      if (generation.endsWith('2026')) return (client as Client2).listen({ resourceSubscriptions: uris })
      for (const uri of uris) await old.subscribeResource({ uri })
      return {}
    },
    updated: uri =>
      new Promise(resolve => {
        const seen = updates.length
        const look = () => {
          if (!updates.slice(seen).includes(uri)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
      }),
    close: () => client.close(),
  }
}

function transportOf(wire: Wire, isOld: boolean) {
  if ('url' in wire) {
    const authorization = wire.token === undefined ? undefined : { authorization: `Bearer ${wire.token}` }
    const requestInit = { headers: { ...authorization, ...wire.headers } }
    const url = new URL('mcp', wire.url)
    // By default clients give up after two attempts, but a server under load takes longer to start.
    const reconnectionOptions = {
      ...{ initialReconnectionDelay: 200, maxReconnectionDelay: 1000 },
      ...{ reconnectionDelayGrowFactor: 1, maxRetries: 600 },
    }
    return isOld
      ? new Http1(url, { requestInit, reconnectionOptions })
      : new Http2(url, { requestInit, reconnectionOptions })
  }
  const { args = [], env, cwd } = wire
  const server = {
    command: process.execPath,
    args: [main, 'mcp', ...args],
    env: { PATH: process.env.PATH ?? '', HOME: cwd, ...env },
    cwd,
    stderr: 'pipe' as const,
  }
  return isOld ? new Stdio1(server) : new Stdio2(server)
}

/** A server in this process, with clients over HTTP. */
export async function startMcp(t: Test) {
  const server = await startApp(t)
  const client = async (role: Role, generation?: Generation, options?: TokenOptions) =>
    mcpClient(t, { url: server.url, token: await server.token(role, options) }, generation)
  return { ...server, client }
}

/** Accepts the next command of an agent. */
export async function takeCommand(agent: BareAgent): Promise<{ commandId: string; attempt: number }> {
  const { commandId, attempt } = (await agent.next('command:dispatch')).payload
  agent.say('command:ack', { commandId, attempt })
  return { commandId, attempt }
}

/** The first message of a client of 2025. */
export const initialize = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
}
