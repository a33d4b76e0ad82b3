import { openSqliteLog, type SqliteLog, type SqliteLogOptions } from './sqlite-log.ts'

type Listener = Required<Pick<SqliteLogOptions, 'onFault' | 'onNote'>>

/** A log that opens while the program that uses it is still loading. Its reports are buffered until `take`. */
export class OpeningLog {
  readonly #log: Promise<SqliteLog>
  #listener: Listener | undefined
  #kept: ((listener: Listener) => void)[] = []

  constructor(options: Omit<SqliteLogOptions, 'onFault' | 'onNote'>) {
    this.#log = openSqliteLog({
      ...options,
      onFault: error => this.#report(listener => listener.onFault(error)),
      onNote: message => this.#report(listener => listener.onNote(message)),
    })
    // `take` passes the rejection on to its caller.
    this.#log.catch(() => {})
  }

  /** Returns the log and sends buffered and later reports to `listener`. Rejects as openSqliteLog does. */
  take(listener: Listener): Promise<SqliteLog> {
    this.#listener = listener
    for (const report of this.#kept) report(listener)
    this.#kept = []
    return this.#log
  }

  /** Closes the log of a program that cannot start. */
  async close(): Promise<void> {
    const log = await this.#log.catch(() => undefined)
    await log?.close()
  }

  #report(report: (listener: Listener) => void): void {
    if (this.#listener === undefined) this.#kept.push(report)
    else report(this.#listener)
  }
}
