import type { ConnectionStatus, DashboardClient } from '@fleetwire/client'
import { createRest, type Rest } from '../rest/rest.ts'
import { Connectivity } from './connectivity.ts'
import type { Feed } from './feed.ts'
import { FrameScheduler } from './frame-scheduler.ts'
import { MetricsFeed } from './metrics-feed.ts'
import { RecordFeed } from './record-feed.ts'
import { kinds, patterns, type RecordKindName, type Records } from './record-kind.ts'
import { SessionFeed, type SessionPort } from './session-feed.ts'

/** Reserved for subscriptions made elsewhere, such as by `useEvents`. */
const SPARE_PATTERNS = 8
const DEFAULT_PATTERNS = 64

type AnyFeed = RecordFeed<unknown> | MetricsFeed | SessionFeed

/** The shared data of all hooks of one client. */
export class FleetStore {
  readonly client: DashboardClient
  readonly connectivity: Connectivity
  readonly #feeds = new Map<string, AnyFeed>()
  readonly #pending = new Set<Feed>()
  readonly #scheduler: FrameScheduler
  readonly rest: Rest
  readonly #port: SessionPort

  constructor(client: DashboardClient) {
    this.client = client
    this.#scheduler = new FrameScheduler(client.clock, () => this.#flush())
    this.connectivity = new Connectivity(client)
    const { connectivity } = this
    this.rest = createRest({ fetch: (path, init) => client.fetch(path, init) })
    this.#port = {
      eventsBefore: (topic, cursor) =>
        this.rest.events.list({ topics: topic, limit: 500, ...(cursor !== undefined && { before: cursor }) }),
      client,
      get isOnline() {
        return connectivity.isOnline
      },
      get downSince() {
        return connectivity.downSince
      },
      pending: feed => {
        this.#pending.add(feed)
        this.#scheduler.schedule()
      },
      over: feed => {
        for (const [key, other] of this.#feeds) if (other === feed) this.#feeds.delete(key)
        this.#pending.delete(feed)
        for (const other of this.#feeds.values()) other.retry()
      },
    }
    // A removed agent's summary goes too, but no separate event reports that.
    client.on('agent:removed', ({ payload }) => this.peek('summary', patterns.summaries)?.drop(payload.agentId))
    let wasOnline = this.connectivity.isOnline
    client.status.subscribe(({ state }: ConnectionStatus) => {
      // No more data will arrive, so unread feeds are not kept.
      if (state === 'stopped') for (const feed of [...this.#feeds.values()]) feed.endUnread()
      if (connectivity.isOnline === wasOnline) return
      wasOnline = connectivity.isOnline
      for (const feed of [...this.#feeds.values()]) feed.reachability()
    })
  }

  /** The feed of these records, if it exists. */
  peek<K extends RecordKindName>(kind: K, pattern: string): RecordFeed<Records[K]> | undefined {
    return this.#feeds.get(`${kind} ${pattern}`) as RecordFeed<Records[K]> | undefined
  }

  /** The feed of these records, created if necessary; the caller retains it at once. */
  records<K extends RecordKindName>(kind: K, pattern: string): RecordFeed<Records[K]> {
    return this.#feed(`${kind} ${pattern}`, () => {
      const scope = isOne(pattern) ? 'all' : 'active'
      return new RecordFeed(kinds[kind], pattern, scope, this.#port) as unknown as RecordFeed<unknown>
    }) as unknown as RecordFeed<Records[K]>
  }

  /** A feed of this kind that has the record. */
  holding<K extends RecordKindName>(kind: K, id: string): RecordFeed<Records[K]> | undefined {
    for (const feed of this.#feeds.values()) {
      if (!(feed instanceof RecordFeed) || feed.kind !== (kinds[kind] as unknown) || feed.get(id) === undefined)
        continue
      return feed as unknown as RecordFeed<Records[K]>
    }
    return undefined
  }

  peekSession(sessionId: string): SessionFeed | undefined {
    return this.#feeds.get(`transcript ${patterns.session(sessionId)}`) as SessionFeed | undefined
  }

  session(sessionId: string): SessionFeed {
    const pattern = patterns.session(sessionId)
    return this.#feed(`transcript ${pattern}`, () => new SessionFeed(pattern, this.#port)) as SessionFeed
  }

  peekMetrics(agentId: string): MetricsFeed | undefined {
    return this.#feeds.get(`metrics ${patterns.metrics(agentId)}`) as MetricsFeed | undefined
  }

  metrics(agentId: string): MetricsFeed {
    const pattern = patterns.metrics(agentId)
    return this.#feed(`metrics ${pattern}`, () => new MetricsFeed(pattern, 'all', this.#port)) as MetricsFeed
  }

  #feed(key: string, make: () => AnyFeed): AnyFeed {
    const known = this.#feeds.get(key)
    if (known !== undefined) return known
    this.#makeRoom()
    const feed = make()
    this.#feeds.set(key, feed)
    return feed
  }

  /** The patterns of a connection are limited (LM3): unread feeds that are only kept for later make room first. */
  #makeRoom(): void {
    const limit = (this.client.identity.value?.limits.maxPatterns ?? DEFAULT_PATTERNS) - SPARE_PATTERNS
    for (const feed of [...this.#feeds.values()]) {
      if (this.#feeds.size < limit) return
      feed.endUnread()
    }
  }

  #flush(): void {
    const feeds = [...this.#pending]
    this.#pending.clear()
    for (const feed of feeds) {
      try {
        feed.flush()
      } catch (error) {
        // An error in one feed must not keep the others from being flushed.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

/** Whether the pattern names a single record: then it is followed beyond its end. */
const isOne = (pattern: string): boolean => {
  const tokens = pattern.split('.')
  return tokens[tokens.length - 1] !== '*' && tokens[tokens.length - 2] !== '*'
}

const stores = new WeakMap<DashboardClient, FleetStore>()

/** The single store of a client, however many providers use it. */
export function storeOf(client: DashboardClient): FleetStore {
  const store = stores.get(client) ?? new FleetStore(client)
  stores.set(client, store)
  return store
}
