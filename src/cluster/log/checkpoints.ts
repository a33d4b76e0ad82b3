import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Timer } from '../../clock.ts'
import { copyReplica } from '../../log/sqlite-copy.ts'
import type { CommitStream } from './commit-stream.ts'

const LOOK_MS = 60_000
/** One more than needed: the stored copy of the newest may be damaged. */
const KEPT = 2

export interface CheckpointsOptions {
  stream: CommitStream
  clock: Clock
  /** The folder of the replica. */
  dir: string
  /** The position of the replica. */
  position: () => number
  /** A checkpoint is made after this many messages. */
  every: number
  onNote: (message: string) => void
}

/**
 * Makes checkpoints of the replica while this node leads, and removes from the stream what no kept checkpoint needs.
 * Two nodes that briefly both do so cause no harm: each removes only what a stored checkpoint covers.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  #timer: Timer | undefined
  #making: Promise<boolean> | undefined
  #newest: number | undefined

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= this.#options.clock.setInterval(() => void this.#look(), LOOK_MS)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Resolves when no checkpoint is being made. */
  async idle(): Promise<void> {
    await this.#making
  }

  /** Makes a checkpoint now. Resolves with false if that failed. */
  make(): Promise<boolean> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #look(): Promise<void> {
    const { stream, position, every } = this.#options
    // Another node may have made one while it led.
    this.#newest ??= (await stream.checkpoints.list().catch(() => undefined))?.[0] ?? 0
    if (position() - this.#newest >= every) await this.make()
  }

  async #make(): Promise<boolean> {
    const { stream, dir, onNote } = this.#options
    const path = join(dir, 'checkpoint.new')
    try {
      const position = await copyReplica(dir, path)
      await stream.checkpoints.save(position, path)
      this.#newest = position
      const all = await stream.checkpoints.list()
      for (const old of all.slice(KEPT)) await stream.checkpoints.remove(old)
      const oldest = all.slice(0, KEPT).at(-1)
      if (oldest !== undefined) await stream.trim(oldest)
      return true
    } catch (error) {
      // It is retried later; until then the stream is only longer.
      onNote(`no checkpoint was made: ${(error as Error).message}`)
      return false
    } finally {
      rmSync(path, { force: true })
    }
  }
}
