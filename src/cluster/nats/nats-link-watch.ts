import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock, Timer } from '../../clock.ts'
import type { Beats } from '../beats.ts'

const LOOK_MS = 500
/** A node normally receives its own beats within milliseconds. */
const SILENCE_MS = 3000

/**
 * Leaves a server that accepts messages and forwards none, as a stalled one does; pings would detect it only after 6 s.
 * The sign is that a node does not hear its own beats.
 */
export function watchLink(
  connection: Pick<NatsConnection, 'isClosed' | 'reconnect'>,
  node: string,
  beats: Beats,
  clock: Clock,
): () => void {
  let heardAt = clock.monotonic()
  let hasBegun = false
  const unlisten = beats.listen(beat => {
    if (beat.node !== node) return
    hasBegun = true
    heardAt = clock.monotonic()
  })
  let lookedAt = clock.monotonic()
  const timer: Timer = clock.setInterval(() => {
    const now = clock.monotonic()
    // This process stalled itself.
    if (now - lookedAt > SILENCE_MS) heardAt = now
    lookedAt = now
    if (!hasBegun || now - heardAt < SILENCE_MS || connection.isClosed()) return
    heardAt = now
    connection.reconnect().catch(() => {})
  }, LOOK_MS)
  return () => {
    timer.cancel()
    unlisten()
  }
}
