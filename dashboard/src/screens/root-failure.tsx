import type { ErrorComponentProps } from '@tanstack/react-router'
import { Button } from '../ui/button.tsx'

/** The last resort when a screen throws. The fleet is not affected. */
export function RootFailure({ error, reset }: ErrorComponentProps) {
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-3 px-6 text-center">
      <p className="text-title font-medium">This page failed to render.</p>
      <p className="max-w-xl text-text2">
        Your agents are not affected.{' '}
        <code className="font-mono text-code">{error instanceof Error ? error.message : String(error)}</code>
      </p>
      <div className="flex gap-2">
        <Button onClick={reset}>Try again</Button>
        <Button onClick={() => location.reload()}>Reload the page</Button>
      </div>
    </div>
  )
}
