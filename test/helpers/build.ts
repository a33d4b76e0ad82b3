import type { AddressInfo } from 'node:net'
import type { Role } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { type Answer, ask, keepAlive } from './ask.ts'
import { expectCatalogued } from './catalogued.ts'
import './compile-once.ts'
import { CLUSTER, startDecidingNode } from './deciding-node.ts'
import { expectDocumented } from './documented.ts'
import { inSharedThread } from './log-thread.ts'

/** For tests that sign tokens themselves. */
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
  /** A token for the role, minted by the app itself. `sub` defaults to the role. */
  token(role: Role, options?: TokenOptions): Promise<string>
  /** Sends a request with a token. `body` is sent as JSON. */
  call<T = unknown>(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer<T>>
}

export type { Answer }

export interface StartOptions extends Omit<AppOptions, 'config'> {
  config?: Partial<Config>
  /** Default: any free port. */
  port?: number
  /** Adds routes and plugins before the app listens. */
  extend?: (app: FastifyInstance) => void | Promise<void>
}

/** A server, with its own data folder unless the config names one. Both are removed when the test ends. */
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
  const agent = keepAlive()

  return {
    app,
    url,
    log: app.eventLog,
    async token(role, { sub = role, ...rest } = {}) {
      const minted = await app.tokens.mint({ sub, role, ...rest }, 'test')
      if (minted.status !== 'minted') throw new Error(`No token: ${minted.status}`)
      return minted.token
    },
    call: (token, method, path, body) => ask(`${url}${path}`, { agent, method, token, json: JSON.stringify(body) }),
  }
}
