/** The pressed keys in shortcut notation: `mod+k`, `shift+j`, `?`, `escape`. `mod` is ⌘ on a Mac, Ctrl elsewhere. */
export function pressed(event: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'shiftKey' | 'altKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase().replace(/^arrow/, '')
  const isLetter = /^[a-z]$/.test(key)
  return [
    (event.metaKey || event.ctrlKey) && 'mod+',
    event.altKey && 'alt+',
    // `?` and `:` already imply Shift on many keyboards.
    event.shiftKey && (isLetter || event.key.length > 1) && 'shift+',
    key,
  ]
    .filter(Boolean)
    .join('')
}

export interface Matched {
  /** The shortcut whose keys are complete. */
  match?: string
  /** The keys pressed so far of a longer shortcut: `g` of `g f`. */
  pending: string
}

/** Adds one key to a sequence. The keys of a sequence are separated by spaces: `g f`. */
export function nextKey(pending: string, key: string, shortcuts: readonly string[]): Matched {
  const sequence = pending === '' ? key : `${pending} ${key}`
  if (shortcuts.includes(sequence)) return { match: sequence, pending: '' }
  if (shortcuts.some(keys => keys.startsWith(`${sequence} `))) return { pending: sequence }
  // The sequence matches nothing: the key starts a new one.
  return pending === '' ? { pending: '' } : nextKey('', key, shortcuts)
}

/** The keys as shown to people: `⌘K`, `⇧J`, `G F`. */
export function keyNames(keys: string, isMac: boolean): string {
  const names: Record<string, string> = {
    escape: 'Esc',
    enter: 'Enter',
    up: '↑',
    down: '↓',
    left: '←',
    right: '→',
  }
  return keys
    .split(' ')
    .map(part => {
      const words = part === '+' ? ['+'] : part.split('+')
      const key = words.at(-1)!
      const before = words.slice(0, -1).map(word => {
        if (word === 'mod') return isMac ? '⌘' : 'Ctrl+'
        if (word === 'shift') return '⇧'
        return isMac ? '⌥' : 'Alt+'
      })
      return before.join('') + (names[key] ?? key.toUpperCase())
    })
    .join(' ')
}
