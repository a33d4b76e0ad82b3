import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { buildApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'

/*
 * A server in a process of its own that says how long its event loop stood still at most, so that what its peers do in the
 * process of the test is not measured with it. `test/helpers/measured.ts` starts it.
 */
const RESOLUTION_MS = 1
const lines: string[] = []
const note = (line: unknown) => lines.push(String(line))

const dir = mkdtempSync(join(tmpdir(), 'fleetwire-measured-'))
const config = JSON.parse(process.argv[2] ?? '{}') as Partial<Config>
const app = await buildApp({
  logger: { stream: { write: note } },
  config: { DATA_DIR: dir, JWT_SECRET: 'a-secret-for-tests-that-is-long-enough', LOG_LEVEL: 'error', ...config },
})
await app.listen({ host: '127.0.0.1', port: 0 })
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delays.enable()

type Ask =
  | { ask: 'token'; role: 'admin' | 'agent' | 'operator' | 'viewer'; sub: string }
  | { ask: 'reset' | 'delay' | 'faults' }

process.on('message', async (message: Ask) => {
  if (message.ask === 'token') {
    const minted = await app.tokens.mint({ sub: message.sub, role: message.role }, 'test')
    process.send!(minted.status === 'minted' ? minted.token : minted.status)
    return
  }
  if (message.ask === 'reset') delays.reset()
  process.send!(message.ask === 'faults' ? lines : Math.max(0, delays.max / 1e6 - RESOLUTION_MS))
})
process.on('disconnect', async () => {
  await app.close()
  rmSync(dir, { recursive: true, force: true })
})
process.send!(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
