import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import { CURRENT, STEPS, type ToDrawer } from './screen-messages.ts'
import { ScreenScheduler } from './screen-scheduler.ts'

const shared = workerData as Int32Array
const scheduler = new ScreenScheduler({
  clock: systemClock,
  post: (message, transfer) => parentPort?.postMessage(message, transfer),
  onStep: screen => {
    Atomics.store(shared, CURRENT, screen)
    Atomics.add(shared, STEPS, 1)
  },
})
// xterm draws in its own timers. Errors thrown there arrive here and belong to one screen.
process.on('uncaughtException', error => scheduler.fail(error))
parentPort?.on('message', (message: ToDrawer) => scheduler.receive(message))
