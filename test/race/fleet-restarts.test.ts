import { AgentClient } from '@fleetwire/client/node'
import { type Command, isFinal } from '@fleetwire/protocol'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startApp } from '../helpers/build.ts'
import { CountingClock } from '../helpers/counting-clock.ts'
import { FillableLog } from '../helpers/fillable-log.ts'
import { openLog } from '../helpers/log-folder.ts'
import { size } from '../helpers/sizes.ts'

const AGENTS = 10
const RESTARTS = size('FLEET_RESTARTS', { quick: 3, full: 8 })
/** Commands that end between two restarts. */
const ENDS = 15
/** Commands in progress at any time. */
const CALLERS = size('FLEET_CALLERS', { quick: 20, full: 40 })

t.setTimeout(180_000)

t.test(
  'when the fleet of a server restarts under load, each command runs and ends once, and no timers or followers pile up',
  async t => {
    const clock = new CountingClock(systemClock)
    const log = new FillableLog(await openLog(t, { clock: systemClock }))
    const { app, url, call, token } = await startApp(t, { eventLog: log, clock })
    const admin = await token('admin')
    const ends = new Map<string, number>()
    let onEnd = () => {}
    log.follow(events => {
      for (const { type, payload } of events) {
        const { commandId, status } = payload as Command
        if (type !== `command:${status}` || !isFinal(status)) continue
        ends.set(commandId, (ends.get(commandId) ?? 0) + 1)
        onEnd()
      }
    })
    /** Timers and followers while the fleet is stopped, and while it runs without connections. */
    const atRest = async () => {
      await app.fleet.stop()
      const stopped = { timers: clock.pending, followers: log.followers }
      await app.fleet.start()
      return { stopped, started: { timers: clock.pending, followers: log.followers } }
    }

    const runs = new Map<string, number>()
    const agents = await Promise.all(
      Array.from({ length: AGENTS }, async (_, i) => {
        const agent = new AgentClient({
          url,
          token: await token('agent', { sub: `a${i}` }),
          maxConcurrency: 2,
          handlers: {
            work: async run => {
              runs.set(run.commandId, (runs.get(run.commandId) ?? 0) + 1)
              await new Promise(setImmediate)
              return { status: 'succeeded' }
            },
          },
        })
        const online = new Promise<void>(resolve => {
          agent.status.subscribe(({ state }) => state === 'online' && resolve())
        })
        await agent.start()
        await online
        return agent
      }),
    )
    t.teardown(() => Promise.all(agents.map(agent => agent.stop({ graceMs: 0 }))))

    let isOver = false
    const accepted: string[] = []
    /** Retries with the same key while the server cannot accept commands, like a client. */
    async function submitOne(n: number): Promise<string> {
      for (;;) {
        const body = { kind: 'work', input: n, idempotencyKey: `key ${n}` }
        const { status, body: answer } = await call<Command & { code: string }>(
          ...([admin, 'POST', `/api/v1/agents/a${n % AGENTS}/commands?wait=5`, body] as const),
        )
        if (status === 200 || status === 202) return answer.commandId
        if (status !== 503) t.fail(`answered ${status}`, { answer })
      }
    }
    let next = 0
    const callers = Array.from({ length: CALLERS }, async () => {
      while (!isOver) accepted.push(await submitOne(next++))
    })

    const endOf = (count: number) =>
      new Promise<void>(resolve => {
        onEnd = () => --count === 0 && resolve()
      })
    for (let i = 0; i < RESTARTS; i++) {
      await endOf(ENDS)
      await app.fleet.stop()
      await app.fleet.start()
    }
    isOver = true
    await Promise.all(callers)
    await Promise.all(accepted.map(commandId => app.commandQueue.waitForEnd({ commandId } as Command, 60_000)))

    t.ok(accepted.length >= RESTARTS * ENDS, `${accepted.length} commands`)
    t.same(
      accepted.filter(commandId => ends.get(commandId) !== 1),
      [],
      'each accepted command ends once',
    )
    t.same(
      [...runs].filter(([, times]) => times > 1),
      [],
      'no command runs twice',
    )
    const statuses = await Promise.all(accepted.map(async commandId => (await app.commandQueue.get(commandId))?.status))
    t.same(
      statuses.filter(status => status !== 'succeeded'),
      [],
      'stopping the fleet fails no command',
    )

    await Promise.all(agents.map(agent => agent.stop({ graceMs: 0 })))
    while (app.connections.size > 0) await new Promise(setImmediate)
    const first = await atRest()
    for (let i = 0; i < 10; i++) {
      const { stopped, started } = await atRest()
      t.same([stopped.followers, started.followers], [first.stopped.followers, first.started.followers])
      // A few timers of the app itself may have ended since.
      t.ok(stopped.timers <= first.stopped.timers, `${stopped.timers} timers, ${first.stopped.timers} at first`)
      t.ok(started.timers <= first.started.timers, `${started.timers} timers, ${first.started.timers} at first`)
    }
    const ofProcess = () => process.getActiveResourcesInfo().filter(type => type === 'Timeout').length
    const before = ofProcess()
    for (let i = 0; i < 10; i++) await atRest()
    t.ok(ofProcess() <= before, `${ofProcess()} timers of the process, ${before} before`)
  },
)
