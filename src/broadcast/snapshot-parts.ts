import type { ServerPayloads } from '@fleetwire/protocol'
import type { LogRecord } from '../log/event-log.ts'

/** Each part is one frame; a larger one would delay everything else that the client waits for. */
const PART_BYTES = 1024 * 1024

/**
 * Splits the records into payloads of `snapshot` frames, all but the last with `more`. There is always at least one.
 */
export function* snapshotParts(
  topics: string[],
  records: Iterable<LogRecord>,
  cursor: string,
): Generator<ServerPayloads['snapshot']> {
  let part: LogRecord[] = []
  let bytes = 0
  const payload = (more: boolean): ServerPayloads['snapshot'] => ({
    topics,
    records: part.map(({ topic, type, payload }) => ({ topic, type, payload })),
    cursor,
    ...(more && { more }),
  })
  for (const record of records) {
    if (part.length > 0 && bytes + record.json.length > PART_BYTES) {
      yield payload(true)
      part = []
      bytes = 0
    }
    part.push(record)
    bytes += record.json.length + record.topic.length
  }
  yield payload(false)
}
