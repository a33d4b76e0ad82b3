import { useRouter } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { leave } from '../app/session.ts'
import { switchTheme } from '../app/theme.ts'
import { type Shortcut, useShortcuts } from '../keys/shortcuts.ts'
import { Help } from './help.tsx'
import { places } from './navigation.tsx'

const PRELOAD_MS = 1000
const loadPalette = () => import('./palette.tsx')
/** Not part of the first load, but preloaded before anybody opens it. */
const Palette = lazy(() => loadPalette().then(module => ({ default: module.Palette })))

/** Actions available on every screen, and the two overlays (palette and help) that list actions. */
export function GlobalActions() {
  const router = useRouter()
  const [overlay, setOverlay] = useState<'palette' | 'help'>()
  useEffect(() => void setTimeout(loadPalette, PRELOAD_MS), [])
  const isOpen = (name: typeof overlay) => (open: boolean) => setOverlay(open ? name : undefined)
  useShortcuts([
    {
      keys: 'mod+k',
      label: 'Actions and agents',
      group: 'Go to',
      inInputs: true,
      keyOnly: true,
      run: () => setOverlay('palette'),
    },
    ...places.map(
      (place): Shortcut => ({
        keys: `g ${place.key}`,
        label: `Go to ${place.label}`,
        group: 'Go to',
        run: () => void router.navigate({ to: place.to }),
      }),
    ),
    { keys: '?', label: 'Show all keys', group: 'View', run: () => setOverlay('help') },
    { keys: 't', label: 'Switch between dark and light', group: 'View', run: switchTheme },
    { keys: '', label: 'Log out in this tab', group: 'View', run: () => leave() },
  ])
  return (
    <>
      <Suspense>
        <Palette open={overlay === 'palette'} onOpenChange={isOpen('palette')} />
      </Suspense>
      <Help open={overlay === 'help'} onOpenChange={isOpen('help')} />
    </>
  )
}
