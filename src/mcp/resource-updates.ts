import type { Clock, Timer } from '../clock.ts'
import type { FleetPort, Watch } from './fleet-port.ts'
import { limits } from './limits.ts'
import { parseUri, topicsOf } from './resource-uri.ts'

export interface ResourceUpdatesOptions {
  port: Pick<FleetPort, 'watch'>
  clock: Clock
  /** Called at most once per `limits.updateMs`, with every resource that changed since the last call. */
  updated(uris: readonly string[]): void
  /** Called first: pending events should reach the watches now. */
  settle?(): void
}

/** Reports when the contents of resources have changed. */
export class ResourceUpdates {
  readonly #options: ResourceUpdatesOptions
  readonly #watches = new Map<string, Watch>()
  readonly #changed = new Set<string>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: ResourceUpdatesOptions) {
    this.#options = options
  }

  /** Watches exactly these resources. A uri that is not a resource of this server never changes. */
  set(uris: Iterable<string>): void {
    if (this.#isClosed) return
    const wanted = new Set(uris)
    for (const [uri, watch] of this.#watches) {
      if (wanted.has(uri)) continue
      watch.close()
      this.#watches.delete(uri)
      this.#changed.delete(uri)
    }
    for (const uri of wanted) {
      const resource = parseUri(uri)
      if (resource === undefined || this.#watches.has(uri) || this.#watches.size >= limits.subscriptions) continue
      this.#watches.set(
        uri,
        this.#options.port.watch(topicsOf(resource), () => this.changed(uri)),
      )
    }
  }

  /** Resolves once changes of all watched resources are reported. */
  async ready(): Promise<void> {
    await Promise.all([...this.#watches.values()].map(watch => watch.ready))
  }

  /** Reports a change that may have been missed. */
  changed(uri: string): void {
    if (!this.#watches.has(uri)) return
    this.#changed.add(uri)
    this.#timer ??= this.#options.clock.setTimeout(() => {
      this.#options.settle?.()
      this.#timer = undefined
      const changed = [...this.#changed]
      this.#changed.clear()
      if (changed.length > 0) this.#options.updated(changed)
    }, limits.updateMs)
  }

  close(): void {
    this.set([])
    this.#isClosed = true
    this.#timer?.cancel()
  }
}
