import { useConnection } from '@fleetwire/react'
import { type ComponentType, useEffect, useState } from 'react'
import { Loading, Problem, SkeletonLine } from '../../ui/states.tsx'

/** Loads a view when it is first shown. A failure is shown, and the next connection retries. */
export function lazyView<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  let loaded: ComponentType<P> | undefined
  const get = async () => {
    loaded ??= (await load()).default
    return loaded
  }

  function LazyView(props: P) {
    const { state } = useConnection()
    const [View, setView] = useState(() => loaded)
    const [attempt, setAttempt] = useState(0)
    const [failure, setFailure] = useState<string>()
    // biome-ignore lint/correctness/useExhaustiveDependencies: a new connection and a click trigger new attempts
    useEffect(() => {
      if (View !== undefined) return
      let isOver = false
      get().then(
        view => isOver || setView(() => view),
        error => isOver || setFailure(error instanceof Error ? error.message : String(error)),
      )
      return () => {
        isOver = true
      }
    }, [View, attempt, state === 'online'])
    if (View !== undefined) return <View {...props} />
    if (failure !== undefined) {
      return (
        <Problem
          title="This part of the page could not be loaded."
          error={{ code: 'offline', message: 'It will be loaded when the connection is back.' }}
          onRetry={() => {
            setFailure(undefined)
            setAttempt(count => count + 1)
          }}
        />
      )
    }
    return (
      <Loading>
        <div className="flex flex-col gap-2 p-4">
          <SkeletonLine className="w-1/2" />
          <SkeletonLine className="w-1/3" />
        </div>
      </Loading>
    )
  }
  /** Loads the view ahead of time, in case the connection drops. */
  LazyView.prefetch = () => void get().catch(() => {})
  return LazyView
}
