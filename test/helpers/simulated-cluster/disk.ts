import { EventEmitter } from 'node:events'
import { rmSync } from 'node:fs'
import type { LogWorker, StartWorker } from '../../../src/log/sqlite-client.ts'
import { loadDriver } from '../../../src/log/sqlite-driver.ts'
import { CallGate } from '../../../src/log/sqlite-gate.ts'
import type { Reply, Request, StoredEvent, StoredRecord } from '../../../src/log/sqlite-messages.ts'
import { type OpenResult, openDatabase } from '../../../src/log/sqlite-open.ts'
import { answersFrom } from '../../../src/log/sqlite-serving.ts'
import { MemoryLogWorker, MemoryReplica } from '../memory-log-worker.ts'

type Answer = (reply: () => void) => void

/** The disk with a node's replica, which survives the process. */
export interface Disk {
  readonly dir: string
  /** `answer` delivers a reply to the calling process. */
  worker(answer: Answer): StartWorker
  /** Called when the process that used the disk has died. */
  released(): void
  contents(): { events: readonly Pick<StoredEvent, 'seq' | 'topic' | 'json'>[]; records: StoredRecord[] }
  /** Loses the disk's contents. */
  erase(): void
}

export class MemoryDisk implements Disk {
  readonly dir = '/nowhere'
  readonly #epoch: string
  #replica: MemoryReplica

  constructor(epoch: string) {
    this.#epoch = epoch
    this.#replica = new MemoryReplica(epoch)
  }

  worker(answer: Answer): StartWorker {
    return MemoryLogWorker.start(this.#replica, answer)
  }

  released(): void {}

  contents() {
    const { events, records } = this.#replica.store
    const all = [...records.values()].map(({ record }) => record)
    return { events, records: all.sort((a, b) => a.version - b.version) }
  }

  erase(): void {
    this.#replica = new MemoryReplica(this.#epoch)
  }
}

const driver = await loadDriver()

/** Real SQLite in a folder, in this thread: slow but realistic. */
export class SqliteDisk implements Disk {
  readonly dir: string
  #open: Extract<OpenResult, { status: 'opened' }> | undefined

  constructor(dir: string) {
    this.dir = dir
  }

  worker(answer: Answer): StartWorker {
    return ({ shared, ...options }) => {
      new CallGate(shared).leave()
      const opened = openDatabase(driver, options)
      if (opened.status === 'refused') throw new Error(JSON.stringify(opened.refusal))
      this.#open = opened
      return new InlineWorker(opened, answer, () => this.released()) as unknown as LogWorker
    }
  }

  released(): void {
    this.#open?.release()
    this.#open = undefined
  }

  contents() {
    const opened = this.#open ?? openDatabase(driver, { dir: this.dir })
    if (opened.status === 'refused') throw new Error(JSON.stringify(opened.refusal))
    const all = (sql: string) => opened.db.prepare(sql).all() as unknown[]
    const events = all('SELECT seq, name AS topic, payload AS json FROM events JOIN names ON id = topic ORDER BY seq')
    const records = all('SELECT topic, type, at, version, payload AS json FROM records ORDER BY version')
    return { events: events as StoredEvent[], records: records as StoredRecord[] }
  }

  erase(): void {
    this.released()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Runs the work of the log's thread in the calling thread. */
class InlineWorker extends EventEmitter {
  readonly #answer: Answer
  readonly #end: () => void
  readonly #reply: (request: Request) => Reply

  constructor({ db }: Extract<OpenResult, { status: 'opened' }>, answer: Answer, end: () => void) {
    super()
    this.#answer = answer
    this.#end = end
    const { opened, answer: reply } = answersFrom(db, true, () => {})
    this.#reply = reply
    this.#send(opened)
  }

  postMessage(request: Request): void {
    if (request.call === 'close') {
      this.#end()
      this.#answer(() => this.emit('exit', 0))
      return
    }
    if (request.call === 'commit') throw new Error('a replica commits nothing by itself')
    this.#send(this.#reply(request))
  }

  #send(reply: Reply): void {
    this.#answer(() => this.emit('message', reply))
  }
}
