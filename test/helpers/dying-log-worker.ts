import { parentPort } from 'node:worker_threads'

/* The log's worker, which also exits without notice on the message `die`, between two calls. */
const port = parentPort!
port.on('message', function onMessage({ call }: { call: string }) {
  if (call === 'die') process.exit(7)
  if (call === 'close') port.off('message', onMessage)
})
await import('../../src/log/sqlite-worker.ts')
