const [BUSY, SHUT] = [0, 1]
/** A commit takes milliseconds, a checkpoint tenths of a second. Beyond this the disk hangs, and the exit goes first. */
const SHUT_TIMEOUT_MS = 5000

const open = new Set<CallGate>()

/**
 * Says whether the worker is inside SQLite, and keeps it out for good. The package's driver aborts the whole process
 * (an uncaught Napi::Error) when its thread is torn down in the middle of a call, as `process.exit` and an uncaught
 * error do: a clean exit would end in SIGABRT. So the exit of the process waits at this gate for the call under way.
 */
export class CallGate {
  readonly #cells: Int32Array<SharedArrayBuffer>

  /** Both threads make one over the same memory; a new one is busy, as the worker begins by opening the file. */
  constructor(shared?: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared ?? new SharedArrayBuffer(8))
    if (shared === undefined) Atomics.store(this.#cells, BUSY, 1)
  }

  get shared(): SharedArrayBuffer {
    return this.#cells.buffer
  }

  /** Worker: before a call. False: the process is ending, and the call must not be made. */
  enter(): boolean {
    Atomics.store(this.#cells, BUSY, 1)
    if (Atomics.load(this.#cells, SHUT) === 0) return true
    this.leave()
    return false
  }

  /** Worker: after a call. */
  leave(): void {
    Atomics.store(this.#cells, BUSY, 0)
    Atomics.notify(this.#cells, BUSY)
  }

  /** Owner: from now until `unguard`, the exit of the process waits for the call under way. */
  guard(): void {
    // One listener however many logs there are: Node warns of a leak at eleven.
    if (open.size === 0) process.on('exit', shutAll)
    open.add(this)
  }

  /** Owner: the worker has ended. */
  unguard(): void {
    open.delete(this)
    if (open.size === 0) process.off('exit', shutAll)
  }

  #shut(): void {
    // First the sign, then the look, while the worker does the reverse: one of them sees the other.
    Atomics.store(this.#cells, SHUT, 1)
    if (Atomics.load(this.#cells, BUSY) === 1) Atomics.wait(this.#cells, BUSY, 1, SHUT_TIMEOUT_MS)
  }

  static shutAll(): void {
    for (const gate of open) gate.#shut()
  }
}

const shutAll = () => CallGate.shutAll()
