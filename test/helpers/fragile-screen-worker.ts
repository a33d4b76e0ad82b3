import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/clock.ts'
import { CURRENT, STEPS, type ToDrawer } from '../../src/terminals/screen-messages.ts'
import { ScreenScheduler } from '../../src/terminals/screen-scheduler.ts'

/** Renders like the real worker, but dies or hangs when the output contains `die` or `hang`. */
const shared = workerData as Int32Array
const step = (screen: number) => {
  Atomics.store(shared, CURRENT, screen)
  Atomics.add(shared, STEPS, 1)
}
const scheduler = new ScreenScheduler({
  clock: systemClock,
  post: message => parentPort?.postMessage(message),
  onStep: step,
})
parentPort?.on('message', (message: ToDrawer) => {
  const text = message.type === 'draw' ? Buffer.from(message.bytes).toString() : ''
  if (message.type === 'draw') step(message.screen)
  if (text.includes('die')) process.exit(3)
  while (text.includes('hang'));
  scheduler.receive(message)
})
