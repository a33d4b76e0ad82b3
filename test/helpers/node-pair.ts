import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { type StartOptions, startApp, type TestApp } from './build.ts'
import { type FakeNode, FakeNodes } from './fake-nodes.ts'
import { openLog, temporaryFolder } from './log-folder.ts'

export interface Node extends TestApp {
  node: FakeNode
  /** The requests that reached the node. */
  requests: IncomingMessage[]
}

export interface Pair {
  nodes: FakeNodes
  active: Node
  gateway: Node
}

export async function startNode(t: Test, nodes: FakeNodes, options: StartOptions = {}): Promise<Node> {
  const node = nodes.join(`node-${nodes.nodes.length + 1}`)
  const requests: IncomingMessage[] = []
  const server = await startApp(t, {
    ...options,
    cluster: node,
    extend: async app => {
      // Like a real node, which hands over before its app closes.
      app.addHook('preClose', () => node.stopServices())
      app.server.prependListener('request', (raw: IncomingMessage) => requests.push(raw))
      await options.extend?.(app)
    },
    config: { DATA_DIR: temporaryFolder(t), ...options.config },
  })
  node.address = server.url
  return { ...server, node, requests }
}

/** Two servers with real sockets. The first is the active node. */
export async function startPair(t: Test, options: StartOptions = {}): Promise<Pair> {
  const nodes = new FakeNodes(t, await openLog(t, { clock: systemClock }))
  const active = await startNode(t, nodes, options)
  const gateway = await startNode(t, nodes, options)
  await nodes.activate(active.node)
  return { nodes, active, gateway }
}

/** One pair for tests of a file that keep both nodes running. Each starts with the first node active, no requests. */
export function sharedPair(t: Test): () => Promise<Pair> {
  let starting: Promise<Pair> | undefined
  return async () => {
    starting ??= startPair(t)
    const pair = await starting
    const { nodes, active, gateway } = pair
    if (nodes.active !== active.node) await nodes.activate(active.node)
    for (const { node, requests } of [active, gateway]) {
      node.catchUp = async () => true
      requests.length = 0
    }
    return pair
  }
}

export interface Sent {
  method?: string
  headers?: Record<string, string>
  chunks?: readonly (string | Buffer)[]
}

/** Sends a request with a body in chunks. */
export function send(url: string, token: string, { method = 'POST', headers = {}, chunks = [] }: Sent) {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; text: string }>((resolve, reject) => {
    const outgoing = httpRequest(url, {
      method,
      agent: false,
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    outgoing.on('error', reject)
    outgoing.on('response', async response => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve({ status: response.statusCode!, headers: response.headers, text })
    })
    for (const chunk of chunks) outgoing.write(chunk)
    outgoing.end()
  })
}
