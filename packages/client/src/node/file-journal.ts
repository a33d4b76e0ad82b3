import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { FleetwireError } from '../errors.ts'
import type { CommandJournal, DispatchedCommand, FinishedCommand, JournalEntry } from '../journal.ts'
import { applyLine, entryOf, type JournalLine, type Known, linesOf, parseJournal } from './journal-lines.ts'

export interface FileJournalOptions {
  /** Created if absent. Holds one file per agent id. */
  folder: string
  agentId: string
  /**
   * Entries older than this are dropped when the file is compacted, so that it does not grow for ever. Default 7 days.
   */
  keepMs?: number
  /** The file is compacted at this size, and then each time it has doubled. Default 1 MiB. */
  compactBytes?: number
  now?: () => number
}

interface Pending {
  line: JournalLine
  resolve(): void
  reject(error: unknown): void
}

const DAY_MS = 86_400_000

/**
 * An append-only file of JSON lines. A line counts once its newline is on disk; an incomplete last line of a dying
 * process was never acknowledged. Lines that arrive while others are being written share one fsync.
 */
export class FileJournal implements CommandJournal {
  readonly #path: string
  readonly #folder: string
  readonly #keepMs: number
  readonly #compactBytes: number
  readonly #now: () => number
  readonly #known: Map<string, Known>
  #queue: Pending[] = []
  #writer: Promise<void> | undefined
  /**
   * Undefined before the first write and after a failed one: the content on disk is unknown after a failed fsync, so
   * the file is rewritten.
   */
  #file: FileHandle | undefined
  #size = 0
  #compactAt = 0
  #isClosed = false

  private constructor(options: FileJournalOptions, known: Map<string, Known>) {
    this.#folder = options.folder
    this.#path = pathOf(options)
    this.#keepMs = options.keepMs ?? 7 * DAY_MS
    this.#compactBytes = options.compactBytes ?? 1024 * 1024
    this.#now = options.now ?? systemClock.now
    this.#known = known
  }

  static async open(options: FileJournalOptions): Promise<FileJournal> {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.agentId)) {
      throw new FleetwireError('invalid_option', 'agentId: expected letters, digits, _ and -, at most 64')
    }
    await mkdir(options.folder, { recursive: true, mode: 0o700 })
    return new FileJournal(options, parseJournal(await readIfThere(pathOf(options))))
  }

  async load(): Promise<JournalEntry[]> {
    this.#dropOld()
    return Array.from(this.#known.values(), entryOf)
  }

  accepted({ commandId, attempt }: DispatchedCommand): Promise<void> {
    return this.#write({ op: 'accepted', commandId, attempt, at: this.#now() })
  }

  finished(command: FinishedCommand): Promise<void> {
    return this.#write({ op: 'finished', ...command, at: this.#now() })
  }

  delivered(commandId: string): Promise<void> {
    return this.#write({ op: 'delivered', commandId })
  }

  forget(commandId: string): Promise<void> {
    return this.#write({ op: 'forget', commandId })
  }

  /** Writes queued lines, then closes the file. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writer
    await this.#file?.close()
    this.#file = undefined
  }

  #write(line: JournalLine): Promise<void> {
    if (this.#isClosed) return Promise.reject(new FleetwireError('stopped', 'the journal is closed'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ line, resolve, reject })
      this.#writer ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    // Wait a turn, so that everything written in this turn goes into one batch.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      try {
        await this.#append(batch.map(({ line }) => line))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        await this.#file?.close().catch(() => {})
        this.#file = undefined
        for (const { reject } of batch) reject(error)
      }
    }
    this.#writer = undefined
  }

  async #append(lines: JournalLine[]): Promise<void> {
    if (this.#file === undefined || this.#size > this.#compactAt) await this.#compact()
    const bytes = Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join(''))
    await this.#file!.appendFile(bytes)
    // The other two operations only prevent repeated reports, so they need not be synced.
    if (lines.some(({ op }) => op === 'accepted' || op === 'finished')) await this.#file!.datasync()
    this.#size += bytes.length
    for (const line of lines) applyLine(this.#known, line)
  }

  /** Writes the current entries to a new file and replaces the old one: one of them is complete at any moment. */
  async #compact(): Promise<void> {
    this.#dropOld()
    await this.#file?.close()
    this.#file = undefined
    const text = [...this.#known.values()].flatMap(linesOf).map(line => `${JSON.stringify(line)}\n`)
    const bytes = Buffer.from(text.join(''))
    const file = await open(`${this.#path}.new`, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${this.#path}.new`, this.#path)
    await syncFolder(this.#folder)
    this.#file = await open(this.#path, 'a', 0o600)
    this.#size = bytes.length
    this.#compactAt = Math.max(this.#compactBytes, 2 * bytes.length)
  }

  #dropOld(): void {
    const oldest = this.#now() - this.#keepMs
    for (const [commandId, { line }] of this.#known) if (line.at < oldest) this.#known.delete(commandId)
  }
}

const pathOf = ({ folder, agentId }: FileJournalOptions): string => join(folder, `${agentId}.journal`)

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** A rename is durable only once the folder is synced: a power cut may undo it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
