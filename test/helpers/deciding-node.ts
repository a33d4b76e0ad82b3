import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import type { Config } from '../../src/config.ts'
import { temporaryFolder } from './log-folder.ts'
import { until } from './until.ts'

/**
 * The nats-servers, comma-separated, on which tests run whose server is then a node that does not decide:
 * `test/cluster/both-modes.test.ts` sets it for others.
 */
export const CLUSTER = process.env.TEST_CLUSTER

/** By the folder of the node that does not decide: what starts on it again is of the same fleet. */
const fleets = new Map<string, Partial<Config>>()

/**
 * Starts a node that decides, in a fleet of its own, unless that of the folder has one; it ends with the test. Resolves
 * with the settings of another node of that fleet.
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
