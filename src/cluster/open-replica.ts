import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { FLW_ERR_LOG_CORRUPT, FLW_ERR_LOG_NEWER } from '../errors.ts'
import { type StartWorker, WorkerClient } from '../log/sqlite-client.ts'
import { startLogWorker } from '../log/sqlite-log.ts'
import { LOG_FILE } from '../log/sqlite-open.ts'

export interface ReplicaOptions {
  /** A folder of its own: what cannot be used in it is removed. */
  dir: string
  epoch: string
  onNote: (message: string) => void
  startWorker?: StartWorker
}

/** Opens a replica; one that is damaged, or of another stream, is replaced by an empty one. */
export async function openReplica({ dir, epoch, onNote, startWorker = startLogWorker }: ReplicaOptions) {
  const open = () => WorkerClient.open(startWorker, { dir, replica: { epoch } })
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof FLW_ERR_LOG_CORRUPT || error instanceof FLW_ERR_LOG_NEWER)) throw error
    onNote(`the replica is made anew: ${error.message}`)
    removeReplica(dir)
    return open()
  }
}

/** The lock stays: whoever holds it is not disturbed. */
export function removeReplica(dir: string): void {
  for (const ending of ['', '-wal', '-shm', '.new']) rmSync(join(dir, LOG_FILE + ending), { force: true })
}
