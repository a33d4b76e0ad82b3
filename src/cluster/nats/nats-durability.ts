import type { Clock, Timer } from '../../clock.ts'
import type { Durability } from '../cluster-node.ts'

const ANSWER_MS = 2000
const INTERVAL_MS = 30_000

export interface NatsDurabilityOptions {
  /** The URLs of the servers' monitoring endpoints. */
  monitors: readonly string[]
  /** The names of the servers that store the stream; rejects if that is not known now. */
  servers(): Promise<readonly string[]>
  clock: Clock
  onChange(durability: Durability): void
}

/**
 * Whether a commit is on the disks of the servers when it is acknowledged. Servers report this only on their monitoring
 * endpoints, not to clients.
 */
export class NatsDurability {
  readonly #options: NatsDurabilityOptions
  #timer: Timer | undefined
  #value: Durability = 'unknown'

  constructor(options: NatsDurabilityOptions) {
    this.#options = options
  }

  get value(): Durability {
    return this.#value
  }

  /** Resolves after the first check. */
  async start(): Promise<void> {
    const { monitors, clock, onChange } = this.#options
    onChange(this.#value)
    if (monitors.length === 0) return
    this.#timer = clock.setInterval(() => void this.#look(), INTERVAL_MS)
    await this.#look()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { monitors, servers, onChange } = this.#options
    const [storing, ...told] = await Promise.all([servers().catch(() => []), ...monitors.map(askMonitor)])
    const value = judge(storing, told)
    if (value === this.#value) return
    this.#value = value
    onChange(value)
  }
}

interface Told {
  server: string
  syncsAlways: boolean
}

function judge(storing: readonly string[], told: readonly (Told | undefined)[]): Durability {
  const known = new Map(told.flatMap(each => (each === undefined ? [] : [[each.server, each.syncsAlways]])))
  const each = storing.map(server => known.get(server))
  if (each.includes(false)) return 'replicated'
  return each.length > 0 && each.every(syncs => syncs === true) ? 'fsync' : 'unknown'
}

async function askMonitor(url: string): Promise<Told | undefined> {
  try {
    const response = await fetch(new URL('/varz', url), { signal: AbortSignal.timeout(ANSWER_MS) })
    const { server_name: server, jetstream } = (await response.json()) as {
      server_name?: string
      jetstream?: { config?: { sync_always?: boolean } }
    }
    if (server === undefined || jetstream?.config === undefined) return undefined
    return { server, syncsAlways: jetstream.config.sync_always === true }
  } catch {
    return undefined
  }
}
