import type { ITheme } from '@xterm/xterm'

/** Colours that have no design token. */
const magenta = { dark: '#c792ff', light: '#8a3ffc' }
const cyan = { dark: '#56d4dd', light: '#0b6e78' }

/** The terminal's colours, from the design tokens of the shown theme. */
export function terminalTheme(): ITheme {
  const root = document.documentElement
  const styles = getComputedStyle(root)
  const token = (name: string) => styles.getPropertyValue(`--${name}`).trim()
  const theme = root.dataset.theme === 'light' ? 'light' : 'dark'
  const isLight = theme === 'light'
  const [text, card] = [token('text'), token('card')]
  const black = isLight ? text : token('selected')
  const white = isLight ? token('selected') : text
  return {
    background: card,
    foreground: text,
    cursor: token('accent'),
    cursorAccent: card,
    selectionBackground: `${token('accent')}55`,
    black,
    red: token('bad'),
    green: token('ok'),
    yellow: token('needs'),
    blue: token('work'),
    magenta: magenta[theme],
    cyan: cyan[theme],
    white,
    brightBlack: token('text3'),
    brightRed: token('bad'),
    brightGreen: token('ok'),
    brightYellow: token('warn'),
    brightBlue: token('accent'),
    brightMagenta: magenta[theme],
    brightCyan: cyan[theme],
    brightWhite: isLight ? token('page') : '#ffffff',
  }
}
