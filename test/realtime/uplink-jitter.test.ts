import { setTimeout as delay } from 'node:timers/promises'
import { AgentClient, type CommandRun } from '@fleetwire/client/node'
import { type Command, type CommandStatus, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'
import { stored } from '../helpers/events.ts'
import { jitter } from '../helpers/jitter.ts'
import { Notes } from '../helpers/notes.ts'
import { seededRandom } from '../helpers/random.ts'
import { seed, size } from '../helpers/sizes.ts'
import { Wire } from '../helpers/wire.ts'

/*
 * Agents that send some frames twice, and whose sockets are destroyed repeatedly while they report and run commands.
 * Full size:
 * UPLINK_AGENTS=200 UPLINK_ROUNDS=400 UPLINK_PERIOD_MS=5000 UPLINK_OFFLINE_MS=1000 node
 * dist/test/realtime/uplink-jitter.test.js
 */
const agentCount = size('UPLINK_AGENTS', { quick: 15, full: 30 })
const rounds = size('UPLINK_ROUNDS', { quick: 20, full: 50 })
const periodMs = size('UPLINK_PERIOD_MS', { quick: 600, full: 900 })
const offlineMs = size('UPLINK_OFFLINE_MS', { quick: 100, full: 150 })
const ROUND_MS = 50
const ROUNDS_PER_COMMAND = 8

/** Large enough to be cut in the middle. */
const outputOf = (commandId: string) => `${commandId} `.repeat(700)
const word = (agentId: string, i: number) => `${agentId}:${i} `

class Reporter {
  readonly id: string
  readonly wire: Wire
  readonly client: AgentClient
  readonly online = new Notes<string>()
  readonly runs: string[] = []
  readonly errors: string[] = []

  constructor(url: string, token: string, id: string, random: ReturnType<typeof seededRandom>) {
    this.id = id
    this.wire = new Wire(undefined, { repeats: () => random.next() < 0.05 })
    this.client = new AgentClient({
      url,
      token,
      socket: this.wire.socket,
      maxConcurrency: 2,
      random: () => 1,
      reconnect: { baseMs: offlineMs, capMs: offlineMs },
      handlers: { prompt: run => this.#run(run) },
      onError: ({ message }) => this.errors.push(message),
    })
    this.client.status.subscribe(({ state }) => this.online.note(state))
  }

  async start(): Promise<void> {
    await this.client.start()
    await this.online.until(states => states.includes('online'))
    this.client.report('message:start', { sessionId: this.id, messageId: 'm1', role: 'assistant' })
  }

  round(i: number): void {
    this.client.report('message:delta', { sessionId: this.id, messageId: 'm1', delta: word(this.id, i) })
    this.client.report('agent:error', { message: `${i}`, code: 'numbered' })
  }

  async #run(run: CommandRun) {
    this.runs.push(run.commandId)
    run.progress({ progress: 0.5 })
    await delay(30, undefined, { signal: run.signal })
    return { status: 'succeeded' as const, output: outputOf(run.commandId) }
  }
}

/** Submits a command to the agent, and interrupts every fourth one at once or a little later. */
async function command({ app }: TestApp, agentId: string, i: number, random: ReturnType<typeof seededRandom>) {
  const submitted = await app.commandQueue.submit({ agentId, kind: 'prompt', input: i, createdBy: 'tester' })
  if (submitted.status === 'refused') throw new Error(submitted.error.message)
  const { commandId } = submitted.command
  const interrupted = random.below(4) === 0
  if (interrupted) {
    await delay(random.below(60))
    await app.commandQueue.interrupt(commandId, { canSee: () => true })
  }
  return { command: submitted.command, interrupted }
}

t.setTimeout(300_000)

t.test('[UP2] [UP3] [UP6] [RC7] [CS2] destroying sockets at random loses no report and no result', async t => {
  const start = seed()
  t.comment(`SEED=${start}`)
  const random = seededRandom(start)
  // A slow machine must not make the server dispatch a command twice: another test covers that.
  const app = await startApp(t, { config: { ACK_DEADLINE_MS: 60_000 } })
  const from = app.log.head
  const agents = await Promise.all(
    Array.from({ length: agentCount }, async (_, i) => {
      const id = `agent-${i}`
      return new Reporter(app.url, await app.token('agent', { sub: id }), id, random)
    }),
  )
  t.teardown(() => Promise.all(agents.map(({ client }) => client.stop({ graceMs: 0 }))))
  await Promise.all(agents.map(agent => agent.start()))

  const cutting = jitter(
    agents.map(({ wire }) => wire),
    periodMs,
    random,
  )
  const commands: ReturnType<typeof command>[] = []
  for (let i = 0; i < rounds; i++) {
    for (const [place, agent] of agents.entries()) {
      agent.round(i)
      if ((i + place) % ROUNDS_PER_COMMAND === 0) commands.push(command(app, agent.id, i, random))
    }
    await delay(ROUND_MS)
  }
  const submitted = await Promise.all(commands)
  const cuts = cutting.stop()
  await Promise.all(submitted.map(({ command }) => app.app.commandQueue.waitForEnd(command, 60_000)))
  await Promise.all(agents.map(({ client }) => client.stop({ graceMs: 60_000 })))

  const events = await stored(app.log, from)
  const numbers = Array.from({ length: rounds }, (_, i) => String(i))
  for (const { id, errors } of agents) {
    const own = events.filter(({ topic }) => topic.startsWith(`agents.${id}.`))
    const of = <T>(type: string) => own.filter(event => event.type === type).map(({ payload }) => payload as T)
    const reports = of<{ message: string; code?: string }>('agent:error')
    t.same(
      reports.map(({ message }) => message),
      numbers,
      `${id}: every report once, in order`,
    )
    const text = of<{ delta: string }>('message:delta').map(({ delta }) => delta)
    t.equal(text.join(''), numbers.map(i => word(id, Number(i))).join(''), `${id}: every word once, in order`)
    t.same(errors, [], `${id}: no frame was refused`)
  }

  const ends = new Map<string, Command[]>()
  for (const { type, payload } of events) {
    const { commandId, status } = payload as Command
    if (type.startsWith('command:') && isFinal(status) && type === `command:${status}`)
      ends.set(commandId, [...(ends.get(commandId) ?? []), payload as Command])
  }
  const runs = agents.flatMap(agent => agent.runs)
  t.equal(new Set(runs).size, runs.length, 'no command ran twice')
  const tally: Partial<Record<CommandStatus, number>> = {}
  for (const { command, interrupted } of submitted) {
    const [end, ...more] = ends.get(command.commandId) ?? []
    const isWhole =
      end?.status === 'succeeded' ? end.output === outputOf(command.commandId) : interrupted && end?.confirmed
    if (end === undefined || more.length > 0 || !isWhole) t.fail('one end, whole', { command, end, more, interrupted })
    else tally[end.status] = (tally[end.status] ?? 0) + 1
  }
  t.ok((tally.succeeded ?? 0) > 0 && (tally.cancelled ?? 0) > 0, JSON.stringify(tally))
  t.ok(cuts >= agentCount, `${cuts} sockets were destroyed`)
  t.comment(`${agentCount} agents, ${submitted.length} commands, ${events.length} events, ${cuts} cuts`)
})
