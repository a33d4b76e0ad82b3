import { parentPort, workerData } from 'node:worker_threads'
import { play } from './play.ts'

/* A thread that plays every n-th of many histories, starting with `first`, and posts the result of each. */
const { first, every, count } = workerData as { first: number; every: number; count: number }
for (let seed = first; seed < first + every * count; seed += every)
  parentPort!.postMessage({ ...(await play(seed)), log: [] })
