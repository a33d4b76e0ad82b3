import { parentPort, workerData } from 'node:worker_threads'
import type { CopyOptions, CopyReply } from './sqlite-copy.ts'
import { loadDriver } from './sqlite-driver.ts'
import { CallGate } from './sqlite-gate.ts'

/** Runs in its own thread with its own connection, so that the log keeps working during the copy. */
const { shared, from, to } = workerData as CopyOptions
const gate = new CallGate(shared)
parentPort!.postMessage(await copy())
gate.leave()

async function copy(): Promise<CopyReply> {
  try {
    const driver = await loadDriver()
    const log = driver.open(from, { readOnly: true })
    try {
      log.exec('PRAGMA busy_timeout = 5000')
      log.prepare('VACUUM INTO ?').run(to)
    } finally {
      log.close()
    }
    const made = driver.open(to)
    try {
      made.exec('UPDATE replica SET boot = NULL')
      const { position } = made.prepare('SELECT position FROM replica').get() as { position: number }
      return { status: 'copied', position }
    } finally {
      made.close()
    }
  } catch (error) {
    return { status: 'failed', reason: (error as Error).message }
  }
}
