import { parentPort } from 'node:worker_threads'

/* The log's worker, which also ends when it is told to `die`, between two calls, without a word. */
const port = parentPort!
port.on('message', function onMessage({ call }: { call: string }) {
  if (call === 'die') process.exit(7)
  if (call === 'close') port.off('message', onMessage)
})
await import('../../src/log/sqlite-worker.ts')
