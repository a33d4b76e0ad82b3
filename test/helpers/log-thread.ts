import { MessageChannel, Worker } from 'node:worker_threads'
import type { LogWorker, StartWorker } from '../../src/log/sqlite-client.ts'

/*
 * The logs of a test process share a thread, because starting one and loading its modules takes longer than most tests.
 * A log starts its own thread if a test ends the thread, or if the log must not wait for others.
 */
let thread: Worker | undefined

function sharedThread(): Worker {
  if (thread === undefined) {
    thread = new Worker(new URL('./log-thread-worker.js', import.meta.url), { name: 'logs' })
    thread.once('exit', () => {
      thread = undefined
    })
    // Pending requests of a log keep the process alive; the thread does not.
    thread.unref()
  }
  return thread
}

/** Serves a log in the shared thread of this process. */
export const inSharedThread: StartWorker = options => {
  const { port1, port2 } = new MessageChannel()
  sharedThread().postMessage({ options, port: port2 }, [port2])
  // A separate thread would exit with its log; here the port closes instead.
  port1.once('close', () => port1.emit('exit', 0))
  return port1 as unknown as LogWorker
}
