import { MessageChannel, Worker } from 'node:worker_threads'
import type { LogWorker, StartWorker } from '../../src/log/sqlite-client.ts'

/*
 * The logs of a test process share a thread: to start one and to load what is in it takes more time than most tests.
 * A log whose thread a test ends, or which must not wait for another, starts its own.
 */
let thread: Worker | undefined

function sharedThread(): Worker {
  if (thread === undefined) {
    thread = new Worker(new URL('./log-thread-worker.js', import.meta.url), { name: 'logs' })
    thread.once('exit', () => {
      thread = undefined
    })
    // What a log waits for keeps the process alive, not the thread.
    thread.unref()
  }
  return thread
}

/** Serves a log in the thread of all logs of this process. */
export const inSharedThread: StartWorker = options => {
  const { port1, port2 } = new MessageChannel()
  sharedThread().postMessage({ options, port: port2 }, [port2])
  // Where the file of a thread ends with its log, the port closes.
  port1.once('close', () => port1.emit('exit', 0))
  return port1 as unknown as LogWorker
}
