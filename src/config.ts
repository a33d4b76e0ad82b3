import { addressPolicy } from './address-policy.ts'
import type { Config } from './config-schema.ts'
import { listOf, readEnvironment } from './environment.ts'
import { FLW_ERR_CONFIG_INVALID } from './errors.ts'
import { check, lists, names } from './generated/config-check.js'
import { parseNatsUrls } from './nats-url.ts'
import { parseTrustProxy } from './trust-proxy.ts'

export type { Config } from './config-schema.ts'

const invalid = (what: string) => new FLW_ERR_CONFIG_INVALID(`Configuration: FLEETWIRE_${what}`)

/** The warnings about an environment: variables that have the prefix but are not settings. */
export const environmentWarnings = (env: Record<string, string | undefined>): readonly string[] =>
  readEnvironment(env, names).warnings

/** The configuration that an environment describes. Throws FLW_ERR_CONFIG_INVALID naming the variable and the rule. */
export function loadConfig(env: Record<string, string | undefined>, overrides: Partial<Config> = {}): Config {
  const data: Record<string, unknown> = { ...readEnvironment(env, names).settings, ...overrides }
  for (const name of lists) if (data[name] !== undefined) data[name] = listOf(data[name] as string | string[])
  // `check` also converts text, sets defaults and drops unknown settings.
  if (!check(data)) {
    const flaws = (check.errors ?? []).map(({ instancePath, message }) => `${instancePath.slice(1)} ${message}`)
    throw invalid(flaws.join(', FLEETWIRE_'))
  }
  const config = data as Config
  if (config.NATS_URL !== undefined && !hasSharedKey(config)) throw invalid(`NATS_URL ${NO_SHARED_KEY}`)
  for (const [own, other] of [
    ['NATS_CERT', 'NATS_KEY'],
    ['NATS_KEY', 'NATS_CERT'],
  ] as const) {
    if (config[own] !== undefined && config[other] === undefined) throw invalid(`${own} needs FLEETWIRE_${other} too`)
  }
  const parsed: Record<string, () => unknown> = {
    TRUST_PROXY: () => parseTrustProxy(config.TRUST_PROXY),
    WEBHOOK_ALLOW_PRIVATE: () => addressPolicy(config.WEBHOOK_ALLOW_PRIVATE),
    NATS_URL: () => parseNatsUrls(listOf(config.NATS_URL)),
    NATS_MONITOR_URL: () => checkMonitors(listOf(config.NATS_MONITOR_URL)),
  }
  for (const [name, parse] of Object.entries(parsed)) {
    try {
      parse()
    } catch (error) {
      throw invalid(`${name}${(error as Error).message.replace(/^(?!\/)/, ' ')}`)
    }
  }
  return config
}

function checkMonitors(urls: readonly string[]): void {
  const isWrong = urls.some(url => !/^https?:\/\//i.test(url) || !URL.canParse(url))
  if (isWrong) throw new Error('must list the HTTP monitoring address of each server, such as http://10.0.0.5:8222')
}

const hasSharedKey = ({ JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL }: Config): boolean =>
  [JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL].some(key => key !== undefined)

const NO_SHARED_KEY =
  'needs a key that all nodes share, since other nodes would refuse the tokens of this one: set FLEETWIRE_JWT_SECRET, the same on each node (openssl rand -hex 32), or FLEETWIRE_JWT_PUBLIC_KEY or FLEETWIRE_JWKS_URL'
