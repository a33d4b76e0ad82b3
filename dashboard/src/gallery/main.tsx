import { DashboardClient } from '@fleetwire/client'
import { createMemoryHistory } from '@tanstack/react-router'
import { type ReactNode, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { App } from '../app/app.tsx'
import { makeRouter } from '../app/router.tsx'
import { useSession } from '../app/session.ts'
import { startTheme } from '../app/theme.ts'
import { listenToKeys } from '../keys/shortcuts.ts'
import { scriptedFetch, scriptedSocket } from './scripted-server.ts'
import { type GalleryState, scriptOf, states } from './states.ts'
import '../styles/main.css'

/** Shows any state of any page from fixtures (`#fleet-lost`); without a hash, the list of states. */
startTheme()
listenToKeys()
addEventListener('hashchange', () => {
  // The “Skip to content” link of every page sets `#main`.
  if (location.hash !== '#main') showWanted()
})
let root: Root | undefined
showWanted()

function showWanted(): void {
  root?.unmount()
  const before = useSession.getState()
  if (before.state === 'in') before.client.close()
  root = createRoot(document.getElementById('root')!)
  const state = states.find(({ id }) => id === location.hash.slice(1))
  root.render(state === undefined ? <Index /> : shown(state))
}

function shown({ path, login, ...rest }: GalleryState): ReactNode {
  const script = scriptOf({ path, ...rest })
  if (login !== undefined)
    useSession.setState(login === 'none' ? { state: 'out' } : { state: 'out', problem: login }, true)
  else {
    globalThis.fetch = scriptedFetch(script.records, script.mood)
    const client = new DashboardClient({ url: 'http://gallery.invalid', token: 'none', socket: scriptedSocket(script) })
    useSession.setState({ state: 'in', token: 'none', client }, true)
  }
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }))
  return (
    <StrictMode>
      <App router={router} />
    </StrictMode>
  )
}

function Index() {
  return (
    <main className="h-full overflow-auto p-6">
      <h1 className="pb-3 text-title font-semibold">Every state</h1>
      <ul className="grid gap-1 tablet:grid-cols-2 desktop:grid-cols-3">
        {states.map(({ id, title }) => (
          <li key={id}>
            <a href={`#${id}`} className="text-accent hover:underline">
              {title}
            </a>
          </li>
        ))}
      </ul>
    </main>
  )
}
