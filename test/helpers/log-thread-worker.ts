import { type MessagePort, parentPort } from 'node:worker_threads'
import type { WorkerOptions } from '../../src/log/sqlite-messages.ts'
import { serveLog } from '../../src/log/sqlite-serving.ts'

/** Serves many logs in this thread: `log-thread.ts`. */
parentPort!.on('message', ({ options, port }: { options: WorkerOptions; port: MessagePort }) => {
  void serveLog(port, options, () => port.close())
})
