/** What a process of a benchmark can be asked by the one that started it (`start-role.ts`). */
// biome-ignore lint/suspicious/noExplicitAny: arguments and results are what structured cloning takes
export type Calls = Record<string, (...args: any[]) => unknown>

export interface Asked {
  id: number
  name: string
  args: unknown[]
}

export type Answered = { id: number; value: unknown } | { id: number; error: string }

/** Answers calls until the parent lets go; then the process ends, whatever it still holds. */
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
