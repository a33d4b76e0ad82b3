import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerOptions } from './sqlite-messages.ts'
import { serveLog } from './sqlite-serving.ts'

/** The thread of one log. It ends when that is closed: nothing listens any more. */
await serveLog(parentPort!, workerData as WorkerOptions)
