/** The calls that a benchmark process serves for its parent (`start-role.ts`). */
// biome-ignore lint/suspicious/noExplicitAny: arguments and results can be anything that the IPC channel can send
export type Calls = Record<string, (...args: any[]) => unknown>

export interface Asked {
  id: number
  name: string
  args: unknown[]
}

export type Answered = { id: number; value: unknown } | { id: number; error: string }

/** Serves calls until the parent disconnects; then the process exits, whatever is still open. */
export function serveCalls<C extends Calls>(calls: C): C {
  process.on('message', async ({ id, name, args }: Asked) => {
    try {
      process.send!({ id, value: await calls[name]!(...args) } satisfies Answered)
    } catch (error) {
      process.send!({ id, error: (error as Error).stack ?? String(error) } satisfies Answered)
    }
  })
  process.on('disconnect', () => process.exit())
  return calls
}

/** Milliseconds on a clock that all processes of a machine share. */
export const sharedNow = (): number => Number(process.hrtime.bigint() / 1000n) / 1000
