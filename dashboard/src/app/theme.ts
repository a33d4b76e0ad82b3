import { usePreferences } from './preferences.ts'

const prefersDark = matchMedia('(prefers-color-scheme: dark)')

export type ShownTheme = 'dark' | 'light'

export const shownTheme = (): ShownTheme => {
  const { theme } = usePreferences.getState()
  return theme === 'system' ? (prefersDark.matches ? 'dark' : 'light') : theme
}

/** Keeps the page's `data-theme` in sync with the chosen theme; `system` follows the OS. */
export function startTheme(): void {
  const apply = () => {
    document.documentElement.dataset.theme = shownTheme()
  }
  apply()
  prefersDark.addEventListener('change', apply)
  usePreferences.subscribe(apply)
}

export const switchTheme = (): void =>
  usePreferences.getState().set({ theme: shownTheme() === 'dark' ? 'light' : 'dark' })
