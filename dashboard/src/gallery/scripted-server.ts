import type { SocketEvents, SocketFactory } from '@fleetwire/client'
import { matchEvent } from '@fleetwire/protocol'
import * as fixtures from './fixtures.ts'

/** How the server of a gallery state behaves. */
export interface ServerScript {
  records: readonly fixtures.FixtureRecord[]
  role: 'viewer' | 'operator' | 'admin'
  /** `silent`: snapshots never arrive. `refusing`: patterns are refused. `lost`: the connection drops for good. */
  mood: 'well' | 'silent' | 'refusing' | 'lost'
}

interface Frame {
  type: string
  id?: string
  payload: { topics?: string[]; agentId?: string; terminalId?: string }
}

const LOST_AFTER_MS = 600
const limits = { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200, maxPatterns: 64, outboxLimitBytes: 1 << 20 }

/** A fake server without a network: it responds like Fleetwire, from fixtures, to show every state. */
export function scriptedSocket({ records, role, mood }: ServerScript): SocketFactory {
  let opened = 0
  return (_target, events) => {
    opened++
    const isGone = mood === 'lost' && opened > 1
    queueMicrotask(() => {
      if (isGone) return events.closed({ code: 1006, reason: '' })
      events.open()
      say(events, { type: 'connection:established', payload: established(role) })
      if (mood === 'lost') setTimeout(() => events.closed({ code: 1006, reason: '' }), LOST_AFTER_MS)
    })
    return {
      bufferedAmount: 0,
      send: text => {
        for (const line of text.split('\n')) answer(JSON.parse(line) as Frame, events)
      },
      close: () => events.closed({ code: 1000, reason: '' }),
      drop: () => events.closed({ code: 1006, reason: '' }),
    }
  }

  function answer({ type, id, payload }: Frame, events: SocketEvents): void {
    switch (type) {
      case 'dashboard:connect':
        say(events, { type: 'connection:established', id, payload: established(role) })
        return
      case 'subscribe': {
        const topics = payload.topics ?? []
        if (mood === 'refusing') {
          const error = { code: 'forbidden', message: 'This token may not read that.', retryable: false }
          say(events, { type: 'reply', id, payload: { ok: false, error } })
          return
        }
        say(events, { type: 'reply', id, payload: { ok: true } })
        if (mood === 'silent') return
        const found = records.filter(record => topics.some(topic => matchEvent(topic, record)))
        say(events, { type: 'snapshot', payload: { topics, records: found, cursor: 'c1' } })
        return
      }
      case 'terminal:open':
        say(events, { type: 'reply', id, payload: { ok: true } })
        say(events, {
          type: 'terminal:snapshot',
          payload: {
            ...{ agentId: payload.agentId, terminalId: payload.terminalId ?? 'main', cols: 100, rows: 30, offset: 0 },
            ...{ screen: fixtures.SCREEN, title: 'npm test' },
          },
        })
        return
      case 'heartbeat':
        say(events, { type: 'heartbeat', payload: { timestamp: 1, echo: 1 } })
        return
      default: {
        if (id === undefined) return
        const error = { code: 'unavailable', message: 'This is a preview: nothing is sent.', retryable: false }
        say(events, { type: 'reply', id, payload: { ok: false, error } })
      }
    }
  }
}

const say = (events: SocketEvents, frame: object): void => events.text(JSON.stringify(frame))

const established = (role: string) => ({
  ...{ connectionId: 'con_1', userId: 'ann', userKey: 'ann', role, cursor: 'c0', resumed: false, heartbeatMs: 30_000 },
  ...{ serverTime: Date.now(), limits },
})

/** Serves the lists that pages read over REST, from the same fixtures. */
export function scriptedFetch(records: readonly fixtures.FixtureRecord[], mood: ServerScript['mood']): typeof fetch {
  const all = (prefix: string) => records.filter(({ type }) => type.startsWith(prefix)).map(({ payload }) => payload)
  const page = (items: unknown[]) => ({ items, nextCursor: null, cursor: 'c1' })
  const now = Date.now()
  const lists: Record<string, (topics: string) => unknown> = {
    '/api/v1/commands': () => page(all('command:')),
    '/api/v1/tasks': () => page(all('task:')),
    '/api/v1/interactions': () => page([]),
    '/api/v1/sessions': () => page(all('session:')),
    '/api/v1/events': topics => page(fixtures.eventsOf(topics.split('.')[1])),
    '/api/v1/connections': () =>
      page([
        {
          connectionId: 'con_1',
          kind: 'dashboard',
          sub: 'ann',
          role: 'admin',
          address: '10.0.0.4',
          openedAt: now - 4e5,
          bufferedBytes: 0,
        },
        {
          connectionId: 'con_2',
          kind: 'agent',
          sub: 'build-7',
          role: 'agent',
          address: '10.0.0.9',
          openedAt: now - 9e6,
          bufferedBytes: 4096,
        },
      ]),
    '/api/v1/tokens': () =>
      page([
        {
          jti: 'tok_1',
          sub: 'ann',
          role: 'admin',
          agents: ['*'],
          createdAt: now - 9e7,
          createdBy: 'serve',
          expiresAt: now + 2e9,
        },
        {
          jti: 'tok_2',
          sub: 'build-7',
          role: 'agent',
          agents: ['*'],
          createdAt: now - 8e7,
          createdBy: 'ann',
          expiresAt: now + 3e9,
          revokedAt: now - 1e6,
        },
      ]),
    '/api/v1/websocket/status': () => ({ dashboards: 3, agents: 11, bufferedBytes: 4096 }),
    '/ready': () => ({ ready: mood !== 'refusing', store: mood === 'refusing' ? 'full' : 'ok' }),
  }
  return async input => {
    const { pathname, searchParams } = new URL(String(input instanceof Request ? input.url : input), document.baseURI)
    const list = lists[pathname]
    if (mood === 'silent') return new Promise(() => {})
    if (pathname === '/metrics') return new Response(metrics())
    if (list === undefined) {
      return Response.json(
        { statusCode: 404, code: 'not_found', error: 'Not Found', message: 'Not in this preview.' },
        { status: 404 },
      )
    }
    return Response.json(list(searchParams.get('topics') ?? ''))
  }
}

/** The metrics for the System page; counters grow between reads, as on a busy server. */
function metrics(): string {
  const seconds = Math.round(Date.now() / 1000)
  return [
    `fleetwire_log_events_total ${seconds * 42}`,
    `fleetwire_events_delivered_total ${seconds * 126}`,
    'fleetwire_log_bytes{of="kept"} 188743680',
    'fleetwire_log_bytes{of="limit"} 2147483648',
    'nodejs_eventloop_lag_p99_seconds 0.012',
    'process_resident_memory_bytes 141557760',
    `process_start_time_seconds ${seconds - 93_600}`,
    '',
  ].join('\n')
}
