import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Role } from '@fleetwire/protocol'
import { BACKLOG, buildApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { encodeCursor } from '../../src/log/cursor.ts'
import { draftOf } from '../../src/log/draft.ts'
import type { EventLog, FleetEvent } from '../../src/log/event-log.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { BALLAST_TOPIC, ballast, payload, TOPIC, TYPE } from '../lib/payload.ts'
import { type PublishOptions, publishAt, publishFlatOut, publishWhile } from '../lib/publisher.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'
import { scattered } from '../lib/topics.ts'

const dir = mkdtempSync(join(tmpdir(), 'bench-fan-out-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const log = await openSqliteLog({ dir, clock: systemClock, retention: { count: 1_000_000, ms: 86_400_000 } })
const followers = new Set<(events: readonly FleetEvent[]) => void>()
/** The log, but its followers can be given events that were never stored, to measure only what comes after the log. */
const told: EventLog = {
  get epoch() {
    return log.epoch
  },
  get head() {
    return log.head
  },
  append: drafts => log.append(drafts),
  read: query => log.read(query),
  get: topic => log.get(topic),
  list: query => log.list(query),
  snapshot: patterns => log.snapshot(patterns),
  follow(onBatch) {
    followers.add(onBatch)
    const unfollow = log.follow(onBatch)
    return () => {
      followers.delete(onBatch)
      unfollow()
    }
  },
  close: () => log.close(),
}

const app = await buildApp({
  logger: false,
  eventLog: told,
  config: {
    DATA_DIR: dir,
    MAX_CONNECTIONS: 100_000,
    MAX_CONNECTIONS_PER_PRINCIPAL: 100_000,
    UPGRADE_RATE: 1_000_000,
    UPGRADE_BURST: 1_000_000,
    ADMISSION_RATE: 1_000_000,
  },
})

let appended = 0
let seq = 1e9

function tell(topic: string, content: object): void {
  const event = {
    ...{ seq: ++seq, cursor: encodeCursor(log.epoch, seq), type: TYPE, topic, at: Date.now() },
    ...{ json: JSON.stringify(content), payload: null },
  }
  for (const follower of followers) follower([event])
}

export const fanOutFleetwire = serveCalls({
  async listen(): Promise<number> {
    await app.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG })
    return (app.server.address() as AddressInfo).port
  },
  async token(role: Role): Promise<string> {
    const minted = await app.tokens.mint({ sub: role, role }, 'bench')
    if (minted.status !== 'minted') throw new Error(minted.status)
    return minted.token
  },
  /** Publishes after the log: only notifies followers, stores nothing. */
  publish: (options: PublishOptions): Promise<number> =>
    publishAt(options, n => tell(TOPIC, { ...payload(n), sentAt: Math.round(sharedNow() * 1000) })),
  /** The same, to many topics in turn; resolves with the CPU time, ms. */
  flatOut: ({ events, topics }: { events: number; topics: number }): Promise<number> =>
    publishFlatOut(events, n => tell(scattered(n, topics), payload(n))),
  /** Through the log: each event is on disk before it is delivered. `topics`: how many agents take turns. */
  append({ topics = 1, ...options }: PublishOptions & { topics?: number }): Promise<number> {
    return publishAt(options, () => {
      const n = appended++
      const topic = topics === 1 ? TOPIC : `agents.agent-${n % topics}.log`
      const draft = draftOf(TYPE, topic, { ...payload(n), sentAt: Math.round(sharedNow() * 1000) } as never)
      void log.append([draft])
    })
  },
  /** Publishes `events` of 64 KiB, or fewer if `untilBytes` are buffered for one connection before that. */
  ballast: ({ events, untilBytes }: { events: number; untilBytes?: number }): Promise<number> =>
    publishWhile(
      n => n < events && app.connections.stats().mostBufferedBytes < (untilBytes ?? Number.POSITIVE_INFINITY),
      () => tell(BALLAST_TOPIC, { message: ballast }),
    ),
  /** The bytes buffered for the slowest reader, and the number of readers. */
  waiting: (): { bytes: number; open: number } => ({
    bytes: app.connections.stats().mostBufferedBytes,
    open: app.connections.list().filter(connection => connection.isOpen).length,
  }),
  head: () => log.head,
  gc: () => globalThis.gc?.(),
})
