import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Role } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { expectCatalogued } from './catalogued.ts'
import './compile-once.ts'
import { CLUSTER, startDecidingNode } from './deciding-node.ts'
import { expectDocumented } from './documented.ts'
import { inSharedThread } from './log-thread.ts'

/** For tests that sign tokens with a key of their own. */
export const SECRET = 'a-secret-for-tests-that-is-long-enough'

export interface TokenOptions {
  sub?: string
  ttlSeconds?: number
  agents?: string[]
  scopes?: string[]
}

export interface TestApp {
  app: FastifyInstance
  url: string
  log: EventLog
  /** A token of the role, minted by the app itself. `sub` is the role where it is not given. */
  token(role: Role, options?: TokenOptions): Promise<string>
  /** A request with a token; `body` is sent as JSON. */
  call<T = unknown>(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer<T>>
}

export interface Answer<T> {
  status: number
  headers: Headers
  /** Parsed where it is JSON, else the text. */
  body: T
}

export interface StartOptions extends Omit<AppOptions, 'config'> {
  config?: Partial<Config>
  /** Default: any free one. */
  port?: number
  /** More routes and plugins, before it listens. */
  extend?: (app: FastifyInstance) => void | Promise<void>
}

/** A server, in a data folder of its own unless one is named; both end with the test. */
export async function startApp(t: Test, { config, extend, port = 0, ...options }: StartOptions = {}): Promise<TestApp> {
  const issuer = config?.JWT_PUBLIC_KEY ?? config?.JWKS_URL
  const settings: Partial<Config> = {
    DATA_DIR: config?.DATA_DIR ?? t.testdir(),
    ...(!issuer && { JWT_SECRET: SECRET }),
    ...config,
  }
  const appOptions: AppOptions = { logger: false, startWorker: inSharedThread, ...options, config: settings }
  if (CLUSTER !== undefined) appOptions.config = await startDecidingNode(t, appOptions)
  const app = await buildApp(appOptions)
  t.teardown(() => app.close())
  expectCatalogued(t, app.eventLog)
  expectDocumented(t, app)
  await extend?.(app)
  await app.listen({ host: '127.0.0.1', port })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  // Gives up what is idle long before the server does, which may just be asked again then.
  const agent = new Agent({ keepAlive: true, timeout: 1000 })

  return {
    app,
    url,
    log: app.eventLog,
    async token(role, { sub = role, ...rest } = {}) {
      const minted = await app.tokens.mint({ sub, role, ...rest }, 'test')
      if (minted.status !== 'minted') throw new Error(`No token: ${minted.status}`)
      return minted.token
    },
    call: (token, method, path, body) => ask(`${url}${path}`, { agent, method, token, body }),
  }
}

interface Ask {
  agent: Agent
  method: string
  token: string | undefined
  body: unknown
}

/** Not with `fetch`, which takes several times as much of the processor. */
function ask<T>(url: string, { agent, method, token, body }: Ask): Promise<Answer<T>> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, method, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      response.on('error', reject).on('end', () => {
        const headers = new Headers()
        for (const [name, values] of Object.entries(response.headersDistinct))
          for (const value of values ?? []) headers.append(name, value)
        const isJson = headers.get('content-type')?.startsWith('application/json')
        resolve({ status: response.statusCode!, headers, body: isJson ? JSON.parse(text) : text })
      })
    })
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
