import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { EventDraft } from '../../src/log/event-log.ts'
import { startApp, type TestApp, type TokenOptions } from '../helpers/build.ts'
import { answered, said, stored, taskSaid } from '../helpers/events.ts'
import { jitter } from '../helpers/jitter.ts'
import { seededRandom } from '../helpers/random.ts'
import { seed, size } from '../helpers/sizes.ts'
import { Watcher } from '../helpers/watcher.ts'

/*
 * Dashboards whose sockets are destroyed repeatedly while events are appended. Full size:
 * JITTER_CLIENTS=1000 JITTER_PERIOD_MS=15000 JITTER_OFFLINE_MS=2000 JITTER_MS=60000 node
 * dist/test/realtime/jitter.test.js
 */
const clientCount = size('JITTER_CLIENTS', { quick: 25, full: 150 })
const periodMs = size('JITTER_PERIOD_MS', { quick: 900, full: 1500 })
const offlineMs = size('JITTER_OFFLINE_MS', { quick: 200, full: 300 })
const loadMs = size('JITTER_MS', { quick: 2700, full: 4500 })
const EVENTS_PER_SECOND = 100
const TICK_MS = 50

/**
 * What some of the dashboards watch, and with which rights: stated twice, once for the server and once for the test.
 */
interface View {
  patterns: string[]
  token: TokenOptions
  sees(topic: string, taskId: string | undefined): boolean
}
const views: View[] = [
  { patterns: ['agents.dev-1.>'], token: {}, sees: topic => topic.startsWith('agents.dev-1.') },
  {
    patterns: ['agents.*.log'],
    token: { sub: 'dev', agents: ['dev-*'] },
    sees: topic => /^agents\.dev-\d\.log$/.test(topic),
  },
  {
    patterns: ['tasks.t1.>'],
    token: {},
    sees: (topic, taskId) => topic.startsWith('tasks.t1.') || taskId === 't1',
  },
  {
    patterns: ['agents.*.log', 'agents.prod-1.log', 'tasks.*.status', 'tasks.t2.>'],
    token: {},
    sees: (topic, taskId) => /\.(log|status)$/.test(topic) || topic.startsWith('tasks.t2.') || taskId === 't2',
  },
  { patterns: ['>'], token: {}, sees: topic => topic !== 'system.connections' },
]
const AGENTS = ['dev-1', 'dev-2', 'prod-1']
const TASKS = ['t1', 't2', 't3']
/** Every view sees at least one of these events. */
const END: EventDraft[] = [said('dev-1', 'end'), { type: 'custom:end', topic: 'tasks.t1.events', payload: {} }]

/** Appends at a steady rate, in batches of varying size, until stopped. Resolves with the number of events. */
function load({ log }: TestApp, random: ReturnType<typeof seededRandom>): { stop(): Promise<number> } {
  let count = 0
  const startedAt = performance.now()
  let last: Promise<unknown> = Promise.resolve()
  const draft = (): EventDraft => {
    const n = String(count++)
    switch (random.below(4)) {
      case 0:
        return taskSaid(random.pick(TASKS), n)
      case 1:
        return answered(random.pick(AGENTS), n, random.pick([...TASKS, undefined]))
      case 2:
        return { type: 'custom:tick', topic: `tasks.${random.pick(TASKS)}.events`, payload: { n } }
      default:
        return said(random.pick(AGENTS), n)
    }
  }
  const tick = () => {
    const due = ((performance.now() - startedAt) * EVENTS_PER_SECOND) / 1000
    while (count < due) last = log.append(Array.from({ length: 1 + random.below(4) }, draft))
  }
  const timer = setInterval(tick, TICK_MS)
  return {
    async stop() {
      clearInterval(timer)
      await last
      return count
    },
  }
}

t.setTimeout(300_000)

t.test('[RS1] [EV2] [EV4] dashboards that disconnect at random times get every event once, in order', async t => {
  const start = seed()
  t.comment(`SEED=${start}`)
  const random = seededRandom(start)
  const app = await startApp(t)
  const tokens = await Promise.all(views.map(view => app.token('viewer', view.token)))
  const watchers = Array.from({ length: clientCount }, (_, i) => {
    const which = i % views.length
    return new Watcher({ url: app.url, token: tokens[which]!, patterns: views[which]!.patterns, offlineMs })
  })
  t.teardown(() => watchers.map(({ client }) => client.close()))
  await Promise.all(watchers.map(watcher => watcher.ready()))

  const from = app.log.head
  const loading = load(app, random)
  const cutting = jitter(
    watchers.map(({ wire }) => wire),
    periodMs,
    random,
  )
  await delay(loadMs)
  const cuts = cutting.stop()
  const count = await loading.stop()
  await app.log.append([...END, ...END])

  const events = await stored(app.log, from)
  for (const { patterns, sees } of views) {
    const due = events.filter(({ topic, taskId }) => sees(topic, taskId)).map(({ cursor }) => cursor)
    const those = watchers.filter(watcher => watcher.patterns === patterns)
    await Promise.all(those.map(watcher => watcher.reached(due)))
    t.same(
      those.flatMap(watcher => watcher.flaw(due) ?? []),
      [],
      `${those.length} dashboards of ${patterns} have all ${due.length} events`,
    )
  }
  t.same(
    watchers.flatMap(({ resyncs }) => resyncs),
    [],
    'every reconnect was a resume',
  )
  t.ok(
    watchers.every(({ snapshots }) => snapshots.items.length === 1),
    'nobody started over',
  )
  t.ok(cuts >= clientCount, `${cuts} sockets were destroyed`)
  t.comment(`${count} events, ${clientCount} dashboards, ${cuts} cuts`)
})
