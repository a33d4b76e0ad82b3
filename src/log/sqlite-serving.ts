import type { MessagePort } from 'node:worker_threads'
import { type Database, type Driver, isFatal, loadDriver } from './sqlite-driver.ts'
import { CallGate } from './sqlite-gate.ts'
import type { CallName, Calls, OpenOptions, Reply, Request, WorkerOptions } from './sqlite-messages.ts'
import { type OpenResult, openDatabase } from './sqlite-open.ts'
import { unpackAppends } from './sqlite-packing.ts'
import { EventReader } from './sqlite-reader.ts'
import { RecordReader } from './sqlite-records.ts'
import { ReplicaWriter } from './sqlite-replica.ts'
import { LogWriter } from './sqlite-writer.ts'

/**
 * Opens a log in this thread, which then owns the only connection to it, and handles the calls that come through `port`
 * one by one, in order. There is no other state, so each reply is consistent with every commit replied to before.
 * `onEnd` is called after the last reply, when the log was refused or is closed.
 */
export async function serveLog(
  port: MessagePort,
  { shared, ...options }: WorkerOptions,
  onEnd: () => void = () => {},
  driver?: Driver,
): Promise<void> {
  const gate = new CallGate(shared)
  const opened = openDatabase(driver ?? (await loadDriver()), options)
  if (opened.status === 'opened') serve(port, gate, opened, options, onEnd)
  else port.postMessage(opened satisfies Reply)
  gate.leave()
  if (opened.status === 'refused') onEnd()
}

function serve(
  port: MessagePort,
  gate: CallGate,
  { db, release }: Extract<OpenResult, { status: 'opened' }>,
  { replica }: OpenOptions,
  onEnd: () => void,
): void {
  const { opened, answer } = answersFrom(db, replica !== undefined, () => {
    // The listener would keep the thread alive.
    port.off('message', onMessage)
    release()
  })
  const onMessage = (request: Request) => {
    if (!gate.enter()) return
    port.postMessage(answer(request))
    gate.leave()
    if (request.call === 'close') onEnd()
  }
  port.on('message', onMessage)
  port.postMessage(opened)
}

/** The replies of the owner of an open log: its state on opening, then the result of each call. */
export function answersFrom(
  db: Database,
  isReplica: boolean,
  close: () => void,
): { opened: Reply; answer(request: Request): Reply } {
  const writer = new LogWriter(db)
  const events = new EventReader(db)
  const records = new RecordReader(db)
  const replica = isReplica ? new ReplicaWriter(db, writer) : undefined

  const handlers: { [K in CallName]: (args: Calls[K]['args']) => Calls[K]['result'] } = {
    commit: packed => writer.commit(unpackAppends(packed)),
    read: query => events.step(query, writer),
    get: topic => records.get(topic),
    list: query => records.list(query),
    scan: step => records.scan(step),
    retain: step => writer.retain(step),
    current: topics => topics.map(topic => records.get(topic)),
    apply: commits => replica!.apply(commits),
    due: step => writer.due(step),
    close() {
      close()
      return null
    },
  }

  const { epoch, head, believedAt } = writer
  return {
    opened: { status: 'opened', epoch, head, believedAt, replica: replica?.state ?? null },
    answer({ call, args }) {
      try {
        return { status: 'ok', value: (handlers[call] as (args: unknown) => Calls[CallName]['result'])(args) }
      } catch (error) {
        return { status: 'error', message: (error as Error).message, fatal: isFatal(error) }
      }
    },
  }
}
