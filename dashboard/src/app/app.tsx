import { CSPProvider } from '@base-ui/react/csp-provider'
import { Tooltip } from '@base-ui/react/tooltip'
import { FleetwireProvider } from '@fleetwire/react'
import { RouterProvider } from '@tanstack/react-router'
import { LoginScreen } from '../screens/login/login-screen.tsx'
import type { Router } from './router.tsx'
import { useSession } from './session.ts'

/** The whole page: the login screen, or the fleet once the user is logged in. */
export function App({ router }: { router: Router }) {
  const session = useSession()
  if (session.state === 'entering') return null
  if (session.state === 'out') return <LoginScreen problem={session.problem} />
  return (
    // No `<style>` elements: the Content-Security-Policy refuses them.
    <CSPProvider disableStyleElements>
      <Tooltip.Provider delay={400}>
        <FleetwireProvider client={session.client} key={session.token}>
          <RouterProvider router={router} />
        </FleetwireProvider>
      </Tooltip.Provider>
    </CSPProvider>
  )
}
