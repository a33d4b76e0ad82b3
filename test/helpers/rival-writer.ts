import type { Clock } from '../../src/clock.ts'
import { CommitFollower } from '../../src/cluster/log/commit-follower.ts'
import type { CommitStream } from '../../src/cluster/log/commit-stream.ts'
import { CommitWriter, type Written } from '../../src/cluster/log/commit-writer.ts'

/** One of several writers of one stream. Each commit names the commit that its writer knew as the last one. */
export class RivalWriter {
  readonly name: string
  readonly stream: CommitStream
  readonly follower: CommitFollower
  readonly writer: CommitWriter
  /** The ids of its commits, by their reported results. */
  readonly told: Record<Written['status'], string[]> = { written: [], deposed: [], unknown: [] }
  deposed = 0
  #tail = ''
  #count = 0
  readonly #clock: Clock

  constructor(name: string, stream: CommitStream, clock: Clock) {
    this.#clock = clock
    this.name = name
    this.stream = stream
    this.follower = new CommitFollower({
      stream,
      clock,
      from: 0,
      onPart: part => this.writer.saw(part),
      onCommit: ({ id }) => {
        this.#tail = id
      },
      onLost: first => {
        throw new Error(`lost at ${first}`)
      },
    })
    this.writer = new CommitWriter({ stream, follower: this.follower, clock, onDeposed: () => void this.deposed++ })
    this.follower.start()
  }

  /** Makes one commit, or a claim if it does not lead. */
  async step(bytes = 0): Promise<Written> {
    const id = `${this.name}-${++this.#count}`
    const data = () => Buffer.from(JSON.stringify({ after: this.#tail, fill: 'x'.repeat(bytes) }))
    const written = this.writer.isLeading ? await this.writer.commit(id, data()) : await this.writer.claim(id, data)
    this.told[written.status].push(id)
    return written
  }

  /** Pauses, so that other writers get their turn. */
  rest(ms: number): Promise<void> {
    return new Promise(resolve => void this.#clock.setTimeout(resolve, ms))
  }

  stop(): void {
    this.writer.stop()
    this.follower.stop()
  }
}

/** Differences between the stream and the results that its writers got; empty if there are none. */
export async function flawsOf(stream: CommitStream, clock: Clock, rivals: readonly RivalWriter[]): Promise<string[]> {
  const flaws: string[] = []
  const counts = new Map<string, number>()
  let tail = ''
  const follower = new CommitFollower({
    ...{ stream, clock, from: 0, onPart: () => {}, onLost: () => {} },
    onCommit({ id, data }) {
      const { after } = JSON.parse(Buffer.from(data).toString()) as { after: string }
      if (after !== tail) flaws.push(`${id} was written to follow ${after}, but follows ${tail}`)
      counts.set(id, (counts.get(id) ?? 0) + 1)
      tail = id
    },
  })
  follower.start()
  await follower.sync()
  follower.stop()
  for (const { told } of rivals) {
    for (const id of told.written) if (counts.get(id) !== 1) flaws.push(`${id} is stored ${counts.get(id) ?? 0} times`)
    for (const id of told.deposed) if (counts.has(id)) flaws.push(`${id} is stored, but was reported as refused`)
    for (const id of [...told.written, ...told.unknown]) counts.delete(id)
  }
  for (const id of counts.keys()) flaws.push(`${id} is stored, but was never reported`)
  return flaws
}
