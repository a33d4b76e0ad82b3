import type { ConnectionStatus, Observable } from '@fleetwire/client/node'

/** Records when a client was disconnected, on the clock of `performance.now()`. */
export class Presence {
  readonly #absences: { from: number; to: number | undefined }[] = []
  readonly #status: Observable<ConnectionStatus>

  constructor(status: Observable<ConnectionStatus>) {
    this.#status = status
    status.subscribe(({ state }) => {
      const last = this.#absences.at(-1)
      if (state === 'online') {
        if (last !== undefined) last.to ??= performance.now()
      } else if (last === undefined || last.to !== undefined)
        this.#absences.push({ from: performance.now(), to: undefined })
    })
  }

  get isOnline(): boolean {
    return this.#status.value.state === 'online'
  }

  /** Resolves when the client is connected. */
  async back(): Promise<void> {
    if (this.isOnline) return
    await new Promise<void>(resolve => {
      const unsubscribe = this.#status.subscribe(({ state }) => {
        if (state !== 'online') return
        unsubscribe()
        resolve()
      })
    })
  }

  /** How long after `at` the client was finally online again, in ms; undefined if it was not disconnected. */
  backAfter(at: number): number | undefined {
    const last = this.#absences.findLast(({ from, to }) => from >= at || to === undefined || to > at)
    return last === undefined ? undefined : (last.to ?? performance.now()) - at
  }
}
