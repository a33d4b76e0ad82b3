export type Turn<T> = { status: 'done'; value: T } | { status: 'busy' }

interface Reader {
  running: number
  waiting: (() => void)[]
}

/** Limits the concurrent reads of each reader. Further reads are queued, and refused when the queue is full. */
export class ReadingLimit {
  readonly #atOnce: number
  readonly #maxWaiting: number
  readonly #readers = new Map<string, Reader>()

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  async run<T>(name: string, read: () => Promise<T>): Promise<Turn<T>> {
    const reader = this.#readers.get(name) ?? { running: 0, waiting: [] }
    this.#readers.set(name, reader)
    if (reader.running < this.#atOnce) reader.running++
    else {
      if (reader.waiting.length >= this.#maxWaiting) return { status: 'busy' }
      await new Promise<void>(resolve => reader.waiting.push(resolve))
    }
    try {
      return { status: 'done', value: await read() }
    } finally {
      // The next read in the queue takes over this slot.
      const next = reader.waiting.shift()
      if (next) next()
      else if (--reader.running === 0) this.#readers.delete(name)
    }
  }
}
