import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import type { Config } from '../../src/config.ts'
import { temporaryFolder } from './log-folder.ts'
import { until } from './until.ts'

/**
 * The nats-servers, comma-separated. If set, the server of each test is a gateway of a cluster on them.
 * `test/cluster/both-modes.test.ts` sets this for other tests.
 */
export const CLUSTER = process.env.TEST_CLUSTER

/** Fleets by the folder of their gateway: a server that starts on the folder again joins the same fleet. */
const fleets = new Map<string, Partial<Config>>()

/**
 * Starts the active node of a new fleet, unless the folder already has a fleet. The node ends with the test. Resolves
 * with the settings of another node of this fleet.
 */
export async function startDecidingNode(t: Test, { config = {}, ...options }: AppOptions): Promise<Partial<Config>> {
  const folder = config.DATA_DIR!
  const known = fleets.get(folder)
  if (known !== undefined) return known
  const namespace = `t${randomBytes(6).toString('hex')}`
  const settings: Partial<Config> = { ...config, NATS_URL: CLUSTER!, NAMESPACE: namespace }
  fleets.set(folder, { ...settings, NODE: 'gateway' })
  t.teardown(async () => {
    const stream = await openNatsCommitStream({ servers: CLUSTER!.split(','), namespace, clock: systemClock })
    await stream.destroy()
    await stream.close()
  })
  const app = await buildApp({
    ...options,
    config: { ...settings, NODE: 'deciding', DATA_DIR: temporaryFolder(t) },
  })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  await until(() => app.cluster?.isActive)
  return fleets.get(folder)!
}
