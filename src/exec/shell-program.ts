import type { AgentTerminal } from '@fleetwire/client'
import type { OutputTail } from './output-tail.ts'
import { PipeProcess, type PipeProcessOptions } from './pipe-process.ts'
import type { Pty, PtyExit } from './pty.ts'
import { ReaderPace } from './reader-pace.ts'

/** A running command, as its terminal on the server uses it. */
export interface ShellProgram {
  readonly pid: number
  readonly exited: Promise<PtyExit>
  /** Types keys. */
  write(data: string): void
  /** Takes piped input. */
  feed(bytes: Uint8Array, eof: boolean): void
  /** The reader of all output has received everything before this offset. */
  read(offset: number): void
  resize(cols: number, rows: number): void
  /** Passes on the remaining output and releases all resources. */
  close(): void
}

export class TerminalProgram implements ShellProgram {
  readonly #pty: Pty

  constructor(pty: Pty) {
    this.#pty = pty
  }

  get pid(): number {
    return this.#pty.pid
  }

  get exited(): Promise<PtyExit> {
    return this.#pty.exited
  }

  write(data: string): void {
    this.#pty.write(data)
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows)
  }

  close(): void {
    this.#pty.close()
  }

  // A terminal takes keys, not piped input.
  feed(): void {}
  read(): void {}
}

type Terminal = Pick<AgentTerminal, 'write' | 'taken'>
type Started = Omit<PipeProcessOptions, 'onData' | 'onTaken'> & { tail: OutputTail; terminal: Terminal }

const LF = 0x0a
const CR = 0x0d

/**
 * A command on pipes. Viewers see its output as a terminal would show it, with each LF as CR LF. Since every LF gets a
 * CR, a reader gets the original bytes back by removing one CR before each LF.
 */
export class PipedProgram implements ShellProgram {
  readonly #process: PipeProcess
  readonly #pace: ReaderPace

  static async start({ tail, terminal, ...options }: Started): Promise<PipedProgram> {
    const pace = new ReaderPace(options.clock)
    const process = await PipeProcess.start({
      ...options,
      onData: bytes => {
        tail.append(bytes)
        const shown = asTerminalLines(bytes)
        const waits = [terminal.write(shown), pace.wrote(shown.length)].filter(wait => wait !== undefined)
        return waits.length === 0 ? undefined : Promise.all(waits).then(() => {})
      },
      onTaken: bytes => terminal.taken(bytes),
    })
    return new PipedProgram(process, pace)
  }

  private constructor(process: PipeProcess, pace: ReaderPace) {
    this.#process = process
    this.#pace = pace
  }

  get pid(): number {
    return this.#process.pid
  }

  get exited(): Promise<PtyExit> {
    return this.#process.exited
  }

  feed(bytes: Uint8Array, eof: boolean): void {
    this.#process.feed(bytes, eof)
  }

  read(offset: number): void {
    this.#pace.read(offset)
  }

  close(): void {
    this.#process.close()
    // Only now, so that the remaining output was written without waiting for the reader.
    this.#pace.stop()
  }

  // Pipes have no keys and no size.
  write(): void {}
  resize(): void {}
}

/** Puts a CR before each LF. */
export function asTerminalLines(bytes: Uint8Array): Uint8Array {
  let lines = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++
  if (lines === 0) return bytes
  const shown = new Uint8Array(bytes.length + lines)
  let from = 0
  let to = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, from)) {
    shown.set(bytes.subarray(from, at), to)
    to += at - from
    shown[to++] = CR
    shown[to++] = LF
    from = at + 1
  }
  shown.set(bytes.subarray(from), to)
  return shown
}
