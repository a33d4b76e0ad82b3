import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerOptions } from './sqlite-messages.ts'
import { serveLog } from './sqlite-serving.ts'

/** The thread of one log. It ends when the log is closed, since no listener keeps it alive. */
await serveLog(parentPort!, workerData as WorkerOptions)
