import { createHmac, randomBytes, randomInt, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { fleetwire, freePort, type Running } from '../helpers/processes.ts'
import { size } from '../helpers/sizes.ts'

/*
 * Real processes under concurrent submissions; the server and its agents are killed with -9 at random moments. Each
 * command appends a line to its own file, so that a second run is visible. Full size:
 * KILL_SERVER=20 KILL_AGENT=10 KILL_COMMANDS=600 node dist/test/e2e/kill-loop.test.js
 */
const serverKills = size('KILL_SERVER', { quick: 1, full: 4 })
const agentKills = size('KILL_AGENT', { quick: 1, full: 3 })
const commandCount = size('KILL_COMMANDS', { quick: 40, full: 80 })
const CALLERS = 8
const AGENTS = ['one', 'two', 'three']

t.setTimeout(600_000)

t.test('accepted commands end in exactly one final state and never run twice, whichever process is killed', async t => {
  const dir = t.testdir({ data: {}, marks: {}, journal: {} })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const secret = randomBytes(32).toString('hex')
  const token = (sub: string, role: string) =>
    sign(secret, { sub, role, jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + 3600 })
  const env = {
    FLEETWIRE_PORT: String(port),
    FLEETWIRE_DATA_DIR: join(dir, 'data'),
    FLEETWIRE_JWT_SECRET: secret,
    FLEETWIRE_LEASE_MS: '4000',
    FLEETWIRE_ACK_DEADLINE_MS: '2000',
    FLEETWIRE_AGENT_HEARTBEAT_MS: '500',
    FLEETWIRE_LOG_LEVEL: 'warn',
  }
  const startServer = async () => {
    const server = fleetwire(t, ['serve'], env)
    await server.printed(/listens at/)
    return server
  }
  const startAgent = (id: string) =>
    fleetwire(t, ['agent', 'exec', '--id', id, '--journal', join(dir, 'journal'), '--concurrency', '2'], {
      FLEETWIRE_URL: url,
      FLEETWIRE_TOKEN: token(id, 'agent'),
    })

  let server = await startServer()
  const agents = new Map(AGENTS.map(id => [id, startAgent(id)]))
  const api = client(url, token('caller', 'operator'))
  await Promise.all(
    AGENTS.map(id => eventually(async () => ((await api('GET', `/agents/${id}`)).status === 200 ? true : undefined))),
  )

  const accepted = new Map<string, number>()
  let submitting = true
  const submitted = callers(CALLERS, commandCount, async i => {
    const mark = join(dir, 'marks', String(i))
    const body = { kind: 'shell', input: `echo ran >> ${mark}; sleep 0.0${randomInt(1, 9)}` }
    // The caller retries with the same key until it gets a response: that is what the key is for.
    const response = await eventually(async () => {
      const answer = await api('POST', `/agents/${AGENTS[i % AGENTS.length]}/commands`, body, {
        'idempotency-key': `key-${i}`,
      })
      return answer.status === 202 || answer.status === 200 ? answer : undefined
    })
    accepted.set((response.body as Command).commandId, i)
  }).finally(() => {
    submitting = false
  })

  const killServers = async () => {
    for (let i = 0; i < serverKills; i++) {
      await delay(randomInt(150, 900))
      await server.kill('SIGKILL')
      server = await startServer()
    }
  }
  const killAgents = async () => {
    for (let i = 0; i < agentKills; i++) {
      await delay(randomInt(300, 1200))
      const id = AGENTS[randomInt(AGENTS.length)]!
      await (agents.get(id) as Running).kill('SIGKILL')
      agents.set(id, startAgent(id))
    }
  }
  await Promise.all([submitted, killServers(), killAgents()])
  t.notOk(submitting, 'every submission got a response in the end')
  t.equal(accepted.size, commandCount)

  const commands = new Map<string, Command>()
  for (const commandId of accepted.keys()) {
    const ended = await eventually(async () => {
      const { status, body } = await api('GET', `/commands/${commandId}`)
      return status === 200 && isFinal((body as Command).status) ? (body as Command) : undefined
    })
    commands.set(commandId, ended)
  }
  await server.kill('SIGTERM')

  const log = await openSqliteLog({
    dir: join(dir, 'data'),
    clock: systemClock,
    retention: { count: 1_000_000, ms: 86_400_000 },
  })
  t.teardown(() => log.close())
  const ends = new Map<string, string[]>()
  let after: string | undefined
  for (let done = false; !done; ) {
    const page = await log.read({ topics: ['agents.*.commands.*'], limit: 500, ...(after !== undefined && { after }) })
    if (page.status !== 'ok') throw new Error(`the log lost its past: ${page.reason}`)
    for (const { type, payload } of page.events) {
      const { commandId, status } = payload as Command
      if (isFinal(status) && type === `command:${status}`) ends.set(commandId, [...(ends.get(commandId) ?? []), status])
    }
    after = page.next
    done = page.done
  }
  const tally: Record<string, number> = {}
  for (const [commandId, i] of accepted) {
    const command = commands.get(commandId)!
    tally[command.status] = (tally[command.status] ?? 0) + 1
    const mark = join(dir, 'marks', String(i))
    const runs = existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n').length : 0
    if (ends.get(commandId)?.length !== 1) t.fail('exactly one final event', { command, ends: ends.get(commandId) })
    if (runs > 1) t.fail('ran twice', { command, runs })
    if (command.status === 'succeeded' && runs !== 1) t.fail('succeeded without having run', { command, runs })
  }
  const { records } = await log.list({
    kind: 'command',
    where: { status: ['queued', 'dispatched', 'running'] },
    limit: 10,
  })
  t.strictSame(records, [], 'no row is stuck')
  t.comment(`ended as ${JSON.stringify(tally)} through ${serverKills} server and ${agentKills} agent kills`)
  t.ok((tally.succeeded ?? 0) > commandCount / 2, 'most of them succeeded nevertheless')
})

function client(url: string, token: string) {
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as unknown }
  }
}

/** Retries until there is a result; an unreachable server is retried too. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await delay(50)
  }
}

async function callers(count: number, total: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const caller = async () => {
    while (next < total) await work(next++)
  }
  await Promise.all(Array.from({ length: count }, caller))
}

function sign(secret: string, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
