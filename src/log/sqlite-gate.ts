const [BUSY, SHUT] = [0, 1]
/**
 * A commit takes milliseconds, a checkpoint tenths of a second. Beyond this the disk hangs, and the exit does not wait
 * for it.
 */
const SHUT_TIMEOUT_MS = 5000

const open = new Set<CallGate>()

/**
 * Says whether the worker is inside SQLite, and can keep it out for good. The driver from the package aborts the whole
 * process (an uncaught Napi::Error) if its thread is torn down during a call, as by `process.exit` or an uncaught
 * error: a clean exit would end in SIGABRT. So the exit of the process waits at this gate for the call under way.
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
   * Called by the worker before each of its SQLite calls. False: the process is ending, and the call must not be made.
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

  /** Called by the owner: from now until `unguard`, the exit of the process waits for the call under way. */
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
    // This side sets its flag before it reads the other's, and the worker does the same, so one of them sees the other.
    Atomics.store(this.#cells, SHUT, 1)
    if (Atomics.load(this.#cells, BUSY) === 1) Atomics.wait(this.#cells, BUSY, 1, SHUT_TIMEOUT_MS)
  }

  static shutAll(): void {
    for (const gate of open) gate.#shut()
  }
}

const shutAll = () => CallGate.shutAll()
