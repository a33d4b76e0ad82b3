import { mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'

/*
 * A server in a separate process that reports the longest time its event loop was blocked. The work of its peers in the
 * test process is not part of the measurement. `test/helpers/measured.ts` starts it.
 */
const lines: string[] = []
const note = (line: unknown) => lines.push(String(line))

const dir = mkdtempSync(join(tmpdir(), 'fleetwire-measured-'))
const config = JSON.parse(process.argv[2] ?? '{}') as Partial<Config>
const app = await buildApp({
  logger: { stream: { write: note } },
  config: { DATA_DIR: dir, JWT_SECRET: 'a-secret-for-tests-that-is-long-enough', LOG_LEVEL: 'error', ...config },
})
await app.listen({ host: '127.0.0.1', port: 0 })

/**
 * Milliseconds of CPU time of this thread. If other processes use the CPU, wall clock time would measure them rather
 * than the server. It is the fallback where the system does not provide CPU time.
 */
function clockOfThread(): () => number {
  try {
    const file = openSync('/proc/self/schedstat', 'r')
    const bytes = Buffer.alloc(64)
    return () => Number(bytes.toString('latin1', 0, readSync(file, bytes, 0, 64, 0)).split(' ')[0]) / 1e6
  } catch {
    return () => performance.now()
  }
}

const now = clockOfThread()
let longest = 0
let last = now()
const probe = () => {
  const at = now()
  longest = Math.max(longest, at - last)
  last = at
  timer = setTimeout(probe, 1)
}
let timer = setTimeout(probe, 1)

type Ask =
  | { ask: 'token'; role: 'admin' | 'agent' | 'operator' | 'viewer'; sub: string }
  | { ask: 'reset' | 'delay' | 'faults' }

process.on('message', async (message: Ask) => {
  if (message.ask === 'token') {
    const minted = await app.tokens.mint({ sub: message.sub, role: message.role }, 'test')
    process.send!(minted.status === 'minted' ? minted.token : minted.status)
    return
  }
  // Work in progress at the time of the request counts too.
  if (message.ask === 'delay') longest = Math.max(longest, now() - last)
  if (message.ask === 'reset') longest = 0
  process.send!(message.ask === 'faults' ? lines : longest)
})
process.on('disconnect', async () => {
  clearTimeout(timer)
  await app.close()
  rmSync(dir, { recursive: true, force: true })
})
process.send!(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
