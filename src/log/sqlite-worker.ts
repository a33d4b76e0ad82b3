import { parentPort, workerData } from 'node:worker_threads'
import { isFatal, loadDriver } from './sqlite-driver.ts'
import { CallGate } from './sqlite-gate.ts'
import type { CallName, Calls, Reply, Request, WorkerOptions } from './sqlite-messages.ts'
import { type OpenResult, openDatabase } from './sqlite-open.ts'
import { unpackAppends } from './sqlite-packing.ts'
import { EventReader } from './sqlite-reader.ts'
import { RecordReader } from './sqlite-records.ts'
import { ReplicaWriter } from './sqlite-replica.ts'
import { LogWriter } from './sqlite-writer.ts'

/**
 * The thread that owns the only connection. It has no other state: it answers calls one by one, in order, so each
 * answer is consistent with every commit answered before.
 */

const port = parentPort!
const send = (reply: Reply) => port.postMessage(reply)

const { shared, ...options } = workerData as WorkerOptions
const gate = new CallGate(shared)
const opened = openDatabase(await loadDriver(), options)
if (opened.status === 'refused') send(opened)
else serve(opened)
gate.leave()

function serve({ db, release }: Extract<OpenResult, { status: 'opened' }>): void {
  const writer = new LogWriter(db)
  const events = new EventReader(db)
  const records = new RecordReader(db)
  const replica = options.replica === undefined ? undefined : new ReplicaWriter(db, writer)

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
      // The listener keeps the thread alive.
      port.off('message', onMessage)
      release()
      return null
    },
  }

  const handle = ({ call, args }: Request): Reply => {
    try {
      return { status: 'ok', value: (handlers[call] as (args: unknown) => Calls[CallName]['result'])(args) }
    } catch (error) {
      return { status: 'error', message: (error as Error).message, fatal: isFatal(error) }
    }
  }
  const onMessage = (request: Request) => {
    if (!gate.enter()) return
    send(handle(request))
    gate.leave()
  }
  port.on('message', onMessage)
  const { epoch, head, believedAt } = writer
  send({ status: 'opened', epoch, head, believedAt, replica: replica?.state ?? null })
}
