import type { seededRandom } from './random.ts'
import type { Wire } from './wire.ts'

/** Destroys each socket once per period, at its own phase, and sometimes its successor during its first frames. */
export function jitter(wires: readonly Wire[], periodMs: number, random: ReturnType<typeof seededRandom>) {
  const timers = new Map<Wire, NodeJS.Timeout>()
  const cutLater = (wire: Wire, delayMs: number) => {
    const cut = () => {
      wire.cut()
      if (random.next() < 0.3) wire.cutAfter(1 + random.below(12))
      cutLater(wire, periodMs)
    }
    timers.set(wire, setTimeout(cut, delayMs))
  }
  for (const wire of wires) cutLater(wire, random.next() * periodMs)
  return {
    /** Stops destroying sockets, and returns how many were destroyed. */
    stop(): number {
      for (const timer of timers.values()) clearTimeout(timer)
      for (const wire of wires) wire.cutAfter(Number.POSITIVE_INFINITY)
      return wires.reduce((sum, { cuts }) => sum + cuts, 0)
    },
  }
}
