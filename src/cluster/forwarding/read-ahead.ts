import { Readable } from 'node:stream'

/** The body of a request that goes to another node. */
export type Body =
  | { kind: 'none' }
  /** The whole body: it can be sent again. */
  | { kind: 'whole'; bytes: Buffer }
  /** More than is held in memory: it can be sent only once. */
  | { kind: 'stream'; stream: Readable }

/** The body is larger than the route accepts. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

/**
 * Reads a body up to its end, or until it is larger than `holdBytes`. Until then a slow sender costs no other node
 * anything. Rejects with BodyTooLarge, or if the sender disconnects; a returned stream may fail later in the same ways.
 * The source is never destroyed, so that its sender can still be answered.
 */
export async function readAhead(source: Readable, holdBytes: number, limitBytes: number): Promise<Body> {
  const rest = bounded(source, limitBytes)
  const chunks: Buffer[] = []
  let held = 0
  for (;;) {
    const { done, value } = await rest.next()
    if (done) return held === 0 ? { kind: 'none' } : { kind: 'whole', bytes: Buffer.concat(chunks) }
    chunks.push(value)
    held += value.length
    if (held > holdBytes) return { kind: 'stream', stream: Readable.from(joined(chunks, rest), { objectMode: false }) }
  }
}

async function* bounded(source: Readable, limitBytes: number): AsyncGenerator<Buffer, undefined> {
  let bytes = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limitBytes) throw new BodyTooLarge()
    yield chunk
  }
  return undefined
}

async function* joined(chunks: Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk
  yield* rest
}
