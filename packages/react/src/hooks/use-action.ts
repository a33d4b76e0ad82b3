import type { LocalError, RequestResult } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { useCallback, useEffect, useRef, useState } from 'react'

export interface Action<A, R> {
  /** Resolves with the result; never rejects. */
  run(argument: A): Promise<RequestResult<R>>
  /** Whether a request is in progress. */
  readonly pending: boolean
  /** The error of the last result. */
  readonly error: WireError | LocalError | undefined
}

/** A request with its state, for a button. There are no optimistic updates: show `pending`. */
export function useAction<A = void, R = object>(fn: (argument: A) => Promise<RequestResult<R>>): Action<A, R> {
  const latest = useRef(fn)
  useEffect(() => {
    latest.current = fn
  })
  const [running, setRunning] = useState(0)
  const [error, setError] = useState<WireError | LocalError>()
  const run = useCallback(async (argument: A) => {
    setRunning(count => count + 1)
    setError(undefined)
    const result = await latest.current(argument)
    setRunning(count => count - 1)
    if (!result.ok) setError(result.error)
    return result
  }, [])
  return { run, pending: running > 0, error }
}
