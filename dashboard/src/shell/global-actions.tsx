import { useRouter } from '@tanstack/react-router'
import { leave } from '../app/session.ts'
import { switchTheme } from '../app/theme.ts'
import { type Shortcut, useShortcuts } from '../keys/shortcuts.ts'
import { places } from './navigation.tsx'

/** What can be done from everywhere. */
export function GlobalActions() {
  const router = useRouter()
  useShortcuts([
    ...places.map(
      (place): Shortcut => ({
        keys: `g ${place.key}`,
        label: `Go to ${place.label}`,
        group: 'Go to',
        run: () => void router.navigate({ to: place.to }),
      }),
    ),
    { keys: 't', label: 'Switch between dark and light', group: 'View', run: switchTheme },
    { keys: '', label: 'Log out in this tab', group: 'View', run: () => leave() },
  ])
  return null
}
