export interface PublishOptions {
  /** Events published per turn of the event loop. */
  perTurn: number
  turnsPerSecond: number
  durationMs: number
}

/** Publishes one event per turn of the event loop, without pauses; resolves with the total CPU time, ms. */
export async function publishFlatOut(events: number, publish: (n: number) => void): Promise<number> {
  const before = process.cpuUsage()
  for (let n = 0; n < events; n++) {
    publish(n)
    await new Promise(resolve => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Publishes one event per turn of the event loop while `isWanted`; resolves with the number of events. */
export async function publishWhile(isWanted: (n: number) => boolean, publish: () => void): Promise<number> {
  let n = 0
  for (; isWanted(n); n++) {
    publish()
    await new Promise(resolve => setImmediate(resolve))
  }
  return n
}

/** Publishes `perTurn` events per turn, at `turnsPerSecond`; resolves with the number of events. */
export async function publishAt(
  { perTurn, turnsPerSecond, durationMs }: PublishOptions,
  publish: (n: number) => void,
): Promise<number> {
  const startedAt = performance.now()
  let turns = 0
  let events = 0
  while (performance.now() - startedAt < durationMs) {
    const dueMs = startedAt + (turns * 1000) / turnsPerSecond - performance.now()
    if (dueMs > 1) await new Promise(resolve => setTimeout(resolve, dueMs))
    else await new Promise(resolve => setImmediate(resolve))
    if (performance.now() < startedAt + (turns * 1000) / turnsPerSecond) continue
    for (let i = 0; i < perTurn; i++) publish(events++)
    turns++
  }
  return events
}
