const [BUSY, SHUT] = [0, 1]
/**
 * A commit takes milliseconds, a checkpoint tenths of a second. If a call takes longer than this, the disk hangs, and
 * process exit no longer waits for it.
 */
const SHUT_TIMEOUT_MS = 5000

const open = new Set<CallGate>()

/**
 * Shows whether the worker is inside SQLite, and can keep it out for good. The driver from the package aborts the whole
 * process (an uncaught Napi::Error) if its thread is torn down during a call, as by `process.exit` or an uncaught
 * error: a clean exit would end in SIGABRT. So process exit waits at this gate for the call in progress.
 */
export class CallGate {
  readonly #cells: Int32Array<SharedArrayBuffer>

  /** Both threads create one over the same memory. A new gate is busy, since the worker begins by opening the file. */
  constructor(shared?: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared ?? new SharedArrayBuffer(8))
    if (shared === undefined) Atomics.store(this.#cells, BUSY, 1)
  }

  get shared(): SharedArrayBuffer {
    return this.#cells.buffer
  }

  /**
   * Called by the worker before each of its SQLite calls. False: the process is ending and the call must not be made.
   */
  enter(): boolean {
    Atomics.store(this.#cells, BUSY, 1)
    if (Atomics.load(this.#cells, SHUT) === 0) return true
    this.leave()
    return false
  }

  /** Called by the worker after a call. */
  leave(): void {
    Atomics.store(this.#cells, BUSY, 0)
    Atomics.notify(this.#cells, BUSY)
  }

  /** Called by the owner: until `unguard`, process exit waits for the call in progress. */
  guard(): void {
    // One listener for all logs, since Node warns of a leak at eleven.
    if (open.size === 0) process.on('exit', shutAll)
    open.add(this)
  }

  /** Called by the owner when the worker has ended. */
  unguard(): void {
    open.delete(this)
    if (open.size === 0) process.off('exit', shutAll)
  }

  #shut(): void {
    // Each side sets its own flag before it reads the other's, so at least one of them sees the other.
    Atomics.store(this.#cells, SHUT, 1)
    if (Atomics.load(this.#cells, BUSY) === 1) Atomics.wait(this.#cells, BUSY, 1, SHUT_TIMEOUT_MS)
  }

  static shutAll(): void {
    for (const gate of open) gate.#shut()
  }
}

const shutAll = () => CallGate.shutAll()
