import type { WorkerClient } from '../../log/sqlite-client.ts'
import type { Calls, ReplicaCommit } from '../../log/sqlite-messages.ts'

/** How much may be on its way to the file before no more is read from the stream. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

type RetainResult = Calls['retain']['result']

interface Waiting {
  commit: ReplicaCommit
  bytes: number
  onApplied: (result: RetainResult | null) => void
}

/** Applies commits to the file of the replica, in order; those of one turn share one transaction. */
export class ReplicaApplier {
  readonly #client: WorkerClient
  readonly #onFailed: (reason: string) => void
  #gathered: Waiting[] = []
  #waitingBytes = 0
  #underWay = 0
  #believedAt: number | undefined
  readonly #onCalm: (() => void)[] = []

  /** `onFailed` is called when a commit cannot be applied: nothing after it can be, either. */
  constructor(client: WorkerClient, onFailed: (reason: string) => void) {
    this.#client = client
    this.#onFailed = onFailed
    this.#believedAt = client.believedAt
  }

  /** The last time used by retention, epoch ms. */
  get believedAt(): number | undefined {
    return this.#believedAt
  }

  /** `onApplied` is called when the commit is in the file, in the order of the commits. */
  push(commit: ReplicaCommit, bytes: number, onApplied: Waiting['onApplied']): void {
    if (this.#gathered.length === 0) queueMicrotask(() => this.flush())
    this.#gathered.push({ commit, bytes, onApplied })
    this.#waitingBytes += bytes
  }

  /** Sends the gathered commits: a worker call that is made after this sees them. */
  flush(): void {
    const batch = this.#gathered
    if (batch.length === 0) return
    this.#gathered = []
    this.#underWay++
    this.#client.call(
      'apply',
      batch.map(({ commit }) => commit),
      outcome => {
        this.#underWay--
        for (const { bytes } of batch) this.#waitingBytes -= bytes
        if (outcome.status === 'ok') {
          this.#believedAt = outcome.value.believedAt ?? undefined
          batch.forEach(({ onApplied }, i) => void onApplied(outcome.value.results[i]!))
        } else this.#onFailed(outcome.message)
        this.#calm()
      },
    )
  }

  /** Returns a promise while too much waits for the file. */
  busy(): Promise<void> | undefined {
    return this.#waitingBytes > MAX_WAITING_BYTES ? this.#calmed() : undefined
  }

  /** Resolves when everything that was pushed is in the file. */
  async idle(): Promise<void> {
    this.flush()
    while (this.#underWay > 0 || this.#gathered.length > 0) await this.#calmed()
  }

  #calmed(): Promise<void> {
    return new Promise(resolve => this.#onCalm.push(resolve))
  }

  #calm(): void {
    for (const resolve of this.#onCalm.splice(0)) resolve()
  }
}
