import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Interrupt, Message, State } from '@ag-ui/client'

/** A conversation with the agent. AG-UI agents are stateless: each run is sent the whole conversation. */
export interface Thread {
  threadId: string
  messages: Message[]
  state: State
  /** Interrupts without an answer. The agent takes no other input until it gets an answer or a cancellation. */
  pendingInterrupts: Interrupt[]
}

export interface ThreadStoreOptions {
  /** Created if absent; holds one file per thread. */
  folder: string
  /** A thread without activity for this long is removed at the next start. */
  keepMs: number
  now(): number
}

/**
 * Threads on disk. A file is replaced as a whole, so a crash leaves the thread either as before its last run or as
 * after it.
 */
export class ThreadStore {
  readonly #options: ThreadStoreOptions
  /** The last queued turn of each thread that has one. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(options: ThreadStoreOptions) {
    this.#options = options
  }

  /** Creates the folder, and removes threads that have been inactive for too long. */
  async open(): Promise<void> {
    const { folder, keepMs, now } = this.#options
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const { mtimeMs } = await stat(path)
      if (mtimeMs < now() - keepMs) await rm(path, { force: true })
    }
  }

  /** Loads a thread: an empty one if there is no file, or if it cannot be read (`flaw` then says why). */
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
   * Resolves when no other run of the thread is in progress: of two concurrent prompts, neither would be in the history
   * of the other. Resolves with undefined if `signal` aborts first.
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

  /** Includes a digest: ids may differ only in case, which some file systems ignore. */
  #path(threadId: string): string {
    const digest = createHash('sha256').update(threadId).digest('hex').slice(0, 12)
    return join(this.#options.folder, `${threadId}-${digest}.json`)
  }
}
