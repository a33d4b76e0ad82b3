import { DashboardClient } from '@fleetwire/client'
import { createMemoryHistory } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from '../app/app.tsx'
import { makeRouter } from '../app/router.tsx'
import { useSession } from '../app/session.ts'
import { startTheme } from '../app/theme.ts'
import { listenToKeys } from '../keys/shortcuts.ts'
import { scriptedFetch, scriptedSocket } from './scripted-server.ts'
import { type GalleryState, scriptOf, states } from './states.ts'
import '../styles/main.css'

/** Every state of every page, from fixtures: `?state=fleet-lost`. Without one, the list of them. */
const wanted = new URLSearchParams(location.search).get('state')
const state = states.find(({ id }) => id === wanted)
const root = createRoot(document.getElementById('root')!)

startTheme()
if (state === undefined) root.render(<Index />)
else show(state)

function show({ path, login, ...rest }: GalleryState): void {
  const script = scriptOf({ path, ...rest })
  if (login !== undefined)
    useSession.setState(login === 'none' ? { state: 'out' } : { state: 'out', problem: login }, true)
  else {
    globalThis.fetch = scriptedFetch(script.records, script.mood)
    const client = new DashboardClient({ url: 'http://gallery.invalid', token: 'none', socket: scriptedSocket(script) })
    useSession.setState({ state: 'in', token: 'none', client }, true)
  }
  listenToKeys()
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }))
  root.render(
    <StrictMode>
      <App router={router} />
    </StrictMode>,
  )
}

function Index() {
  return (
    <main className="h-full overflow-auto p-6">
      <h1 className="pb-3 text-title font-semibold">Every state</h1>
      <ul className="grid gap-1 tablet:grid-cols-2 desktop:grid-cols-3">
        {states.map(({ id, title }) => (
          <li key={id}>
            <a href={`?state=${id}`} className="text-accent hover:underline">
              {title}
            </a>
          </li>
        ))}
      </ul>
    </main>
  )
}
