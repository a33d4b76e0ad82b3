import type { ClientFrame, ClientFrameType, ServerPayloads, WireError } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import { userKeyOf } from '../../src/auth/user-key.ts'
import type { Subscriber } from '../../src/broadcast/subscriber.ts'
import type { Connection } from '../../src/connections/connection.ts'

/** A client of `/ws`, as the handlers see it. */
export interface Dashboard {
  readonly app: FastifyInstance
  readonly connection: Connection<ClientFrame, ServerPayloads>
  readonly subscriber: Subscriber
  /** Patterns that the client requested and may have, including those whose subscription is still in progress. */
  readonly wanted: Set<string>
}

export type FrameOf<K extends ClientFrameType> = Extract<ClientFrame, { type: K }>

/** A rejected promise is a fault. Replies are sent once the change is on disk. */
export type Handler<K extends ClientFrameType> = (frame: FrameOf<K>, dashboard: Dashboard) => void | Promise<void>

export function accept({ connection }: Dashboard, frame: ClientFrame, fields: object = {}): void {
  connection.send('reply', { ok: true, ...fields }, frame.id)
}

export function refuse({ connection }: Dashboard, frame: ClientFrame, error: WireError): void {
  connection.send('reply', { ok: false, error }, frame.id)
}

export const MAX_PATTERNS = 64

export interface EstablishedAs {
  resumed: boolean
  reason?: string
  /** The client has everything up to this position, or will get it in snapshots. */
  cursor: string
}

export function sendEstablished({ app, connection }: Dashboard, how: EstablishedAs, id?: string): void {
  const { config, clock } = app
  const { sub, role } = connection.principal
  connection.send(
    'connection:established',
    {
      connectionId: connection.id,
      userId: sub,
      userKey: userKeyOf(sub),
      role,
      ...how,
      heartbeatMs: config.HEARTBEAT_MS,
      serverTime: clock.now(),
      limits: {
        maxFrameBytes: config.MAX_FRAME_BYTES,
        frameRate: config.FRAME_RATE,
        frameBurst: config.FRAME_BURST,
        maxPatterns: MAX_PATTERNS,
        outboxLimitBytes: config.OUTBOX_LIMIT_BYTES,
      },
    },
    id,
  )
}

/** A client that could not be brought up to date must not stay connected without events: it reconnects and resumes. */
export async function orReconnect({ app, connection }: Dashboard, joining: Promise<void>): Promise<void> {
  try {
    await joining
  } catch (err) {
    app.log.error({ err, connectionId: connection.id }, 'a client could not be brought up to date')
    connection.close(1012, 'the log cannot be read', { reconnectAfterMs: 1000 })
  }
}
