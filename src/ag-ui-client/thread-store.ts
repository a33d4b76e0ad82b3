import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Interrupt, Message, State } from '@ag-ui/client'

/** A conversation with the agent: AG-UI agents remember nothing, each run is sent all of it. */
export interface Thread {
  threadId: string
  messages: Message[]
  state: State
  /** What the agent asked and got no answer to. Until it is told so, it takes no other input. */
  pendingInterrupts: Interrupt[]
}

export interface ThreadStoreOptions {
  /** Created if absent; holds one file per thread. */
  folder: string
  /** A thread in which nothing happened for so long is removed at the next start. */
  keepMs: number
  now(): number
}

/**
 * Threads on disk. A file is replaced as a whole, so a process that dies leaves either the thread before its last run or
 * the one after it.
 */
export class ThreadStore {
  readonly #options: ThreadStoreOptions
  /** The last run of each thread that is running. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(options: ThreadStoreOptions) {
    this.#options = options
  }

  /** Makes the folder, and removes threads that nobody continues any more. */
  async open(): Promise<void> {
    const { folder, keepMs, now } = this.#options
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const { mtimeMs } = await stat(path)
      if (mtimeMs < now() - keepMs) await rm(path, { force: true })
    }
  }

  /** An empty one if there is no file, or none that can be read: `flaw` then says why. */
  async load(threadId: string): Promise<{ thread: Thread; flaw?: string }> {
    const empty: Thread = { threadId, messages: [], state: {}, pendingInterrupts: [] }
    let text: string
    try {
      text = await readFile(this.#path(threadId), 'utf8')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return code === 'ENOENT' ? { thread: empty } : { thread: empty, flaw: message }
    }
    try {
      return { thread: { ...empty, ...(JSON.parse(text) as Thread) } }
    } catch (error) {
      return { thread: empty, flaw: (error as Error).message }
    }
  }

  async save(thread: Thread): Promise<void> {
    const path = this.#path(thread.threadId)
    const next = `${path}.next`
    const file = await open(next, 'w', 0o600)
    try {
      await file.writeFile(JSON.stringify(thread))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, path)
  }

  /**
   * Resolves when no other run of the thread goes on: an agent that is asked twice at once knows neither question from the
   * other. Undefined if `signal` aborts before.
   */
  async turn(threadId: string, signal: AbortSignal): Promise<{ end(): void } | undefined> {
    const before = this.#turns.get(threadId)
    let end = () => {}
    const mine = new Promise<void>(resolve => {
      end = resolve
    })
    const over = Promise.all([before, mine]).then(() => {
      if (this.#turns.get(threadId) === over) this.#turns.delete(threadId)
    })
    this.#turns.set(threadId, over)
    if (before !== undefined) await Promise.race([before, once(signal, 'abort').catch(() => {})])
    if (!signal.aborted) return { end }
    end()
    return undefined
  }

  /** Two ids may differ only in case, which not every file system tells apart. */
  #path(threadId: string): string {
    const digest = createHash('sha256').update(threadId).digest('hex').slice(0, 12)
    return join(this.#options.folder, `${threadId}-${digest}.json`)
  }
}
