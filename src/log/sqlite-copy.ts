import { rmSync } from 'node:fs'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { CallGate } from './sqlite-gate.ts'
import { LOG_FILE } from './sqlite-open.ts'

export interface CopyOptions {
  shared: SharedArrayBuffer
  from: string
  to: string
}

export type CopyReply = { status: 'copied'; position: number } | { status: 'failed'; reason: string }

/**
 * Copies the replica of a folder into a new file, as of one moment, even while it is being written. Resolves with the
 * position of the copy. Rejects with SQLite's message and leaves no file if that fails.
 */
export async function copyReplica(dir: string, to: string): Promise<number> {
  rmSync(to, { force: true })
  const gate = new CallGate()
  gate.guard()
  const file = new URL(`./sqlite-copy-worker${extname(import.meta.url)}`, import.meta.url)
  const workerData: CopyOptions = { shared: gate.shared, from: join(dir, LOG_FILE), to }
  const worker = new Worker(file, { workerData, name: 'fleetwire-copy' })
  const reply = await new Promise<CopyReply>(resolve => {
    let reply: CopyReply = { status: 'failed', reason: 'its thread ended' }
    worker.on('message', message => {
      reply = message as CopyReply
    })
    worker.on('error', error => {
      reply = { status: 'failed', reason: error.message }
    })
    worker.on('exit', () => {
      gate.unguard()
      resolve(reply)
    })
  })
  if (reply.status === 'copied') return reply.position
  rmSync(to, { force: true })
  throw new Error(`the replica was not copied: ${reply.reason}`)
}
