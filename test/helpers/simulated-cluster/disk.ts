import { EventEmitter } from 'node:events'
import { rmSync } from 'node:fs'
import type { LogWorker, StartWorker } from '../../../src/log/sqlite-client.ts'
import { loadDriver } from '../../../src/log/sqlite-driver.ts'
import { CallGate } from '../../../src/log/sqlite-gate.ts'
import type { CallName, Calls, Reply, Request, StoredEvent, StoredRecord } from '../../../src/log/sqlite-messages.ts'
import { type OpenResult, openDatabase } from '../../../src/log/sqlite-open.ts'
import { EventReader } from '../../../src/log/sqlite-reader.ts'
import { RecordReader } from '../../../src/log/sqlite-records.ts'
import { ReplicaWriter } from '../../../src/log/sqlite-replica.ts'
import { LogWriter } from '../../../src/log/sqlite-writer.ts'
import { MemoryLogWorker, MemoryReplica } from '../memory-log-worker.ts'

type Answer = (reply: () => void) => void

/** Where a node has its replica: it stays when the process dies. */
export interface Disk {
  readonly dir: string
  /** `answer`: brings a reply to the process that asked. */
  worker(answer: Answer): StartWorker
  /** The process that had it open is dead. */
  released(): void
  contents(): { events: readonly Pick<StoredEvent, 'seq' | 'topic' | 'json'>[]; records: StoredRecord[] }
  /** It is lost. */
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

/** SQLite in a folder, in this thread: slow, and the real one. */
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

/** What the thread of the log does, in the thread of its caller. */
class InlineWorker extends EventEmitter {
  readonly #answer: Answer
  readonly #end: () => void
  readonly #handlers: { [K in CallName]: (args: Calls[K]['args']) => Calls[K]['result'] }

  constructor({ db }: Extract<OpenResult, { status: 'opened' }>, answer: Answer, end: () => void) {
    super()
    this.#answer = answer
    this.#end = end
    const writer = new LogWriter(db)
    const events = new EventReader(db)
    const records = new RecordReader(db)
    const replica = new ReplicaWriter(db, writer)
    this.#handlers = {
      commit: () => {
        throw new Error('a replica commits nothing by itself')
      },
      read: query => events.step(query, writer),
      get: topic => records.get(topic),
      list: query => records.list(query),
      scan: step => records.scan(step),
      retain: step => writer.retain(step),
      current: topics => topics.map(topic => records.get(topic)),
      apply: commits => replica.apply(commits),
      due: step => writer.due(step),
      close: () => null,
    }
    const { epoch, head, believedAt } = writer
    this.#send({ status: 'opened', epoch, head, believedAt, replica: replica.state })
  }

  postMessage({ call, args }: Request): void {
    if (call === 'close') {
      this.#end()
      this.#answer(() => this.emit('exit', 0))
      return
    }
    try {
      const handle = this.#handlers[call] as (args: unknown) => Calls[CallName]['result']
      this.#send({ status: 'ok', value: handle(args) })
    } catch (error) {
      this.#send({ status: 'error', message: (error as Error).message, fatal: false })
    }
  }

  #send(reply: Reply): void {
    this.#answer(() => this.emit('message', reply))
  }
}
