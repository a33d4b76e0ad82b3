import { Writable } from 'node:stream'
import type { Test } from 'tap'
import type { Config } from '../../src/config.ts'
import { SECRET, startApp, type TestApp } from './build.ts'
import { hmacToken } from './foreign-token.ts'
import { temporaryFolder } from './log-folder.ts'
import { fleetwire, type Running } from './processes.ts'
import { until } from './until.ts'

export interface NodeProcess extends Running {
  readonly name: string
  /** Resolves when the node listens. */
  readonly url: Promise<string>
  /** The environment for a restart: the same folder, but another port. */
  readonly env: Record<string, string>
}

/** Where nodes find their nats-servers. */
export interface Addressed {
  readonly addresses: readonly string[]
  readonly namespace?: string
}

/** A node of a cluster in a separate process, on a free port. */
export function serveNode(
  t: Test,
  nats: Addressed,
  name: string,
  env: Record<string, string> = {},
  args: string[] = [],
): NodeProcess {
  const all = {
    FLEETWIRE_NATS_URL: nats.addresses.join(','),
    ...(nats.namespace && { FLEETWIRE_NAMESPACE: nats.namespace }),
    FLEETWIRE_NODE: name,
    FLEETWIRE_PORT: '0',
    FLEETWIRE_JWT_SECRET: SECRET,
    FLEETWIRE_DATA_DIR: temporaryFolder(t),
    ...env,
  }
  const running = fleetwire(t, ['serve', ...args], all)
  const url = running.printed(/Fleetwire listens at (\S+)/).then(([, url]) => url!)
  url.catch(() => {})
  return Object.assign(running, { name, url, env: all })
}

export interface OpenNode extends TestApp {
  readonly name: string
  /** Everything logged so far. */
  output(): string
}

/** A node in this process, on a free port, for tests that do not need a separate process. Throws if its start fails. */
export async function openNode(
  t: Test,
  nats: Addressed,
  name: string,
  config: Partial<Config> = {},
): Promise<OpenNode> {
  let text = ''
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk
      done()
    },
  })
  const settings = {
    ...{ NATS_URL: nats.addresses.join(','), NODE: name, DATA_DIR: temporaryFolder(t) },
    ...(nats.namespace && { NAMESPACE: nats.namespace }),
    ...config,
  }
  const server = await startApp(t, { config: settings, logger: { stream } })
  return { ...server, name, output: () => text }
}

/**
 * Three nodes. The active one is a separate process, which can be killed. The others run in this process: tests observe
 * what they do when the active node is gone.
 */
export async function startAroundProcess(
  t: Test,
  nats: Addressed,
): Promise<{ active: NodeProcess; gateways: [OpenNode, OpenNode] }> {
  const active = serveNode(t, nats, 'a')
  await activeOf([active])
  const gateways = await Promise.all([openNode(t, nats, 'b'), openNode(t, nats, 'c')])
  const all = /"members":3/
  for (const url of [await active.url, ...gateways.map(({ url }) => url)]) await readiness(url, 200, all)
  return { active, gateways }
}

/** Resolves with the active node. */
export const decidingOf = (nodes: readonly OpenNode[]): Promise<OpenNode> =>
  until(() => nodes.find(({ app }) => app.cluster!.isActive))

/** Resolves with the node that has logged that it is active. */
export const activeOf = <N extends NodeProcess | OpenNode>(nodes: readonly N[]): Promise<N> =>
  until(async () => {
    const active = nodes.find(node => node.output().includes('this node is the active one'))
    await active?.url
    return active
  })

/** The node's answer at a path, requested as an admin. */
export async function ask(url: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${hmacToken(SECRET)}` } })
  return { status: response.status, body: await response.json() }
}

/** Resolves with the body of `/ready` as soon as it matches. */
export const readiness = (url: string, status: number, pattern: RegExp = /./): Promise<string> =>
  until(async () => {
    const answer = await ask(url, '/ready').catch(() => undefined)
    const text = JSON.stringify(answer?.body)
    return answer?.status === status && pattern.test(text) && text
  })
