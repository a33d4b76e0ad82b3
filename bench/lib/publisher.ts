export interface PublishOptions {
  /** Events that are published in one turn of the event loop. */
  perTurn: number
  turnsPerSecond: number
  durationMs: number
}

/** Calls `publish` for each event, so many in a turn, so many turns a second; resolves with the number of events. */
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
