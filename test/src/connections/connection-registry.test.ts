import { type ClientFrame, decodeClientFrame, type ServerPayloads, serverFrameFlaw } from '@fleetwire/protocol'
import t from 'tap'
import { ConnectionAnnouncer } from '../../../src/connections/connection-announcer.ts'
import { ConnectionRegistry } from '../../../src/connections/connection-registry.ts'
import { FlushScheduler } from '../../../src/connections/flush-scheduler.ts'
import { Refusals } from '../../../src/connections/refusals.ts'
import type { EventDraft, EventLog } from '../../../src/log/event-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeSocket } from '../../helpers/fake-socket.ts'

function setUp() {
  const clock = new FakeClock()
  const quiet = () => {}
  const batches: EventDraft[][] = []
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const log: Pick<EventLog, 'append'> = {
    append: async drafts => {
      batches.push([...drafts])
      return { status: 'ok', events: [] }
    },
  }
  const registry = new ConnectionRegistry({
    clock,
    logger,
    announcer: new ConnectionAnnouncer({ log, clock, logger }),
    flusher: new FlushScheduler({ clock, flushMs: 0, endOfTurn: quiet }),
    refusals: new Refusals(),
    limits: {
      ...{
        frameRate: 100,
        frameBurst: 200,
        agentFrameRate: 2000,
        frameRatePerPrincipal: 1000,
        frameRatePerAddress: 1000,
      },
      ...{ outboxLimitBytes: 4096, maxConnections: 10_000, maxConnectionsPerPrincipal: 10_000 },
    },
  })
  const open = () => {
    const socket = new FakeSocket()
    const principal = { sub: 'ann', role: 'viewer' as const, agents: ['*'], expiresAt: clock.now() + 3_600_000 }
    const caller = { principal, address: '192.0.2.1' }
    const connection = registry.open<ClientFrame, ServerPayloads>(socket, caller, {
      ...{ kind: 'dashboard', decode: decodeClientFrame, flawOf: serverFrameFlaw },
      ...{ liveness: { intervalMs: 30_000, silentLimit: 2 }, onFrame: quiet },
    })
    return { socket, id: connection.id }
  }
  const noted = () =>
    batches.flat().map(({ type, payload }) => [type, (payload as { connectionId: string }).connectionId])
  return { clock, registry, batches, open, noted }
}

t.test('connections that open and close are announced soon', async t => {
  const { clock, open, noted } = setUp()
  const { socket, id } = open()
  clock.advance(50)
  t.same(noted(), [['connection:opened', id]])
  socket.peer.onClosed(1005)
  clock.advance(50)
  t.same(noted().slice(1), [['connection:closed', id]])
})

t.test('thousands that open at once are announced in portions, each once, in order', async t => {
  const { clock, open, noted, batches } = setUp()
  const ids = Array.from({ length: 3000 }, () => open().id)
  clock.advance(50)
  t.equal(batches[0]!.length, Math.ceil(3000 / 32))
  clock.advance(10_000)
  t.ok(batches.every(batch => batch.length <= 94))
  t.same(
    noted(),
    ids.map(id => ['connection:opened', id]),
  )
})

t.test('pending announcements are made when the server closes', async t => {
  const { clock, registry, open, noted } = setUp()
  const sockets = Array.from({ length: 100 }, () => open().socket)
  const closed = registry.closeAll()
  for (const socket of sockets) socket.peer.onClosed(1012)
  await closed
  t.equal(noted().length, 200)
  const timers = clock.pending
  clock.advance(1000)
  t.ok(clock.pending <= timers)
  t.equal(noted().length, 200, 'and nothing is left')
})
