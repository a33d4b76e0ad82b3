import { join } from 'node:path'
import type { Role } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { ask, keepAlive } from './ask.ts'
import { adminToken, fleetwire, freePort, type Running } from './processes.ts'
import { until } from './until.ts'

/** A server in a separate process that is killed with -9 and restarted on the same port with the same data. */
export interface KilledServer {
  port: number
  url: string
  /** An admin's token. */
  token: string
  /** The environment with which the command line finds the server and signs its own tokens. */
  env: Record<string, string>
  mint(sub: string, role: Role): Promise<string>
  /** Sends a request as the admin. Rejects if it is refused, or if the server is down. */
  call<T>(method: string, path: string, body?: object): Promise<T>
  /** Repeats such a request until it succeeds. */
  persist<T>(method: string, path: string, body?: object): Promise<T>
  /**
   * Resolves when the server is dead. It is killed once for all tests that share it, when each of them has called this.
   * `lastly` runs directly before the kill, to start what must be in progress at that time.
   */
  kill(lastly?: () => Promise<unknown>): Promise<void>
  /** Restarts the server when all tests that share it have called this; resolves when it is up. */
  restart(): Promise<void>
}

export type Killed = (t: Test, server: KilledServer) => Promise<void>

/** The tests that share a server: an action happens once, when all of them have requested it. */
class Company {
  #present: number
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  readonly #act: (() => Promise<void>)[]

  /** The actions take turns. */
  constructor(present: number, ...acts: (() => Promise<void>)[]) {
    this.#present = present
    this.#act = acts
  }

  come(): Promise<void> {
    const come = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#look()
    return come
  }

  leave(): void {
    this.#present--
    this.#look()
  }

  #look(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#present) return
    const came = this.#waiting.splice(0)
    const act = this.#act.shift()!
    this.#act.push(act)
    act().then(
      () => {
        for (const { resolve } of came) resolve()
      },
      error => {
        for (const { reject } of came) reject(error)
      },
    )
  }
}

/** Runs tests in parallel with one server, which is killed when all of them are ready for it. */
export async function killTogether(t: Test, tests: Record<string, Killed>): Promise<void> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { FLEETWIRE_URL: url, FLEETWIRE_DATA_DIR: join(t.testdir({ data: {} }), 'data') }
  const serve = async (): Promise<Running> => {
    const settings = { FLEETWIRE_WEBHOOK_ALLOW_PRIVATE: '127.0.0.1', FLEETWIRE_LOG_LEVEL: 'silent' }
    const server = fleetwire(t, ['serve', '--port', String(port)], { ...env, ...settings })
    await server.printed(/listens at/)
    return server
  }
  let server = await serve()
  const token = await adminToken(server)
  const agent = keepAlive()
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await ask<T>(`${url}/api/v1${path}`, { agent, method, token, json: body && JSON.stringify(body) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  const all = Object.entries(tests)
  const ready: (() => Promise<unknown>)[] = []
  const company = new Company(
    all.length,
    async () => {
      await Promise.all(ready.splice(0).map(lastly => lastly()))
      await server.kill('SIGKILL')
    },
    async () => {
      server = await serve()
    },
  )
  const shared: KilledServer = {
    ...{ port, url, token, env, call },
    mint: async (sub, role) => (await call<{ token: string }>('POST', '/tokens', { sub, role })).token,
    persist: <T>(method: string, path: string, body?: object) =>
      until(() => call<T>(method, path, body).catch(() => undefined)) as Promise<T>,
    kill: (lastly = async () => {}) => {
      ready.push(lastly)
      return company.come()
    },
    restart: () => company.come(),
  }
  t.jobs = all.length
  await Promise.all(
    all.map(([title, one]) =>
      t.test(title, { buffered: true, timeout: 120_000 }, async t => {
        // A failed test does not keep the others waiting.
        t.teardown(() => company.leave())
        await one(t, shared)
      }),
    ),
  )
}
