import type { IBuffer, IBufferLine, Terminal } from '@xterm/headless'
import { systemClock } from '../clock.ts'

/** Lines between two checks of the clock. */
const LINES = 16

class TooLong extends Error {}

/** Calls `read` with a view of the terminal. Returns undefined if reading its lines takes longer than `budgetMs`. */
export function within<T>(budgetMs: number, terminal: Terminal, read: (view: Terminal) => T): T | undefined {
  const until = systemClock.monotonic() + budgetMs
  let lines = 0
  const count = () => {
    if (++lines % LINES === 0 && systemClock.monotonic() > until) throw new TooLong()
  }
  try {
    return read(view(terminal, count))
  } catch (error) {
    if (error instanceof TooLong) return undefined
    throw error
  }
}

function view(terminal: Terminal, onLine: () => void): Terminal {
  const counted = (buffer: IBuffer): IBuffer =>
    overlay(buffer, {
      getLine(y: number): IBufferLine | undefined {
        onLine()
        const line = buffer.getLine(y)
        // xterm does not shorten the lines of the alternate screen when the terminal gets narrower.
        return line && line.length > terminal.cols ? overlay(line, { length: terminal.cols }) : line
      },
    })
  const { active, normal, alternate } = terminal.buffer
  const buffer = { active: counted(active), normal: counted(normal), alternate: counted(alternate) }
  return overlay(terminal, { buffer: overlay(terminal.buffer, buffer) })
}

/** A view of an object with some of its members replaced. */
function overlay<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => (key in members ? members[key as keyof T] : Reflect.get(target, key, target)),
  })
}
