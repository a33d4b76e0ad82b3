import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { FLW_ERR_CLUSTER_STREAM, FLW_ERR_LOG_CORRUPT, FLW_ERR_LOG_NEWER } from '../../errors.ts'
import { type StartWorker, WorkerClient } from '../../log/sqlite-client.ts'
import { startLogWorker } from '../../log/sqlite-log.ts'
import { LOG_FILE } from '../../log/sqlite-open.ts'
import type { CommitStream } from './commit-stream.ts'

/** A replica that lags by this many messages loads a checkpoint rather than read them. */
const WORTH_LOADING = 20_000
/** How long to wait while the stream has no leader to say how much there is. */
const OPEN_MS = 20_000
const RETRY_MS = 250
const MOST_TRIES = 20

interface KnownBounds {
  first: number
  last: number
}

export interface ReplicaOptions {
  stream: CommitStream
  /** A folder for the replica alone: what cannot be used in it is removed. */
  dir: string
  clock: Clock
  onNote: (message: string) => void
  startWorker?: StartWorker
}

/**
 * Opens the replica in a folder such that the stream has everything after it. A replica that is damaged, of another
 * stream, or too far behind is rebuilt from the newest checkpoint. Throws FLW_ERR_CLUSTER_STREAM if no whole history is
 * left.
 */
export async function openReplica(options: ReplicaOptions): Promise<WorkerClient> {
  const { stream, dir, onNote } = options
  let client = await openFolder(options)
  let { position } = client.replica!
  const { first, last } = await boundsOf(options, position)
  if (position > last) {
    onNote(`the replica is at ${position}, but the stream ends at ${last}: the servers lost everything after that`)
    client = await replace(client, options)
    position = 0
  }
  for (const checkpoint of await checkpointsAhead(options, position, { first, last })) {
    client = await replace(client, options, async path => {
      await stream.checkpoints.load(checkpoint, path)
      onNote(`the replica was built from the checkpoint at ${checkpoint}`)
    })
    position = client.replica!.position
    if (position === checkpoint) break
  }
  if (first <= position + 1) return client
  await client.close()
  throw new FLW_ERR_CLUSTER_STREAM(dir, `it begins at ${first}, and there is no checkpoint of what came before`)
}

/** What the stream holds. An answer that ends before the replica is out of date, unless repeated answers agree. */
function boundsOf({ stream, clock }: ReplicaOptions, position: number): Promise<KnownBounds> {
  return askUntil(
    clock,
    async () => {
      const { first, last } = await stream.bounds()
      if (first === undefined) throw new Error('no server reports where the stream begins')
      return { first, last }
    },
    ({ last }) => last >= position,
  )
}

/**
 * The checkpoints that are ahead of the replica, newest first. If one is needed, an answer without any is out of date,
 * unless repeated answers agree.
 */
async function checkpointsAhead({ stream, clock }: ReplicaOptions, position: number, { first, last }: KnownBounds) {
  const isNeeded = first > position + 1
  if (!isNeeded && last - position < WORTH_LOADING) return []
  return askUntil(
    clock,
    async () => {
      const all = await stream.checkpoints.list()
      return all.filter(checkpoint => checkpoint > position && checkpoint <= last && checkpoint >= first - 1)
    },
    ahead => ahead.length > 0 || !isNeeded,
  )
}

/** Asks until the answer is good enough; after MOST_TRIES, the last answer counts. */
async function askUntil<T>(clock: Clock, ask: () => Promise<T>, isEnough: (answer: T) => boolean): Promise<T> {
  for (let tries = 1; ; tries++) {
    const answer = await patiently(clock, ask)
    if (isEnough(answer) || tries === MOST_TRIES) return answer
    await pause(clock)
  }
}

/** Closes a replica and opens another in its place: the file that `fill` writes, or an empty one. */
async function replace(client: WorkerClient, options: ReplicaOptions, fill?: (path: string) => Promise<void>) {
  await client.close()
  removeReplica(options.dir)
  if (fill !== undefined) {
    const path = join(options.dir, LOG_FILE)
    try {
      await fill(`${path}.new`)
      renameSync(`${path}.new`, path)
    } catch (error) {
      options.onNote(`a checkpoint cannot be used: ${(error as Error).message}`)
    }
  }
  return openFolder(options)
}

async function openFolder({ stream, dir, onNote, startWorker = startLogWorker }: ReplicaOptions) {
  const open = () => WorkerClient.open(startWorker, { dir, replica: { epoch: stream.epoch } })
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof FLW_ERR_LOG_CORRUPT || error instanceof FLW_ERR_LOG_NEWER)) throw error
    onNote(`the replica is rebuilt: ${error.message}`)
    removeReplica(dir)
    return open()
  }
}

/** The lock file stays, so that its holder is not disturbed. */
function removeReplica(dir: string): void {
  for (const ending of ['', '-wal', '-shm', '.new']) rmSync(join(dir, LOG_FILE + ending), { force: true })
}

/** Retries while the stream has no leader. */
export async function patiently<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + OPEN_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (clock.monotonic() >= until) throw error
      await pause(clock)
    }
  }
}

const pause = (clock: Clock) => new Promise<void>(resolve => void clock.setTimeout(resolve, RETRY_MS))
